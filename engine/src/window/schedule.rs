//! In which order a window hears its inputs' events and its own heartbeats.

use std::ops::Range;

use types::Timestamp;

use crate::batch::{Input, Moment, Record};

/// What a window does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn {
    /// These rows of its input arrive.
    Events { moment: Moment, now: Timestamp, rows: Range<usize> },
    /// One of its own heartbeats is due.
    Heartbeat { moment: Moment, now: Timestamp },
}

/// Merges the moments of the input with the window's own heartbeats; at the same grid point the input comes first.
pub(crate) struct Schedule<'a> {
    records: &'a [Record],
    input: Input<'a>,
    /// The next span.
    span: usize,
    /// Where the last span ended.
    row: usize,
    /// No heartbeat is due before this record.
    record: usize,
    /// The last record's time: what is due later waits for the next run.
    until: Timestamp,
}

impl<'a> Schedule<'a> {
    pub(crate) fn new(records: &'a [Record], input: Input<'a>) -> Self {
        let until = records.last().map_or(Timestamp(i64::MIN), |record| record.time);
        Self { records, input, span: 0, row: 0, record: 0, until }
    }

    /// The latest time that this run reaches.
    pub(crate) fn until(&self) -> Timestamp {
        self.until
    }

    /// The next turn, `due` being the window's next heartbeat (not after [`Schedule::until`]), if it has one.
    #[inline]
    pub(crate) fn next(&mut self, due: Option<Timestamp>) -> Option<Turn> {
        let heartbeat = due.map(|now| (self.moment_of(now), now));
        let span = self.input.spans.get(self.span);
        match (span, heartbeat) {
            (Some(span), Some((moment, now))) if moment < span.moment => Some(Turn::Heartbeat { moment, now }),
            (Some(span), _) => {
                let rows = self.row..span.end as usize;
                self.span += 1;
                self.row = rows.end;
                let now = span.moment.time(self.records);
                Some(Turn::Events { moment: span.moment, now, rows })
            }
            (None, Some((moment, now))) => Some(Turn::Heartbeat { moment, now }),
            (None, None) => None,
        }
    }

    /// Heartbeats are asked for in ascending order, so the search goes on where it stopped.
    fn moment_of(&mut self, heartbeat: Timestamp) -> Moment {
        while self.records[self.record].time < heartbeat {
            self.record += 1;
        }
        Moment::of_heartbeat(u32::try_from(self.record).unwrap_or(u32::MAX), heartbeat)
    }
}
