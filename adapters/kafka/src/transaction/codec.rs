//! Our records as librdkafka takes them, and what a record of the log means to us.
//!
//! The headers are those of sequenced output, so that every reader reads both. The generation is told by `esp-model`: with
//! transactions the producer epoch belongs to Kafka.

use std::sync::Arc;

use ports::headers as names;
use ports::output::WriterIdentity;
use rdkafka::message::{BorrowedMessage, Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use types::{Digest, Generation, MessageId, Offset, OutputIndex, OutputKind, OutputRecord, TopicName};

use crate::headers;

/// Headers of one output at most.
const HEADERS_MAX: usize = 8;

/// What a record of the log means to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// An output of our generation.
    Output(Shown),
    /// The record that opens our generation.
    Fence,
    /// A record of an older generation.
    Older,
    /// A record of a newer generation: ours is over.
    Newer,
    /// Somebody else's.
    Foreign,
}

/// An output as the log shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) index: OutputIndex,
    pub(crate) id: MessageId,
    pub(crate) digest: Digest,
    pub(crate) writer: Arc<str>,
}

/// A record and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) offset: Offset,
    pub(crate) meaning: Meaning,
}

/// Reads records of one generation.
#[derive(Debug)]
pub(super) struct Interpreter {
    generation: Generation,
    /// Who wrote the last record: nearly always who wrote the next one too.
    writer: Arc<str>,
}

impl Interpreter {
    pub(super) fn new(generation: Generation) -> Self {
        Self { generation, writer: "".into() }
    }

    pub(super) fn meaning(&mut self, message: &BorrowedMessage<'_>) -> Meaning {
        let mut found = Found::default();
        headers::each(message, |name, value| found.learn(name, value, &mut self.writer));
        found.meaning(self.generation, &self.writer)
    }
}

/// What the headers of a record say.
#[derive(Debug, Default)]
struct Found {
    generation: Option<Generation>,
    fence: bool,
    index: Option<u64>,
    id: Option<u64>,
    digest: Option<u128>,
}

impl Found {
    fn learn(&mut self, name: &str, value: Option<&[u8]>, writer: &mut Arc<str>) {
        let text = value.and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
        match name {
            names::INDEX => self.index = text.parse().ok(),
            names::ID => self.id = text.parse().ok(),
            names::DIGEST => self.digest = u128::from_str_radix(text, 16).ok(),
            names::MODEL => {
                self.generation = text.rsplit_once('.').and_then(|(_, number)| number.parse().ok()).map(Generation);
            }
            names::WRITER if **writer != *text => *writer = text.into(),
            names::FENCE => self.fence = true,
            _ => {}
        }
    }

    fn meaning(&self, ours: Generation, writer: &Arc<str>) -> Meaning {
        let Some(generation) = self.generation else { return Meaning::Foreign };
        match generation.cmp(&ours) {
            std::cmp::Ordering::Less => return Meaning::Older,
            std::cmp::Ordering::Greater => return Meaning::Newer,
            std::cmp::Ordering::Equal if self.fence => return Meaning::Fence,
            std::cmp::Ordering::Equal => {}
        }
        match (self.index, self.id, self.digest) {
            (Some(index), Some(id), Some(digest)) => Meaning::Output(Shown {
                index: OutputIndex(index),
                id: MessageId(id),
                digest: Digest(digest),
                writer: Arc::clone(writer),
            }),
            (None, _, _) | (_, None, _) | (_, _, None) => Meaning::Foreign,
        }
    }
}

/// The record that opens a generation.
pub(super) fn fence<'a>(topic: &'a TopicName, identity: &WriterIdentity) -> BaseRecord<'a, [u8], [u8]> {
    let generation = identity.generation.to_string();
    let headers = OwnedHeaders::new_with_capacity(3)
        .insert(header(names::FENCE, &generation))
        .insert(header(names::MODEL, &identity.model))
        .insert(header(names::WRITER, &identity.writer));
    BaseRecord::to(topic.as_str()).partition(0).headers(headers)
}

/// An output.
pub(super) fn output<'a>(
    topic: &'a TopicName,
    identity: &WriterIdentity,
    record: &'a OutputRecord,
) -> BaseRecord<'a, [u8], [u8]> {
    let mut headers = OwnedHeaders::new_with_capacity(HEADERS_MAX)
        .insert(header(names::ID, &record.id.0.to_string()))
        .insert(header(names::INDEX, &record.index.0.to_string()))
        .insert(header(names::TIME, &record.time.0.to_string()))
        .insert(header(names::DIGEST, &record.digest.to_string()))
        .insert(header(names::MODEL, &identity.model))
        .insert(header(names::WRITER, &identity.writer));
    if record.part > 0 {
        headers = headers.insert(header(names::PART, &record.part.to_string()));
    }
    let base = BaseRecord::to(topic.as_str()).partition(0);
    match record.kind {
        OutputKind::Data => base.headers(headers).payload(record.payload.as_slice()),
        OutputKind::Marker => base.headers(headers.insert(header(names::MARKER, "1"))),
    }
}

fn header<'a>(key: &'a str, value: &'a str) -> Header<'a, &'a str> {
    Header { key, value: Some(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &str)]) -> Meaning {
        let mut interpreter = Interpreter::new(Generation(2));
        let mut found = Found::default();
        for (name, value) in headers {
            found.learn(name, Some(value.as_bytes()), &mut interpreter.writer);
        }
        found.meaning(interpreter.generation, &interpreter.writer)
    }

    #[test]
    fn a_record_is_told_by_its_headers() {
        let output = [("esp-id", "7"), ("esp-index", "3"), ("esp-digest", "0f"), ("esp-writer", "a.1")];
        let with = |model: &'static str| [&output[..], &[("esp-model", model)]].concat();
        let shown = Shown { index: OutputIndex(3), id: MessageId(7), digest: Digest(15), writer: "a.1".into() };
        assert_eq!(read(&with("00ab.2")), Meaning::Output(shown));
        assert_eq!(read(&with("00ab.1")), Meaning::Older);
        assert_eq!(read(&with("00ab.3")), Meaning::Newer);
        assert_eq!(read(&with("nonsense")), Meaning::Foreign);
        assert_eq!(read(&output), Meaning::Foreign);
        assert_eq!(read(&[("esp-fence", "2"), ("esp-model", "00ab.2")]), Meaning::Fence);
        assert_eq!(read(&[("esp-index", "3"), ("esp-model", "00ab.2")]), Meaning::Foreign);
    }
}
