//! Events to rows.

use std::ops::Range;
use std::sync::Arc;

use types::{Column, EventBlock, Schema};

use crate::encoder::keeps_together;
use crate::{CsvFraming, CsvOptions, DateFormat, Doubles, SchemaLine, print};

/// Prints events as rows, and the header lines of files.
#[derive(Debug, Clone)]
pub struct CsvPrinter {
    schema: Arc<Schema>,
    date_format: Option<DateFormat>,
    doubles: Doubles,
}

impl CsvPrinter {
    /// A printer of events with this schema, doubles with six decimals.
    #[must_use]
    pub const fn new(schema: Arc<Schema>, date_format: Option<DateFormat>) -> Self {
        Self { schema, date_format, doubles: Doubles::SixDecimals }
    }

    /// Prints doubles in another way.
    #[must_use]
    pub const fn with_doubles(mut self, doubles: Doubles) -> Self {
        self.doubles = doubles;
        self
    }

    /// Adds `opcode,flags,<fields>` or `<fields>` alone, without a line end.
    pub fn header(&self, with_opcode_and_flags: bool, out: &mut Vec<u8>) {
        if with_opcode_and_flags {
            out.extend_from_slice(b"opcode,flags,");
        }
        for (i, field) in self.schema.fields().iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            text(out, field.name.as_bytes());
        }
    }

    /// Adds `opcode,flags, <values>`, without a line end.
    ///
    /// # Panics
    /// When the block has no event `i` or other columns than the schema.
    pub fn row(&self, block: &EventBlock, i: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(block.opcodes[i].letters().as_bytes());
        out.push(b',');
        flag_letters(out, block.flags[i]);
        out.extend_from_slice(b", ");
        for (position, column) in block.columns.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            self.value(column, i, out);
        }
    }

    fn value(&self, column: &Column, i: usize, out: &mut Vec<u8>) {
        match column {
            Column::Int32(column) => if_some(column.get(i), |value| print::integer(out, i64::from(value))),
            Column::Int64(column) => if_some(column.get(i), |value| print::integer(out, value)),
            Column::Double(column) => if_some(column.get(i), |value| match self.doubles {
                Doubles::SixDecimals => print::fixed6(out, value),
                Doubles::Shortest => print::shortest(out, value),
            }),
            Column::String(column) => if_some(column.get(i), |value| text(out, value)),
            Column::Date(column) => if_some(column.get(i), |value| match &self.date_format {
                Some(format) => quoted_if_needed(out, |out| format.print_date(value, out)),
                None => print::integer(out, value),
            }),
            Column::Stamp(column) => if_some(column.get(i), |value| match &self.date_format {
                Some(format) => quoted_if_needed(out, |out| format.print_stamp(value, out)),
                None => print::integer(out, value),
            }),
            Column::Money(column) => if_some(column.get(i), |value| print::money(out, value)),
            Column::Blob(column) => if_some(column.get(i), |value| match value {
                // Not null.
                [] => out.extend_from_slice(b"\"\""),
                value => print::blob(out, value),
            }),
        }
    }
}

fn if_some<T>(value: Option<T>, print: impl FnOnce(T)) {
    if let Some(value) = value {
        print(value);
    }
}

fn flag_letters(out: &mut Vec<u8>, flags: types::Flags) {
    use types::Flags;
    for (flag, letter) in [(Flags::NORMAL, b'N'), (Flags::PARTIAL, b'P'), (Flags::RETENTION, b'R')] {
        if flags.contains(flag) {
            out.push(letter);
        }
    }
}

/// A text as it is where the reader gets it back so, else in quotes.
fn text(out: &mut Vec<u8>, value: &[u8]) {
    if !needs_quotes(value) {
        out.extend_from_slice(value);
        return;
    }
    out.push(b'"');
    for &byte in value {
        match byte {
            b'"' => out.extend_from_slice(b"\"\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            other => out.push(other),
        }
    }
    out.push(b'"');
}

fn needs_quotes(value: &[u8]) -> bool {
    let (Some(first), Some(last)) = (value.first(), value.last()) else { return true };
    matches!(first, b' ' | b'\t')
        || matches!(last, b' ' | b'\t' | b'\\')
        || value.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r'))
}

/// For texts of our own making, which are rarely unfit.
fn quoted_if_needed(out: &mut Vec<u8>, print: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    print(out);
    if needs_quotes(&out[start..]) {
        let plain = out.split_off(start);
        text(out, &plain);
    }
}

#[derive(Debug)]
pub(crate) struct CsvEncoder {
    printer: CsvPrinter,
    framing: CsvFraming,
    schema_line: SchemaLine,
    schema_line_written: bool,
    out: Vec<u8>,
}

impl CsvEncoder {
    pub(crate) fn new(options: CsvOptions, schema: Arc<Schema>, schema_line_written: bool) -> Self {
        let CsvOptions { date_format, framing, schema_line, doubles, .. } = options;
        let printer = CsvPrinter::new(schema, date_format).with_doubles(doubles);
        Self { printer, framing, schema_line, schema_line_written, out: Vec::new() }
    }

    pub(crate) fn encode(
        &mut self,
        block: &EventBlock,
        range: Range<usize>,
        part_bytes_max: usize,
        part: &mut dyn FnMut(&[u8]),
    ) {
        self.out.clear();
        if !range.is_empty() && self.schema_line_is_due() {
            self.out.extend_from_slice(self.printer.schema.to_string().as_bytes());
            self.out.push(b'\n');
        }
        match self.framing {
            CsvFraming::PerEvent => self.per_event(block, range, part),
            CsvFraming::PerBlock => self.per_block(block, range, part_bytes_max, part),
        }
    }

    fn per_event(&mut self, block: &EventBlock, range: Range<usize>, part: &mut dyn FnMut(&[u8])) {
        for i in range {
            self.printer.row(block, i, &mut self.out);
            part(&self.out);
            self.out.clear();
        }
    }

    fn per_block(
        &mut self,
        block: &EventBlock,
        range: Range<usize>,
        part_bytes_max: usize,
        part: &mut dyn FnMut(&[u8]),
    ) {
        let mut part_start = range.start;
        // Where the last update, or single event, begins in the events and in the bytes.
        let (mut unit, mut unit_at) = (range.start, self.out.len());
        for i in range {
            if !keeps_together(block, i) {
                (unit, unit_at) = (i, self.out.len());
            }
            self.printer.row(block, i, &mut self.out);
            if self.out.len() > part_bytes_max && unit > part_start {
                part(&self.out[..unit_at - 1]);
                self.out.drain(..unit_at);
                (part_start, unit_at) = (unit, 0);
            }
            self.out.push(b'\n');
        }
        // Line ends stand between rows, not behind the last.
        if let Some((_, message)) = self.out.split_last() {
            part(message);
        }
    }

    const fn schema_line_is_due(&mut self) -> bool {
        match self.schema_line {
            SchemaLine::Never => false,
            SchemaLine::Once => !std::mem::replace(&mut self.schema_line_written, true),
            SchemaLine::PerEventBlock => true,
        }
    }
}
