//! What happened with snapshots, for status and metrics.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;
use types::Offset;

/// What people see of snapshots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The offset that the newest one of this process goes on from.
    pub newest: Option<u64>,
    /// Its size.
    pub bytes: u64,
    /// How many this process has put on its disk.
    pub taken: u64,
    /// How many were begun and not kept: a takeover came first, or the disk refused.
    pub given_up: u64,
    /// The longest that the engine stood still for one, in microseconds.
    pub pause_max_us: u64,
    /// The offset that this process went on from when it started; none when it replayed from the origin.
    pub restored: Option<u64>,
    /// How much of a peer's snapshot has come, while one comes.
    pub fetching: Option<Fetching>,
    /// Those that could not be used at the start, by reason.
    pub refused: BTreeMap<&'static str, u64>,
}

/// A snapshot that is on its way from a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fetching {
    /// What has come.
    pub bytes: u64,
    /// All of it.
    pub of: u64,
}

/// Filled by the threads that take, keep and restore snapshots; locked a few times per slice at most.
#[derive(Debug, Default)]
pub struct Report {
    shown: Mutex<Shown>,
}

impl Report {
    /// What happened so far.
    #[must_use]
    pub fn shown(&self) -> Shown {
        self.with(|shown| shown.clone())
    }

    fn with<T>(&self, change: impl FnOnce(&mut Shown) -> T) -> T {
        change(&mut self.shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(super) fn taken(&self, next: Offset, bytes: u64) {
        self.with(|shown| {
            shown.taken += 1;
            (shown.newest, shown.bytes) = (Some(next.0), bytes);
        });
    }

    pub(super) fn given_up(&self) {
        self.with(|shown| shown.given_up += 1);
    }

    pub(super) fn paused(&self, span: Duration) {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        self.with(|shown| shown.pause_max_us = shown.pause_max_us.max(micros));
    }

    /// So much of a peer's snapshot is here; all of it, and nothing is on its way any more.
    pub(super) fn fetching(&self, bytes: u64, of: u64) {
        self.with(|shown| shown.fetching = (bytes < of).then_some(Fetching { bytes, of }));
    }

    pub(super) fn restored(&self, next: Offset) {
        self.with(|shown| shown.restored = Some(next.0));
    }

    pub(super) fn refused(&self, reason: &'static str) {
        self.with(|shown| *shown.refused.entry(reason).or_default() += 1);
    }
}
