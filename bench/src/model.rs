//! The project that is measured, and its input as it comes from Kafka.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use daemon::commands::{LoadedProject, load_project};
use ports::input::{InboundBatch, InboundHead};
use proto::{Encoder, EncoderOptions, Format};
use types::{EventBlock, Flags, InputId, Offset, Opcode, Schema, Timestamp, Value};

/// Retention by count: the result depends on no time, so a run is the same however fast the machine is.
const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/sum20-count/project.xml");
/// The source window of `bench/project.xml`, which the real brokers carry.
pub(crate) const WIRE_SCHEMA: &str = "reading*:int64,meter:double,kilowatt:double,place:string";
/// Makes a payload of one event about a hundred bytes.
const PLACE: &str = "turbine hall, second row, third from the door";
/// Input time from one record to the next.
const RECORD_MICROS: i64 = 10;

pub(crate) fn load() -> anyhow::Result<LoadedProject> {
    load_project(Path::new(PROJECT))
}

/// How events come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    /// Records that are processed in one go.
    pub(crate) records: usize,
    /// Events of a record.
    pub(crate) events: usize,
}

impl Form {
    pub(crate) const fn run_events(self) -> usize {
        self.records * self.events
    }
}

/// Meter readings: neighbours differ, so that no sum stays the same.
pub(crate) fn readings(schema: &Schema, events: usize) -> anyhow::Result<EventBlock> {
    let mut block = EventBlock::new(schema);
    for row in 0..events {
        block.opcodes.push(Opcode::Insert);
        block.flags.push(Flags::NORMAL);
        // The key's value is ignored: the source window gives its own.
        let (meter, kilowatt) = ((100 + row % 7) as f64, (row * 7 % 1_000) as f64);
        // A schema without a place takes the first three.
        let values = [Value::Int64(0), Value::Double(meter), Value::Double(kilowatt), Value::String(PLACE)];
        for (column, value) in block.columns.iter_mut().zip(values) {
            column.push(value).ok().context("the project's source window has changed its fields")?;
        }
    }
    Ok(block)
}

/// One read from the inbound topic, which stands for all of them once [`Feed::advance`] has moved it on.
pub(crate) struct Feed {
    pub(crate) batch: InboundBatch,
    next: u64,
}

impl Feed {
    pub(crate) fn new(schema: &Arc<Schema>, form: Form) -> anyhow::Result<Self> {
        let block = readings(schema, form.run_events())?;
        let mut encoder = Encoder::new(Format::Binary, Arc::clone(schema), EncoderOptions::default())?;
        let mut batch = InboundBatch::default();
        for record in 0..form.records {
            let (from, row) = (batch.bytes.len(), record * form.events);
            encoder.encode(&block, row..row + form.events, &mut |part| batch.bytes.extend_from_slice(part));
            let payload = Some(from..batch.bytes.len());
            batch.heads.push(InboundHead {
                input: InputId(0),
                offset: Offset(0),
                timestamp: Timestamp(0),
                tick: false,
                source: None,
                payload,
            });
        }
        Ok(Self { batch, next: 0 })
    }

    /// The next records of the topic: new offsets and times, the same payloads.
    pub(crate) fn advance(&mut self) {
        for head in &mut self.batch.heads {
            head.offset = Offset(self.next);
            head.timestamp = Timestamp(i64::try_from(self.next).unwrap_or(i64::MAX).saturating_mul(RECORD_MICROS));
            self.next += 1;
        }
    }
}
