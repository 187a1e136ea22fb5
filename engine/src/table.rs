//! The rows that a window holds, by column, and the steps that turn input rows into output rows.
//!
//! A window first walks over its input once and decides, from keys and opcodes alone, what becomes of each row: that
//! list of [`Step`]s touches the index only. The values then follow column by column: each column walks the same list,
//! so a row costs a handful of straight loads and stores per column, whatever the window decided.

mod frozen;

use std::ops::Range;

use types::{Column, EventBlock, Flags, NullMask, Opcode, Schema, Texts, Values};

use crate::batch::{Batch, Input};
use crate::index::{Index, Slot};

pub(crate) use frozen::Layout;

/// What one decision does to a column: what it reads, keeps and puts out, in the order of the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Puts the input row out, as `opcode`.
    Pass { opcode: Opcode, flags: Flags, row: u32 },
    /// Keeps the input row and puts it out.
    Insert { row: u32, slot: Slot },
    /// Puts the input row out, then the stored one, and keeps the input row instead.
    Update { row: u32, slot: Slot },
    /// As [`Step::Update`], but where the input row is null the stored value stands for it.
    Merge { row: u32, slot: Slot },
    /// Puts the stored row out.
    Delete { flags: Flags, slot: Slot },
}

/// A window's decisions about one run.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    steps: Vec<Step>,
    /// How many of them put two rows out.
    updates: usize,
}

impl Plan {
    pub(crate) fn clear(&mut self) {
        self.steps.clear();
        self.updates = 0;
    }

    /// How many rows are put out.
    #[inline]
    pub(crate) fn rows(&self) -> usize {
        self.steps.len() + self.updates
    }

    #[inline]
    pub(crate) fn pass(&mut self, row: u32, opcode: Opcode, flags: Flags) {
        self.steps.push(Step::Pass { opcode, flags, row });
    }

    #[inline]
    pub(crate) fn insert(&mut self, row: u32, slot: Slot) {
        self.steps.push(Step::Insert { row, slot });
    }

    /// `partial`: nulls mean "keep the stored value".
    #[inline]
    pub(crate) fn update(&mut self, row: u32, slot: Slot, partial: bool) {
        self.updates += 1;
        self.steps.push(if partial { Step::Merge { row, slot } } else { Step::Update { row, slot } });
    }

    #[inline]
    pub(crate) fn delete(&mut self, slot: Slot, flags: Flags) {
        self.steps.push(Step::Delete { flags, slot });
    }

    /// Puts opcodes and flags out.
    fn write_heads(&self, out: &mut EventBlock) {
        if self.updates == 0 {
            // One row a step: the vectors know how much will come.
            let heads = self.steps.iter().map(|step| match *step {
                Step::Pass { opcode, flags, .. } => (opcode, flags),
                Step::Insert { .. } | Step::Update { .. } | Step::Merge { .. } => (Opcode::Insert, Flags::NORMAL),
                Step::Delete { flags, .. } => (Opcode::Delete, flags),
            });
            out.opcodes.extend(heads.clone().map(|(opcode, _)| opcode));
            out.flags.extend(heads.map(|(_, flags)| flags));
            return;
        }
        for &step in &self.steps {
            let (opcode, flags) = match step {
                Step::Pass { opcode, flags, .. } => (opcode, flags),
                Step::Insert { .. } => (Opcode::Insert, Flags::NORMAL),
                Step::Update { .. } | Step::Merge { .. } => {
                    out.opcodes.push(Opcode::UpdateBlock);
                    out.flags.push(Flags::NORMAL);
                    (Opcode::Delete, Flags::NORMAL)
                }
                Step::Delete { flags, .. } => (Opcode::Delete, flags),
            };
            out.opcodes.push(opcode);
            out.flags.push(flags);
        }
    }
}

/// The rows that a stateful window holds.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) index: Index,
    columns: Vec<StoredColumn>,
    /// While a snapshot is written.
    frozen: Option<Box<frozen::Frozen>>,
}

impl Table {
    /// An empty table for rows of this schema.
    pub(crate) fn new(schema: &Schema) -> Self {
        let columns = schema.fields().iter().map(|field| StoredColumn::new(&Column::new(field.field_type))).collect();
        Self { index: Index::new(schema), columns, frozen: None }
    }

    /// Puts the planned rows out: column `i` of the input rows from `sources(i)`.
    pub(crate) fn carry<'a>(&mut self, plan: &Plan, sources: impl Fn(usize) -> &'a Column, out: &mut EventBlock) {
        plan.write_heads(out);
        if let Some(frozen) = &mut self.frozen {
            frozen.put_aside(plan, &self.columns);
        }
        let slots = self.index.slots();
        for (i, (stored, out)) in self.columns.iter_mut().zip(&mut out.columns).enumerate() {
            stored.carry(plan, slots, sources(i), out);
        }
    }
}

/// As [`Table::carry`] for a plan that only passes rows on; nothing is kept.
pub(crate) fn pass_all<'a>(plan: &Plan, sources: impl Fn(usize) -> &'a Column, out: &mut EventBlock) {
    plan.write_heads(out);
    for (i, out) in out.columns.iter_mut().enumerate() {
        let source = sources(i);
        if plan.steps.len() == source.len() {
            copy_column(source, out);
        } else {
            StoredColumn::new(out).carry(plan, 0, source, out);
        }
    }
}

/// Puts the whole input out as it is.
pub(crate) fn hand_on(input: Input<'_>, out: &mut Batch) {
    hand_on_heads(input, out);
    for (source, out) in input.block.columns.iter().zip(&mut out.block.columns) {
        copy_column(source, out);
    }
}

/// Adds some rows of a block to one of the same schema.
pub(crate) fn append_rows(from: &EventBlock, rows: Range<usize>, to: &mut EventBlock) {
    to.opcodes.extend_from_slice(&from.opcodes[rows.clone()]);
    to.flags.extend_from_slice(&from.flags[rows.clone()]);
    for (from, to) in from.columns.iter().zip(&mut to.columns) {
        for row in rows.clone() {
            if to.push(from.value(row)).is_err() {
                wrong_type(from, to);
            }
        }
    }
}

/// Puts out opcodes, flags and moments of the whole input; the values are the caller's.
pub(crate) fn hand_on_heads(input: Input<'_>, out: &mut Batch) {
    out.block.opcodes.extend_from_slice(&input.block.opcodes);
    out.block.flags.extend_from_slice(&input.block.flags);
    for span in input.spans {
        out.close(span.moment, span.end as usize);
    }
}

/// Adds all rows of `source`.
pub(crate) fn copy_column(source: &Column, out: &mut Column) {
    match (source, out) {
        (Column::Int32(source), Column::Int32(out)) => copy_values(source, out),
        (Column::Double(source), Column::Double(out)) => copy_values(source, out),
        (Column::Int64(source), Column::Int64(out))
        | (Column::Date(source), Column::Date(out))
        | (Column::Stamp(source), Column::Stamp(out))
        | (Column::Money(source), Column::Money(out)) => copy_values(source, out),
        (Column::String(source), Column::String(out)) | (Column::Blob(source), Column::Blob(out)) => {
            (0..source.len()).for_each(|row| out.push(source.get(row)));
        }
        (source, out) => wrong_type(source, out),
    }
}

fn copy_values<T: Copy + Default>(source: &Values<T>, out: &mut Values<T>) {
    let start = out.values.len();
    out.values.extend_from_slice(&source.values);
    if !source.nulls.is_empty() {
        (0..source.values.len()).filter(|&row| source.nulls.get(row)).for_each(|row| out.nulls.set(start + row));
    }
}

/// Windows are built so that types agree; a difference is our mistake.
#[cold]
fn wrong_type(source: &Column, out: &Column) -> ! {
    panic!("a {} column was handed over as {}", source.field_type(), out.field_type());
}

/// One field of all rows, by slot.
#[derive(Debug)]
enum StoredColumn {
    Int32(Values<i32>),
    Int64(Values<i64>),
    Double(Values<f64>),
    /// Each row's buffer is used again by the next row in its slot.
    Texts(StoredTexts),
}

#[derive(Debug, Default)]
struct StoredTexts {
    values: Vec<Vec<u8>>,
    nulls: NullMask,
}

impl StoredColumn {
    fn new(like: &Column) -> Self {
        match like {
            Column::Int32(_) => Self::Int32(Values::default()),
            Column::Int64(_) | Column::Date(_) | Column::Stamp(_) | Column::Money(_) => Self::Int64(Values::default()),
            Column::Double(_) => Self::Double(Values::default()),
            Column::String(_) | Column::Blob(_) => Self::Texts(StoredTexts::default()),
        }
    }

    fn carry(&mut self, plan: &Plan, slots: usize, source: &Column, out: &mut Column) {
        match (self, source, out) {
            (Self::Int32(stored), Column::Int32(source), Column::Int32(out)) => {
                carry_values(plan, slots, source, stored, out);
            }
            (Self::Double(stored), Column::Double(source), Column::Double(out)) => {
                carry_values(plan, slots, source, stored, out);
            }
            (Self::Int64(stored), Column::Int64(source), Column::Int64(out))
            | (Self::Int64(stored), Column::Date(source), Column::Date(out))
            | (Self::Int64(stored), Column::Stamp(source), Column::Stamp(out))
            | (Self::Int64(stored), Column::Money(source), Column::Money(out)) => {
                carry_values(plan, slots, source, stored, out);
            }
            (Self::Texts(stored), Column::String(source), Column::String(out))
            | (Self::Texts(stored), Column::Blob(source), Column::Blob(out)) => {
                carry_texts(plan, slots, source, stored, out);
            }
            (_, source, out) => wrong_type(source, out),
        }
    }
}

fn carry_values<T: Copy + Default>(
    plan: &Plan,
    slots: usize,
    source: &Values<T>,
    stored: &mut Values<T>,
    out: &mut Values<T>,
) {
    if stored.values.len() < slots {
        stored.values.resize(slots, T::default());
    }
    out.values.reserve(plan.rows());
    if source.nulls.is_empty() && stored.nulls.is_empty() {
        carry_plain(plan, &source.values, &mut stored.values, &mut out.values);
    } else {
        carry_nullable(plan, source, stored, out);
    }
}

/// The hot loop: no value is null, so only values move.
fn carry_plain<T: Copy>(plan: &Plan, source: &[T], stored: &mut [T], out: &mut Vec<T>) {
    if plan.updates == 0 {
        // One value a step: the vector knows how much will come.
        out.extend(plan.steps.iter().map(|&step| match step {
            Step::Pass { row, .. } => source[row as usize],
            Step::Insert { row, slot } | Step::Update { row, slot } | Step::Merge { row, slot } => {
                let value = source[row as usize];
                stored[slot.at()] = value;
                value
            }
            Step::Delete { slot, .. } => stored[slot.at()],
        }));
        return;
    }
    for &step in &plan.steps {
        match step {
            Step::Pass { row, .. } => out.push(source[row as usize]),
            Step::Insert { row, slot } => {
                let value = source[row as usize];
                stored[slot.at()] = value;
                out.push(value);
            }
            Step::Update { row, slot } | Step::Merge { row, slot } => {
                let value = source[row as usize];
                let old = std::mem::replace(&mut stored[slot.at()], value);
                out.push(value);
                out.push(old);
            }
            Step::Delete { slot, .. } => out.push(stored[slot.at()]),
        }
    }
}

fn carry_nullable<T: Copy + Default>(plan: &Plan, source: &Values<T>, stored: &mut Values<T>, out: &mut Values<T>) {
    let keep = |stored: &mut Values<T>, slot: Slot, value: Option<T>| {
        stored.values[slot.at()] = value.unwrap_or_default();
        if value.is_none() { stored.nulls.set(slot.at()) } else { stored.nulls.unset(slot.at()) }
    };
    for &step in &plan.steps {
        match step {
            Step::Pass { row, .. } => out.push(source.get(row as usize)),
            Step::Insert { row, slot } => {
                let value = source.get(row as usize);
                keep(stored, slot, value);
                out.push(value);
            }
            Step::Update { row, slot } | Step::Merge { row, slot } => {
                let old = stored.get(slot.at());
                let merge = matches!(step, Step::Merge { .. });
                let value = source.get(row as usize).or(if merge { old } else { None });
                keep(stored, slot, value);
                out.push(value);
                out.push(old);
            }
            Step::Delete { slot, .. } => out.push(stored.get(slot.at())),
        }
    }
}

impl StoredTexts {
    fn get(&self, slot: Slot) -> Option<&[u8]> {
        if self.nulls.get(slot.at()) { None } else { self.values.get(slot.at()).map(Vec::as_slice) }
    }

    fn keep(&mut self, slot: Slot, value: Option<&[u8]>) {
        let place = &mut self.values[slot.at()];
        place.clear();
        place.extend_from_slice(value.unwrap_or_default());
        if value.is_none() { self.nulls.set(slot.at()) } else { self.nulls.unset(slot.at()) }
    }
}

fn carry_texts(plan: &Plan, slots: usize, source: &Texts, stored: &mut StoredTexts, out: &mut Texts) {
    if stored.values.len() < slots {
        stored.values.resize(slots, Vec::new());
    }
    for &step in &plan.steps {
        match step {
            Step::Pass { row, .. } => out.push(source.get(row as usize)),
            Step::Insert { row, slot } => {
                let value = source.get(row as usize);
                stored.keep(slot, value);
                out.push(value);
            }
            Step::Update { row, slot } => {
                let value = source.get(row as usize);
                out.push(value);
                out.push(stored.get(slot));
                stored.keep(slot, value);
            }
            Step::Merge { row, slot } => {
                let value = source.get(row as usize);
                out.push(value.or(stored.get(slot)));
                out.push(stored.get(slot));
                if value.is_some() {
                    stored.keep(slot, value);
                }
            }
            Step::Delete { slot, .. } => out.push(stored.get(slot)),
        }
    }
}
