//! What control loop and hot thread reach out with: adapters in the daemon, models of them in the simulator.

use std::sync::Arc;
use std::time::Duration;

use adapter_kafka::{Notebook, NotebookFact, TickOutcome, TickWriter};
use adapter_peer::{PeerLinks, PeerMessage, PeerStatus};
use ports::coordinator::{Candidate, CoordinatorCommand};
use ports::notebook::Entry;
use types::MemberName;

use super::coordinator::Coordinator;

/// Whoever orders the replicas.
pub trait Ordering {
    /// Hands over a command; what comes of it is told by facts.
    ///
    /// # Errors
    /// The coordinator takes no commands any more.
    fn send(&self, command: CoordinatorCommand) -> anyhow::Result<()>;
    /// Shows what the notebook says, for coordinators that live in it.
    fn observe(&self, fact: &NotebookFact);
    /// The session that it grants, where it has sessions and has granted one.
    fn session_granted(&self) -> Option<Duration> {
        None
    }
}

impl Ordering for Arc<Coordinator> {
    fn send(&self, command: CoordinatorCommand) -> anyhow::Result<()> {
        Coordinator::send(self, command)
    }

    fn observe(&self, fact: &NotebookFact) {
        Coordinator::observe(self, fact);
    }

    fn session_granted(&self) -> Option<Duration> {
        Coordinator::session_granted(self)
    }
}

/// The links to the other replicas.
pub trait Peers {
    /// Sends a message once; it arrives or it doesn't.
    ///
    /// # Errors
    /// There is no link to that member now.
    fn send(&self, to: &MemberName, message: PeerMessage) -> anyhow::Result<()>;
    /// Whom to keep links to.
    fn set_members(&self, members: Vec<Candidate>);
    /// What the own heartbeats say from now on.
    fn publish_status(&self, status: PeerStatus);
}

impl Peers for PeerLinks {
    fn send(&self, to: &MemberName, message: PeerMessage) -> anyhow::Result<()> {
        Ok(Self::send(self, to, message)?)
    }

    fn set_members(&self, members: Vec<Candidate>) {
        Self::set_members(self, members);
    }

    fn publish_status(&self, status: PeerStatus) {
        Self::publish_status(self, status);
    }
}

/// The notebook, to write into.
pub trait Notes {
    /// Appends an entry without waiting for it; it is read back like everybody's.
    ///
    /// # Errors
    /// It could not be handed over.
    fn post(&self, entry: &Entry) -> anyhow::Result<()>;
}

impl Notes for Arc<Notebook> {
    fn post(&self, entry: &Entry) -> anyhow::Result<()> {
        Ok(Notebook::post(self, entry)?)
    }
}

/// What lets time pass on an idle input.
pub trait Ticks: Send {
    /// Appends one tick to the input, without waiting for anything.
    fn send(&self) -> TickOutcome;
}

/// For an input that others let time pass on: see [`crate::deployment::Deployment::ticked`].
pub(crate) struct NoTicks;

impl Ticks for NoTicks {
    fn send(&self) -> TickOutcome {
        TickOutcome::StillOnItsWay
    }
}

impl Ticks for TickWriter {
    fn send(&self) -> TickOutcome {
        Self::send(self)
    }
}
