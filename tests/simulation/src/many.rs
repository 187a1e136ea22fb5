//! Many stories at once: each is told by one thread, and threads share nothing but the next seed.

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::run::Story;

/// What many stories came to.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How many were told.
    pub told: u64,
    /// The seeds that broke a promise, in no order.
    pub failed: Vec<u64>,
    /// Things that happened, in all.
    pub events: u64,
    /// Faults, in all.
    pub faults: u64,
    /// Times that a replica became active, in all.
    pub takeovers: u64,
    /// Times that a replica went on from a snapshot, in all.
    pub restores: u64,
    /// Outputs committed, in all.
    pub outputs: u64,
}

impl Tally {
    /// The share of one story.
    #[must_use]
    pub fn each(&self, number: u64) -> f64 {
        number as f64 / self.told.max(1) as f64
    }

    fn count(&mut self, seed: u64, story: &Story) {
        self.told += 1;
        self.events += story.events;
        self.faults += story.faults;
        self.takeovers += story.takeovers;
        self.restores += story.restores;
        self.outputs += story.outputs;
        if story.violation.is_some() {
            self.failed.push(seed);
        }
    }

    fn add(mut self, other: Self) -> Self {
        self.told += other.told;
        self.events += other.events;
        self.faults += other.faults;
        self.takeovers += other.takeovers;
        self.restores += other.restores;
        self.outputs += other.outputs;
        self.failed.extend(other.failed);
        self
    }
}

/// Has the stories of all `seeds` told by `threads` threads. `heard` is shown each; once it says false no further story begins.
///
/// # Panics
/// When `tell` or `heard` does.
pub fn tell_all(
    seeds: Range<u64>,
    threads: NonZero<usize>,
    tell: &(impl Fn(u64) -> Story + Sync),
    heard: &(impl Fn(u64, &Story) -> bool + Sync),
) -> Tally {
    let (next, enough) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let work = || {
        let mut tally = Tally::default();
        while !enough.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let story = tell(seed);
            tally.count(seed, &story);
            if !heard(seed, &story) {
                enough.store(true, Ordering::Relaxed);
            }
        }
        tally
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.get()).map(|_| scope.spawn(work)).collect();
        let tallies = workers.into_iter().map(|worker| match worker.join() {
            Ok(tally) => tally,
            Err(cause) => std::panic::resume_unwind(cause),
        });
        tallies.fold(Tally::default(), Tally::add)
    })
}
