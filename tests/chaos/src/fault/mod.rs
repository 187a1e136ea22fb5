//! Faults: how each begins, and how it is taken back.

mod by_hand;
mod disk;
mod force;
mod who;

pub(crate) use by_hand::entries;
pub(crate) use disk::{snapshots, unmount_all};
pub(crate) use force::InForce;
pub(crate) use who::Who;

use crate::proxy::Twist;

/// What is done to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `kill -9`; taken back by a start.
    Kill,
    /// SIGTERM and its end awaited; taken back by a start.
    Stop,
    /// SIGSTOP; taken back by SIGCONT.
    Pause,
    /// The kernel's freezer.
    Freeze,
    /// This part of one processor, in percent.
    Starve(u32),
    /// A second process of the same kind beside it, with the same words.
    Double,
    /// Records that nobody can decode, written into the inbound topic; nothing to take back.
    Garbage,
    /// A file whose rows don't fit the schema, given to a publisher of its own; nothing to take back.
    WrongType,
    /// Records that are small on the wire and large in memory, written into the inbound topic; nothing to take back.
    Oversized,
    /// A topic deleted and made again; can't be taken back.
    Replace(Topic),
    /// Input deleted up to where the standbys' newest snapshots go on; can't be taken back.
    Truncate,
    /// An entry of the election line, deleted by hand; nothing to take back.
    DeleteEntry(Entry),
    /// Ended, and started with a project in which one constant is another; taken back by a start with the right one.
    OtherModel,
    /// A tiny file system, mounted over the folder where the engine keeps snapshots and dead letters.
    FillDisk,
    /// Snapshots on the engine's disk, damaged; nothing to take back.
    Spoil(Snapshot),
    /// The engine's disk, emptied; nothing to take back.
    Wipe,
    /// No more of this for the process.
    Limit(Resource),
    /// New connections go through a proxy that does this, those that exist end.
    Lead(Who, Twist),
    /// The host's one link is down: nothing comes, nothing goes, nobody is told.
    LinkDown,
    /// Packets to and from others are dropped.
    Cut(Who, Way),
    /// Every packet to others is answered with a TCP reset.
    Reset(Who),
    /// This part of all incoming packets is lost, in percent.
    Lose(u8),
    /// The link lets so many kilobits a second pass.
    Narrow(u32),
}

/// One of the project's topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    Inbound,
    Outbound,
}

/// Which entry of the line, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    First,
    Second,
}

/// Which snapshots are damaged, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Snapshot {
    /// The newest one: a byte in its middle is another.
    Newest,
    /// All: cut off in their middle.
    All,
}

/// What a process gets no more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    Descriptors,
    Threads,
    /// The kernel ends a process that needs more.
    Memory,
}

/// Which packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Both,
    /// Those that leave the struck place.
    Out,
    /// Those that come to it: requests pass, answers don't.
    In,
}

impl Fault {
    /// In words, for the journal.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Kill => "kill -9".to_owned(),
            Self::Stop => "SIGTERM".to_owned(),
            Self::Pause => "SIGSTOP".to_owned(),
            Self::Freeze => "freeze".to_owned(),
            Self::Starve(percent) => format!("{percent} % of a processor"),
            Self::Double => "a second one started beside it".to_owned(),
            Self::Garbage => "garbage written into the inbound topic".to_owned(),
            Self::WrongType => "a file with a wrong type published".to_owned(),
            Self::Oversized => "oversized records written into the inbound topic".to_owned(),
            Self::Replace(topic) => format!("{topic:?} topic deleted and made again").to_lowercase(),
            Self::Truncate => "input deleted".to_owned(),
            Self::DeleteEntry(entry) => format!("{entry:?} entry of the line deleted").to_lowercase(),
            Self::OtherModel => "restarted with another model".to_owned(),
            Self::FillDisk => "disk full".to_owned(),
            Self::Spoil(Snapshot::Newest) => "a byte of the newest snapshot changed".to_owned(),
            Self::Spoil(Snapshot::All) => "all snapshots cut off".to_owned(),
            Self::Wipe => "disk emptied".to_owned(),
            Self::Limit(resource) => format!("no more {resource:?}").to_lowercase(),
            Self::Lead(to, twist) => format!("led to {} by a proxy: {}", to.words(), twist.words()),
            Self::LinkDown => "link down".to_owned(),
            Self::Cut(from, Way::Both) => format!("cut from {}", from.words()),
            Self::Cut(from, Way::Out) => format!("packets to {} dropped", from.words()),
            Self::Cut(from, Way::In) => format!("packets from {} dropped", from.words()),
            Self::Reset(from) => format!("connections to {} reset", from.words()),
            Self::Lose(percent) => format!("{percent} % of packets lost"),
            Self::Narrow(kilobits) => format!("link of {kilobits} kbit/s"),
        }
    }
}
