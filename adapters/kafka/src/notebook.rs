//! The metadata topic: read to its end at start, followed ever after; written with acknowledgements of all in-sync replicas.
//!
//! Claims pass here, so both ways are quick: the producer keeps its connections, never lingers and is polled by a thread
//! of its own; the reader's request waits at the broker and is answered when the record is committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use ports::input::InputError;
use ports::notebook::{Entry, EntryError, Ledger};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, ProducerContext};
use tracing::{debug, error, warn};
use types::{Offset, TopicName};

use crate::config::ClientSettings;
use crate::context;
use crate::cursor::{Cursor, Polled};
use crate::error::Error;
use crate::watermarks::watermarks;
use crate::writer::Writer;

/// Entries on their way at most; at the bound an append is refused ([`Error::NotWritten`]). A cluster writes a few a minute.
const QUEUED_MAX: usize = 1_000;

/// How often the reader looks whether it should stop and whether the brokers are still there.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Reading the notebook at start may take this long without any progress.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// An entry and its place in the log, which decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// Its place.
    pub offset: Offset,
    /// What it says.
    pub entry: Entry,
}

/// What following the notebook brings.
#[derive(Debug)]
pub enum NotebookFact {
    /// Somebody wrote, perhaps this process.
    Noted(Noted),
    /// No broker is connected; what follows may be late.
    Suspended {
        /// Since a broker was last known to be connected; seen at most a tenth of a second late.
        silent: Duration,
    },
    /// A broker is connected again.
    Resumed,
    /// It can't be read any more; nothing follows.
    Failed(InputError),
}

/// A notebook, just opened.
pub struct Opened {
    /// To write into it. Dropping it ends the following.
    pub notebook: Notebook,
    /// Everything up to the end at the moment of opening; [`NotebookFact`]s go on from [`Ledger::next`].
    pub ledger: Ledger,
    /// The earliest entry kept. Above 0, somebody has deleted entries: what was agreed first may be among them.
    pub earliest: Offset,
}

/// The metadata topic of a cluster.
pub struct Notebook {
    topic: TopicName,
    writer: Writer<Delivery>,
    stop: Arc<AtomicBool>,
}

impl Notebook {
    /// Reads the notebook to its end, then follows it on a thread of its own that calls `deliver` with each fact, in
    /// order. `deliver` must not wait for long: while it does nothing further is read.
    ///
    /// # Errors
    /// [`Error::NoSuchTopic`], [`Error::Unreachable`], [`Error::Client`], [`Error::Read`].
    pub fn open(
        settings: &ClientSettings,
        topic: &TopicName,
        deliver: impl FnMut(NotebookFact) + Send + 'static,
    ) -> Result<Opened, Error> {
        let marks = watermarks(settings, topic)?;
        let mut cursor = Cursor::open(settings, topic, marks.low)?;
        let ledger = read_up_to(&mut cursor, marks.high)?;
        if marks.low > Offset(0) {
            warn!(topic = %topic, offset = %marks.low, "notebook's beginning was deleted; what was agreed first may be gone");
        }
        if ledger.unread() > 0 {
            warn!(topic = %topic, count = ledger.unread(), "notebook holds records that this version can't read");
        }
        let writer = Writer::open(settings.producer(None, QUEUED_MAX), Delivery { topic: topic.clone() })?;
        let stop = Arc::new(AtomicBool::new(false));
        let follower = Follower { cursor, deliver, stop: Arc::clone(&stop), connected: true, seen: Instant::now() };
        thread::Builder::new()
            .name("notebook".to_owned())
            .spawn(move || follower.run())
            .map_err(|error| Error::client(KafkaError::ClientCreation(error.to_string())))?;
        let notebook = Self { topic: topic.clone(), writer, stop };
        Ok(Opened { notebook, ledger, earliest: marks.low })
    }

    /// Writes an entry and waits until all in-sync replicas have it, at most `wait`. Its offset, unless the broker had
    /// it already from an earlier try and doesn't say where.
    ///
    /// # Errors
    /// [`Error::NotAcknowledged`]: the entry may be written or may yet be (repeats are harmless; what it says is in
    /// force only when it is read). [`Error::NotWritten`].
    pub fn append(&self, entry: &Entry, wait: Duration) -> Result<Option<Offset>, Error> {
        let (done, answer) = sync_channel(1);
        self.send(entry, Some(done))?;
        match answer.recv_timeout(wait) {
            Ok(Ok(offset)) => Ok(offset),
            Ok(Err(source)) => Err(Error::not_written(&self.topic, source)),
            Err(_) => Err(Error::NotAcknowledged { topic: self.topic.clone(), waited: wait }),
        }
    }

    /// Hands an entry over and returns at once; it is tried for as long as this process lives. Entries arrive in the
    /// order they were handed over. Reading it is the only sign that it is in force.
    ///
    /// # Errors
    /// [`Error::NotWritten`] when too many are on their way.
    pub fn post(&self, entry: &Entry) -> Result<(), Error> {
        self.send(entry, None)
    }

    /// Waits until nothing is on its way, at most `wait`; whether that is so.
    #[must_use]
    pub fn drain(&self, wait: Duration) -> bool {
        let deadline = Instant::now() + wait;
        while self.writer.on_their_way() > 0 {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
    }

    fn send(&self, entry: &Entry, done: Option<SyncSender<Written>>) -> Result<(), Error> {
        let (key, value) = (entry.key(), entry.to_json());
        let record = BaseRecord::with_opaque_to(self.topic.as_str(), Box::new(done));
        let sent = self.writer.send(record.partition(0).key(&key).payload(&value));
        sent.map_err(|source| Error::not_written(&self.topic, source))
    }
}

impl Drop for Notebook {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

fn read_up_to(cursor: &mut Cursor, end: Offset) -> Result<Ledger, Error> {
    let topic = cursor.topic().clone();
    let mut ledger = Ledger::default();
    let mut progress = Instant::now();
    while cursor.next() < end {
        match cursor.poll(LOOK_EVERY).map_err(|source| Error::read(&topic, source))? {
            Polled::Message(message) => {
                ledger.note_bytes(Offset(u64::try_from(message.offset()).unwrap_or(0)), message.payload());
                progress = Instant::now();
            }
            // The last records may be a transaction's marks, which nobody is shown.
            Polled::End => break,
            Polled::Nothing if progress.elapsed() >= START_PATIENCE => {
                let reason = format!("nothing came for {START_PATIENCE:?} at offset {}", cursor.next());
                return Err(Error::Read { topic, source: InputError::Failed { reason } });
            }
            Polled::Nothing => {}
        }
    }
    Ok(ledger)
}

/// The thread that follows the notebook.
struct Follower<F> {
    cursor: Cursor,
    deliver: F,
    stop: Arc<AtomicBool>,
    connected: bool,
    /// When a broker was last seen connected.
    seen: Instant,
}

impl<F: FnMut(NotebookFact)> Follower<F> {
    fn run(mut self) {
        while !self.stop.load(Ordering::Acquire) {
            match self.cursor.poll(LOOK_EVERY) {
                Ok(Polled::Message(message)) => {
                    let offset = Offset(u64::try_from(message.offset()).unwrap_or(0));
                    match message.payload().map(Entry::parse) {
                        Some(Ok(entry)) => (self.deliver)(NotebookFact::Noted(Noted { offset, entry })),
                        Some(Err(EntryError::UnknownKind { kind })) => {
                            debug!(%offset, kind, "notebook entry of a newer version skipped");
                        }
                        Some(Err(error @ EntryError::Malformed { .. })) => {
                            warn!(%offset, %error, "notebook record skipped");
                        }
                        None => warn!(%offset, "notebook record without a value skipped"),
                    }
                }
                Ok(Polled::End | Polled::Nothing) => {}
                Err(failure) => {
                    error!(topic = %self.cursor.topic(), error = %failure, "notebook can't be read any more");
                    (self.deliver)(NotebookFact::Failed(failure));
                    return;
                }
            }
            self.tell_connection();
        }
    }

    fn tell_connection(&mut self) {
        let connected = self.cursor.is_connected();
        let silent = self.seen.elapsed();
        if connected {
            self.seen = Instant::now();
        }
        if connected != self.connected {
            self.connected = connected;
            (self.deliver)(if connected { NotebookFact::Resumed } else { NotebookFact::Suspended { silent } });
        }
    }
}

/// What became of an entry: its offset when the broker says it.
type Written = Result<Option<Offset>, KafkaError>;

/// Tells whoever waits for an entry what became of it.
#[derive(Clone)]
struct Delivery {
    topic: TopicName,
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
    type DeliveryOpaque = Box<Option<SyncSender<Written>>>;

    fn delivery(&self, result: &DeliveryResult<'_>, waiting: Self::DeliveryOpaque) {
        let written = match result {
            Ok(message) => Ok(u64::try_from(message.offset()).ok().map(Offset)),
            Err((error, _)) => {
                warn!(topic = %self.topic, %error, "notebook entry wasn't written");
                Err(error.clone())
            }
        };
        if let Some(done) = *waiting {
            match done.try_send(written) {
                // Who waited may have given up.
                Ok(()) | Err(TrySendError::Disconnected(_) | TrySendError::Full(_)) => {}
            }
        }
    }
}
