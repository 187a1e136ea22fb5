//! The inbound topics: the write-ahead log that every replica reads in the same order.

use std::ops::Range;
use std::time::Duration;

use types::{InputId, Offset, SourceId, SourcePosition, Timestamp};

/// What an inbound record says about itself before its payload is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundHead {
    /// Which of the project's inbound topics; 0 where there is one.
    pub input: InputId,
    /// Its place in the topic.
    pub offset: Offset,
    /// The broker's time of it.
    pub timestamp: Timestamp,
    /// Time only, no events (header `esp-tick`).
    pub tick: bool,
    /// Which publisher sent it and how far its source is published with it, when it says so (header `esp-source`).
    pub source: Option<(SourceId, SourcePosition)>,
    /// Where its payload lies in [`InboundBatch::bytes`]; `None` for a null value.
    pub payload: Option<Range<usize>>,
}

/// Records as they were read, payloads end to end in one buffer that is used again.
#[derive(Debug, Default)]
pub struct InboundBatch {
    /// In the order in which all replicas process them; of one topic in offset order.
    pub heads: Vec<InboundHead>,
    /// All payloads.
    pub bytes: Vec<u8>,
    /// With several inbound topics: from where the journal has to be read to go on behind these records.
    pub journal: Option<Offset>,
}

impl InboundBatch {
    /// Forgets all records, keeps the memory.
    pub fn clear(&mut self) {
        self.heads.clear();
        self.bytes.clear();
        self.journal = None;
    }

    /// Adds a record of another batch as one of the topic `input`.
    pub fn take(&mut self, input: InputId, head: &InboundHead, from: &Self) {
        let payload = from.payload(head).map(|payload| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(payload);
            start..self.bytes.len()
        });
        self.heads.push(InboundHead { input, payload, ..head.clone() });
    }

    /// The payload of a head of this batch.
    #[must_use]
    pub fn payload(&self, head: &InboundHead) -> Option<&[u8]> {
        head.payload.clone().and_then(|range| self.bytes.get(range))
    }
}

/// How much one read may bring.
#[derive(Debug, Clone, Copy)]
pub struct ReadBounds {
    /// Records at most.
    pub records_max: usize,
    /// Payload bytes after which no further record is added.
    pub bytes_max: usize,
}

/// Why input can't be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The next record is gone; retention was shorter than this replica needs.
    #[error("need offset {needed}, earliest kept is {earliest}{}", advice(*.retention))]
    Truncated {
        /// What should have come next.
        needed: Offset,
        /// What the log still has.
        earliest: Offset,
        /// The retention that would have kept it, about, when somebody has looked.
        retention: Option<Duration>,
    },
    /// The log ends before what was already read: it was replaced or shortened.
    #[error("offset {needed} was expected, the log ends at {end}")]
    Shortened {
        /// What should have come next.
        needed: Offset,
        /// One past the log's last record.
        end: Offset,
    },
    /// The client says it can't go on.
    #[error("input topic can't be read: {reason}")]
    Failed {
        /// The client's words.
        reason: String,
    },
}

fn advice(retention: Option<Duration>) -> String {
    retention
        .map_or_else(String::new, |needed| format!(", a retention of about {} s would have kept it", needed.as_secs()))
}

/// An inbound topic, read from a given offset on; or several, in the order that the journal says.
///
/// Lost connections and leader changes are the implementation's business; it goes on where it was.
pub trait InputLog: Send {
    /// Waits for at least one record, at most `wait`, then adds what is there without waiting.
    ///
    /// # Errors
    /// [`InputError`]: none of them passes by itself.
    fn read(&mut self, batch: &mut InboundBatch, bounds: ReadBounds, wait: Duration) -> Result<(), InputError>;

    /// One past the newest record known of, for the lag.
    fn end(&self) -> Option<Offset>;
}
