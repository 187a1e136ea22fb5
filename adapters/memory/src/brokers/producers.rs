//! What a broker remembers of producers: the guard of the sequenced append.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use appender::wire::ErrorCode;
use types::Tick;

/// Batches remembered of a producer while the broker runs; a repeat of an older one is refused.
const BATCHES_MAX: usize = 5;
/// Batches remembered of a producer after its memory was rebuilt from the log.
const BATCHES_REBUILT: usize = 1;

/// Who appended a batch, and where it belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) id: i64,
    pub(super) epoch: i16,
    pub(super) first: i32,
    pub(super) last: i32,
}

impl Signature {
    /// `first` and the sequence of the last of `count` records, which wraps.
    pub(super) fn new(id: i64, epoch: i16, first: i32, count: u64) -> Self {
        let last = (i64::from(first) + i64::try_from(count).unwrap_or(1) - 1).rem_euclid(1 << 31);
        Self { id, epoch, first, last: i32::try_from(last).unwrap_or(0) }
    }
}

/// What is known of one producer.
#[derive(Debug, Clone)]
struct Memory {
    epoch: i16,
    /// (first sequence, last sequence, base offset), oldest first.
    batches: VecDeque<(i32, i32, u64)>,
    /// When it last appended, by the appending broker's clock.
    at: Tick,
}

/// What a broker makes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It comes next, or nothing is known that speaks against it.
    Append,
    /// It is there already, from this offset on.
    Repeat(u64),
    /// It is refused.
    Refuse(ErrorCode),
}

/// The producers that one replica of a partition knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Producers(BTreeMap<i64, Memory>);

impl Producers {
    /// Newer epochs begin at 0, older ones are fenced, a known batch is a repeat, else only the next sequence is taken.
    /// Without any memory everything is taken: that is what the rules of the append are for.
    pub(super) fn judge(&self, batch: &Signature) -> Judgement {
        let Some(memory) = self.0.get(&batch.id) else { return Judgement::Append };
        match batch.epoch.cmp(&memory.epoch) {
            std::cmp::Ordering::Less => Judgement::Refuse(ErrorCode::INVALID_PRODUCER_EPOCH),
            std::cmp::Ordering::Greater if batch.first == 0 => Judgement::Append,
            std::cmp::Ordering::Greater => Judgement::Refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER),
            std::cmp::Ordering::Equal => memory.judge(batch),
        }
    }

    pub(super) fn remember(&mut self, batch: &Signature, base: u64, at: Tick) {
        self.note(batch, base, at, BATCHES_MAX);
    }

    /// Forgets everything but what these batches of the log show.
    pub(super) fn rebuild(&mut self, batches: impl Iterator<Item = (Signature, u64, Tick)>) {
        self.0.clear();
        for (batch, base, at) in batches {
            self.note(&batch, base, at, BATCHES_REBUILT);
        }
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Forgets whoever was silent for `expiry` at the time `now` of the broker's own clock.
    pub(super) fn expire(&mut self, now: Tick, expiry: Duration) {
        self.0.retain(|_, memory| now.since(memory.at) < expiry);
    }

    /// Id, epoch and last sequence of everybody known.
    pub(super) fn all(&self) -> impl Iterator<Item = (i64, i16, Option<i32>)> + '_ {
        self.0.iter().map(|(id, memory)| (*id, memory.epoch, memory.batches.back().map(|(_, last, _)| *last)))
    }

    fn note(&mut self, batch: &Signature, base: u64, at: Tick, keep: usize) {
        let memory =
            self.0.entry(batch.id).or_insert_with(|| Memory { epoch: batch.epoch, batches: VecDeque::new(), at });
        if memory.epoch != batch.epoch {
            memory.epoch = batch.epoch;
            memory.batches.clear();
        }
        memory.at = at;
        memory.batches.push_back((batch.first, batch.last, base));
        while memory.batches.len() > keep {
            memory.batches.pop_front();
        }
    }
}

impl Memory {
    fn judge(&self, batch: &Signature) -> Judgement {
        let repeat = self.batches.iter().find(|(first, last, _)| (*first, *last) == (batch.first, batch.last));
        if let Some((_, _, base)) = repeat {
            return Judgement::Repeat(*base);
        }
        let next = self.batches.back().map(|(_, last, _)| if *last == i32::MAX { 0 } else { last + 1 });
        if next == Some(batch.first) {
            Judgement::Append
        } else {
            Judgement::Refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(epoch: i16, first: i32, count: u64) -> Signature {
        Signature::new(9, epoch, first, count)
    }

    fn known(batches: impl IntoIterator<Item = Signature>) -> Producers {
        let mut producers = Producers::default();
        for (place, batch) in batches.into_iter().enumerate() {
            producers.remember(&batch, place as u64 * 10, Tick(0));
        }
        producers
    }

    const REFUSED: Judgement = Judgement::Refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);

    #[test]
    fn without_memory_everything_is_taken() {
        assert_eq!(Producers::default().judge(&batch(1, 777, 3)), Judgement::Append);
    }

    #[test]
    fn only_an_exact_repeat_of_the_last_five_is_acknowledged_again() {
        let producers = known((0..6).map(|n| batch(1, n * 2, 2)));
        assert_eq!(producers.judge(&batch(1, 2, 2)), Judgement::Repeat(10));
        assert_eq!(producers.judge(&batch(1, 0, 2)), REFUSED);
        assert_eq!(producers.judge(&batch(1, 2, 1)), REFUSED);
        assert_eq!(producers.judge(&batch(1, 12, 9)), Judgement::Append);
        assert_eq!(producers.judge(&batch(1, 13, 1)), REFUSED);
    }

    #[test]
    fn a_newer_epoch_begins_at_zero_and_shuts_the_older_out() {
        let mut producers = known([batch(1, 5, 1)]);
        assert_eq!(producers.judge(&batch(2, 6, 1)), REFUSED);
        assert_eq!(producers.judge(&batch(2, 0, 1)), Judgement::Append);
        producers.remember(&batch(2, 0, 1), 6, Tick(0));
        assert_eq!(producers.judge(&batch(1, 6, 1)), Judgement::Refuse(ErrorCode::INVALID_PRODUCER_EPOCH));
    }

    #[test]
    fn the_sequence_wraps() {
        let producers = known([batch(1, i32::MAX - 1, 4)]);
        assert_eq!(producers.judge(&batch(1, 2, 1)), Judgement::Append);
    }
}
