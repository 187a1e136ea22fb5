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

/// What is hashed of a record before its payload: kind, digest before, id and part.
const HEAD_BYTES: usize = 1 + 16 + 8 + 4;

/// Payloads up to this are put behind their head and hashed in one go, which gives the same hash: starting the hasher for
/// pieces costs more than a small record does.
const ONE_GO_BYTES_MAX: usize = 256;

impl Digest {
    /// The digest after one more output.
    #[must_use]
    pub fn extend(self, kind: OutputKind, id: MessageId, part: u32, payload: &[u8]) -> Self {
        let mut bytes = [0; HEAD_BYTES + ONE_GO_BYTES_MAX];
        let (head, rest) = bytes.split_at_mut(HEAD_BYTES);
        head[0] = kind as u8;
        head[1..17].copy_from_slice(&self.0.to_le_bytes());
        head[17..25].copy_from_slice(&id.0.to_le_bytes());
        head[25..].copy_from_slice(&part.to_le_bytes());
        if let Some(room) = rest.get_mut(..payload.len()) {
            room.copy_from_slice(payload);
            return Self(xxhash_rust::xxh3::xxh3_128(&bytes[..HEAD_BYTES + payload.len()]));
        }
        let mut hasher = xxhash_rust::xxh3::Xxh3Default::new();
        hasher.update(head);
        hasher.update(payload);
        Self(hasher.digest128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digests stand in logs: they may be computed otherwise, never differently.
    #[test]
    fn a_digest_is_the_hash_of_its_pieces_whatever_the_payloads_length() {
        let payload: Vec<u8> = (0..2 * ONE_GO_BYTES_MAX).map(|i| i as u8).collect();
        let mut digest = Digest::default();
        for length in 0..payload.len() {
            let (kind, id, part, payload) = (OutputKind::Data, MessageId(length as u64), 3_u32, &payload[..length]);
            let mut hasher = xxhash_rust::xxh3::Xxh3Default::new();
            hasher.update(&[kind as u8]);
            hasher.update(&digest.0.to_le_bytes());
            hasher.update(&id.0.to_le_bytes());
            hasher.update(&part.to_le_bytes());
            hasher.update(payload);
            digest = digest.extend(kind, id, part, payload);
            assert_eq!(digest, Digest(hasher.digest128()), "{length}");
        }
    }
}
