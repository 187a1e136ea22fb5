//! Values as bytes: little-endian, of fixed width, lengths in front.

use super::Error;

/// Adds values to a block's body.
pub(crate) trait Put {
    fn put_u8(&mut self, value: u8);
    fn put_bytes(&mut self, value: &[u8]);

    fn put_u16(&mut self, value: u16) {
        self.put_bytes(&value.to_le_bytes());
    }

    fn put_u32(&mut self, value: u32) {
        self.put_bytes(&value.to_le_bytes());
    }

    fn put_u64(&mut self, value: u64) {
        self.put_bytes(&value.to_le_bytes());
    }

    fn put_i64(&mut self, value: i64) {
        self.put_bytes(&value.to_le_bytes());
    }

    fn put_u128(&mut self, value: u128) {
        self.put_bytes(&value.to_le_bytes());
    }

    fn put_i128(&mut self, value: i128) {
        self.put_bytes(&value.to_le_bytes());
    }

    /// By its bits, so that no zero loses its sign.
    fn put_f64(&mut self, value: f64) {
        self.put_u64(value.to_bits());
    }

    /// A length that memory holds.
    fn put_len(&mut self, value: usize) {
        self.put_u64(value as u64);
    }

    fn put_text(&mut self, value: &str) {
        self.put_len(value.len());
        self.put_bytes(value.as_bytes());
    }

    fn put_option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.put_u8(u8::from(value.is_some()));
        if let Some(value) = value {
            put(self, value);
        }
    }
}

impl Put for Vec<u8> {
    fn put_u8(&mut self, value: u8) {
        self.push(value);
    }

    fn put_bytes(&mut self, value: &[u8]) {
        self.extend_from_slice(value);
    }
}

/// What is left of a block's body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body<'a> {
    rest: &'a [u8],
}

macro_rules! number {
    ($name:ident, $type:ty) => {
        pub(crate) fn $name(&mut self) -> Result<$type, Error> {
            self.array().map(<$type>::from_le_bytes)
        }
    };
}

impl<'a> Body<'a> {
    pub(crate) const fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            return Err(Error::misfit("a block ends too early"));
        };
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(Error::misfit("a block ends too early"));
        };
        self.rest = rest;
        Ok(*taken)
    }

    number!(u16, u16);
    number!(u32, u32);
    number!(u64, u64);
    number!(i64, i64);
    number!(u128, u128);
    number!(i128, i128);

    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn f64(&mut self) -> Result<f64, Error> {
        self.u64().map(f64::from_bits)
    }

    /// A number of things of at least `width` bytes each, which must all be in this block: no hostile length takes memory.
    pub(crate) fn len(&mut self, width: usize) -> Result<usize, Error> {
        let len = usize::try_from(self.u64()?).unwrap_or(usize::MAX);
        if len.saturating_mul(width) > self.rest.len() {
            return Err(Error::misfit("a list is longer than its block"));
        }
        Ok(len)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Error> {
        let len = self.len(1)?;
        std::str::from_utf8(self.bytes(len)?).map_err(|_| Error::misfit("a name is not UTF-8"))
    }

    pub(crate) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<Option<T>, Error> {
        match self.u8()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Error::misfit("neither something nor nothing")),
        }
    }

    /// # Errors
    /// When something is left.
    pub(crate) fn end(self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::misfit("a block is longer than its contents")) }
    }
}
