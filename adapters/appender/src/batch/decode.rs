//! Reads batches from what Fetch brings: nothing in it is trusted, nothing is copied unless it is compressed.

use std::borrow::Cow;

use types::{LeaderEpoch, Offset, Timestamp};

use super::{BATCH_OVERHEAD, Compression, MAGIC, at, varint};
use crate::error::Error;

const BATCH: &str = "a record batch";
const RECORD: &str = "a record";
const LOG_APPEND_TIME: i16 = 1 << 3;
const CONTROL: i16 = 1 << 5;

/// Whose clock a batch's times come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampKind {
    /// The writer's.
    CreateTime,
    /// The broker's; all records of the batch have the same.
    LogAppendTime,
}

/// The batches of one Fetch answer, in order.
#[derive(Debug, Clone)]
pub struct RecordSet<'a> {
    rest: &'a [u8],
    first: bool,
    control_batches: usize,
}

/// A batch, its checksum found right.
#[derive(Debug, Clone)]
pub struct Batch<'a> {
    /// Offset of its first record.
    pub base_offset: Offset,
    /// Offset of its last record.
    pub last_offset: Offset,
    /// Epoch of the leader that appended it, where it says one.
    pub leader_epoch: Option<LeaderEpoch>,
    /// Producer id; `None` when it was written without.
    pub producer_id: Option<i64>,
    /// Producer epoch; -1 without producer id.
    pub producer_epoch: i16,
    /// Sequence of its first record; -1 without producer id.
    pub base_sequence: i32,
    /// Whose clock the times come from.
    pub timestamp_kind: TimestampKind,
    /// Largest time in it.
    pub max_timestamp: Timestamp,
    /// How many records it says it holds.
    pub count: usize,
    base_timestamp_ms: i64,
    compression: Compression,
    packed: &'a [u8],
}

impl<'a> RecordSet<'a> {
    /// Reads [`crate::wire::Fetched::records`].
    #[must_use]
    pub const fn new(records: &'a [u8]) -> Self {
        Self { rest: records, first: true, control_batches: 0 }
    }

    /// How many batches of transaction markers were passed over so far; they hold offsets, but no records.
    #[must_use]
    pub const fn control_batches(&self) -> usize {
        self.control_batches
    }

    /// The next batch with records, whose offsets may lie below the one asked for. `None` at the end, also when the last
    /// batch is cut off by the bound of the Fetch request.
    ///
    /// # Errors
    /// [`Error::Truncated`] when not even the first batch is whole (brokers send that one whole whatever the bound),
    /// [`Error::Malformed`], [`Error::Checksum`], [`Error::Compression`]; the set is of no use afterwards.
    pub fn next_batch(&mut self) -> Result<Option<Batch<'a>>, Error> {
        while let Some(bytes) = self.cut()? {
            let batch = Batch::read(bytes)?;
            if attributes(bytes) & CONTROL == 0 {
                return Ok(Some(batch));
            }
            self.control_batches += 1;
        }
        Ok(None)
    }

    /// Cuts the next whole batch off.
    fn cut(&mut self) -> Result<Option<&'a [u8]>, Error> {
        let cut_off = |first| if first { Err(Error::Truncated { what: BATCH }) } else { Ok(None) };
        if self.rest.is_empty() {
            return Ok(None);
        }
        let Some(length) = self.rest.get(at::LENGTH) else { return cut_off(self.first) };
        let length = i32::from_be_bytes(array(length));
        let Ok(length) = usize::try_from(length) else {
            return Err(malformed(format!("a length of {length} bytes")));
        };
        let Some((batch, rest)) = self.rest.split_at_checked(at::AFTER_LENGTH + length) else {
            return cut_off(self.first);
        };
        self.rest = rest;
        self.first = false;
        Ok(Some(batch))
    }
}

impl<'a> Batch<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let offset = |range| i64::from_be_bytes(array(&bytes[range]));
        let number = |range| i32::from_be_bytes(array(&bytes[range]));
        if bytes.len() < BATCH_OVERHEAD {
            return Err(malformed(format!("{} bytes are no batch", bytes.len())));
        }
        if bytes[at::MAGIC] != MAGIC {
            return Err(malformed(format!("format version {} instead of {MAGIC}", bytes[at::MAGIC])));
        }
        let base_offset = offset(at::BASE_OFFSET);
        check_sum(bytes, base_offset)?;
        let attributes = attributes(bytes);
        let compression = Compression::from_attributes(attributes)
            .map_err(|codec| Error::Compression { offset: base_offset, codec })?;
        let base = u64::try_from(base_offset).map_err(|_| malformed(format!("base offset {base_offset}")))?;
        let last_delta = number(at::LAST_OFFSET_DELTA);
        let last = u64::try_from(last_delta).map_err(|_| malformed(format!("last offset delta {last_delta}")))?;
        let count = number(at::COUNT);
        Ok(Self {
            base_offset: Offset(base),
            last_offset: Offset(base.saturating_add(last)),
            leader_epoch: u32::try_from(number(at::LEADER_EPOCH)).ok().map(LeaderEpoch),
            producer_id: Some(offset(at::PRODUCER_ID)).filter(|id| *id >= 0),
            producer_epoch: i16::from_be_bytes(array(&bytes[at::PRODUCER_EPOCH])),
            base_sequence: number(at::BASE_SEQUENCE),
            timestamp_kind: match attributes & LOG_APPEND_TIME {
                0 => TimestampKind::CreateTime,
                _ => TimestampKind::LogAppendTime,
            },
            max_timestamp: Timestamp::from_millis(offset(at::MAX_TIMESTAMP)),
            count: usize::try_from(count).map_err(|_| malformed(format!("a count of {count} records")))?,
            base_timestamp_ms: offset(at::BASE_TIMESTAMP),
            compression,
            packed: &bytes[BATCH_OVERHEAD..],
        })
    }

    /// The batch's records, unpacked when it is compressed.
    ///
    /// # Errors
    /// [`Error::Malformed`] when they can't be unpacked.
    pub fn records(&self) -> Result<Records<'a>, Error> {
        let bytes = match self.compression {
            Compression::None => Cow::Borrowed(self.packed),
            Compression::Lz4 | Compression::Zstd => Cow::Owned(self.compression.unpack(self.packed)?),
        };
        Ok(Records {
            at: 0,
            left: self.count,
            bytes,
            base_offset: self.base_offset,
            base_timestamp_ms: self.base_timestamp_ms,
            append_time: (self.timestamp_kind == TimestampKind::LogAppendTime).then_some(self.max_timestamp),
        })
    }
}

/// The records of one batch; [`Records::next_record`] lends them one by one.
#[derive(Debug)]
pub struct Records<'a> {
    bytes: Cow<'a, [u8]>,
    at: usize,
    left: usize,
    base_offset: Offset,
    base_timestamp_ms: i64,
    append_time: Option<Timestamp>,
}

/// A record, borrowed from its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'r> {
    /// Its place in the log.
    pub offset: Offset,
    /// Its time, to the millisecond; the broker's on topics with `LogAppendTime`.
    pub timestamp: Timestamp,
    /// Its key, when it has one.
    pub key: Option<&'r [u8]>,
    /// Its value, unless it is null.
    pub value: Option<&'r [u8]>,
    /// Its headers.
    pub headers: Headers<'r>,
}

/// The headers of a record, in order; each is a name and a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers<'r> {
    rest: &'r [u8],
    left: usize,
}

impl Records<'_> {
    /// The next record, or `None` after the last.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::Truncated`]; no record follows.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if self.left == 0 {
            return if rest.is_empty() { Ok(None) } else { Err(malformed("bytes after the last record")) };
        }
        self.left -= 1;
        let mut after = rest;
        let Some(body) = take_blob(&mut after)? else {
            return Err(Error::Malformed { what: RECORD, reason: "a length of -1".to_owned() });
        };
        self.at = self.bytes.len() - after.len();
        read_record(body, self.base_offset, self.base_timestamp_ms, self.append_time).map(Some)
    }
}

fn read_record(
    mut body: &[u8],
    base_offset: Offset,
    base_timestamp_ms: i64,
    append_time: Option<Timestamp>,
) -> Result<Record<'_>, Error> {
    // One byte of attributes, of which none is in use.
    body = body.get(1..).ok_or_else(truncated)?;
    let timestamp_delta = number(&mut body)?;
    let offset_delta = number(&mut body)?;
    let offset = base_offset.0.checked_add_signed(offset_delta);
    let key = take_blob(&mut body)?;
    let value = take_blob(&mut body)?;
    let count = number(&mut body)?;
    let count = usize::try_from(count).map_err(|_| malformed(format!("a count of {count} headers")))?;
    let headers = Headers { rest: body, left: count };
    headers.check()?;
    Ok(Record {
        offset: Offset(offset.ok_or_else(|| malformed(format!("offset delta {offset_delta}")))?),
        timestamp: append_time
            .unwrap_or_else(|| Timestamp::from_millis(base_timestamp_ms.saturating_add(timestamp_delta))),
        key,
        value,
        headers,
    })
}

impl<'r> Headers<'r> {
    /// The value of the first header called so; `None` when there is none or its value is null.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'r [u8]> {
        self.clone().find(|(other, _)| *other == name.as_bytes()).and_then(|(_, value)| value)
    }

    /// Walks all of them once, so that iterating needs no errors.
    fn check(&self) -> Result<(), Error> {
        let mut walk = self.clone();
        while walk.left > 0 {
            walk.step()?;
        }
        if walk.rest.is_empty() { Ok(()) } else { Err(malformed("bytes after the last header")) }
    }

    fn step(&mut self) -> Result<(&'r [u8], Option<&'r [u8]>), Error> {
        self.left -= 1;
        let name = take_blob(&mut self.rest)?.ok_or_else(|| malformed("a header without name"))?;
        Ok((name, take_blob(&mut self.rest)?))
    }
}

impl<'r> Iterator for Headers<'r> {
    type Item = (&'r [u8], Option<&'r [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.step().ok()
    }
}

fn check_sum(batch: &[u8], offset: i64) -> Result<(), Error> {
    let expected = u32::from_be_bytes(array(&batch[at::CRC]));
    let found = crc32c::crc32c(&batch[at::AFTER_CRC..]);
    if expected == found { Ok(()) } else { Err(Error::Checksum { offset, expected, found }) }
}

fn attributes(batch: &[u8]) -> i16 {
    i16::from_be_bytes(array(&batch[at::ATTRIBUTES]))
}

/// `bytes` is always cut by one of the ranges in [`at`], which are as long as the numbers there.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}

fn number(bytes: &mut &[u8]) -> Result<i64, Error> {
    varint::take(bytes).ok_or_else(truncated)
}

/// A length and as many bytes; `None` for length -1.
fn take_blob<'r>(bytes: &mut &'r [u8]) -> Result<Option<&'r [u8]>, Error> {
    let length = number(bytes)?;
    if length == -1 {
        return Ok(None);
    }
    let length = usize::try_from(length).map_err(|_| malformed(format!("a length of {length} bytes")))?;
    let (blob, rest) = bytes.split_at_checked(length).ok_or_else(truncated)?;
    *bytes = rest;
    Ok(Some(blob))
}

/// Made only when needed: an error that is made and dropped for each number costs as much as the number.
#[cold]
fn truncated() -> Error {
    Error::Truncated { what: RECORD }
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::Malformed { what: BATCH, reason: reason.into() }
}
