//! One partition, read from an absolute offset on: the shared core of input, notebook and reader.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ports::input::InputError;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::types::RDKafkaErrorCode as Code;
use tracing::{debug, warn};
use types::{Offset, TopicName};

use crate::config::ClientSettings;
use crate::context::ReadContext;
use crate::error::Error;
use crate::watermarks::{ask, drop_elsewhere, is_unknown_topic};

/// How long the brokers may say that they don't know the topic before it counts as deleted. A broker that has just
/// started says so for a moment.
const GONE_AFTER: Duration = Duration::from_secs(10);
/// How long one place may come damaged before it counts as damaged where it lies; then reading ends.
const DAMAGED_AFTER: Duration = Duration::from_secs(3);
/// Between attempts to read it, but for the first ones.
const DAMAGED_PAUSE: Duration = Duration::from_millis(50);

/// A consumer of partition 0 that goes on where it is through lost connections and leader changes.
pub(crate) struct Cursor {
    settings: ClientSettings,
    topic: TopicName,
    /// `None` only while being dropped.
    consumer: Option<BaseConsumer<ReadContext>>,
    context: Arc<ReadContext>,
    next: Offset,
    /// Since when the brokers say that they don't know the topic.
    unknown_since: Option<Instant>,
    damage: Option<Damage>,
}

/// What was damaged when it came.
#[derive(Clone, Copy)]
struct Damage {
    place: Offset,
    /// Since when nothing else came from there.
    since: Instant,
    /// The consumer that brought it is still there.
    is_new: bool,
}

impl Damage {
    /// The same place again is one damage that lasts.
    fn at(place: Offset, before: Option<Self>) -> Self {
        let since = before.filter(|before| before.place == place).map_or_else(Instant::now, |before| before.since);
        Self { place, since, is_new: true }
    }
}

/// What one look brought.
pub(crate) enum Polled<'a> {
    /// The next record.
    Message(BorrowedMessage<'a>),
    /// There was no further record when the broker looked.
    End,
    /// Nothing within the time given.
    Nothing,
}

impl Cursor {
    /// Begins at `from`, which must lie within what the log keeps. Asking for the log's ends first and assigning an
    /// absolute offset takes 2 ms; assigning "the beginning" or "the end" costs librdkafka 500 ms.
    pub(crate) fn open(settings: &ClientSettings, topic: &TopicName, from: Offset) -> Result<Self, Error> {
        let consumer = connect(settings, topic).map_err(Error::client)?;
        let context = Arc::clone(consumer.client().context());
        let cursor = Self {
            settings: settings.clone(),
            topic: topic.clone(),
            consumer: Some(consumer),
            context,
            next: from,
            unknown_since: None,
            damage: None,
        };
        let read = |source| Error::read(topic, source);
        let marks = ask(cursor.consumer(), settings, topic)?;
        within(marks.low, marks.high, from).map_err(read)?;
        cursor.assign().map_err(read)?;
        Ok(cursor)
    }

    /// The offset after the last record that was polled; at the end also after the commit markers and aborted records behind it.
    pub(crate) const fn next(&self) -> Offset {
        self.next
    }

    pub(crate) const fn topic(&self) -> &TopicName {
        &self.topic
    }

    /// One past the newest committed record known of; up to half a second old.
    pub(crate) fn end(&self) -> Option<Offset> {
        self.context.end().map(|end| end.max(self.next))
    }

    /// Which broker leads the partition, and its leader epoch; up to half a second old.
    pub(crate) fn leader(&self) -> Option<(String, u32)> {
        self.context.leader()
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.context.is_connected()
    }

    /// Waits for the next record, at most `wait`.
    pub(crate) fn poll(&mut self, wait: Duration) -> Result<Polled<'_>, InputError> {
        if let Some(damage) = self.damage.as_mut().filter(|damage| damage.is_new) {
            damage.is_new = false;
            if damage.since.elapsed() > DAMAGED_PAUSE {
                std::thread::sleep(DAMAGED_PAUSE.min(wait));
            }
            self.read_again()?;
        }
        let Some(consumer) = self.consumer.as_ref() else { return Ok(Polled::Nothing) };
        let error = match consumer.poll(wait) {
            None => return Ok(Polled::Nothing),
            Some(Ok(message)) => {
                let offset = Offset(u64::try_from(message.offset()).unwrap_or(0));
                self.unknown_since = None;
                if offset < self.next {
                    return Ok(Polled::Nothing);
                }
                self.next = offset.next();
                return Ok(Polled::Message(message));
            }
            Some(Err(KafkaError::PartitionEOF(_))) => {
                self.unknown_since = None;
                self.next = self.next.max(position(consumer, &self.topic).unwrap_or_default());
                return Ok(Polled::End);
            }
            Some(Err(error)) => error,
        };
        if error.rdkafka_error_code() == Some(Code::BadMessage) {
            let damage = Damage::at(self.next, self.damage);
            self.damage = Some(damage);
            if damage.since.elapsed() >= DAMAGED_AFTER {
                return Err(failed(&format!("what follows offset {} is damaged: {error}", self.next)));
            }
            return Ok(Polled::Nothing);
        }
        self.unknown_since = is_unknown_topic(&error).then(|| self.unknown_since.unwrap_or_else(Instant::now));
        self.judge(&error).map(|()| Polled::Nothing)
    }

    /// Something came damaged: on its way, or it lies so. librdkafka would go on behind it, and replicas would differ; so what
    /// this consumer still holds is thrown away with it, and a new one begins at the same place.
    fn read_again(&mut self) -> Result<(), InputError> {
        warn!(topic = %self.topic, offset = %self.next, "a batch came damaged; reading it again");
        let consumer = connect(&self.settings, &self.topic).map_err(|error| failed(&error.to_string()))?;
        self.context = Arc::clone(consumer.client().context());
        if let Some(old) = self.consumer.replace(consumer) {
            drop_elsewhere(old);
        }
        self.assign()
    }

    /// Whether reading can go on after an error. What isn't known to pass by itself doesn't.
    fn judge(&self, error: &KafkaError) -> Result<(), InputError> {
        let code = error.rdkafka_error_code();
        if code.is_some_and(passes_by_itself) {
            debug!(%error, topic = %self.topic, "kafka client will try again");
            return Ok(());
        }
        if is_unknown_topic(error) {
            let gone = self.unknown_since.is_some_and(|since| since.elapsed() >= GONE_AFTER);
            return if gone { Err(failed("the topic is gone")) } else { Ok(()) };
        }
        if matches!(code, Some(Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation)) {
            return self.out_of_range(error);
        }
        Err(failed(&error.to_string()))
    }

    fn out_of_range(&self, error: &KafkaError) -> Result<(), InputError> {
        let marks = ask(self.consumer(), &self.settings, &self.topic).map_err(|error| failed(&error.to_string()))?;
        within(marks.low, marks.high, self.next)?;
        if error.rdkafka_error_code() == Some(Code::LogTruncation) {
            return Err(failed(&format!("the log was cut below offset {} and has grown again", self.next)));
        }
        warn!(%error, topic = %self.topic, offset = %self.next, "offset was refused but is there; reading it again");
        self.assign()
    }

    fn assign(&self) -> Result<(), InputError> {
        let raw = i64::try_from(self.next.0).map_err(|_| failed("offset above what Kafka counts"))?;
        let mut place = TopicPartitionList::new();
        place
            .add_partition_offset(self.topic.as_str(), 0, rdkafka::Offset::Offset(raw))
            .and_then(|()| self.consumer().assign(&place))
            .map_err(|error| failed(&error.to_string()))
    }

    fn consumer(&self) -> &BaseConsumer<ReadContext> {
        match &self.consumer {
            Some(consumer) => consumer,
            None => unreachable!("the consumer is taken only by drop"),
        }
    }
}

fn connect(settings: &ClientSettings, topic: &TopicName) -> Result<BaseConsumer<ReadContext>, KafkaError> {
    settings.consumer().create_with_context(ReadContext::new(topic.clone()))
}

impl Drop for Cursor {
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            drop_elsewhere(consumer);
        }
    }
}

/// One past what librdkafka has passed. Commit markers and aborted records take offsets and are never shown: whoever waits
/// for the log's end would else wait for a record that doesn't exist.
fn position(consumer: &BaseConsumer<ReadContext>, topic: &TopicName) -> Option<Offset> {
    match consumer.position().ok()?.find_partition(topic.as_str(), 0)?.offset() {
        rdkafka::Offset::Offset(raw) => u64::try_from(raw).ok().map(Offset),
        rdkafka::Offset::Beginning
        | rdkafka::Offset::End
        | rdkafka::Offset::Stored
        | rdkafka::Offset::Invalid
        | rdkafka::Offset::OffsetTail(_) => None,
    }
}

fn within(low: Offset, high: Offset, needed: Offset) -> Result<(), InputError> {
    if needed < low {
        return Err(InputError::Truncated { needed, earliest: low, retention: None });
    }
    if needed > high {
        return Err(InputError::Shortened { needed, end: high });
    }
    Ok(())
}

fn failed(reason: &str) -> InputError {
    InputError::Failed { reason: reason.to_owned() }
}

/// Errors after which librdkafka itself goes on where it was.
fn passes_by_itself(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::MessageTimedOut
            | Code::NodeUpdate
            | Code::SSL
            | Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::Retry
            | Code::WaitCache
            | Code::PollExceeded
            | Code::DestroyBroker
            | Code::UnknownBroker
            | Code::NotLeaderForPartition
            | Code::LeaderNotAvailable
            | Code::BrokerNotAvailable
            | Code::ReplicaNotAvailable
            | Code::RequestTimedOut
            | Code::NetworkException
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::OffsetNotAvailable
            | Code::KafkaStorageError
            | Code::ThrottlingQuotaExceeded
            | Code::FetchSessionIdNotFound
            | Code::InvalidFetchSessionEpoch
            | Code::RebootstrapRequired
            // librdkafka looks for a coordinator although nobody joins the group.
            | Code::WaitingForCoordinator
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::GroupAuthorizationFailed
    )
}
