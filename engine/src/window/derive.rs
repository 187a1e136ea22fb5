//! One event for each: what filter, compute, functional and calculate windows have in common.
//!
//! A stateful window answers a delete, and the old half of an update, with the row that it stored, so what left once is
//! taken back exactly; nothing is computed again. A stateless window has nothing stored and takes each event as it comes.

use types::{Column, EventBlock, Opcode, Schema};

use crate::index::KeyReader;
use crate::table::{self, Plan, Table};

use super::Call;
use super::decide::{Decider, Passer};

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
    pub(super) fn lets_new(self, row: usize) -> bool {
        match self {
            Gate::Open => true,
            Gate::New(open) | Gate::Each(open) => open[row],
        }
    }

    #[inline]
    pub(super) fn lets_old(self, row: usize) -> bool {
        match self {
            Gate::Open | Gate::New(_) => true,
            Gate::Each(open) => open[row],
        }
    }

    /// Whether rows may be missing because they were never let through.
    pub(super) fn is_open(self) -> bool {
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

    /// The rows that it holds.
    pub(crate) fn table(&mut self) -> Option<&mut Table> {
        match &mut self.state {
            State::Stateless => None,
            State::Stateful { table, .. } => Some(table),
        }
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
                let passer = Passer { plan: &mut self.plan, taken: &mut self.taken, gate, opcodes };
                passer.run(call);
            }
            State::Stateful { table, keys, keys_change } => {
                let decider = Decider {
                    table,
                    plan: &mut self.plan,
                    taken: &mut self.taken,
                    gate,
                    keys_change: *keys_change,
                    block: call.input.block,
                    keys: keys.of(computed_keys.unwrap_or(call.input.block)),
                };
                decider.run(call, opcodes);
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
