//! What a broker answers.

use std::time::Duration;

use bytes::Bytes;
use ports::coordinator::HostPort;
use types::{LeaderEpoch, Offset, Timestamp};

use super::{ErrorCode, TopicId};

/// A broker's answer. With an error the body's numbers mean nothing unless their doc says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The first error in it: of the request, the topic or the partition.
    pub error: Option<ErrorCode>,
    /// The broker's own words on the error, where the protocol has room for them.
    pub message: Option<String>,
    /// How long the broker asks us to stay silent on this link.
    pub throttle: Duration,
    /// Who leads instead, where the protocol says it (`CurrentLeader` in Produce and Fetch).
    pub leader: Option<LeaderHint>,
    /// By kind of the request.
    pub body: Body,
}

/// The kinds of answers, one per kind of request.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// To Metadata.
    Metadata(Box<Metadata>),
    /// To DescribeProducers: every producer id that the broker knows in this partition.
    Producers(Vec<ProducerState>),
    /// To ListOffsets.
    Offset(LogOffset),
    /// To OffsetForLeaderEpoch.
    EpochEnd(EpochEnd),
    /// To Produce.
    Produced(Produced),
    /// To Fetch.
    Fetched(Fetched),
}

/// A broker that refuses because it doesn't lead may say who does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderHint {
    /// Kafka's node id of the leader.
    pub node: i32,
    /// With which epoch it leads.
    pub epoch: LeaderEpoch,
    /// Where it listens, when the answer says it.
    pub address: Option<HostPort>,
}

/// One broker of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Kafka's node id.
    pub node: i32,
    /// Where it listens.
    pub address: HostPort,
}

/// The cluster and the topic as one broker sees them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// Every live broker; also filled when there is an error.
    pub brokers: Vec<Broker>,
    /// The topic's identity, where the broker knows one.
    pub topic_id: Option<TopicId>,
    /// How many partitions the topic has.
    pub partitions: usize,
    /// Partition 0, when the topic has it; also filled when the error is the partition's.
    pub partition: Option<PartitionMetadata>,
}

/// Partition 0 as one broker sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionMetadata {
    /// Node id of the leader; `None` while there is none.
    pub leader: Option<i32>,
    /// The leader's epoch, where the broker says it.
    pub leader_epoch: Option<LeaderEpoch>,
    /// Node ids that should hold it.
    pub replicas: Vec<i32>,
    /// Node ids that are in sync.
    pub isr: Vec<i32>,
    /// Node ids of replicas that are down.
    pub offline: Vec<i32>,
}

/// What a broker knows of one producer id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerState {
    /// Producer id.
    pub id: i64,
    /// Producer epoch.
    pub epoch: i32,
    /// Sequence of its last record; `None` when the broker knows the epoch only.
    pub last_sequence: Option<i32>,
    /// Time of its last batch.
    pub last_timestamp: Option<Timestamp>,
}

/// One end of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogOffset {
    /// `None` when the broker gave none.
    pub offset: Option<Offset>,
    /// Epoch of the record there, where known.
    pub leader_epoch: Option<LeaderEpoch>,
}

/// Where an epoch ends in the leader's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EpochEnd {
    /// The largest epoch in the log that isn't above the one asked for; `None` when there is none.
    pub epoch: Option<LeaderEpoch>,
    /// One past that epoch's last record; `None` when there is none.
    pub end: Option<Offset>,
}

/// A batch was taken, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Produced {
    /// Offset of the batch's first record; `None` when the broker gave none, as with most errors.
    pub base_offset: Option<Offset>,
    /// The broker's time of the batch on topics with `LogAppendTime`; on others `None` for a fresh append.
    pub log_append_time: Option<Timestamp>,
    /// First offset kept in the log, where known.
    pub log_start: Option<Offset>,
}

/// Records, as they lie in the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fetched {
    /// One past the last committed record; `None` when the broker gave none, as with errors.
    pub high_watermark: Option<Offset>,
    /// First offset kept in the log.
    pub log_start: Option<Offset>,
    /// Batches for `crate::batch::RecordSet`; may begin below the offset asked for and end in the middle of a batch.
    pub records: Bytes,
}
