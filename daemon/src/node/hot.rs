//! The hot thread: input → pipeline → outputs. It decides nothing; flags and bounds tell it when to stand still.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use adapter_kafka::TickOutcome;
use ports::input::{InboundBatch, InputError, InputLog, ReadBounds};
use ports::output::{OutputCommand, OutputProgress};
use types::mutation::{Mutation, mutated};
use types::{OutputRecord, Tick, Timestamp};

use super::hands::Ticks;
use super::shared::{LastComputed, Shared};
use crate::clock;
use crate::pipeline::Pipeline;

/// Payload bytes of one run at most, so that a run never holds a takeover up for long.
const RUN_BYTES_MAX: usize = 1 << 20;
/// How long one read waits for input; flags are looked at in between.
const READ_WAIT: Duration = Duration::from_millis(50);
/// How often a thread that stands still looks whether it may go on.
const STANDSTILL: Duration = Duration::from_micros(500);
/// Outputs that an active holds per topic until they are acknowledged, and that any replica keeps while acknowledged ones may
/// not last; at the bound it reads no input.
pub(crate) const UNACKNOWLEDGED_MAX: u64 = 1 << 16;

/// One outbound topic as the hot thread sees it.
pub struct OutputFeed {
    /// Hands commands to the topic's writer.
    pub send: Box<dyn Fn(OutputCommand) -> bool + Send>,
    /// How far it is.
    pub progress: Arc<OutputProgress>,
    /// `numbufferedmsgs`.
    pub buffered_max: u64,
}

/// Everything the thread owns.
pub struct Hot {
    /// Where records come from.
    pub input: Box<dyn InputLog>,
    /// What is computed.
    pub pipeline: Pipeline,
    /// Where outputs go, in the pipeline's order.
    pub outputs: Vec<OutputFeed>,
    /// For an input that is idle.
    pub ticks: Box<dyn Ticks>,
    /// How idle.
    pub tick_step: Duration,
    /// Records of one run at most.
    pub run_records_max: usize,
    /// Flags and positions.
    pub shared: Arc<Shared>,
    /// When there was last something to read, or a tick was sent; begins at the start.
    pub last_input: Tick,
    /// What is being read; used again each turn.
    pub batch: InboundBatch,
    /// What is being handed over, a list per output; used again each turn.
    pub out: Vec<Vec<OutputRecord>>,
}

/// What one turn of the hot thread came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Flags or bounds forbid to read.
    StandsStill,
    /// Nothing was there to read.
    Idle,
    /// Something was read, computed and handed over.
    Worked,
}

impl Hot {
    /// Runs until it is told to stop, or input can't be read any more; `between` runs is for snapshots.
    ///
    /// # Errors
    /// [`InputError`] of the input log.
    pub(crate) fn run(mut self, mut between: impl FnMut(&mut Pipeline, &[OutputFeed])) -> Result<(), InputError> {
        while !self.shared.is_stopping() {
            between(&mut self.pipeline, &self.outputs);
            match self.turn(READ_WAIT, clock::now)? {
                Turn::StandsStill => thread::park_timeout(STANDSTILL),
                Turn::Idle | Turn::Worked => (),
            }
        }
        Ok(())
    }

    /// Reads one run, waiting up to `wait` for it, and hands over what follows from it. `now` is asked after the wait.
    ///
    /// # Errors
    /// [`InputError`] of the input log.
    pub fn turn(&mut self, wait: Duration, now: impl Fn() -> Tick) -> Result<Turn, InputError> {
        let Some(room) = self.room() else {
            if mutated(Mutation::DropsInputAtBound) {
                self.batch.clear();
                self.input.read(&mut self.batch, ReadBounds { records_max: 1, bytes_max: RUN_BYTES_MAX }, wait)?;
            }
            return Ok(Turn::StandsStill);
        };
        self.batch.clear();
        let records_max = self.run_records_max.min(room);
        self.input.read(&mut self.batch, ReadBounds { records_max, bytes_max: RUN_BYTES_MAX }, wait)?;
        let end = self.input.end().map(|end| end.0);
        let now = now();
        if self.batch.heads.is_empty() {
            self.shared.set_input(None, end);
            if self.shared.is_writing() && now.since(self.last_input) >= self.tick_step {
                self.tick();
                self.last_input = now;
            }
            return Ok(Turn::Idle);
        }
        self.last_input = now;
        if mutated(Mutation::TakesOwnClock) {
            self.batch.heads.iter_mut().for_each(|head| head.timestamp = Timestamp(now.0.cast_signed() / 1_000));
        }
        self.pipeline.feed(&self.batch, &mut self.out);
        self.shared.set_input(self.pipeline.next().map(|next| next.0), end);
        self.hand_over();
        Ok(Turn::Worked)
    }

    /// How many records may be read now; `None` when input stands still.
    ///
    /// A standby holds at most `numbufferedmsgs` outputs that nobody has published; the active's bound is its own. Of published
    /// ones that can't be dropped, nobody computes more than the active's bound.
    fn room(&self) -> Option<usize> {
        if self.shared.is_paused() {
            return None;
        }
        let writing = self.shared.is_writing();
        let room = |feed: &OutputFeed| {
            let (computed, published) = (feed.progress.computed().0, feed.progress.published().0);
            let held = computed.saturating_sub(published);
            let active_bound = feed.buffered_max.max(UNACKNOWLEDGED_MAX);
            let bound = if writing { active_bound } else { feed.buffered_max };
            // Whoever is behind the published end may follow: what lies there is bounded by its writer.
            let kept = if computed < published { 0 } else { held + feed.progress.kept_back() };
            bound.saturating_sub(held).min(active_bound.saturating_sub(kept))
        };
        let room = self.outputs.iter().map(room).min().unwrap_or(u64::MAX);
        if room == 0 {
            self.shared.add_held_back(STANDSTILL);
            return None;
        }
        Some(usize::try_from(room).unwrap_or(usize::MAX))
    }

    fn hand_over(&mut self) {
        for (i, (feed, records)) in self.outputs.iter().zip(self.out.iter_mut()).enumerate() {
            let Some(last) = records.last() else { continue };
            let computed = LastComputed { end: last.index.next(), id: last.id, digest: last.digest };
            // A writer that is gone has said why to the control loop, which ends this thread.
            (feed.send)(OutputCommand::Push(std::mem::take(records)));
            feed.progress.set_computed(computed.end);
            self.shared.set_last_computed(i, computed);
        }
        let counters = self.pipeline.counters();
        self.shared.set_counters(counters.records, counters.events, counters.rejected);
    }

    /// A tick is only input: one too many or too few changes when time goes on, never what is computed.
    fn tick(&self) {
        match self.ticks.send() {
            TickOutcome::Sent | TickOutcome::StillOnItsWay => (),
            TickOutcome::Refused => tracing::warn!("a tick could not be sent; time goes on with the next record"),
        }
    }
}
