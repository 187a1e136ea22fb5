//! Our records as batches, and what a record of the log means to us.

use ports::headers::{self, SourceHeader};
use types::mutation::{Mutation, mutated};
use types::{Digest, MessageId, Offset, OutputIndex, OutputKind, OutputRecord, Timestamp};

use super::config::{Layout, MachineConfig};
use super::identity::{FENCE_SEQUENCE, sequence};
use super::outputs::Item;
use crate::Error;
use crate::batch::{Batch, BatchEncoder, BatchStart, CommonHeaders, Record, RecordSet};

/// What a record of the log means to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning<'r> {
    /// An output of our generation.
    Output { index: OutputIndex, id: MessageId, digest: Digest, writer: &'r str },
    /// The record that opens our generation.
    Fence,
    /// A block of our source, in a log with several writers.
    Sourced(SourceHeader),
    /// A record of an older generation.
    Older,
    /// A record of a newer generation: we are fenced.
    Newer,
    /// Somebody else's.
    Foreign,
}

/// The producer epoch that we write with.
pub(super) fn epoch(config: &MachineConfig) -> i16 {
    match config.layout {
        Layout::Sole if mutated(Mutation::KeepsTheEpoch) => 1,
        Layout::Sole | Layout::Journal => i16::try_from(config.identity.generation.0).unwrap_or(i16::MAX),
        // Sources have no generations: what they publish is fixed by the source itself.
        Layout::Shared { .. } => 0,
    }
}

fn start(config: &MachineConfig, base_sequence: i32, base_timestamp: Timestamp) -> BatchStart {
    BatchStart { producer_id: config.producer_id, producer_epoch: epoch(config), base_sequence, base_timestamp }
}

/// The record that opens a generation.
pub(super) fn fence(encoder: &mut BatchEncoder, config: &MachineConfig, now: Timestamp) -> Result<bytes::Bytes, Error> {
    encoder.begin(start(config, FENCE_SEQUENCE, now));
    let generation = config.identity.generation.to_string();
    let headers = [
        (headers::FENCE, generation.as_bytes()),
        (headers::MODEL, config.identity.model.as_bytes()),
        (headers::WRITER, config.identity.writer.as_bytes()),
    ];
    encoder.push(None, &headers, 0);
    encoder.finish()
}

/// Outputs that follow on each other, the first with index `first`.
pub(super) fn outputs<'i>(
    encoder: &mut BatchEncoder,
    config: &MachineConfig,
    first: OutputIndex,
    items: impl Iterator<Item = &'i Item>,
    now: Timestamp,
) -> Result<bytes::Bytes, Error> {
    encoder.begin(start(config, sequence(&config.layout, first), now));
    let common = CommonHeaders::new(&[
        (headers::MODEL, config.identity.model.as_bytes()),
        (headers::WRITER, config.identity.writer.as_bytes()),
    ]);
    for item in items {
        match item {
            Item::Output(record) => push_output(encoder, &common, record),
            Item::Sourced(record) => {
                let source = record.source.to_text();
                encoder.push(Some(&record.payload), &[(headers::SOURCE, source.as_bytes())], 0);
            }
        }
    }
    encoder.finish()
}

fn push_output(encoder: &mut BatchEncoder, common: &CommonHeaders, record: &OutputRecord) {
    let (id, index, part) =
        (Text::decimal(record.id.0), Text::decimal(record.index.0), Text::decimal(record.part.into()));
    let (time, digest) = (Text::signed(record.time.0), Text::hexadecimal(record.digest));
    // Filled up to the number that this record needs: nothing is allocated per record.
    let mut all: [(&str, &[u8]); HEADERS_MAX] = [
        (headers::ID, id.bytes()),
        (headers::INDEX, index.bytes()),
        (headers::TIME, time.bytes()),
        (headers::DIGEST, digest.bytes()),
        ("", &[]),
        ("", &[]),
    ];
    let mut count = HEADERS_MAX - 2;
    if record.part > 0 {
        all[count] = (headers::PART, part.bytes());
        count += 1;
    }
    let value = match record.kind {
        OutputKind::Data => Some(record.payload.as_slice()),
        OutputKind::Marker => {
            all[count] = (headers::MARKER, b"1");
            count += 1;
            None
        }
    };
    encoder.push_with(value, &all[..count], common, 0);
}

/// Headers of one output at most, without those that all outputs of a writer have.
const HEADERS_MAX: usize = 6;
/// A digest as text: four bits a digit.
const DIGEST_DIGITS: usize = 32;

/// A short text on the stack.
struct Text {
    bytes: [u8; 40],
    from: usize,
    to: usize,
}

impl Text {
    fn decimal(mut number: u64) -> Self {
        let mut text = Self { bytes: [0; 40], from: 40, to: 40 };
        loop {
            text.from -= 1;
            text.bytes[text.from] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return text;
            }
        }
    }

    fn hexadecimal(digest: Digest) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = Self { bytes: [0; 40], from: 0, to: DIGEST_DIGITS };
        for (pair, byte) in text.bytes.chunks_exact_mut(2).zip(digest.0.to_be_bytes()) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        text
    }

    fn signed(number: i64) -> Self {
        let mut text = Self::decimal(number.unsigned_abs());
        if number < 0 {
            text.from -= 1;
            text.bytes[text.from] = b'-';
        }
        text
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[self.from..self.to]
    }
}

/// What a Fetch brought.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walked {
    /// One past the last record that was shown; `None` when there was none.
    pub(super) end: Option<Offset>,
    /// Transaction markers were passed over: they take offsets too.
    pub(super) markers: bool,
}

/// Shows every record of a Fetch with `offset >= from` to `see`, which stops the walk by `false`.
///
/// # Errors
/// As [`RecordSet::next_batch`] and [`crate::batch::Records::next_record`].
pub(super) fn walk(
    config: &MachineConfig,
    records: &[u8],
    from: Offset,
    mut see: impl FnMut(Offset, Meaning<'_>) -> bool,
) -> Result<Walked, Error> {
    let mut set = RecordSet::new(records);
    let mut walked = Walked::default();
    while let Some(batch) = set.next_batch()? {
        if batch.last_offset < from {
            continue;
        }
        let mut records = batch.records()?;
        while let Some(record) = records.next_record()? {
            if record.offset >= from && !see(record.offset, meaning(config, &batch, &record)) {
                return Ok(walked);
            }
        }
        walked.end = Some(batch.last_offset.next());
    }
    walked.markers = set.control_batches() > 0;
    Ok(walked)
}

fn meaning<'r>(config: &MachineConfig, batch: &Batch<'_>, record: &Record<'r>) -> Meaning<'r> {
    if batch.producer_id != Some(config.producer_id) {
        return Meaning::Foreign;
    }
    match &config.layout {
        Layout::Sole | Layout::Journal => match batch.producer_epoch.cmp(&epoch(config)) {
            std::cmp::Ordering::Less => Meaning::Older,
            std::cmp::Ordering::Equal => own(record),
            std::cmp::Ordering::Greater => Meaning::Newer,
        },
        Layout::Shared { source } => text(record, headers::SOURCE)
            .and_then(SourceHeader::parse)
            .filter(|header| header.id == *source)
            .map_or(Meaning::Foreign, Meaning::Sourced),
    }
}

// Names as a record has them.
const INDEX: &[u8] = headers::INDEX.as_bytes();
const ID: &[u8] = headers::ID.as_bytes();
const DIGEST: &[u8] = headers::DIGEST.as_bytes();
const WRITER: &[u8] = headers::WRITER.as_bytes();
const FENCE: &[u8] = headers::FENCE.as_bytes();

/// One walk over the headers: a replica reads back every record of its topic.
fn own<'r>(record: &Record<'r>) -> Meaning<'r> {
    let (mut index, mut id, mut digest, mut writer) = (None, None, None, None);
    for (name, value) in record.headers.clone() {
        // The first of equal names counts.
        let place = match name {
            INDEX => &mut index,
            ID => &mut id,
            DIGEST => &mut digest,
            WRITER => &mut writer,
            FENCE => return Meaning::Fence,
            _ => continue,
        };
        place.get_or_insert(value);
    }
    output(index.flatten(), id.flatten(), digest.flatten(), writer.flatten()).unwrap_or(Meaning::Foreign)
}

fn output<'r>(
    index: Option<&[u8]>,
    id: Option<&[u8]>,
    digest: Option<&[u8]>,
    writer: Option<&'r [u8]>,
) -> Option<Meaning<'r>> {
    Some(Meaning::Output {
        index: OutputIndex(decimal(index?)?),
        id: MessageId(decimal(id?)?),
        digest: Digest(hexadecimal(digest?)?),
        writer: writer.and_then(|writer| std::str::from_utf8(writer).ok()).unwrap_or_default(),
    })
}

/// As [`str::parse`] without signs, and without asking first whether it is text.
fn decimal(digits: &[u8]) -> Option<u64> {
    let digit = |number: u64, byte: &u8| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { number.checked_mul(10)?.checked_add(digit.into()) }
    };
    if digits.is_empty() { None } else { digits.iter().try_fold(0, digit) }
}

/// As [`u128::from_str_radix`], likewise.
fn hexadecimal(digits: &[u8]) -> Option<u128> {
    let digit = |number: u128, byte: &u8| Some(number << 4 | u128::from(char::from(*byte).to_digit(16)?));
    if digits.is_empty() || digits.len() > DIGEST_DIGITS { None } else { digits.iter().try_fold(0, digit) }
}

fn text<'r>(record: &Record<'r>, name: &str) -> Option<&'r str> {
    std::str::from_utf8(record.headers.get(name)?).ok()
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
