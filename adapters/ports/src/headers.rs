//! Names and text forms of the Kafka headers that Understudy writes; any Kafka client can read them.

use std::fmt::Write as _;

use types::{SourceId, SourcePosition};

/// Message id of an output: decimal.
pub const ID: &str = "esp-id";
/// Index of an output: decimal.
pub const INDEX: &str = "esp-index";
/// Part of an output whose block became several records: decimal; absent for part 0.
pub const PART: &str = "esp-part";
/// The engine's time at an output, microseconds since 1970 UTC: decimal.
pub const TIME: &str = "esp-time";
/// Rolling digest: 32 hexadecimal digits.
pub const DIGEST: &str = "esp-digest";
/// `<fingerprint>.<generation>`: 16 hexadecimal digits, a dot, decimal.
pub const MODEL: &str = "esp-model";
/// `<member>.<incarnation>`; not part of the digest.
pub const WRITER: &str = "esp-writer";
/// Marks an idle topic's sign of life.
pub const MARKER: &str = "esp-marker";
/// Marks the record that opens a generation.
pub const FENCE: &str = "esp-fence";
/// Marks an inbound record that only advances time.
pub const TICK: &str = "esp-tick";
/// `<index> <row> <byte> <hash of the last row> <source id>`: decimal ×3, 16 hexadecimal digits, text to the end.
pub const SOURCE: &str = "esp-source";

/// What a publisher says of a block (header [`SOURCE`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceHeader {
    /// Who publishes.
    pub id: SourceId,
    /// How far the source is published with this block.
    pub position: SourcePosition,
    /// xxh3-64 of the last row's bytes, seeded with the block size: a replaced file or another `blocksize` is noticed by it.
    pub last_row_hash: u64,
}

impl SourceHeader {
    /// The header's value.
    #[must_use]
    pub fn to_text(&self) -> String {
        let SourcePosition { index, row, byte } = self.position;
        let mut text = String::with_capacity(64 + self.id.as_str().len());
        // Writing to a String can't fail.
        let _ = write!(text, "{index} {row} {byte} {:016x} {}", self.last_row_hash, self.id);
        text
    }

    /// Reads a header's value; `None` when it isn't of that form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, ' ');
        let mut number = || parts.next()?.parse::<u64>().ok();
        let position = SourcePosition { index: number()?, row: number()?, byte: number()? };
        let last_row_hash = u64::from_str_radix(parts.next()?, 16).ok()?;
        let id = SourceId(parts.next()?.to_owned());
        Some(Self { id, position, last_row_hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_header_survives_its_text_form() {
        let header = SourceHeader {
            id: SourceId("a file with spaces.csv".to_owned()),
            position: SourcePosition { index: 3, row: 40, byte: 900 },
            last_row_hash: 0xabc,
        };
        assert_eq!(SourceHeader::parse(&header.to_text()), Some(header));
        assert_eq!(SourceHeader::parse("1 2 x"), None);
    }
}
