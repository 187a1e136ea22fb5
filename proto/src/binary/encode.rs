//! Events to event blocks.

use std::ops::Range;

use types::{Column, EventBlock, Flags, NullMask, Opcode, Values};

use super::wire::{
    FORMAT_VERSION, MAGIC, VARINT_BYTES_MAX, Writer, block as block_tag, column as column_tag, type_number, zigzag,
};
use crate::encoder::keeps_together;

/// What every block begins with, up to the number of events.
const HEAD: [u8; 8] = {
    let [m0, m1, m2, m3, m4] = MAGIC;
    assert!(FORMAT_VERSION < 0x80);
    [m0, m1, m2, m3, m4, block_tag::FORMAT_VERSION, FORMAT_VERSION as u8, block_tag::EVENTS]
};

#[derive(Debug, Default)]
pub(crate) struct BinaryEncoder {
    out: Writer,
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
            Some(middle) if self.out.written().len() > part_bytes_max => {
                self.encode(block, range.start..middle, part_bytes_max, part);
                self.encode(block, middle..range.end, part_bytes_max, part);
            }
            Some(_) | None => part(self.out.written()),
        }
    }

    fn write(&mut self, block: &EventBlock, range: Range<usize>) {
        let out = &mut self.out;
        out.clear();
        out.make_room(HEAD.len() + VARINT_BYTES_MAX);
        out.array(HEAD);
        out.varint(range.len() as u64);
        per_event(out, block_tag::OPCODES, &block.opcodes[range.clone()], |opcode: Opcode| opcode as u8);
        per_event(out, block_tag::FLAGS, &block.flags[range.clone()], |flags: Flags| flags.0);
        for each in &block.columns {
            column(out, each, range.clone());
        }
    }
}

/// One byte an event, or one for all.
#[inline]
fn per_event<T: Copy + PartialEq>(out: &mut Writer, tag: u8, values: &[T], byte: impl Fn(T) -> u8) {
    out.make_room(1 + VARINT_BYTES_MAX + values.len());
    if values.iter().all(|value| *value == values[0]) {
        out.array([tag, 1, byte(values[0])]);
        return;
    }
    out.byte(tag);
    out.varint(values.len() as u64);
    values.iter().for_each(|value| out.byte(byte(*value)));
}

fn column(out: &mut Writer, column: &Column, range: Range<usize>) {
    match column {
        Column::Int32(values) => {
            let start = open(out, column, column_tag::DELTAS, &values.nulls, &range);
            deltas(out, values, range, i64::from);
            start.close(out);
        }
        Column::Int64(values) | Column::Date(values) | Column::Stamp(values) | Column::Money(values) => {
            let start = open(out, column, column_tag::DELTAS, &values.nulls, &range);
            deltas(out, values, range, |value| value);
            start.close(out);
        }
        Column::Double(values) => {
            let start = open(out, column, column_tag::DOUBLES, &values.nulls, &range);
            values.values[range].iter().for_each(|value| out.array(value.to_le_bytes()));
            start.close(out);
        }
        Column::String(texts) | Column::Blob(texts) => {
            let start = open(out, column, column_tag::LENGTHS, &texts.nulls, &range);
            range.clone().for_each(|i| out.varint(texts.get(i).map_or(0, <[u8]>::len) as u64));
            out.close(start.values);
            let bytes = texts.span(range);
            if !bytes.is_empty() {
                out.make_room(1 + VARINT_BYTES_MAX + bytes.len());
                out.byte(column_tag::BYTES_);
                out.varint(bytes.len() as u64);
                out.slice(bytes);
            }
            out.close(start.column);
        }
    }
}

/// Where a column and its values begin, for when their lengths are known.
struct Start {
    column: usize,
    values: usize,
}

impl Start {
    #[inline]
    fn close(&self, out: &mut Writer) {
        out.close(self.values);
        out.close(self.column);
    }
}

/// Everything of a column up to its values, and room for these.
///
/// Inlined into each kind of column, as [`Writer::close`] is: that takes a single event from 84 to 52 ns.
#[inline(always)]
fn open(out: &mut Writer, column: &Column, values_tag: u8, nulls: &NullMask, range: &Range<usize>) -> Start {
    out.make_room(8 + 2 * VARINT_BYTES_MAX + range.len().div_ceil(8) + range.len() * VARINT_BYTES_MAX);
    // The zeros are lengths, filled in at the end.
    out.array([block_tag::COLUMNS, 0, column_tag::TYPE, type_number(column.field_type())]);
    let start = out.position() - 2;
    if !nulls.is_empty() {
        bitmap(out, nulls, range.clone());
    }
    out.array([values_tag, 0]);
    Start { column: start, values: out.position() }
}

/// A place to split at, as near to the middle as keeps an update in one piece; `None` when there is none.
fn middle(block: &EventBlock, range: &Range<usize>) -> Option<usize> {
    let middle = range.start + range.len() / 2;
    let behind = (middle..range.end).find(|&i| !keeps_together(block, i));
    let before = || (range.start..middle).rev().find(|&i| !keeps_together(block, i));
    behind.or_else(before).filter(|&i| i > range.start)
}

/// Differences, the first to zero; a null repeats the value before it.
#[inline]
fn deltas<T: Copy + Default>(out: &mut Writer, values: &Values<T>, range: Range<usize>, wide: impl Fn(T) -> i64) {
    let mut before = 0_i64;
    let shown = &values.values[range.clone()];
    if values.nulls.is_empty() {
        for &value in shown {
            let value = wide(value);
            out.varint(zigzag(value.wrapping_sub(before)));
            before = value;
        }
        return;
    }
    for (i, &value) in range.zip(shown) {
        let value = if values.nulls.get(i) { before } else { wide(value) };
        out.varint(zigzag(value.wrapping_sub(before)));
        before = value;
    }
}

/// The bitmap of a range of rows; nothing when none of them is null.
fn bitmap(out: &mut Writer, nulls: &NullMask, range: Range<usize>) {
    if !range.clone().any(|i| nulls.get(i)) {
        return;
    }
    out.byte(column_tag::NULLS);
    out.varint(range.len().div_ceil(8) as u64);
    for first in range.clone().step_by(8) {
        let rows = first..(first + 8).min(range.end);
        out.byte(rows.zip(0..8).fold(0, |byte, (i, bit)| byte | u8::from(nulls.get(i)) << bit));
    }
}
