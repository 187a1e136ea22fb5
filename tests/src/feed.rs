//! A producer of one's own: rows into an inbound topic, each once and in order, without an adapter.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use appender::batch::Compression;
use appender::connection::{LinkOptions, LinkSettings};
use appender::driver::{self, OutputHandle};
use appender::machine::{Bounds, Layout, Lifetimes, Machine, MachineConfig, Noted, Watch, producer_id};
use ports::coordinator::HostPort;
use ports::headers::SourceHeader;
use ports::output::{OutputCommand, OutputFact, OutputProgress, SourcedRecord, WriterIdentity};
use ports::security::Security;
use types::{Generation, MemberName, SourceId, SourcePosition, Timestamp, TopicName};

/// How long the brokers may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A source that publishes rows.
pub struct Feed {
    source: SourceId,
    handle: OutputHandle,
    sent: u64,
}

impl Feed {
    /// Begins to write `topic` of the cluster at `bootstrap`.
    ///
    /// # Errors
    /// Nobody leads the topic, or it can't be written.
    pub fn open(bootstrap: &str, label: &str, topic: &str, name: &str) -> anyhow::Result<Self> {
        let (source, topic) = (SourceId::from(name), TopicName::from(topic));
        let config = MachineConfig {
            producer_id: producer_id(label, &topic, Some(&source)),
            topic,
            identity: WriterIdentity {
                writer: format!("{name}.1"),
                member: MemberName::from(name),
                model: "0000000000000000.1".to_owned(),
                generation: Generation(1),
            },
            layout: Layout::Shared { source: source.clone() },
            bootstrap: bootstrap.split(',').filter_map(HostPort::parse).collect(),
            noted: Noted::default(),
            bounds: Bounds::default(),
            lifetimes: Lifetimes::default(),
            compression: Compression::None,
        };
        let options = LinkOptions { client_id: format!("understudy-{name}"), ..LinkOptions::default() };
        let settings = LinkSettings::new(&Security::default(), options)?;
        let progress = Arc::new(OutputProgress::default());
        let watch = Watch::new(Arc::clone(&progress));
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
        let make = move |now| Machine::new(config, now, wall).watched_by(watch);
        let (tell, facts) = mpsc::channel();
        let tell = Box::new(move |fact| {
            // Only the beginning is listened to.
            let _ = tell.send(fact);
        });
        let handle = driver::spawn(name, make, Arc::new(settings), progress, tell)?;
        loop {
            let fact = facts.recv_timeout(PATIENCE).context("the topic doesn't say where it ends")?;
            if let OutputFact::Blocked(block) = fact {
                bail!("{block}");
            }
            if matches!(fact, OutputFact::Opened { .. }) {
                break;
            }
        }
        handle.send(OutputCommand::Write)?;
        Ok(Self { source, handle, sent: 0 })
    }

    /// Publishes one row as a record of its own.
    ///
    /// # Errors
    /// The writer has ended.
    pub fn push(&mut self, row: &str) -> anyhow::Result<()> {
        let position = SourcePosition { index: self.sent, row: self.sent + 1, byte: self.sent };
        let source = SourceHeader { id: self.source.clone(), position, last_row_hash: 0 };
        self.sent += 1;
        let record = SourcedRecord { source, payload: format!("{row}\n").into_bytes() };
        Ok(self.handle.send(OutputCommand::PushSourced(vec![record]))?)
    }

    /// Waits until all rows are acknowledged.
    ///
    /// # Errors
    /// They aren't.
    pub fn finish(self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.handle.progress().published().0 < self.sent {
            if Instant::now() > deadline {
                bail!("only {} of {} rows are published", self.handle.progress().published(), self.sent);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(self.handle.stop()?)
    }
}
