//! Payload bytes to events.

use std::sync::Arc;

use types::{EventBlock, Opcode, Schema};

use crate::binary::BinaryDecoder;
use crate::csv::CsvDecoder;
use crate::json::JsonDecoder;
use crate::opaque::OpaqueDecoder;
use crate::reject::{Rejected, Rejects};
use crate::{Error, Format};

#[derive(Debug)]
enum Kind {
    Binary(BinaryDecoder),
    Csv(CsvDecoder),
    Json(JsonDecoder),
    Opaque(OpaqueDecoder),
}

/// Reads payloads of one format into blocks of one schema.
///
/// It keeps buffers between calls but nothing of what it read: every payload is decoded alike, whatever came before.
#[derive(Debug)]
pub struct Decoder {
    kind: Kind,
    schema: Arc<Schema>,
}

impl Decoder {
    /// A decoder for payloads of this format.
    ///
    /// # Errors
    /// [`Error::NotOpaque`] when the schema isn't one that [`Format::OpaqueString`] can fill; [`Error::NotReadable`] for
    /// [`Format::Field`].
    pub fn new(format: Format, schema: Arc<Schema>) -> Result<Self, Error> {
        let kind = match format {
            Format::Binary => Kind::Binary(BinaryDecoder::new(Arc::clone(&schema))),
            Format::Csv(options) => Kind::Csv(CsvDecoder::new(options, Arc::clone(&schema))),
            Format::Json(options) => Kind::Json(JsonDecoder::new(options, Arc::clone(&schema))),
            Format::OpaqueString => Kind::Opaque(OpaqueDecoder::new(&schema)?),
            Format::Field(field) => return Err(Error::NotReadable { field }),
        };
        Ok(Self { kind, schema })
    }

    /// The window generates its key (`autogen-key`): a key in a csv or json row is ignored, whatever it says.
    #[must_use]
    pub fn with_generated_key(mut self) -> Self {
        match &mut self.kind {
            Kind::Csv(decoder) => decoder.generate_key(),
            Kind::Json(decoder) => decoder.generate_key(),
            // Their key is typed or absent already; the source overwrites it.
            Kind::Binary(_) | Kind::Opaque(_) => {}
        }
        self
    }

    /// Appends the good rows of a payload to `block`, and what is wrong with each bad one to `rejects`.
    ///
    /// A damaged binary block, or a json document that breaks off, is rejected as a whole; other rows each stand for
    /// themselves. A key that is missing is null: whether that is right is the window's business.
    ///
    /// # Panics
    /// When `block` was made for another schema.
    pub fn decode(&mut self, payload: &[u8], block: &mut EventBlock, rejects: &mut Vec<Rejected>) {
        assert!(fits(block, &self.schema), "a block must be decoded into columns of its own schema");
        let mut rejects = Rejects::new(rejects);
        match &mut self.kind {
            Kind::Binary(decoder) => decoder.decode(payload, block, &mut rejects),
            Kind::Csv(decoder) => decoder.decode(payload, block, &mut rejects),
            Kind::Json(decoder) => decoder.decode(payload, block, &mut rejects),
            Kind::Opaque(decoder) => decoder.decode(payload, block, &mut rejects),
        }
        assert!(block.columns.iter().all(|column| column.len() == block.len()), "a decoded block is ragged");
    }
}

/// Whether the block's columns are those of the schema.
pub(crate) fn fits(block: &EventBlock, schema: &Schema) -> bool {
    block.columns.len() == schema.fields().len()
        && block.columns.iter().zip(schema.fields()).all(|(column, field)| column.field_type() == field.field_type)
}

/// `publishwithupsert`.
pub(crate) const fn upsert_if(publish_with_upsert: bool, opcode: Opcode) -> Opcode {
    if publish_with_upsert && matches!(opcode, Opcode::Insert) { Opcode::Upsert } else { opcode }
}
