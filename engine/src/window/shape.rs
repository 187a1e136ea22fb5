//! What `output-insert-only` and `collapse-updates` make of a window's output.

use types::{EventBlock, Opcode};

use crate::batch::Batch;
use crate::table;

/// What leaves a window of all that it puts out. Its state is not touched.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub(crate) insert_only: bool,
    kept: EventBlock,
    ends: Vec<u32>,
}

impl Shape {
    /// `empty` is a block of the window's schema.
    pub(crate) fn new(insert_only: bool, empty: EventBlock) -> Self {
        Self { insert_only, kept: empty, ends: Vec::new() }
    }

    #[inline]
    pub(crate) fn apply(&mut self, batch: &mut Batch) {
        if self.insert_only && batch.block.opcodes.iter().any(|&opcode| opcode != Opcode::Insert) {
            self.keep_inserts(batch);
        }
    }

    fn keep_inserts(&mut self, batch: &mut Batch) {
        self.kept.clear();
        self.ends.clear();
        let mut row = 0;
        for span in &batch.spans {
            for row in row..span.end as usize {
                if batch.block.opcodes[row] == Opcode::Insert {
                    table::append_rows(&batch.block, row..row + 1, &mut self.kept);
                }
            }
            row = span.end as usize;
            self.ends.push(u32::try_from(self.kept.len()).unwrap_or(u32::MAX));
        }
        std::mem::swap(&mut self.kept, &mut batch.block);
        let mut spans = std::mem::take(&mut batch.spans);
        for (span, end) in spans.drain(..).zip(self.ends.drain(..)) {
            batch.close(span.moment, end as usize);
        }
    }
}
