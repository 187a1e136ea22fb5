//! Filter: its input's events for which an expression holds.
//!
//! Both halves of an update are asked for, each with its own values and opcode. What is left of a pair is made whole: the
//! new half alone is an insert, the old half alone a delete. A row that the table doesn't hold never leaves it.

use types::{Column, Schema};

use crate::expression::{Frame, Runner};

use super::derive::{Deriver, Gate};
use super::{Call, State};

/// See the module's words.
#[derive(Debug)]
pub(crate) struct FilterWindow {
    /// One entry: the condition.
    runner: Runner,
    deriver: Deriver,
    rows: Vec<u32>,
    open: Vec<bool>,
}

impl FilterWindow {
    pub(crate) fn new(schema: &Schema, runner: Runner, stateless: bool) -> Self {
        let deriver = Deriver::new(schema, schema.keys().to_vec(), false, stateless);
        Self { runner, deriver, rows: Vec::new(), open: Vec::new() }
    }

    pub(crate) fn state(&mut self) -> State<'_> {
        State { runner: Some(&mut self.runner), table: self.deriver.table(), ..State::default() }
    }

    pub(crate) fn process(&mut self, call: &mut Call<'_>) {
        let block = call.input.block;
        self.rows.clear();
        self.rows.extend(0..u32::try_from(block.len()).unwrap_or(u32::MAX));
        self.runner.run(Frame { block, spans: call.input.spans, records: call.records }, &self.rows);
        open_where_true(self.runner.result(0, block), block.len(), &mut self.open);

        self.deriver.decide(call, Gate::Each(&self.open), None, None);
        self.deriver.finish(|field| &block.columns[field], &mut call.out.block);
    }
}

/// Which of `rows` have a true entry; null is not true.
pub(super) fn open_where_true(condition: &Column, rows: usize, open: &mut Vec<bool>) {
    open.clear();
    match condition {
        Column::Int64(values) => open.extend((0..rows).map(|row| values.get(row).is_some_and(|value| value != 0))),
        Column::Int32(_)
        | Column::Double(_)
        | Column::String(_)
        | Column::Date(_)
        | Column::Stamp(_)
        | Column::Money(_)
        | Column::Blob(_) => panic!("a condition is held as int64: {:?}", condition.field_type()),
    }
}
