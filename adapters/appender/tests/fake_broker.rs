//! The lower half against krafka's in-memory broker, over TCP: every request it serves, and what a sequenced append is about.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::time::Duration;

use understudy_adapter_appender as appender;

use appender::Error;
use appender::batch::Compression;
use appender::link::LinkDown;
use appender::self_test::{self, Outcome};
use appender::wire::{Body, ErrorCode, OffsetQuery};
use krafka::testing::{ApiKey, Control, FakeBroker};
use ports::coordinator::HostPort;
use ports::security::{Sasl, SaslMechanism, Secret, Security};
use support::{Asker, TIMEOUT, settings, settings_with};

const TOPIC: &str = "HA_1.p.cq.w.O";

/// A broker with the topic, and a runtime that serves it while the test waits for answers on its own thread.
struct House {
    broker: FakeBroker,
    _runtime: tokio::runtime::Runtime,
}

impl House {
    fn open() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let broker = runtime.block_on(FakeBroker::start()).unwrap();
        assert!(broker.create_topic(TOPIC, 1));
        Self { broker, _runtime: runtime }
    }

    fn asker(&self) -> Asker {
        Asker::connect(&settings(), &self.broker.bootstrap_servers(), TOPIC).unwrap()
    }
}

#[test]
fn the_broker_says_who_leads() {
    let house = House::open();
    let mut asker = house.asker();
    let versions = asker.client.versions();
    assert_eq!((versions.produce, versions.fetch), (12, 11));
    assert!(!versions.describe_producers && !versions.offset_for_leader_epoch);
    let metadata = asker.metadata();
    assert_eq!(metadata.brokers.len(), 1);
    assert_eq!(metadata.brokers[0].address.to_string(), house.broker.bootstrap_servers());
    assert_eq!(metadata.partitions, 1);
    assert_eq!(metadata.topic_id.map(|id| id.0.to_be_bytes()), house.broker.topic_id(TOPIC));
    let partition = metadata.partition.unwrap();
    assert_eq!((partition.leader, partition.replicas, partition.isr), (Some(0), vec![0], vec![0]));
}

#[test]
fn an_unknown_topic_is_said_and_not_made() {
    let house = House::open();
    let mut asker = Asker::connect(&settings(), &house.broker.bootstrap_servers(), "nowhere").unwrap();
    assert_eq!(asker.ask_metadata().error, Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    assert_eq!(asker.ask_metadata().error, Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
}

#[test]
fn the_broker_passes_the_test_at_start() {
    let house = House::open();
    let bootstrap = [HostPort::parse(&house.broker.bootstrap_servers()).unwrap()];
    for run in ["a.1", "a.2"] {
        let outcome = self_test::run(&settings(), &bootstrap, "HA_1", &TOPIC.into(), run);
        assert_eq!(outcome, Outcome::Passed, "{run}");
    }
    let outcome = self_test::run(&settings(), &bootstrap, "HA_1", &"nowhere".into(), "a.3");
    assert!(matches!(outcome, Outcome::Undecided { .. }), "{outcome:?}");
}

#[test]
fn a_derived_producer_appends_repeats_and_is_refused_out_of_order() {
    let house = House::open();
    let mut asker = house.asker();
    assert_eq!(asker.append(0, 3), Ok(0));
    assert_eq!(asker.append(3, 2), Ok(3));
    // The exact repeat is acknowledged where it was, and not appended again.
    assert_eq!(asker.append(0, 3), Ok(0));
    assert_eq!(asker.end(OffsetQuery::Latest), 5);
    for (sequence, count) in [(7, 1), (4, 1), (3, 3), (1, 2)] {
        let refusal = asker.append(sequence, count);
        assert_eq!(refusal, Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER), "{sequence} and {count}");
    }
    assert_eq!(asker.append(5, 1), Ok(5));
    assert_eq!((asker.end(OffsetQuery::Earliest), asker.end(OffsetQuery::Latest)), (0, 6));
}

#[test]
fn what_was_appended_is_fetched_back_whatever_the_compression() {
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let house = House::open();
        let mut asker = house.asker();
        asker.compression = compression;
        assert_eq!(asker.append(0, 1), Ok(0));
        assert_eq!(asker.append(1, 1_000), Ok(1));
        let found = asker.fetch(0);
        assert_eq!(found.high_watermark, 1_001);
        assert_eq!(found.records.len(), 1_001);
        for (i, record) in found.records.iter().enumerate() {
            assert_eq!(*record, support::record(i as u64));
        }
    }
}

#[test]
fn a_fetch_at_the_end_waits_for_the_next_record() {
    let house = House::open();
    let mut writer = house.asker();
    assert_eq!(writer.append(0, 1), Ok(0));
    let mut reader = house.asker();
    let waiting = std::thread::spawn(move || reader.fetch(1));
    assert_eq!(writer.append(1, 1), Ok(1));
    assert_eq!(waiting.join().unwrap().records, [support::record(1)]);
}

#[test]
fn a_fetch_outside_of_the_log_is_an_error() {
    let house = House::open();
    let mut asker = house.asker();
    assert_eq!(asker.ask_fetch(99).error, Some(ErrorCode::OFFSET_OUT_OF_RANGE));
}

#[test]
fn a_broker_that_lost_the_lead_names_the_new_leader() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let broker = runtime.block_on(FakeBroker::start_cluster(2)).unwrap();
    broker.create_topic(TOPIC, 1);
    assert!(broker.set_leader(TOPIC, 0, 1));
    let old = broker.broker_addr(0).unwrap().to_string();
    let mut asker = Asker::connect(&settings(), &old, TOPIC).unwrap();
    let response = asker.ask_append(0, 1);
    assert_eq!(response.error, Some(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    let hint = response.leader.unwrap();
    assert_eq!(hint.node, 1);
    assert_eq!(hint.address.unwrap().to_string(), broker.broker_addr(1).unwrap().to_string());
}

#[test]
fn an_older_or_newer_leader_epoch_is_refused() {
    let house = House::open();
    let mut asker = house.asker();
    let epoch = asker.metadata().partition.unwrap().leader_epoch.unwrap();
    house.broker.bump_leader_epoch(TOPIC, 0);
    let ask = |asker: &mut Asker, epoch| asker.ask_end(OffsetQuery::Latest, Some(types::LeaderEpoch(epoch))).error;
    assert_eq!(ask(&mut asker, epoch.0), Some(ErrorCode::FENCED_LEADER_EPOCH));
    assert_eq!(ask(&mut asker, epoch.0 + 1), None);
    assert_eq!(ask(&mut asker, epoch.0 + 2), Some(ErrorCode::UNKNOWN_LEADER_EPOCH));
}

#[test]
fn what_the_broker_lacks_is_answered_without_asking_it() {
    let house = House::open();
    let mut asker = house.asker();
    let response = asker.ask_producers();
    assert_eq!((response.error, response.body), (Some(ErrorCode::UNSUPPORTED_VERSION), Body::Producers(vec![])));
    assert_eq!(asker.append(0, 1), Ok(0));
}

#[test]
fn an_answer_that_never_comes_ends_the_link() {
    let house = House::open();
    let mut asker = house.asker();
    house.broker.on_once(ApiKey::Produce, |_| Control::Silence);
    let down = asker.try_append(0, 1, Duration::from_millis(50)).unwrap_err();
    assert_eq!(down, LinkDown::TimedOut { what: "Produce" });
    house.broker.on_once(ApiKey::Metadata, |_| Control::Disconnect);
    let mut asker = house.asker();
    let down = asker.try_metadata(TIMEOUT).unwrap_err();
    assert!(matches!(down, LinkDown::Closed { .. }), "{down}");
}

#[test]
fn throttling_is_passed_on() {
    let house = House::open();
    let mut asker = house.asker();
    house.broker.set_throttle(ApiKey::Produce, Duration::from_millis(70));
    assert_eq!(asker.ask_append(0, 1).throttle, Duration::from_millis(70));
}

#[test]
fn corrupt_records_are_noticed() {
    let house = House::open();
    let mut asker = house.asker();
    assert_eq!(asker.append(0, 3), Ok(0));
    house.broker.on_once(ApiKey::Fetch, |_| Control::CorruptRecords);
    let error = asker.try_fetch(0).unwrap_err();
    assert!(matches!(error, Error::Checksum { .. }), "{error}");
    assert_eq!(asker.fetch(0).records.len(), 3);
}

fn plain(password: &str) -> Security {
    let password = Secret::new(password.to_owned());
    let sasl = Sasl { mechanism: SaslMechanism::Plain, username: "ada".to_owned(), password };
    Security { tls: None, sasl: Some(sasl) }
}

#[test]
fn a_broker_that_demands_a_password_gets_it() {
    let house = House::open();
    house.broker.require_sasl_plain("ada", "lovelace");
    let servers = house.broker.bootstrap_servers();
    let mut asker = Asker::connect(&settings_with(&plain("lovelace")), &servers, TOPIC).unwrap();
    assert_eq!(asker.append(0, 1), Ok(0));
    let refused = Asker::connect(&settings_with(&plain("byron")), &servers, TOPIC).err().unwrap();
    assert!(refused.is_permanent());
    let words = refused.to_string();
    assert!(words.contains("ada") && !words.contains("byron"), "{words}");
    // Without any password the broker closes the connection at the first real request.
    let mut stranger = Asker::connect(&settings(), &servers, TOPIC).unwrap();
    assert!(matches!(stranger.try_metadata(TIMEOUT), Err(LinkDown::Closed { .. })));
}
