//! The last output of a topic with everything that the next one follows on: what a replica needs that has lost the input before it.

use std::time::{Duration, Instant};

use adapter_kafka::{ClientSettings, Record, Start, Step, TopicReader};
use anyhow::{Context as _, bail};
use engine::snapshot::OutputPosition;
use ports::headers;
use ports::notebook::Constant;
use types::{Digest, MessageId, Offset, OutputIndex, Timestamp, TopicName};

/// How long the record may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the output before `end`, one past the last one in the log.
///
/// # Errors
/// It isn't there, or can't be read.
pub(super) fn last_output(
    settings: &ClientSettings,
    topic: &TopicName,
    constants: &[Constant],
    end: OutputIndex,
) -> anyhow::Result<OutputPosition> {
    let begins =
        |next| OutputPosition { topic: topic.clone(), next, digest: Digest::default(), last: None, last_time: None };
    let Some(index) = end.0.checked_sub(1) else { return Ok(begins(end)) };
    let constant = constants.last().with_context(|| format!("nobody has noted where outputs begin in {topic}"))?;
    // With transactions an index lies further on, never before.
    let from = Offset(constant.fence.0 + 1 + index);
    let mut reader = TopicReader::open(settings, topic, Start::At(from))?;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let Step::Record(record) = reader.step(PATIENCE)? else { continue };
        if number(&record, headers::INDEX) == Some(index) {
            return position(topic, &record).with_context(|| format!("{topic}: offset {} is no output", record.offset));
        }
    }
    bail!("{topic} doesn't show output {index}, its last")
}

fn number(record: &Record, header: &str) -> Option<u64> {
    record.header_text(header)?.parse().ok()
}

fn position(topic: &TopicName, record: &Record) -> Option<OutputPosition> {
    let part = number(record, headers::PART).and_then(|part| u32::try_from(part).ok()).unwrap_or_default();
    Some(OutputPosition {
        topic: topic.clone(),
        next: OutputIndex(number(record, headers::INDEX)?).next(),
        digest: u128::from_str_radix(record.header_text(headers::DIGEST)?, 16).ok().map(Digest)?,
        last: Some((MessageId(number(record, headers::ID)?), part)),
        last_time: Some(Timestamp(record.header_text(headers::TIME)?.parse().ok()?)),
    })
}
