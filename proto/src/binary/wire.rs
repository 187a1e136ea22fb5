//! Protobuf's wire format, as far as an event block needs it, and the block's field numbers.

use types::FieldType;

use crate::reject::Reason;

/// Tag and value of `magic`: every block begins with these bytes.
pub(crate) const MAGIC: [u8; 5] = [tag(1, FIXED32), b'U', b'S', b'E', b'B'];
/// The only `format_version` so far.
pub(crate) const FORMAT_VERSION: u64 = 1;

pub(crate) const VARINT: u8 = 0;
pub(crate) const FIXED64: u8 = 1;
pub(crate) const BYTES: u8 = 2;
pub(crate) const FIXED32: u8 = 5;

/// Tags of `EventBlock`.
pub(crate) mod block {
    use super::{BYTES, VARINT, tag};
    pub(crate) const FORMAT_VERSION: u8 = tag(2, VARINT);
    pub(crate) const EVENTS: u8 = tag(3, VARINT);
    pub(crate) const OPCODES: u8 = tag(4, BYTES);
    pub(crate) const FLAGS: u8 = tag(5, BYTES);
    pub(crate) const COLUMNS: u8 = tag(6, BYTES);
}

/// Tags of `Column`.
pub(crate) mod column {
    use super::{BYTES, VARINT, tag};
    pub(crate) const TYPE: u8 = tag(1, VARINT);
    pub(crate) const NULLS: u8 = tag(2, BYTES);
    pub(crate) const DELTAS: u8 = tag(3, BYTES);
    pub(crate) const DOUBLES: u8 = tag(4, BYTES);
    pub(crate) const LENGTHS: u8 = tag(5, BYTES);
    pub(crate) const BYTES_: u8 = tag(6, BYTES);
}

/// All our field numbers are below 16, so a tag is one byte.
pub(crate) const fn tag(number: u8, wire_type: u8) -> u8 {
    assert!(number < 16);
    number << 3 | wire_type
}

/// `ColumnType` of a field type.
pub(crate) const fn type_number(field_type: FieldType) -> u8 {
    match field_type {
        FieldType::Int32 => 1,
        FieldType::Int64 => 2,
        FieldType::Double => 3,
        FieldType::String => 4,
        FieldType::Date => 5,
        FieldType::Stamp => 6,
        FieldType::Money => 7,
        FieldType::Blob => 8,
    }
}

/// The field type of a `ColumnType`.
pub(crate) const fn type_of_number(number: u64) -> Option<FieldType> {
    Some(match number {
        1 => FieldType::Int32,
        2 => FieldType::Int64,
        3 => FieldType::Double,
        4 => FieldType::String,
        5 => FieldType::Date,
        6 => FieldType::Stamp,
        7 => FieldType::Money,
        8 => FieldType::Blob,
        _ => return None,
    })
}

/// Small numbers of either sign as small numbers.
#[allow(clippy::cast_sign_loss, reason = "the sign moves into the lowest bit")]
pub(crate) const fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

#[allow(clippy::cast_possible_wrap, reason = "the inverse of zigzag")]
pub(crate) const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        // The lowest seven bits, and the mark that more follow.
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes [`put_varint`] adds.
pub(crate) const fn varint_len(value: u64) -> usize {
    // One byte for each seven bits that are in use, at least one.
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// How many bytes [`put_bytes`] adds.
pub(crate) const fn bytes_len(length: usize) -> usize {
    1 + varint_len(length as u64) + length
}

/// Reads a message front to back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'p> {
    rest: &'p [u8],
}

const ENDS_EARLY: Reason = Reason::Damaged { what: "it ends early" };

impl<'p> Reader<'p> {
    pub(crate) const fn new(rest: &'p [u8]) -> Self {
        Self { rest }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Reason> {
        if let [byte @ 0..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Reason> {
        let mut value = 0;
        for (i, &byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                // The tenth byte has room for one bit.
                if i == 9 && byte > 1 {
                    break;
                }
                self.rest = &self.rest[i + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 { ENDS_EARLY } else { Reason::Damaged { what: "a number is too long" } })
    }

    /// The next field when it has this tag.
    pub(crate) fn take_tag(&mut self, tag: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == tag => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// The next field, which must have this tag.
    pub(crate) fn expect_tag(&mut self, tag: u8) -> Result<(), Reason> {
        match (self.take_tag(tag), self.rest) {
            (true, _) => Ok(()),
            (false, []) => Err(ENDS_EARLY),
            (false, _) => Err(Reason::Damaged { what: "a field is missing or out of order" }),
        }
    }

    /// Length and bytes, behind a tag.
    pub(crate) fn bytes(&mut self) -> Result<&'p [u8], Reason> {
        let length = usize::try_from(self.varint()?).map_err(|_| ENDS_EARLY)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(ENDS_EARLY)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Passes over fields with numbers above `known`, as a later writer may add them; any other is damage.
    pub(crate) fn skip_unknown(&mut self, known: u64) -> Result<(), Reason> {
        while !self.is_empty() {
            let tag = self.varint()?;
            if tag >> 3 <= known {
                return Err(Reason::Damaged { what: "a field is repeated or out of order" });
            }
            // The wire type is three bits.
            match (tag & 7) as u8 {
                VARINT => drop(self.varint()?),
                BYTES => drop(self.bytes()?),
                FIXED64 => self.skip(8)?,
                FIXED32 => self.skip(4)?,
                _ => return Err(Reason::Damaged { what: "a field has no known shape" }),
            }
        }
        Ok(())
    }

    fn skip(&mut self, length: usize) -> Result<(), Reason> {
        self.rest = self.rest.get(length..).ok_or(ENDS_EARLY)?;
        Ok(())
    }
}
