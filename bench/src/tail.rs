//! A reader of an outbound topic that notices who writes, and that nothing is missing or repeated.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use adapter_kafka::{Record, Start, Step, TopicReader};
use anyhow::{Context as _, bail};
use crossbeam_channel::{Receiver, Sender};
use daemon::clock;
use ports::headers;
use types::{Offset, Tick, Timestamp, TopicName};

use crate::cluster::Cluster;

/// How long one look waits.
const LOOK: Duration = Duration::from_millis(100);

/// The first record of another writer than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Header `esp-writer`.
    pub(crate) writer: String,
    /// When it arrived here.
    pub(crate) at: Tick,
    /// When the last record of the writer before arrived.
    pub(crate) before: Tick,
    /// How much later the brokers appended it than that one, by their clocks of milliseconds.
    pub(crate) in_log: Duration,
}

/// Reads on a thread of its own until it is dropped.
pub(crate) struct Tail {
    pub(crate) changes: Receiver<anyhow::Result<Change>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tail {
    pub(crate) fn start(cluster: &Cluster, topic: &TopicName) -> anyhow::Result<Self> {
        let mut reader = TopicReader::open(&cluster.settings, topic, Start::At(Offset(0)))?;
        let (tell, changes) = crossbeam_channel::unbounded();
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            let failed = follow(&mut reader, &tell, &seen).err();
            // Whoever waits hears of it; nobody waits any more when this was dropped.
            failed.into_iter().for_each(|error| _ = tell.send(Err(error)));
        });
        Ok(Self { changes, ended, thread: Some(thread) })
    }

    /// Waits for the first record of a writer whose name begins like this.
    pub(crate) fn wait_for(&self, writer: &str, patience: Duration) -> anyhow::Result<Change> {
        loop {
            let change = self.changes.recv_timeout(patience).with_context(|| format!("{writer} wrote nothing"))??;
            if change.writer.starts_with(writer) {
                return Ok(change);
            }
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn follow(reader: &mut TopicReader, tell: &Sender<anyhow::Result<Change>>, ended: &AtomicBool) -> anyhow::Result<()> {
    let (mut next, mut last) = (0, String::new());
    let (mut before, mut appended) = (Tick::default(), Timestamp::default());
    while !ended.load(Ordering::Relaxed) {
        let Step::Record(record) = reader.step(LOOK)? else { continue };
        let at = clock::now();
        let Some(index) = index(&record) else { continue };
        if index != next {
            bail!("output harmed: index {index} at offset {} where {next} belongs", record.offset);
        }
        next += 1;
        let writer = record.header_text(headers::WRITER).unwrap_or_default();
        if writer != last {
            writer.clone_into(&mut last);
            let micros = u64::try_from(record.timestamp.0 - appended.0).unwrap_or(0);
            tell.send(Ok(Change { writer: last.clone(), at, before, in_log: Duration::from_micros(micros) }))?;
        }
        (before, appended) = (at, record.timestamp);
    }
    Ok(())
}

/// Only the fence has none.
fn index(record: &Record) -> Option<u64> {
    record.header_text(headers::INDEX)?.parse().ok()
}
