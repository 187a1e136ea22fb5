//! Whichever coordinator is configured, behind one face.

use std::sync::Arc;
use std::time::Duration;

use adapter_kafka::{ClaimCoordinator, Notebook, NotebookFact};
use adapter_zookeeper::ZooKeeperCoordinator;
use ports::coordinator::CoordinatorCommand;

/// Who orders the replicas.
pub(super) enum Coordinator {
    ZooKeeper(ZooKeeperCoordinator),
    Kafka(Box<ClaimCoordinator<Arc<Notebook>>>),
}

impl Coordinator {
    pub(super) fn send(&self, command: CoordinatorCommand) -> anyhow::Result<()> {
        match self {
            Self::ZooKeeper(coordinator) => Ok(coordinator.send(command)?),
            Self::Kafka(coordinator) => Ok(coordinator.handle(command)?),
        }
    }

    /// Claims are read from the notebook; ZooKeeper has its own eyes.
    pub(super) fn observe(&self, fact: &NotebookFact) {
        match self {
            Self::ZooKeeper(_) => (),
            Self::Kafka(coordinator) => coordinator.observe(fact),
        }
    }

    /// Claims have no sessions.
    pub(super) fn session_granted(&self) -> Option<Duration> {
        match self {
            Self::ZooKeeper(coordinator) => coordinator.session_granted(),
            Self::Kafka(_) => None,
        }
    }
}
