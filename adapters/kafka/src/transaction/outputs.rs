//! The outputs that the log hasn't shown yet, in the runs in which they were computed.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use types::{OutputIndex, OutputRecord};

/// What the headers of a record take, rounded up.
const HEADER_BYTES: usize = 200;

/// Outputs in index order without holes. Runs are shared with the thread that writes them, so nothing is copied on the way.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    runs: VecDeque<Arc<Vec<OutputRecord>>>,
    end: u64,
    begun: bool,
}

/// Outputs that follow on each other, as parts of runs.
#[derive(Debug, Default, Clone)]
pub(crate) struct Batch {
    parts: Vec<(Arc<Vec<OutputRecord>>, Range<usize>)>,
}

impl Batch {
    pub(crate) fn records(&self) -> impl Iterator<Item = &OutputRecord> {
        self.parts.iter().flat_map(|(run, range)| &run[range.clone()])
    }

    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|(_, range)| range.len()).sum()
    }
}

impl Outputs {
    /// Adds a run.
    ///
    /// # Panics
    /// When it doesn't follow on the one before: the owner's mistake.
    pub(super) fn push(&mut self, run: Vec<OutputRecord>) {
        for record in &run {
            assert!(!self.begun || record.index.0 == self.end, "outputs must follow on each other");
            self.begun = true;
            self.end = record.index.0 + 1;
        }
        if !run.is_empty() {
            self.runs.push_back(Arc::new(run));
        }
    }

    /// One past the last output pushed; 0 before the first.
    pub(super) fn end(&self) -> OutputIndex {
        OutputIndex(self.end)
    }

    /// The first output that could be sent, once there was one.
    pub(super) fn start(&self) -> Option<OutputIndex> {
        self.begun.then(|| self.runs.front().and_then(|run| run.first()).map_or(self.end(), |record| record.index))
    }

    pub(super) fn get(&self, index: OutputIndex) -> Option<&OutputRecord> {
        let run = self.runs.get(self.run_of(index)?)?;
        let first = run.first()?.index.0;
        run.get(usize::try_from(index.0 - first).ok()?)
    }

    /// Forgets the runs that end below `end`; a run that is only in part below stays whole.
    pub(super) fn drop_below(&mut self, end: OutputIndex) {
        while self.runs.front().and_then(|run| run.last()).is_some_and(|last| last.index < end) {
            self.runs.pop_front();
        }
    }

    /// What fits into a transaction from `first` on: one record at least, when there is one.
    pub(super) fn batch(&self, first: OutputIndex, records_max: usize, bytes_max: usize) -> Batch {
        let mut batch = Batch::default();
        let (mut records, mut bytes) = (0, 0);
        let Some(place) = self.run_of(first) else { return batch };
        for run in self.runs.range(place..) {
            let from = run.iter().take_while(|record| record.index < first).count();
            let fits = run[from..].iter().take_while(|record| {
                records += 1;
                bytes += record.payload.len() + HEADER_BYTES;
                records == 1 || (records <= records_max && bytes <= bytes_max)
            });
            let to = from + fits.count();
            if to > from {
                batch.parts.push((Arc::clone(run), from..to));
            }
            if to < run.len() {
                break;
            }
        }
        batch
    }

    /// Which run holds an output.
    fn run_of(&self, index: OutputIndex) -> Option<usize> {
        let place = self.runs.partition_point(|run| run.last().is_some_and(|last| last.index < index));
        let holds = self.runs.get(place)?.first().is_some_and(|first| first.index <= index);
        holds.then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine_tests::output;
    use super::*;

    fn filled(runs: &[Range<u64>]) -> Outputs {
        let mut outputs = Outputs::default();
        runs.iter().for_each(|run| outputs.push(run.clone().map(output).collect()));
        outputs
    }

    fn indexes(batch: &Batch) -> Vec<u64> {
        batch.records().map(|record| record.index.0).collect()
    }

    #[test]
    fn a_batch_crosses_runs_and_is_bounded_but_never_empty() {
        let outputs = filled(&[5..8, 8..9, 9..14]);
        assert_eq!(indexes(&outputs.batch(OutputIndex(6), 5, usize::MAX)), [6, 7, 8, 9, 10]);
        assert_eq!(indexes(&outputs.batch(OutputIndex(7), 100, 1)), [7]);
        assert_eq!(indexes(&outputs.batch(OutputIndex(12), 100, usize::MAX)), [12, 13]);
        assert_eq!(outputs.batch(OutputIndex(14), 100, usize::MAX).len(), 0);
        assert_eq!(outputs.batch(OutputIndex(4), 100, usize::MAX).len(), 0);
    }

    #[test]
    fn whole_runs_are_forgotten() {
        let mut outputs = filled(&[5..8, 8..9, 9..14]);
        outputs.drop_below(OutputIndex(9));
        assert_eq!((outputs.start(), outputs.end()), (Some(OutputIndex(9)), OutputIndex(14)));
        outputs.drop_below(OutputIndex(11));
        assert_eq!(outputs.get(OutputIndex(9)).map(|record| record.index), Some(OutputIndex(9)));
        assert_eq!(outputs.get(OutputIndex(8)), None);
        outputs.drop_below(OutputIndex(14));
        assert_eq!((outputs.start(), outputs.get(OutputIndex(13))), (Some(OutputIndex(14)), None));
    }
}
