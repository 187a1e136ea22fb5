//! Rows to events.

use std::sync::Arc;

use types::{EventBlock, Flags, Opcode, Schema};

use super::line::{Cursor, End, FieldText};
use crate::decoder::upsert_if;
use crate::reject::{Fault, Place, Reason, Rejects, excerpt};
use crate::{CsvOptions, parse};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[derive(Debug)]
pub(crate) struct CsvDecoder {
    options: CsvOptions,
    schema: Arc<Schema>,
    /// The line that `csvincludeschema` writes.
    schema_line: String,
    /// The position of the key that the source generates, when it does.
    generated: Option<usize>,
    /// A field's text when escapes change it.
    scratch: Vec<u8>,
}

impl CsvDecoder {
    pub(crate) fn new(options: CsvOptions, schema: Arc<Schema>) -> Self {
        Self { schema_line: schema.to_string(), options, schema, generated: None, scratch: Vec::new() }
    }

    /// The key's column is ignored on input.
    pub(crate) fn generate_key(&mut self) {
        self.generated = self.schema.keys().first().copied();
    }

    pub(crate) fn decode(&mut self, payload: &[u8], block: &mut EventBlock, rejects: &mut Rejects<'_>) {
        let payload = payload.strip_prefix(BYTE_ORDER_MARK).unwrap_or(payload);
        let mut cursor = Cursor::new(payload, self.options.delimiter);
        let mut row = 0;
        while !cursor.is_at_end() {
            let start = cursor;
            if !cursor.skip_blank_line() && !self.skip_schema_line(&mut cursor) {
                let kept = block.len();
                if let Err(fault) = self.row(&mut cursor, block) {
                    block.truncate(kept);
                    cursor = start;
                    cursor.skip_line();
                    rejects.push(row, fault);
                }
            }
            row += 1;
        }
    }

    fn skip_schema_line(&self, cursor: &mut Cursor<'_>) -> bool {
        let after = cursor.rest().strip_prefix(self.schema_line.as_bytes());
        let is_schema = after.is_some_and(|after| matches!(after, [] | [b'\n', ..] | [b'\r', b'\n', ..]));
        if is_schema {
            cursor.skip_line();
        }
        is_schema
    }

    /// One row; on a fault the block may hold a part of it.
    fn row(&mut self, cursor: &mut Cursor<'_>, block: &mut EventBlock) -> Result<(), Fault> {
        let mut fields = Fields { cursor, scratch: &mut self.scratch, column: 0, end: End::Delimiter };
        let opcode = opcode(&mut fields, &self.options)?;
        let flags = flags(&mut fields, &self.options)?;
        let missing = self.options.no_autogen_field.then(|| self.schema.keys()[0]);
        for (i, (field, column)) in self.schema.fields().iter().zip(&mut block.columns).enumerate() {
            if missing == Some(i) {
                parse::push_null(column);
                continue;
            }
            let number = fields.column + 1;
            match fields.next(&field.name)? {
                Some(text) if !text.is_null() && self.generated != Some(i) => {
                    let pushed = parse::push_text(column, text.text, self.options.date_format.as_ref());
                    pushed.or_else(|reason| null_of_quotes(column, text, reason)).map_err(|reason| Fault {
                        text: excerpt(text.text),
                        place: Some(Place { column: number, name: field.name.clone() }),
                        reason,
                    })?;
                }
                Some(_) | None => parse::push_null(column),
            }
        }
        fields.nothing_left()?;
        block.opcodes.push(opcode);
        block.flags.push(flags);
        Ok(())
    }
}

/// `""` in a column that isn't text is null.
fn null_of_quotes(column: &mut types::Column, text: FieldText<'_>, reason: Reason) -> Result<(), Reason> {
    if !text.text.is_empty() {
        return Err(reason);
    }
    parse::push_null(column);
    Ok(())
}

fn opcode(fields: &mut Fields<'_, '_>, options: &CsvOptions) -> Result<Opcode, Fault> {
    let opcode = if options.add_opcode {
        Opcode::Insert
    } else {
        let text = fields.next("opcode")?.map_or(&[][..], |field| field.text);
        match parse::opcode(text) {
            Some(opcode) => opcode,
            None => return Err(fault_at(1, "opcode", text, Reason::UnknownOpcode)),
        }
    };
    Ok(upsert_if(options.publish_with_upsert, opcode))
}

fn flags(fields: &mut Fields<'_, '_>, options: &CsvOptions) -> Result<Flags, Fault> {
    if let Some(flags) = options.add_flags {
        return Ok(flags);
    }
    let column = fields.column + 1;
    let text = fields.next("flags")?.map_or(&[][..], |field| field.text);
    parse::flags(text).ok_or_else(|| fault_at(column, "flags", text, Reason::UnknownFlags))
}

fn fault_at(column: u32, name: &str, text: &[u8], reason: Reason) -> Fault {
    Fault { place: Some(Place { column, name: name.to_owned() }), text: excerpt(text), reason }
}

/// The fields of one row.
struct Fields<'c, 'p> {
    cursor: &'c mut Cursor<'p>,
    scratch: &'c mut Vec<u8>,
    /// How many were read.
    column: u32,
    /// How the last one ended.
    end: End,
}

impl Fields<'_, '_> {
    /// The next field; `None` when the row is over.
    fn next(&mut self, name: &str) -> Result<Option<FieldText<'_>>, Fault> {
        if self.end == End::Row {
            return Ok(None);
        }
        self.column += 1;
        let rest = self.cursor.rest();
        match self.cursor.field(self.scratch) {
            Ok((field, end)) => {
                self.end = end;
                Ok(Some(field))
            }
            Err(reason) => {
                let line = Cursor::new(rest, b',').skip_line();
                Err(fault_at(self.column, name, line, reason))
            }
        }
    }

    /// Delimiters behind the last field are tolerated, values are not.
    fn nothing_left(&mut self) -> Result<(), Fault> {
        let most = self.column;
        let mut last_value = most;
        while let Some(field) = self.next("")? {
            if !field.is_null() {
                last_value = self.column;
            }
        }
        if last_value > most {
            return Err(Fault::of_block(Reason::TooManyFields { found: last_value, most }));
        }
        Ok(())
    }
}
