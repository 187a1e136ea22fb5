//! Events to payload bytes.

use std::ops::Range;
use std::sync::Arc;

use types::{EventBlock, Opcode, Schema};

use crate::binary::BinaryEncoder;
use crate::csv::CsvEncoder;
use crate::decoder::fits;
use crate::json::JsonEncoder;
use crate::opaque::RawEncoder;
use crate::{Error, Format};

/// A part bound that Kafka's default `max.message.bytes` (1 MiB) leaves room for.
pub const PART_BYTES_MAX_DEFAULT: usize = 900 * 1024;

/// What an encoder is told besides the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderOptions {
    /// A payload that would be larger is split between events; a single event that is larger stays whole, and so does
    /// an update block with the delete of its old values. Fixed per generation: it decides how many records there are.
    pub part_bytes_max: usize,
    /// The topic has the schema line of `csvincludeschema=once` already, as after a restored snapshot.
    pub schema_line_written: bool,
}

impl Default for EncoderOptions {
    fn default() -> Self {
        Self { part_bytes_max: PART_BYTES_MAX_DEFAULT, schema_line_written: false }
    }
}

#[derive(Debug)]
enum Kind {
    Binary(BinaryEncoder),
    Csv(CsvEncoder),
    Json(JsonEncoder),
    Raw(RawEncoder),
}

/// Writes blocks of one schema as payloads of one format.
#[derive(Debug)]
pub struct Encoder {
    kind: Kind,
    schema: Arc<Schema>,
    part_bytes_max: usize,
}

impl Encoder {
    /// An encoder into this format.
    ///
    /// # Errors
    /// [`Error::NotOpaque`] when the schema has no text that [`Format::OpaqueString`] could send, [`Error::NotRaw`] when
    /// [`Format::Field`] names no string or blob.
    pub fn new(format: Format, schema: Arc<Schema>, options: EncoderOptions) -> Result<Self, Error> {
        let EncoderOptions { part_bytes_max, schema_line_written } = options;
        let kind = match format {
            Format::Binary => Kind::Binary(BinaryEncoder::default()),
            Format::Csv(csv) => Kind::Csv(CsvEncoder::new(csv, Arc::clone(&schema), schema_line_written)),
            Format::Json(json) => Kind::Json(JsonEncoder::new(json, &schema)),
            Format::OpaqueString => Kind::Raw(RawEncoder::message(&schema)?),
            Format::Field(field) => Kind::Raw(RawEncoder::field(&schema, &field)?),
        };
        Ok(Self { kind, schema, part_bytes_max })
    }

    /// Hands out the payloads of the events in `range`, in order; none for an empty range.
    ///
    /// The bytes are a function of the events and the options alone, and of earlier calls only for
    /// `csvincludeschema=once`.
    ///
    /// # Panics
    /// When `block` was made for another schema, or the range reaches past its end.
    pub fn encode(&mut self, block: &EventBlock, range: Range<usize>, part: &mut dyn FnMut(&[u8])) {
        assert!(fits(block, &self.schema), "a block must be encoded by its own schema");
        assert!(range.end <= block.len(), "a range must lie inside its block");
        match &mut self.kind {
            Kind::Binary(encoder) => encoder.encode(block, range, self.part_bytes_max, part),
            Kind::Csv(encoder) => encoder.encode(block, range, self.part_bytes_max, part),
            Kind::Json(encoder) => encoder.encode(block, range, self.part_bytes_max, part),
            Kind::Raw(encoder) => encoder.encode(block, range, part),
        }
    }
}

/// Whether event `i` belongs to the one before it: an update block and the old values behind it are one update.
pub(crate) fn keeps_together(block: &EventBlock, i: usize) -> bool {
    i > 0 && block.opcodes[i - 1] == Opcode::UpdateBlock && block.opcodes[i] == Opcode::Delete
}
