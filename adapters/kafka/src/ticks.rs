//! Tick records: what the active appends to an idle inbound topic so that time passes for everybody alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ports::headers::TICK;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, ProducerContext};
use tracing::{debug, warn};
use types::TopicName;

use crate::config::ClientSettings;
use crate::context;
use crate::error::Error;
use crate::writer::Writer;

/// A tick that couldn't be written for so long is given up; the next one says the same and more.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5);

/// Ticks on their way at most: another one before the last is acknowledged would say nothing new.
const QUEUED_MAX: usize = 1;

/// What became of the wish to tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TickOutcome {
    /// Handed over.
    Sent,
    /// The one before isn't acknowledged yet; nothing was done.
    StillOnItsWay,
    /// librdkafka didn't take it; the next one will do as well.
    Refused,
}

/// Appends ticks to one inbound topic.
pub struct TickWriter {
    topic: TopicName,
    writer: Writer<Delivery>,
    on_its_way: Arc<AtomicBool>,
}

impl TickWriter {
    /// Prepares to tick; nothing is written.
    ///
    /// # Errors
    /// [`Error::Client`].
    pub fn open(settings: &ClientSettings, topic: &TopicName) -> Result<Self, Error> {
        let on_its_way = Arc::new(AtomicBool::new(false));
        let delivery = Delivery { topic: topic.clone(), on_its_way: Arc::clone(&on_its_way) };
        let writer = Writer::open(settings.producer(Some(GIVEN_UP_AFTER), QUEUED_MAX), delivery)?;
        Ok(Self { topic: topic.clone(), writer, on_its_way })
    }

    /// Appends one tick, without waiting for anything.
    pub fn send(&self) -> TickOutcome {
        if self.on_its_way.swap(true, Ordering::AcqRel) {
            return TickOutcome::StillOnItsWay;
        }
        let headers = OwnedHeaders::new_with_capacity(1).insert(Header { key: TICK, value: None::<&[u8]> });
        let record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(self.topic.as_str()).partition(0).headers(headers);
        match self.writer.send(record) {
            Ok(()) => TickOutcome::Sent,
            Err(error) => {
                self.on_its_way.store(false, Ordering::Release);
                warn!(topic = %self.topic, %error, "tick refused");
                TickOutcome::Refused
            }
        }
    }

    /// A tick was sent and isn't acknowledged yet.
    #[must_use]
    pub fn is_on_its_way(&self) -> bool {
        self.on_its_way.load(Ordering::Acquire)
    }
}

#[derive(Clone)]
struct Delivery {
    topic: TopicName,
    on_its_way: Arc<AtomicBool>,
}

impl ClientContext for Delivery {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        context::log(level, facility, said);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "kafka client reports");
    }
}

impl ProducerContext for Delivery {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.on_its_way.store(false, Ordering::Release);
        if let Err((error, _)) = result {
            warn!(topic = %self.topic, %error, "tick wasn't written");
        }
    }
}
