//! Coming back: what the engine's thread does before it reads input.
//!
//! A snapshot may only be used when the log has all outputs that it counts as done, so the thread waits until the logs' ends
//! are known, goes on from the newest usable snapshot, or begins at the origin, and opens the input there. Where that input is
//! deleted, a peer's newer snapshot helps; peers that start at the same time have a while to offer one.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use engine::project::Loaded;
use engine::snapshot::{Head, OutputPosition};
use ports::input::{InboundBatch, InputError, InputLog, ReadBounds};
use tracing::{info, warn};
use types::{Offset, OutputIndex};

use super::hot::{Hot, OutputFeed};
use super::shared::Shared;
use crate::clock;
use crate::deployment::Deployment;
use crate::pipeline::{GenerationTerms, Pipeline, Positions};
use crate::snapshot::{self, Bounds, Peers, Report, Shelf, Subject, Taker};

/// How often the thread looks whether the logs' ends are known.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// How long peers are asked for a snapshot behind which the input is still there; then this replica is blocked.
const PEERS_PATIENCE: Duration = Duration::from_secs(10);
/// How often.
const ASK_PEERS_EVERY: Duration = Duration::from_millis(500);
/// How long the earliest record kept may take to come, which is looked at for its age only.
const AGE_PATIENCE: Duration = Duration::from_secs(2);

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
    /// What the next output of each topic follows on, given one past its last; `None`: a replica that misses input is blocked.
    pub(super) last_outputs: Option<LastOutputs>,
}

/// Reads the last output of every topic.
pub(super) type LastOutputs = Box<dyn Fn(&[OutputIndex]) -> anyhow::Result<Vec<OutputPosition>> + Send>;

/// What a replica computes on from.
struct Begun {
    pipeline: Pipeline,
    input: Box<dyn InputLog>,
}

impl Rejoin {
    /// Restores, opens the input, and then runs what `make` puts together until the replica stops.
    ///
    /// # Errors
    /// [`InputError`] of the input log, at its opening too.
    pub(super) fn run(
        self,
        outputs: Vec<OutputFeed>,
        open: impl Fn(&Positions) -> Result<Box<dyn InputLog>, InputError>,
        make: impl FnOnce(Pipeline, Box<dyn InputLog>, Vec<OutputFeed>) -> Hot,
    ) -> Result<(), InputError> {
        let shelf = self.shelf.clone();
        if let Some(shelf) = &shelf {
            self.peers.fetch_newer(shelf, &self.bounds, &self.report);
        }
        while self.shared.is_paused() {
            if self.shared.is_stopping() {
                return Ok(());
            }
            thread::park_timeout(LOOK_EVERY);
        }
        let Begun { pipeline, input } = self.begin(shelf.as_ref(), &outputs, &open)?;
        let mut taker = shelf.and_then(|shelf| self.taker(shelf, pipeline.next()));
        make(pipeline, input, outputs).run(|pipeline, outputs| {
            if let Some(taker) = &mut taker {
                taker.turn(pipeline, clock::now(), |output| outputs[output].progress.published());
            }
        })
    }

    /// The state to go on from, and the input behind it.
    fn begin(
        &self,
        shelf: Option<&Shelf>,
        outputs: &[OutputFeed],
        open: &impl Fn(&Positions) -> Result<Box<dyn InputLog>, InputError>,
    ) -> Result<Begun, InputError> {
        let deadline = Instant::now() + PEERS_PATIENCE;
        loop {
            let (pipeline, head) = shelf.map_or_else(|| (self.fresh(), None), |shelf| self.restored(shelf, outputs));
            match open(&pipeline.positions()) {
                Ok(input) => {
                    if let Some(head) = &head {
                        self.shared.show_restored(head, outputs);
                        self.shared.set_input(pipeline.next().map(|next| next.0), None);
                    }
                    return Ok(Begun { pipeline, input });
                }
                Err(error @ InputError::Truncated { earliest, .. }) => {
                    warn!(%error, "the input behind this replica's state is deleted; asking peers for a newer snapshot");
                    if shelf.is_some_and(|shelf| self.is_helped(shelf, deadline)) {
                        continue;
                    }
                    // Of several topics it isn't known which one is meant, and their common order is lost with the input.
                    if self.subject.inputs.len() > 1 {
                        return Err(error);
                    }
                    return match &self.last_outputs {
                        Some(last_outputs) => self.begin_in_part(last_outputs, outputs, open, earliest),
                        None => Err(with_retention(error, open)),
                    };
                }
                Err(error @ (InputError::Shortened { .. } | InputError::Failed { .. })) => return Err(error),
            }
        }
    }

    /// An empty state, the input that is left, and outputs from behind the last ones: what the original does with less history
    /// than it would need. The digests tell whether the outputs are those of the others, if there are any.
    fn begin_in_part(
        &self,
        last_outputs: &LastOutputs,
        outputs: &[OutputFeed],
        open: &impl Fn(&Positions) -> Result<Box<dyn InputLog>, InputError>,
        earliest: Offset,
    ) -> Result<Begun, InputError> {
        let ends: Vec<_> = outputs.iter().map(|output| output.progress.published()).collect();
        let positions = last_outputs(&ends).map_err(|error| InputError::Failed {
            reason: format!("the outputs to go on from can't be read: {error:#}"),
        })?;
        warn!(offset = %earliest, "partial replay: state is computed from the input that is left, as allow-partial-replay asks");
        let mut pipeline = self.fresh();
        pipeline.go_on_after(&positions);
        self.shared.show_outputs(&positions, outputs);
        Ok(Begun { pipeline, input: open(&at(earliest))? })
    }

    /// Whether a peer has given a newer snapshot before the deadline.
    fn is_helped(&self, shelf: &Shelf, deadline: Instant) -> bool {
        let newest = || shelf.list().ok().and_then(|kept| kept.first().map(|kept| kept.next));
        let before = newest();
        while Instant::now() < deadline && !self.shared.is_stopping() {
            self.known_peers().fetch_newer(shelf, &self.bounds, &self.report);
            if newest() > before {
                return true;
            }
            thread::sleep(ASK_PEERS_EVERY);
        }
        false
    }

    /// From the own disk; where all of that is refused, from a peer: what lay here was newer than theirs only by its name.
    fn restored(&self, shelf: &Shelf, outputs: &[OutputFeed]) -> (Pipeline, Option<Head>) {
        let lay_there = shelf.list().is_ok_and(|kept| !kept.is_empty());
        let own = self.restore(shelf, outputs);
        if own.1.is_some() || !lay_there {
            return own;
        }
        warn!("no snapshot on this disk can be used; asking peers for theirs");
        self.known_peers().fetch_newer(shelf, &self.bounds, &self.report);
        self.restore(shelf, outputs)
    }

    /// Those that start now are in the notebook by and by.
    fn known_peers(&self) -> Peers {
        Peers { addresses: self.shared.others(), ..self.peers.clone() }
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

    fn taker(&self, shelf: Shelf, restored: Option<Offset>) -> Option<Taker> {
        if self.bounds.interval.is_zero() {
            return None;
        }
        let desk = snapshot::desk_at(shelf, &self.bounds, &self.report)
            .inspect_err(|error| warn!(%error, "no snapshots are taken: their thread can't be started"));
        let shared = Arc::clone(&self.shared);
        desk.ok().map(|desk| Taker::new(self.subject.clone(), self.bounds, desk, shared, restored, clock::now()))
    }
}

/// A single inbound topic, from an offset on.
fn at(offset: Offset) -> Positions {
    Positions { inputs: vec![Some(offset)], journal: None }
}

/// Adds the retention that would have been needed: the age of the earliest record kept and, at the pace at which records
/// have come since, of those that are missing.
fn with_retention(
    error: InputError,
    open: &impl Fn(&Positions) -> Result<Box<dyn InputLog>, InputError>,
) -> InputError {
    match error {
        InputError::Truncated { needed, earliest, .. } => {
            let retention = open(&at(earliest)).and_then(age_of_first).ok().flatten();
            let retention = retention.map(|(age, kept)| {
                let missing = earliest.0.saturating_sub(needed.0);
                age.mul_f64(1.0 + missing as f64 / kept.max(1) as f64)
            });
            InputError::Truncated { needed, earliest, retention }
        }
        InputError::Shortened { .. } | InputError::Failed { .. } => error,
    }
}

/// How old the first record of an input is, and how many records it has; `None` when it has none.
fn age_of_first(mut input: Box<dyn InputLog>) -> Result<Option<(Duration, u64)>, InputError> {
    let mut batch = InboundBatch::default();
    input.read(&mut batch, ReadBounds { records_max: 1, bytes_max: 1 }, AGE_PATIENCE)?;
    let Some(first) = batch.heads.first() else { return Ok(None) };
    let now = i64::try_from(clock::wall_micros()).unwrap_or(i64::MAX);
    let age = Duration::from_micros(u64::try_from(now.saturating_sub(first.timestamp.0)).unwrap_or(0));
    let kept = input.end().map_or(1, |end| end.0.saturating_sub(first.offset.0));
    Ok(Some((age, kept)))
}
