//! One writer thread per outbound topic.

use std::sync::Arc;

use adapter_kafka::{BrokerLimits, ClientSettings, TransactionalConfig, TransactionalOutput};
use anyhow::Context as _;
use appender::batch::Compression;
use appender::connection::{LinkOptions, LinkSettings};
use appender::driver::{self, OutputHandle};
use appender::machine::{Bounds, Layout, Lifetimes, Machine, MachineConfig, Noted, Shifted, Watch, producer_id};
use crossbeam_channel::Sender;
use failover::OutputId;
use ports::coordinator::HostPort;
use ports::notebook::{Constant, Ledger};
use ports::output::{OutputCommand, OutputFact, OutputProgress, WriterIdentity};
use types::{Timestamp, TopicName};

use super::wake::Wake;
use crate::clock;
use crate::config::{self, Config, Fencing};
use crate::deployment::Deployment;

/// The brokers to begin with.
pub(super) fn bootstrap(settings: &ClientSettings) -> anyhow::Result<Vec<HostPort>> {
    let brokers: Vec<HostPort> = settings.bootstrap().split(',').filter_map(HostPort::parse).collect();
    anyhow::ensure!(!brokers.is_empty(), "no broker in \"{}\"; write host:port,…", settings.bootstrap());
    Ok(brokers)
}

/// How a writer connects to brokers; `writer` is its name there.
pub(super) fn links(settings: &ClientSettings, config: &Config, writer: &str) -> anyhow::Result<Arc<LinkSettings>> {
    let options = LinkOptions {
        client_id: format!("understudy-{writer}"),
        allow_plaintext_password: config.allow_plaintext_password,
        ..LinkOptions::default()
    };
    let links = LinkSettings::new(&settings.security()?, options).context("preparing connections to the brokers")?;
    Ok(Arc::new(links))
}

/// What all writers of a replica share.
pub(super) struct Writers<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) config: &'a Config,
    pub(super) settings: &'a ClientSettings,
    pub(super) identity: WriterIdentity,
    pub(super) limits: BrokerLimits,
    pub(super) ledger: &'a Ledger,
    pub(super) wakes: Sender<Wake>,
    /// Wishes for a look at the preconditions.
    pub(super) look: Sender<()>,
}

/// The writer of one topic, by what keeps the topic from two of them.
pub(super) enum Writer {
    /// The broker takes only what comes next.
    Sequenced(OutputHandle),
    /// One transactional id for all.
    Transactional(TransactionalOutput),
}

impl Writer {
    /// How far the log is.
    pub(super) fn progress(&self) -> &Arc<OutputProgress> {
        match self {
            Self::Sequenced(handle) => handle.progress(),
            Self::Transactional(output) => output.progress(),
        }
    }

    /// A way to hand commands to it; false when it is gone.
    pub(super) fn sender(self: &Arc<Self>) -> Box<dyn Fn(OutputCommand) -> bool + Send> {
        let writer = Arc::clone(self);
        Box::new(move |command| match writer.as_ref() {
            Self::Sequenced(handle) => handle.send(command).is_ok(),
            Self::Transactional(output) => output.send(command),
        })
    }
}

impl Writers<'_> {
    /// Starts the writer of one topic; its facts wake the control loop.
    pub(super) fn start(&self, output: OutputId, topic: &TopicName) -> anyhow::Result<Arc<Writer>> {
        let (wakes, look) = (self.wakes.clone(), self.look.clone());
        let tell = move |fact| {
            if let OutputFact::Leader { .. } = &fact {
                // A wish that waits already is as good as another.
                let _ = look.try_send(());
            }
            // The control loop is gone only when the process ends.
            let _ = wakes.send(Wake::Output(output, fact));
        };
        let writer = match self.config.fencing {
            Fencing::Sequence | Fencing::None => Writer::Sequenced(self.start_sequenced(topic, Layout::Sole, tell)?),
            Fencing::Transaction => Writer::Transactional(self.start_transactional(topic, tell)?),
        };
        Ok(Arc::new(writer))
    }

    fn start_transactional(
        &self,
        topic: &TopicName,
        tell: impl FnMut(OutputFact) + Send + 'static,
    ) -> anyhow::Result<TransactionalOutput> {
        let config = TransactionalConfig {
            settings: self.settings.clone(),
            topic: topic.clone(),
            identity: self.identity.clone(),
            fence: self.constants(topic).first().map(|first| first.fence),
            compression: match self.config.compression {
                config::Compression::None => "none",
                config::Compression::Lz4 => "lz4",
                config::Compression::Zstd => "zstd",
            },
            clock: clock::now,
        };
        TransactionalOutput::start(config, tell).with_context(|| format!("starting the writer of {topic}"))
    }

    /// Starts the writer of the journal, whose records are what replicas propose.
    pub(super) fn start_journal(&self, topic: &TopicName) -> anyhow::Result<Arc<Writer>> {
        let wakes = self.wakes.clone();
        let tell = move |fact| {
            // The control loop is gone only when the process ends.
            let _ = wakes.send(Wake::Journal(fact));
        };
        Ok(Arc::new(Writer::Sequenced(self.start_sequenced(topic, Layout::Journal, tell)?)))
    }

    fn start_sequenced(
        &self,
        topic: &TopicName,
        layout: Layout,
        tell: impl FnMut(OutputFact) + Send + 'static,
    ) -> anyhow::Result<OutputHandle> {
        let config = self.machine_config(topic, layout, bootstrap(self.settings)?);
        let links = links(self.settings, self.config, &self.identity.writer)?;
        let progress = Arc::new(OutputProgress::default());
        let watch = Watch::new(Arc::clone(&progress));
        let wall = Timestamp(i64::try_from(clock::wall_micros()).unwrap_or(i64::MAX));
        let make = move |now| Machine::new(config, now, wall).watched_by(watch);
        driver::spawn(topic.as_str(), make, links, progress, Box::new(tell))
            .with_context(|| format!("starting the writer of {topic}"))
    }

    /// Where the generation begins in a topic, and how foreign records have moved it since; empty when nobody has noted it.
    fn constants(&self, topic: &TopicName) -> &[Constant] {
        let known = self.ledger.project(&self.deployment.project);
        known.map_or(&[], |known| known.constants(self.identity.generation, topic))
    }

    fn machine_config(&self, topic: &TopicName, layout: Layout, bootstrap: Vec<HostPort>) -> MachineConfig {
        let defaults = Lifetimes::default();
        let constants = self.constants(topic);
        MachineConfig {
            topic: topic.clone(),
            producer_id: producer_id(&self.deployment.label, topic, None),
            identity: self.identity.clone(),
            layout,
            bootstrap,
            noted: Noted {
                fence: constants.first().map(|first| first.fence),
                shifted: constants.last().filter(|_| constants.len() > 1).map(shifted),
                topic_id: constants.first().map(|first| first.topic_id.clone()).filter(|id| !id.is_empty()),
            },
            bounds: Bounds::default(),
            lifetimes: Lifetimes {
                producer_expiry_min: self.limits.producer_id_expiration.unwrap_or(defaults.producer_expiry_min),
                retention: self.limits.output_retention,
            },
            compression: match self.config.compression {
                config::Compression::None => Compression::None,
                config::Compression::Lz4 => Compression::Lz4,
                config::Compression::Zstd => Compression::Zstd,
            },
        }
    }
}

fn shifted(last: &Constant) -> Shifted {
    Shifted { fence: last.fence, from: last.from }
}

/// A way to hand commands to a writer; false when it is gone.
pub(crate) fn sender(handle: &Arc<OutputHandle>) -> Box<dyn Fn(OutputCommand) -> bool + Send> {
    let handle = Arc::clone(handle);
    Box::new(move |command| handle.send(command).is_ok())
}
