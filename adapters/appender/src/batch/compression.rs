//! Compression of a batch's records.

use std::io::{Read, Write as _};

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use crate::error::Error;

/// How the records of a batch are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// lz4 frames; fast.
    Lz4,
    /// zstd level 1; smaller.
    Zstd,
}

/// Batches with fewer bytes of records stay as they are: setting up a compressor costs 10 µs (lz4) to 16 µs (zstd),
/// more than the bytes that it saves.
pub const COMPRESS_FROM_BYTES: usize = 10 * 1024;

/// What one batch may grow to when it is unpacked; at the bound it is refused, for no writer makes such batches and
/// memory is finite.
pub(super) const UNPACKED_BYTES_MAX: usize = 256 << 20;

const ZSTD_LEVEL: i32 = 1;

impl Compression {
    /// Bits 0 to 2 of a batch's attributes.
    pub(super) const fn attribute(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// What the bits mean, or the name of a codec that we don't read.
    pub(super) const fn from_attributes(attributes: i16) -> Result<Self, &'static str> {
        match attributes & 0b111 {
            0 => Ok(Self::None),
            1 => Err("gzip"),
            2 => Err("snappy"),
            3 => Ok(Self::Lz4),
            4 => Ok(Self::Zstd),
            _ => Err("an unknown codec"),
        }
    }

    /// Appends the packed records to `out`.
    pub(super) fn pack(self, records: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        match self {
            Self::None => out.extend_from_slice(records),
            Self::Lz4 => {
                // Kafka's reader takes independent blocks only and wants no checksum of the content.
                let info = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
                let mut encoder = FrameEncoder::with_frame_info(info, out);
                encoder.write_all(records).map_err(Error::Compress)?;
                encoder.finish().map_err(|error| Error::Compress(error.into()))?;
            }
            Self::Zstd => zstd::stream::copy_encode(records, out, ZSTD_LEVEL).map_err(Error::Compress)?,
        }
        Ok(())
    }

    /// Unpacks records, at most [`UNPACKED_BYTES_MAX`].
    pub(super) fn unpack(self, packed: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            Self::None => Ok(packed.to_vec()),
            Self::Lz4 => read_bounded(FrameDecoder::new(packed)),
            Self::Zstd => read_bounded(zstd::stream::read::Decoder::new(packed).map_err(|error| malformed(&error))?),
        }
    }
}

fn read_bounded(decoder: impl Read) -> Result<Vec<u8>, Error> {
    let mut records = Vec::new();
    decoder.take(UNPACKED_BYTES_MAX as u64 + 1).read_to_end(&mut records).map_err(|error| malformed(&error))?;
    if records.len() > UNPACKED_BYTES_MAX {
        return Err(malformed(&format_args!("more than {UNPACKED_BYTES_MAX} bytes when unpacked")));
    }
    Ok(records)
}

fn malformed(reason: &dyn std::fmt::Display) -> Error {
    Error::Malformed { what: "a compressed batch", reason: reason.to_string() }
}
