//! Requests as frames. The codec writes all but the Produce envelope, which lies on the hot path and is a few bytes around a batch.

use bytes::{BufMut as _, Bytes, BytesMut};
use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::messages::{
    ApiVersionsRequest, DescribeProducersRequest, FetchRequest, ListOffsetsRequest, MetadataRequest,
    OffsetForLeaderEpochRequest, RequestHeader, SaslAuthenticateRequest, SaslHandshakeRequest,
};
use kafka_protocol::messages::{BrokerId, TopicName as WireTopicName};
use kafka_protocol::protocol::{Encodable, StrBytes};
use types::{LeaderEpoch, Offset, TopicName};

use super::call::{self, Call};
use super::{OffsetQuery, Request, TopicId};
use crate::error::Error;
use crate::link::BrokerVersions;

/// What both sides agreed to say about a partition whose leader epoch isn't known: no check.
const NO_LEADER_EPOCH: i32 = -1;
/// A client, not a follower.
const CONSUMER: BrokerId = BrokerId(-1);
/// Wait for all in-sync replicas.
const ACKS_ALL: i16 = -1;
/// Two empty lists of tagged fields for partition and topic, one for the request.
const PRODUCE_TAIL: &[u8] = &[0, 0, 0];

/// A request ready to be sent: its parts in order, the batch not copied.
#[derive(Debug)]
pub(crate) struct Frame {
    /// From the length on.
    pub(crate) head: Bytes,
    /// The record batch of a Produce request; else empty.
    pub(crate) batch: Bytes,
    /// What follows the batch; else empty.
    pub(crate) tail: &'static [u8],
    /// What the answer must be read as.
    pub(crate) call: Call,
    /// In which version.
    pub(crate) version: i16,
}

/// The header's part that differs between requests of one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope<'a> {
    /// Says which response belongs to the request.
    pub(crate) correlation: i32,
    /// Stands in the broker's logs and quotas; see [`crate::connection::CLIENT_ID_BYTES_MAX`].
    pub(crate) client_id: &'a str,
}

/// Asks what the broker speaks.
pub(crate) fn api_versions(envelope: Envelope<'_>) -> Result<Frame, Error> {
    let body = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("understudy"))
        .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
    by_codec(envelope, Call::ApiVersions, call::API_VERSIONS, &body)
}

/// Names the SASL mechanism.
pub(crate) fn sasl_handshake(envelope: Envelope<'_>, mechanism: &'static str) -> Result<Frame, Error> {
    let body = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism));
    by_codec(envelope, Call::SaslHandshake, call::SASL_HANDSHAKE, &body)
}

/// Carries SASL bytes.
pub(crate) fn sasl_authenticate(envelope: Envelope<'_>, message: Vec<u8>) -> Result<Frame, Error> {
    let body = SaslAuthenticateRequest::default().with_auth_bytes(message.into());
    by_codec(envelope, Call::SaslAuthenticate, call::SASL_AUTHENTICATE, &body)
}

/// Encodes a request in the version that the broker and the request's data allow.
pub(crate) fn request(envelope: Envelope<'_>, versions: BrokerVersions, request: Request) -> Result<Frame, Error> {
    match request {
        Request::Metadata { topic } => by_codec(envelope, Call::Metadata, call::METADATA, &metadata(topic)),
        Request::DescribeProducers { topic } => {
            by_codec(envelope, Call::DescribeProducers, call::DESCRIBE_PRODUCERS, &describe_producers(topic))
        }
        Request::ListOffsets { topic, leader_epoch, which } => {
            by_codec(envelope, Call::ListOffsets, call::LIST_OFFSETS, &list_offsets(topic, leader_epoch, which))
        }
        Request::OffsetForLeaderEpoch { topic, current_epoch, epoch } => {
            let body = offset_for_leader_epoch(topic, current_epoch, epoch);
            by_codec(envelope, Call::OffsetForLeaderEpoch, call::OFFSET_FOR_LEADER_EPOCH, &body)
        }
        Request::Produce { topic, topic_id, timeout, batch } => {
            Ok(produce(envelope, versions.produce, &topic, topic_id, millis(timeout), batch))
        }
        Request::Fetch { topic, topic_id, leader_epoch, offset, max_wait, min_bytes, max_bytes } => {
            let version = match topic_id {
                Some(_) => versions.fetch,
                None => versions.fetch.min(call::FETCH_BY_ID - 1),
            };
            let partition = fetch_partition(leader_epoch, offset, max_bytes);
            let mut wanted = FetchTopic::default().with_partitions(vec![partition]);
            wanted = match topic_id {
                // The codec's own type for ids has no name outside of it, but a text form.
                Some(TopicId(id)) if version >= call::FETCH_BY_ID => {
                    wanted.with_topic_id(format!("{id:032x}").parse().map_err(|error| refused(Call::Fetch, &error))?)
                }
                Some(_) | None => wanted.with_topic(name(topic)),
            };
            let body = FetchRequest::default()
                .with_max_wait_ms(millis(max_wait))
                .with_min_bytes(saturated(min_bytes))
                .with_max_bytes(saturated(max_bytes))
                .with_topics(vec![wanted]);
            by_codec(envelope, Call::Fetch, version, &body)
        }
    }
}

fn metadata(topic: TopicName) -> MetadataRequest {
    MetadataRequest::default()
        .with_topics(Some(vec![MetadataRequestTopic::default().with_name(Some(name(topic)))]))
        .with_allow_auto_topic_creation(false)
}

fn describe_producers(topic: TopicName) -> DescribeProducersRequest {
    DescribeProducersRequest::default()
        .with_topics(vec![TopicRequest::default().with_name(name(topic)).with_partition_indexes(vec![0])])
}

fn list_offsets(topic: TopicName, leader_epoch: Option<LeaderEpoch>, which: OffsetQuery) -> ListOffsetsRequest {
    let timestamp = match which {
        OffsetQuery::Earliest => -2,
        OffsetQuery::Latest => -1,
    };
    let partition = ListOffsetsPartition::default()
        .with_current_leader_epoch(epoch_or_none(leader_epoch))
        .with_timestamp(timestamp);
    ListOffsetsRequest::default()
        .with_replica_id(CONSUMER)
        .with_topics(vec![ListOffsetsTopic::default().with_name(name(topic)).with_partitions(vec![partition])])
}

fn offset_for_leader_epoch(
    topic: TopicName,
    current: Option<LeaderEpoch>,
    epoch: LeaderEpoch,
) -> OffsetForLeaderEpochRequest {
    let partition = OffsetForLeaderPartition::default()
        .with_current_leader_epoch(epoch_or_none(current))
        .with_leader_epoch(epoch_or_none(Some(epoch)));
    OffsetForLeaderEpochRequest::default()
        .with_replica_id(CONSUMER)
        .with_topics(vec![OffsetForLeaderTopic::default().with_topic(name(topic)).with_partitions(vec![partition])])
}

fn fetch_partition(leader_epoch: Option<LeaderEpoch>, offset: Offset, max_bytes: u32) -> FetchPartition {
    FetchPartition::default()
        .with_current_leader_epoch(epoch_or_none(leader_epoch))
        .with_fetch_offset(i64::try_from(offset.0).unwrap_or(i64::MAX))
        .with_partition_max_bytes(saturated(max_bytes))
}

/// Kafka's Produce request around one batch; all versions from 10 to 13 differ only in how they name the topic.
fn produce(
    envelope: Envelope<'_>,
    highest: i16,
    topic: &TopicName,
    topic_id: Option<TopicId>,
    timeout_ms: i32,
    batch: Bytes,
) -> Frame {
    let version = match topic_id {
        Some(_) => highest,
        None => highest.min(call::PRODUCE_BY_ID - 1),
    };
    let mut head = BytesMut::with_capacity(64 + envelope.client_id.len() + topic.as_str().len());
    head.put_i32(0); // The frame's length, known at the end.
    head.put_i16(Call::Produce.key() as i16);
    head.put_i16(version);
    head.put_i32(envelope.correlation);
    head.put_u16(envelope.client_id.len() as u16);
    head.put_slice(envelope.client_id.as_bytes());
    head.put_u8(0); // No tagged fields in the header.
    head.put_u8(0); // No transactional id: null, an empty one would mean a transaction.
    head.put_i16(ACKS_ALL);
    head.put_i32(timeout_ms);
    head.put_u8(2); // One topic; compact lengths count in one more.
    match topic_id {
        Some(TopicId(id)) if version >= call::PRODUCE_BY_ID => head.put_u128(id),
        Some(_) | None => {
            put_uvarint(&mut head, topic.as_str().len() + 1);
            head.put_slice(topic.as_str().as_bytes());
        }
    }
    head.put_u8(2); // One partition, number 0.
    head.put_i32(0);
    put_uvarint(&mut head, batch.len() + 1);
    let length = head.len() - 4 + batch.len() + PRODUCE_TAIL.len();
    set_length(&mut head, length);
    Frame { head: head.freeze(), batch, tail: PRODUCE_TAIL, call: Call::Produce, version }
}

fn by_codec(envelope: Envelope<'_>, call: Call, version: i16, body: &impl Encodable) -> Result<Frame, Error> {
    let header = RequestHeader::default()
        .with_request_api_key(call.key() as i16)
        .with_request_api_version(version)
        .with_correlation_id(envelope.correlation)
        .with_client_id(Some(StrBytes::from_string(envelope.client_id.to_owned())));
    let mut head = BytesMut::with_capacity(256);
    head.put_i32(0);
    header.encode(&mut head, call.key().request_header_version(version)).map_err(|error| refused(call, &error))?;
    body.encode(&mut head, version).map_err(|error| refused(call, &error))?;
    let length = head.len() - 4;
    set_length(&mut head, length);
    Ok(Frame { head: head.freeze(), batch: Bytes::new(), tail: &[], call, version })
}

fn refused(call: Call, error: &dyn std::fmt::Display) -> Error {
    Error::Encode { api: call.key() as i16, reason: error.to_string() }
}

fn set_length(head: &mut BytesMut, length: usize) {
    let length = i32::try_from(length).unwrap_or(i32::MAX);
    head[..4].copy_from_slice(&length.to_be_bytes());
}

fn put_uvarint(out: &mut BytesMut, mut value: usize) {
    while value >= 0x80 {
        out.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

fn name(topic: TopicName) -> WireTopicName {
    WireTopicName(StrBytes::from_string(topic.0))
}

fn epoch_or_none(epoch: Option<LeaderEpoch>) -> i32 {
    epoch.map_or(NO_LEADER_EPOCH, |epoch| i32::try_from(epoch.0).unwrap_or(i32::MAX))
}

fn millis(duration: std::time::Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

fn saturated(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
