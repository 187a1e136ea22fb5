//! The codec plays the broker: what it writes we read, what we write it reads.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use expect_test::{Expect, expect};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::describe_producers_response::{
    PartitionResponse as ProducersPartition, ProducerState as WireProducer, TopicResponse as ProducersTopic,
};
use kafka_protocol::messages::fetch_response::{
    FetchableTopicResponse, LeaderIdAndEpoch as FetchLeader, NodeEndpoint as FetchNode, PartitionData,
};
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{
    ApiVersionsResponse, BrokerId, DescribeProducersResponse, FetchRequest, FetchResponse, ListOffsetsRequest,
    ListOffsetsResponse, MetadataRequest, MetadataResponse, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
    ProduceRequest, ProduceResponse, RequestHeader, ResponseHeader, TopicName as WireName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use proptest::prelude::*;
use types::{LeaderEpoch, Offset, TopicName};

use super::call::{Call, Offer};
use super::encode::{Envelope, Frame};
use super::reader::Reader;
use super::*;
use crate::link::BrokerVersions;

const NEWEST: BrokerVersions =
    BrokerVersions { produce: 13, fetch: 16, describe_producers: true, offset_for_leader_epoch: true };
const OLDEST: BrokerVersions =
    BrokerVersions { produce: 10, fetch: 11, describe_producers: false, offset_for_leader_epoch: false };
const ID: TopicId = TopicId(0x0123_4567_89ab_cdef_0011_2233_4455_6677);

fn topic() -> TopicName {
    TopicName::from("t.O")
}

fn wire_name() -> WireName {
    WireName(StrBytes::from_static_str("t.O"))
}

/// A response as a broker sends it, without its length.
fn answer(call: Call, version: i16, body: &impl Encodable) -> Bytes {
    let mut frame = BytesMut::new();
    let header = ResponseHeader::default().with_correlation_id(9);
    header.encode(&mut frame, call.key().response_header_version(version)).unwrap();
    body.encode(&mut frame, version).unwrap();
    frame.freeze()
}

fn read(call: Call, version: i16, frame: Bytes) -> Result<Response, crate::Error> {
    let mut reader = Reader::new(frame, call.response_name());
    assert_eq!(decode::header(&mut reader, call, version)?, 9);
    decode::response(&mut reader, call, version)
}

/// Reads a golden answer, and the same answer cut off at every byte.
fn check(call: Call, version: i16, body: &impl Encodable, expected: &Expect) {
    let frame = answer(call, version, body);
    expected.assert_eq(&format!("{:?}", read(call, version, frame.clone()).unwrap()).replace(", body:", "\nbody:"));
    for end in 4..frame.len() {
        assert!(read(call, version, frame.slice(..end)).is_err(), "cut off at {end}");
    }
}

fn metadata_answer() -> MetadataResponse {
    let broker = |node: i32| {
        MetadataResponseBroker::default()
            .with_node_id(BrokerId(node))
            .with_host(StrBytes::from_string(format!("b{node}.example")))
            .with_port(9092)
            .with_rack(None)
    };
    let nodes = |nodes: &[i32]| nodes.iter().map(|node| BrokerId(*node)).collect();
    let partition = MetadataResponsePartition::default()
        .with_leader_id(BrokerId(2))
        .with_leader_epoch(5)
        .with_replica_nodes(nodes(&[1, 2, 3]))
        .with_isr_nodes(nodes(&[2, 3]))
        .with_offline_replicas(nodes(&[1]));
    MetadataResponse::default()
        .with_throttle_time_ms(20)
        .with_brokers(vec![broker(1), broker(2)])
        .with_cluster_id(Some(StrBytes::from_static_str("c")))
        .with_topics(vec![
            MetadataResponseTopic::default()
                .with_name(Some(wire_name()))
                .with_topic_id(format!("{:032x}", ID.0).parse().unwrap())
                .with_partitions(vec![partition]),
        ])
}

fn produce_answer(version: i16) -> ProduceResponse {
    let partition = PartitionProduceResponse::default()
        .with_error_code(6)
        .with_base_offset(-1)
        .with_log_append_time_ms(1_700_000_000_000)
        .with_log_start_offset(3)
        .with_record_errors(vec![
            BatchIndexAndErrorMessage::default()
                .with_batch_index_error_message(Some(StrBytes::from_static_str("why this record"))),
        ])
        .with_error_message(None)
        .with_current_leader(LeaderIdAndEpoch::default().with_leader_id(BrokerId(2)).with_leader_epoch(8));
    let mut topic = TopicProduceResponse::default().with_partition_responses(vec![partition]);
    topic = match version {
        13 => topic.with_topic_id(format!("{:032x}", ID.0).parse().unwrap()),
        _ => topic.with_name(wire_name()),
    };
    let endpoint = |node: i32| {
        NodeEndpoint::default()
            .with_node_id(BrokerId(node))
            .with_host(StrBytes::from_static_str("::1"))
            .with_port(9000 + node)
            .with_rack(None)
    };
    ProduceResponse::default()
        .with_responses(vec![topic])
        .with_throttle_time_ms(1)
        .with_node_endpoints(vec![endpoint(1), endpoint(2)])
}

fn fetch_answer(version: i16) -> FetchResponse {
    let mut partition = PartitionData::default()
        .with_high_watermark(70)
        .with_last_stable_offset(70)
        .with_log_start_offset(4)
        .with_aborted_transactions(None)
        .with_records(Some(Bytes::from_static(b"batches")));
    let mut topic = FetchableTopicResponse::default();
    let mut response = FetchResponse::default();
    if version >= 16 {
        partition = partition
            .with_current_leader(FetchLeader::default().with_leader_id(BrokerId(3)).with_leader_epoch(2))
            .with_error_code(74);
        let endpoint = FetchNode::default()
            .with_node_id(BrokerId(3))
            .with_host(StrBytes::from_static_str("h"))
            .with_port(1)
            .with_rack(None);
        response = response.with_node_endpoints(vec![endpoint]);
    }
    topic = topic.with_partitions(vec![partition]);
    topic = match version {
        13.. => topic.with_topic_id(format!("{:032x}", ID.0).parse().unwrap()),
        _ => topic.with_topic(wire_name()),
    };
    response.with_responses(vec![topic])
}

fn producers_answer() -> DescribeProducersResponse {
    let producer = |id: i64, last: i32| {
        WireProducer::default()
            .with_producer_id(id.into())
            .with_producer_epoch(7)
            .with_last_sequence(last)
            .with_last_timestamp(1_000)
    };
    let partition = ProducersPartition::default()
        .with_error_message(None)
        .with_active_producers(vec![producer(1 << 62, 41), producer(5, -1)]);
    DescribeProducersResponse::default()
        .with_topics(vec![ProducersTopic::default().with_name(wire_name()).with_partitions(vec![partition])])
}

fn offset_answer() -> ListOffsetsResponse {
    let partition = ListOffsetsPartitionResponse::default().with_offset(12).with_leader_epoch(3);
    ListOffsetsResponse::default()
        .with_topics(vec![ListOffsetsTopicResponse::default().with_name(wire_name()).with_partitions(vec![partition])])
}

fn epoch_answer() -> OffsetForLeaderEpochResponse {
    let partition = EpochEndOffset::default().with_leader_epoch(3).with_end_offset(13);
    OffsetForLeaderEpochResponse::default().with_topics(vec![
        OffsetForLeaderTopicResult::default().with_topic(wire_name()).with_partitions(vec![partition]),
    ])
}

#[test]
fn metadata_is_read() {
    check(
        Call::Metadata,
        12,
        &metadata_answer(),
        &expect![[r#"
        Response { error: None, message: None, throttle: 20ms, leader: None
        body: Metadata(Metadata { brokers: [Broker { node: 1, address: HostPort { host: "b1.example", port: 9092 } }, Broker { node: 2, address: HostPort { host: "b2.example", port: 9092 } }], topic_id: Some(TopicId(1512366075204170928972419503379277431)), partitions: 1, partition: Some(PartitionMetadata { leader: Some(2), leader_epoch: Some(LeaderEpoch(5)), replicas: [1, 2, 3], isr: [2, 3], offline: [1] }) }) }"#]],
    );
}

#[test]
fn a_refused_append_names_the_new_leader() {
    check(
        Call::Produce,
        10,
        &produce_answer(10),
        &expect![[r#"
        Response { error: Some(ErrorCode(6)), message: Some("why this record"), throttle: 1ms, leader: Some(LeaderHint { node: 2, epoch: LeaderEpoch(8), address: Some(HostPort { host: "::1", port: 9002 }) })
        body: Produced(Produced { base_offset: None, log_append_time: Some(Timestamp(1700000000000000)), log_start: Some(Offset(3)) }) }"#]],
    );
    let by_id = read(Call::Produce, 13, answer(Call::Produce, 13, &produce_answer(13))).unwrap();
    assert_eq!(by_id, read(Call::Produce, 10, answer(Call::Produce, 10, &produce_answer(10))).unwrap());
}

#[test]
fn fetched_records_are_read_in_old_and_new_versions() {
    check(
        Call::Fetch,
        11,
        &fetch_answer(11),
        &expect![[r#"
        Response { error: None, message: None, throttle: 0ns, leader: None
        body: Fetched(Fetched { high_watermark: Some(Offset(70)), log_start: Some(Offset(4)), records: b"batches" }) }"#]],
    );
    check(
        Call::Fetch,
        16,
        &fetch_answer(16),
        &expect![[r#"
        Response { error: Some(ErrorCode(74)), message: None, throttle: 0ns, leader: Some(LeaderHint { node: 3, epoch: LeaderEpoch(2), address: Some(HostPort { host: "h", port: 1 }) })
        body: Fetched(Fetched { high_watermark: Some(Offset(70)), log_start: Some(Offset(4)), records: b"batches" }) }"#]],
    );
    let ours = |version| read(Call::Fetch, version, answer(Call::Fetch, version, &fetch_answer(version))).unwrap();
    assert_eq!(ours(12), ours(11));
    assert_eq!(ours(13), ours(11));
}

#[test]
fn producer_states_are_read() {
    check(
        Call::DescribeProducers,
        0,
        &producers_answer(),
        &expect![[r#"
        Response { error: None, message: None, throttle: 0ns, leader: None
        body: Producers([ProducerState { id: 4611686018427387904, epoch: 7, last_sequence: Some(41), last_timestamp: Some(Timestamp(1000000)) }, ProducerState { id: 5, epoch: 7, last_sequence: None, last_timestamp: Some(Timestamp(1000000)) }]) }"#]],
    );
}

#[test]
fn log_ends_are_read() {
    check(
        Call::ListOffsets,
        7,
        &offset_answer(),
        &expect![[r#"
        Response { error: None, message: None, throttle: 0ns, leader: None
        body: Offset(LogOffset { offset: Some(Offset(12)), leader_epoch: Some(LeaderEpoch(3)) }) }"#]],
    );
    check(
        Call::OffsetForLeaderEpoch,
        4,
        &epoch_answer(),
        &expect![[r#"
        Response { error: None, message: None, throttle: 0ns, leader: None
        body: EpochEnd(EpochEnd { epoch: Some(LeaderEpoch(3)), end: Some(Offset(13)) }) }"#]],
    );
}

#[test]
fn an_answer_for_another_partition_is_an_error() {
    let mut response = offset_answer();
    response.topics[0].partitions[0].partition_index = 1;
    assert!(read(Call::ListOffsets, 7, answer(Call::ListOffsets, 7, &response)).is_err());
    response.topics[0].partitions.clear();
    assert!(read(Call::ListOffsets, 7, answer(Call::ListOffsets, 7, &response)).is_err());
    response.topics.clear();
    assert!(read(Call::ListOffsets, 7, answer(Call::ListOffsets, 7, &response)).is_err());
}

#[test]
fn an_array_that_claims_billions_of_elements_takes_no_memory() {
    let mut frame = BytesMut::from(&answer(Call::Metadata, 12, &MetadataResponse::default())[..9]);
    frame.put_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert!(read(Call::Metadata, 12, frame.freeze()).is_err());
}

/// What the codec reads from a frame of ours.
fn as_the_broker_reads<T: Decodable>(frame: &Frame) -> (RequestHeader, T) {
    let mut bytes = Bytes::from([&frame.head[..], &frame.batch[..], frame.tail].concat());
    let length = bytes::Buf::get_i32(&mut bytes);
    assert_eq!(length as usize, bytes.len());
    let header = RequestHeader::decode(&mut bytes, frame.call.key().request_header_version(frame.version)).unwrap();
    let body = T::decode(&mut bytes, frame.version).unwrap();
    assert!(bytes.is_empty(), "{} bytes too many", bytes.len());
    (header, body)
}

fn encoded(versions: BrokerVersions, request: Request) -> Frame {
    encode::request(Envelope { correlation: 77, client_id: "me" }, versions, request).unwrap()
}

fn produce(topic_id: Option<TopicId>) -> Request {
    let batch = Bytes::from(vec![5; 300]);
    Request::Produce { topic: topic(), topic_id, timeout: Duration::from_millis(1_500), batch }
}

#[test]
fn an_append_is_understood_in_every_version() {
    for highest in 10..=13 {
        for topic_id in [None, Some(ID)] {
            let versions = BrokerVersions { produce: highest, ..NEWEST };
            let frame = encoded(versions, produce(topic_id));
            assert_eq!(frame.version, if topic_id.is_some() { highest } else { highest.min(12) });
            let (header, request) = as_the_broker_reads::<ProduceRequest>(&frame);
            assert_eq!((header.request_api_key, header.request_api_version), (0, frame.version));
            assert_eq!((header.correlation_id, header.client_id), (77, Some(StrBytes::from_static_str("me"))));
            assert_eq!((request.transactional_id, request.acks, request.timeout_ms), (None, -1, 1_500));
            let [topic] = request.topic_data.as_slice() else { panic!("one topic") };
            match frame.version {
                13 => assert_eq!(topic.topic_id.as_u128(), ID.0),
                _ => assert_eq!(topic.name, wire_name()),
            }
            let [partition] = topic.partition_data.as_slice() else { panic!("one partition") };
            assert_eq!((partition.index, partition.records.as_deref()), (0, Some([5; 300].as_slice())));
        }
    }
}

#[test]
fn a_fetch_is_understood_in_every_version() {
    for highest in 11..=16 {
        for topic_id in [None, Some(ID)] {
            let versions = BrokerVersions { fetch: highest, ..NEWEST };
            let request = Request::Fetch {
                topic: topic(),
                topic_id,
                leader_epoch: Some(LeaderEpoch(4)),
                offset: Offset(99),
                max_wait: Duration::from_millis(250),
                min_bytes: 1,
                max_bytes: 1 << 20,
            };
            let frame = encoded(versions, request);
            assert_eq!(frame.version, if topic_id.is_some() { highest } else { highest.min(12) });
            let (_, request) = as_the_broker_reads::<FetchRequest>(&frame);
            assert_eq!((request.max_wait_ms, request.min_bytes, request.max_bytes), (250, 1, 1 << 20));
            assert_eq!((request.session_id, request.session_epoch, request.isolation_level), (0, -1, 0));
            let [topic] = request.topics.as_slice() else { panic!("one topic") };
            match frame.version {
                13.. => assert_eq!(topic.topic_id.as_u128(), ID.0),
                _ => assert_eq!(topic.topic, wire_name()),
            }
            let [partition] = topic.partitions.as_slice() else { panic!("one partition") };
            assert_eq!((partition.current_leader_epoch, partition.fetch_offset), (4, 99));
            assert_eq!((partition.partition, partition.partition_max_bytes), (0, 1 << 20));
        }
    }
}

#[test]
fn questions_are_understood() {
    let (_, metadata) = as_the_broker_reads::<MetadataRequest>(&encoded(OLDEST, Request::Metadata { topic: topic() }));
    assert!(!metadata.allow_auto_topic_creation);
    assert_eq!(metadata.topics.unwrap()[0].name, Some(wire_name()));

    for (which, timestamp) in [(OffsetQuery::Earliest, -2), (OffsetQuery::Latest, -1)] {
        let request = Request::ListOffsets { topic: topic(), leader_epoch: Some(LeaderEpoch(4)), which };
        let (_, request) = as_the_broker_reads::<ListOffsetsRequest>(&encoded(OLDEST, request));
        let partition = &request.topics[0].partitions[0];
        assert_eq!((partition.current_leader_epoch, partition.timestamp, request.replica_id.0), (4, timestamp, -1));
    }

    let request = Request::OffsetForLeaderEpoch { topic: topic(), current_epoch: None, epoch: LeaderEpoch(6) };
    let (_, request) = as_the_broker_reads::<OffsetForLeaderEpochRequest>(&encoded(NEWEST, request));
    let partition = &request.topics[0].partitions[0];
    assert_eq!((partition.current_leader_epoch, partition.leader_epoch, request.replica_id.0), (-1, 6, -1));
}

fn offer(ranges: &[(Call, i16, i16)]) -> Offer {
    let range = |(call, min, max): &(Call, i16, i16)| {
        ApiVersion::default().with_api_key(call.key() as i16).with_min_version(*min).with_max_version(*max)
    };
    let body = ApiVersionsResponse::default().with_api_keys(ranges.iter().map(range).collect());
    let frame = answer(Call::ApiVersions, 3, &body);
    let mut reader = Reader::new(frame, "a test");
    decode::header(&mut reader, Call::ApiVersions, 3).unwrap();
    Offer::read(&mut reader).unwrap()
}

#[test]
fn the_highest_versions_that_both_sides_know_are_used() {
    let kafka = [
        (Call::Produce, 0, 12),
        (Call::Fetch, 4, 17),
        (Call::Metadata, 0, 13),
        (Call::ListOffsets, 1, 10),
        (Call::DescribeProducers, 0, 0),
        (Call::OffsetForLeaderEpoch, 2, 4),
    ];
    assert_eq!(offer(&kafka).common(), Ok(BrokerVersions { produce: 12, ..NEWEST }));
    assert_eq!(offer(&[(Call::Produce, 10, 10), (Call::Fetch, 11, 11), kafka[2], kafka[3]]).common(), Ok(OLDEST));
    let refusal = |ranges: &[(Call, i16, i16)]| offer(ranges).common().unwrap_err();
    assert_eq!(refusal(&kafka[..2]), "the broker doesn't speak Metadata");
    assert_eq!(
        refusal(&[(Call::Produce, 0, 9), kafka[1], kafka[2], kafka[3]]),
        "the broker speaks Produce 0 to 9, needed is 10 to 13"
    );
}

fn any_answer() -> impl Strategy<Value = (Call, i16, Bytes)> {
    let made = |call, version, body: &dyn Fn() -> Bytes| (call, version, body());
    let answers = vec![
        made(Call::Metadata, 12, &|| answer(Call::Metadata, 12, &metadata_answer())),
        made(Call::Produce, 10, &|| answer(Call::Produce, 10, &produce_answer(10))),
        made(Call::Produce, 13, &|| answer(Call::Produce, 13, &produce_answer(13))),
        made(Call::Fetch, 11, &|| answer(Call::Fetch, 11, &fetch_answer(11))),
        made(Call::Fetch, 16, &|| answer(Call::Fetch, 16, &fetch_answer(16))),
        made(Call::DescribeProducers, 0, &|| answer(Call::DescribeProducers, 0, &producers_answer())),
        made(Call::ListOffsets, 7, &|| answer(Call::ListOffsets, 7, &offset_answer())),
        made(Call::OffsetForLeaderEpoch, 4, &|| answer(Call::OffsetForLeaderEpoch, 4, &epoch_answer())),
    ];
    proptest::sample::select(answers)
}

/// Reads without caring for the outcome: it must only not panic.
fn survive(call: Call, version: i16, frame: Bytes) {
    let mut reader = Reader::new(frame, call.response_name());
    if decode::header(&mut reader, call, version).is_ok() {
        let _ = decode::response(&mut reader, call, version);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn changed_answers_never_panic(
        (call, version, frame) in any_answer(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = frame.to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        survive(call, version, bytes.into());
    }

    #[test]
    fn random_answers_never_panic(
        (call, version, _) in any_answer(),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        survive(call, version, bytes.into());
    }
}
