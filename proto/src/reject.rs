//! What is said of a row that doesn't fit: enough for a dead letter and for a person with the file open.

use std::fmt;

use types::FieldType;

/// Rejected rows that are reported one by one for a payload; further ones are counted in a last
/// [`Reason::MoreRejected`].
pub const REJECTS_PER_PAYLOAD_MAX: usize = 256;

/// Bytes of the offending text that are kept; longer text ends in `…`.
pub const EXCERPT_BYTES_MAX: usize = 80;

/// Where in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// From 1: the field of the line for csv (opcode and flags count), the field of the schema otherwise.
    pub column: u32,
    /// The field's name, or `opcode`, `flags`.
    pub name: String,
}

/// A row, or a whole block, that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// From 0: the line of the payload for csv, the event otherwise.
    pub row: u32,
    /// Which field, when it is one.
    pub place: Option<Place>,
    /// The beginning of the offending text, at most [`EXCERPT_BYTES_MAX`] bytes.
    pub text: String,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}", self.row)?;
        if let Some(Place { column, name }) = &self.place {
            write!(f, " column {column} \"{name}\" = {:?}", self.text)?;
        } else if !self.text.is_empty() {
            write!(f, " {:?}", self.text)?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Why a row was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The text is no value of the field's type.
    #[error("not {expected}")]
    NotA {
        /// The field's type.
        expected: FieldType,
    },
    /// A number that the field's type can't hold.
    #[error("out of range for {expected}")]
    OutOfRange {
        /// The field's type.
        expected: FieldType,
    },
    /// A date or stamp that isn't written as `dateformat` says.
    #[error("not a {expected} written as {format}")]
    NotADate {
        /// The field's type.
        expected: FieldType,
        /// The pattern.
        format: String,
    },
    /// Text of a string field that isn't UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// No opcode is called so.
    #[error("no opcode; i, u, p, d and s exist")]
    UnknownOpcode,
    /// No flag is called so.
    #[error("no flags; n, p and r exist")]
    UnknownFlags,
    /// More values than fields.
    #[error("{found} fields, the schema has room for {most}")]
    TooManyFields {
        /// In the row.
        found: u32,
        /// Opcode, flags and the schema's fields.
        most: u32,
    },
    /// A quote is opened and never closed in its line.
    #[error("quote isn't closed")]
    UnclosedQuote,
    /// Something other than a delimiter follows a closing quote.
    #[error("text after the closing quote")]
    TextAfterQuote,
    /// A json member that is no field.
    #[error("no such field in the schema")]
    UnknownMember,
    /// A json member that comes twice.
    #[error("given twice")]
    RepeatedMember,
    /// A json value where an event should be.
    #[error("not an event object")]
    NotAnEvent,
    /// The payload isn't json.
    #[error("not json: {message}")]
    NotJson {
        /// The parser's words, with line and column.
        message: String,
    },
    /// The payload doesn't begin as our event block does.
    #[error("not an Understudy event block (binary blocks of other products can't be read)")]
    NotOurBlock,
    /// An event block of a later format.
    #[error("event block has format version {version}, this program reads 1")]
    UnknownVersion {
        /// As found.
        version: u64,
    },
    /// An event block that ends early or contradicts itself.
    #[error("event block is damaged: {what}")]
    Damaged {
        /// What doesn't hold.
        what: &'static str,
    },
    /// An event block that was written for another schema.
    #[error("event block has columns {found}, the schema has {expected}")]
    OtherColumns {
        /// Types in the block.
        found: String,
        /// Types in the schema.
        expected: String,
    },
    /// The bound [`REJECTS_PER_PAYLOAD_MAX`] was reached.
    #[error("{rows} more rows of this payload were rejected")]
    MoreRejected {
        /// How many.
        rows: u32,
    },
}

/// A row's fault before it is known which row.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) place: Option<Place>,
    pub(crate) text: String,
    pub(crate) reason: Reason,
}

impl Fault {
    pub(crate) const fn of_block(reason: Reason) -> Self {
        Self { place: None, text: String::new(), reason }
    }
}

/// The rejected rows of one payload, at most as many as the bound.
pub(crate) struct Rejects<'a> {
    list: &'a mut Vec<Rejected>,
    /// Where this payload's begin.
    start: usize,
}

impl<'a> Rejects<'a> {
    pub(crate) fn new(list: &'a mut Vec<Rejected>) -> Self {
        let start = list.len();
        Self { list, start }
    }

    pub(crate) fn push(&mut self, row: u32, fault: Fault) {
        let Fault { place, text, reason } = fault;
        if self.list.len() - self.start < REJECTS_PER_PAYLOAD_MAX {
            self.list.push(Rejected { row, place, text, reason });
            return;
        }
        if let Some(Rejected { reason: Reason::MoreRejected { rows }, .. }) = self.list.last_mut() {
            *rows = rows.saturating_add(1);
        } else {
            self.list.push(Rejected {
                row,
                place: None,
                text: String::new(),
                reason: Reason::MoreRejected { rows: 1 },
            });
        }
    }

    /// A mark for [`Rejects::forget_since`].
    pub(crate) fn mark(&self) -> usize {
        self.list.len()
    }

    /// Forgets what was reported since the mark.
    pub(crate) fn forget_since(&mut self, mark: usize) {
        self.list.truncate(mark);
    }
}

/// The beginning of `bytes` as text, bounded, for a person.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(EXCERPT_BYTES_MAX + 1)];
    // Bytes that are no text become larger here, so the bound is applied to what comes out.
    let mut text = String::from_utf8_lossy(shown).into_owned();
    if text.len() > EXCERPT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(EXCERPT_BYTES_MAX - '…'.len_utf8()));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_bounded_and_cut_between_characters() {
        let text = excerpt("ä".repeat(1_000).as_bytes());
        assert!(text.len() <= EXCERPT_BYTES_MAX, "{}", text.len());
        assert!(text.ends_with("ä…"));
        assert!(excerpt(&[0xff; 1_000]).len() <= EXCERPT_BYTES_MAX);
        assert_eq!(excerpt(b"short"), "short");
        assert_eq!(excerpt("x".repeat(EXCERPT_BYTES_MAX).as_bytes()).len(), EXCERPT_BYTES_MAX);
    }

    #[test]
    fn rows_past_the_bound_are_counted_not_kept() {
        let mut list = Vec::new();
        let mut rejects = Rejects::new(&mut list);
        for row in 0..1_000 {
            rejects.push(row, Fault::of_block(Reason::NotAnEvent));
        }
        assert_eq!(list.len(), REJECTS_PER_PAYLOAD_MAX + 1);
        let rows = 1_000 - u32::try_from(REJECTS_PER_PAYLOAD_MAX).unwrap();
        assert_eq!(list.last().unwrap().reason, Reason::MoreRejected { rows });
    }
}
