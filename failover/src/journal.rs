//! The journal: in which order several inbound topics are consumed.
//!
//! Each topic has an order of its own, two of them together have none: replicas could interleave them differently. So the
//! active *decides*, and appends each decision to the journal as record n of it; the log refuses a second one in its place.
//! A decision counts only once it is read back, by the active like by everybody: from then on every replica consumes alike.
//!
//! ```text
//! records wait ──▶ decide ──▶ (append, read back) ──▶ Journal::read_back ──▶ next_run ──▶ consumed
//! ```
//! Two who decide at once are harmless: what stands in the log first is the decision, the other one's is void, and it decides
//! anew behind it. See `docs/decisions` for why the journal is a log of its own.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use types::{InputId, Offset, OutputIndex, Timestamp};

/// Offsets that one decision may cover, all topics together; the rest waits for the next decision.
pub const DECISION_OFFSETS_MAX: u64 = 8_192;
/// Runs of one decision; at the bound the decision ends, so that its record stays small.
pub const DECISION_RUNS_MAX: usize = 2_048;
/// Decisions read ahead of what is consumed; at the bound the shell reads no further one.
pub const DECISIONS_AHEAD_MAX: usize = 64;
/// Inbound topics of a project; more are refused.
pub const INPUTS_MAX: usize = 64;

/// A stretch of one inbound topic: the records from where it is consumed so far to just before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputRun {
    /// Whose records.
    pub input: InputId,
    /// One past the last of them.
    pub until: Offset,
}

/// One record of the journal: which records come next, in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Its place in the journal.
    pub index: OutputIndex,
    /// Per inbound topic, where the decision before it ends.
    pub from: Vec<Offset>,
    /// In order; never empty, and each run has an offset at least.
    pub runs: Vec<InputRun>,
}

impl Decision {
    /// Per inbound topic, where this decision ends.
    #[must_use]
    pub fn until(&self) -> Vec<Offset> {
        let mut until = self.from.clone();
        for run in &self.runs {
            if let Some(end) = until.get_mut(run.input.0) {
                *end = run.until;
            }
        }
        until
    }

    /// Offsets that it covers.
    #[must_use]
    pub fn offsets(&self) -> u64 {
        self.until().iter().zip(&self.from).map(|(until, from)| until.0.saturating_sub(from.0)).sum()
    }
}

/// Why what stands in the journal can't be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalFault {
    /// A decision is missing: the journal lost records, or another one is read.
    Missing {
        /// What comes next here.
        expected: OutputIndex,
        /// What stands there.
        found: OutputIndex,
    },
    /// It doesn't begin where the one before it ends.
    Unconnected {
        /// Which decision.
        index: OutputIndex,
    },
    /// It names a topic that the generation doesn't have, or a run without records.
    Impossible {
        /// Which decision.
        index: OutputIndex,
    },
}

impl fmt::Display for JournalFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { expected, found } => write!(f, "decision {found} stands where {expected} belongs"),
            Self::Unconnected { index } => write!(f, "decision {index} doesn't begin where the one before it ends"),
            Self::Impossible { index } => write!(f, "decision {index} names records that can't be"),
        }
    }
}

impl core::error::Error for JournalFault {}

/// What reading a decision back did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadBack {
    /// Its records come next.
    Taken,
    /// It was read before, or another one stands in its place before it: it has no effect, for everybody alike.
    Void,
}

/// What one replica knows of the journal.
#[derive(Debug, Clone)]
pub struct Journal {
    /// Per inbound topic, one past the last offset consumed.
    consumed: Vec<Offset>,
    /// Per inbound topic, one past the last offset decided on.
    decided: Vec<Offset>,
    /// The decision that comes next in the log; `None` after a snapshot, until the first one is read.
    next: Option<OutputIndex>,
    /// Read back, in order, and not wholly consumed.
    ahead: VecDeque<Ahead>,
    /// Where the last decision that was read stands.
    last: Option<Offset>,
    /// Decided here and not read back: the one decision that may be on its way.
    proposed: Option<OutputIndex>,
}

/// A decision that is being consumed, or will be.
#[derive(Debug, Clone)]
struct Ahead {
    place: Offset,
    runs: VecDeque<InputRun>,
}

impl Journal {
    /// At the beginning of a generation, whose inbound topics begin at `origins`.
    ///
    /// # Panics
    /// When there are none, or more than [`INPUTS_MAX`].
    #[must_use]
    pub fn new(origins: Vec<Offset>) -> Self {
        Self { next: Some(OutputIndex(0)), ..Self::resume(origins) }
    }

    /// Where a snapshot ends: the journal has to be read from [`Journal::place`] of then.
    ///
    /// # Panics
    /// As [`Journal::new`].
    #[must_use]
    pub fn resume(consumed: Vec<Offset>) -> Self {
        assert!((1..=INPUTS_MAX).contains(&consumed.len()), "a journal of {} inbound topics", consumed.len());
        Self { decided: consumed.clone(), consumed, next: None, ahead: VecDeque::new(), last: None, proposed: None }
    }

    /// Hears what stands at `place` in the journal, decision after decision in log order.
    ///
    /// # Errors
    /// [`JournalFault`]: this replica can't know in which order to go on.
    pub fn read_back(&mut self, place: Offset, decision: &Decision) -> Result<ReadBack, JournalFault> {
        self.check(decision)?;
        let index = decision.index;
        match self.next {
            Some(next) if index < next => return Ok(ReadBack::Void),
            Some(next) if index > next => return Err(JournalFault::Missing { expected: next, found: index }),
            Some(_) if decision.from != self.decided => return Err(JournalFault::Unconnected { index }),
            // After a snapshot the first one may be half consumed.
            None if !self.is_within(decision) => return Err(JournalFault::Unconnected { index }),
            Some(_) | None => {}
        }
        self.next = Some(index.next());
        self.proposed = self.proposed.filter(|proposed| *proposed > index);
        self.decided = decision.until();
        self.last = Some(place);
        self.ahead.push_back(Ahead { place, runs: decision.runs.iter().copied().collect() });
        self.drop_consumed();
        Ok(ReadBack::Taken)
    }

    fn check(&self, decision: &Decision) -> Result<(), JournalFault> {
        let impossible = Err(JournalFault::Impossible { index: decision.index });
        if decision.from.len() != self.consumed.len() || decision.runs.is_empty() {
            return impossible;
        }
        let mut end = decision.from.clone();
        for run in &decision.runs {
            match end.get_mut(run.input.0) {
                Some(end) if *end < run.until => *end = run.until,
                Some(_) | None => return impossible,
            }
        }
        Ok(())
    }

    fn is_within(&self, decision: &Decision) -> bool {
        let until = decision.until();
        self.consumed.iter().zip(decision.from.iter().zip(&until)).all(|(at, (from, until))| from <= at && at <= until)
    }

    /// The stretch to be consumed now.
    #[must_use]
    pub fn next_run(&self) -> Option<InputRun> {
        self.ahead.front().and_then(|ahead| ahead.runs.front()).copied()
    }

    /// Records of the stretch at hand were consumed, up to just before `next`.
    ///
    /// # Panics
    /// When they aren't of that stretch: the shell's mistake.
    pub fn consumed(&mut self, input: InputId, next: Offset) {
        let run = self.next_run();
        let fits = run.is_some_and(|run| run.input == input && self.consumed[input.0] <= next && next <= run.until);
        assert!(fits, "consumed input {input} up to {next}, the journal says {run:?}");
        self.consumed[input.0] = next;
        self.drop_consumed();
    }

    fn drop_consumed(&mut self) {
        while let Some(ahead) = self.ahead.front_mut() {
            while ahead.runs.front().is_some_and(|run| run.until <= self.consumed[run.input.0]) {
                ahead.runs.pop_front();
            }
            if !ahead.runs.is_empty() {
                return;
            }
            self.ahead.pop_front();
        }
    }

    /// Decides on records that wait behind everything decided: by the brokers' time, equal times in the topics' order, which
    /// is about how they came. `waiting` gives per inbound topic the offsets and times of its records from
    /// [`Journal::decided`] on. `None` while a decision of this replica is on its way, or nothing waits.
    ///
    /// Whatever waits is decided on at once, never lingering: while a decision is on its way, more gathers for the next.
    pub fn decide<I>(&mut self, waiting: impl IntoIterator<Item = I>) -> Option<Decision>
    where
        I: Iterator<Item = (Offset, Timestamp)>,
    {
        let index = self.next.filter(|_| self.proposed.is_none())?;
        let mut waiting: Vec<_> = waiting.into_iter().map(Iterator::peekable).collect();
        assert_eq!(waiting.len(), self.decided.len(), "one line of records per inbound topic");
        let mut runs: Vec<InputRun> = Vec::new();
        let mut ends = self.decided.clone();
        let mut offsets = 0;
        loop {
            let times = waiting.iter_mut().enumerate().filter_map(|(i, line)| line.peek().map(|(_, time)| (*time, i)));
            let Some((_, first)) = times.min() else { break };
            let Some((offset, _)) = waiting[first].next() else { break };
            assert!(ends[first] <= offset, "input {first} shows {offset}, decided is up to {}", ends[first]);
            offsets += offset.next().0 - ends[first].0;
            // One record is always decided on, however far its offset lies ahead.
            if offsets > DECISION_OFFSETS_MAX && !runs.is_empty() {
                break;
            }
            ends[first] = offset.next();
            let is_full = runs.len() >= DECISION_RUNS_MAX;
            match runs.last_mut() {
                Some(run) if run.input.0 == first => run.until = offset.next(),
                Some(_) if is_full => break,
                Some(_) | None => runs.push(InputRun { input: InputId(first), until: offset.next() }),
            }
        }
        if runs.is_empty() {
            return None;
        }
        self.proposed = Some(index);
        Some(Decision { index, from: self.decided.clone(), runs })
    }

    /// Per inbound topic, one past the last offset decided on.
    #[must_use]
    pub fn decided(&self) -> &[Offset] {
        &self.decided
    }

    /// Per inbound topic, one past the last offset consumed.
    #[must_use]
    pub fn positions(&self) -> &[Offset] {
        &self.consumed
    }

    /// Decisions that are read and not wholly consumed.
    #[must_use]
    pub fn ahead(&self) -> usize {
        self.ahead.len()
    }

    /// From where the journal has to be read to go on after what is consumed now: the decision at hand, or else the last one,
    /// whose index tells which comes next. `None` before the first.
    #[must_use]
    pub fn place(&self) -> Option<Offset> {
        self.ahead.front().map(|ahead| ahead.place).or(self.last)
    }

    /// Whether a decision of this replica is on its way.
    #[must_use]
    pub fn is_deciding(&self) -> bool {
        self.proposed.is_some()
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
