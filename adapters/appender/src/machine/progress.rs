//! How far a machine is, for status and metrics.

use types::{OutputIndex, Tick};

/// What happened so far; only grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Batches acknowledged.
    pub batches: u64,
    /// Records acknowledged.
    pub records: u64,
    /// Bytes of acknowledged batches, as sent.
    pub bytes: u64,
    /// Batches refused because they didn't come next.
    pub refusals: u64,
    /// Times that the leader was asked where the log stands before writing could go on.
    pub resyncs: u64,
    /// Times that a leader was given up: connection lost, not leading, too few replicas.
    pub retries: u64,
    /// Batches split because the broker found them too large.
    pub splits: u64,
    /// Records of others seen in the log.
    pub foreign_records: u64,
    /// Times that the broker had forgotten the producer although it shouldn't (rule R5).
    pub states_lost: u64,
}

/// How far a machine is; all ends are "one past the last".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Known to be committed.
    pub published_end: OutputIndex,
    /// Computed here.
    pub computed_end: OutputIndex,
    /// What would be sent next.
    pub next: OutputIndex,
    /// Outputs that the log still owes.
    pub owed: usize,
    /// Published outputs that can't be dropped, because dropping is held (rule R16).
    pub kept_back: u64,
    /// Produce requests without an answer.
    pub in_flight: usize,
    /// When the log's committed end was last read from its leader.
    pub read_at: Tick,
    /// What it is doing, in a word or two.
    pub state: &'static str,
    /// What happened so far.
    pub counters: Counters,
}
