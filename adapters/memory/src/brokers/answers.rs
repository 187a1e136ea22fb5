//! Answers as frames, written with the broker's half of the codec.

use appender::link::BrokerVersions;
use appender::wire::{Body, ErrorCode, Fetched, Metadata, Produced, ProducerState, Request, Response, TopicId};
use bytes::{BufMut as _, Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::describe_producers_response as describe;
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, BrokerId, DescribeProducersResponse, FetchResponse, ListOffsetsResponse,
    MetadataResponse, OffsetForLeaderEpochResponse, ProduceResponse, ProducerId, ResponseHeader,
};
use kafka_protocol::protocol::{Encodable, StrBytes};
use types::Offset;

use super::frames::Asked;

/// What an absent number is on the wire.
const NONE: i64 = -1;

/// What the broker speaks, as a frame.
pub(super) fn api_versions(asked: &Asked, versions: BrokerVersions) -> Option<Bytes> {
    let range = |key: ApiKey, min, max| {
        ApiVersion::default().with_api_key(key as i16).with_min_version(min).with_max_version(max)
    };
    let mut keys = vec![
        range(ApiKey::Produce, 3, versions.produce),
        range(ApiKey::Fetch, 4, versions.fetch),
        range(ApiKey::ListOffsets, 1, 10),
        range(ApiKey::Metadata, 0, 13),
        range(ApiKey::ApiVersions, 0, 4),
    ];
    if versions.offset_for_leader_epoch {
        keys.push(range(ApiKey::OffsetForLeaderEpoch, 2, 4));
    }
    if versions.describe_producers {
        keys.push(range(ApiKey::DescribeProducers, 0, 0));
    }
    frame(asked, &ApiVersionsResponse::default().with_api_keys(keys))
}

/// An answer as a frame; `None` when it can't be said in the version asked for.
pub(super) fn write(asked: &Asked, response: &Response) -> Option<Bytes> {
    let request = asked.request.as_ref()?;
    let error = response.error.map_or(0, |ErrorCode(code)| code);
    match &response.body {
        Body::Metadata(metadata) => frame(asked, &metadata_answer(request, error, metadata)?),
        Body::Producers(producers) => frame(asked, &producers_answer(request, error, producers)),
        Body::Offset(found) => {
            let partition = ListOffsetsPartitionResponse::default()
                .with_error_code(error)
                .with_offset(offset(found.offset))
                .with_leader_epoch(-1);
            let topic = ListOffsetsTopicResponse::default().with_name(name(request)).with_partitions(vec![partition]);
            frame(asked, &ListOffsetsResponse::default().with_topics(vec![topic]))
        }
        Body::EpochEnd(end) => {
            let partition = EpochEndOffset::default()
                .with_error_code(error)
                .with_leader_epoch(end.epoch.map_or(-1, |epoch| i32::try_from(epoch.0).unwrap_or(-1)))
                .with_end_offset(offset(end.end));
            let topic =
                OffsetForLeaderTopicResult::default().with_topic(name(request)).with_partitions(vec![partition]);
            frame(asked, &OffsetForLeaderEpochResponse::default().with_topics(vec![topic]))
        }
        Body::Produced(produced) => frame(asked, &produced_answer(request, error, produced)?),
        Body::Fetched(fetched) => frame(asked, &fetched_answer(request, error, fetched)?),
    }
}

fn metadata_answer(request: &Request, error: i16, metadata: &Metadata) -> Option<MetadataResponse> {
    let broker = |broker: &appender::wire::Broker| {
        MetadataResponseBroker::default()
            .with_node_id(BrokerId(broker.node))
            .with_host(StrBytes::from_string(broker.address.host.clone()))
            .with_port(broker.address.port.into())
    };
    let numbers = |nodes: &[i32]| nodes.iter().map(|node| BrokerId(*node)).collect::<Vec<_>>();
    let partitions = metadata.partition.as_ref().map(|partition| {
        let epoch = partition.leader_epoch.map_or(-1, |epoch| i32::try_from(epoch.0).unwrap_or(-1));
        MetadataResponsePartition::default()
            .with_error_code(error)
            .with_leader_id(BrokerId(partition.leader.unwrap_or(-1)))
            .with_leader_epoch(epoch)
            .with_replica_nodes(numbers(&partition.replicas))
            .with_isr_nodes(numbers(&partition.isr))
    });
    let topic = MetadataResponseTopic::default()
        .with_error_code(if metadata.partition.is_some() { 0 } else { error })
        .with_name(Some(name(request)))
        .with_topic_id(id_bytes(metadata.topic_id).try_into().ok()?)
        .with_partitions(partitions.into_iter().collect());
    Some(
        MetadataResponse::default()
            .with_brokers(metadata.brokers.iter().map(broker).collect())
            .with_cluster_id(None)
            .with_controller_id(BrokerId(0))
            .with_topics(vec![topic]),
    )
}

fn producers_answer(request: &Request, error: i16, producers: &[ProducerState]) -> DescribeProducersResponse {
    let state = |state: &ProducerState| {
        describe::ProducerState::default()
            .with_producer_id(ProducerId(state.id))
            .with_producer_epoch(state.epoch)
            .with_last_sequence(state.last_sequence.unwrap_or(-1))
            .with_last_timestamp(NONE)
            .with_current_txn_start_offset(NONE)
    };
    let partition = describe::PartitionResponse::default()
        .with_error_code(error)
        .with_error_message(None)
        .with_active_producers(producers.iter().map(state).collect());
    let topic = describe::TopicResponse::default().with_name(name(request)).with_partitions(vec![partition]);
    DescribeProducersResponse::default().with_topics(vec![topic])
}

fn produced_answer(request: &Request, error: i16, produced: &Produced) -> Option<ProduceResponse> {
    let partition = PartitionProduceResponse::default()
        .with_error_code(error)
        .with_base_offset(offset(produced.base_offset))
        .with_log_append_time_ms(NONE)
        .with_log_start_offset(NONE)
        .with_error_message(None);
    let topic = TopicProduceResponse::default()
        .with_name(name(request))
        .with_topic_id(id_bytes(topic_id(request)).try_into().ok()?)
        .with_partition_responses(vec![partition]);
    Some(ProduceResponse::default().with_responses(vec![topic]))
}

fn fetched_answer(request: &Request, error: i16, fetched: &Fetched) -> Option<FetchResponse> {
    let partition = PartitionData::default()
        .with_error_code(error)
        .with_high_watermark(offset(fetched.high_watermark))
        .with_last_stable_offset(offset(fetched.high_watermark))
        .with_log_start_offset(offset(fetched.log_start))
        .with_preferred_read_replica(BrokerId(-1))
        .with_aborted_transactions(None)
        .with_records(Some(fetched.records.clone()));
    let topic = FetchableTopicResponse::default()
        .with_topic(name(request))
        .with_topic_id(id_bytes(topic_id(request)).try_into().ok()?)
        .with_partitions(vec![partition]);
    Some(FetchResponse::default().with_responses(vec![topic]))
}

fn frame(asked: &Asked, body: &impl Encodable) -> Option<Bytes> {
    let mut bytes = BytesMut::with_capacity(256);
    bytes.put_i32(0);
    let header = ResponseHeader::default().with_correlation_id(asked.correlation);
    header.encode(&mut bytes, asked.key.response_header_version(asked.version)).ok()?;
    body.encode(&mut bytes, asked.version).ok()?;
    let length = i32::try_from(bytes.len() - 4).ok()?;
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    Some(bytes.freeze())
}

fn name(request: &Request) -> kafka_protocol::messages::TopicName {
    let topic = match request {
        Request::Metadata { topic }
        | Request::DescribeProducers { topic }
        | Request::ListOffsets { topic, .. }
        | Request::OffsetForLeaderEpoch { topic, .. }
        | Request::Produce { topic, .. }
        | Request::Fetch { topic, .. } => topic,
    };
    kafka_protocol::messages::TopicName(StrBytes::from_string(topic.0.clone()))
}

fn topic_id(request: &Request) -> Option<TopicId> {
    match request {
        Request::Produce { topic_id, .. } | Request::Fetch { topic_id, .. } => *topic_id,
        Request::Metadata { .. }
        | Request::DescribeProducers { .. }
        | Request::ListOffsets { .. }
        | Request::OffsetForLeaderEpoch { .. } => None,
    }
}

/// The codec's own type for ids has no name outside of it, but is made from bytes.
fn id_bytes(id: Option<TopicId>) -> Vec<u8> {
    id.map_or(0, |TopicId(id)| id).to_be_bytes().to_vec()
}

fn offset(offset: Option<Offset>) -> i64 {
    offset.map_or(NONE, |Offset(offset)| i64::try_from(offset).unwrap_or(i64::MAX))
}
