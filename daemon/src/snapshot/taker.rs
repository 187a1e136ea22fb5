//! When a snapshot is taken: the engine thread's side, asked between runs.

use std::sync::Arc;
use std::time::Instant;

use engine::snapshot::BlockWriter;
use types::{Offset, OutputIndex, Tick};

use super::desk::{Desk, Order};
use super::report::Report;
use super::{Bounds, Subject};
use crate::node::Shared;
use crate::pipeline::Pipeline;

/// What is written between two runs, about: it bounds how long the engine stands still for a snapshot.
const SLICE_BYTES: usize = 512 << 10;

/// Takes snapshots of a pipeline, a slice at a time.
pub struct Taker {
    subject: Subject,
    bounds: Bounds,
    desk: Box<dyn Desk>,
    report: Arc<Report>,
    shared: Arc<Shared>,
    work: Work,
    /// Where the newest snapshot ends.
    newest: Option<Offset>,
}

/// How far a snapshot is.
#[derive(Debug)]
enum Work {
    /// None is being taken.
    Resting { since: Tick },
    /// The state is frozen; slices of it go to the desk.
    Writing { out: BlockWriter, taking: Taking },
    /// All of it is written, but outputs that it holds as done may still be owed to the log. A snapshot that is ahead of
    /// the log would be a hole when all replicas went on from it, so it gets its name only behind them.
    Waiting { taking: Taking },
}

/// The snapshot at hand.
#[derive(Debug, Clone)]
struct Taking {
    next: Offset,
    /// Per output, one past the last one that the state holds as done.
    ends: Vec<OutputIndex>,
}

impl Taker {
    /// Hands snapshots to `desk`; `restored` is the one that the pipeline went on from.
    #[must_use]
    pub fn new(
        subject: Subject,
        bounds: Bounds,
        desk: Box<dyn Desk>,
        shared: Arc<Shared>,
        restored: Option<Offset>,
        now: Tick,
    ) -> Self {
        let (report, work) = (Arc::clone(shared.snapshots()), Work::Resting { since: now });
        Self { subject, bounds, desk, report, shared, work, newest: restored }
    }

    /// Does what is due now; `published` says per output one past the last one in the log.
    pub fn turn(&mut self, pipeline: &mut Pipeline, now: Tick, published: impl Fn(usize) -> OutputIndex) {
        self.work = match std::mem::replace(&mut self.work, Work::Resting { since: now }) {
            Work::Resting { since } if self.is_due(since, now, pipeline) => {
                self.begin(pipeline).unwrap_or(Work::Resting { since })
            }
            Work::Resting { since } => Work::Resting { since },
            Work::Writing { out, taking } => self.write(out, taking, pipeline, now),
            Work::Waiting { taking } => self.seal(taking, now, published),
        };
    }

    /// Standbys take snapshots; an active only when it is alone, for then nobody else has one to come back from.
    fn is_wanted(&self) -> bool {
        !self.shared.is_writing() || self.shared.is_alone()
    }

    fn is_due(&self, since: Tick, now: Tick, pipeline: &Pipeline) -> bool {
        now.since(since) >= self.bounds.interval && self.is_wanted() && pipeline.next() > self.newest
    }

    fn begin(&mut self, pipeline: &mut Pipeline) -> Option<Work> {
        let next = pipeline.next()?;
        if !self.desk.order(Order::Begin { next }) {
            return None;
        }
        let begun = Instant::now();
        let mut out = BlockWriter::new();
        let ends = pipeline.freeze(&self.subject, &mut out);
        self.report.paused(begun.elapsed());
        Some(Work::Writing { out, taking: Taking { next, ends } })
    }

    fn write(&mut self, mut out: BlockWriter, taking: Taking, pipeline: &mut Pipeline, now: Tick) -> Work {
        // A takeover comes first: from now on every microsecond of this thread is somebody's gap.
        if !self.is_wanted() {
            if !self.desk.order(Order::GiveUp) {
                return Work::Writing { out, taking };
            }
            pipeline.thaw();
            return Work::Resting { since: now };
        }
        if !self.desk.has_room() {
            return Work::Writing { out, taking };
        }
        let begun = Instant::now();
        let done = pipeline.write_frozen(&mut out, SLICE_BYTES);
        if done {
            out.finish();
        }
        self.report.paused(begun.elapsed());
        // There is room, and nobody else gives orders.
        self.desk.order(Order::Bytes(out.take()));
        if done { Work::Waiting { taking } } else { Work::Writing { out, taking } }
    }

    fn seal(&mut self, taking: Taking, now: Tick, published: impl Fn(usize) -> OutputIndex) -> Work {
        let is_published = taking.ends.iter().enumerate().all(|(output, end)| *end <= published(output));
        if !is_published || !self.desk.order(Order::Seal) {
            return Work::Waiting { taking };
        }
        self.newest = Some(taking.next);
        Work::Resting { since: now }
    }
}
