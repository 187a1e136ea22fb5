//! What an operator should see.

use types::{MemberName, Term, Tick};

use crate::buffer::Buffer;
use crate::deadline::earliest;
use crate::line::Coordination;
use crate::{Candidate, Machine, PeerReport, Place, Role, Why};

/// The most serious thing that this replica knows of its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// Somebody writes, somebody in sync stands by.
    Fine,
    /// An operator froze automatic failover.
    FailoverPaused,
    /// This replica writes and nobody stands by: its death would stop the output.
    NoStandby,
    /// What an output log acknowledges may not last; it is kept here until somebody mends the topic.
    OutputEndangered,
    /// This standby doesn't keep up and left the line.
    Behind,
    /// Nobody writes.
    NoActive,
    /// The coordinator isn't heard: the active goes on, nobody could take over.
    CoordinatorAway,
    /// Not ready yet.
    Starting,
    /// Computes what is already published.
    Restoring,
    /// Can't go on.
    Blocked,
    /// Has ended.
    Stopped,
}

impl Health {
    /// Lower case, words joined by dashes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::FailoverPaused => "failover-paused",
            Self::NoStandby => "no-standby",
            Self::OutputEndangered => "output-endangered",
            Self::Behind => "behind",
            Self::NoActive => "no-active",
            Self::CoordinatorAway => "coordinator-away",
            Self::Starting => "starting",
            Self::Restoring => "restoring",
            Self::Blocked => "blocked",
            Self::Stopped => "stopped",
        }
    }
}

/// How this replica last became active; moments on its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastFailover {
    /// What made it active.
    pub cause: Why,
    /// The term as heard before.
    pub term: Term,
    /// When the one before was known to be gone.
    pub detected: Tick,
    /// When this replica decided to write.
    pub decided: Tick,
    /// When the first append was on its way.
    pub first_write: Option<Tick>,
    /// When the first own append was acknowledged, on any output.
    pub first_ack: Option<Tick>,
}

impl Machine {
    /// The most serious thing to show.
    #[must_use]
    pub fn health(&self) -> Health {
        match self.role() {
            Role::Starting => return Health::Starting,
            Role::Restoring => return Health::Restoring,
            Role::Blocked(_) => return Health::Blocked,
            Role::Stopped => return Health::Stopped,
            Role::Standby | Role::Active { .. } | Role::HandingOver(_) => {}
        }
        let is_active = matches!(self.role(), Role::Active { .. });
        let checks = [
            (!self.line.is_current(), Health::CoordinatorAway),
            (!is_active && self.active_member().is_none(), Health::NoActive),
            (!is_active && !self.is_eligible(), Health::Behind),
            (self.buffers.iter().any(Buffer::keeps), Health::OutputEndangered),
            (is_active && !self.has_living_others(), Health::NoStandby),
            (self.is_failover_paused(), Health::FailoverPaused),
        ];
        checks.into_iter().find(|(holds, _)| *holds).map_or(Health::Fine, |(_, health)| health)
    }

    /// Who writes by role, as far as this replica knows.
    #[must_use]
    pub fn active_member(&self) -> Option<&MemberName> {
        match self.role() {
            Role::Active { .. } => Some(&self.config().member),
            Role::Starting
            | Role::Restoring
            | Role::Standby
            | Role::HandingOver(_)
            | Role::Blocked(_)
            | Role::Stopped => {
                self.line.ahead().iter().find(|candidate| !self.is_gone(candidate)).map(|candidate| &candidate.member)
            }
        }
    }

    /// When to hand in [`crate::Fact::DeadlinePassed`] unless another fact comes first; always after the last fact's time.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        let join_at = || if self.wants_in() { self.line.join_at() } else { None };
        let unsure_at = match self.line.coordination() {
            Coordination::Suspended { heard } if self.is_unfenced() && !self.forced => {
                Some(heard + self.config().unfenced_patience())
            }
            Coordination::Away | Coordination::Suspended { .. } | Coordination::Connected | Coordination::Current => {
                None
            }
        };
        match self.role() {
            Role::Starting | Role::Restoring | Role::Blocked(_) | Role::Stopped => None,
            Role::Standby => earliest([self.late_at(), join_at(), self.doubt_at(self.line.ahead().iter())]),
            Role::Active { .. } => earliest([join_at(), unsure_at]),
            Role::HandingOver(handover) => {
                let unsure_at = unsure_at.filter(|_| self.is_writing());
                earliest([Some(handover.until), unsure_at, self.successor_doubt_at()])
            }
        }
    }

    /// The own place in the line.
    #[must_use]
    pub fn place(&self) -> Place {
        self.line.place()
    }

    /// The term as last heard.
    #[must_use]
    pub const fn term(&self) -> Term {
        self.line.term()
    }

    /// How much the coordinator's word is worth now.
    #[must_use]
    pub const fn coordination(&self) -> Coordination {
        self.line.coordination()
    }

    /// The line as last heard.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        self.line.candidates()
    }

    /// Whether input is paused.
    #[must_use]
    pub const fn is_input_paused(&self) -> bool {
        self.input_paused
    }

    /// Whether an operator froze automatic failover.
    #[must_use]
    pub const fn is_failover_paused(&self) -> bool {
        self.failover_paused
    }

    /// How this replica last became active.
    #[must_use]
    pub const fn last_failover(&self) -> Option<&LastFailover> {
        self.last_failover.as_ref()
    }

    /// Outputs computed here that nobody published yet, per outbound topic.
    pub fn held(&self) -> impl Iterator<Item = u64> + '_ {
        self.buffers.iter().map(Buffer::held)
    }

    /// What heartbeats should say of this replica.
    #[must_use]
    pub fn report(&self) -> PeerReport {
        let computed = self.buffers.iter().map(Buffer::computed).collect();
        PeerReport { stage: self.stage(), eligible: self.is_eligible(), computed }
    }
}
