//! The inbound topic, read in order from a given offset on.

use std::time::{Duration, Instant};

use ports::input::{InboundBatch, InboundHead, InputError, InputLog, ReadBounds};
use rdkafka::message::{BorrowedMessage, Message as _};
use types::{InputId, Offset, Timestamp, TopicName};

use crate::config::ClientSettings;
use crate::cursor::{Cursor, Polled};
use crate::error::Error;
use crate::headers::InboundHeaders;

/// An inbound topic's only partition, through a consumer of its own: no group, nothing committed, read_committed.
pub struct KafkaInput {
    cursor: Cursor,
}

impl KafkaInput {
    /// Begins at `from`: the origin of the generation, or where a snapshot ends.
    ///
    /// # Errors
    /// [`Error::Read`] with [`InputError::Truncated`] or [`InputError::Shortened`] when that record isn't there,
    /// [`Error::NoSuchTopic`], [`Error::Unreachable`], [`Error::Client`].
    pub fn open(settings: &ClientSettings, topic: &TopicName, from: Offset) -> Result<Self, Error> {
        Ok(Self { cursor: Cursor::open(settings, topic, from)? })
    }

    /// The offset that comes next.
    #[must_use]
    pub const fn next(&self) -> Offset {
        self.cursor.next()
    }
}

impl InputLog for KafkaInput {
    fn read(&mut self, batch: &mut InboundBatch, bounds: ReadBounds, wait: Duration) -> Result<(), InputError> {
        let deadline = Instant::now() + wait;
        let (records_before, bytes_before) = (batch.heads.len(), batch.bytes.len());
        // Waits for the first record only; what is there already is taken without waiting.
        let mut patience = wait;
        loop {
            let got_some = batch.heads.len() > records_before;
            match self.cursor.poll(patience)? {
                Polled::Message(message) => {
                    push(batch, &message);
                    patience = Duration::ZERO;
                }
                Polled::End | Polled::Nothing if got_some => return Ok(()),
                Polled::End | Polled::Nothing => {
                    patience = deadline.saturating_duration_since(Instant::now());
                    if patience.is_zero() {
                        return Ok(());
                    }
                }
            }
            let full = batch.heads.len() - records_before >= bounds.records_max
                || batch.bytes.len() - bytes_before >= bounds.bytes_max;
            if full {
                return Ok(());
            }
        }
    }

    fn end(&self) -> Option<Offset> {
        self.cursor.end()
    }
}

fn push(batch: &mut InboundBatch, message: &BorrowedMessage<'_>) {
    let payload = message.payload().map(|payload| {
        let start = batch.bytes.len();
        batch.bytes.extend_from_slice(payload);
        start..batch.bytes.len()
    });
    let InboundHeaders { tick, source } = InboundHeaders::of(message);
    batch.heads.push(InboundHead {
        input: InputId(0),
        offset: Offset(u64::try_from(message.offset()).unwrap_or(0)),
        timestamp: timestamp(message),
        tick,
        source,
        payload,
    });
}

/// The broker's time of a record; records of a time before brokers noted it count as 1970.
pub(crate) fn timestamp(message: &BorrowedMessage<'_>) -> Timestamp {
    Timestamp::from_millis(message.timestamp().to_millis().unwrap_or(0))
}
