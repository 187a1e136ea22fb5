//! Events to flat objects.

use std::ops::Range;

use types::{Column, EventBlock, Flags, Schema};

use super::{FLAGS, OPCODE};
use crate::encoder::keeps_together;
use crate::{DateFormat, JsonOptions, print};

/// Prints events as flat objects.
#[derive(Debug, Clone)]
pub struct JsonPrinter {
    date_format: Option<DateFormat>,
    /// `{"opcode":"`, ready to copy.
    opcode_prefix: Vec<u8>,
    /// `","flags":"`, ready to copy.
    flags_prefix: Vec<u8>,
    /// `,"name":` of each field.
    field_prefixes: Vec<Vec<u8>>,
}

impl JsonPrinter {
    /// A printer of events with this schema.
    #[must_use]
    pub fn new(schema: &Schema, date_format: Option<DateFormat>) -> Self {
        let at = |name| if schema.position(name).is_some() { "@" } else { "" };
        let field_prefix = |name: &str| {
            let mut prefix = vec![b','];
            text(&mut prefix, name);
            prefix.push(b':');
            prefix
        };
        Self {
            date_format,
            opcode_prefix: format!("{{\"{}{OPCODE}\":\"", at(OPCODE)).into_bytes(),
            flags_prefix: format!("\",\"{}{FLAGS}\":\"", at(FLAGS)).into_bytes(),
            field_prefixes: schema.fields().iter().map(|field| field_prefix(&field.name)).collect(),
        }
    }

    /// Adds `{"opcode":"insert",…}`, without a line end.
    ///
    /// # Panics
    /// When the block has no event `i`.
    pub fn event(&self, block: &EventBlock, i: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.opcode_prefix);
        out.extend_from_slice(block.opcodes[i].word().as_bytes());
        if block.flags[i] != Flags::NORMAL {
            out.extend_from_slice(&self.flags_prefix);
            let letters = [(Flags::NORMAL, b'N'), (Flags::PARTIAL, b'P'), (Flags::RETENTION, b'R')];
            out.extend(letters.iter().filter(|(flag, _)| block.flags[i].contains(*flag)).map(|(_, letter)| letter));
        }
        out.push(b'"');
        for (prefix, column) in self.field_prefixes.iter().zip(&block.columns) {
            out.extend_from_slice(prefix);
            value(out, column, i, self.date_format.as_ref());
        }
        out.push(b'}');
    }
}

#[derive(Debug)]
pub(crate) struct JsonEncoder {
    printer: JsonPrinter,
    out: Vec<u8>,
}

impl JsonEncoder {
    pub(crate) fn new(options: JsonOptions, schema: &Schema) -> Self {
        Self { printer: JsonPrinter::new(schema, options.date_format), out: Vec::new() }
    }

    pub(crate) fn encode(
        &mut self,
        block: &EventBlock,
        range: Range<usize>,
        part_bytes_max: usize,
        part: &mut dyn FnMut(&[u8]),
    ) {
        self.out.clear();
        let mut part_start = range.start;
        // Where the last update, or single event, begins in the events and in the bytes.
        let (mut unit, mut unit_at) = (range.start, 0);
        for i in range {
            if !keeps_together(block, i) {
                (unit, unit_at) = (i, self.out.len());
            }
            // An opening bracket, or the comma after the event before.
            self.out.push(if i == part_start { b'[' } else { b',' });
            self.printer.event(block, i, &mut self.out);
            if self.out.len() >= part_bytes_max && unit > part_start {
                self.out[unit_at] = b']';
                part(&self.out[..=unit_at]);
                self.out.drain(..unit_at);
                self.out[0] = b'[';
                (part_start, unit_at) = (unit, 0);
            }
        }
        if !self.out.is_empty() {
            self.out.push(b']');
            part(&self.out);
        }
    }
}

fn value(out: &mut Vec<u8>, column: &Column, i: usize, dates: Option<&DateFormat>) {
    match column {
        Column::Int32(column) => or_null(out, column.get(i), |out, value| print::integer(out, i64::from(value))),
        Column::Int64(column) => or_null(out, column.get(i), print::integer),
        Column::Double(column) => or_null(out, column.get(i), double),
        Column::String(column) => or_null(out, column.text(i), text),
        Column::Date(column) => or_null(out, column.get(i), |out, value| match dates {
            Some(format) => quoted(out, |out| format.print_date(value, out)),
            None => print::integer(out, value),
        }),
        Column::Stamp(column) => or_null(out, column.get(i), |out, value| match dates {
            Some(format) => quoted(out, |out| format.print_stamp(value, out)),
            None => print::integer(out, value),
        }),
        // A text: readers that take numbers for doubles would lose the last digits.
        Column::Money(column) => or_null(out, column.get(i), |out, value| {
            out.push(b'"');
            print::money(out, value);
            out.push(b'"');
        }),
        Column::Blob(column) => or_null(out, column.get(i), |out, value| {
            out.push(b'"');
            print::blob(out, value);
            out.push(b'"');
        }),
    }
}

fn or_null<T>(out: &mut Vec<u8>, value: Option<T>, print: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        Some(value) => print(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

fn double(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        print::shortest(out, value);
    } else {
        quoted(out, |out| print::shortest(out, value));
    }
}

/// A text that may hold anything, such as what a `dateformat` writes.
fn quoted(out: &mut Vec<u8>, print: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    print(out);
    let plain = out.split_off(start);
    text(out, &String::from_utf8_lossy(&plain));
}

fn text(out: &mut Vec<u8>, value: &str) {
    // Writing a str to a Vec can't fail.
    let written = serde_json::to_writer(out, value);
    assert!(written.is_ok(), "a text is always json");
}
