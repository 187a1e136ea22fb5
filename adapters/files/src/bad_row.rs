//! E008: a row that doesn't fit the schema, told so that it can be found and mended.

use std::fmt;

use proto::Rejected;
use types::{FieldType, Schema};

use crate::error::Error;

/// A row of a file that doesn't fit the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// The file.
    pub source_name: String,
    /// From 1, header lines counted.
    pub line: u64,
    /// The beginning of the row.
    pub row: String,
    /// What is wrong with it.
    pub rejected: Rejected,
    /// Type of the field at fault, by the schema.
    pub field_type: Option<FieldType>,
}

impl BadRow {
    pub(crate) fn new(source_name: &str, line: u64, row: &[u8], rejected: Rejected, schema: &Schema) -> Self {
        let position = rejected.place.as_ref().and_then(|place| schema.position(&place.name));
        Self {
            source_name: source_name.to_owned(),
            line,
            row: excerpt(row),
            field_type: position.map(|i| schema.fields()[i].field_type),
            rejected,
        }
    }

    /// What would make the row fit.
    fn fix(&self) -> String {
        let (Some(place), Some(field_type)) = (&self.rejected.place, self.field_type) else {
            return "correct the row".to_owned();
        };
        let text = self.rejected.text.trim();
        let wider = match field_type {
            FieldType::Int32 if text.parse::<i64>().is_ok() => "int64",
            FieldType::Int32 | FieldType::Int64 if text.parse::<f64>().is_ok() => "double",
            FieldType::Date | FieldType::Stamp => return "give the pattern of these values as dateformat=".to_owned(),
            FieldType::Int32
            | FieldType::Int64
            | FieldType::Double
            | FieldType::String
            | FieldType::Money
            | FieldType::Blob => "string",
        };
        if field_type == FieldType::String {
            "correct the row".to_owned()
        } else {
            format!("declare {}:{wider}", place.name)
        }
    }
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source_name, line, row, rejected, field_type } = self;
        write!(f, "E008 Field does not fit the schema. {source_name}:{line}")?;
        if let Some(place) = &rejected.place {
            write!(f, " column {} \"{}\" = {:?}", place.column, place.name, rejected.text)?;
        }
        match field_type {
            Some(field_type) => write!(f, ", schema says {field_type} ({}).", rejected.reason)?,
            None => write!(f, ": {}.", rejected.reason)?,
        }
        write!(
            f,
            "\n     {line} | {row}\n     Fix: {}, or leave such rows out with on-bad-row=skip (now: stop).",
            self.fix()
        )
    }
}

impl std::error::Error for BadRow {}

impl From<BadRow> for Error {
    fn from(bad_row: BadRow) -> Self {
        Self::BadRow(Box::new(bad_row))
    }
}

/// The beginning of a row, fit for a terminal.
fn excerpt(row: &[u8]) -> String {
    let shown = &row[..row.len().min(proto::EXCERPT_BYTES_MAX)];
    let more = if shown.len() < row.len() { "…" } else { "" };
    let text = String::from_utf8_lossy(shown);
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).chain(more.chars()).collect()
}
