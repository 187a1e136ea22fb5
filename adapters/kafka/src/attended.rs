//! A producer with a thread that hears what became of its records.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::ToBytes;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;

use crate::error::Error;

/// How long the thread listens at a time while records are on their way; each is heard of at once.
const LISTENING: Duration = Duration::from_millis(20);
/// How often errors and logs are asked for while nothing is on its way.
const IDLE: Duration = Duration::from_secs(1);

/// A producer that is listened to while something is on its way.
///
/// The client library's own threaded producer listens all the time, in calls of 100 ms whose last millisecond it spends
/// asking again and again: it waits in whole milliseconds, rounded down. An idle producer then takes half a percent of a core.
pub(crate) struct Attended<C: ProducerContext + 'static> {
    producer: Arc<BaseProducer<C>>,
    ended: Arc<AtomicBool>,
    /// `None` only while being dropped.
    thread: Option<JoinHandle<()>>,
}

impl<C: ProducerContext + 'static> Attended<C> {
    pub(crate) fn start(config: &ClientConfig, context: C) -> Result<Self, Error> {
        let producer: BaseProducer<C> = config.create_with_context(context).map_err(Error::client)?;
        let producer = Arc::new(producer);
        let ended = Arc::new(AtomicBool::new(false));
        let (listens_to, until) = (Arc::clone(&producer), Arc::clone(&ended));
        let thread = thread::Builder::new().name("deliveries".to_owned()).spawn(move || listen(&listens_to, &until));
        let thread = thread.map_err(|source| Error::Thread { source })?;
        Ok(Self { producer, ended, thread: Some(thread) })
    }

    /// Hands a record over; never waits for a broker.
    pub(crate) fn send<K: ToBytes + ?Sized, P: ToBytes + ?Sized>(
        &self,
        record: BaseRecord<'_, K, P, C::DeliveryOpaque>,
    ) -> Result<(), KafkaError> {
        let sent = self.producer.send(record).map_err(|(error, _)| error);
        self.wake();
        sent
    }

    /// Why the producer has ended itself, once it has.
    pub(crate) fn fatal_error(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.producer.client().fatal_error()
    }

    /// Records handed over whose fate isn't known yet.
    pub(crate) fn on_their_way(&self) -> i32 {
        self.producer.in_flight_count()
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

/// A wish to stop, or a record, that comes between a look and the rest after it ends that rest at once.
fn listen<C: ProducerContext>(producer: &BaseProducer<C>, ended: &AtomicBool) {
    while !ended.load(Ordering::Acquire) {
        if producer.in_flight_count() > 0 {
            producer.poll(LISTENING);
        } else {
            producer.poll(Duration::ZERO);
            thread::park_timeout(IDLE);
        }
    }
}

impl<C: ProducerContext + 'static> Drop for Attended<C> {
    /// Waits for the thread, and for the library: not for a thread that must not wait.
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // A panic there was printed by its own hook.
            let _ = thread.join();
        }
    }
}
