//! Reads Kafka's primitive types from a frame and never trusts a length in it.
//!
//! Requests are written by the codec, but responses are read here: the codec sets memory aside for as many elements as a
//! frame *claims* to hold, so that one flipped bit would abort the process.

use bytes::Bytes;

use crate::error::Error;

/// A position in a frame.
pub(crate) struct Reader {
    rest: Bytes,
    what: &'static str,
}

impl Reader {
    /// Starts at the frame's first byte; `what` names the response in errors.
    pub(crate) const fn new(frame: Bytes, what: &'static str) -> Self {
        Self { rest: frame, what }
    }

    /// How many bytes are left.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The error of a value that can't be right.
    pub(crate) fn malformed(&self, reason: impl Into<String>) -> Error {
        Error::Malformed { what: self.what, reason: reason.into() }
    }

    fn take(&mut self, count: usize) -> Result<Bytes, Error> {
        if count > self.rest.len() {
            return Err(Error::Truncated { what: self.what });
        }
        Ok(self.rest.split_to(count))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let bytes = self.rest.first_chunk::<N>().copied().ok_or(Error::Truncated { what: self.what })?;
        bytes::Buf::advance(&mut self.rest, N);
        Ok(bytes)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, Error> {
        Ok(self.array::<1>()? != [0])
    }

    pub(crate) fn i16(&mut self) -> Result<i16, Error> {
        self.array().map(i16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Error> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Error> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn u128(&mut self) -> Result<u128, Error> {
        self.array().map(u128::from_be_bytes)
    }

    /// Seven bits a byte, lowest first.
    pub(crate) fn uvarint(&mut self) -> Result<u32, Error> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array::<1>()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.malformed("a variable length number has more than five bytes"))
    }

    /// The length of a text, byte string or array; `None` for null. `flexible` versions count in one more than the length.
    fn length(&mut self, flexible: bool, wide: bool) -> Result<Option<usize>, Error> {
        if flexible {
            return Ok(self.uvarint()?.checked_sub(1).map(|length| length as usize));
        }
        match if wide { self.i32()? } else { i32::from(self.i16()?) } {
            -1 => Ok(None),
            length => usize::try_from(length).map(Some).map_err(|_| self.malformed("a length is negative")),
        }
    }

    /// A text that may be null.
    pub(crate) fn nullable_text(&mut self, flexible: bool) -> Result<Option<String>, Error> {
        let Some(length) = self.length(flexible, false)? else { return Ok(None) };
        let bytes = self.take(length)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(self.malformed("a text isn't UTF-8")),
        }
    }

    /// A text; null is refused.
    pub(crate) fn text(&mut self, flexible: bool) -> Result<String, Error> {
        self.nullable_text(flexible)?.ok_or_else(|| self.malformed("a text is null"))
    }

    /// A byte string that may be null, without copying it.
    pub(crate) fn nullable_bytes(&mut self, flexible: bool) -> Result<Option<Bytes>, Error> {
        match self.length(flexible, true)? {
            Some(length) => self.take(length).map(Some),
            None => Ok(None),
        }
    }

    /// Reads every element of an array by `element`; null counts as empty.
    pub(crate) fn each(
        &mut self,
        flexible: bool,
        mut element: impl FnMut(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let count = self.length(flexible, true)?.unwrap_or(0);
        // Every element has at least a byte, so a lying count ends the loop early.
        if count > self.remaining() {
            return Err(Error::Truncated { what: self.what });
        }
        (0..count).try_for_each(|_| element(self))
    }

    /// An array of numbers.
    pub(crate) fn numbers(&mut self, flexible: bool) -> Result<Vec<i32>, Error> {
        let mut numbers = Vec::new();
        self.each(flexible, |reader| {
            numbers.push(reader.i32()?);
            Ok(())
        })?;
        Ok(numbers)
    }

    /// Reads the tagged fields at a structure's end: `field` gets each tag with its own bytes, which it may leave unread.
    pub(crate) fn tagged(
        &mut self,
        flexible: bool,
        mut field: impl FnMut(u32, &mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !flexible {
            return Ok(());
        }
        for _ in 0..self.uvarint()? {
            let tag = self.uvarint()?;
            let size = self.uvarint()? as usize;
            let mut inner = Self { rest: self.take(size)?, what: self.what };
            field(tag, &mut inner)?;
        }
        Ok(())
    }

    /// Passes over the tagged fields at a structure's end.
    pub(crate) fn skip_tagged(&mut self, flexible: bool) -> Result<(), Error> {
        self.tagged(flexible, |_, _| Ok(()))
    }
}
