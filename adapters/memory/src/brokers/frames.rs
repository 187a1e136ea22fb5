//! What a client's frame asks, read with the broker's half of the codec.

use std::time::Duration;

use appender::wire::{OffsetQuery, Request, TopicId};
use bytes::{Buf as _, Bytes};
use kafka_protocol::messages::{
    ApiKey, DescribeProducersRequest, FetchRequest, ListOffsetsRequest, MetadataRequest, OffsetForLeaderEpochRequest,
    ProduceRequest, RequestHeader,
};
use kafka_protocol::protocol::Decodable;
use types::{LeaderEpoch, Offset, TopicName};

/// The lowest Produce and Fetch versions whose topics go by id.
const BY_ID: i16 = 13;
/// Kafka's "earliest" in place of a time.
const EARLIEST: i64 = -2;

/// A frame as it was understood.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) key: ApiKey,
    pub(super) version: i16,
    pub(super) correlation: i32,
    /// `None` for ApiVersions, which asks nothing of the logs.
    pub(super) request: Option<Request>,
}

/// Reads one frame without its length; `None` when a broker would close the connection.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "Kafka's requests are many; all that the appender doesn't ask are alike"
)]
pub(super) fn read(mut frame: Bytes) -> Option<Asked> {
    let (key, version) = (frame.get(..2)?, frame.get(2..4)?);
    let key = ApiKey::try_from(i16::from_be_bytes(key.try_into().ok()?)).ok()?;
    let version = i16::from_be_bytes(version.try_into().ok()?);
    let header = RequestHeader::decode(&mut frame, key.request_header_version(version)).ok()?;
    let request = match key {
        ApiKey::ApiVersions => None,
        ApiKey::Metadata => Some(metadata(&body(&mut frame, version)?)?),
        ApiKey::DescribeProducers => Some(producers(&body(&mut frame, version)?)?),
        ApiKey::ListOffsets => Some(log_offset(&body(&mut frame, version)?)?),
        ApiKey::OffsetForLeaderEpoch => Some(epoch_end(&body(&mut frame, version)?)?),
        ApiKey::Produce => Some(produce(body(&mut frame, version)?, version)?),
        ApiKey::Fetch => Some(fetch(&body(&mut frame, version)?, version)?),
        _ => return None,
    };
    if key != ApiKey::ApiVersions && frame.has_remaining() {
        return None;
    }
    Some(Asked { key, version, correlation: header.correlation_id, request })
}

fn body<T: Decodable>(frame: &mut Bytes, version: i16) -> Option<T> {
    T::decode(frame, version).ok()
}

fn metadata(body: &MetadataRequest) -> Option<Request> {
    let topic = body.topics.as_ref()?.first()?.name.as_ref()?;
    Some(Request::Metadata { topic: name(topic) })
}

fn producers(body: &DescribeProducersRequest) -> Option<Request> {
    Some(Request::DescribeProducers { topic: name(&body.topics.first()?.name) })
}

fn log_offset(body: &ListOffsetsRequest) -> Option<Request> {
    let topic = body.topics.first()?;
    let partition = topic.partitions.first()?;
    let which = if partition.timestamp == EARLIEST { OffsetQuery::Earliest } else { OffsetQuery::Latest };
    let leader_epoch = epoch(partition.current_leader_epoch);
    Some(Request::ListOffsets { topic: name(&topic.name), leader_epoch, which })
}

fn epoch_end(body: &OffsetForLeaderEpochRequest) -> Option<Request> {
    let topic = body.topics.first()?;
    let partition = topic.partitions.first()?;
    Some(Request::OffsetForLeaderEpoch {
        topic: name(&topic.topic),
        current_epoch: epoch(partition.current_leader_epoch),
        epoch: epoch(partition.leader_epoch)?,
    })
}

fn produce(body: ProduceRequest, version: i16) -> Option<Request> {
    let timeout = millis(body.timeout_ms);
    let mut topic = body.topic_data.into_iter().next()?;
    let batch = topic.partition_data.pop()?.records?;
    Some(Request::Produce {
        topic: name(&topic.name),
        topic_id: (version >= BY_ID).then(|| TopicId(topic.topic_id.as_u128())),
        timeout,
        batch,
    })
}

fn fetch(body: &FetchRequest, version: i16) -> Option<Request> {
    let topic = body.topics.first()?;
    let partition = topic.partitions.first()?;
    Some(Request::Fetch {
        topic: name(&topic.topic),
        topic_id: (version >= BY_ID).then(|| TopicId(topic.topic_id.as_u128())),
        leader_epoch: epoch(partition.current_leader_epoch),
        offset: Offset(u64::try_from(partition.fetch_offset).ok()?),
        max_wait: millis(body.max_wait_ms),
        min_bytes: u32::try_from(body.min_bytes).unwrap_or(0),
        max_bytes: u32::try_from(partition.partition_max_bytes).unwrap_or(0),
    })
}

fn name(name: &kafka_protocol::messages::TopicName) -> TopicName {
    TopicName::from(name.as_str())
}

fn epoch(epoch: i32) -> Option<LeaderEpoch> {
    u32::try_from(epoch).ok().map(LeaderEpoch)
}

fn millis(millis: i32) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
