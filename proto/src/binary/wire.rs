//! Protobuf's wire format, as far as an event block needs it, and the block's field numbers.

use types::FieldType;

use super::damage::Damage;

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

/// Bytes that a number takes at most.
pub(crate) const VARINT_BYTES_MAX: usize = 10;

/// Writes a message front to back into a buffer that is used again.
///
/// Room is asked for once a column, not once a byte: that halves the cost of blocks with a single event.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// Longer than what is written; never shrinks.
    buffer: Vec<u8>,
    at: usize,
}

impl Writer {
    /// Forgets what was written, keeps the memory.
    pub(crate) const fn clear(&mut self) {
        self.at = 0;
    }

    /// What was written.
    pub(crate) fn written(&self) -> &[u8] {
        &self.buffer[..self.at]
    }

    /// Where the next byte will stand.
    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// Makes sure that so many bytes can follow.
    #[inline]
    pub(crate) fn make_room(&mut self, bytes: usize) {
        let needed = self.at + bytes;
        if needed > self.buffer.len() {
            self.buffer.resize(needed.next_power_of_two(), 0);
        }
    }

    #[inline]
    pub(crate) fn byte(&mut self, byte: u8) {
        self.buffer[self.at] = byte;
        self.at += 1;
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        self.buffer[self.at..self.at + N].copy_from_slice(&bytes);
        self.at += N;
    }

    pub(crate) fn slice(&mut self, bytes: &[u8]) {
        self.buffer[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    #[inline]
    pub(crate) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            // The lowest seven bits, and the mark that more follow.
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }

    /// Fills in the length of what stands from `start` on; one byte was kept for it, just before.
    #[inline(always)]
    pub(crate) fn close(&mut self, start: usize) {
        let length = self.at - start;
        if length < 0x80 {
            self.buffer[start - 1] = length as u8;
        } else {
            self.close_long(start, length);
        }
    }

    /// Most fields are short; a long one moves up to make room for its length.
    fn close_long(&mut self, start: usize, length: usize) {
        let bits = usize::BITS - length.leading_zeros();
        let more = bits.div_ceil(7) as usize - 1;
        self.make_room(more);
        self.buffer.copy_within(start..start + length, start + more);
        self.at = start - 1;
        self.varint(length as u64);
        self.at += length;
    }
}

/// Reads a message front to back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'p> {
    rest: &'p [u8],
}

impl<'p> Reader<'p> {
    pub(crate) const fn new(rest: &'p [u8]) -> Self {
        Self { rest }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Damage> {
        if let [byte @ 0..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Damage> {
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
        Err(if self.rest.len() < 10 { Damage::EndsEarly } else { Damage::NumberTooLong })
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
    pub(crate) fn expect_tag(&mut self, tag: u8) -> Result<(), Damage> {
        match (self.take_tag(tag), self.rest) {
            (true, _) => Ok(()),
            (false, []) => Err(Damage::EndsEarly),
            (false, _) => Err(Damage::FieldMissing),
        }
    }

    /// Length and bytes, behind a tag.
    pub(crate) fn bytes(&mut self) -> Result<&'p [u8], Damage> {
        let length = usize::try_from(self.varint()?).map_err(|_| Damage::EndsEarly)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Damage::EndsEarly)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Passes over fields with numbers above `known`, as a later writer may add them; any other is damage.
    pub(crate) fn skip_unknown(&mut self, known: u64) -> Result<(), Damage> {
        while !self.is_empty() {
            let tag = self.varint()?;
            if tag >> 3 <= known {
                return Err(Damage::FieldRepeated);
            }
            // The wire type is three bits.
            match (tag & 7) as u8 {
                VARINT => drop(self.varint()?),
                BYTES => drop(self.bytes()?),
                FIXED64 => self.skip(8)?,
                FIXED32 => self.skip(4)?,
                _ => return Err(Damage::FieldShape),
            }
        }
        Ok(())
    }

    fn skip(&mut self, length: usize) -> Result<(), Damage> {
        self.rest = self.rest.get(length..).ok_or(Damage::EndsEarly)?;
        Ok(())
    }
}
