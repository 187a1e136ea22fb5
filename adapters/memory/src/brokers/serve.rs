//! What one broker answers to one request.

use std::time::Duration;

use appender::batch::RecordSet;
use appender::wire::{
    Body, Broker, EpochEnd, ErrorCode, Fetched, LogOffset, Metadata, OffsetQuery, PartitionMetadata, Produced,
    ProducerState, Request, Response, TopicId,
};
use bytes::{Bytes, BytesMut};
use types::mutation::{Mutation, mutated};
use types::{LeaderEpoch, Offset, Tick, TopicName};

use super::cluster::{Cluster, NodeId, PartitionId};
use super::producers::{Judgement, Signature};
use super::replica::{Replica, Stored};

/// What becomes of a request.
#[derive(Debug)]
pub enum Outcome {
    /// The answer.
    Now(Response),
    /// It can't be answered yet; [`Cluster::revisit`] it when something changed.
    Later(Wait),
}

/// What an answer waits for.
#[derive(Debug, Clone)]
pub struct Wait {
    /// In which partition.
    pub partition: PartitionId,
    /// It is answered at this time at the latest.
    pub until: Tick,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    /// A batch lies in the log and waits until everything below `end` is committed.
    Committed { base: u64, end: u64, epoch: u32 },
    /// There is nothing to read at `offset` yet.
    Data { epoch: Option<LeaderEpoch>, offset: u64, bytes_max: usize },
}

impl Cluster {
    /// One broker serves one request.
    pub fn serve(&mut self, at: NodeId, request: &Request, now: Tick) -> Outcome {
        let (topic, topic_id) = named(request);
        let Some(partition) = self.find(topic, topic_id) else { return Outcome::Now(unknown(request, topic_id)) };
        let clock = self.clock(at, now);
        let expiry = self.settings.producer_expiry;
        self.partitions[partition.0].replicas[at.0].producers.expire(clock, expiry);
        match request {
            Request::Metadata { .. } => Outcome::Now(self.metadata(partition, at)),
            Request::DescribeProducers { .. } => Outcome::Now(self.producers(partition, at)),
            Request::ListOffsets { leader_epoch, which, .. } => {
                Outcome::Now(self.log_offset(partition, at, *leader_epoch, *which))
            }
            Request::OffsetForLeaderEpoch { current_epoch, .. } => {
                Outcome::Now(self.epoch_end(partition, at, *current_epoch))
            }
            Request::Produce { batch, timeout, .. } => self.produce(partition, at, batch, *timeout, now),
            Request::Fetch { leader_epoch, offset, max_wait, max_bytes, .. } => {
                let bytes_max = usize::try_from(*max_bytes).unwrap_or(usize::MAX);
                let what = What::Data { epoch: *leader_epoch, offset: offset.0, bytes_max };
                let wait = Wait { partition, until: now + *max_wait, what };
                self.revisit(at, &wait, now).map_or(Outcome::Later(wait), Outcome::Now)
            }
        }
    }

    /// An answer that waited, if it can be given now.
    #[must_use]
    pub fn revisit(&self, at: NodeId, wait: &Wait, now: Tick) -> Option<Response> {
        let replica = self.partitions[wait.partition.0].replica(at);
        let due = wait.until <= now;
        match &wait.what {
            What::Committed { base, end, epoch } => {
                if replica.leading.is_none() || replica.belief.epoch != *epoch {
                    return Some(produced(None, Some(ErrorCode::NOT_LEADER_OR_FOLLOWER)));
                }
                if replica.high >= *end || mutated(Mutation::AcknowledgesEarly) {
                    return Some(produced(Some(*base), None));
                }
                due.then(|| produced(None, Some(ErrorCode::REQUEST_TIMED_OUT)))
            }
            What::Data { epoch, offset, bytes_max } => {
                let refuse = |error| Some(answer(Some(error), Body::Fetched(Fetched::default())));
                if let Err(error) = leads(replica, *epoch) {
                    return refuse(error);
                }
                if *offset > replica.end() || *offset < replica.start {
                    return refuse(ErrorCode::OFFSET_OUT_OF_RANGE);
                }
                (due || *offset < replica.high).then(|| fetched(replica, *offset, *bytes_max))
            }
        }
    }

    /// The partition of a topic.
    #[must_use]
    pub fn find(&self, topic: Option<&TopicName>, id: Option<TopicId>) -> Option<PartitionId> {
        let place = self.partitions.iter().position(|partition| match id {
            Some(id) => partition.id == id,
            None => Some(&partition.topic) == topic,
        })?;
        Some(PartitionId(place))
    }

    fn metadata(&self, partition: PartitionId, at: NodeId) -> Response {
        let partition = &self.partitions[partition.0];
        let belief = partition.replica(at).belief;
        let number = |node: usize| i32::try_from(node).unwrap_or(i32::MAX);
        let broker = |node: usize| Broker { node: number(node), address: Self::address(NodeId(node)) };
        let partition_metadata = PartitionMetadata {
            leader: belief.leader.map(number),
            leader_epoch: Some(LeaderEpoch(belief.epoch)),
            replicas: (0..self.nodes.len()).map(number).collect(),
            isr: partition.isr.iter().copied().map(number).collect(),
            offline: Vec::new(),
        };
        let metadata = Metadata {
            brokers: (0..self.nodes.len()).map(broker).collect(),
            topic_id: Some(partition.id),
            partitions: 1,
            partition: Some(partition_metadata),
        };
        let error = belief.leader.is_none().then_some(ErrorCode::LEADER_NOT_AVAILABLE);
        answer(error, Body::Metadata(Box::new(metadata)))
    }

    fn producers(&self, partition: PartitionId, at: NodeId) -> Response {
        let known = self.partitions[partition.0].replica(at).producers.all();
        let state = |(id, epoch, last_sequence): (i64, i16, Option<i32>)| ProducerState {
            id,
            epoch: epoch.into(),
            last_sequence,
            last_timestamp: None,
        };
        answer(None, Body::Producers(known.map(state).collect()))
    }

    fn log_offset(
        &self,
        partition: PartitionId,
        at: NodeId,
        epoch: Option<LeaderEpoch>,
        which: OffsetQuery,
    ) -> Response {
        let replica = self.partitions[partition.0].replica(at);
        let found = |offset| Body::Offset(LogOffset { offset, leader_epoch: None });
        if let Err(error) = leads(replica, epoch) {
            return answer(Some(error), found(None));
        }
        let young = replica.leading.as_ref().is_some_and(|leading| replica.high < leading.from);
        match which {
            OffsetQuery::Earliest => answer(None, found(Some(Offset(replica.start)))),
            OffsetQuery::Latest if young => answer(Some(ErrorCode::OFFSET_NOT_AVAILABLE), found(None)),
            OffsetQuery::Latest => answer(None, found(Some(Offset(replica.high)))),
        }
    }

    fn epoch_end(&self, partition: PartitionId, at: NodeId, epoch: Option<LeaderEpoch>) -> Response {
        let replica = self.partitions[partition.0].replica(at);
        if let Err(error) = leads(replica, epoch) {
            return answer(Some(error), Body::EpochEnd(EpochEnd::default()));
        }
        answer(None, Body::EpochEnd(EpochEnd { epoch, end: Some(Offset(replica.end())) }))
    }

    /// In the broker's own order: who leads, enough in sync, size, checksum, and only then the sequence.
    fn produce(&mut self, partition: PartitionId, at: NodeId, batch: &Bytes, timeout: Duration, now: Tick) -> Outcome {
        let refuse = |error| Outcome::Now(produced(None, Some(error)));
        let appended = self.clock(at, now);
        let (min_isr, bytes_max) = (self.settings.min_isr, self.settings.batch_bytes_max);
        let held = &mut self.partitions[partition.0];
        let replica = &mut held.replicas[at.0];
        let Some(leading) = &replica.leading else { return refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER) };
        if leading.isr.len() < min_isr {
            return refuse(ErrorCode::NOT_ENOUGH_REPLICAS);
        }
        if batch.len() > bytes_max {
            return refuse(ErrorCode::MESSAGE_TOO_LARGE);
        }
        let Some((count, signature)) = read(batch) else { return refuse(ErrorCode::CORRUPT_MESSAGE) };
        let judged = signature.as_ref().map_or(Judgement::Append, |signature| replica.producers.judge(signature));
        let epoch = replica.belief.epoch;
        let base = match judged {
            Judgement::Refuse(error) => return refuse(error),
            Judgement::Repeat(base) => base,
            Judgement::Append => {
                let base = replica.end();
                let bytes = placed(batch, base, epoch);
                replica.push(Stored { base, count, epoch, at: appended, bytes, signature });
                if !self.appended.contains(&partition) {
                    self.appended.push(partition);
                }
                base
            }
        };
        held.raise_high(at.0, min_isr);
        let what = What::Committed { base, end: base + count, epoch };
        let wait = Wait { partition, until: now + timeout, what };
        self.revisit(at, &wait, now).map_or(Outcome::Later(wait), Outcome::Now)
    }
}

/// The topic that a request names, one way or the other.
fn named(request: &Request) -> (Option<&TopicName>, Option<TopicId>) {
    match request {
        Request::Metadata { topic }
        | Request::DescribeProducers { topic }
        | Request::ListOffsets { topic, .. }
        | Request::OffsetForLeaderEpoch { topic, .. } => (Some(topic), None),
        Request::Produce { topic, topic_id, .. } | Request::Fetch { topic, topic_id, .. } => (Some(topic), *topic_id),
    }
}

fn unknown(request: &Request, id: Option<TopicId>) -> Response {
    let error = match id {
        Some(_) => ErrorCode::UNKNOWN_TOPIC_ID,
        None => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    };
    let body = match request {
        Request::Metadata { .. } => Body::Metadata(Box::default()),
        Request::DescribeProducers { .. } => Body::Producers(Vec::new()),
        Request::ListOffsets { .. } => Body::Offset(LogOffset::default()),
        Request::OffsetForLeaderEpoch { .. } => Body::EpochEnd(EpochEnd::default()),
        Request::Produce { .. } => Body::Produced(Produced::default()),
        Request::Fetch { .. } => Body::Fetched(Fetched::default()),
    };
    answer(Some(error), body)
}

fn leads(replica: &Replica, epoch: Option<LeaderEpoch>) -> Result<(), ErrorCode> {
    match epoch {
        Some(epoch) if epoch.0 < replica.belief.epoch => Err(ErrorCode::FENCED_LEADER_EPOCH),
        Some(epoch) if epoch.0 > replica.belief.epoch => Err(ErrorCode::UNKNOWN_LEADER_EPOCH),
        Some(_) | None if replica.leading.is_none() => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER),
        Some(_) | None => Ok(()),
    }
}

/// How many records, and whose; `None` when it is no batch.
fn read(bytes: &[u8]) -> Option<(u64, Option<Signature>)> {
    let batch = RecordSet::new(bytes).next_batch().ok().flatten()?;
    let count = u64::try_from(batch.count).ok().filter(|count| *count > 0)?;
    let signature = batch.producer_id.map(|id| Signature::new(id, batch.producer_epoch, batch.base_sequence, count));
    Some((count, signature))
}

/// The broker writes offset and epoch into the batch; its checksum doesn't cover them.
fn placed(batch: &Bytes, base: u64, epoch: u32) -> Bytes {
    let mut bytes = BytesMut::from(&batch[..]);
    bytes[..8].copy_from_slice(&base.to_be_bytes());
    bytes[12..16].copy_from_slice(&epoch.to_be_bytes());
    bytes.freeze()
}

fn fetched(replica: &Replica, offset: u64, bytes_max: usize) -> Response {
    let readable = replica.from(offset).iter().take_while(|stored| stored.end() <= replica.high);
    let mut records = BytesMut::new();
    for stored in readable {
        if !records.is_empty() && records.len() + stored.bytes.len() > bytes_max {
            break;
        }
        records.extend_from_slice(&stored.bytes);
    }
    let fetched = Fetched {
        high_watermark: Some(Offset(replica.high)),
        log_start: Some(Offset(replica.start)),
        records: records.freeze(),
    };
    answer(None, Body::Fetched(fetched))
}

fn produced(base: Option<u64>, error: Option<ErrorCode>) -> Response {
    let produced = Produced { base_offset: base.map(Offset), log_append_time: None, log_start: None };
    answer(error, Body::Produced(produced))
}

fn answer(error: Option<ErrorCode>, body: Body) -> Response {
    Response { error, message: None, throttle: Duration::ZERO, leader: None, body }
}
