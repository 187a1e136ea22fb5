//! Rows in the order in which they will go.

use std::collections::BTreeSet;

use crate::index::Slot;

/// Slots in order of their last modification: a doubly linked list in two flat arrays, one entry per slot.
#[derive(Debug)]
pub(super) struct Chain {
    links: Vec<Link>,
    first: u32,
    last: u32,
    pub(super) len: usize,
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
    pub(super) fn move_to_end(&mut self, slot: Slot, time: i64) {
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
    pub(super) fn unlink(&mut self, slot: Slot) {
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
    pub(super) fn first_time(&self) -> Option<i64> {
        self.links.get(self.first as usize).map(|link| link.time)
    }

    #[inline]
    pub(super) fn pop_first(&mut self) -> Option<Slot> {
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
pub(super) struct Timeline {
    order: BTreeSet<(i64, u64, Slot)>,
    /// By slot: its place in `order`.
    places: Vec<Option<(i64, u64)>>,
    arrivals: u64,
    /// The largest time seen.
    pub(super) newest: Option<i64>,
}

impl Timeline {
    pub(super) fn move_to(&mut self, slot: Slot, time: Option<i64>) {
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

    pub(super) fn remove(&mut self, slot: Slot) {
        if let Some((time, arrival)) = self.places.get_mut(slot.at()).and_then(Option::take) {
            self.order.remove(&(time, arrival, slot));
        }
    }

    /// Takes out the oldest row if its time is before `limit`.
    pub(super) fn pop_before(&mut self, limit: i64) -> Option<Slot> {
        let &(time, _, slot) = self.order.first()?;
        if time >= limit {
            return None;
        }
        self.remove(slot);
        Some(slot)
    }
}
