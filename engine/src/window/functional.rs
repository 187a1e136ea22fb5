//! Functional: one event for each, by functions; whether it is emitted, and with which opcode, may be computed too.

use types::{Column, EventBlock, Opcode, Schema};

use crate::expression::{Frame, Runner};

use super::derive::{Deriver, FieldSource, Gate, KeyFields};
use super::filter::open_where_true;
use super::{Call, State};

/// See the module's words.
#[derive(Debug)]
pub(crate) struct FunctionalWindow {
    /// Per field of the schema.
    sources: Vec<FieldSource>,
    runner: Runner,
    deriver: Deriver,
    /// The runner's entry that says whether an event is emitted.
    generate: Option<usize>,
    /// The runner's entry that gives the opcode.
    opcode: Option<usize>,
    /// Keys by row, where functions give some of them.
    computed_keys: Option<EventBlock>,
    /// The positions of the key fields.
    key_fields: Vec<usize>,
    rows: Vec<u32>,
    open: Vec<bool>,
    opcodes: Vec<Option<Opcode>>,
}

impl FunctionalWindow {
    /// [`FieldSource::Computed`], `generate` and `opcode` number the runner's entries. `keys` is `None` when functions
    /// give some key fields.
    pub(crate) fn new(
        schema: &Schema,
        keys: Option<KeyFields>,
        sources: Vec<FieldSource>,
        runner: Runner,
        generate: Option<usize>,
        opcode: Option<usize>,
        stateless: bool,
    ) -> Self {
        let computed_keys = keys.is_none().then(EventBlock::default);
        let keys = keys.unwrap_or_else(|| KeyFields { positions: (0..schema.keys().len()).collect(), change: true });
        let deriver = Deriver::new(schema, keys.positions, keys.change, stateless);
        Self {
            sources,
            runner,
            deriver,
            generate,
            opcode,
            computed_keys,
            key_fields: schema.keys().to_vec(),
            rows: Vec::new(),
            open: Vec::new(),
            opcodes: Vec::new(),
        }
    }

    pub(crate) fn state(&mut self) -> State<'_> {
        State { runner: Some(&mut self.runner), table: self.deriver.table(), ..State::default() }
    }

    pub(crate) fn process(&mut self, call: &mut Call<'_>) {
        let block = call.input.block;
        self.note_rows(block);
        self.runner.run(Frame { block, spans: call.input.spans, records: call.records }, &self.rows);

        let (sources, runner) = (&self.sources, &self.runner);
        let source = |field: usize| match sources[field] {
            FieldSource::Input(position) => &block.columns[position],
            FieldSource::Computed(entry) => runner.result(entry, block),
        };
        if let Some(keys) = &mut self.computed_keys {
            keys.opcodes.clone_from(&block.opcodes);
            keys.flags.clone_from(&block.flags);
            keys.columns.clear();
            keys.columns.extend(self.key_fields.iter().map(|&key| source(key).clone()));
        }
        let gate = match self.generate {
            Some(entry) => {
                open_where_true(runner.result(entry, block), block.len(), &mut self.open);
                Gate::New(&self.open)
            }
            None => Gate::Open,
        };
        let opcodes = match self.opcode {
            Some(entry) => {
                read_opcodes(runner.result(entry, block), block, &self.rows, &mut self.opcodes);
                Some(self.opcodes.as_slice())
            }
            None => None,
        };
        self.deriver.decide(call, gate, opcodes, self.computed_keys.as_ref());
        self.deriver.finish(source, &mut call.out.block);
    }

    /// Which events run the functions: a stateful window answers deletes from its table.
    fn note_rows(&mut self, block: &EventBlock) {
        self.rows.clear();
        let all = self.deriver.is_stateless() || self.computed_keys.is_some();
        let rows = 0..u32::try_from(block.len()).unwrap_or(u32::MAX);
        if all {
            self.rows.extend(rows);
        } else {
            let is_delete = |&opcode: &Opcode| matches!(opcode, Opcode::Delete | Opcode::SafeDelete);
            self.rows.extend(rows.zip(&block.opcodes).filter(|(_, opcode)| !is_delete(opcode)).map(|(row, _)| row));
        }
    }
}

/// The opcode of each row: what the function says for those that ran it, their own for the others.
fn read_opcodes(texts: &Column, block: &EventBlock, rows: &[u32], opcodes: &mut Vec<Option<Opcode>>) {
    let Column::String(texts) = texts else { panic!("an opcode is held as text") };
    opcodes.clear();
    opcodes.extend(block.opcodes.iter().copied().map(Some));
    for &row in rows {
        opcodes[row as usize] = texts.text(row as usize).and_then(opcode_called);
    }
}

/// An opcode by its word or its letters, in any case.
fn opcode_called(text: &str) -> Option<Opcode> {
    const PUBLISHED: [Opcode; 5] = [Opcode::Insert, Opcode::Update, Opcode::Upsert, Opcode::Delete, Opcode::SafeDelete];
    let text = text.trim();
    PUBLISHED
        .into_iter()
        .find(|opcode| text.eq_ignore_ascii_case(opcode.word()) || text.eq_ignore_ascii_case(opcode.letters()))
}
