//! What `collapse-updates` and `output-insert-only` make of a window's output. Its state is not touched.

use types::{EventBlock, Flags, Opcode, Schema};

use crate::batch::Batch;
use crate::index::{Index, KeyReader, Placed};
use crate::table;

use super::keeper;

/// See the module's words.
#[derive(Debug)]
pub(crate) struct Shape {
    collapse: Option<Collapse>,
    insert_only: bool,
    kept: EventBlock,
    ends: Vec<u32>,
}

impl Shape {
    pub(crate) fn new(schema: &Schema, collapse: bool, insert_only: bool) -> Self {
        let collapse = collapse.then(|| Collapse::new(schema));
        Self { collapse, insert_only, kept: EventBlock::new(schema), ends: Vec::new() }
    }

    #[inline]
    pub(crate) fn apply(&mut self, batch: &mut Batch) {
        if let Some(collapse) = &mut self.collapse
            && batch.block.opcodes.iter().any(|&opcode| opcode != Opcode::Insert)
        {
            rewrite(batch, &mut self.kept, &mut self.ends, |block, rows, kept| collapse.moment(block, rows, kept));
        }
        if self.insert_only && batch.block.opcodes.iter().any(|&opcode| opcode != Opcode::Insert) {
            rewrite(batch, &mut self.kept, &mut self.ends, |block, rows, kept| {
                for row in rows.filter(|&row| block.opcodes[row] == Opcode::Insert) {
                    table::append_rows(block, row..row + 1, kept);
                }
            });
        }
    }
}

/// Puts something else in place of each moment's rows.
fn rewrite(
    batch: &mut Batch,
    kept: &mut EventBlock,
    ends: &mut Vec<u32>,
    mut moment: impl FnMut(&EventBlock, std::ops::Range<usize>, &mut EventBlock),
) {
    kept.clear();
    ends.clear();
    let mut first = 0;
    for span in &batch.spans {
        moment(&batch.block, first..span.end as usize, kept);
        first = span.end as usize;
        ends.push(u32::try_from(kept.len()).unwrap_or(u32::MAX));
    }
    std::mem::swap(kept, &mut batch.block);
    let spans = std::mem::take(&mut batch.spans);
    for (span, end) in spans.into_iter().zip(ends.drain(..)) {
        batch.close(span.moment, end as usize);
    }
}

/// Several changes of a key at one moment leave as one: from the first old row to the last new one. What came and went
/// leaves no trace.
#[derive(Debug)]
struct Collapse {
    keys: KeyReader,
    /// Slots number the keys of a moment in order of their first change.
    index: Index,
    /// By slot.
    changes: Vec<Change>,
}

/// What happened to a key, as rows of the block.
#[derive(Debug, Clone, Copy)]
struct Change {
    /// The old row, if there was one before.
    before: Option<usize>,
    /// The new row, if there is one now.
    after: Option<usize>,
    /// Of the last delete.
    flags: Flags,
}

impl Collapse {
    fn new(schema: &Schema) -> Self {
        Self { keys: KeyReader::new(schema.keys().to_vec()), index: Index::new(schema), changes: Vec::new() }
    }

    fn moment(&mut self, block: &EventBlock, rows: std::ops::Range<usize>, kept: &mut EventBlock) {
        if !self.note(block, rows.clone()) {
            table::append_rows(block, rows, kept);
            return;
        }
        for change in &self.changes {
            if let Some(row) = change.after {
                table::append_rows(block, row..row + 1, kept);
                let opcode = if change.before.is_some() { Opcode::UpdateBlock } else { Opcode::Insert };
                set_last(kept, opcode, Flags::NORMAL);
            }
            if let Some(row) = change.before {
                table::append_rows(block, row..row + 1, kept);
                let flags = if change.after.is_some() { Flags::NORMAL } else { change.flags };
                set_last(kept, Opcode::Delete, flags);
            }
        }
    }

    /// Notes what happened to each key; `false` when that can't be told, for a stateless window hands on what publishers
    /// send.
    fn note(&mut self, block: &EventBlock, rows: std::ops::Range<usize>) -> bool {
        self.index.clear();
        self.changes.clear();
        let mut keys = self.keys.of(block);
        let mut row = rows.start;
        while row < rows.end {
            let Some(key) = keys.read(row) else { return false };
            let pair = keeper::is_pair(block, row, rows.end);
            let (before, after) = match block.opcodes[row] {
                Opcode::Insert => (None, Some(row)),
                Opcode::UpdateBlock if pair => (Some(row + 1), Some(row)),
                Opcode::Delete => (Some(row), None),
                Opcode::UpdateBlock | Opcode::Update | Opcode::Upsert | Opcode::SafeDelete => return false,
            };
            let flags = block.flags[row];
            match self.index.place(key) {
                Placed::New(_) => self.changes.push(Change { before, after, flags }),
                Placed::Present(slot) => {
                    let change = &mut self.changes[slot.at()];
                    (change.after, change.flags) = (after, flags);
                }
            }
            row += if pair { 2 } else { 1 };
        }
        true
    }
}

fn set_last(block: &mut EventBlock, opcode: Opcode, flags: Flags) {
    if let (Some(last), Some(last_flags)) = (block.opcodes.last_mut(), block.flags.last_mut()) {
        (*last, *last_flags) = (opcode, flags);
    }
}
