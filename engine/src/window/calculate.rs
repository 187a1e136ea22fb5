//! Calculate with the algorithm Summary: statistics over the last values of one field.
//!
//! Inserts and the new halves of updates bring a value each. Deletes take the stored result back and leave the sliding
//! window of values as it is.

use types::{Column, FieldType, Schema};

use crate::project::Statistic;
use crate::statistics::{Sample, Sliding};

use super::derive::{Deriver, FieldSource, KeyFields};
use super::{Call, State};

/// See the module's words.
#[derive(Debug)]
pub(crate) struct SummaryWindow {
    /// The input field whose values count.
    input: usize,
    /// Per field of the schema.
    sources: Vec<FieldSource>,
    /// In the order in which `sources` numbers them.
    outputs: Vec<Output>,
    sliding: Sliding,
    deriver: Deriver,
}

#[derive(Debug)]
struct Output {
    statistic: Statistic,
    column: Column,
}

impl SummaryWindow {
    /// [`FieldSource::Computed`] numbers `statistics`; the values of the last `window_length` events count, 0 for all.
    pub(crate) fn new(
        schema: &Schema,
        keys: KeyFields,
        sources: Vec<FieldSource>,
        (input, input_type): (usize, FieldType),
        window_length: u32,
        statistics: &[Statistic],
        stateless: bool,
    ) -> Self {
        let field_of = |number| sources.iter().position(|source| *source == FieldSource::Computed(number));
        let outputs = statistics.iter().enumerate().map(|(number, &statistic)| {
            let field = field_of(number).map(|field| schema.fields()[field].field_type);
            Output { statistic, column: Column::new(field.unwrap_or(FieldType::Double)) }
        });
        Self {
            input,
            outputs: outputs.collect(),
            sliding: Sliding::new(window_length as usize, statistics, is_real(input_type)),
            deriver: Deriver::new(schema, keys.positions, keys.change, stateless),
            sources,
        }
    }

    pub(crate) fn state(&mut self) -> State<'_> {
        State { sliding: Some(&mut self.sliding), table: self.deriver.table(), ..State::default() }
    }

    pub(crate) fn process(&mut self, call: &mut Call<'_>) {
        let block = call.input.block;
        self.deriver.decide_all(call);
        self.compute(&block.columns[self.input]);
        let (sources, outputs) = (&self.sources, &self.outputs);
        self.deriver.finish(
            |field| match sources[field] {
                FieldSource::Input(position) => &block.columns[position],
                FieldSource::Computed(number) => &outputs[number].column,
            },
            &mut call.out.block,
        );
    }

    fn compute(&mut self, input: &Column) {
        self.outputs.iter_mut().for_each(|output| output.column.clear());
        for &row in &self.deriver.taken {
            let row = row as usize;
            self.sliding.push(sample(input, row));
            for output in &mut self.outputs {
                let value = self.sliding.statistic(output.statistic);
                value.store(&mut output.column, row);
            }
        }
    }
}

/// Whether a field's values are [`Sample::Real`].
fn is_real(field_type: FieldType) -> bool {
    match field_type {
        FieldType::Double | FieldType::Money => true,
        FieldType::Int32
        | FieldType::Int64
        | FieldType::Date
        | FieldType::Stamp
        | FieldType::String
        | FieldType::Blob => false,
    }
}

/// A numeric value; money counts in whole units.
fn sample(column: &Column, row: usize) -> Option<Sample> {
    match column {
        Column::Int32(column) => column.get(row).map(|value| Sample::Whole(i64::from(value))),
        Column::Int64(column) | Column::Date(column) | Column::Stamp(column) => column.get(row).map(Sample::Whole),
        Column::Double(column) => column.get(row).map(Sample::Real),
        Column::Money(column) => column.get(row).map(|value| Sample::Real(value as f64 / 10_000.0)),
        Column::String(_) | Column::Blob(_) => None,
    }
}
