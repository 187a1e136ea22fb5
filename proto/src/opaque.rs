//! `opaquestring`: a record is one event, its text goes into one field; the key is generated.

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

#[derive(Debug)]
pub(crate) struct OpaqueEncoder {
    message: usize,
}

impl OpaqueEncoder {
    pub(crate) fn new(schema: &Schema) -> Result<Self, Error> {
        message_field(schema).map(|message| Self { message })
    }

    pub(crate) fn encode(&self, block: &EventBlock, range: Range<usize>, part: &mut dyn FnMut(&[u8])) {
        let Column::String(texts) = &block.columns[self.message] else { return };
        range.for_each(|i| part(texts.get(i).unwrap_or_default()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoder, Format};

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
    fn other_schemas_are_refused() {
        for schema in ["index*:int64,message:blob", "index*:int64,a:string,b:string", "a*:int64,b*:int64,c:string"] {
            let schema = Arc::new(schema.parse().unwrap());
            assert!(Decoder::new(Format::OpaqueString, schema).is_err());
        }
    }
}
