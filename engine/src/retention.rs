//! Which rows a window lets go by itself, and when.
//!
//! A retention list knows slots and times, no values. Its owner tells it of rows that arrive, are updated or leave, and
//! asks after each event ([`Retention::overdue`]) and at heartbeats ([`Retention::heartbeat_due`],
//! [`Retention::expired_at`]) what must go, oldest first.
//!
//! - By count: rows in order of their last modification.
//! - By time without a field: the engine's time at the last modification; rows go at heartbeats, multiples of the
//!   interval on the logical clock. Only grid points at which a row goes are ever looked at.
//! - By time with a field: the field's time; rows go right after the event that made them too old. The newest time is
//!   the largest seen; a row that is too old when it arrives goes at once; a null counts as the newest time.

mod before;
mod frozen;
mod lists;

use std::time::Duration;

use types::Timestamp;

use crate::index::Slot;
use crate::project::RetentionKind;

use lists::{Chain, Timeline};

/// The rows of one window in the order in which they will go.
#[derive(Debug)]
pub(crate) struct Retention {
    policy: Policy,
    /// Microseconds between heartbeats.
    interval: i64,
}

/// One per kind of retention, with its list. Durations are microseconds.
#[derive(Debug)]
enum Policy {
    CountSliding { limit: usize, rows: Chain },
    CountJumping { limit: usize, rows: Chain, emptying: bool },
    SystemSliding { age: i64, rows: Chain },
    SystemJumping { period: i64, lookback: i64, rows: Chain, jump: Option<i64> },
    EventSliding { age: i64, rows: Timeline },
    EventJumping { period: i64, lookback: i64, rows: Timeline, first: Option<i64> },
}

impl Retention {
    /// An empty list; `by_field` says that the rows' own times count.
    pub(crate) fn new(kind: RetentionKind, by_field: bool, heartbeat_interval: Duration) -> Self {
        let count = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        let (rows, times) = (Chain::default(), Timeline::default());
        let policy = match (kind, by_field) {
            (RetentionKind::ByCountSliding { limit }, _) => Policy::CountSliding { limit: count(limit), rows },
            (RetentionKind::ByCountJumping { limit }, _) => {
                Policy::CountJumping { limit: count(limit), rows, emptying: false }
            }
            (RetentionKind::ByTimeSliding { limit }, false) => Policy::SystemSliding { age: micros(limit), rows },
            (RetentionKind::ByTimeSliding { limit }, true) => Policy::EventSliding { age: micros(limit), rows: times },
            (RetentionKind::ByTimeJumping { limit }, false) => {
                Policy::SystemJumping { period: micros(limit), lookback: 0, rows, jump: None }
            }
            (RetentionKind::ByTimeJumping { limit }, true) => {
                Policy::EventJumping { period: micros(limit), lookback: 0, rows: times, first: None }
            }
            (RetentionKind::ByTimeJumpingLookback { limit, lookback }, false) => {
                Policy::SystemJumping { period: micros(limit), lookback: micros(lookback), rows, jump: None }
            }
            (RetentionKind::ByTimeJumpingLookback { limit, lookback }, true) => {
                Policy::EventJumping { period: micros(limit), lookback: micros(lookback), rows: times, first: None }
            }
        };
        Self { policy, interval: micros(heartbeat_interval).max(1) }
    }

    /// A row arrived or was updated: it is the newest now.
    ///
    /// `now` is the engine's time, `start` its time at its first record, `event_time` the row's own, in microseconds.
    #[inline]
    pub(crate) fn touched(&mut self, slot: Slot, now: Timestamp, start: Timestamp, event_time: Option<i64>) {
        match &mut self.policy {
            Policy::CountSliding { rows, .. } | Policy::CountJumping { rows, .. } => rows.move_to_end(slot, 0),
            Policy::SystemSliding { rows, .. } => rows.move_to_end(slot, now.0),
            Policy::SystemJumping { period, rows, jump, .. } => {
                // Jumps that would have found nothing were not run, so `jump` may be long past.
                if rows.len == 0 {
                    *jump = Some(next_jump(start.0, *period, floor_to(now.0, self.interval)));
                }
                rows.move_to_end(slot, now.0);
            }
            Policy::EventSliding { rows, .. } => rows.move_to(slot, event_time),
            Policy::EventJumping { rows, first, .. } => {
                rows.move_to(slot, event_time);
                *first = first.or(event_time);
            }
        }
    }

    /// A row left because an event deleted it.
    #[inline]
    pub(crate) fn removed(&mut self, slot: Slot) {
        match &mut self.policy {
            Policy::CountSliding { rows, .. }
            | Policy::CountJumping { rows, .. }
            | Policy::SystemSliding { rows, .. }
            | Policy::SystemJumping { rows, .. } => rows.unlink(slot),
            Policy::EventSliding { rows, .. } | Policy::EventJumping { rows, .. } => rows.remove(slot),
        }
    }

    /// Takes out the next row that must go because of the last event.
    #[inline]
    pub(crate) fn overdue(&mut self) -> Option<Slot> {
        match &mut self.policy {
            Policy::CountSliding { limit, rows } => {
                if rows.len > *limit {
                    rows.pop_first()
                } else {
                    None
                }
            }
            Policy::CountJumping { limit, rows, emptying } => {
                *emptying = (*emptying && rows.len > 1) || rows.len > *limit;
                if *emptying && rows.len > 1 { rows.pop_first() } else { None }
            }
            Policy::SystemSliding { .. } | Policy::SystemJumping { .. } => None,
            Policy::EventSliding { age, rows } => rows.pop_before(rows.newest?.saturating_sub(*age).saturating_add(1)),
            Policy::EventJumping { period, lookback, rows, first } => {
                let (first, newest) = ((*first)?, rows.newest?);
                let jumps = newest.saturating_sub(first).div_euclid(*period);
                if jumps < 1 {
                    return None;
                }
                rows.pop_before((first + jumps * *period).saturating_sub(*lookback))
            }
        }
    }

    /// The next heartbeat not later than `until` at which a row goes.
    #[inline]
    pub(crate) fn heartbeat_due(&self, until: Timestamp) -> Option<Timestamp> {
        let due = match &self.policy {
            Policy::SystemSliding { age, rows } => rows.first_time()?.saturating_add(*age),
            Policy::SystemJumping { jump, rows, .. } => {
                rows.first_time()?;
                (*jump)?
            }
            Policy::CountSliding { .. }
            | Policy::CountJumping { .. }
            | Policy::EventSliding { .. }
            | Policy::EventJumping { .. } => return None,
        };
        if due > until.0 {
            return None;
        }
        let heartbeat = Timestamp(ceil_to(due, self.interval));
        (heartbeat <= until).then_some(heartbeat)
    }

    /// Takes out the next row that goes at the heartbeat `now`; ask until there is none.
    pub(crate) fn expired_at(&mut self, now: Timestamp, start: Timestamp) -> Option<Slot> {
        let interval = self.interval;
        match &mut self.policy {
            Policy::SystemSliding { age, rows } => {
                if rows.first_time()?.saturating_add(*age) <= now.0 {
                    rows.pop_first()
                } else {
                    None
                }
            }
            Policy::SystemJumping { period, lookback, rows, jump } => {
                let jumped = (*jump)?;
                if jumped > now.0 {
                    return None;
                }
                match rows.first_time() {
                    Some(time) if *lookback == 0 || time <= jumped - *lookback => rows.pop_first(),
                    Some(_) => {
                        *jump = Some(next_jump(start.0, *period, floor_to(now.0, interval)));
                        None
                    }
                    None => {
                        *jump = None;
                        None
                    }
                }
            }
            Policy::CountSliding { .. }
            | Policy::CountJumping { .. }
            | Policy::EventSliding { .. }
            | Policy::EventJumping { .. } => None,
        }
    }
}

/// The first jump, counted in periods from `start`, that no heartbeat up to `heartbeat` has run.
fn next_jump(start: i64, period: i64, heartbeat: i64) -> i64 {
    let jumps = heartbeat.saturating_sub(start).div_euclid(period).saturating_add(1).max(1);
    start.saturating_add(jumps.saturating_mul(period))
}

fn floor_to(time: i64, interval: i64) -> i64 {
    time.div_euclid(interval).saturating_mul(interval)
}

fn ceil_to(time: i64, interval: i64) -> i64 {
    let floor = floor_to(time, interval);
    if floor == time { time } else { floor.saturating_add(interval) }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
