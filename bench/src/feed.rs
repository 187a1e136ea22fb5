//! The inbound topic's publisher: small records of one event each, as fast as it goes or at a rate.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use appender::machine::Layout;
use ports::headers::SourceHeader;
use ports::output::{OutputCommand, SourcedRecord};
use proto::{Encoder, EncoderOptions, Format};
use types::{Schema, SourceId, SourcePosition};

use crate::cluster::{Cluster, Topics};
use crate::model;
use crate::writer::Writer;

/// Different payloads; they come again and again.
const PAYLOADS: usize = 1_000;
/// Records on their way without an acknowledgement; at the bound no further one is made.
const UNACKNOWLEDGED_MAX: u64 = 20_000;
/// Records handed over together while there is no rate.
const TOGETHER: u64 = 500;
/// How often a publisher that has to wait looks again.
const LOOK_EVERY: Duration = Duration::from_micros(500);
/// Who publishes.
const SOURCE: &str = "readings.csv";

/// A publisher and what it publishes.
pub(crate) struct Feed {
    writer: Writer,
    payloads: Vec<Vec<u8>>,
    next: u64,
}

impl Feed {
    /// Opens the inbound topic.
    pub(crate) fn open(cluster: &Cluster, topics: &Topics) -> anyhow::Result<Self> {
        let layout = Layout::Shared { source: SourceId(SOURCE.to_owned()) };
        let writer = Writer::open(&cluster.bootstrap, &topics.inbound, layout, "bench-publisher")?;
        writer.opened()?;
        writer.send(OutputCommand::Write)?;
        Ok(Self { writer, payloads: payloads()?, next: 0 })
    }

    /// Bytes of one payload, the largest.
    pub(crate) fn payload_bytes(&self) -> usize {
        self.payloads.iter().map(Vec::len).max().unwrap_or_default()
    }

    /// Publishes so many records as fast as it goes, and waits until the last one is acknowledged.
    pub(crate) fn fill(&mut self, records: u64) -> anyhow::Result<()> {
        let end = self.next + records;
        while self.writer.published() < end {
            if self.next < end && self.next - self.writer.published() < UNACKNOWLEDGED_MAX {
                self.push(TOGETHER.min(end - self.next))?;
            } else {
                self.writer.check()?;
                thread::sleep(LOOK_EVERY);
            }
        }
        Ok(())
    }

    /// Publishes one record after the other at a steady rate; `before` hears of each and ends it by `false`.
    pub(crate) fn steady(&mut self, per_second: u32, mut before: impl FnMut() -> bool) -> anyhow::Result<()> {
        let (began, first) = (Instant::now(), self.next);
        loop {
            let due = began + Duration::from_secs(1).mul_f64((self.next - first) as f64 / f64::from(per_second));
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if !before() {
                return self.writer.check();
            }
            self.push(1)?;
        }
    }

    fn push(&mut self, records: u64) -> anyhow::Result<()> {
        let some = (self.next..self.next + records).map(|index| self.record(index)).collect();
        self.next += records;
        self.writer.send(OutputCommand::PushSourced(some))
    }

    fn record(&self, index: u64) -> SourcedRecord {
        let payload = self.payloads[index as usize % self.payloads.len()].clone();
        let position = SourcePosition { index, row: index, byte: index * payload.len() as u64 };
        let source = SourceHeader { id: SourceId(SOURCE.to_owned()), position, last_row_hash: index };
        SourcedRecord { source, payload }
    }
}

/// One event each, as `bench/project.xml` wants them.
fn payloads() -> anyhow::Result<Vec<Vec<u8>>> {
    let schema: Arc<Schema> = Arc::new(model::WIRE_SCHEMA.parse()?);
    let block = model::readings(&schema, PAYLOADS)?;
    let mut encoder = Encoder::new(Format::Binary, Arc::clone(&schema), EncoderOptions::default())?;
    let mut payloads = Vec::new();
    for row in 0..PAYLOADS {
        encoder.encode(&block, row..row + 1, &mut |part| payloads.push(part.to_vec()));
    }
    Ok(payloads)
}
