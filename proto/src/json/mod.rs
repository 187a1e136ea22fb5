//! JSON events.
//!
//! Output, one payload a block (or part): `[{"opcode":"insert","id":1,"price":7.11,"name":"a"},…]`. A flat object an
//! event, `opcode` first, then `flags` when they are other than `N`, then every field in schema order. Values keep
//! their type: numbers are numbers (a double in its shortest form that reads back the same;
//! `"nan"`, `"inf"` and `"-inf"` are texts because JSON has no such numbers), strings are texts, money is a decimal text, date and stamp are
//! integers, or texts when `dateformat` is given, a blob is base64, null is `null`. In a schema with a field of the name
//! `opcode` or `flags` those two members are called `@opcode` and `@flags`.
//!
//! Input: one document, or one a line. Wherever an event may stand these are understood, nested as one likes up to 128
//! levels: an array of events or of arrays; a flat object; `{"opcode":"insert","event":{…}}`; an object whose only
//! member `events`, `entries` or `data` is an array. `opcode` may be called `@opcode` or stand in `attributes`;
//! `timestamp`, `@timestamp` and `@flags` are known as well. A field may be given as its value or as the text that csv
//! would have; an empty text is null except in a string. A field that comes twice, an unknown one (unless
//! [`crate::UnknownMembers::Ignore`]) or a value that doesn't fit rejects the event; broken JSON rejects the line, or
//! the document.

mod decode;
mod encode;
mod event;
mod scalars;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use decode::JsonDecoder;
pub(crate) use encode::JsonEncoder;
pub use encode::JsonPrinter;

/// Member names of opcode and flags when the schema has no fields of these names.
const OPCODE: &str = "opcode";
const FLAGS: &str = "flags";
