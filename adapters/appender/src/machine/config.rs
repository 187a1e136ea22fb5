//! What a machine is told once, at its start.

use std::time::Duration;

use ports::coordinator::HostPort;
use ports::output::WriterIdentity;
use types::{Offset, OutputIndex, SourceId, TopicName};

use crate::batch::Compression;

/// What a machine is told once, at its start.
#[derive(Debug, Clone)]
pub struct MachineConfig {
    /// The topic; its only partition is 0.
    pub topic: TopicName,
    /// See [`super::producer_id`]; the same for all replicas.
    pub producer_id: i64,
    /// Who writes, under which generation.
    pub identity: WriterIdentity,
    /// Who else may write.
    pub layout: Layout,
    /// Where to ask first who the brokers are; at least one.
    pub bootstrap: Vec<HostPort>,
    /// What the notebook knows of the topic.
    pub noted: Noted,
    /// How much at a time.
    pub bounds: Bounds,
    /// How long the brokers keep what the protection rests on.
    pub lifetimes: Lifetimes,
    /// How batches are compressed.
    pub compression: Compression,
}

/// Who else may write into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Only the replicas of one project (`.O`, `.dead`): offset = fence + 1 + index. All of them compute the same records.
    Sole,
    /// Only the replicas of one project (`.J`), likewise, but a record is what its writer proposes: the first one that stands
    /// in a place counts, and another one for that place is void. A push replaces the proposal before it; whoever pushes has
    /// read what stands before it from the log.
    Journal,
    /// Many sources side by side (`.I`): offsets prove nothing, every source is a producer of its own.
    Shared {
        /// This one.
        source: SourceId,
    },
}

/// What the notebook knows of the topic; a log may answer less after retention went over it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    /// The generation's fence record. Without it an emptied log looks like a new one, so it is noted as soon as known.
    pub fence: Option<Offset>,
    /// Where foreign records have moved the indexes to since, when they have.
    pub shifted: Option<Shifted>,
    /// The topic's id, as [`ports::output::OutputFact::Identified`] said it.
    pub topic_id: Option<String>,
}

/// From some index on offsets run further ahead than the generation's fence says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shifted {
    /// The fence's offset, moved on by every foreign record below.
    pub fence: Offset,
    /// The first index for which it holds.
    pub from: OutputIndex,
}

/// How much at a time; each says what happens at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Records of a batch; the rest waits for the next one.
    pub batch_records_max: usize,
    /// Bytes of a batch before compression; a single larger record still goes, alone.
    pub batch_bytes_max: usize,
    /// Produce requests without an answer, 1 or 2; at it outputs gather for the next batch.
    pub in_flight_max: usize,
    /// Bytes of one read of the tail; a larger batch still comes whole.
    pub fetch_bytes_max: u32,
    /// How long the leader holds an empty read back.
    pub fetch_wait: Duration,
    /// How long any other answer may take before the link counts as broken.
    pub request_timeout: Duration,
    /// Published outputs kept, so that a log that lost its end is healed without a restart; older ones are forgotten.
    pub kept_records_max: usize,
    /// Bytes of published outputs kept; see `kept_records_max`.
    pub kept_bytes_max: usize,
    /// Digests kept for comparison; at it every second one is forgotten, a later one covers it.
    pub checkpoints_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            batch_records_max: 5_000,
            batch_bytes_max: 900_000,
            in_flight_max: 2,
            fetch_bytes_max: 4 << 20,
            fetch_wait: Duration::from_millis(500),
            request_timeout: Duration::from_secs(5),
            kept_records_max: 20_000,
            kept_bytes_max: 8 << 20,
            checkpoints_max: 4_096,
        }
    }
}

/// How long the brokers keep what the protection rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// The smallest `producer.id.expiration.ms` of all brokers.
    pub producer_expiry_min: Duration,
    /// `retention.ms` of the topic; `None` when it is unlimited.
    pub retention: Option<Duration>,
}

impl Lifetimes {
    /// How old an anchor may be (rules R2, R6): a quarter, so that a request on its way and a slow clock fit into the rest.
    #[must_use]
    pub fn anchor_age_max(&self) -> Duration {
        self.retention.map_or(self.producer_expiry_min, |retention| retention.min(self.producer_expiry_min)) / 4
    }
}

impl Default for Lifetimes {
    /// Kafka's defaults for the expiry; retention unlimited.
    fn default() -> Self {
        Self { producer_expiry_min: Duration::from_secs(24 * 3600), retention: None }
    }
}
