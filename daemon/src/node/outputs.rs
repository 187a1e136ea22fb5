//! One writer thread per outbound topic.

use std::sync::Arc;

use adapter_kafka::{BrokerLimits, ClientSettings};
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
use crate::config::{self, Config};
use crate::deployment::Deployment;

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

impl Writers<'_> {
    /// Starts the writer of one topic; its facts wake the control loop.
    pub(super) fn start(&self, output: OutputId, topic: &TopicName) -> anyhow::Result<Arc<OutputHandle>> {
        let bootstrap: Vec<HostPort> = self.settings.bootstrap().split(',').filter_map(HostPort::parse).collect();
        anyhow::ensure!(!bootstrap.is_empty(), "no broker in \"{}\"; write host:port,…", self.settings.bootstrap());
        let config = self.machine_config(topic, bootstrap);
        let options = LinkOptions {
            client_id: format!("understudy-{}", self.identity.writer),
            allow_plaintext_password: self.config.allow_plaintext_password,
            ..LinkOptions::default()
        };
        let settings = LinkSettings::new(&self.settings.security()?, options)
            .with_context(|| format!("preparing connections for {topic}"))?;
        let (wakes, look) = (self.wakes.clone(), self.look.clone());
        let tell = move |fact| {
            if let OutputFact::Leader { .. } = &fact {
                // A wish that waits already is as good as another.
                let _ = look.try_send(());
            }
            // The control loop is gone only when the process ends.
            let _ = wakes.send(Wake::Output(output, fact));
        };
        let progress = Arc::new(OutputProgress::default());
        let watch = Watch::new(Arc::clone(&progress));
        let wall = Timestamp(i64::try_from(clock::wall_micros()).unwrap_or(i64::MAX));
        let make = move |now| Machine::new(config, now, wall).watched_by(watch);
        let handle = driver::spawn(topic.as_str(), make, Arc::new(settings), progress, Box::new(tell))
            .with_context(|| format!("starting the writer of {topic}"))?;
        Ok(Arc::new(handle))
    }

    fn machine_config(&self, topic: &TopicName, bootstrap: Vec<HostPort>) -> MachineConfig {
        let defaults = Lifetimes::default();
        let known = self.ledger.project(&self.deployment.project);
        let constants = known.map_or(&[][..], |known| known.constants(self.identity.generation, topic));
        MachineConfig {
            topic: topic.clone(),
            producer_id: producer_id(&self.deployment.label, topic, None),
            identity: self.identity.clone(),
            layout: Layout::Sole,
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
