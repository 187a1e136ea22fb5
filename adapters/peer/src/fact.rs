//! What replicas tell each other, and what a replica learns about the others.

use std::time::Duration;

use types::{Incarnation, MemberName, Offset, OutputIndex, Term, TopicName};

/// What a replica is, as it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PeerRole {
    /// Reading its configuration and metadata.
    #[default]
    Starting,
    /// Replaying input up to the present.
    Restoring,
    /// Processes everything, writes nothing.
    Standby,
    /// Writes.
    Active,
    /// Can't go on without an operator.
    Blocked,
    /// About to exit.
    Stopped,
}

/// How far one output is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputStatus {
    /// Which.
    pub topic: TopicName,
    /// One past the last output computed.
    pub computed: OutputIndex,
    /// One past the last output known to be published.
    pub published: OutputIndex,
}

/// What every heartbeat carries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeerStatus {
    /// What it is.
    pub role: PeerRole,
    /// The reign it knows of.
    pub term: Term,
    /// Fit to take over.
    pub eligible: bool,
    /// On its way out: finishes what is in flight, then hands over.
    pub draining: bool,
    /// The next input offset to process.
    pub input: Offset,
    /// One per outbound topic.
    pub outputs: Vec<OutputStatus>,
}

/// What one replica tells another, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerMessage {
    /// The active has stopped writing: these are the next indexes.
    HandOver {
        /// The reign that ends.
        term: Term,
        /// The next index of each outbound topic.
        next: Vec<(TopicName, OutputIndex)>,
    },
    /// Leave the line, so that the next one becomes active.
    StepAside {
        /// The reign that is meant; of another one the request is void.
        term: Term,
    },
    /// An operator asks the active to hand over.
    Switchover {
        /// To whom; to the next in line when absent.
        to: Option<MemberName>,
    },
}

/// Why a peer counts as dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Nobody listens at its address. There was no link before, so a wrong address looks the same: a weak hint.
    Refused,
    /// Another start of this member answers at its address.
    OtherIncarnation,
    /// The link was cut and then nobody listened: the process is gone.
    ResetAndRefused,
}

/// What is learnt about the others; each change is told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerFact {
    /// The link stands and the peer is who it should be.
    Up {
        /// Who.
        member: MemberName,
        /// Which start of it.
        incarnation: Incarnation,
        /// Where it is reached, as it says itself.
        peer: String,
    },
    /// That start of the peer is gone.
    Dead {
        /// Who.
        member: MemberName,
        /// Which start of it.
        incarnation: Incarnation,
        /// How it is known.
        evidence: Evidence,
    },
    /// Nothing was heard for longer than this peer's rhythm explains: frozen, cut off, or its host is gone.
    Silent {
        /// Who.
        member: MemberName,
        /// Which start of it.
        incarnation: Incarnation,
        /// Since the last sign of life.
        lasting: Duration,
    },
    /// A silent or dead peer speaks again.
    Heard {
        /// Who.
        member: MemberName,
        /// Which start of it.
        incarnation: Incarnation,
        /// How long it was not heard.
        after: Duration,
    },
    /// A heartbeat brought other contents than the one before.
    Status {
        /// Who.
        member: MemberName,
        /// Which start of it.
        incarnation: Incarnation,
        /// What it says.
        status: PeerStatus,
    },
    /// A message arrived.
    Message {
        /// Who sent it.
        from: MemberName,
        /// Which start of it.
        incarnation: Incarnation,
        /// What it says.
        message: PeerMessage,
    },
    /// Somebody alive uses our own name and started earlier: this start is the wrong one. While it is still starting it should
    /// stop, since peers, election and files can't tell the two apart.
    NameTaken {
        /// The other one's start.
        incarnation: Incarnation,
        /// Where it is reached.
        peer: String,
    },
    /// Somebody alive uses our own name and started later: a replacement for this process, or a mistake that the other side
    /// is told of.
    Superseded {
        /// The other one's start.
        incarnation: Incarnation,
        /// Where it is reached.
        peer: String,
    },
}
