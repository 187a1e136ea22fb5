//! Seeded bugs: each forgets one rule, so that the simulator can show that it would notice.
//!
//! Where a rule could be forgotten the code asks [`mutated`]. Only the build of `cargo xtask mutants` has the feature
//! `mutants`; in every other one the answer is a constant `false`, and nothing of this is left in the program.

use core::fmt;

/// A seeded bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// R1: what the leader says to come next counts as published.
    DropsWhatTheLeaderNames,
    /// R1: a refused batch counts as published.
    DropsWhatWasRefused,
    /// R1: what a successor is told to begin behind counts as published.
    DropsWhatWasHandedOver,
    /// R1: acknowledgements come before all copies are there. The settings' fault, not the writer's.
    AcknowledgesEarly,
    /// R2: any committed record counts as a fresh anchor, however old it is.
    AnchorsByAnyRecord,
    /// R3: without an anchor it is written as with one.
    WritesUnprimed,
    /// R4: an empty log is written without its first record, the fence.
    SkipsGenesis,
    /// R5: a new leader is asked nothing before the next append.
    AsksOnceATerm,
    /// R6: an anchor never ages.
    AnchorsNeverAge,
    /// R7: requests may be on their way for longer than the brokers remember producers. The network's fault, not the writer's.
    RequestsOutliveMemory,
    /// R8: a log that ends before what was dropped is taken as it is.
    OverlooksShortenedLogs,
    /// R9: a new generation writes without a fence, under the epoch of the one before.
    KeepsTheEpoch,
    /// R10: nobody compares what the log shows with what was computed.
    ComparesNothing,
    /// R11: the next index never moves back.
    NextNeverGoesBack,
    /// R12: blocks that were published twice count twice.
    CountsRepeats,
    /// R13: a topic that was deleted and made anew is taken for the old one.
    TakesAnyTopic,
    /// R16: published outputs are dropped although what the topic acknowledges may not last.
    DropsAlthoughHeld,
    /// A snapshot is used although the log ends before what it counts as done.
    RestoresAheadOfLog,
    /// A snapshot brings everything back but which rows of the sources were counted.
    RestoresNoSources,
    /// A source is resumed one behind its last record.
    ResumesOneLate,
    /// Where input should stand still, as at the bound of the buffer, it is read and dropped.
    DropsInputAtBound,
    /// A marker is due once a run, not once a record: output depends on how input was cut.
    MarksByRun,
    /// A record's time is the own clock's.
    TakesOwnClock,
    /// What one run of records causes is written in the order of a hash map.
    WritesInHashOrder,
    /// A watch that has fired isn't set again, nor is the line read by the clock. The model's client, for the session loop of
    /// the adapter is modelled.
    WatchesOnce,
    /// A node that was left counts as the one that was asked for after.
    KeepsTheLeftNode,
    /// Deadlines pass without the machine hearing of it.
    MissesDeadlines,
    /// The control loop does not hear how far the log is.
    KeepsPositionsToItself,
    /// Becoming active does not reach the writers.
    ForgetsToWrite,
    /// Where a generation begins is never noted.
    ForgetsConstants,
    /// Leaving the line does not remove the node.
    LeavesItsNode,
}

impl Mutation {
    /// Every one.
    pub const ALL: [Self; 31] = [
        Self::DropsWhatTheLeaderNames,
        Self::DropsWhatWasRefused,
        Self::DropsWhatWasHandedOver,
        Self::AcknowledgesEarly,
        Self::AnchorsByAnyRecord,
        Self::WritesUnprimed,
        Self::SkipsGenesis,
        Self::AsksOnceATerm,
        Self::AnchorsNeverAge,
        Self::RequestsOutliveMemory,
        Self::OverlooksShortenedLogs,
        Self::KeepsTheEpoch,
        Self::ComparesNothing,
        Self::NextNeverGoesBack,
        Self::CountsRepeats,
        Self::TakesAnyTopic,
        Self::DropsAlthoughHeld,
        Self::RestoresAheadOfLog,
        Self::RestoresNoSources,
        Self::ResumesOneLate,
        Self::DropsInputAtBound,
        Self::MarksByRun,
        Self::TakesOwnClock,
        Self::WritesInHashOrder,
        Self::WatchesOnce,
        Self::KeepsTheLeftNode,
        Self::MissesDeadlines,
        Self::KeepsPositionsToItself,
        Self::ForgetsToWrite,
        Self::ForgetsConstants,
        Self::LeavesItsNode,
    ];
}

/// Its name, as `--only` takes it.
impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(feature = "mutants")]
mod switch {
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::Mutation;

    /// No bug is on.
    const NONE: usize = usize::MAX;

    /// The one that is on. Stories are told in one thread: nothing has to be ordered by it.
    static ON: AtomicUsize = AtomicUsize::new(NONE);

    /// Turns one bug on and every other one off.
    pub fn mutate(mutation: Option<Mutation>) {
        ON.store(mutation.map_or(NONE, |mutation| mutation as usize), Ordering::Relaxed);
    }

    /// Whether a bug is on.
    #[must_use]
    pub fn mutated(mutation: Mutation) -> bool {
        ON.load(Ordering::Relaxed) == mutation as usize
    }
}

#[cfg(not(feature = "mutants"))]
mod switch {
    use super::Mutation;

    /// Whether a bug is on: never, in this build.
    #[must_use]
    #[inline]
    pub const fn mutated(_mutation: Mutation) -> bool {
        false
    }
}

#[cfg(feature = "mutants")]
pub use switch::mutate;
pub use switch::mutated;
