//! Events to event blocks.

use std::ops::Range;

use types::{Column, EventBlock, Flags, NullMask, Opcode, Texts, Values};

use super::wire::{
    FORMAT_VERSION, MAGIC, block as block_tag, bytes_len, column as column_tag, put_bytes, put_varint, type_number,
    zigzag,
};
use crate::encoder::keeps_together;

#[derive(Debug, Default)]
pub(crate) struct BinaryEncoder {
    out: Vec<u8>,
    /// Packed values of the column at hand: their length stands before them.
    packed: Vec<u8>,
    /// The column's null bitmap, or one byte an event of opcodes or flags.
    bytes: Vec<u8>,
}

impl BinaryEncoder {
    pub(crate) fn encode(
        &mut self,
        block: &EventBlock,
        range: Range<usize>,
        part_bytes_max: usize,
        part: &mut dyn FnMut(&[u8]),
    ) {
        if range.is_empty() {
            return;
        }
        self.write(block, range.clone());
        match middle(block, &range) {
            Some(middle) if self.out.len() > part_bytes_max => {
                self.encode(block, range.start..middle, part_bytes_max, part);
                self.encode(block, middle..range.end, part_bytes_max, part);
            }
            Some(_) | None => part(&self.out),
        }
    }

    fn write(&mut self, block: &EventBlock, range: Range<usize>) {
        self.out.clear();
        self.out.extend_from_slice(&MAGIC);
        self.out.push(block_tag::FORMAT_VERSION);
        put_varint(&mut self.out, FORMAT_VERSION);
        self.out.push(block_tag::EVENTS);
        put_varint(&mut self.out, range.len() as u64);
        self.per_event(block_tag::OPCODES, &block.opcodes[range.clone()], |opcode: Opcode| opcode as u8);
        self.per_event(block_tag::FLAGS, &block.flags[range.clone()], |flags: Flags| flags.0);
        for column in &block.columns {
            self.column(column, range.clone());
        }
    }

    /// One byte an event, or one for all.
    fn per_event<T: Copy + PartialEq>(&mut self, tag: u8, values: &[T], byte: impl Fn(T) -> u8) {
        let all_equal = values.iter().all(|value| *value == values[0]);
        let shown = if all_equal { &values[..1] } else { values };
        self.bytes.clear();
        self.bytes.extend(shown.iter().map(|value| byte(*value)));
        put_bytes(&mut self.out, tag, &self.bytes);
    }

    fn column(&mut self, column: &Column, range: Range<usize>) {
        self.packed.clear();
        let (tag, nulls, texts) = match column {
            Column::Int32(values) => {
                deltas(&mut self.packed, values, range.clone(), i64::from);
                (column_tag::DELTAS, &values.nulls, &[][..])
            }
            Column::Int64(values) | Column::Date(values) | Column::Stamp(values) | Column::Money(values) => {
                deltas(&mut self.packed, values, range.clone(), |value| value);
                (column_tag::DELTAS, &values.nulls, &[][..])
            }
            Column::Double(values) => {
                let shown = &values.values[range.clone()];
                self.packed.reserve(shown.len() * 8);
                shown.iter().for_each(|value| self.packed.extend_from_slice(&value.to_le_bytes()));
                (column_tag::DOUBLES, &values.nulls, &[][..])
            }
            Column::String(texts) | Column::Blob(texts) => {
                lengths(&mut self.packed, texts, range.clone());
                (column_tag::LENGTHS, &texts.nulls, texts.span(range.clone()))
            }
        };
        bitmap(&mut self.bytes, nulls, range);
        let optional = |bytes: &[u8]| if bytes.is_empty() { 0 } else { bytes_len(bytes.len()) };
        let length = 2 + optional(&self.bytes) + bytes_len(self.packed.len()) + optional(texts);

        self.out.push(block_tag::COLUMNS);
        put_varint(&mut self.out, length as u64);
        let start = self.out.len();
        self.out.extend_from_slice(&[column_tag::TYPE, type_number(column.field_type())]);
        if !self.bytes.is_empty() {
            put_bytes(&mut self.out, column_tag::NULLS, &self.bytes);
        }
        put_bytes(&mut self.out, tag, &self.packed);
        if !texts.is_empty() {
            put_bytes(&mut self.out, column_tag::BYTES_, texts);
        }
        assert_eq!(self.out.len() - start, length, "a column's length was announced wrongly");
    }
}

/// A place to split at, as near to the middle as keeps an update in one piece; `None` when there is none.
fn middle(block: &EventBlock, range: &Range<usize>) -> Option<usize> {
    let middle = range.start + range.len() / 2;
    let behind = (middle..range.end).find(|&i| !keeps_together(block, i));
    let before = || (range.start..middle).rev().find(|&i| !keeps_together(block, i));
    behind.or_else(before).filter(|&i| i > range.start)
}

/// Differences, the first to zero; a null repeats the value before it.
fn deltas<T: Copy + Default>(out: &mut Vec<u8>, values: &Values<T>, range: Range<usize>, wide: impl Fn(T) -> i64) {
    let mut before = 0_i64;
    let shown = &values.values[range.clone()];
    out.reserve(shown.len());
    if values.nulls.is_empty() {
        for &value in shown {
            let value = wide(value);
            put_varint(out, zigzag(value.wrapping_sub(before)));
            before = value;
        }
        return;
    }
    for (i, &value) in range.zip(shown) {
        let value = if values.nulls.get(i) { before } else { wide(value) };
        put_varint(out, zigzag(value.wrapping_sub(before)));
        before = value;
    }
}

fn lengths(out: &mut Vec<u8>, texts: &Texts, range: Range<usize>) {
    for i in range {
        put_varint(out, texts.get(i).map_or(0, <[u8]>::len) as u64);
    }
}

/// The bitmap of a range of rows; empty when none of them is null.
fn bitmap(out: &mut Vec<u8>, nulls: &NullMask, range: Range<usize>) {
    out.clear();
    if nulls.is_empty() || !range.clone().any(|i| nulls.get(i)) {
        return;
    }
    out.resize(range.len().div_ceil(8), 0);
    for (bit, i) in range.enumerate() {
        out[bit / 8] |= u8::from(nulls.get(i)) << (bit % 8);
    }
}
