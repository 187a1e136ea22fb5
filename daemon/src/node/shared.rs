//! What the hot thread and the control loop share, without locks on the hot path.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use engine::snapshot::{Head, OutputPosition};
use types::{Digest, MessageId, OutputIndex};

use super::hot::OutputFeed;
use crate::snapshot::Report;

/// Where an inbound log ends before the brokers have said it.
const END_UNKNOWN: u64 = u64::MAX;

/// The last output of a topic that was computed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastComputed {
    /// One past its index.
    pub end: OutputIndex,
    /// Its message id.
    pub id: MessageId,
    /// The digest up to it.
    pub digest: Digest,
}

/// Flags that the control loop sets, and positions that the hot thread reports.
#[derive(Debug, Default)]
pub struct Shared {
    paused: AtomicBool,
    writing: AtomicBool,
    stopping: AtomicBool,
    again: AtomicBool,
    alone: AtomicBool,
    input_next: AtomicU64,
    input_end: AtomicU64,
    records: AtomicU64,
    events: AtomicU64,
    rejected: AtomicU64,
    held_back_nanos: AtomicU64,
    last: Mutex<Vec<LastComputed>>,
    others: Mutex<Vec<String>>,
    snapshots: Arc<Report>,
}

impl Shared {
    /// Input begins paused, as the replica machine expects.
    #[must_use]
    pub fn new(outputs: usize) -> Self {
        let shared = Self {
            input_end: AtomicU64::new(END_UNKNOWN),
            last: Mutex::new(vec![LastComputed::default(); outputs]),
            ..Self::default()
        };
        shared.set_paused(true);
        shared
    }

    /// What happened with snapshots.
    #[must_use]
    pub const fn snapshots(&self) -> &Arc<Report> {
        &self.snapshots
    }

    /// HTTP addresses of the other members, as the notebook says them now.
    #[must_use]
    pub fn others(&self) -> Vec<String> {
        self.others.lock().map(|others| others.clone()).unwrap_or_default()
    }

    /// The control loop's side.
    pub fn set_others(&self, addresses: Vec<String>) {
        if let Ok(mut others) = self.others.lock() {
            *others = addresses;
        }
    }

    /// Whether input stands still.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    /// The control loop's side.
    pub fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
    }

    /// Whether this replica writes: it then sends ticks, and its own larger bound holds.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.writing.load(Ordering::Acquire)
    }

    /// The control loop's side.
    pub fn set_writing(&self, writing: bool) {
        self.writing.store(writing, Ordering::Release);
    }

    /// Whether nobody else is in line.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.alone.load(Ordering::Acquire)
    }

    /// The control loop's side.
    pub fn set_alone(&self, alone: bool) {
        self.alone.store(alone, Ordering::Release);
    }

    /// Whether the hot thread shall end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// The control loop's side.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether the process begins again once it has ended.
    #[must_use]
    pub fn is_to_begin_again(&self) -> bool {
        self.again.load(Ordering::Acquire)
    }

    /// The control loop's side.
    pub fn begin_again(&self) {
        self.again.store(true, Ordering::Release);
    }

    /// The next inbound offset, and the log's end once it is known.
    #[must_use]
    pub fn input(&self) -> (u64, Option<u64>) {
        let end = Some(self.input_end.load(Ordering::Relaxed)).filter(|end| *end != END_UNKNOWN);
        (self.input_next.load(Ordering::Relaxed), end)
    }

    /// The hot thread's side.
    pub fn set_input(&self, next: Option<u64>, end: Option<u64>) {
        if let Some(next) = next {
            self.input_next.store(next, Ordering::Relaxed);
        }
        if let Some(end) = end {
            self.input_end.store(end, Ordering::Relaxed);
        }
    }

    /// Inbound records, events and rejected rows so far.
    #[must_use]
    pub fn counters(&self) -> (u64, u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.records), read(&self.events), read(&self.rejected))
    }

    /// The hot thread's side.
    pub fn set_counters(&self, records: u64, events: u64, rejected: u64) {
        self.records.store(records, Ordering::Relaxed);
        self.events.store(events, Ordering::Relaxed);
        self.rejected.store(rejected, Ordering::Relaxed);
    }

    /// Nanoseconds during which input was not read because a buffer was at its bound.
    #[must_use]
    pub fn held_back_nanos(&self) -> u64 {
        self.held_back_nanos.load(Ordering::Relaxed)
    }

    /// The hot thread's side.
    pub fn add_held_back(&self, span: std::time::Duration) {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        self.held_back_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// The last computed output of each topic.
    #[must_use]
    pub fn last_computed(&self) -> Vec<LastComputed> {
        self.last.lock().map(|last| last.clone()).unwrap_or_default()
    }

    /// Positions as if everything before a snapshot had been computed by this process.
    pub fn show_restored(&self, head: &Head, outputs: &[OutputFeed]) {
        self.show_outputs(&head.outputs, outputs);
        let [records, events, rejected] = head.counts;
        self.set_counters(records, events, rejected);
    }

    /// The same of the outputs alone.
    pub(super) fn show_outputs(&self, positions: &[OutputPosition], outputs: &[OutputFeed]) {
        for (i, (position, feed)) in positions.iter().zip(outputs).enumerate() {
            feed.progress.set_computed(position.next);
            let id = position.last.map(|(id, _)| id).unwrap_or_default();
            self.set_last_computed(i, LastComputed { end: position.next, id, digest: position.digest });
        }
    }

    /// The hot thread's side; once a batch.
    pub fn set_last_computed(&self, output: usize, computed: LastComputed) {
        if let Ok(mut last) = self.last.lock()
            && let Some(slot) = last.get_mut(output)
        {
            *slot = computed;
        }
    }
}
