//! A table's rows for a snapshot: written in slices while the table goes on changing.

use std::collections::BTreeMap;
use std::ops::Range;

use types::{Column, EventBlock, Schema};

use super::{Plan, Step, StoredColumn, Table, wrong_type};
use crate::index::{KeyReader, Slot};
use crate::snapshot::{Body, Error, Put};

/// Which slots of a table hold a row.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// Bit `i % 64` of word `i / 64` is set when slot `i` holds a row.
    live: Vec<u64>,
    slots: u32,
}

impl Layout {
    fn new(slots: u32, free: &[u32]) -> Self {
        let mut live = vec![u64::MAX; (slots as usize).div_ceil(64)];
        for &slot in free {
            live[slot as usize / 64] &= !(1 << (slot % 64));
        }
        Self { live, slots }
    }

    /// Slots are below this.
    pub(crate) const fn slots(&self) -> u32 {
        self.slots
    }

    fn holds(&self, slot: u32) -> bool {
        slot < self.slots && self.live[slot as usize / 64] >> (slot % 64) & 1 == 1
    }

    /// Those of `slots` that hold a row, ascending.
    pub(crate) fn live(&self, slots: Range<u32>) -> impl Iterator<Item = Slot> {
        (slots.start..slots.end.min(self.slots)).filter(|&slot| self.holds(slot)).map(Slot)
    }
}

/// A table as it was, as far as that isn't written yet.
#[derive(Debug)]
pub(super) struct Frozen {
    layout: Layout,
    /// The first slot that isn't written.
    next: u32,
    /// Slots that have changed since, and the place of what was there in `rows`.
    changed: BTreeMap<u32, u32>,
    rows: Vec<StoredColumn>,
}

impl Frozen {
    /// Puts aside what a plan will overwrite. Reading a row that leaves doesn't change it.
    pub(super) fn put_aside(&mut self, plan: &Plan, columns: &[StoredColumn]) {
        for step in &plan.steps {
            let slot = match *step {
                Step::Insert { slot, .. } | Step::Update { slot, .. } | Step::Merge { slot, .. } => slot,
                Step::Pass { .. } | Step::Delete { .. } => continue,
            };
            if slot.0 < self.next || !self.layout.holds(slot.0) || self.changed.contains_key(&slot.0) {
                continue;
            }
            // A table has fewer than 2³² slots, and each is put aside once.
            let place = u32::try_from(self.changed.len()).unwrap_or(u32::MAX);
            self.changed.insert(slot.0, place);
            for (rows, column) in self.rows.iter_mut().zip(columns) {
                rows.push_from(column, slot);
            }
        }
    }
}

impl Table {
    /// Writes which slots are in use, and remembers the rows as they are now.
    pub(crate) fn freeze(&mut self, body: &mut Vec<u8>) {
        let (slots, free) = self.index.layout();
        body.put_u32(slots);
        body.put_len(free.len());
        free.iter().for_each(|&slot| body.put_u32(slot));
        let rows = self.columns.iter().map(StoredColumn::empty_like).collect();
        let layout = Layout::new(slots, free);
        self.frozen = Some(Box::new(Frozen { layout, next: 0, changed: BTreeMap::new(), rows }));
    }

    /// Slots of the frozen table; 0 when nothing is frozen.
    pub(crate) fn frozen_slots(&self) -> u32 {
        self.frozen.as_ref().map_or(0, |frozen| frozen.layout.slots)
    }

    /// Adds the frozen rows of `slots` to `out`, and says in which slots they were. Slices are asked for in order, each
    /// once.
    pub(crate) fn take_frozen(&mut self, slots: Range<u32>, out: &mut [Column]) -> Vec<Slot> {
        let Some(frozen) = &mut self.frozen else { return Vec::new() };
        assert_eq!(frozen.next, slots.start, "slices of a frozen table are written in order");
        let places: Vec<Slot> = frozen.layout.live(slots.clone()).collect();
        for ((column, rows), out) in self.columns.iter().zip(&frozen.rows).zip(out) {
            let mut changed = frozen.changed.range(slots.clone()).peekable();
            for &slot in &places {
                match changed.next_if(|(changed, _)| **changed == slot.0) {
                    Some((_, &place)) => rows.push_to(Slot(place), out),
                    None => column.push_to(slot, out),
                }
            }
        }
        frozen.next = slots.end;
        places
    }

    /// Forgets what was frozen.
    pub(crate) fn thaw(&mut self) {
        self.frozen = None;
    }

    /// Takes over which slots are in use; their rows follow by [`Table::restore_rows`].
    pub(crate) fn restore(&mut self, body: &mut Body<'_>) -> Result<Layout, Error> {
        let slots = body.u32()?;
        let mut free = Vec::new();
        for _ in 0..body.len(4)? {
            free.push(body.u32()?);
        }
        if free.len() > slots as usize || free.iter().any(|&slot| slot >= slots) {
            return Err(Error::misfit("a free slot is outside of its table"));
        }
        let layout = Layout::new(slots, &free);
        self.index.restore_layout(slots, free);
        Ok(layout)
    }

    /// Takes over the rows of all slots below `until` that aren't there yet.
    pub(crate) fn restore_rows(
        &mut self,
        schema: &Schema,
        until: u32,
        places: &[Slot],
        rows: &EventBlock,
    ) -> Result<(), Error> {
        let mut reader = KeyReader::new(schema.keys().to_vec());
        let mut keys = reader.of(rows);
        self.index.reserve(until, places.len());
        for (row, &slot) in places.iter().enumerate() {
            let key = keys.read(row).ok_or_else(|| Error::misfit("a row has no key"))?;
            if !self.index.restore_key(key, slot) {
                return Err(Error::misfit("two rows have one key"));
            }
        }
        for (column, rows) in self.columns.iter_mut().zip(&rows.columns) {
            column.restore(until as usize, places, rows);
        }
        Ok(())
    }
}

impl StoredColumn {
    fn empty_like(&self) -> Self {
        match self {
            Self::Int32(_) => Self::Int32(types::Values::default()),
            Self::Int64(_) => Self::Int64(types::Values::default()),
            Self::Double(_) => Self::Double(types::Values::default()),
            Self::Texts(_) => Self::Texts(super::StoredTexts::default()),
        }
    }

    /// Adds what `from`, a column of the same type, has in `slot`.
    fn push_from(&mut self, from: &Self, slot: Slot) {
        match (self, from) {
            (Self::Int32(to), Self::Int32(from)) => to.push(from.get(slot.at())),
            (Self::Int64(to), Self::Int64(from)) => to.push(from.get(slot.at())),
            (Self::Double(to), Self::Double(from)) => to.push(from.get(slot.at())),
            (Self::Texts(to), Self::Texts(from)) => {
                let place = Slot(u32::try_from(to.values.len()).unwrap_or(u32::MAX));
                to.values.push(Vec::new());
                to.keep(place, from.get(slot));
            }
            (_, _) => panic!("a row was put aside in columns of other types"),
        }
    }

    fn push_to(&self, slot: Slot, out: &mut Column) {
        match (self, out) {
            (Self::Int32(stored), Column::Int32(out)) => out.push(stored.get(slot.at())),
            (Self::Double(stored), Column::Double(out)) => out.push(stored.get(slot.at())),
            (Self::Int64(stored), Column::Int64(out))
            | (Self::Int64(stored), Column::Date(out))
            | (Self::Int64(stored), Column::Stamp(out))
            | (Self::Int64(stored), Column::Money(out)) => out.push(stored.get(slot.at())),
            (Self::Texts(stored), Column::String(out)) | (Self::Texts(stored), Column::Blob(out)) => {
                out.push(stored.get(slot));
            }
            (_, out) => wrong_type(out, out),
        }
    }

    fn restore(&mut self, slots: usize, places: &[Slot], rows: &Column) {
        match (self, rows) {
            (Self::Int32(stored), Column::Int32(rows)) => restore_values(stored, slots, places, rows),
            (Self::Double(stored), Column::Double(rows)) => restore_values(stored, slots, places, rows),
            (Self::Int64(stored), Column::Int64(rows))
            | (Self::Int64(stored), Column::Date(rows))
            | (Self::Int64(stored), Column::Stamp(rows))
            | (Self::Int64(stored), Column::Money(rows)) => restore_values(stored, slots, places, rows),
            (Self::Texts(stored), Column::String(rows)) | (Self::Texts(stored), Column::Blob(rows)) => {
                stored.values.resize(slots, Vec::new());
                places.iter().enumerate().for_each(|(row, &slot)| stored.keep(slot, rows.get(row)));
            }
            (_, rows) => wrong_type(rows, rows),
        }
    }
}

fn restore_values<T: Copy + Default>(
    stored: &mut types::Values<T>,
    slots: usize,
    places: &[Slot],
    rows: &types::Values<T>,
) {
    stored.values.resize(slots, T::default());
    for (row, &slot) in places.iter().enumerate() {
        match rows.get(row) {
            Some(value) => stored.values[slot.at()] = value,
            None => stored.nulls.set(slot.at()),
        }
    }
}
