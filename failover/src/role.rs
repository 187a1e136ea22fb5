//! Where a replica is in its life, and every way from one stage to the next.

use core::fmt;

use types::{MemberName, Tick};

use crate::Block;

/// Where a replica is, with what belongs to that stage only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Not all outputs are open: nobody knows yet what is published.
    Starting,
    /// Computes what is already published.
    Restoring,
    /// Computes along in silence; stands in line while it is eligible.
    Standby,
    /// Writes.
    Active {
        /// When it began.
        since: Tick,
    },
    /// Was active and gives it away.
    HandingOver(Handover),
    /// Can't go on; a restart or an operator helps.
    Blocked(Block),
    /// Has ended; nothing follows.
    Stopped,
}

/// A graceful end of being active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// What comes after.
    pub then: Then,
    /// How far it is.
    pub step: Step,
    /// When it must be over.
    pub until: Tick,
}

/// What follows a handover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Go on as a standby (switchover).
    StandBy,
    /// End the process (shutdown).
    Exit,
}

/// How far a handover is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nobody can take over: input is paused, writing goes on until everything computed is published.
    Finishing,
    /// Writing is stopped; what is on its way must be answered.
    Draining {
        /// The successor.
        to: MemberName,
    },
    /// The successor knows; the line must show it ahead.
    Offered {
        /// The successor.
        to: MemberName,
    },
}

impl Role {
    /// The stage alone.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Starting => Stage::Starting,
            Self::Restoring => Stage::Restoring,
            Self::Standby => Stage::Standby,
            Self::Active { .. } => Stage::Active,
            Self::HandingOver(_) => Stage::HandingOver,
            Self::Blocked(_) => Stage::Blocked,
            Self::Stopped => Stage::Stopped,
        }
    }
}

/// A [`Role`] without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// See [`Role::Starting`].
    Starting,
    /// See [`Role::Restoring`].
    Restoring,
    /// See [`Role::Standby`].
    Standby,
    /// See [`Role::Active`].
    Active,
    /// See [`Role::HandingOver`].
    HandingOver,
    /// See [`Role::Blocked`].
    Blocked,
    /// See [`Role::Stopped`].
    Stopped,
}

impl Stage {
    /// Every stage, in order of life.
    pub const ALL: [Self; 7] =
        [Self::Starting, Self::Restoring, Self::Standby, Self::Active, Self::HandingOver, Self::Blocked, Self::Stopped];

    /// Lower case; also the name in heartbeats and status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Restoring => "restoring",
            Self::Standby => "standby",
            Self::Active => "active",
            Self::HandingOver => "handing-over",
            Self::Blocked => "blocked",
            Self::Stopped => "stopped",
        }
    }

    /// The stage called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a stage changed; a failover's cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The end of every output log is known.
    OutputsOpened,
    /// Everything published is computed here too.
    CaughtUp,
    /// The coordinator shows nobody ahead.
    FirstInLine,
    /// Everybody ahead is proven dead.
    AheadDied,
    /// Everybody ahead is dead, silent or stuck.
    AheadSuspected,
    /// The active named this replica its successor.
    HandedOver,
    /// An operator took the role for this replica, whatever the active says.
    FailoverAsked,
    /// A test switch.
    Forced,
    /// Somebody living stands ahead in the line.
    AnotherLeads,
    /// The own entry is gone, and somebody living stands in line.
    EntryLost,
    /// Without fencing: the session is gone, or may be soon.
    SessionUnsure,
    /// Somebody else writes, and no current line backs this replica.
    Refused,
    /// No acknowledgements, and somebody in sync stands by.
    Stalled,
    /// An operator asked for another active.
    SwitchoverAsked,
    /// The process was asked to end.
    ShutdownAsked,
    /// The successor leads.
    SwitchedOver,
    /// The successor didn't take over in time.
    GivenUp,
    /// See the block's cause.
    Blocked,
}

impl Why {
    /// A few words in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OutputsOpened => "outputs opened",
            Self::CaughtUp => "caught up",
            Self::FirstInLine => "first in line",
            Self::AheadDied => "ahead died",
            Self::AheadSuspected => "ahead suspected",
            Self::HandedOver => "handed over",
            Self::FailoverAsked => "failover asked",
            Self::Forced => "forced",
            Self::AnotherLeads => "another leads",
            Self::EntryLost => "entry lost",
            Self::SessionUnsure => "session unsure",
            Self::Refused => "refused",
            Self::Stalled => "stalled",
            Self::SwitchoverAsked => "switchover asked",
            Self::ShutdownAsked => "shutdown asked",
            Self::SwitchedOver => "switched over",
            Self::GivenUp => "given up",
            Self::Blocked => "blocked",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Every change of stage there is; the machine asserts it, `docs/failover.dot` draws it, the scenarios show each.
pub const TRANSITIONS: &[(Stage, Stage, Why)] = &[
    (Stage::Starting, Stage::Restoring, Why::OutputsOpened),
    (Stage::Restoring, Stage::Standby, Why::CaughtUp),
    (Stage::Standby, Stage::Active, Why::FirstInLine),
    (Stage::Standby, Stage::Active, Why::AheadDied),
    (Stage::Standby, Stage::Active, Why::AheadSuspected),
    (Stage::Standby, Stage::Active, Why::HandedOver),
    (Stage::Standby, Stage::Active, Why::FailoverAsked),
    (Stage::Standby, Stage::Active, Why::Forced),
    (Stage::Active, Stage::Standby, Why::AnotherLeads),
    (Stage::Active, Stage::Standby, Why::EntryLost),
    (Stage::Active, Stage::Standby, Why::SessionUnsure),
    (Stage::Active, Stage::Standby, Why::Refused),
    (Stage::Active, Stage::Standby, Why::Stalled),
    (Stage::Active, Stage::HandingOver, Why::SwitchoverAsked),
    (Stage::Active, Stage::HandingOver, Why::ShutdownAsked),
    (Stage::HandingOver, Stage::Standby, Why::SwitchedOver),
    (Stage::HandingOver, Stage::Standby, Why::GivenUp),
    (Stage::HandingOver, Stage::Active, Why::GivenUp),
    (Stage::Starting, Stage::Blocked, Why::Blocked),
    (Stage::Restoring, Stage::Blocked, Why::Blocked),
    (Stage::Standby, Stage::Blocked, Why::Blocked),
    (Stage::Active, Stage::Blocked, Why::Blocked),
    (Stage::HandingOver, Stage::Blocked, Why::Blocked),
    (Stage::Starting, Stage::Stopped, Why::ShutdownAsked),
    (Stage::Restoring, Stage::Stopped, Why::ShutdownAsked),
    (Stage::Standby, Stage::Stopped, Why::ShutdownAsked),
    (Stage::HandingOver, Stage::Stopped, Why::ShutdownAsked),
    (Stage::Blocked, Stage::Stopped, Why::ShutdownAsked),
];
