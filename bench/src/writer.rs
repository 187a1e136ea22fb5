//! The appender on a thread of its own, as the daemon and the publisher adapter run it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use appender::batch::Compression;
use appender::connection::{LinkOptions, LinkSettings};
use appender::driver::{self, OutputHandle};
use appender::machine::{Bounds, Layout, Lifetimes, Machine, MachineConfig, Noted, Watch, producer_id};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use ports::coordinator::HostPort;
use ports::output::{OutputCommand, OutputFact, OutputProgress, WriterIdentity};
use ports::security::Security;
use types::{
    Digest, Generation, MemberName, MessageId, OutputIndex, OutputKind, OutputRecord, Tick, Timestamp, TopicName,
};

/// The generation that everything here writes under.
const GENERATION: Generation = Generation(1);
/// As long as a real fingerprint and generation: headers are half of a small record.
const MODEL: &str = "0123456789abcdef.1";
/// How long a log may take to say where it ends.
const OPEN_PATIENCE: Duration = Duration::from_secs(60);

/// A topic's writer.
pub(crate) struct Writer {
    handle: OutputHandle,
    pub(crate) facts: Receiver<OutputFact>,
}

impl Writer {
    /// `name` becomes the header `esp-writer`.
    pub(crate) fn open(bootstrap: &str, topic: &TopicName, layout: Layout, name: &str) -> anyhow::Result<Self> {
        let source = match &layout {
            Layout::Sole | Layout::Journal => None,
            Layout::Shared { source } => Some(source),
        };
        let config = MachineConfig {
            topic: topic.clone(),
            producer_id: producer_id("bench", topic, source),
            identity: WriterIdentity {
                writer: name.to_owned(),
                member: MemberName(name.to_owned()),
                model: MODEL.to_owned(),
                generation: GENERATION,
            },
            layout,
            bootstrap: bootstrap.split(',').filter_map(HostPort::parse).collect(),
            noted: Noted::default(),
            bounds: Bounds::default(),
            lifetimes: Lifetimes::default(),
            compression: Compression::Lz4,
        };
        let options = LinkOptions { client_id: format!("understudy-{name}"), ..LinkOptions::default() };
        let settings = LinkSettings::new(&Security::default(), options)?;
        let (tell, facts) = crossbeam_channel::unbounded();
        let progress = Arc::new(OutputProgress::default());
        let watch = Watch::new(Arc::clone(&progress));
        let wall = Timestamp(i64::try_from(daemon::clock::wall_micros()).unwrap_or(i64::MAX));
        let make = move |now| Machine::new(config, now, wall).watched_by(watch);
        let tell = Box::new(move |fact| {
            let _ = tell.send(fact);
        });
        let handle = driver::spawn(name, make, Arc::new(settings), progress, tell)?;
        Ok(Self { handle, facts })
    }

    /// Waits until the log's end is known.
    pub(crate) fn opened(&self) -> anyhow::Result<()> {
        loop {
            let fact = self.facts.recv_timeout(OPEN_PATIENCE).context("the log doesn't say where it ends")?;
            if let OutputFact::Opened { .. } = fact {
                return Ok(());
            }
            refuse_block(&fact)?;
        }
    }

    /// Waits for the first append of its own to be acknowledged.
    pub(crate) fn took_over(&self) -> anyhow::Result<Tick> {
        loop {
            let fact = self.facts.recv_timeout(OPEN_PATIENCE).context("no append was acknowledged")?;
            if let OutputFact::TookOver { at, .. } = fact {
                return Ok(at);
            }
            refuse_block(&fact)?;
        }
    }

    pub(crate) fn send(&self, command: OutputCommand) -> anyhow::Result<()> {
        Ok(self.handle.send(command)?)
    }

    /// One past the last record known to be committed.
    pub(crate) fn published(&self) -> u64 {
        self.handle.progress().published().0
    }

    /// Fails when the log can't be written any more.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        loop {
            match self.facts.recv_timeout(Duration::ZERO) {
                Ok(fact) => refuse_block(&fact)?,
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => bail!("the writer's thread has ended"),
            }
        }
    }
}

fn refuse_block(fact: &OutputFact) -> anyhow::Result<()> {
    if let OutputFact::Blocked(block) = fact {
        bail!("{block}");
    }
    Ok(())
}

/// A record as the daemon makes them, without its digest: nothing was computed.
pub(crate) fn record(index: u64, id: MessageId, time: Timestamp, payload: Vec<u8>) -> OutputRecord {
    OutputRecord {
        index: OutputIndex(index),
        id,
        part: 0,
        time,
        kind: OutputKind::Data,
        payload,
        digest: Digest::default(),
    }
}
