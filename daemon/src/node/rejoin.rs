//! Coming back: what the engine's thread does before it reads input.
//!
//! A snapshot may only be used when the log has all outputs that it counts as done, so the thread waits until the logs' ends
//! are known, goes on from the newest usable snapshot, or begins at the origin, and opens the input there.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use engine::project::Loaded;
use engine::snapshot::Head;
use ports::input::{InputError, InputLog};
use tracing::{info, warn};
use types::Offset;

use super::hot::{Hot, OutputFeed};
use super::shared::{LastComputed, Shared};
use crate::deployment::Deployment;
use crate::pipeline::{GenerationTerms, Pipeline, Positions};
use crate::snapshot::{self, Bounds, Peers, Report, Shelf, Subject, Taker};

/// How often the thread looks whether the logs' ends are known.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What a replica's state is made from.
pub(super) struct Rejoin {
    pub(super) loaded: Loaded,
    pub(super) deployment: Deployment,
    pub(super) terms: GenerationTerms,
    pub(super) subject: Subject,
    /// `None`: no snapshots are kept here.
    pub(super) shelf: Option<Shelf>,
    /// Who may have a newer one.
    pub(super) peers: Peers,
    pub(super) bounds: Bounds,
    pub(super) report: Arc<Report>,
    pub(super) shared: Arc<Shared>,
}

impl Rejoin {
    /// Restores, opens the input, and then runs what `make` puts together until the replica stops.
    ///
    /// # Errors
    /// [`InputError`] of the input log, at its opening too.
    pub(super) fn run(
        self,
        outputs: Vec<OutputFeed>,
        open: impl FnOnce(&Positions) -> Result<Box<dyn InputLog>, InputError>,
        make: impl FnOnce(Pipeline, Box<dyn InputLog>, Vec<OutputFeed>) -> Hot,
    ) -> Result<(), InputError> {
        let Some(shelf) = self.shelf.clone() else {
            let pipeline = self.fresh();
            let input = open(&pipeline.positions())?;
            return make(pipeline, input, outputs).run(|_, _| ());
        };
        self.peers.fetch_newer(&shelf, &self.bounds, &self.report);
        while self.shared.is_paused() {
            if self.shared.is_stopping() {
                return Ok(());
            }
            thread::park_timeout(LOOK_EVERY);
        }
        let (pipeline, head) = self.restore(&shelf, &outputs);
        let restored = pipeline.next();
        if let Some(head) = &head {
            self.show(head, &outputs);
            self.shared.set_input(restored.map(|next| next.0), None);
        }
        let input = open(&pipeline.positions())?;
        let mut taker = self.taker(shelf, restored);
        make(pipeline, input, outputs).run(|pipeline, outputs| {
            if let Some(taker) = &mut taker {
                taker.turn(pipeline, |output| outputs[output].progress.published());
            }
        })
    }

    fn restore(&self, shelf: &Shelf, outputs: &[OutputFeed]) -> (Pipeline, Option<Head>) {
        let begun = Instant::now();
        let published: Vec<_> = outputs.iter().map(|output| output.progress.published()).collect();
        let restored = snapshot::restore(shelf, &self.bounds, &self.subject, &published, &self.report, || self.fresh());
        info!(elapsed_ms = begun.elapsed().as_millis(), restored = restored.1.is_some(), "state is ready");
        restored
    }

    fn fresh(&self) -> Pipeline {
        match Pipeline::new(&self.loaded, &self.deployment, self.terms) {
            Ok(pipeline) => pipeline,
            Err(error) => panic!("a project that was compiled at the start can't be compiled again: {error}"),
        }
    }

    /// Positions as if everything before the snapshot had been computed here.
    fn show(&self, head: &Head, outputs: &[OutputFeed]) {
        for (i, (position, feed)) in head.outputs.iter().zip(outputs).enumerate() {
            feed.progress.set_computed(position.next);
            let id = position.last.map(|(id, _)| id).unwrap_or_default();
            self.shared.set_last_computed(i, LastComputed { end: position.next, id, digest: position.digest });
        }
        let [records, events, rejected] = head.counts;
        self.shared.set_counters(records, events, rejected);
    }

    fn taker(&self, shelf: Shelf, restored: Option<Offset>) -> Option<Taker> {
        if self.bounds.interval.is_zero() {
            return None;
        }
        let (report, shared) = (Arc::clone(&self.report), Arc::clone(&self.shared));
        Taker::start(self.subject.clone(), self.bounds, shelf, report, shared, restored)
            .inspect_err(|error| warn!(%error, "no snapshots are taken: their thread can't be started"))
            .ok()
    }
}
