//! A topic read record by record with everything that is in it: for capture, tail, replay and subscriber adapters.

use std::time::Duration;

use rdkafka::message::Message as _;
use types::{Offset, Timestamp, TopicName};

use crate::config::ClientSettings;
use crate::cursor::{Cursor, Polled};
use crate::error::Error;
use crate::headers;
use crate::input::timestamp;
use crate::watermarks::watermarks;

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the earliest record kept.
    Earliest,
    /// At what is written from now on.
    Latest,
    /// At this record.
    At(Offset),
}

/// One header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value; `None` is a null value, which Kafka tells apart from an empty one.
    pub value: Option<Vec<u8>>,
}

/// One record with everything that is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the topic.
    pub offset: Offset,
    /// Kafka's time of it.
    pub timestamp: Timestamp,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; `None` for a null value.
    pub payload: Option<Vec<u8>>,
    /// In order, as written.
    pub headers: Vec<Header>,
}

impl Record {
    /// The value of the first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|header| header.name == name).and_then(|header| header.value.as_deref())
    }

    /// The same as text; `None` also when it isn't UTF-8.
    #[must_use]
    pub fn header_text(&self, name: &str) -> Option<&str> {
        self.header(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Whether there is a header of that name, with or without a value.
    #[must_use]
    pub fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|header| header.name == name)
    }
}

/// What one step of reading brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The next record.
    Record(Record),
    /// There is no further record at the moment. Who follows goes on calling, who copies stops.
    End,
    /// Nothing within the time given.
    Idle,
}

/// Reads a topic's only partition from some place on.
pub struct TopicReader {
    topic: TopicName,
    cursor: Cursor,
}

impl TopicReader {
    /// Begins where `start` says.
    ///
    /// # Errors
    /// [`Error::NoSuchTopic`], [`Error::Unreachable`], [`Error::Client`]; [`Error::Read`] when the record isn't there.
    pub fn open(settings: &ClientSettings, topic: &TopicName, start: Start) -> Result<Self, Error> {
        let from = match start {
            Start::Earliest => watermarks(settings, topic)?.low,
            Start::Latest => watermarks(settings, topic)?.high,
            Start::At(offset) => offset,
        };
        Ok(Self { topic: topic.clone(), cursor: Cursor::open(settings, topic, from)? })
    }

    /// Waits for the next record or the end, at most `wait`.
    ///
    /// # Errors
    /// [`Error::Read`]: it doesn't pass by itself.
    pub fn step(&mut self, wait: Duration) -> Result<Step, Error> {
        let topic = &self.topic;
        match self.cursor.poll(wait).map_err(|source| Error::read(topic, source))? {
            Polled::End => Ok(Step::End),
            Polled::Nothing => Ok(Step::Idle),
            Polled::Message(message) => {
                let mut headers = Vec::new();
                headers::each(&message, |name, value| {
                    headers.push(Header { name: name.to_owned(), value: value.map(<[u8]>::to_vec) });
                });
                Ok(Step::Record(Record {
                    offset: Offset(u64::try_from(message.offset()).unwrap_or(0)),
                    timestamp: timestamp(&message),
                    key: message.key().map(<[u8]>::to_vec),
                    payload: message.payload().map(<[u8]>::to_vec),
                    headers,
                }))
            }
        }
    }

    /// The offset that comes next.
    #[must_use]
    pub const fn next(&self) -> Offset {
        self.cursor.next()
    }

    /// One past the newest record known of; up to half a second old.
    #[must_use]
    pub fn end(&self) -> Option<Offset> {
        self.cursor.end()
    }
}
