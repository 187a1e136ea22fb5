//! Everybody compares (rule R10): digests of the log against digests computed here, whoever comes first.

use std::collections::VecDeque;
use std::sync::Arc;

use types::{Digest, MessageId, OutputIndex};

use crate::output::OutputBlock;

/// The rolling digest at one place: equal there means equal everywhere before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which output.
    pub index: OutputIndex,
    /// Its message id.
    pub id: MessageId,
    /// The rolling digest up to and including it.
    pub digest: Digest,
    /// Who wrote it.
    pub writer: Arc<str>,
}

impl Checkpoint {
    /// Holds what the log shows here against what was computed.
    ///
    /// # Errors
    /// [`OutputBlock::Diverged`].
    pub fn agree(&self, mine: Digest) -> Result<(), OutputBlock> {
        if mine == self.digest {
            return Ok(());
        }
        Err(OutputBlock::Diverged {
            index: self.index,
            id: self.id,
            mine,
            theirs: self.digest,
            writer: self.writer.to_string(),
        })
    }
}

/// Checkpoints that wait for the other side. Bounded: when full every second one goes, for a later match covers the whole
/// prefix; the newest always stays.
#[derive(Debug)]
pub struct Checkpoints {
    points: VecDeque<Checkpoint>,
    newest: Option<Checkpoint>,
    /// Only indexes divisible by this are noted.
    stride: u64,
    max: usize,
}

impl Checkpoints {
    /// An empty ring of at most `max` checkpoints, at least two.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { points: VecDeque::new(), newest: None, stride: 1, max: max.max(2) }
    }

    /// Adds a checkpoint; indexes ascend.
    pub fn note(&mut self, point: Checkpoint) {
        if point.index.0.is_multiple_of(self.stride) {
            self.points.push_back(point.clone());
        }
        self.newest = Some(point);
        while self.points.len() > self.max {
            self.stride *= 2;
            let stride = self.stride;
            self.points.retain(|point| point.index.0.is_multiple_of(stride));
        }
    }

    /// The checkpoint at `index`, if it was kept; those below are forgotten.
    pub fn take(&mut self, index: OutputIndex) -> Option<Checkpoint> {
        while self.points.front().is_some_and(|point| point.index < index) {
            self.points.pop_front();
        }
        if self.points.is_empty() {
            self.stride = 1;
        }
        if self.newest.as_ref().is_some_and(|point| point.index < index) {
            self.newest = None;
        }
        let newest = self.newest.take_if(|point| point.index == index);
        let kept =
            if self.points.front().is_some_and(|point| point.index == index) { self.points.pop_front() } else { None };
        kept.or(newest)
    }

    /// Forgets what stands at `end` or above: it left the log.
    pub fn cut(&mut self, end: OutputIndex) {
        self.points.retain(|point| point.index < end);
        self.newest.take_if(|point| point.index >= end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(index: u64) -> Checkpoint {
        Checkpoint {
            index: OutputIndex(index),
            id: MessageId(index),
            digest: Digest(u128::from(index)),
            writer: "w".into(),
        }
    }

    #[test]
    fn a_full_ring_thins_out_and_keeps_the_newest() {
        let mut ring = Checkpoints::new(8);
        (0..103).for_each(|index| ring.note(point(index)));
        assert!(ring.points.len() <= 8);
        assert_eq!(ring.take(OutputIndex(33)), None);
        assert!((34..102).any(|index| ring.take(OutputIndex(index)).is_some()));
        assert_eq!(ring.take(OutputIndex(102)), Some(point(102)));
        assert_eq!(ring.take(OutputIndex(103)), None);
        assert_eq!(ring.stride, 1);
    }

    #[test]
    fn what_left_the_log_is_forgotten() {
        let mut ring = Checkpoints::new(8);
        (0..5).for_each(|index| ring.note(point(index)));
        ring.cut(OutputIndex(3));
        assert_eq!(ring.take(OutputIndex(2)), Some(point(2)));
        assert_eq!(ring.take(OutputIndex(4)), None);
    }
}
