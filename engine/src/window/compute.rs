//! Compute: one event for each, by expressions.

use types::Schema;

use crate::expression::{Frame, Runner};

use super::derive::{Deriver, FieldSource, KeyFields};
use super::{Call, State};

/// See the module's words.
#[derive(Debug)]
pub(crate) struct ComputeWindow {
    /// Per field of the schema.
    sources: Vec<FieldSource>,
    runner: Runner,
    deriver: Deriver,
}

impl ComputeWindow {
    /// [`FieldSource::Computed`] numbers the runner's entries.
    pub(crate) fn new(
        schema: &Schema,
        keys: KeyFields,
        sources: Vec<FieldSource>,
        runner: Runner,
        stateless: bool,
    ) -> Self {
        Self { sources, runner, deriver: Deriver::new(schema, keys.positions, keys.change, stateless) }
    }

    pub(crate) fn state(&mut self) -> State<'_> {
        State { runner: Some(&mut self.runner), table: self.deriver.table(), ..State::default() }
    }

    pub(crate) fn process(&mut self, call: &mut Call<'_>) {
        let block = call.input.block;
        self.deriver.decide_all(call);
        self.runner.run(Frame { block, spans: call.input.spans, records: call.records }, &self.deriver.taken);
        let (sources, runner) = (&self.sources, &self.runner);
        self.deriver.finish(
            |field| match sources[field] {
                FieldSource::Input(position) => &block.columns[position],
                FieldSource::Computed(entry) => runner.result(entry, block),
            },
            &mut call.out.block,
        );
    }
}
