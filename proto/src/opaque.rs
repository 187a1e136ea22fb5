//! Records that are one field of one event: `opaquestring`, whose key is generated, and a field that `kafkatype` names.

use std::ops::Range;
use std::sync::Arc;

use types::{Column, EventBlock, FieldType, Flags, Opcode, Schema};

use crate::Error;
use crate::parse::{push_null, push_text};
use crate::reject::{Fault, Place, Reason, Rejects, excerpt};

/// The position of the only field that isn't key, when it is a string.
fn message_field(schema: &Schema) -> Result<usize, Error> {
    let mut others = (0..schema.fields().len()).filter(|i| !schema.fields()[*i].key);
    match (others.next(), others.next(), schema.keys()) {
        (Some(message), None, [_]) if schema.fields()[message].field_type == FieldType::String => Ok(message),
        (_, _, _) => Err(Error::NotOpaque { schema: schema.to_string() }),
    }
}

#[derive(Debug)]
pub(crate) struct OpaqueDecoder {
    message: usize,
    place: Place,
}

impl OpaqueDecoder {
    pub(crate) fn new(schema: &Arc<Schema>) -> Result<Self, Error> {
        let message = message_field(schema)?;
        // There are two fields.
        let column = if message == 0 { 1 } else { 2 };
        Ok(Self { message, place: Place { column, name: schema.fields()[message].name.clone() } })
    }

    pub(crate) fn decode(&self, payload: &[u8], block: &mut EventBlock, rejects: &mut Rejects<'_>) {
        if std::str::from_utf8(payload).is_err() {
            let (place, text) = (Some(self.place.clone()), excerpt(payload));
            rejects.push(0, Fault { place, text, reason: Reason::NotUtf8 });
            return;
        }
        for (i, column) in block.columns.iter_mut().enumerate() {
            if i == self.message {
                let pushed = push_text(column, payload, None);
                assert!(pushed.is_ok(), "a message was just found to be UTF-8, and its column is a string");
            } else {
                push_null(column);
            }
        }
        block.opcodes.push(Opcode::Insert);
        block.flags.push(Flags::NORMAL);
    }
}

/// Sends one string or blob field as it is, a record for each event.
#[derive(Debug)]
pub(crate) struct RawEncoder {
    position: usize,
}

impl RawEncoder {
    /// The message of an opaque string.
    pub(crate) fn message(schema: &Schema) -> Result<Self, Error> {
        message_field(schema).map(|position| Self { position })
    }

    /// The field of this name.
    pub(crate) fn field(schema: &Schema, field: &str) -> Result<Self, Error> {
        let is_raw =
            |position: &usize| matches!(schema.fields()[*position].field_type, FieldType::String | FieldType::Blob);
        let position = schema.position(field).filter(is_raw);
        let refused = || Error::NotRaw { field: field.to_owned(), schema: schema.to_string() };
        position.map(|position| Self { position }).ok_or_else(refused)
    }

    pub(crate) fn encode(&self, block: &EventBlock, range: Range<usize>, part: &mut dyn FnMut(&[u8])) {
        let (Column::String(texts) | Column::Blob(texts)) = &block.columns[self.position] else { return };
        range.for_each(|i| part(texts.get(i).unwrap_or_default()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoder, Encoder, EncoderOptions, Format};

    #[test]
    fn a_record_is_one_event_whatever_it_holds() {
        let schema: Arc<Schema> = Arc::new("index*:int64,message:string".parse().unwrap());
        let mut decoder = Decoder::new(Format::OpaqueString, Arc::clone(&schema)).unwrap();
        let (mut block, mut rejects) = (EventBlock::new(&schema), Vec::new());
        decoder.decode(b"I,N, \"not, csv\n", &mut block, &mut rejects);
        decoder.decode(b"", &mut block, &mut rejects);
        decoder.decode(b"\xff", &mut block, &mut rejects);
        let Column::String(texts) = &block.columns[1] else { panic!("a string") };
        assert_eq!([texts.text(0), texts.text(1)], [Some("I,N, \"not, csv\n"), Some("")]);
        assert_eq!(block.columns[0].value(0), types::Value::Null);
        assert_eq!(rejects.len(), 1);
        assert_eq!(rejects[0].to_string(), "row 0 column 2 \"message\" = \"\u{fffd}\": not UTF-8");
    }

    #[test]
    fn a_field_is_sent_as_it_is_a_record_for_each_event() {
        let schema: Arc<Schema> = Arc::new("id*:int64,note:string,image:blob".parse().unwrap());
        let mut decoder = Decoder::new(Format::Csv(crate::CsvOptions::default()), Arc::clone(&schema)).unwrap();
        let (mut block, mut rejects) = (EventBlock::new(&schema), Vec::new());
        decoder.decode(b"I,N,1,\"a, b\",AAEC\nD,N,2,,\n", &mut block, &mut rejects);
        assert_eq!(rejects, []);
        let sent = |field: &str| {
            let format = Format::Field(field.to_owned());
            let mut encoder = Encoder::new(format, Arc::clone(&schema), EncoderOptions::default()).unwrap();
            let mut parts = Vec::new();
            encoder.encode(&block, 0..block.len(), &mut |part| parts.push(part.to_vec()));
            parts
        };
        assert_eq!(sent("note"), [&b"a, b"[..], b""]);
        assert_eq!(sent("image"), [&[0, 1, 2][..], b""]);
        for field in ["id", "nothing"] {
            let made = Encoder::new(Format::Field(field.to_owned()), Arc::clone(&schema), EncoderOptions::default());
            assert!(matches!(made, Err(Error::NotRaw { .. })), "{field}");
        }
        assert!(matches!(Decoder::new(Format::Field("note".to_owned()), schema), Err(Error::NotReadable { .. })));
    }

    #[test]
    fn other_schemas_are_refused() {
        for schema in ["index*:int64,message:blob", "index*:int64,a:string,b:string", "a*:int64,b*:int64,c:string"] {
            let schema = Arc::new(schema.parse().unwrap());
            assert!(Decoder::new(Format::OpaqueString, schema).is_err());
        }
    }
}
