//! The frame of a snapshot: blocks with lengths and checksums.
//!
//! ```text
//! magic (8)  format (4)   { length (4)  kind (1) contents …  crc32c (4) } …   end: length of all before (8), crc32c of it (4)
//! ```

use super::bytes::{Body, Put};
use super::{Error, Kind};

/// How snapshots begin.
const MAGIC: [u8; 8] = *b"UNDSTATE";
/// Counts changes of the layout; another one is refused.
pub const FORMAT: u32 = 2;
/// Magic and format.
const PREFIX: usize = MAGIC.len() + 4;
/// Length and checksum of a block.
const FRAME: usize = 4 + 4;
/// The last block: frame, kind, length and checksum of everything before it.
const END: usize = FRAME + 1 + 8 + 4;

/// Makes blocks; whoever stores them takes them out from time to time.
#[derive(Debug)]
pub struct BlockWriter {
    bytes: Vec<u8>,
    /// Bytes that were taken out.
    taken: u64,
    /// Of everything so far.
    checksum: u32,
}

impl Default for BlockWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl BlockWriter {
    /// A snapshot's beginning.
    #[must_use]
    pub fn new() -> Self {
        let mut bytes = MAGIC.to_vec();
        bytes.put_u32(FORMAT);
        Self { checksum: crc32c::crc32c(&bytes), bytes, taken: 0 }
    }

    /// Bytes of the snapshot so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.taken + self.bytes.len() as u64
    }

    /// Whether there is nothing; never so, since a snapshot has a beginning.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes out what is there.
    pub fn take(&mut self) -> Vec<u8> {
        self.taken += self.bytes.len() as u64;
        std::mem::take(&mut self.bytes)
    }

    pub(crate) fn block(&mut self, kind: Kind, fill: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.put_u32(0);
        self.bytes.put_u8(kind as u8);
        fill(&mut self.bytes);
        let body = self.bytes.len() - start - 4;
        let length = u32::try_from(body);
        assert!(length.is_ok(), "a block of a snapshot passed 4 GiB");
        self.bytes[start..start + 4].copy_from_slice(&length.unwrap_or_default().to_le_bytes());
        let checksum = crc32c::crc32c(&self.bytes[start + 4..]);
        self.bytes.put_u32(checksum);
        self.checksum = crc32c::crc32c_append(self.checksum, &self.bytes[start..]);
    }

    /// Ends the snapshot.
    pub fn finish(&mut self) {
        let (length, checksum) = (self.len(), self.checksum);
        self.block(Kind::End, |body| {
            body.put_u64(length);
            body.put_u32(checksum);
        });
    }
}

/// A snapshot whose checksums fit, read block by block.
#[derive(Debug, Clone)]
pub struct Blocks<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Blocks<'a> {
    /// Checks the whole frame.
    ///
    /// # Errors
    /// [`Error::NoSnapshot`], [`Error::OtherFormat`], [`Error::Truncated`], [`Error::Corrupted`].
    pub fn open(bytes: &'a [u8]) -> Result<Self, Error> {
        if !bytes.starts_with(&MAGIC[..MAGIC.len().min(bytes.len())]) {
            return Err(Error::NoSnapshot);
        }
        let truncated = Error::Truncated { bytes: bytes.len() as u64 };
        let Some(format) = bytes.get(MAGIC.len()..PREFIX) else { return Err(truncated) };
        let found = Body::new(format).u32()?;
        if found != FORMAT {
            return Err(Error::OtherFormat { found, known: FORMAT });
        }
        let Some(checksum) = end_of(bytes) else { return Err(truncated) };
        let mut blocks = Self { bytes, at: PREFIX };
        while blocks.at < bytes.len() {
            let at = blocks.at;
            if blocks.block().is_none() {
                return Err(Error::Corrupted { at: at as u64 });
            }
        }
        if crc32c::crc32c(&bytes[..bytes.len() - END]) != checksum {
            return Err(Error::Corrupted { at: PREFIX as u64 });
        }
        Ok(Self { bytes, at: PREFIX })
    }

    /// The next block's kind and contents, if its checksum fits.
    fn block(&mut self) -> Option<(u8, &'a [u8])> {
        let mut rest = Body::new(&self.bytes[self.at..]);
        let length = rest.u32().ok()? as usize;
        let body = rest.bytes(length).ok()?;
        let checksum = rest.u32().ok()?;
        self.at += FRAME + length;
        let (kind, contents) = body.split_first()?;
        (crc32c::crc32c(body) == checksum).then_some((*kind, contents))
    }

    pub(crate) fn next(&mut self, kind: Kind) -> Result<Body<'a>, Error> {
        match self.block() {
            Some((found, body)) if found == kind as u8 => Ok(Body::new(body)),
            Some((found, _)) => Err(Error::misfit(format!("a block of kind {found} stands where {kind:?} belongs"))),
            None => Err(Error::misfit("blocks are missing")),
        }
    }

    /// Hears that everything was read.
    ///
    /// # Errors
    /// [`Error::Misfit`] when it wasn't.
    pub fn finish(mut self) -> Result<(), Error> {
        self.next(Kind::End)?;
        if self.at == self.bytes.len() { Ok(()) } else { Err(Error::misfit("something follows the end")) }
    }
}

/// The checksum that the last block, if it is an end that fits, has for everything before it. A damaged end counts as none.
fn end_of(bytes: &[u8]) -> Option<u32> {
    let start = bytes.len().checked_sub(END).filter(|start| *start >= PREFIX)?;
    let (kind, contents) = Blocks { bytes: &bytes[start..], at: 0 }.block()?;
    let mut contents = Body::new(contents);
    let length = contents.u64().ok()?;
    let checksum = contents.u32().ok()?;
    (kind == Kind::End as u8 && length == start as u64).then_some(checksum)
}
