//! CSV: `opcode,flags,field1,…`, one event a line.
//!
//! The grammar is the product's, not RFC 4180's:
//! - A row ends at its line end, LF or CRLF; quotes never carry it into the next line, so a stray quote costs one row.
//!   Lines of blanks are passed over, as is a UTF-8 byte order mark.
//! - Blanks around a value are cut. Nothing at all is null; missing fields at the end are null.
//! - `\,` and `\"` stand for the bare character. Any other backslash outside quotes is itself, so `C:\temp` survives.
//! - A value may stand in quotes, which keep blanks and delimiters; inside them `""`, `\"`, `\\`, `\,`, `\n` and `\r`
//!   are known. `""` alone is the empty text, not null.
//! - Output: opcode and flags in capitals and one blank before the first field, `I,N, 10.000000,scott`. Quotes only
//!   where reading back needs them; a text with a line end is written with `\n` or `\r` in quotes.

mod decode;
mod encode;
mod line;

pub(crate) use decode::CsvDecoder;
pub(crate) use encode::CsvEncoder;
pub use encode::CsvPrinter;
