//! One record of an outbound topic, as determinism fixes it before anybody writes it.

use alloc::vec::Vec;

use crate::{Digest, MessageId, OutputIndex, Timestamp};

/// What an output record is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutputKind {
    /// Carries a payload for readers.
    Data,
    /// Null value; keeps the broker's producer state and the log's last segment alive on an idle topic.
    Marker,
}

/// One record of an outbound topic, fixed by the input alone: equal on all replicas, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputRecord {
    /// Its place in the topic and generation.
    pub index: OutputIndex,
    /// The inbound offset that caused it.
    pub id: MessageId,
    /// Which of several records with the same id; 0 for the first or only one.
    pub part: u32,
    /// The engine's time at that input.
    pub time: Timestamp,
    /// Data or marker.
    pub kind: OutputKind,
    /// The encoded events; empty for a marker.
    pub payload: Vec<u8>,
    /// Rolling digest up to and including this record.
    pub digest: Digest,
}

impl Digest {
    /// The digest after one more output.
    #[must_use]
    pub fn extend(self, kind: OutputKind, id: MessageId, part: u32, payload: &[u8]) -> Self {
        let mut hasher = xxhash_rust::xxh3::Xxh3Default::new();
        hasher.update(&[kind as u8]);
        hasher.update(&self.0.to_le_bytes());
        hasher.update(&id.0.to_le_bytes());
        hasher.update(&part.to_le_bytes());
        hasher.update(payload);
        Self(hasher.digest128())
    }
}
