//! Rows in the order in which they will go.

use std::collections::BTreeSet;

use super::before::Before;
use crate::index::Slot;
use crate::snapshot::{Body, Error, Put};

/// Slots in order of their last modification: a doubly linked list in two flat arrays, one entry per slot.
#[derive(Debug)]
pub(super) struct Chain {
    links: Vec<Link>,
    first: u32,
    last: u32,
    pub(super) len: usize,
    /// While a snapshot is written.
    before: Option<Box<Before<Link>>>,
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
        Self { links: Vec::new(), first: NONE, last: NONE, len: 0, before: None }
    }
}

impl Chain {
    #[inline]
    pub(super) fn move_to_end(&mut self, slot: Slot, time: i64) {
        if self.links.len() <= slot.at() {
            self.links.resize(slot.at() + 1, Link { before: OUT, after: NONE, time: 0 });
        }
        self.unlink(slot);
        let before = self.last;
        *self.link(slot.0) = Link { before, after: NONE, time };
        match before {
            NONE => self.first = slot.0,
            last => self.link(last).after = slot.0,
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
            before => self.link(before).after = after,
        }
        match after {
            NONE => self.last = before,
            after => self.link(after).before = before,
        }
        self.link(slot.0).before = OUT;
        self.len -= 1;
    }

    /// A link that is about to change.
    #[inline]
    fn link(&mut self, slot: u32) -> &mut Link {
        let link = &mut self.links[slot as usize];
        if let Some(before) = &mut self.before {
            before.note(slot, *link);
        }
        link
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

/// Snapshots.
impl Chain {
    pub(super) fn freeze(&mut self, body: &mut Vec<u8>) {
        body.put_u32(self.first);
        body.put_u32(self.last);
        body.put_len(self.len);
        self.before = Some(Before::new(self.links.len()));
    }

    pub(super) fn write_frozen(&mut self, slots: &[Slot], until: u32, body: &mut Vec<u8>) {
        let Some(frozen) = &mut self.before else { return };
        for slot in slots {
            let Link { before, after, time } = frozen.get(slot.0).unwrap_or(self.links[slot.at()]);
            body.put_u32(before);
            body.put_u32(after);
            body.put_i64(time);
        }
        frozen.forget_below(until);
    }

    pub(super) fn thaw(&mut self) {
        self.before = None;
    }

    pub(super) fn restore(&mut self, slots: u32, body: &mut Body<'_>) -> Result<(), Error> {
        self.first = place(slots, body)?;
        self.last = place(slots, body)?;
        self.len = usize::try_from(body.u64()?).unwrap_or(usize::MAX);
        if self.len > slots as usize {
            return Err(Error::misfit("a list is longer than its table"));
        }
        Ok(())
    }

    pub(super) fn restore_rows(&mut self, all: u32, slots: &[Slot], body: &mut Body<'_>) -> Result<(), Error> {
        for slot in slots {
            let link = Link { before: place(all, body)?, after: place(all, body)?, time: body.i64()? };
            self.links.resize(slot.at() + 1, Link { before: OUT, after: NONE, time: 0 });
            self.links[slot.at()] = link;
        }
        Ok(())
    }
}

/// A slot of a table with so many, or none.
fn place(slots: u32, body: &mut Body<'_>) -> Result<u32, Error> {
    let place = body.u32()?;
    if place < slots || place == NONE { Ok(place) } else { Err(Error::misfit("a link leads out of its table")) }
}

/// Slots in order of their rows' own times, ties in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    order: BTreeSet<(i64, u64, Slot)>,
    /// By slot: its place in `order`.
    places: Vec<Place>,
    arrivals: u64,
    /// The largest time seen.
    pub(super) newest: Option<i64>,
    /// While a snapshot is written.
    before: Option<Box<Before<Place>>>,
}

/// Time and number of arrival of a slot in a timeline; `None` while it isn't in there.
type Place = Option<(i64, u64)>;

impl Timeline {
    pub(super) fn move_to(&mut self, slot: Slot, time: Option<i64>) {
        self.remove(slot);
        let time = time.or(self.newest).unwrap_or(i64::MIN);
        self.newest = self.newest.max(Some(time));
        if self.places.len() <= slot.at() {
            self.places.resize(slot.at() + 1, None);
        }
        *self.place(slot) = Some((time, self.arrivals));
        self.order.insert((time, self.arrivals, slot));
        self.arrivals += 1;
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        if slot.at() < self.places.len()
            && let Some((time, arrival)) = self.place(slot).take()
        {
            self.order.remove(&(time, arrival, slot));
        }
    }

    /// A place that is about to change.
    fn place(&mut self, slot: Slot) -> &mut Place {
        let place = &mut self.places[slot.at()];
        if let Some(before) = &mut self.before {
            before.note(slot.0, *place);
        }
        place
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

/// Snapshots.
impl Timeline {
    pub(super) fn freeze(&mut self, body: &mut Vec<u8>) {
        body.put_u64(self.arrivals);
        body.put_option(self.newest, Vec::put_i64);
        self.before = Some(Before::new(self.places.len()));
    }

    pub(super) fn write_frozen(&mut self, slots: &[Slot], until: u32, body: &mut Vec<u8>) {
        let Some(frozen) = &mut self.before else { return };
        for slot in slots {
            body.put_option(frozen.get(slot.0).unwrap_or(self.places[slot.at()]), |body, (time, arrival)| {
                body.put_i64(time);
                body.put_u64(arrival);
            });
        }
        frozen.forget_below(until);
    }

    pub(super) fn thaw(&mut self) {
        self.before = None;
    }

    pub(super) fn restore(&mut self, body: &mut Body<'_>) -> Result<(), Error> {
        self.arrivals = body.u64()?;
        self.newest = body.option(Body::i64)?;
        Ok(())
    }

    pub(super) fn restore_rows(&mut self, slots: &[Slot], body: &mut Body<'_>) -> Result<(), Error> {
        for slot in slots {
            let place = body.option(|body| Ok((body.i64()?, body.u64()?)))?;
            self.places.resize(slot.at() + 1, None);
            self.places[slot.at()] = place;
            self.order.extend(place.map(|(time, arrival)| (time, arrival, *slot)));
        }
        Ok(())
    }
}
