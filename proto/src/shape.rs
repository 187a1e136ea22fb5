//! What a subscriber asks of events before they are encoded: `collapse` and `rmretdel`.

use std::ops::Range;

use types::{EventBlock, Flags, Opcode};

/// How events are changed for a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    /// An update block and the delete of its old values become one update, which can be published again (`collapse`).
    pub collapse: bool,
    /// Deletes made by retention are left out (`rmretdel`).
    pub drop_retention_deletes: bool,
}

impl Shape {
    /// Whether it changes nothing: then blocks need no copy.
    #[must_use]
    pub const fn is_identity(self) -> bool {
        !self.collapse && !self.drop_retention_deletes
    }

    /// Adds the events of `range` to `out` as the reader wants them; `out` has the same columns.
    ///
    /// # Panics
    /// When the range reaches past the block's end or `out` has other columns.
    pub fn apply(self, block: &EventBlock, range: Range<usize>, out: &mut EventBlock) {
        let mut rows = range;
        while let Some(i) = rows.next() {
            let opcode = block.opcodes[i];
            let is_pair = opcode == Opcode::UpdateBlock && i + 1 < rows.end && block.opcodes[i + 1] == Opcode::Delete;
            if self.collapse && is_pair {
                copy(block, i, Opcode::Update, out);
                rows.next();
            } else if is_pair {
                // The delete of a pair is half of an update, even when retention caused it.
                copy(block, i, opcode, out);
                copy(block, i + 1, Opcode::Delete, out);
                rows.next();
            } else if !(self.drop_retention_deletes && is_retention_delete(block, i)) {
                copy(block, i, opcode, out);
            }
        }
    }
}

fn is_retention_delete(block: &EventBlock, i: usize) -> bool {
    block.opcodes[i] == Opcode::Delete && block.flags[i].contains(Flags::RETENTION)
}

fn copy(block: &EventBlock, i: usize, opcode: Opcode, out: &mut EventBlock) {
    assert_eq!(block.columns.len(), out.columns.len(), "a shaped block keeps its columns");
    for (from, to) in block.columns.iter().zip(&mut out.columns) {
        let pushed = to.push(from.value(i));
        assert!(pushed.is_ok(), "a shaped block keeps its column types");
    }
    out.opcodes.push(opcode);
    out.flags.push(block.flags[i]);
}

#[cfg(test)]
mod tests {
    use types::{Column, Schema};

    use super::*;

    fn shaped(shape: Shape) -> String {
        let schema: Schema = "id*:int64".parse().unwrap();
        let (mut block, mut out) = (EventBlock::new(&schema), EventBlock::new(&schema));
        let retained = Flags::RETENTION;
        let events = [
            (Opcode::Insert, Flags::NORMAL),
            (Opcode::UpdateBlock, Flags::NORMAL),
            (Opcode::Delete, Flags::NORMAL),
            (Opcode::Delete, retained),
            (Opcode::UpdateBlock, Flags::NORMAL),
            (Opcode::Delete, retained),
            (Opcode::Delete, Flags::NORMAL),
        ];
        for (id, (opcode, flags)) in (0..).zip(events) {
            block.opcodes.push(opcode);
            block.flags.push(flags);
            let Column::Int64(ids) = &mut block.columns[0] else { panic!("an int64") };
            ids.push(Some(id));
        }
        shape.apply(&block, 0..block.len(), &mut out);
        let Column::Int64(ids) = &out.columns[0] else { panic!("an int64") };
        let events = out.opcodes.iter().zip(&ids.values).map(|(opcode, id)| format!("{opcode}{id}"));
        events.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_pair_becomes_one_update() {
        let shape = Shape { collapse: true, drop_retention_deletes: false };
        assert_eq!(shaped(shape), "I0 U1 D3 U4 D6");
    }

    #[test]
    fn deletes_made_by_retention_are_left_out_but_no_half_of_an_update() {
        let shape = Shape { collapse: false, drop_retention_deletes: true };
        assert_eq!(shaped(shape), "I0 UB1 D2 UB4 D5 D6");
        assert_eq!(shaped(Shape::default()), "I0 UB1 D2 D3 UB4 D5 D6");
    }
}
