//! What can be asked of a broker.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use types::{LeaderEpoch, Offset, TopicName};

/// Kafka's identity of a topic: another one after the topic was deleted and made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub u128);

/// As Kafka's tools print it: URL-safe base64 without padding.
impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use base64::Engine as _;
        f.write_str(&base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.0.to_be_bytes()))
    }
}

/// Which end of a log is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetQuery {
    /// The first record kept.
    Earliest,
    /// One past the last committed record: the high watermark, not the leader's log end (finding F3).
    Latest,
}

/// What can be asked of a broker; always of partition 0.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Who leads, with which epoch, and who the brokers are. Never creates the topic.
    Metadata {
        /// Which topic.
        topic: TopicName,
    },
    /// What the broker knows of each producer id. Any replica answers: a hint, no proof (finding F4).
    DescribeProducers {
        /// Which topic.
        topic: TopicName,
    },
    /// An end of the log.
    ListOffsets {
        /// Which topic.
        topic: TopicName,
        /// Refused unless the broker leads with just this epoch; not checked when absent.
        leader_epoch: Option<LeaderEpoch>,
        /// Which end.
        which: OffsetQuery,
    },
    /// Where an epoch ends in this leader's log; for the current epoch the true log end.
    OffsetForLeaderEpoch {
        /// Which topic.
        topic: TopicName,
        /// Refused unless the broker leads with just this epoch; not checked when absent.
        current_epoch: Option<LeaderEpoch>,
        /// The epoch asked for.
        epoch: LeaderEpoch,
    },
    /// Append one batch, acknowledged by all in-sync replicas (`acks=all`).
    Produce {
        /// Which topic.
        topic: TopicName,
        /// Carried from version 13 on, so that a topic made anew refuses; without it an older version is used.
        topic_id: Option<TopicId>,
        /// How long the broker may wait for its followers.
        timeout: Duration,
        /// A whole batch of `crate::batch::BatchEncoder`.
        batch: Bytes,
    },
    /// Read from an offset on. Isolation is `read_uncommitted`: of an ordinary topic a leader shows consumers nothing
    /// at or above the high watermark in either isolation, and no transaction writes here.
    Fetch {
        /// Which topic.
        topic: TopicName,
        /// Carried from version 13 on; without it an older version is used.
        topic_id: Option<TopicId>,
        /// Refused unless the broker leads with just this epoch; not checked when absent.
        leader_epoch: Option<LeaderEpoch>,
        /// First record wanted; the batch it lies in comes whole.
        offset: Offset,
        /// How long the broker may hold the answer back while less than `min_bytes` are there.
        max_wait: Duration,
        /// See `max_wait`.
        min_bytes: u32,
        /// Bound of the answer's records; a larger first batch still comes whole.
        max_bytes: u32,
    },
}

impl Request {
    /// Kafka's name of it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Metadata { .. } => "Metadata",
            Self::DescribeProducers { .. } => "DescribeProducers",
            Self::ListOffsets { .. } => "ListOffsets",
            Self::OffsetForLeaderEpoch { .. } => "OffsetForLeaderEpoch",
            Self::Produce { .. } => "Produce",
            Self::Fetch { .. } => "Fetch",
        }
    }
}
