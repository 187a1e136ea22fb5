//! One event for each: what filter, compute, functional and calculate windows have in common.
//!
//! A stateful window answers a delete, and the old half of an update, with the row that it stored, so what left once is
//! taken back exactly; nothing is computed again. A stateless window has nothing stored and takes each event as it comes.

use types::{Column, EventBlock, Flags, Opcode, Schema};

use crate::batch::Moment;
use crate::index::{Key, KeyReader, Placed};
use crate::table::{self, Plan, Table};

use super::keeper::{self, Keeper, Request};
use super::{Call, RejectionReason};

/// The decisions of a window whose output rows come from one input row each.
#[derive(Debug)]
pub(crate) struct Deriver {
    state: State,
    plan: Plan,
    /// The plan is to put all rows out as they come.
    all: bool,
    /// Input rows that brought new values and were taken, ascending: the ones to compute.
    pub(crate) taken: Vec<u32>,
}

#[derive(Debug)]
enum State {
    Stateless,
    Stateful {
        table: Table,
        keys: KeyReader,
        /// An update may move a row to another key, for the key isn't the input's.
        keys_change: bool,
    },
}

/// Which events go on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gate<'a> {
    /// All.
    Open,
    /// Those whose entry is true; old values and deletes are not asked for.
    New(&'a [bool]),
    /// Those whose entry is true, old values and deletes too.
    Each(&'a [bool]),
}

impl Gate<'_> {
    #[inline]
    fn lets_new(self, row: usize) -> bool {
        match self {
            Gate::Open => true,
            Gate::New(open) | Gate::Each(open) => open[row],
        }
    }

    #[inline]
    fn lets_old(self, row: usize) -> bool {
        match self {
            Gate::Open | Gate::New(_) => true,
            Gate::Each(open) => open[row],
        }
    }

    /// Whether rows may be missing because they were never let through.
    fn is_open(self) -> bool {
        match self {
            Gate::Open => true,
            Gate::New(_) | Gate::Each(_) => false,
        }
    }
}

/// Where the values of a field come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldSource {
    /// The input's field at this position.
    Input(usize),
    /// What the window computes under this number.
    Computed(usize),
}

/// Where the key fields stand in the input, in schema order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyFields {
    pub(crate) positions: Vec<usize>,
    /// They are not the input's own keys, so an update may change them.
    pub(crate) change: bool,
}

/// An opcode in place of the event's own, by row; `None`: the event is rejected.
pub(crate) type Opcodes<'a> = Option<&'a [Option<Opcode>]>;

impl Deriver {
    /// `key_fields`: where the window's key fields stand in the input, in schema order.
    pub(crate) fn new(schema: &Schema, key_fields: Vec<usize>, keys_change: bool, stateless: bool) -> Self {
        let state = if stateless {
            State::Stateless
        } else {
            State::Stateful { table: Table::new(schema), keys: KeyReader::new(key_fields), keys_change }
        };
        Self { state, plan: Plan::default(), all: false, taken: Vec::new() }
    }

    pub(crate) fn is_stateless(&self) -> bool {
        matches!(self.state, State::Stateless)
    }

    /// Decides what becomes of each input row; [`Deriver::finish`] must follow.
    pub(crate) fn decide_all(&mut self, call: &mut Call<'_>) {
        self.decide(call, Gate::Open, None, None);
    }

    /// As [`Deriver::decide_all`], but only what `gate` lets through goes on, with `opcodes` in place of its own. Keys are
    /// read from `computed_keys`, if there are such, and not from the input.
    pub(crate) fn decide(
        &mut self,
        call: &mut Call<'_>,
        gate: Gate<'_>,
        opcodes: Opcodes<'_>,
        computed_keys: Option<&EventBlock>,
    ) {
        self.taken.clear();
        self.plan.clear();
        self.all = false;
        match &mut self.state {
            State::Stateless if gate.is_open() && opcodes.is_none() => {
                table::hand_on_heads(call.input, call.out);
                self.taken.extend(0..u32::try_from(call.input.block.len()).unwrap_or(u32::MAX));
                self.all = true;
            }
            State::Stateless => {
                let (plan, taken) = (&mut self.plan, &mut self.taken);
                each_row(call, |call, moment, first, row, end| {
                    let opcode = match opcodes.map(|opcodes| opcodes[row]) {
                        Some(None) => {
                            call.reject(moment, first, row, RejectionReason::UnknownOpcode);
                            return 1;
                        }
                        Some(opcode) => opcode,
                        None => None,
                    };
                    pass_row(plan, taken, call, gate, opcode, row, end)
                });
            }
            State::Stateful { table, keys, keys_change } => {
                let mut decider = Decider {
                    table,
                    plan: &mut self.plan,
                    taken: &mut self.taken,
                    gate,
                    keys_change: *keys_change,
                    key_block: computed_keys.unwrap_or(call.input.block),
                };
                each_row(call, |call, moment, first, row, end| {
                    let pair = keeper::is_pair(call.input.block, row, end);
                    let opcode = opcodes.map_or(Some(call.input.block.opcodes[row]), |opcodes| opcodes[row]);
                    let done = match opcode {
                        Some(opcode) => decider.row(call, keys, opcode, row, pair),
                        None => Err(RejectionReason::UnknownOpcode),
                    };
                    if let Err(reason) = done {
                        call.reject(moment, first, row, reason);
                    }
                    if pair { 2 } else { 1 }
                });
            }
        }
    }

    /// Fills the output with the decided rows' values, field `i` of the new ones from `sources(i)`.
    pub(crate) fn finish<'a>(&mut self, sources: impl Fn(usize) -> &'a Column, out: &mut EventBlock) {
        match &mut self.state {
            State::Stateless if self.all => {
                for (i, out) in out.columns.iter_mut().enumerate() {
                    table::copy_column(sources(i), out);
                }
            }
            State::Stateless => table::pass_all(&self.plan, sources, out),
            State::Stateful { table, .. } => table.carry(&self.plan, sources, out),
        }
    }
}

/// Calls `row(call, moment, first row of the span, row, end of the span)` along the input; it says how many rows it took.
#[inline]
fn each_row(call: &mut Call<'_>, mut row: impl FnMut(&mut Call<'_>, Moment, usize, usize, usize) -> usize) {
    let mut first = 0;
    for span in call.input.spans {
        let end = span.end as usize;
        let mut next = first;
        while next < end {
            next += row(call, span.moment, first, next, end);
        }
        first = end;
        Keeper::close(call, span.moment);
    }
}

/// A stateless window's decision: both halves of an update on their own, and what is left of it made whole.
fn pass_row(
    plan: &mut Plan,
    taken: &mut Vec<u32>,
    call: &mut Call<'_>,
    gate: Gate<'_>,
    opcode: Option<Opcode>,
    row: usize,
    end: usize,
) -> usize {
    let block = call.input.block;
    let pair = keeper::is_pair(block, row, end) && opcode.is_none();
    let mut pass = |row: usize, opcode: Opcode| {
        let place = u32::try_from(row).unwrap_or(u32::MAX);
        taken.push(place);
        plan.pass(&mut call.out.block, place, opcode, block.flags[row]);
    };
    if !pair {
        if gate.lets_new(row) {
            pass(row, opcode.unwrap_or(block.opcodes[row]));
        }
        return 1;
    }
    // Without a table both halves are computed anyway, so the old one is asked for in any case.
    match (gate.lets_new(row), gate.lets_new(row + 1)) {
        (true, true) => {
            pass(row, Opcode::UpdateBlock);
            pass(row + 1, Opcode::Delete);
        }
        (true, false) => pass(row, Opcode::Insert),
        (false, true) => pass(row + 1, Opcode::Delete),
        (false, false) => {}
    }
    2
}

/// A stateful window's decisions.
struct Decider<'a> {
    table: &'a mut Table,
    plan: &'a mut Plan,
    taken: &'a mut Vec<u32>,
    gate: Gate<'a>,
    keys_change: bool,
    /// Keys stand here: the input, or what functions made of it.
    key_block: &'a EventBlock,
}

impl Decider<'_> {
    #[inline]
    fn row(
        &mut self,
        call: &mut Call<'_>,
        keys: &mut KeyReader,
        opcode: Opcode,
        row: usize,
        pair: bool,
    ) -> Result<(), RejectionReason> {
        let block = call.input.block;
        let key = keys.read(self.key_block, row).ok_or(RejectionReason::NullKey)?;
        match Request::of(opcode, block.flags[row]) {
            Request::Insert => self.insert(call, key, row),
            Request::Update { .. } if pair && self.keys_change => self.moving_update(call, keys, row),
            Request::Update { .. } => self.update(call, key, row, pair),
            Request::Upsert { .. } => match self.table.index.find(key) {
                Some(_) => self.update(call, key, row, false),
                None => self.insert(call, key, row),
            },
            Request::Delete { flags } => self.delete(call, key, row, flags, !self.gate.is_open()),
            Request::SafeDelete { flags } => self.delete(call, key, row, flags, true),
        }
    }

    #[inline]
    fn insert(&mut self, call: &mut Call<'_>, key: Key<'_>, row: usize) -> Result<(), RejectionReason> {
        if !self.gate.lets_new(row) {
            return Ok(());
        }
        match self.table.index.place(key) {
            Placed::New(slot) => {
                let row = self.take(row);
                self.plan.insert(&mut call.out.block, row, slot);
            }
            // A gate may have kept back the delete of an earlier row with this key.
            Placed::Present(slot) if !self.gate.is_open() => {
                let row = self.take(row);
                self.plan.update(&mut call.out.block, row, slot, false);
            }
            Placed::Present(_) => return Err(RejectionReason::KeyExists),
        }
        Ok(())
    }

    fn update(&mut self, call: &mut Call<'_>, key: Key<'_>, row: usize, pair: bool) -> Result<(), RejectionReason> {
        let stored = self.table.index.find(key);
        match (self.gate.lets_new(row), stored) {
            (true, Some(slot)) => {
                let row = self.take(row);
                self.plan.update(&mut call.out.block, row, slot, false);
                Ok(())
            }
            (true, None) if !self.gate.is_open() => self.insert(call, key, row),
            (true, None) => Err(RejectionReason::KeyMissing),
            (false, Some(_)) if !pair || self.gate.lets_old(row + 1) => {
                self.delete(call, key, row, Flags::NORMAL, true)
            }
            (false, Some(_) | None) => Ok(()),
        }
    }

    /// An update whose new row may have another key: then the old row leaves and the new one is inserted.
    fn moving_update(&mut self, call: &mut Call<'_>, keys: &mut KeyReader, row: usize) -> Result<(), RejectionReason> {
        let block = self.key_block;
        let old_key = keys.read(block, row + 1).ok_or(RejectionReason::NullKey)?;
        let old = self.table.index.find(old_key);
        let new_key = keys.read(block, row).ok_or(RejectionReason::NullKey)?;
        if self.table.index.find(new_key) == old {
            return self.update(call, new_key, row, true);
        }
        if let Some(slot) = old {
            self.table.index.remove_slot(slot);
            self.plan.delete(&mut call.out.block, slot, Flags::NORMAL);
        }
        self.insert(call, new_key, row)
    }

    #[inline]
    fn delete(
        &mut self,
        call: &mut Call<'_>,
        key: Key<'_>,
        row: usize,
        flags: Flags,
        silent: bool,
    ) -> Result<(), RejectionReason> {
        let is_delete = matches!(call.input.block.opcodes[row], Opcode::Delete | Opcode::SafeDelete);
        if is_delete && !self.gate.lets_old(row) {
            return Ok(());
        }
        match self.table.index.remove(key) {
            Some(slot) => self.plan.delete(&mut call.out.block, slot, flags),
            None if silent => {}
            None => return Err(RejectionReason::KeyMissing),
        }
        Ok(())
    }

    #[inline]
    fn take(&mut self, row: usize) -> u32 {
        let row = u32::try_from(row).unwrap_or(u32::MAX);
        self.taken.push(row);
        row
    }
}
