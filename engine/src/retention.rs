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

use std::collections::BTreeSet;
use std::time::Duration;

use types::Timestamp;

use crate::index::Slot;
use crate::project::RetentionKind;

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

/// Slots in order of their last modification: a doubly linked list in two flat arrays, one entry per slot.
#[derive(Debug)]
struct Chain {
    links: Vec<Link>,
    first: u32,
    last: u32,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
struct Link {
    before: u32,
    after: u32,
    time: i64,
}

/// No neighbour.
const NONE: u32 = u32::MAX;
/// In [`Link::before`]: the slot is not in the list.
const OUT: u32 = u32::MAX - 1;

impl Default for Chain {
    fn default() -> Self {
        Self { links: Vec::new(), first: NONE, last: NONE, len: 0 }
    }
}

impl Chain {
    #[inline]
    fn move_to_end(&mut self, slot: Slot, time: i64) {
        if self.links.len() <= slot.at() {
            self.links.resize(slot.at() + 1, Link { before: OUT, after: NONE, time: 0 });
        }
        self.unlink(slot);
        self.links[slot.at()] = Link { before: self.last, after: NONE, time };
        match self.last {
            NONE => self.first = slot.0,
            last => self.links[last as usize].after = slot.0,
        }
        self.last = slot.0;
        self.len += 1;
    }

    /// Nothing happens when the slot is not in the list.
    #[inline]
    fn unlink(&mut self, slot: Slot) {
        let Some(&Link { before, after, .. }) = self.links.get(slot.at()) else { return };
        if before == OUT {
            return;
        }
        match before {
            NONE => self.first = after,
            before => self.links[before as usize].after = after,
        }
        match after {
            NONE => self.last = before,
            after => self.links[after as usize].before = before,
        }
        self.links[slot.at()].before = OUT;
        self.len -= 1;
    }

    #[inline]
    fn first_time(&self) -> Option<i64> {
        self.links.get(self.first as usize).map(|link| link.time)
    }

    #[inline]
    fn pop_first(&mut self) -> Option<Slot> {
        if self.first == NONE {
            return None;
        }
        let slot = Slot(self.first);
        self.unlink(slot);
        Some(slot)
    }
}

/// Slots in order of their rows' own times, ties in order of arrival.
#[derive(Debug, Default)]
struct Timeline {
    order: BTreeSet<(i64, u64, Slot)>,
    /// By slot: its place in `order`.
    places: Vec<Option<(i64, u64)>>,
    arrivals: u64,
    /// The largest time seen.
    newest: Option<i64>,
}

impl Timeline {
    fn move_to(&mut self, slot: Slot, time: Option<i64>) {
        self.remove(slot);
        let time = time.or(self.newest).unwrap_or(i64::MIN);
        self.newest = self.newest.max(Some(time));
        if self.places.len() <= slot.at() {
            self.places.resize(slot.at() + 1, None);
        }
        self.places[slot.at()] = Some((time, self.arrivals));
        self.order.insert((time, self.arrivals, slot));
        self.arrivals += 1;
    }

    fn remove(&mut self, slot: Slot) {
        if let Some((time, arrival)) = self.places.get_mut(slot.at()).and_then(Option::take) {
            self.order.remove(&(time, arrival, slot));
        }
    }

    /// Takes out the oldest row if its time is before `limit`.
    fn pop_before(&mut self, limit: i64) -> Option<Slot> {
        let &(time, _, slot) = self.order.first()?;
        if time >= limit {
            return None;
        }
        self.remove(slot);
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn list(kind: RetentionKind, by_field: bool) -> Retention {
        Retention::new(kind, by_field, Duration::from_secs(1))
    }

    fn overdue(list: &mut Retention) -> Vec<u32> {
        std::iter::from_fn(|| list.overdue()).map(|slot| slot.0).collect()
    }

    fn expired(list: &mut Retention, now: i64) -> Vec<u32> {
        std::iter::from_fn(|| list.expired_at(Timestamp(now), Timestamp(0))).map(|slot| slot.0).collect()
    }

    #[test]
    fn sliding_by_count_lets_the_least_recently_changed_go() {
        let mut list = list(RetentionKind::ByCountSliding { limit: 2 }, false);
        let mut touch = |slot| {
            list.touched(Slot(slot), Timestamp(0), Timestamp(0), None);
            overdue(&mut list)
        };
        assert_eq!((touch(0), touch(1), touch(0), touch(2)), (vec![], vec![], vec![], vec![1]));
    }

    #[test]
    fn jumping_by_count_keeps_the_newest_only() {
        let mut list = list(RetentionKind::ByCountJumping { limit: 2 }, false);
        let mut touch = |slot| {
            list.touched(Slot(slot), Timestamp(0), Timestamp(0), None);
            overdue(&mut list)
        };
        assert_eq!((touch(0), touch(1), touch(2), touch(3)), (vec![], vec![], vec![0, 1], vec![]));
    }

    #[test]
    fn a_deleted_row_is_forgotten() {
        let mut list = list(RetentionKind::ByCountSliding { limit: 1 }, false);
        list.touched(Slot(0), Timestamp(0), Timestamp(0), None);
        list.removed(Slot(0));
        list.touched(Slot(1), Timestamp(0), Timestamp(0), None);
        assert_eq!(overdue(&mut list), Vec::<u32>::new());
    }

    #[test]
    fn rows_go_at_the_first_grid_point_at_which_they_are_old_enough() {
        let mut list = list(RetentionKind::ByTimeSliding { limit: Duration::from_millis(1500) }, false);
        list.touched(Slot(0), Timestamp(SECOND / 4), Timestamp(0), None);
        list.touched(Slot(1), Timestamp(SECOND), Timestamp(0), None);
        assert_eq!(list.heartbeat_due(Timestamp(SECOND * 199 / 100)), None);
        assert_eq!(list.heartbeat_due(Timestamp(500 * SECOND)), Some(Timestamp(2 * SECOND)));
        assert_eq!(expired(&mut list, 2 * SECOND), [0]);
        assert_eq!(list.heartbeat_due(Timestamp(500 * SECOND)), Some(Timestamp(3 * SECOND)));
        assert_eq!(expired(&mut list, 3 * SECOND), [1]);
        assert_eq!(list.heartbeat_due(Timestamp(500 * SECOND)), None);
    }

    #[test]
    fn jumps_are_counted_from_the_start_and_run_at_the_next_heartbeat() {
        let mut list = list(RetentionKind::ByTimeJumping { limit: Duration::from_secs(2) }, false);
        let start = Timestamp(SECOND / 2);
        let touch = |list: &mut Retention, slot, now| list.touched(Slot(slot), Timestamp(now), start, None);
        touch(&mut list, 0, SECOND / 2);
        touch(&mut list, 1, SECOND * 27 / 10);
        // The jump at 2.5 s runs at 3 s, so the row of 2.7 s goes too.
        assert_eq!(list.heartbeat_due(Timestamp(9 * SECOND)), Some(Timestamp(3 * SECOND)));
        let gone: Vec<u32> =
            std::iter::from_fn(|| list.expired_at(Timestamp(3 * SECOND), start)).map(|slot| slot.0).collect();
        assert_eq!(gone, [0, 1]);
        touch(&mut list, 0, SECOND * 31 / 10);
        assert_eq!(list.heartbeat_due(Timestamp(9 * SECOND)), Some(Timestamp(5 * SECOND)));
    }

    #[test]
    fn jumps_that_found_nothing_are_not_made_up_for() {
        let mut list = list(RetentionKind::ByTimeJumping { limit: Duration::from_secs(2) }, false);
        list.touched(Slot(0), Timestamp(0), Timestamp(0), None);
        list.removed(Slot(0));
        assert_eq!(list.heartbeat_due(Timestamp(50 * SECOND)), None);
        list.touched(Slot(0), Timestamp(50 * SECOND + 1), Timestamp(0), None);
        assert_eq!(list.heartbeat_due(Timestamp(90 * SECOND)), Some(Timestamp(52 * SECOND)));
    }

    #[test]
    fn a_look_back_keeps_the_young() {
        let kind =
            RetentionKind::ByTimeJumpingLookback { limit: Duration::from_secs(4), lookback: Duration::from_secs(1) };
        let mut list = list(kind, false);
        for (slot, now) in [(0, 0), (1, 2 * SECOND), (2, 3 * SECOND), (3, SECOND * 35 / 10)] {
            list.touched(Slot(slot), Timestamp(now), Timestamp(0), None);
        }
        assert_eq!(list.heartbeat_due(Timestamp(100 * SECOND)), Some(Timestamp(4 * SECOND)));
        assert_eq!(expired(&mut list, 4 * SECOND), [0, 1, 2]);
        assert_eq!(list.heartbeat_due(Timestamp(100 * SECOND)), Some(Timestamp(8 * SECOND)));
        assert_eq!(expired(&mut list, 8 * SECOND), [3]);
        assert_eq!(list.heartbeat_due(Timestamp(100 * SECOND)), None);
    }

    #[test]
    fn event_time_lets_late_rows_go_at_once() {
        let mut list = list(RetentionKind::ByTimeSliding { limit: Duration::from_secs(5) }, true);
        let mut touch = |slot, time: i64| {
            list.touched(Slot(slot), Timestamp(0), Timestamp(0), Some(time * SECOND));
            overdue(&mut list)
        };
        assert_eq!((touch(0, 10), touch(1, 12)), (vec![], vec![]));
        assert_eq!(touch(2, 15), [0]);
        assert_eq!(touch(3, 9), [3]);
        assert_eq!(touch(4, 100), [1, 2]);
    }

    #[test]
    fn event_time_jumps_when_it_crosses_a_multiple_from_the_first_event() {
        let mut list = list(RetentionKind::ByTimeJumping { limit: Duration::from_secs(10) }, true);
        let mut touch = |slot, time: i64| {
            list.touched(Slot(slot), Timestamp(0), Timestamp(0), Some(time * SECOND));
            overdue(&mut list)
        };
        assert_eq!((touch(0, 3), touch(1, 1), touch(2, 12)), (vec![], vec![], vec![]));
        assert_eq!(touch(3, 13), [1, 0, 2]);
        assert_eq!(touch(4, 22), Vec::<u32>::new());
        assert_eq!(touch(5, 40), [3, 4]);
    }
}
