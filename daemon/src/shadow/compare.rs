//! Outputs computed here against those in the log: one topic, in order. Pure.

use std::collections::VecDeque;

use types::{Digest, MessageId, OutputIndex, OutputKind, OutputRecord};

/// An output as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Theirs {
    pub(super) index: OutputIndex,
    pub(super) id: MessageId,
    pub(super) part: u32,
    pub(super) kind: OutputKind,
    pub(super) payload: Vec<u8>,
    pub(super) digest: Digest,
    /// Who wrote it.
    pub(super) writer: String,
}

/// The first place where both differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// Computed here; `None`: nothing, where the log has an output.
    pub(super) mine: Option<OutputRecord>,
    /// In the log.
    pub(super) theirs: Theirs,
}

impl Difference {
    /// Both outputs are the same: what differs lies before everything that could be compared.
    pub(super) fn lies_before(&self) -> bool {
        let Self { mine, theirs } = self;
        mine.as_ref().is_some_and(|mine| {
            (mine.id, mine.part, mine.kind) == (theirs.id, theirs.part, theirs.kind) && mine.payload == theirs.payload
        })
    }
}

/// One outbound topic.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    mine: VecDeque<OutputRecord>,
    theirs: VecDeque<Theirs>,
    identical: u64,
    markers: u64,
    not_compared: u64,
}

impl Comparison {
    /// Outputs computed here that the log hasn't shown yet.
    pub(super) fn ahead(&self) -> u64 {
        self.mine.len() as u64
    }

    /// Outputs of the log that weren't computed here yet.
    pub(super) fn behind(&self) -> u64 {
        self.theirs.len() as u64
    }

    /// Outputs with a payload that were found identical.
    pub(super) fn identical(&self) -> u64 {
        self.identical
    }

    /// Outputs that only one side has, because the log has lost its beginning, or this side began later. The first
    /// digest compared covers them.
    pub(super) fn not_compared(&self) -> u64 {
        self.not_compared
    }

    pub(super) fn push_mine(&mut self, records: impl Iterator<Item = OutputRecord>) {
        self.mine.extend(records);
    }

    pub(super) fn push_theirs(&mut self, record: Theirs) {
        self.theirs.push_back(record);
    }

    /// Compares what both sides have. `processed` is the inbound offset that comes next here: whatever was caused by an
    /// earlier one is computed. After a difference nothing is compared any more.
    pub(super) fn advance(&mut self, processed: MessageId) -> Option<Difference> {
        while let Some(theirs) = self.theirs.front() {
            let Some(mine) = self.mine.front() else {
                // Computed here, and nothing came of it.
                let missing = theirs.id < processed;
                return missing.then(|| Difference { mine: None, theirs: theirs.clone() });
            };
            if mine.index != theirs.index && self.identical + self.markers == 0 {
                let first = if mine.index < theirs.index {
                    self.mine.pop_front().map(drop)
                } else {
                    self.theirs.pop_front().map(drop)
                };
                self.not_compared += u64::from(first.is_some());
                continue;
            }
            if mine.index != theirs.index || mine.digest != theirs.digest {
                return Some(Difference { mine: Some(mine.clone()), theirs: theirs.clone() });
            }
            match theirs.kind {
                OutputKind::Data => self.identical += 1,
                OutputKind::Marker => self.markers += 1,
            }
            self.mine.pop_front();
            self.theirs.pop_front();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use types::Timestamp;

    use super::*;

    /// Both sides of a log where input n causes one output with this payload.
    fn outputs(payloads: &[&str]) -> Vec<(OutputRecord, Theirs)> {
        let mut digest = Digest::default();
        let both = |(n, payload): (usize, &&str)| {
            let (index, id, payload) = (OutputIndex(n as u64), MessageId(10 * n as u64), payload.as_bytes().to_vec());
            let kind = OutputKind::Data;
            digest = digest.extend(kind, id, 0, &payload);
            let mine = OutputRecord { index, id, part: 0, time: Timestamp(0), kind, payload: payload.clone(), digest };
            (mine, Theirs { index, id, part: 0, kind, payload, digest, writer: "esp-1.1".to_owned() })
        };
        payloads.iter().enumerate().map(both).collect()
    }

    fn mine(payloads: &[&str], from: usize) -> impl Iterator<Item = OutputRecord> {
        outputs(payloads).into_iter().skip(from).map(|(mine, _)| mine)
    }

    fn show(comparison: &mut Comparison, payloads: &[&str], from: usize) {
        outputs(payloads).into_iter().skip(from).for_each(|(_, theirs)| comparison.push_theirs(theirs));
    }

    const NOT_YET: MessageId = MessageId(0);

    #[test]
    fn whoever_is_ahead_waits_for_the_other() {
        let mut comparison = Comparison::default();
        comparison.push_mine(mine(&["a", "b", "c"], 0));
        assert_eq!((comparison.advance(MessageId(21)), comparison.ahead()), (None, 3));
        show(&mut comparison, &["a", "b", "c", "d", "e"], 0);
        assert_eq!(comparison.advance(MessageId(21)), None);
        assert_eq!((comparison.identical(), comparison.ahead(), comparison.behind()), (3, 0, 2));
    }

    #[test]
    fn the_first_different_output_is_told_with_both_values() {
        let mut comparison = Comparison::default();
        comparison.push_mine(mine(&["a", "B", "c"], 0));
        show(&mut comparison, &["a", "b", "c"], 0);
        let difference = comparison.advance(NOT_YET).expect("a difference");
        assert_eq!(difference.theirs.index, OutputIndex(1));
        assert_eq!(
            (difference.mine.as_ref().map(|mine| &mine.payload[..]), &difference.theirs.payload[..]),
            (Some(&b"B"[..]), &b"b"[..])
        );
        assert!(!difference.lies_before());
        assert_eq!(comparison.identical(), 1);
    }

    #[test]
    fn an_output_that_only_the_log_has_is_a_difference_once_its_input_is_processed() {
        let mut comparison = Comparison::default();
        show(&mut comparison, &["a", "b"], 0);
        comparison.push_mine(mine(&["a"], 0));
        assert_eq!(comparison.advance(MessageId(10)), None, "input 10 isn't processed yet");
        let difference = comparison.advance(MessageId(11)).expect("a difference");
        assert_eq!((difference.mine, difference.theirs.id), (None, MessageId(10)));
    }

    #[test]
    fn what_the_log_has_lost_is_covered_by_the_first_digest_that_is_left() {
        let mut comparison = Comparison::default();
        comparison.push_mine(mine(&["a", "b", "c"], 0));
        show(&mut comparison, &["a", "b", "c"], 2);
        assert_eq!((comparison.advance(NOT_YET), comparison.not_compared(), comparison.identical()), (None, 2, 1));

        let mut comparison = Comparison::default();
        comparison.push_mine(mine(&["A", "b", "c"], 0));
        show(&mut comparison, &["a", "b", "c"], 2);
        assert!(comparison.advance(NOT_YET).expect("a difference").lies_before());
    }

    #[test]
    fn a_shadow_that_begins_in_the_middle_passes_over_what_was_before() {
        let mut comparison = Comparison::default();
        comparison.push_mine(mine(&["a", "b", "c"], 2));
        show(&mut comparison, &["a", "b", "c"], 0);
        assert_eq!((comparison.advance(NOT_YET), comparison.identical()), (None, 1));
    }

    #[test]
    fn a_hole_after_that_is_a_difference() {
        let mut comparison = Comparison::default();
        comparison.push_mine(mine(&["a", "b", "c"], 0));
        show(&mut comparison, &["a"], 0);
        show(&mut comparison, &["a", "b", "c"], 2);
        assert_eq!(comparison.advance(NOT_YET).expect("a difference").theirs.index, OutputIndex(2));
    }
}
