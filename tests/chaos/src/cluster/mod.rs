//! Three brokers and three ZooKeeper nodes, each a JVM on a host of its own.

mod ask;
mod java;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use demo::process::Process;

pub(crate) use ask::{Partition, partition};
use java::Recipe;

use crate::host::Network;
use crate::places::Place;

/// How long brokers and ZooKeeper may take to serve; a loaded machine starts six JVMs slowly.
const START_PATIENCE: Duration = Duration::from_secs(240);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// As `properties.sh` has them.
const BROKER_PORT_BASE: u16 = 19_090;
const ZOOKEEPER_PORT: u16 = 12_181;
/// Nodes of each kind.
pub(crate) const NODES: usize = 3;

/// The JVMs and how to start them again.
pub(crate) struct Cluster {
    recipe: Recipe,
    folder: PathBuf,
    brokers: Vec<Option<Process>>,
    zookeepers: Vec<Option<Process>>,
}

impl Cluster {
    /// Starts all nodes with empty data and waits until they serve.
    pub(crate) fn start(network: &Network, folder: &Path) -> anyhow::Result<Self> {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let none = || (0..NODES).map(|_| None).collect();
        let recipe = Recipe::find(folder)?;
        let mut cluster = Self { recipe, folder: folder.to_owned(), brokers: none(), zookeepers: none() };
        for i in 0..NODES {
            cluster.start_node(network, Place::ZooKeeper(i))?;
        }
        cluster.recipe.format_brokers(NODES)?;
        for i in 0..NODES {
            cluster.start_node(network, Place::Broker(i))?;
        }
        cluster.wait_until_served(network, START_PATIENCE)?;
        Ok(cluster)
    }

    /// Starts a node that isn't running.
    pub(crate) fn start_node(&mut self, network: &Network, place: Place) -> anyhow::Result<()> {
        let host = network.host(&place.name())?;
        let mut command = match place {
            Place::Broker(i) => self.recipe.broker(i),
            Place::ZooKeeper(i) => self.recipe.zookeeper(i)?,
            Place::Engine(_) | Place::Publisher | Place::Subscriber => {
                bail!("{} is no node of the cluster", place.name())
            }
        };
        let process = host.namespace.inside(|| Process::start(&place.name(), &mut command, &self.folder))??;
        *self.process(place)? = Some(process);
        Ok(())
    }

    /// The process at a place, if it runs.
    pub(crate) fn process(&mut self, place: Place) -> anyhow::Result<&mut Option<Process>> {
        match place {
            Place::Broker(i) => self.brokers.get_mut(i),
            Place::ZooKeeper(i) => self.zookeepers.get_mut(i),
            Place::Engine(_) | Place::Publisher | Place::Subscriber => None,
        }
        .with_context(|| format!("{} is no node of the cluster", place.name()))
    }

    /// Waits until every broker knows all brokers and every ZooKeeper node answers as part of the ensemble.
    pub(crate) fn wait_until_served(&self, network: &Network, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        for i in 0..NODES {
            let (broker, zookeeper) =
                (network.host(&Place::Broker(i).name())?, network.host(&Place::ZooKeeper(i).name())?);
            while ask::alive_brokers(broker, broker_port(i)) < NODES || ask::mode(zookeeper, ZOOKEEPER_PORT).is_none() {
                if Instant::now() > deadline {
                    bail!("{} or {} does not serve; logs: {}", broker.name, zookeeper.name, self.folder.display());
                }
                std::thread::sleep(LOOK_EVERY);
            }
        }
        Ok(())
    }

    /// One of Kafka's own tools, told where the brokers are.
    pub(crate) fn kafka_tool(&self, network: &Network, name: &str) -> anyhow::Result<Command> {
        Ok(self.recipe.kafka_tool(&addresses(network)?.0, name))
    }

    /// ZooKeeper's own client, to be given its words.
    pub(crate) fn zookeeper_client(&self, network: &Network) -> anyhow::Result<Command> {
        Ok(self.recipe.zookeeper_client(&addresses(network)?.1))
    }

    /// Which ZooKeeper node leads the ensemble.
    pub(crate) fn zookeeper_leader(&self, network: &Network) -> anyhow::Result<usize> {
        for i in 0..NODES {
            if ask::mode(network.host(&Place::ZooKeeper(i).name())?, ZOOKEEPER_PORT).as_deref() == Some("leader") {
                return Ok(i);
            }
        }
        bail!("no ZooKeeper node leads")
    }
}

const fn broker_port(i: usize) -> u16 {
    BROKER_PORT_BASE + 1 + i as u16
}

/// Where a node listens for clients.
pub(crate) fn port(place: Place) -> anyhow::Result<u16> {
    match place {
        Place::Broker(i) => Ok(broker_port(i)),
        Place::ZooKeeper(_) => Ok(ZOOKEEPER_PORT),
        Place::Engine(_) | Place::Publisher | Place::Subscriber => bail!("{} is no node of the cluster", place.name()),
    }
}

/// What every `understudy` command is told about this cluster.
pub(crate) fn settings(network: &Network) -> anyhow::Result<Vec<String>> {
    let (brokers, zookeepers) = addresses(network)?;
    Ok(vec![format!("bootstrap={brokers}"), format!("zookeeper={zookeepers}")])
}

/// Of the brokers and of ZooKeeper, as clients take them.
fn addresses(network: &Network) -> anyhow::Result<(String, String)> {
    let mut brokers = Vec::new();
    let mut zookeepers = Vec::new();
    for i in 0..NODES {
        brokers.push(format!("{}:{}", network.host(&Place::Broker(i).name())?.address, broker_port(i)));
        zookeepers.push(format!("{}:{ZOOKEEPER_PORT}", network.host(&Place::ZooKeeper(i).name())?.address));
    }
    Ok((brokers.join(","), zookeepers.join(",")))
}

/// What some broker that answers says of a topic's one partition.
pub(crate) fn partition_of(network: &Network, topic: &str) -> anyhow::Result<Partition> {
    for i in 0..NODES {
        if let Some(found) = partition(network.host(&Place::Broker(i).name())?, broker_port(i), topic) {
            return Ok(found);
        }
    }
    bail!("no broker knows {topic}")
}
