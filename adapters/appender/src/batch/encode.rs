//! Writes a batch record by record; nothing is allocated per record.

use bytes::Bytes;
use types::Timestamp;

use super::scratch::Scratch;
use super::{BATCH_OVERHEAD, COMPRESS_FROM_BYTES, Compression, MAGIC, at, varint};
use crate::error::Error;

/// The length of a key that isn't there.
const NO_KEY: i64 = -1;

/// What a batch says about its writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchStart {
    /// Producer id.
    pub producer_id: i64,
    /// Producer epoch.
    pub producer_epoch: i16,
    /// Sequence of the first record.
    pub base_sequence: i32,
    /// Time that the records' deltas count from; a topic with `LogAppendTime` replaces it.
    pub base_timestamp: Timestamp,
}

/// Makes batches, one after the other: [`BatchEncoder::begin`], any number of [`BatchEncoder::push`], [`BatchEncoder::finish`].
#[derive(Debug, Default)]
pub struct BatchEncoder {
    compression: Compression,
    /// Head and records, not compressed.
    plain: Vec<u8>,
    /// Size of the last batch given away: the next one will not be far from it.
    expected_bytes: usize,
    count: i32,
    max_delta: i64,
    /// The headers of one record.
    scratch: Scratch,
}

/// Headers that many records have alike, encoded once.
#[derive(Debug, Clone, Default)]
pub struct CommonHeaders {
    bytes: Vec<u8>,
    count: usize,
}

impl CommonHeaders {
    /// Encodes them.
    #[must_use]
    pub fn new(headers: &[(&str, &[u8])]) -> Self {
        Self { bytes: Scratch::default().headers(headers).to_vec(), count: headers.len() }
    }
}

impl BatchEncoder {
    /// An encoder whose batches are compressed so, as soon as that pays (from about 10 KB on).
    #[must_use]
    pub fn new(compression: Compression) -> Self {
        Self { compression, ..Self::default() }
    }

    /// Forgets what was pushed and starts a batch.
    pub fn begin(&mut self, start: BatchStart) {
        self.plain.clear();
        self.plain.reserve(self.expected_bytes.max(BATCH_OVERHEAD));
        self.plain.resize(BATCH_OVERHEAD, 0);
        self.count = 0;
        self.max_delta = 0;
        let head = &mut self.plain;
        // Offset and leader epoch are the broker's to fill in.
        head[at::LEADER_EPOCH].copy_from_slice(&(-1i32).to_be_bytes());
        head[at::MAGIC] = MAGIC;
        head[at::BASE_TIMESTAMP].copy_from_slice(&start.base_timestamp.as_millis().to_be_bytes());
        head[at::PRODUCER_ID].copy_from_slice(&start.producer_id.to_be_bytes());
        head[at::PRODUCER_EPOCH].copy_from_slice(&start.producer_epoch.to_be_bytes());
        head[at::BASE_SEQUENCE].copy_from_slice(&start.base_sequence.to_be_bytes());
    }

    /// Adds a record without key. `delta_ms` is its time after the batch's base timestamp.
    ///
    /// # Panics
    /// Before the first [`BatchEncoder::begin`], and past 2 GiB: batches are bounded far below by their maker.
    pub fn push(&mut self, value: Option<&[u8]>, headers: &[(&str, &[u8])], delta_ms: i64) {
        self.push_with(value, headers, &CommonHeaders::default(), delta_ms);
    }

    /// Adds a record without key, with `common` after its own headers.
    ///
    /// # Panics
    /// As [`BatchEncoder::push`].
    pub fn push_with(
        &mut self,
        value: Option<&[u8]>,
        headers: &[(&str, &[u8])],
        common: &CommonHeaders,
        delta_ms: i64,
    ) {
        assert!(self.plain.len() >= BATCH_OVERHEAD, "a record was pushed before a batch was begun");
        let block = self.scratch.headers(headers);
        let offset_delta = i64::from(self.count);
        let value_length = value.map_or(-1, |value| value.len() as i64);
        let numbers = [delta_ms, offset_delta, NO_KEY, value_length, (headers.len() + common.count) as i64];
        let value = value.unwrap_or_default();
        let size = 1
            + numbers.iter().map(|number| varint::size(*number)).sum::<usize>()
            + value.len()
            + block.len()
            + common.bytes.len();
        let out = &mut self.plain;
        out.reserve(varint::size(size as i64) + size);
        varint::put(out, size as i64);
        out.push(0); // attributes
        numbers[..4].iter().for_each(|number| varint::put(out, *number));
        out.extend_from_slice(value);
        varint::put(out, numbers[4]);
        out.extend_from_slice(block);
        out.extend_from_slice(&common.bytes);
        assert!(out.len() <= i32::MAX as usize, "a batch passed 2 GiB");
        self.count += 1;
        self.max_delta = self.max_delta.max(delta_ms);
    }

    /// How many records were pushed.
    #[must_use]
    pub const fn count(&self) -> i32 {
        self.count
    }

    /// Size of the batch as it stands, not compressed.
    #[must_use]
    pub const fn plain_bytes(&self) -> usize {
        self.plain.len()
    }

    /// The whole batch, ready for [`crate::wire::Request::Produce`]; the next one must be begun.
    ///
    /// # Errors
    /// [`Error::Compress`], which no input is known to cause.
    ///
    /// # Panics
    /// Without any record: a broker refuses empty batches.
    pub fn finish(&mut self) -> Result<Bytes, Error> {
        assert!(self.count > 0, "a batch without records");
        let mut plain = std::mem::take(&mut self.plain);
        if self.compression == Compression::None || plain.len() < COMPRESS_FROM_BYTES {
            self.seal(&mut plain, Compression::None);
            self.expected_bytes = plain.len();
            return Ok(plain.into());
        }
        let mut packed = Vec::with_capacity(plain.len() / 2);
        packed.extend_from_slice(&plain[..BATCH_OVERHEAD]);
        self.compression.pack(&plain[BATCH_OVERHEAD..], &mut packed)?;
        self.seal(&mut packed, self.compression);
        self.plain = plain;
        Ok(packed.into())
    }

    /// Fills in what is known only at the end.
    fn seal(&self, batch: &mut [u8], compression: Compression) {
        let base = i64::from_be_bytes(batch[at::BASE_TIMESTAMP].try_into().unwrap_or_default());
        let length = (batch.len() - at::AFTER_LENGTH) as i32;
        batch[at::LENGTH].copy_from_slice(&length.to_be_bytes());
        batch[at::ATTRIBUTES].copy_from_slice(&compression.attribute().to_be_bytes());
        batch[at::LAST_OFFSET_DELTA].copy_from_slice(&(self.count - 1).to_be_bytes());
        batch[at::MAX_TIMESTAMP].copy_from_slice(&base.saturating_add(self.max_delta).to_be_bytes());
        batch[at::COUNT].copy_from_slice(&self.count.to_be_bytes());
        let checksum = crc32c::crc32c(&batch[at::AFTER_CRC..]);
        batch[at::CRC].copy_from_slice(&checksum.to_be_bytes());
    }
}
