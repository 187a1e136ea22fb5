//! Everything that runs: cluster, engines, adapters; by place, so that any fault can strike any of them.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use demo::process::Process;
use rustix::process::Signal;

use crate::cluster::{self, Cluster};
use crate::host::{Host, Network};
use crate::places::{HOSTS, Place};
use crate::production::Production;

/// How long a process that was asked to stop may take.
const STOP_PATIENCE: Duration = Duration::from_secs(40);
/// Outputs come at once when all roles are taken; a loaded machine is given this long at least.
const FLOW_PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The network, the cluster on it, and the project that is being run.
pub(crate) struct World {
    // Processes first: they end before the network they live in is taken away.
    pub(crate) production: Option<Production>,
    pub(crate) cluster: Cluster,
    pub(crate) network: Network,
}

impl World {
    /// Network and cluster, without a project.
    pub(crate) fn make(folder: &Path) -> anyhow::Result<Self> {
        let network = Network::make(&HOSTS)?;
        let cluster = Cluster::start(&network, &folder.join("cluster"))?;
        Ok(Self { production: None, cluster, network })
    }

    pub(crate) fn production(&mut self) -> anyhow::Result<&mut Production> {
        self.production.as_mut().context("no project is running")
    }

    pub(crate) fn host(&self, place: Place) -> anyhow::Result<&Host> {
        self.network.host(&place.name())
    }

    /// The process at a place, if one runs there.
    pub(crate) fn process(&mut self, place: Place) -> anyhow::Result<&mut Option<Process>> {
        match place {
            Place::ZooKeeper(_) | Place::Broker(_) => self.cluster.process(place),
            Place::Engine(_) | Place::Publisher | Place::Subscriber => self.production()?.process(place),
        }
    }

    /// Starts what isn't running.
    pub(crate) fn start(&mut self, place: Place) -> anyhow::Result<()> {
        match place {
            Place::ZooKeeper(_) | Place::Broker(_) => self.cluster.start_node(&self.network, place),
            Place::Engine(_) | Place::Publisher | Place::Subscriber => {
                let production = self.production.as_mut().context("no project is running")?;
                production.start(&self.network, place)
            }
        }
    }

    /// Kills it as a power cut would.
    pub(crate) fn kill(&mut self, place: Place) -> anyhow::Result<()> {
        let mut process = self.process(place)?.take().with_context(|| format!("{} isn't running", place.name()))?;
        process.kill()
    }

    /// Asks it to stop and waits for its end.
    pub(crate) fn stop(&mut self, place: Place) -> anyhow::Result<()> {
        let Some(mut process) = self.process(place)?.take() else { return Ok(()) };
        process.signal(Signal::TERM)?;
        process.wait(STOP_PATIENCE).map(|_| ())
    }

    pub(crate) fn signal(&mut self, place: Place, signal: Signal) -> anyhow::Result<()> {
        let process = self.process(place)?;
        process.as_ref().with_context(|| format!("{} isn't running", place.name()))?.signal(signal)
    }

    /// Where clients reach a broker or a ZooKeeper node.
    pub(crate) fn address(&self, place: Place) -> anyhow::Result<SocketAddr> {
        let text = format!("{}:{}", self.host(place)?.address, cluster::port(place)?);
        text.parse().with_context(|| format!("{text} is no address"))
    }

    /// How often a supervisor had to start something since the last call.
    pub(crate) fn take_restarts(&mut self) -> usize {
        self.production.as_mut().map(Production::take_restarts).unwrap_or_default()
    }

    /// Waits until every engine refuses to go on, for one of these reasons.
    pub(crate) fn await_refusal(&mut self, reasons: &[&str], patience: Duration) -> anyhow::Result<()> {
        let production = self.production.as_mut().context("no project is running")?;
        production.await_refusal(&self.network, reasons, patience)
    }

    /// Waits until brokers and ZooKeeper serve, all copies are in sync, one engine is active and the others could take over.
    pub(crate) fn settle(&mut self, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        self.cluster.wait_until_served(&self.network, patience)?;
        let production = self.production.as_mut().context("no project is running")?;
        for topic in production.topics() {
            while cluster::partition_of(&self.network, &topic)?.in_sync < cluster::NODES {
                if Instant::now() > deadline {
                    bail!("copies of {topic} are still missing after {patience:?}");
                }
                std::thread::sleep(LOOK_EVERY);
            }
        }
        production.settle(&self.network, deadline.saturating_duration_since(Instant::now()))?;
        production.wait_for_flow(&self.network, deadline.max(Instant::now() + FLOW_PATIENCE))
    }
}
