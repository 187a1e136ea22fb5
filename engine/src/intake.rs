//! The gate before the engine: what time it is at an inbound record, and whether the record counts.
//!
//! Several writers share an inbound topic (publishers, ticks, users' own producers), so the log alone doesn't say which
//! records are repeats. The gate decides from the records and nothing else, hence every replica decides alike; its state
//! belongs to a snapshot.

use std::collections::BTreeMap;
use std::time::Duration;

use types::mutation::{Mutation, mutated};
use types::{InputId, MessageId, SourceId, SourcePosition, Timestamp};

/// Sources remembered at most; at the bound the one that was silent for the most records is forgotten and counted, and a
/// late repeat of its records would no longer be recognised.
pub const SOURCES_MAX: usize = 4_096;

/// What becomes of one inbound record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Process it at this time; a tick is processed too, it only has no events.
    Process {
        /// Never before the time of an earlier record.
        time: Timestamp,
    },
    /// Its source has published this position before: nothing to process, though time may have advanced.
    DuplicateSource,
    /// A tick that is not later than the time so far: nothing to process.
    StaleTick,
}

/// The gate's whole memory: equal on all replicas after the same record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IntakeState {
    /// The newest record seen.
    pub id: Option<MessageId>,
    /// The largest time so far; `None` until a record has one.
    pub time: Option<Timestamp>,
    /// Of each source the last position, and the record that brought it; a source that publishes into two topics is two.
    pub sources: BTreeMap<InputId, BTreeMap<SourceId, LastSeen>>,
    /// What happened so far.
    pub counters: IntakeCounters,
}

/// How far a source is known to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSeen {
    /// The highest position.
    pub position: SourcePosition,
    /// The newest record of the source, repeats included.
    pub id: MessageId,
}

/// Decisions so far, each counted once per record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IntakeCounters {
    /// Records handed on.
    pub processed: u64,
    /// See [`Admission::DuplicateSource`].
    pub duplicate_source: u64,
    /// See [`Admission::StaleTick`].
    pub stale_tick: u64,
    /// Timestamps too far ahead, cut to the clip bound.
    pub clipped: u64,
    /// Timestamps before the time so far, raised to it.
    pub late: u64,
    /// Records without a timestamp (Kafka's −1), which take the time so far.
    pub untimed: u64,
    /// Sources forgotten at [`SOURCES_MAX`].
    pub forgotten_sources: u64,
}

/// The gate. See the module's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intake {
    clip_bound_micros: i64,
    state: IntakeState,
}

impl Intake {
    /// A gate that has seen nothing; it lets time jump ahead by `clip_bound` at most.
    #[must_use]
    pub fn new(clip_bound: Duration) -> Self {
        Self::restore(clip_bound, IntakeState::default())
    }

    /// A gate that goes on where another was.
    #[must_use]
    pub fn restore(clip_bound: Duration, state: IntakeState) -> Self {
        let clip_bound_micros = i64::try_from(clip_bound.as_micros()).unwrap_or(i64::MAX);
        Self { clip_bound_micros, state }
    }

    /// Takes over another gate's memory.
    pub fn go_on_from(&mut self, state: IntakeState) {
        self.state = state;
    }

    /// What a snapshot keeps, and what the counters say.
    #[must_use]
    pub fn state(&self) -> &IntakeState {
        &self.state
    }

    /// Decides on the next record, which came by the topic `input`.
    ///
    /// # Panics
    /// When `id` is not above the last one: the input log hands records over in order, each once.
    pub fn admit(
        &mut self,
        input: InputId,
        id: MessageId,
        timestamp: Timestamp,
        tick: bool,
        source: Option<(&SourceId, SourcePosition)>,
    ) -> Admission {
        if let Some(last) = self.state.id {
            assert!(last < id, "input went back: {last} then {id}");
        }
        self.state.id = Some(id);

        let before = self.state.time;
        let time = self.advance(timestamp);
        let repeated = source.is_some_and(|(source, position)| !self.is_new(input, source, position, id));
        if repeated && !mutated(Mutation::CountsRepeats) {
            self.state.counters.duplicate_source += 1;
            return Admission::DuplicateSource;
        }
        if tick && self.state.time == before {
            self.state.counters.stale_tick += 1;
            return Admission::StaleTick;
        }
        self.state.counters.processed += 1;
        Admission::Process { time }
    }

    /// The time at a record: its timestamp, but neither before the time so far nor too far after it.
    ///
    /// Kafka gives a negative timestamp to records that have none. Such a record must not set the first time: every
    /// later record would then count as a jump ahead.
    fn advance(&mut self, timestamp: Timestamp) -> Timestamp {
        let counters = &mut self.state.counters;
        if timestamp < Timestamp(0) {
            counters.untimed += 1;
            return self.state.time.unwrap_or(Timestamp(0));
        }
        let Some(so_far) = self.state.time else {
            self.state.time = Some(timestamp);
            return timestamp;
        };
        let latest = Timestamp(so_far.0.saturating_add(self.clip_bound_micros));
        if timestamp < so_far {
            counters.late += 1;
        } else if latest < timestamp {
            counters.clipped += 1;
        }
        let time = timestamp.clamp(so_far, latest);
        self.state.time = Some(time);
        time
    }

    /// Notes the position; whether it is above what the source had before.
    fn is_new(&mut self, input: InputId, source: &SourceId, position: SourcePosition, id: MessageId) -> bool {
        if let Some(last) = self.state.sources.get_mut(&input).and_then(|sources| sources.get_mut(source)) {
            last.id = id;
            let above = last.position.index < position.index;
            if above {
                last.position = position;
            }
            return above;
        }
        if self.state.sources.values().map(BTreeMap::len).sum::<usize>() >= SOURCES_MAX {
            self.forget_most_silent();
        }
        self.state.sources.entry(input).or_default().insert(source.clone(), LastSeen { position, id });
        true
    }

    fn forget_most_silent(&mut self) {
        let all = self.state.sources.iter().flat_map(|(input, sources)| sources.iter().map(move |of| (*input, of)));
        let silent = all.min_by_key(|(_, (_, last))| last.id).map(|(input, (source, _))| (input, source.clone()));
        if let Some((input, source)) = silent {
            self.state.sources.entry(input).or_default().remove(&source);
            self.state.counters.forgotten_sources += 1;
        }
    }
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
