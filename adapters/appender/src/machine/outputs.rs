//! The outputs that the log still owes, and a bounded number of published ones behind them.

use std::collections::VecDeque;

use ports::output::SourcedRecord;
use types::{OutputIndex, OutputRecord};

use super::config::Bounds;

/// One record to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Output(OutputRecord),
    Sourced(SourcedRecord),
}

impl Item {
    pub(super) fn index(&self) -> OutputIndex {
        match self {
            Self::Output(record) => record.index,
            Self::Sourced(record) => OutputIndex(record.source.position.index),
        }
    }

    /// Bytes on the wire before compression, about: the payload and what headers need.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Output(record) => record.payload.len() + HEADER_BYTES,
            Self::Sourced(record) => record.payload.len() + HEADER_BYTES + record.source.id.as_str().len(),
        }
    }
}

/// What the headers of a record take, rounded up.
const HEADER_BYTES: usize = 200;

/// Outputs in index order without holes: published ones that are kept, then owed ones.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    items: VecDeque<Item>,
    /// Index of the first item; meaningless before the first push.
    start: u64,
    /// The first owed index.
    owed: u64,
    /// Bytes of the kept items.
    kept_bytes: usize,
    begun: bool,
}

impl Outputs {
    /// Adds an output.
    ///
    /// # Panics
    /// When it doesn't follow on the one before: the owner's mistake.
    pub(super) fn push(&mut self, item: Item) {
        let index = item.index().0;
        if self.begun {
            assert_eq!(index, self.end().0, "outputs must follow on each other");
        } else {
            self.begun = true;
            self.start = index;
            self.owed = index;
        }
        self.items.push_back(item);
    }

    /// Forgets everything, so that the next push may begin anywhere.
    pub(super) fn begin_again(&mut self) {
        *self = Self::default();
    }

    /// One past the last output pushed; 0 before the first.
    pub(super) fn end(&self) -> OutputIndex {
        OutputIndex(self.start + self.items.len() as u64)
    }

    /// The first output that could be sent again, once there was one.
    pub(super) fn start(&self) -> Option<OutputIndex> {
        self.begun.then_some(OutputIndex(self.start))
    }

    /// One past the last output dropped.
    pub(super) fn owed_from(&self) -> OutputIndex {
        OutputIndex(self.owed)
    }

    /// How many outputs are owed.
    pub(super) fn owed_len(&self) -> usize {
        usize::try_from(self.end().0 - self.owed).unwrap_or(usize::MAX)
    }

    pub(super) fn get(&self, index: OutputIndex) -> Option<&Item> {
        let place = index.0.checked_sub(self.start)?;
        self.items.get(usize::try_from(place).ok()?)
    }

    /// Drops what is published below `end`, but keeps the newest of it within the bounds.
    pub(super) fn drop_below(&mut self, end: OutputIndex, bounds: &Bounds) {
        while self.owed < end.0.min(self.end().0) {
            self.kept_bytes += self.get(OutputIndex(self.owed)).map_or(0, Item::bytes);
            self.owed += 1;
        }
        while self.start < self.owed
            && (self.owed - self.start > bounds.kept_records_max as u64 || self.kept_bytes > bounds.kept_bytes_max)
        {
            let Some(item) = self.items.pop_front() else { break };
            self.kept_bytes -= item.bytes();
            self.start += 1;
        }
    }

    /// Owes again what the log has lost from `end` on (rule R8).
    ///
    /// # Errors
    /// One past the last output that is gone from here too, when something between is missing.
    pub(super) fn owe_again(&mut self, end: OutputIndex) -> Result<(), OutputIndex> {
        if !self.begun {
            return Ok(());
        }
        if end.0 < self.start {
            return Err(OutputIndex(self.owed));
        }
        while self.owed > end.0 {
            self.owed -= 1;
            self.kept_bytes -= self.get(OutputIndex(self.owed)).map_or(0, Item::bytes);
        }
        Ok(())
    }

    /// How many records from `first` on fit into a batch; at least one when there is one.
    pub(super) fn fit(&self, first: OutputIndex, records_max: usize, bytes_max: usize) -> usize {
        let mut bytes = 0;
        let mut count = 0;
        for item in self.range(first, records_max) {
            bytes += item.bytes();
            if count > 0 && bytes > bytes_max {
                break;
            }
            count += 1;
        }
        count
    }

    /// Up to `count` outputs from `first` on.
    pub(super) fn range(&self, first: OutputIndex, count: usize) -> impl Iterator<Item = &Item> + Clone {
        let from = first.0.checked_sub(self.start).and_then(|place| usize::try_from(place).ok()).unwrap_or(usize::MAX);
        let from = from.min(self.items.len());
        let to = from.saturating_add(count).min(self.items.len());
        self.items.range(from..to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Digest, MessageId, OutputKind, Timestamp};

    fn output(index: u64, bytes: usize) -> Item {
        Item::Output(OutputRecord {
            index: OutputIndex(index),
            id: MessageId(index),
            part: 0,
            time: Timestamp(0),
            kind: OutputKind::Data,
            payload: vec![0; bytes],
            digest: Digest(0),
        })
    }

    fn filled(from: u64, to: u64) -> Outputs {
        let mut outputs = Outputs::default();
        (from..to).for_each(|index| outputs.push(output(index, 100)));
        outputs
    }

    #[test]
    fn published_outputs_are_kept_up_to_the_bound() {
        let bounds = Bounds { kept_records_max: 3, ..Bounds::default() };
        let mut outputs = filled(5, 20);
        outputs.drop_below(OutputIndex(12), &bounds);
        assert_eq!(
            (outputs.start(), outputs.owed_from(), outputs.owed_len()),
            (Some(OutputIndex(9)), OutputIndex(12), 8)
        );
        assert_eq!(outputs.owe_again(OutputIndex(8)), Err(OutputIndex(12)));
        assert_eq!(outputs.owe_again(OutputIndex(10)), Ok(()));
        assert_eq!(outputs.owed_len(), 10);
        outputs.drop_below(OutputIndex(100), &bounds);
        assert_eq!((outputs.owed_len(), outputs.end()), (0, OutputIndex(20)));
    }

    #[test]
    fn a_batch_is_bounded_but_never_empty() {
        let outputs = filled(0, 10);
        assert_eq!(outputs.fit(OutputIndex(0), 4, usize::MAX), 4);
        assert_eq!(outputs.fit(OutputIndex(0), 100, 650), 2);
        assert_eq!(outputs.fit(OutputIndex(0), 100, 1), 1);
        assert_eq!(outputs.fit(OutputIndex(10), 100, 1), 0);
    }
}
