//! Record batches, format version 2: written by hand on the hot path, read from what Fetch brings.
//!
//! ```text
//! 0  base offset i64      16 magic i8 (2)           27 base timestamp i64    51 producer epoch i16
//! 8  length of what       17 crc32c u32 of all      35 largest timestamp i64 53 base sequence i32
//!    follows i32             that follows it        43 producer id i64       57 record count i32
//! 12 leader epoch i32     21 attributes i16                                  61 records, compressed as one
//!                         23 last offset delta i32
//! ```

mod compression;
mod decode;
mod encode;
mod scratch;
mod varint;

pub use compression::{COMPRESS_FROM_BYTES, Compression};
pub use decode::{Batch, Headers, Record, RecordSet, Records, TimestampKind};
pub use encode::{BatchEncoder, BatchStart, CommonHeaders};

/// Bytes of a batch before its records.
pub const BATCH_OVERHEAD: usize = 61;

/// Where things stand in a batch.
mod at {
    use std::ops::Range;

    pub(super) const BASE_OFFSET: Range<usize> = 0..8;
    pub(super) const LENGTH: Range<usize> = 8..12;
    pub(super) const LEADER_EPOCH: Range<usize> = 12..16;
    pub(super) const MAGIC: usize = 16;
    pub(super) const CRC: Range<usize> = 17..21;
    pub(super) const ATTRIBUTES: Range<usize> = 21..23;
    pub(super) const LAST_OFFSET_DELTA: Range<usize> = 23..27;
    pub(super) const BASE_TIMESTAMP: Range<usize> = 27..35;
    pub(super) const MAX_TIMESTAMP: Range<usize> = 35..43;
    pub(super) const PRODUCER_ID: Range<usize> = 43..51;
    pub(super) const PRODUCER_EPOCH: Range<usize> = 51..53;
    pub(super) const BASE_SEQUENCE: Range<usize> = 53..57;
    pub(super) const COUNT: Range<usize> = 57..61;
    /// The length counts from here on.
    pub(super) const AFTER_LENGTH: usize = 12;
    /// The checksum covers from here on.
    pub(super) const AFTER_CRC: usize = 21;
}

/// The only format written since Kafka 0.11, the only one that carries producer ids.
const MAGIC: u8 = 2;

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
