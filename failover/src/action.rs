//! What a machine wants done; the shell does it, in order, before it hands in the next fact.

use alloc::vec::Vec;
use core::fmt;

use types::{MemberName, OutputIndex, Term};

use crate::{Candidate, Stage, Why};

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Enter the line at its end. With an entry of this session in it already, nothing is to be done.
    JoinLine,
    /// Leave the line, stay connected.
    LeaveLine,
    /// Remove exactly this entry from the line, unless it is gone. Done, or answered by `Suspended` or `SessionLost`.
    Displace(Candidate),
    /// Append from the first output that isn't published, on all outputs.
    StartWriting,
    /// Append from here on, per outbound topic: there the active before says to have ended, and its last append may still be
    /// on its way. The log decides; nothing counts as published by this.
    StartWritingAt(Vec<OutputIndex>),
    /// Append nothing more, on all outputs; go on tailing.
    StopWriting,
    /// Read no more input.
    PauseInput,
    /// Read input. A machine begins with its input paused.
    ResumeInput,
    /// Tell a peer that it is the successor ([`crate::Fact::HandedOver`] over there).
    HandOver {
        /// Whom.
        to: MemberName,
        /// The next index to append, per outbound topic; the append before it may still be on its way.
        next: Vec<OutputIndex>,
    },
    /// Log, count and note the change of stage.
    Announce(Announcement),
    /// Tell the operator how the switchover goes.
    Answer(SwitchoverAnswer),
    /// Leave the line and close the coordinator's session.
    CloseSession,
    /// End the process; nothing follows.
    Exit(Exit),
}

/// A change of stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announcement {
    /// Before.
    pub from: Stage,
    /// After.
    pub to: Stage,
    /// Why.
    pub why: Why,
    /// The term as last heard.
    pub term: Term,
}

/// How a switchover goes, or a failover that was asked for (never begun, done at once); exactly one [`Self::Begun`] or [`Self::Refused`] per request, after `Begun` exactly one of the
/// others unless the process ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SwitchoverAnswer {
    /// Writing is stopped; the successor will be told.
    Begun {
        /// The successor.
        to: MemberName,
    },
    /// Nothing was done.
    Refused(Refusal),
    /// This replica isn't active any more.
    Done {
        /// The successor as chosen.
        to: MemberName,
    },
    /// The successor didn't take over in time.
    GivenUp {
        /// The successor as chosen.
        to: MemberName,
    },
}

/// Why a switchover isn't begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// This replica isn't active.
    NotActive {
        /// Who is, as far as known.
        active: Option<MemberName>,
    },
    /// A handover is on its way.
    Busy,
    /// Without the coordinator nobody else can become active.
    CoordinatorAway,
    /// The one asked for is active.
    AlreadyActive,
    /// The one asked for doesn't stand in line.
    NotInLine {
        /// As asked.
        member: MemberName,
    },
    /// The one asked for isn't in sync.
    NotInSync {
        /// As asked.
        member: MemberName,
    },
    /// Nobody in line is in sync.
    NobodyInSync,
    /// Nothing but the line keeps two from writing, so nobody may write against it.
    Unfenced,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotActive { active: Some(active) } => write!(f, "not active; {active} is"),
            Self::NotActive { active: None } => f.write_str("not active; nobody is known to be"),
            Self::Busy => f.write_str("a handover is on its way"),
            Self::CoordinatorAway => f.write_str("the coordinator is away"),
            Self::AlreadyActive => f.write_str("already active"),
            Self::NotInLine { member } => write!(f, "{member} is not in line"),
            Self::NotInSync { member } => write!(f, "{member} is not in sync"),
            Self::NobodyInSync => f.write_str("nobody in line is in sync"),
            Self::Unfenced => f.write_str("without fencing only the line makes active; stop the active one instead"),
        }
    }
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing of this replica was on its way.
    Clean,
    /// The handover timeout came first: appends may be on their way; the log holds or refuses them.
    Undrained,
    /// It was blocked: a restart alone changes nothing.
    Blocked,
}

/// As scenarios and logs show it.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JoinLine => f.write_str("JoinLine"),
            Self::LeaveLine => f.write_str("LeaveLine"),
            Self::Displace(candidate) => write!(f, "Displace {candidate}"),
            Self::StartWriting => f.write_str("StartWriting"),
            Self::StartWritingAt(next) => {
                f.write_str("StartWriting at")?;
                next.iter().try_for_each(|index| write!(f, " {index}"))
            }
            Self::StopWriting => f.write_str("StopWriting"),
            Self::PauseInput => f.write_str("PauseInput"),
            Self::ResumeInput => f.write_str("ResumeInput"),
            Self::HandOver { to, next } => {
                write!(f, "HandOver {to} at")?;
                next.iter().try_for_each(|index| write!(f, " {index}"))
            }
            Self::Announce(Announcement { to, why, .. }) => write!(f, "Announce {to} ({why})"),
            Self::Answer(SwitchoverAnswer::Begun { to }) => write!(f, "Answer begun, to {to}"),
            Self::Answer(SwitchoverAnswer::Refused(refusal)) => write!(f, "Answer refused: {refusal}"),
            Self::Answer(SwitchoverAnswer::Done { to }) => write!(f, "Answer done, to {to}"),
            Self::Answer(SwitchoverAnswer::GivenUp { to }) => write!(f, "Answer given up, {to} did not take over"),
            Self::CloseSession => f.write_str("CloseSession"),
            Self::Exit(Exit::Clean) => f.write_str("Exit clean"),
            Self::Exit(Exit::Undrained) => f.write_str("Exit undrained"),
            Self::Exit(Exit::Blocked) => f.write_str("Exit blocked"),
        }
    }
}
