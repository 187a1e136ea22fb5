//! Which encoding, and its options under the names that connectors and adapters use.

use types::Flags;

use crate::{DateFormat, Error};

/// How events stand in a payload (`kafkatype`, `fstype`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Our protobuf event block, see `proto/understudy.proto`.
    Binary,
    /// One event a line.
    Csv(CsvOptions),
    /// Flat objects with `opcode`.
    Json(JsonOptions),
    /// One record is one event: a generated key and the record's text.
    OpaqueString,
    /// One record is one event: the bytes of this string or blob field and nothing else, empty when it is null. Only to be
    /// written: nobody can tell the event from it.
    Field(String),
}

/// What one csv message holds (`csvmsgperevent`, `csvmsgpereventblock`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CsvFraming {
    /// Each event is a message of its own.
    #[default]
    PerEvent,
    /// All events of a block, as far as the part bound allows, one a line.
    PerBlock,
}

/// When a line with the schema goes before the events (`csvincludeschema`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SchemaLine {
    /// Not at all.
    #[default]
    Never,
    /// Before the first event of a topic.
    Once,
    /// Before the first event of each block.
    PerEventBlock,
}

/// How csv writes a double.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Doubles {
    /// As the product does: `7.110000`.
    #[default]
    SixDecimals,
    /// As short as reads back the same, for csv between our own programs: `7.11`, `1e300`.
    Shortest,
}

/// Options of csv.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOptions {
    /// Between fields, on input (`csvfielddelimiter`); see [`CsvOptions::parse_delimiter`].
    pub delimiter: u8,
    /// Text form of date and stamp (`dateformat`); integers when absent.
    pub date_format: Option<DateFormat>,
    /// Input rows have no opcode column (`addcsvopcode`): they are inserts.
    pub add_opcode: bool,
    /// Input rows have no flags column (`addcsvflags`): they carry these.
    pub add_flags: Option<Flags>,
    /// Input rows have no column for the generated key (`noautogenfield`).
    pub no_autogen_field: bool,
    /// Inserts are read as upserts (`publishwithupsert`).
    pub publish_with_upsert: bool,
    /// Messages on output.
    pub framing: CsvFraming,
    /// Schema lines on output; on input a line that equals the schema is skipped.
    pub schema_line: SchemaLine,
    /// Doubles on output.
    pub doubles: Doubles,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: b',',
            date_format: None,
            add_opcode: false,
            add_flags: None,
            no_autogen_field: false,
            publish_with_upsert: false,
            framing: CsvFraming::default(),
            schema_line: SchemaLine::default(),
            doubles: Doubles::default(),
        }
    }
}

impl CsvOptions {
    /// Reads a `csvfielddelimiter`: one ASCII character, or `\t`.
    ///
    /// # Errors
    /// [`Error::Delimiter`].
    pub fn parse_delimiter(text: &str) -> Result<u8, Error> {
        match text.as_bytes() {
            b"\\t" => Ok(b'\t'),
            [b'"' | b'\\' | b'\n' | b'\r' | 0x80..] => Err(Error::Delimiter { text: text.to_owned() }),
            [byte] => Ok(*byte),
            _ => Err(Error::Delimiter { text: text.to_owned() }),
        }
    }
}

/// What happens to a member of a json event that is no field of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownMembers {
    /// The event is rejected: a misspelt name would otherwise read as null.
    #[default]
    Reject,
    /// It is passed over.
    Ignore,
}

/// Options of json.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonOptions {
    /// Text form of date and stamp (`dateformat`); integers when absent.
    pub date_format: Option<DateFormat>,
    /// Inserts are read as upserts (`publishwithupsert`).
    pub publish_with_upsert: bool,
    /// On input.
    pub unknown_members: UnknownMembers,
}
