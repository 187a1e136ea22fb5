//! The producer's thread: librdkafka's transactional calls wait for brokers, so they are made where nobody waits for them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ports::output::WriterIdentity;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode as Code;
use tracing::debug;
use types::{Offset, TopicName};

use super::codec;
use super::fate::Fate;
use super::machine::{Job, ProducerNews};
use super::outputs::Batch;
use crate::config::ClientSettings;
use crate::context::Quiet;
use crate::error::Error;
use crate::watermarks::{ask, drop_elsewhere};

/// How long taking the transactional id may last. The coordinator first ends what was open, which takes librdkafka half a
/// second more.
const TAKE_WITHIN: Duration = Duration::from_secs(10);
/// How long a transaction may last from its first record to the answer to its commit; shorter than `transaction.timeout.ms`.
const COMMIT_WITHIN: Duration = Duration::from_secs(10);
/// A commit that lasted longer was perhaps asked twice.
const SURE_WITHIN: Duration = Duration::from_secs(2);
/// Between two looks whether all records are acknowledged. librdkafka's own wait looks every 100 ms only.
const LOOK_EVERY: Duration = Duration::from_micros(200);

/// What the thread owns.
pub(super) struct Worker {
    settings: ClientSettings,
    topic: TopicName,
    identity: WriterIdentity,
    config: ClientConfig,
    /// Present while the transactional id is ours.
    producer: Option<BaseProducer<Deliveries>>,
}

/// Why a job failed.
struct Failure {
    code: Option<Code>,
    reason: String,
}

impl From<KafkaError> for Failure {
    fn from(error: KafkaError) -> Self {
        Self { code: error.rdkafka_error_code(), reason: error.to_string() }
    }
}

impl Worker {
    pub(super) fn open(
        settings: &ClientSettings,
        topic: &TopicName,
        identity: &WriterIdentity,
        compression: &str,
    ) -> Result<Self, Error> {
        let config = settings.transactional(topic.as_str(), compression);
        // What librdkafka as built can't do (GSSAPI, for instance) is better heard now than at the first takeover.
        let trial: BaseProducer<Deliveries> =
            config.create_with_context(Deliveries::default()).map_err(Error::client)?;
        drop_elsewhere(trial);
        Ok(Self {
            settings: settings.clone(),
            topic: topic.clone(),
            identity: identity.clone(),
            config,
            producer: None,
        })
    }

    /// Does jobs until nobody gives any more.
    pub(super) fn run(mut self, jobs: &Receiver<Job>, tell: impl Fn(ProducerNews)) {
        while let Ok(job) = jobs.recv() {
            let done = match job {
                Job::Take => self.take().map(|end| ProducerNews::Taken { end }),
                Job::Append { fence, batch } => {
                    self.append(fence, &batch).map(|unsure| ProducerNews::Committed { unsure })
                }
                Job::Retire => {
                    self.throw_away();
                    continue;
                }
            };
            let news = done.unwrap_or_else(|failure| {
                let failure = self.cause().unwrap_or(failure);
                self.throw_away();
                ProducerNews::Failed { fate: Fate::of(failure.code), reason: self.explain(failure) }
            });
            tell(news);
        }
    }

    /// What ended the producer. A call may only tell what followed from it: records of one who was shut out are "purged".
    fn cause(&self) -> Option<Failure> {
        let (code, reason) = self.producer.as_ref()?.client().fatal_error()?;
        Some(Failure { code: Some(code), reason })
    }

    fn throw_away(&mut self) {
        if let Some(producer) = self.producer.take() {
            drop_elsewhere(producer);
        }
    }

    /// Shuts everybody else out, then asks where the log ends: what others had open is ended by then, and counted.
    fn take(&mut self) -> Result<Offset, Failure> {
        self.throw_away();
        let producer: BaseProducer<Deliveries> = self.config.create_with_context(Deliveries::default())?;
        // Thrown away by the caller when something fails from here on.
        let producer = self.producer.insert(producer);
        producer.init_transactions(TAKE_WITHIN)?;
        // One that had asked before may remember a leader that is gone, and say for long that there is none.
        let ends: BaseConsumer<Quiet> = self.settings.uncommitted().create_with_context(Quiet)?;
        let marks = ask(&ends, &self.settings, &self.topic);
        drop_elsewhere(ends);
        marks.map(|marks| marks.high).map_err(|error| Failure { code: None, reason: error.to_string() })
    }

    /// A right that is missing is named with the command that gives it.
    fn explain(&self, failure: Failure) -> String {
        let Failure { code, reason } = failure;
        match code {
            Some(Code::TransactionalIdAuthorizationFailed) => format!(
                "E007 Not allowed by Kafka.  the transactional id {} needs WRITE and DESCRIBE ({reason}).\n     Fix: kafka-acls --add \
                 --allow-principal User:<name> --operation Write --operation Describe --transactional-id {0}",
                self.topic
            ),
            Some(_) | None => reason,
        }
    }

    /// One transaction; whether a late request of it may still be on its way.
    fn append(&mut self, fence: bool, batch: &Batch) -> Result<bool, Failure> {
        let Some(producer) = &self.producer else { return Err(KafkaError::Canceled.into()) };
        let began = Instant::now();
        producer.context().begin();
        producer.begin_transaction()?;
        if fence {
            producer.send(codec::fence(&self.topic, &self.identity)).map_err(|(error, _)| error)?;
        }
        for record in batch.records() {
            producer.send(codec::output(&self.topic, &self.identity, record)).map_err(|(error, _)| error)?;
        }
        drain(producer, began)?;
        producer.commit_transaction(COMMIT_WITHIN.saturating_sub(began.elapsed()))?;
        let unsure = producer.context().is_disturbed() || began.elapsed() > SURE_WITHIN;
        if unsure {
            debug!(topic = %self.topic, "a connection broke during a commit; taking another producer");
            self.throw_away();
        }
        Ok(unsure)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.throw_away();
    }
}

/// Waits until every record is acknowledged.
fn drain(producer: &BaseProducer<Deliveries>, began: Instant) -> Result<(), Failure> {
    loop {
        producer.poll(Duration::ZERO);
        if let Some(error) = producer.context().failure() {
            return Err(error.into());
        }
        if producer.in_flight_count() == 0 {
            return Ok(());
        }
        if began.elapsed() >= COMMIT_WITHIN {
            return Err(KafkaError::Flush(Code::OperationTimedOut).into());
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// What became of the records of the present transaction.
#[derive(Default)]
struct Deliveries {
    /// The first record that wasn't taken.
    failed: Mutex<Option<KafkaError>>,
    /// A connection broke, or a request had no answer.
    disturbed: AtomicBool,
}

impl Deliveries {
    fn begin(&self) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.disturbed.store(false, Ordering::Release);
    }

    fn failure(&self) -> Option<KafkaError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_disturbed(&self) -> bool {
        self.disturbed.load(Ordering::Acquire)
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        // librdkafka tries requests again by itself, and says of it only here.
        if matches!(facility, "FAIL" | "REQTMOUT") {
            self.disturbed.store(true, Ordering::Release);
        }
        // What matters comes back from the calls, and being shut out is nothing to alarm anybody with.
        debug!(facility, ?level, said, "transactional producer says");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.disturbed.store(true, Ordering::Release);
        debug!(%error, reason, "kafka client reports");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.get_or_insert_with(|| error.clone());
        }
    }
}
