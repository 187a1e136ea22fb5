//! The hot thread: input → pipeline → outputs. It decides nothing; flags and bounds tell it when to stand still.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use adapter_kafka::{TickOutcome, TickWriter};
use ports::input::{InboundBatch, InputError, InputLog, ReadBounds};
use ports::output::{OutputCommand, OutputProgress};
use types::OutputRecord;

use super::shared::{LastComputed, Shared};
use crate::pipeline::Pipeline;

/// Payload bytes of one run at most, so that a run never holds a takeover up for long.
const RUN_BYTES_MAX: usize = 1 << 20;
/// How long one read waits for input; flags are looked at in between.
const READ_WAIT: Duration = Duration::from_millis(20);
/// How often a thread that stands still looks whether it may go on.
const STANDSTILL: Duration = Duration::from_micros(500);
/// Outputs that an active holds per topic until they are acknowledged; at the bound it reads no input.
pub(crate) const UNACKNOWLEDGED_MAX: u64 = 1 << 16;

/// One outbound topic as the hot thread sees it.
pub(crate) struct OutputFeed {
    /// Hands commands to the topic's writer.
    pub send: Box<dyn Fn(OutputCommand) -> bool + Send>,
    /// How far it is.
    pub progress: Arc<OutputProgress>,
    /// `numbufferedmsgs`.
    pub buffered_max: u64,
}

/// Everything the thread owns.
pub(crate) struct Hot {
    /// Where records come from.
    pub input: Box<dyn InputLog>,
    /// What is computed.
    pub pipeline: Pipeline,
    /// Where outputs go, in the pipeline's order.
    pub outputs: Vec<OutputFeed>,
    /// For an input that is idle.
    pub ticks: TickWriter,
    /// How idle.
    pub tick_step: Duration,
    /// Records of one run at most.
    pub run_records_max: usize,
    /// Flags and positions.
    pub shared: Arc<Shared>,
}

impl Hot {
    /// Runs until it is told to stop, or input can't be read any more.
    ///
    /// # Errors
    /// [`InputError`] of the input log.
    pub(crate) fn run(mut self) -> Result<(), InputError> {
        let mut batch = InboundBatch::default();
        let mut out: Vec<Vec<OutputRecord>> = vec![Vec::new(); self.outputs.len()];
        let mut last_input = Instant::now();
        while !self.shared.is_stopping() {
            let Some(room) = self.room() else {
                thread::park_timeout(STANDSTILL);
                continue;
            };
            batch.clear();
            let records_max = self.run_records_max.min(room);
            self.input.read(&mut batch, ReadBounds { records_max, bytes_max: RUN_BYTES_MAX }, READ_WAIT)?;
            self.shared.set_input(batch.heads.last().map(|head| head.offset.0 + 1), self.input.end().map(|end| end.0));
            if batch.heads.is_empty() {
                if self.shared.is_writing() && last_input.elapsed() >= self.tick_step {
                    self.tick();
                    last_input = Instant::now();
                }
                continue;
            }
            last_input = Instant::now();
            self.pipeline.feed(&batch, &mut out);
            self.hand_over(&mut out);
        }
        Ok(())
    }

    /// How many records may be read now; `None` when input stands still.
    ///
    /// A standby holds at most `numbufferedmsgs` outputs that nobody has published; the active's bound is its own.
    fn room(&self) -> Option<usize> {
        if self.shared.is_paused() {
            return None;
        }
        let writing = self.shared.is_writing();
        let room = |feed: &OutputFeed| {
            let held = feed.progress.computed().0.saturating_sub(feed.progress.published().0);
            let bound = if writing { feed.buffered_max.max(UNACKNOWLEDGED_MAX) } else { feed.buffered_max };
            bound.saturating_sub(held)
        };
        let room = self.outputs.iter().map(room).min().unwrap_or(u64::MAX);
        if room == 0 {
            self.shared.add_held_back(STANDSTILL);
            return None;
        }
        Some(usize::try_from(room).unwrap_or(usize::MAX))
    }

    fn hand_over(&self, out: &mut [Vec<OutputRecord>]) {
        for (i, (feed, records)) in self.outputs.iter().zip(out.iter_mut()).enumerate() {
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
