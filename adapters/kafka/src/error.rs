//! What can go wrong here, with the data to say it well.

use std::time::Duration;

use ports::input::InputError;
use rdkafka::error::KafkaError;
use types::TopicName;

use crate::config::Refusal;

/// Why something asked of Kafka didn't happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings can't be used.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// librdkafka doesn't take the settings, or can't start.
    #[error("the kafka client can't start")]
    Client {
        /// librdkafka's words.
        source: Box<KafkaError>,
    },
    /// The system gives no thread.
    #[error("the system gives no thread")]
    Thread {
        /// The system's words.
        source: std::io::Error,
    },
    /// No broker answered in time; nothing is known about what was asked.
    #[error("no answer from {bootstrap} about {topic} within {waited:?}")]
    Unreachable {
        /// Whom we asked.
        bootstrap: String,
        /// About what.
        topic: TopicName,
        /// How long.
        waited: Duration,
        /// librdkafka's words.
        source: Box<KafkaError>,
    },
    /// There is no such topic.
    #[error("topic {topic} doesn't exist")]
    NoSuchTopic {
        /// As asked for.
        topic: TopicName,
    },
    /// The broker says no.
    #[error("{what} was refused")]
    Broker {
        /// What was asked.
        what: String,
        /// The broker's words.
        source: Box<KafkaError>,
    },
    /// Reading can't go on.
    #[error("topic {topic} can't be read on")]
    Read {
        /// Which.
        topic: TopicName,
        /// Why.
        source: InputError,
    },
    /// A record was handed over but not acknowledged in time; it may or may not be in the log.
    #[error("no acknowledgement from {topic} within {waited:?}; the record may be written or not")]
    NotAcknowledged {
        /// Where it should go.
        topic: TopicName,
        /// How long.
        waited: Duration,
    },
    /// A record wasn't written.
    #[error("the record for {topic} wasn't written")]
    NotWritten {
        /// Where it should go.
        topic: TopicName,
        /// Why.
        source: Box<KafkaError>,
    },
}

impl Error {
    pub(crate) fn client(source: KafkaError) -> Self {
        Self::Client { source: Box::new(source) }
    }

    pub(crate) fn broker(what: impl Into<String>, source: KafkaError) -> Self {
        Self::Broker { what: what.into(), source: Box::new(source) }
    }

    pub(crate) fn not_written(topic: &TopicName, source: KafkaError) -> Self {
        Self::NotWritten { topic: topic.clone(), source: Box::new(source) }
    }

    pub(crate) fn read(topic: &TopicName, source: InputError) -> Self {
        Self::Read { topic: topic.clone(), source }
    }
}
