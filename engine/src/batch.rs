//! Events between two windows: a block, and at which moment each of its parts happens.

use types::{EventBlock, MessageId, Timestamp};

/// One inbound record of the run at hand, with the engine's time at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: MessageId,
    /// Never before the record before.
    pub(crate) time: Timestamp,
}

/// When in a run something happens: with a record, or at a heartbeat that became due before it.
///
/// Moments order all that the windows of a graph do. A window hears its inputs' moments in this order, so what it does
/// can't depend on which records happened to travel in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    /// Which record of the run.
    pub(crate) record: u32,
    /// The heartbeat's time, or [`Moment::RECORD`], which is later than all heartbeats.
    heartbeat: Timestamp,
}

impl Moment {
    const RECORD: Timestamp = Timestamp(i64::MAX);

    /// The record itself.
    pub(crate) const fn of_record(record: u32) -> Self {
        Self { record, heartbeat: Self::RECORD }
    }

    /// The grid point `time`, which runs before `record`.
    pub(crate) const fn of_heartbeat(record: u32, time: Timestamp) -> Self {
        Self { record, heartbeat: time }
    }

    /// Whether this is a grid point and not a record.
    pub(crate) fn is_heartbeat(self) -> bool {
        self.heartbeat != Self::RECORD
    }

    /// The logical time at this moment.
    pub(crate) fn time(self, records: &[Record]) -> Timestamp {
        if self.is_heartbeat() { self.heartbeat } else { records[self.record as usize].time }
    }
}

/// The events of one moment that came from one window: those from the previous span's end to this one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) moment: Moment,
    /// One past the last event.
    pub(crate) end: u32,
}

/// What a window reads: another window's batch, or the events of an inbound run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) block: &'a EventBlock,
    /// Moments ascend; a moment may have several spans, one per parent.
    pub(crate) spans: &'a [Span],
}

/// What a window has put out in this run.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) block: EventBlock,
    /// Moments ascend strictly; no span is empty.
    pub(crate) spans: Vec<Span>,
}

impl Batch {
    pub(crate) fn clear(&mut self) {
        self.block.clear();
        self.spans.clear();
    }

    /// Says that `moment` ends after `end` events; a moment without events leaves no span.
    pub(crate) fn close(&mut self, moment: Moment, end: usize) {
        // Blocks are bounded far below 4 Gi events by what one run may hold.
        let end = u32::try_from(end).unwrap_or(u32::MAX);
        match self.spans.last_mut() {
            Some(last) if last.end == end => {}
            None if end == 0 => {}
            Some(last) if last.moment == moment => last.end = end,
            Some(last) => {
                assert!(last.moment < moment, "moments went back: {:?} then {moment:?}", last.moment);
                self.spans.push(Span { moment, end });
            }
            None => self.spans.push(Span { moment, end }),
        }
    }

    pub(crate) fn as_input(&self) -> Input<'_> {
        Input { block: &self.block, spans: &self.spans }
    }
}
