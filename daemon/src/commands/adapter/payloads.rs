//! Reading outputs as their connector writes them.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use ports::notebook::Payload;
use proto::{CsvOptions, DateFormat, Decoder, Format, JsonOptions};
use tracing::warn;
use types::{EventBlock, Schema};

/// Payloads to events.
pub(super) enum Payloads {
    /// As the notebook says that the connector writes.
    Noted(Box<Decoder>),
    /// The notebook is from a program that didn't say it: each payload shows it by its first byte.
    Guessed(Box<Guessed>),
}

/// One decoder for each format that a first byte tells from the others.
pub(super) struct Guessed {
    binary: Decoder,
    csv: Decoder,
    json: Decoder,
}

impl Payloads {
    /// # Errors
    /// Records that hold no events: a connector that sends one field raw.
    pub(super) fn new(noted: Option<&Payload>, schema: &Arc<Schema>) -> anyhow::Result<Self> {
        match noted {
            Some(payload) => {
                let format = format(payload)?;
                let decoder = Decoder::new(format, Arc::clone(schema)).context(
                    "this window's outputs can't become rows; read the topic as it is: understudy tail --topic …",
                )?;
                Ok(Self::Noted(Box::new(decoder)))
            }
            None => {
                warn!(
                    "the notebook doesn't say how outputs are written; each one's format is guessed by its first byte"
                );
                Ok(Self::Guessed(Box::new(Guessed::new(schema)?)))
            }
        }
    }

    pub(super) fn decode(&mut self, payload: &[u8], block: &mut EventBlock) -> anyhow::Result<()> {
        let decoder = match self {
            Self::Noted(decoder) => decoder,
            Self::Guessed(guessed) => guessed.decoder(payload),
        };
        let mut rejects = Vec::new();
        decoder.decode(payload, block, &mut rejects);
        match rejects.first() {
            None => Ok(()),
            Some(rejected) => bail!("an output can't be read: {rejected}"),
        }
    }
}

/// A connector's `kafkatype`, from the notebook; what is none of the formats is a field's name.
fn format(payload: &Payload) -> anyhow::Result<Format> {
    let date_format = payload.dateformat.as_deref().map(DateFormat::new).transpose()?;
    Ok(match payload.kafkatype.as_str() {
        "binary" => Format::Binary,
        "csv" => Format::Csv(CsvOptions { date_format, ..CsvOptions::default() }),
        "json" => Format::Json(JsonOptions { date_format, ..JsonOptions::default() }),
        "opaquestring" => Format::OpaqueString,
        field => Format::Field(field.to_owned()),
    })
}

impl Guessed {
    fn new(schema: &Arc<Schema>) -> anyhow::Result<Self> {
        let decoder = |format| Decoder::new(format, Arc::clone(schema));
        Ok(Self {
            binary: decoder(Format::Binary)?,
            csv: decoder(Format::Csv(CsvOptions::default()))?,
            json: decoder(Format::Json(JsonOptions::default()))?,
        })
    }

    fn decoder(&mut self, payload: &[u8]) -> &mut Decoder {
        match payload.first() {
            Some(b'{' | b'[') => &mut self.json,
            Some(byte) if byte.is_ascii_alphabetic() || *byte == b',' => &mut self.csv,
            Some(_) | None => &mut self.binary,
        }
    }
}

#[cfg(test)]
mod tests {
    use types::Column;

    use super::*;

    fn schema() -> Arc<Schema> {
        Arc::new("id*:int64,at:date".parse().unwrap())
    }

    fn noted(kafkatype: &str, dateformat: Option<&str>) -> Payload {
        Payload { kafkatype: kafkatype.to_owned(), dateformat: dateformat.map(str::to_owned) }
    }

    /// The dates read from one payload.
    fn dates(noted: Option<&Payload>, payload: &[u8]) -> anyhow::Result<Vec<Option<i64>>> {
        let schema = schema();
        let mut block = EventBlock::new(&schema);
        Payloads::new(noted, &schema)?.decode(payload, &mut block)?;
        let Column::Date(dates) = &block.columns[1] else { panic!("a date") };
        Ok((0..block.len()).map(|i| dates.get(i)).collect())
    }

    #[test]
    fn outputs_are_read_as_the_notebook_says_dates_too() {
        let csv = noted("csv", Some("%Y-%m-%d"));
        assert_eq!(dates(Some(&csv), b"I,N, 1,1970-01-02\n").unwrap(), [Some(86_400)]);
        let json = noted("json", None);
        assert_eq!(dates(Some(&json), br#"{"opcode":"i","id":1,"at":7}"#).unwrap(), [Some(7)]);
        // Guessing would have read this as csv.
        assert!(dates(Some(&json), b"I,N, 1,7\n").is_err());
    }

    #[test]
    fn an_older_notebook_leaves_the_first_byte_to_tell() {
        assert_eq!(dates(None, b"I,N, 1,7\n").unwrap(), [Some(7)]);
        assert_eq!(dates(None, br#"{"opcode":"i","id":1,"at":7}"#).unwrap(), [Some(7)]);
    }

    #[test]
    fn a_field_sent_raw_makes_no_rows() {
        let refused = dates(Some(&noted("note", None)), b"text").unwrap_err();
        assert!(format!("{refused:#}").contains("records hold the field \"note\" and nothing else"), "{refused:#}");
    }
}
