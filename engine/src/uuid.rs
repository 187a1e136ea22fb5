//! What looks random elsewhere, derived here: every replica gets the same.

use std::fmt::Write as _;

use types::MessageId;
use xxhash_rust::xxh3::Xxh3Default;

/// Replaces `text` by the UUID of what stands at a place: an inbound record, a row in it, and who asks.
///
/// Version 8 of RFC 9562 (custom): 122 bits of xxh3-128 over the place.
pub(crate) fn derive(text: &mut String, id: MessageId, row: usize, salt: &str) {
    let hash = hash(id, row, salt);
    let version = hash & !(0xf << 76) & !(0x3 << 62) | 0x8 << 76 | 0x2 << 62;
    let part = |shift: u32, digits: u32| (version >> shift) & ((1 << (digits * 4)) - 1);
    text.clear();
    // Writing to a String can't fail.
    let _ = write!(
        text,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        part(96, 8),
        part(80, 4),
        part(64, 4),
        part(48, 4),
        part(0, 12)
    );
}

/// A number from 0 on, below 1, with 53 random-looking bits of a place.
pub(crate) fn chance(id: MessageId, row: usize, salt: &str) -> f64 {
    const ONE: f64 = 9_007_199_254_740_992.0;
    ((hash(id, row, salt) as u64) >> 11) as f64 / ONE
}

fn hash(id: MessageId, row: usize, salt: &str) -> u128 {
    let mut hasher = Xxh3Default::new();
    hasher.update(&id.0.to_le_bytes());
    hasher.update(&(row as u64).to_le_bytes());
    hasher.update(salt.as_bytes());
    hasher.digest128()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_always_has_the_same_uuid_and_no_other() {
        let uuid = |id, row, salt| {
            let mut text = String::new();
            derive(&mut text, MessageId(id), row, salt);
            text
        };
        assert_eq!(uuid(7, 0, "cq/in"), uuid(7, 0, "cq/in"));
        for other in [uuid(8, 0, "cq/in"), uuid(7, 1, "cq/in"), uuid(7, 0, "cq/out")] {
            assert_ne!(uuid(7, 0, "cq/in"), other);
        }
        let text = uuid(7, 0, "cq/in");
        assert_eq!((text.len(), &text[14..15], text.matches('-').count()), (36, "8", 4));
    }
}
