//! The raw copy, a process of its own: the daemon's consumer and the daemon's appender with nothing in between.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use adapter_kafka::{ClientSettings, KafkaInput};
use appender::machine::Layout;
use clap::Args;
use ports::input::{InboundBatch, InputLog as _, ReadBounds};
use ports::output::OutputCommand;
use types::{MessageId, Offset, TopicName};

use crate::cluster::{Cluster, Topics};
use crate::process::{Program, end_with_input};
use crate::writer::{Writer, record};

/// The hidden part's name.
pub(crate) const NAME: &str = "copy";

// The daemon's own bounds, so that nothing but the engine differs.
/// Records of one read at most.
const RUN_RECORDS_MAX: usize = 1_024;
/// Payload bytes of one read at most.
const RUN_BYTES_MAX: usize = 1 << 20;
/// How long one read waits.
const READ_WAIT: Duration = Duration::from_millis(20);
/// How often a copy that stands still looks whether it may go on.
const STANDSTILL: Duration = Duration::from_micros(500);
/// Records without an acknowledgement; at the bound nothing is read.
const UNACKNOWLEDGED_MAX: u64 = 1 << 16;

/// What is copied where.
#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    bootstrap: String,
    from: String,
    to: String,
    /// Payload bytes of each record that is written: what was read, cut or filled up.
    payload_bytes: usize,
}

/// Starts it as a child process.
pub(crate) fn start(cluster: &Cluster, topics: &Topics, payload_bytes: usize) -> anyhow::Result<Program> {
    let size = payload_bytes.to_string();
    Program::part(NAME, &[&cluster.bootstrap, topics.inbound.as_str(), topics.bare.as_str(), &size])
}

/// Copies until it is killed.
pub(crate) fn run(args: &CopyArgs) -> anyhow::Result<()> {
    end_with_input();
    let name = format!("copy.{}", daemon::clock::wall_micros());
    let writer = Writer::open(&args.bootstrap, &TopicName(args.to.clone()), Layout::Sole, &name)?;
    writer.opened()?;
    writer.send(OutputCommand::Write)?;
    copy(&args.bootstrap, &args.from, &writer, args.payload_bytes, &AtomicU64::new(0))
}

/// Hands every record of a topic, from its beginning on, to a writer; whether that one writes or follows is its own matter.
/// `copied` says how many so far.
pub(crate) fn copy(
    bootstrap: &str,
    from: &str,
    writer: &Writer,
    payload_bytes: usize,
    copied: &AtomicU64,
) -> anyhow::Result<()> {
    let settings = ClientSettings::new(bootstrap, None, None)?;
    let mut input = KafkaInput::open(&settings, &TopicName(from.to_owned()), Offset(0))?;
    let (mut batch, mut next) = (InboundBatch::default(), 0_u64);
    loop {
        let room = UNACKNOWLEDGED_MAX.saturating_sub(next.saturating_sub(writer.published())) as usize;
        if room == 0 {
            writer.check()?;
            thread::park_timeout(STANDSTILL);
            continue;
        }
        batch.clear();
        let bounds = ReadBounds { records_max: room.min(RUN_RECORDS_MAX), bytes_max: RUN_BYTES_MAX };
        input.read(&mut batch, bounds, READ_WAIT)?;
        let mut records = Vec::with_capacity(batch.heads.len());
        for head in &batch.heads {
            let Some(payload) = batch.payload(head) else { continue };
            let mut bytes = Vec::with_capacity(payload_bytes);
            bytes.extend_from_slice(&payload[..payload.len().min(payload_bytes)]);
            bytes.resize(payload_bytes, 0);
            records.push(record(next, MessageId(head.offset.0), head.timestamp, bytes));
            next += 1;
        }
        if !records.is_empty() {
            writer.send(OutputCommand::Push(records))?;
            copied.store(next, Ordering::Relaxed);
        }
    }
}
