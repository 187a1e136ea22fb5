//! The inbound topic, as one of its writers.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use appender::connection::{LinkOptions, LinkSettings};
use appender::driver::OutputHandle;
use appender::machine::{Bounds, Layout, Lifetimes, Machine, MachineConfig, Noted, Watch, producer_id};
use crossbeam_channel::{Receiver, Sender, unbounded};
use ports::coordinator::HostPort;
use ports::headers::SourceHeader;
use ports::output::{OutputBlock, OutputCommand, OutputFact, OutputProgress, WriterIdentity};
use ports::security::Security;
use tracing::{info, warn};
use types::{Generation, MemberName, OutputIndex, SourceId, Timestamp, TopicName};

use super::super::Adapter;
use crate::clock;

/// How long the log may take to say how far the source is published.
const OPEN_PATIENCE: Duration = Duration::from_secs(60);

/// A control loop that hears every fact; the publisher itself then only hears what it must.
pub(super) type Listener = Box<dyn FnMut(OutputFact) + Send>;

/// The inbound topic, as one of its writers.
pub(super) struct Log {
    topic: TopicName,
    handle: Arc<OutputHandle>,
    facts: Receiver<OutputFact>,
}

/// Publishers append in sequence, whatever protects the output of engines.
fn publisher_security(adapter: &Adapter) -> anyhow::Result<Security> {
    let security = adapter.client.security();
    security.context(
        "a publisher always appends in sequence, fencing is for engines; or publish by a Kafka client of your own",
    )
}

/// What ends a publisher for good, with what can be done where that is known.
fn blocked(block: OutputBlock) -> anyhow::Error {
    let is_deleted = matches!(block, OutputBlock::SourceDeleted { .. });
    let error = anyhow::Error::new(block);
    if is_deleted { error.context("E022 A source's place was deleted (understudy explain E022)") } else { error }
}

impl Log {
    /// Opens the topic for blocks of one source; nothing is written before [`OutputCommand::Write`].
    pub(super) fn open(
        adapter: &Adapter,
        source: &SourceId,
        member: &MemberName,
        mut listener: Option<Listener>,
    ) -> anyhow::Result<Self> {
        let topic = adapter.url().inbound_topic();
        let bootstrap: Vec<HostPort> = adapter.client.bootstrap().split(',').filter_map(HostPort::parse).collect();
        let config = MachineConfig {
            producer_id: producer_id(&adapter.url().label(), &topic, Some(source)),
            topic: topic.clone(),
            identity: WriterIdentity {
                writer: member.to_string(),
                member: member.clone(),
                model: String::new(),
                generation: Generation(0),
            },
            layout: Layout::Shared { source: source.clone() },
            bootstrap,
            noted: Noted::default(),
            bounds: Bounds::default(),
            lifetimes: Lifetimes::default(),
            compression: appender::batch::Compression::Lz4,
        };
        let options = LinkOptions {
            client_id: format!("understudy-{member}"),
            allow_plaintext_password: adapter.config.allow_plaintext_password,
            ..LinkOptions::default()
        };
        let settings = LinkSettings::new(&publisher_security(adapter)?, options)?;
        let (tell, facts): (Sender<OutputFact>, _) = unbounded();
        let progress = Arc::new(OutputProgress::default());
        let watch = Watch::new(Arc::clone(&progress));
        let wall = Timestamp(i64::try_from(clock::wall_micros()).unwrap_or(i64::MAX));
        let handle = appender::driver::spawn(
            "publisher",
            move |now| Machine::new(config, now, wall).watched_by(watch),
            Arc::new(settings),
            progress,
            Box::new(move |fact| {
                let own = matches!(fact, OutputFact::SourceAt { .. } | OutputFact::Blocked(_));
                if let Some(listener) = &mut listener {
                    listener(fact.clone());
                }
                if own || listener.is_none() {
                    // The publisher may have ended before its writer.
                    let _ = tell.send(fact);
                }
            }),
        )?;
        Ok(Self { topic, handle: Arc::new(handle), facts })
    }

    /// How far the source is published, read back from the log.
    pub(super) fn published_source(&self) -> anyhow::Result<Option<SourceHeader>> {
        loop {
            let fact = self.facts.recv_timeout(OPEN_PATIENCE).context("the inbound topic doesn't answer")?;
            match fact {
                OutputFact::SourceAt { last } => return Ok(last),
                OutputFact::Blocked(block) => return Err(blocked(block)),
                OutputFact::Opened { .. }
                | OutputFact::Begun { .. }
                | OutputFact::TookOver { .. }
                | OutputFact::LastOnItsWay { .. }
                | OutputFact::Drained
                | OutputFact::ForeignWriter { .. }
                | OutputFact::WroteBehindUs { .. }
                | OutputFact::Refused { .. }
                | OutputFact::Leader { .. }
                | OutputFact::Identified { .. }
                | OutputFact::ForeignRecord { .. } => (),
            }
        }
    }

    /// One past the last block in the log.
    pub(super) fn published(&self) -> u64 {
        self.handle.progress().published().0
    }

    /// The inbound topic.
    pub(super) const fn topic(&self) -> &TopicName {
        &self.topic
    }

    /// Says how far the source was read.
    pub(super) fn computed_until(&self, end: u64) {
        self.handle.progress().set_computed(OutputIndex(end));
    }

    /// The topic's writer.
    pub(super) const fn handle(&self) -> &Arc<OutputHandle> {
        &self.handle
    }

    pub(super) fn send(&self, command: OutputCommand) -> anyhow::Result<()> {
        Ok(self.handle.send(command)?)
    }

    /// Ends the publisher when the log can't be written any more.
    pub(super) fn look(&self) -> anyhow::Result<()> {
        while let Ok(fact) = self.facts.try_recv() {
            match fact {
                OutputFact::Blocked(block) => return Err(blocked(block)),
                OutputFact::ForeignWriter { writer, index } => {
                    warn!(writer, %index, "another publisher sends the same source");
                }
                OutputFact::Refused { index } => info!(%index, "the broker refused a block: it doesn't come next"),
                OutputFact::Opened { .. }
                | OutputFact::Begun { .. }
                | OutputFact::TookOver { .. }
                | OutputFact::LastOnItsWay { .. }
                | OutputFact::Drained
                | OutputFact::Leader { .. }
                | OutputFact::Identified { .. }
                | OutputFact::SourceAt { .. }
                | OutputFact::WroteBehindUs { .. }
                | OutputFact::ForeignRecord { .. } => (),
            }
        }
        Ok(())
    }
}
