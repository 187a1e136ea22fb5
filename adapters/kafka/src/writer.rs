//! A producer for records that may be repeated: entries of the notebook and ticks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::ToBytes;
use rdkafka::producer::{BaseRecord, ProducerContext};
use tracing::warn;

use crate::attended::Attended;
use crate::error::Error;
use crate::watermarks::drop_elsewhere;

/// An idempotent producer with a thread of its own, made anew when it has ended itself: it does so when a broker has
/// lost what it knew of it, for instance because the topic was deleted and made again.
pub(crate) struct Writer<C: ProducerContext + Clone + 'static> {
    config: ClientConfig,
    context: C,
    /// `None` only while being dropped.
    producer: Mutex<Option<Attended<C>>>,
}

impl<C: ProducerContext + Clone + 'static> Writer<C> {
    pub(crate) fn open(config: ClientConfig, context: C) -> Result<Self, Error> {
        let producer = Attended::start(&config, context.clone())?;
        Ok(Self { config, context, producer: Mutex::new(Some(producer)) })
    }

    /// Hands a record over; never waits for a broker.
    pub(crate) fn send<K: ToBytes + ?Sized, P: ToBytes + ?Sized>(
        &self,
        record: BaseRecord<'_, K, P, C::DeliveryOpaque>,
    ) -> Result<(), KafkaError> {
        let mut producer = self.lock();
        if let Some((code, reason)) = producer.as_ref().and_then(Attended::fatal_error) {
            warn!(%code, reason, "producer has ended itself; starting another");
            match Attended::start(&self.config, self.context.clone()) {
                Ok(fresh) => drop_elsewhere(producer.replace(fresh)),
                Err(error) => {
                    warn!(%error, "another producer can't be had");
                    return Err(KafkaError::Canceled);
                }
            }
        }
        match producer.as_ref() {
            Some(producer) => producer.send(record),
            None => Err(KafkaError::Canceled),
        }
    }

    /// Records handed over whose fate isn't known yet.
    pub(crate) fn on_their_way(&self) -> i32 {
        self.lock().as_ref().map_or(0, Attended::on_their_way)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Attended<C>>> {
        // A producer is either there or not; a thread that panicked in between changes nothing.
        self.producer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: ProducerContext + Clone + 'static> Drop for Writer<C> {
    fn drop(&mut self) {
        let producer = self.lock().take();
        drop_elsewhere(producer);
    }
}
