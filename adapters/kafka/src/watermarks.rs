//! Where a partition begins and ends, asked of its leader.

use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use types::{Offset, TopicName};

use crate::config::ClientSettings;
use crate::context::Quiet;
use crate::error::Error;

/// How long a leader may take to be found and to answer.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How long a topic may be unknown: brokers learn of a new topic one after the other.
const UNKNOWN_PATIENCE: Duration = Duration::from_secs(1);

/// Between two questions.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Where a partition begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// The earliest record kept.
    pub low: Offset,
    /// One past the newest committed record.
    pub high: Offset,
}

/// Asks partition 0's leader where the topic begins and ends.
///
/// # Errors
/// [`Error::NoSuchTopic`], [`Error::Unreachable`], [`Error::Client`].
pub fn watermarks(settings: &ClientSettings, topic: &TopicName) -> Result<Watermarks, Error> {
    let consumer: BaseConsumer<Quiet> = settings.consumer().create_with_context(Quiet).map_err(Error::client)?;
    let answer = ask(&consumer, settings, topic);
    drop_elsewhere(consumer);
    answer
}

pub(crate) fn ask<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    settings: &ClientSettings,
    topic: &TopicName,
) -> Result<Watermarks, Error> {
    let began = Instant::now();
    loop {
        let left = ANSWER_WITHIN.saturating_sub(began.elapsed());
        match consumer.fetch_watermarks(topic.as_str(), 0, left) {
            Ok((low, high)) => return Ok(Watermarks { low: offset(low), high: offset(high) }),
            Err(error) if is_unknown_topic(&error) && began.elapsed() >= UNKNOWN_PATIENCE => {
                return Err(Error::NoSuchTopic { topic: topic.clone() });
            }
            Err(source) if left.is_zero() => {
                let bootstrap = settings.bootstrap().to_owned();
                return Err(Error::Unreachable {
                    bootstrap,
                    topic: topic.clone(),
                    waited: ANSWER_WITHIN,
                    source: Box::new(source),
                });
            }
            Err(_) => thread::sleep(ASK_AGAIN_AFTER),
        }
    }
}

pub(crate) fn is_unknown_topic(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopicId
        )
    )
}

/// Brokers never say a negative offset here.
fn offset(raw: i64) -> Offset {
    Offset(u64::try_from(raw).unwrap_or(0))
}

/// Closing a librdkafka client takes up to 100 ms; nobody should wait for that.
pub(crate) fn drop_elsewhere<T: Send + 'static>(client: T) {
    // When no thread can be had, the closure and with it the client is dropped right here.
    let _ = thread::Builder::new().name("kafka-close".to_owned()).spawn(move || drop(client));
}

/// `kafkainitialoffset`: where a new generation begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InitialOffset {
    /// The earliest record kept.
    #[default]
    Smallest,
    /// What is written from now on.
    Largest,
    /// This record.
    At(Offset),
}

impl FromStr for InitialOffset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "smallest" => Ok(Self::Smallest),
            "largest" => Ok(Self::Largest),
            number => number
                .parse()
                .map(|offset| Self::At(Offset(offset)))
                .map_err(|_| format!("\"{number}\" is neither smallest nor largest nor an offset")),
        }
    }
}

/// Makes `kafkainitialoffset` an offset, once for a generation. An offset that isn't kept (any more, or yet) stays as
/// it is: reading from it then says what is the matter.
///
/// # Errors
/// As [`watermarks`].
pub fn resolve(settings: &ClientSettings, topic: &TopicName, initial: InitialOffset) -> Result<Offset, Error> {
    match initial {
        InitialOffset::Smallest => watermarks(settings, topic).map(|marks| marks.low),
        InitialOffset::Largest => watermarks(settings, topic).map(|marks| marks.high),
        InitialOffset::At(offset) => Ok(offset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_initial_offset_is_a_word_or_a_number() {
        assert_eq!("smallest".parse(), Ok(InitialOffset::Smallest));
        assert_eq!("largest".parse(), Ok(InitialOffset::Largest));
        assert_eq!("17".parse(), Ok(InitialOffset::At(Offset(17))));
        assert!("-1".parse::<InitialOffset>().is_err() && "earliest".parse::<InitialOffset>().is_err());
    }
}
