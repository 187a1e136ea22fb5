//! What a machine hears: things that have happened.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use types::{Incarnation, MemberName, OutputIndex, Term, Tick};

use crate::Stage;

/// Which outbound topic of this replica: 0, 1, …, the same for all replicas of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutputId(pub usize);

impl fmt::Display for OutputId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "o{}", self.0)
    }
}

/// A place in the line: grows with every entry, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ticket(pub u64);

/// One replica that stands in line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub member: MemberName,
    /// Which start of it.
    pub incarnation: Incarnation,
    /// Which entry of it.
    pub ticket: Ticket,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}#{}", self.member, self.incarnation, self.ticket.0)
    }
}

/// How it is known that a process is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Its link was cut and then nothing listened on its port: its kernel lives, its process doesn't.
    Refused,
    /// Another start of the same member answers.
    OtherIncarnation,
    /// It was never met and nothing listens where it should be. No proof, a wrong address looks the same: enough after a
    /// session's time ([`crate::Config::session_timeout`]).
    NeverMet,
}

/// Why a peer may be dead or stuck. A log that moves without this replica's doing and a new entry into the line are signs
/// of life that need no link: the first lets the clock begin anew, the second takes the doubt back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// No heartbeat for so long; [`crate::Config::silence_max`] decides.
    Silent(Duration),
    /// Outputs that it owes don't appear in a log; say it again while it lasts. Heartbeats don't take this back, the moving
    /// log does.
    ///
    /// Counts against the first in line only, from when it came first; not while failover is paused or the coordinator away;
    /// a replica that wrote in vain itself accuses nobody until the log has moved; and one that doesn't read a log's end
    /// takes back what it said, for it can't know whether that log stands still.
    Stalled {
        /// Since the log last moved, or since something is owed; [`crate::Config::owed_max`] decides.
        lasting: Duration,
        /// Since this replica itself last read that log's end; [`crate::Config::read_max`] decides.
        unread: Duration,
    },
}

/// What a peer says of itself with its heartbeats; make the own one with [`crate::Machine::report`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerReport {
    /// Its stage.
    pub stage: Stage,
    /// Whether it could take over.
    pub eligible: bool,
    /// One past the last output it computed, per outbound topic.
    pub computed: Vec<OutputIndex>,
}

/// What kind of thing stops a replica for good; the name is the `reason` of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockCause {
    /// The log holds another output than the one computed here.
    Diverged,
    /// An index is missing or repeated in the log.
    LogForked,
    /// The log ends before what was dropped here as published.
    LogShortened,
    /// A newer generation was opened.
    GenerationReplaced,
    /// A topic was deleted and made again.
    TopicReplaced,
    /// An output is larger than the broker takes.
    RecordTooLarge,
    /// The broker refuses to append for good.
    OutputRefused,
    /// Input that is needed was deleted.
    InputTruncated,
    /// Input ends before what was already read.
    InputShortened,
    /// Input can't be read for good.
    InputFailed,
    /// This replica runs another model than its generation.
    ModelMismatch,
    /// The coordinator can't be used for good: this replica could never take over.
    CoordinatorFailed,
    /// A later start of the same member stands in line: this process is the old one.
    NameTaken,
    /// The engine itself found that it can't go on.
    EngineFailed,
}

impl BlockCause {
    /// Lower case, words joined by dashes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Diverged => "diverged",
            Self::LogForked => "log-forked",
            Self::LogShortened => "log-shortened",
            Self::GenerationReplaced => "generation-replaced",
            Self::TopicReplaced => "topic-replaced",
            Self::RecordTooLarge => "record-too-large",
            Self::OutputRefused => "output-refused",
            Self::InputTruncated => "input-truncated",
            Self::InputShortened => "input-shortened",
            Self::InputFailed => "input-failed",
            Self::ModelMismatch => "model-mismatch",
            Self::CoordinatorFailed => "coordinator-failed",
            Self::NameTaken => "name-taken",
            Self::EngineFailed => "engine-failed",
        }
    }
}

/// Why a replica is blocked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The kind.
    pub cause: BlockCause,
    /// The particulars, for people.
    pub detail: String,
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.as_str() {
            "" => f.write_str(self.cause.name()),
            detail => write!(f, "{}: {detail}", self.cause.name()),
        }
    }
}

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// An output log's committed end is known for the first time.
    OutputOpened {
        /// Which.
        output: OutputId,
        /// One past its last published output.
        published_end: OutputIndex,
    },
    /// The engine is further (the newest of several such facts is enough).
    Computed {
        /// Which.
        output: OutputId,
        /// One past the last output computed here.
        end: OutputIndex,
    },
    /// The committed log is further (the newest of several such facts is enough).
    Published {
        /// Which.
        output: OutputId,
        /// One past the last committed output.
        end: OutputIndex,
    },
    /// The shell has told the outputs to write: the first append is on its way.
    WritingStarted,
    /// The first own append after that was acknowledged.
    TookOver {
        /// Where.
        output: OutputId,
        /// The first output that this writer added.
        first: OutputIndex,
        /// When.
        at: Tick,
    },
    /// Said after [`crate::Action::StopWriting`], before [`Fact::Drained`] and not always: only one append of ours is left on
    /// its way, and the log takes it before anything that is sent from now on.
    LastOnItsWay {
        /// Where.
        output: OutputId,
        /// One past the last output of that append.
        next: OutputIndex,
    },
    /// Said after [`crate::Action::StopWriting`]: nothing of ours is on its way any more, and the last [`Fact::Published`] said all of it.
    Drained {
        /// Where.
        output: OutputId,
    },
    /// The broker refused an own append because it doesn't come next: somebody else writes.
    WriterRefused {
        /// Where.
        output: OutputId,
    },
    /// A record of somebody else was seen where this replica was writing.
    ForeignWriter {
        /// Where.
        output: OutputId,
    },
    /// A peer appended behind an append of this replica: its process lives, whatever its links say.
    PeerWrote {
        /// Who.
        member: MemberName,
        /// Which start of it.
        incarnation: Incarnation,
    },
    /// Own outputs are due and no acknowledgement came for so long; say it again while it lasts.
    OutputStalled {
        /// Where.
        output: OutputId,
        /// Since the last acknowledgement, or since there was something to acknowledge.
        stalled: Duration,
    },
    /// What a log acknowledges may not last (copies, in-sync replicas, elections): everything published from here on is kept
    /// until it does again. No reason to be another active, all replicas see the same log.
    OutputEndangered {
        /// Which.
        output: OutputId,
        /// Whether it is so, or is over.
        endangered: bool,
    },
    /// Output, input or engine can't go on; only a restart helps.
    BlockMet(Block),
    /// The coordinator's session is up; whether the own entry survived is told by the next line.
    CoordinatorConnected,
    /// The coordinator's connection is lost; the session may still live.
    CoordinatorSuspended {
        /// When the coordinator was last heard.
        heard: Tick,
    },
    /// The session is gone and with it the own entry.
    SessionLost,
    /// The coordinator can't be used any more by this process, whatever happens. A writer goes on, the log protects it;
    /// whoever doesn't write is blocked.
    CoordinatorFailed {
        /// Why, for people.
        detail: String,
    },
    /// The line as it stands, in order of succession.
    LineChanged {
        /// Grows with every change at the head.
        term: Term,
        /// The first is active by role.
        candidates: Vec<Candidate>,
    },
    /// A peer answers.
    PeerHeard {
        /// Who.
        member: MemberName,
        /// Which start of it.
        incarnation: Incarnation,
    },
    /// A peer answers and says how it is.
    PeerReported {
        /// Who.
        member: MemberName,
        /// Which start of it.
        incarnation: Incarnation,
        /// Its words.
        report: PeerReport,
    },
    /// A peer's process is gone, or seems to be ([`Evidence::NeverMet`]).
    PeerDied {
        /// Who.
        member: MemberName,
        /// Which start of it.
        incarnation: Incarnation,
        /// How that is known.
        evidence: Evidence,
    },
    /// A peer may be gone or stuck.
    PeerSuspected {
        /// Who.
        member: MemberName,
        /// Which start of it.
        incarnation: Incarnation,
        /// What speaks for it.
        sign: Sign,
    },
    /// The active stopped writing and named this replica as its successor.
    HandedOver {
        /// Who was active.
        from: MemberName,
        /// The next index to append, per outbound topic; the append before it may still be on its way.
        next: Vec<OutputIndex>,
    },
    /// An operator wants another active.
    SwitchoverAsked {
        /// Whom; the first fit one in line when absent.
        to: Option<MemberName>,
    },
    /// An operator wants this replica to be active now, without asking the one that is.
    FailoverAsked,
    /// An operator froze automatic failover.
    PauseAsked,
    /// An operator thawed it.
    ResumeAsked,
    /// The process shall end (SIGTERM).
    ShutdownAsked,
    /// A test switch wants this replica to write whatever the line says.
    ForceAsked,
    /// [`crate::Machine::deadline`] has come.
    DeadlinePassed,
}

/// As scenarios and logs show it.
impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutputOpened { output, published_end } => write!(f, "{output} opened at {published_end}"),
            Self::Computed { output, end } => write!(f, "{output} computed {end}"),
            Self::Published { output, end } => write!(f, "{output} published {end}"),
            Self::WritingStarted => f.write_str("writing started"),
            Self::TookOver { output, first, .. } => write!(f, "{output} took over at {first}"),
            Self::LastOnItsWay { output, next } => write!(f, "{output} last on its way, up to {next}"),
            Self::Drained { output } => write!(f, "{output} drained"),
            Self::WriterRefused { output } => write!(f, "{output} refused"),
            Self::ForeignWriter { output } => write!(f, "{output} foreign writer"),
            Self::PeerWrote { member, incarnation } => write!(f, "{member}.{incarnation} wrote"),
            Self::OutputStalled { output, stalled } => write!(f, "{output} stalled {stalled:?}"),
            Self::OutputEndangered { output, endangered: true } => write!(f, "{output} endangered"),
            Self::OutputEndangered { output, endangered: false } => write!(f, "{output} sound"),
            Self::BlockMet(block) => write!(f, "block met ({block})"),
            Self::CoordinatorConnected => f.write_str("coordinator connected"),
            Self::CoordinatorSuspended { .. } => f.write_str("coordinator suspended"),
            Self::SessionLost => f.write_str("session lost"),
            Self::CoordinatorFailed { detail } => write!(f, "coordinator failed ({detail})"),
            Self::LineChanged { term, candidates } => {
                write!(f, "line t{term} [")?;
                for (i, candidate) in candidates.iter().enumerate() {
                    write!(f, "{}{candidate}", if i == 0 { "" } else { " " })?;
                }
                f.write_str("]")
            }
            Self::PeerHeard { member, incarnation } => write!(f, "{member}.{incarnation} heard"),
            Self::PeerReported { member, incarnation, report } => {
                let eligible = if report.eligible { ", eligible" } else { "" };
                write!(f, "{member}.{incarnation} reported {}{eligible}", report.stage)
            }
            Self::PeerDied { member, incarnation, evidence } => {
                let evidence = match evidence {
                    Evidence::Refused => "refused",
                    Evidence::OtherIncarnation => "other incarnation",
                    Evidence::NeverMet => "never met",
                };
                write!(f, "{member}.{incarnation} died ({evidence})")
            }
            Self::PeerSuspected { member, incarnation, sign } => match sign {
                Sign::Silent(silence) => write!(f, "{member}.{incarnation} silent {silence:?}"),
                Sign::Stalled { lasting, unread } => {
                    write!(f, "{member}.{incarnation} stalled {lasting:?}, log read {unread:?} ago")
                }
            },
            Self::HandedOver { from, next } => {
                write!(f, "{from} handed over at")?;
                next.iter().try_for_each(|index| write!(f, " {index}"))
            }
            Self::SwitchoverAsked { to: Some(to) } => write!(f, "switchover to {to} asked"),
            Self::SwitchoverAsked { to: None } => f.write_str("switchover asked"),
            Self::FailoverAsked => f.write_str("failover asked"),
            Self::PauseAsked => f.write_str("pause asked"),
            Self::ResumeAsked => f.write_str("resume asked"),
            Self::ShutdownAsked => f.write_str("shutdown asked"),
            Self::ForceAsked => f.write_str("force asked"),
            Self::DeadlinePassed => f.write_str("deadline passed"),
        }
    }
}
