//! Who we are to a broker: a derived producer id, and the sequence of an index.

use types::{OutputIndex, SourceId, TopicName};
use xxhash_rust::xxh3::Xxh3Default;

use super::config::Layout;

/// Derived ids begin here, far above the ids that brokers hand out: those count up from 0.
const BASE: i64 = 1 << 62;

/// What part of the hash goes into an id, so that the sum stays positive.
const HASH_BITS: u64 = (1 << 61) - 1;

/// Separates the hashed names; no topic or label can hold it.
const SEPARATOR: [u8; 1] = [0];

/// Sequences are counted in 31 bits.
pub(super) const SEQUENCES: u64 = 1 << 31;

/// The producer id that all replicas share: derived, so that nobody has to agree on it. Frozen: another id wouldn't be fenced.
#[must_use]
pub fn producer_id(label: &str, topic: &TopicName, source: Option<&SourceId>) -> i64 {
    let mut hasher = Xxh3Default::new();
    hasher.update(label.as_bytes());
    hasher.update(&SEPARATOR);
    hasher.update(topic.as_str().as_bytes());
    if let Some(source) = source {
        hasher.update(&SEPARATOR);
        hasher.update(source.as_str().as_bytes());
    }
    BASE + i64::try_from(hasher.digest() & HASH_BITS).unwrap_or_default()
}

/// The sequence of the generation's fence record.
pub(super) const FENCE_SEQUENCE: i32 = 0;

/// The sequence of an index. Where a fence opens the log it has sequence 0, so index 0 has 1.
pub(super) fn sequence(layout: &Layout, index: OutputIndex) -> i32 {
    let before = match layout {
        Layout::Sole | Layout::Journal => 1,
        Layout::Shared { .. } => 0,
    };
    i32::try_from((index.0 + before) % SEQUENCES).unwrap_or_default()
}

/// The sequence after this one, as brokers count.
pub(super) const fn following(sequence: i32) -> i32 {
    if sequence == i32::MAX { 0 } else { sequence + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn producer_ids_never_change() {
        let topic = TopicName::from("HAtopic1_31415.project.query.window.O");
        assert_eq!(producer_id("HAtopic1_31415", &topic, None), GOLDEN_TOPIC);
        assert_eq!(producer_id("HAtopic1_31415", &topic, Some(&SourceId::from("trades.csv"))), GOLDEN_SOURCE);
    }

    const GOLDEN_TOPIC: i64 = 5_650_453_065_895_188_922;
    const GOLDEN_SOURCE: i64 = 6_088_213_516_543_301_262;

    #[test]
    fn a_label_and_a_topic_can_not_be_mistaken_for_each_other() {
        assert_ne!(producer_id("a", &"bc".into(), None), producer_id("ab", &"c".into(), None));
        assert_ne!(producer_id("a", &"b".into(), None), producer_id("a", &"b".into(), Some(&"".into())));
    }

    #[test]
    fn sequences_wrap_and_leave_zero_to_the_first_fence() {
        let shared = Layout::Shared { source: "s".into() };
        assert_eq!(sequence(&Layout::Sole, OutputIndex(0)), 1);
        assert_eq!(sequence(&shared, OutputIndex(0)), 0);
        assert_eq!(sequence(&Layout::Sole, OutputIndex(SEQUENCES - 2)), i32::MAX);
        assert_eq!(sequence(&Layout::Sole, OutputIndex(SEQUENCES - 1)), 0);
        assert_eq!(following(i32::MAX), 0);
        assert_eq!(following(sequence(&Layout::Sole, OutputIndex(7))), sequence(&Layout::Sole, OutputIndex(8)));
    }
}
