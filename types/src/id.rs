//! Ids: each a type of its own, so that an offset can never be handed over where an index is meant.

use alloc::string::String;
use core::fmt;

macro_rules! counter_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl $name {
            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter_id! {
    /// A record's place in a Kafka partition, from 0.
    Offset(u64)
}
counter_id! {
    /// The inbound offset that caused an output; ids of one topic never decrease, they may skip.
    ///
    /// With several inbound topics: how far they are consumed together, one less than the sum of the offsets that come next
    /// in those that have brought a record. With one topic that is the offset.
    MessageId(u64)
}
counter_id! {
    /// An output's place in its topic and generation: 0, 1, 2, … without holes.
    OutputIndex(u64)
}
counter_id! {
    /// One reign of an active member, counted by the coordinator.
    Term(u64)
}
counter_id! {
    /// What must be equal for all replicas (model, origin, marker period, …) goes by this number, from 1.
    ///
    /// It is the Kafka producer epoch of every record written under it, hence at most `i16::MAX`.
    Generation(u16)
}
counter_id! {
    /// One start of one process: later starts of the same member have larger numbers.
    Incarnation(u64)
}
counter_id! {
    /// Kafka's count of a partition's leaders.
    LeaderEpoch(u32)
}

/// An inbound topic by its place in the generation's list, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct InputId(pub usize);

impl fmt::Display for InputId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
    };
}

name_id! {
    /// A replica's name, unique in its cluster (`--name`).
    MemberName
}
name_id! {
    /// A Kafka topic's name.
    TopicName
}
name_id! {
    /// Who publishes into an inbound topic: a failover group, a `sourceid`, or the file's canonical path.
    SourceId
}

/// Rolling xxh3-128 over id, part and payload of every output of a topic and generation so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub u128);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Hash of what a model computes: windows, schemas, edges, expressions; not descriptions, layout or connection properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fingerprint(pub u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Where in its source a published block ends; it only grows, so a repeat is recognised by its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SourcePosition {
    /// Blocks published before this one: the publisher's own output index.
    pub index: u64,
    /// Data rows of the source up to the end of this block.
    pub row: u64,
    /// Bytes of the source up to the end of this block.
    pub byte: u64,
}
