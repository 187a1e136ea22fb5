//! Faults: how each begins, and how it is taken back.

mod by_hand;
mod force;
mod who;

pub(crate) use force::InForce;
pub(crate) use who::Who;

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
    /// The first entry of the election line, deleted by hand; nothing to take back.
    DeleteEntry,
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
            Self::DeleteEntry => "first entry of the line deleted".to_owned(),
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
