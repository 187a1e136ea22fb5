//! The appender's own connections speak to the modelled brokers: bytes both ways.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Arc;
use std::time::Duration;

use appender::Nonce;
use appender::batch::{BatchEncoder, BatchStart, Compression, RecordSet};
use appender::connection::{Connection, LinkOptions, LinkSettings};
use appender::link::{BrokerVersions, LinkEvent, RequestTag};
use appender::wire::{Body, ErrorCode, OffsetQuery, Request, Response, TopicId};
use bytes::Bytes;
use ports::security::Security;
use types::{LeaderEpoch, Offset, Tick, Timestamp, TopicName};
use understudy_adapter_memory::brokers::{Cluster, NodeId, PartitionId, Session, Settings};

const VERSIONS: BrokerVersions =
    BrokerVersions { produce: 13, fetch: 16, describe_producers: true, offset_for_leader_epoch: true };
const SECOND: Duration = Duration::from_secs(1);
const PARTITION: PartitionId = PartitionId(0);

/// One client, three brokers, no network.
struct Scene {
    cluster: Cluster,
    client: Connection,
    session: Session,
    tag: u64,
    now: Tick,
}

impl Scene {
    fn new(node: usize) -> Self {
        let settings = Settings {
            brokers: 3,
            min_isr: 2,
            producer_expiry: 60 * SECOND,
            batch_bytes_max: 1 << 20,
            versions: VERSIONS,
        };
        let cluster = Cluster::new(settings, [TopicName::from("t")]);
        let (client, session) = Self::dial(node);
        Self { cluster, client, session, tag: 0, now: Tick(0) }
    }

    fn dial(node: usize) -> (Connection, Session) {
        let settings = LinkSettings::new(&Security::default(), LinkOptions::default()).unwrap();
        let client = Connection::new(Arc::new(settings), "b", Nonce(String::new()), Tick(u64::MAX));
        (client, Session::new(NodeId(node)))
    }

    /// The client speaks to another broker from here on.
    fn turn_to(&mut self, node: usize) {
        (self.client, self.session) = Self::dial(node);
    }

    fn carry(&mut self) -> Option<LinkEvent> {
        let mut bytes = Vec::new();
        self.client.transmit(&mut bytes).unwrap();
        assert!(self.session.receive(&bytes), "the broker can't read the client");
        for answer in self.session.advance(&mut self.cluster, self.now) {
            self.client.receive(&answer);
        }
        self.client.poll()
    }

    fn copy_all(&mut self) {
        for _ in 0..3 {
            for node in 0..3 {
                self.cluster.replicate(PARTITION, NodeId(node));
            }
        }
    }

    /// Asks, lets the followers copy when the answer waits for that, and gives the answer.
    fn ask(&mut self, request: Request) -> Response {
        while let Some(event) = self.carry() {
            assert!(matches!(event, LinkEvent::Up { versions } if versions == VERSIONS), "{event:?}");
        }
        self.tag += 1;
        self.client.send(RequestTag(self.tag), request, SECOND, self.now);
        for _ in 0..2 {
            if let Some(event) = self.carry() {
                let LinkEvent::Response { tag, response } = event else { panic!("{event:?}") };
                assert_eq!(tag, RequestTag(self.tag));
                return response;
            }
            self.copy_all();
        }
        panic!("no answer, although everything is copied");
    }

    fn append(&mut self, sequence: i32, values: &[&str]) -> Response {
        let request = Request::Produce {
            topic: "t".into(),
            topic_id: Some(TopicId(1)),
            timeout: SECOND,
            batch: batch(sequence, values),
        };
        self.ask(request)
    }

    fn high(&mut self) -> Response {
        let leader_epoch = None;
        self.ask(Request::ListOffsets { topic: "t".into(), leader_epoch, which: OffsetQuery::Latest })
    }
}

fn batch(sequence: i32, values: &[&str]) -> Bytes {
    let mut encoder = BatchEncoder::new(Compression::None);
    let base_timestamp = Timestamp(0);
    encoder.begin(BatchStart { producer_id: 77, producer_epoch: 1, base_sequence: sequence, base_timestamp });
    values.iter().for_each(|value| encoder.push(Some(value.as_bytes()), &[], 0));
    encoder.finish().unwrap()
}

fn base(response: &Response) -> Option<u64> {
    let Body::Produced(produced) = &response.body else { panic!("{response:?}") };
    produced.base_offset.map(|Offset(offset)| offset)
}

#[test]
fn a_client_finds_the_leader_and_reads_back_what_it_appended() {
    let mut scene = Scene::new(0);
    let response = scene.ask(Request::Metadata { topic: "t".into() });
    let Body::Metadata(metadata) = response.body else { panic!("{response:?}") };
    assert_eq!((metadata.topic_id, metadata.partition.unwrap().leader), (Some(TopicId(1)), Some(0)));
    assert_eq!(base(&scene.append(0, &["a", "b"])), Some(0));
    assert_eq!(base(&scene.append(2, &["c"])), Some(2));
    let fetch = Request::Fetch {
        topic: "t".into(),
        topic_id: Some(TopicId(1)),
        leader_epoch: Some(LeaderEpoch(0)),
        offset: Offset(1),
        max_wait: SECOND,
        min_bytes: 1,
        max_bytes: 1 << 20,
    };
    let response = scene.ask(fetch);
    let Body::Fetched(fetched) = &response.body else { panic!("{response:?}") };
    let mut set = RecordSet::new(&fetched.records);
    let mut values = Vec::new();
    while let Some(batch) = set.next_batch().unwrap() {
        let mut records = batch.records().unwrap();
        while let Some(record) = records.next_record().unwrap() {
            values.push((record.offset.0, record.value.unwrap().to_vec()));
        }
    }
    assert_eq!(values, [(0, b"a".to_vec()), (1, b"b".to_vec()), (2, b"c".to_vec())]);
}

#[test]
fn only_what_comes_next_is_taken_and_a_repeat_is_told_its_place() {
    let mut scene = Scene::new(0);
    assert_eq!(base(&scene.append(0, &["a"])), Some(0));
    assert_eq!(scene.append(2, &["c"]).error, Some(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
    assert_eq!(base(&scene.append(1, &["b"])), Some(1));
    assert_eq!(base(&scene.append(0, &["other"])), Some(0));
    let response = scene.ask(Request::DescribeProducers { topic: "t".into() });
    let Body::Producers(known) = &response.body else { panic!("{response:?}") };
    assert_eq!((known[0].id, known[0].last_sequence), (77, Some(1)));
    scene.now = Tick(61_000_000_000);
    assert_eq!(base(&scene.append(9, &["a hole"])), Some(2), "who is forgotten may write anything");
}

#[test]
fn a_follower_does_not_answer_for_the_log() {
    let mut scene = Scene::new(1);
    assert_eq!(scene.append(0, &["a"]).error, Some(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    assert_eq!(scene.high().error, Some(ErrorCode::NOT_LEADER_OR_FOLLOWER));
}

#[test]
fn a_new_leader_tells_no_watermark_before_it_knows_one_and_keeps_what_was_committed() {
    let mut scene = Scene::new(0);
    assert_eq!(base(&scene.append(0, &["a"])), Some(0));
    // One fetch copies, only the next one brings the watermark: node 1 copies without hearing of it.
    let late = Request::Produce { topic: "t".into(), topic_id: None, timeout: SECOND, batch: batch(1, &["b"]) };
    let _ = scene.cluster.serve(NodeId(0), &late, scene.now);
    for node in 1..3 {
        scene.cluster.replicate(PARTITION, NodeId(node));
    }
    assert!(scene.cluster.elect(PARTITION, NodeId(1)));
    (0..3).for_each(|node| scene.cluster.learn(PARTITION, NodeId(node)));
    scene.turn_to(1);
    assert_eq!(scene.high().error, Some(ErrorCode::OFFSET_NOT_AVAILABLE));
    scene.copy_all();
    let Body::Offset(found) = scene.high().body else { panic!("no offset") };
    assert_eq!(found.offset, Some(Offset(2)));
}

#[test]
fn below_the_least_in_sync_nothing_is_taken_and_a_restart_remembers_one_batch() {
    let mut scene = Scene::new(0);
    for sequence in 0..3 {
        assert_eq!(base(&scene.append(sequence, &["x"])), Some(u64::try_from(sequence).unwrap()));
    }
    for node in [1, 2] {
        scene.cluster.crash(NodeId(node));
        scene.cluster.fence(NodeId(node));
    }
    assert_eq!(scene.append(3, &["x"]).error, Some(ErrorCode::NOT_ENOUGH_REPLICAS));
    for node in [1, 2] {
        scene.cluster.restart(NodeId(node), true);
        scene.cluster.learn(PARTITION, NodeId(node));
    }
    scene.copy_all();
    assert_eq!(scene.cluster.partition(PARTITION).isr().len(), 3);
    assert!(scene.cluster.elect(PARTITION, NodeId(1)));
    (0..3).for_each(|node| scene.cluster.learn(PARTITION, NodeId(node)));
    scene.turn_to(1);
    assert_eq!(scene.append(0, &["x"]).error, Some(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
    assert_eq!(base(&scene.append(2, &["x"])), Some(2));
}
