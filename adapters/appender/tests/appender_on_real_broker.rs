//! The same against a real broker, when the environment names one; each test says in a line that it is skipped otherwise.
//!
//! ```text
//! UNDERSTUDY_TEST_BOOTSTRAP       host:port; without it every test here is skipped
//! UNDERSTUDY_TEST_TOPIC           an existing topic with one partition, default understudy-test
//! UNDERSTUDY_TEST_TLS_CA          PEM file: speak TLS and trust this
//! UNDERSTUDY_TEST_TLS_CERTIFICATE PEM file: who we are, with UNDERSTUDY_TEST_TLS_KEY
//! UNDERSTUDY_TEST_TLS_ANY_NAME    1: don't check the broker's name
//! UNDERSTUDY_TEST_SASL            PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, with …_SASL_USER and …_SASL_PASSWORD
//! ```

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by a panic and says what it skips")]

mod support;

use std::env;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use ports::coordinator::HostPort;
use ports::security::{Sasl, SaslMechanism, Secret, Security, Tls};
use support::{Asker, PRODUCER_EPOCH, record, settings_with};
use types::LeaderEpoch;
use understudy_adapter_appender as appender;

use appender::batch::Compression;
use appender::link::LinkDown;
use appender::self_test::{self, Outcome};
use appender::wire::{Body, ErrorCode, OffsetQuery, TopicId};

fn setting(name: &str) -> Option<String> {
    env::var(format!("UNDERSTUDY_TEST_{name}")).ok().filter(|value| !value.is_empty())
}

fn security() -> Security {
    let tls = setting("TLS_CA").map(|ca| Tls {
        ca: Some(ca.into()),
        certificate: setting("TLS_CERTIFICATE").map(Into::into),
        key: setting("TLS_KEY").map(Into::into),
        skip_host_name_check: setting("TLS_ANY_NAME").is_some(),
    });
    let sasl = setting("SASL").map(|mechanism| Sasl {
        mechanism: match mechanism.as_str() {
            "PLAIN" => SaslMechanism::Plain,
            "SCRAM-SHA-256" => SaslMechanism::ScramSha256,
            "SCRAM-SHA-512" => SaslMechanism::ScramSha512,
            other => panic!("UNDERSTUDY_TEST_SASL={other} is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"),
        },
        username: setting("SASL_USER").unwrap(),
        password: Secret::new(setting("SASL_PASSWORD").unwrap()),
    });
    Security { tls, sasl }
}

/// A client of the partition's leader that writes under a producer id of its own; `None` says that the test is skipped.
fn leader() -> Option<(Asker, LeaderEpoch)> {
    let Some(bootstrap) = setting("BOOTSTRAP") else {
        println!("skipped: UNDERSTUDY_TEST_BOOTSTRAP names no broker");
        return None;
    };
    let topic = setting("TOPIC").unwrap_or_else(|| "understudy-test".to_owned());
    let settings = settings_with(&security());
    let mut asker = Asker::connect(&settings, bootstrap.split(',').next().unwrap(), &topic).unwrap();
    let metadata = asker.metadata();
    let partition = metadata.partition.unwrap();
    let broker = metadata.brokers.iter().find(|broker| Some(broker.node) == partition.leader).unwrap();
    let mut asker = Asker::connect(&settings, &broker.address.to_string(), &topic).unwrap();
    asker.topic_id = metadata.topic_id;
    asker.producer_id = fresh_producer();
    Some((asker, partition.leader_epoch.unwrap()))
}

/// An id that no other test and no earlier run used.
fn fresh_producer() -> i64 {
    static USED: AtomicI64 = AtomicI64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64;
    (1 << 62) + now * 16 + USED.fetch_add(1, Ordering::Relaxed)
}

/// Tests share a topic: its end moves, but each test's own records can be found by what an append answered.
#[test]
fn a_real_broker_arbitrates_sequences() {
    let Some((mut asker, _)) = leader() else { return };
    println!("{:?}", asker.client.versions());
    // State absent: any sequence is accepted.
    let base = asker.append(1_000, 3).unwrap();
    assert_eq!(asker.append(1_000, 3), Ok(base));
    let second = asker.append(1_003, 1).unwrap();
    assert!(second >= base + 3);
    for (sequence, count) in [(1_005, 1), (1_002, 2), (1_003, 2), (999, 1)] {
        let refusal = asker.append(sequence, count);
        assert_eq!(refusal, Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER), "{sequence} and {count}");
    }
    let states = asker.producers();
    let state = states.iter().find(|state| state.id == asker.producer_id).unwrap();
    assert_eq!((state.epoch, state.last_sequence), (i32::from(PRODUCER_EPOCH), Some(1_003)));
    assert!(state.last_timestamp.is_some());
}

#[test]
fn a_real_broker_passes_the_test_at_start() {
    let Some((asker, _)) = leader() else { return };
    let bootstrap: Vec<HostPort> =
        setting("BOOTSTRAP").unwrap().split(',').map(|broker| HostPort::parse(broker).unwrap()).collect();
    let run = fresh_producer().to_string();
    let outcome = self_test::run(&settings_with(&security()), &bootstrap, "HA_1", &asker.topic, &run);
    assert_eq!(outcome, Outcome::Passed);
}

#[test]
fn a_real_broker_takes_appends_by_name_and_by_id() {
    let Some((mut asker, _)) = leader() else { return };
    assert!(asker.topic_id.is_some());
    asker.append(0, 1).unwrap();
    asker.topic_id = None;
    asker.append(1, 1).unwrap();
    if asker.client.versions().produce < 13 {
        return;
    }
    asker.topic_id = Some(TopicId(77));
    assert_eq!(asker.append(2, 1), Err(ErrorCode::UNKNOWN_TOPIC_ID));
}

#[test]
fn a_real_broker_takes_every_compression_and_gives_it_back() {
    let Some((mut asker, _)) = leader() else { return };
    let mut sequence = 0;
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        for by_id in [true, false] {
            asker.compression = compression;
            let base = asker.append(sequence, 2_000).unwrap();
            let topic_id = if by_id { asker.topic_id } else { asker.topic_id.take() };
            let found = asker.fetch(base);
            asker.topic_id = topic_id;
            assert!(found.high_watermark >= base + 2_000 && found.log_start <= base);
            let expected: Vec<_> = (sequence..sequence + 2_000).map(record).collect();
            assert_eq!(found.records[..2_000], expected, "{compression:?} by id: {by_id}");
            sequence += 2_000;
        }
    }
}

#[test]
fn a_real_broker_wraps_the_sequence() {
    let Some((mut asker, _)) = leader() else { return };
    let last = (1 << 31) - 3;
    let base = asker.append(last, 5).unwrap();
    assert_eq!(asker.append(last, 5), Ok(base));
    asker.append(2, 1).unwrap();
}

#[test]
fn a_real_broker_says_where_its_log_ends_and_only_as_leader_of_the_epoch() {
    let Some((mut asker, epoch)) = leader() else { return };
    let base = asker.append(0, 4).unwrap();
    let end = asker.epoch_end(epoch);
    assert_eq!(end.epoch, Some(epoch));
    assert!(end.end.unwrap().0 >= base + 4);
    assert!(asker.end(OffsetQuery::Latest) >= base + 4);
    assert!(asker.end(OffsetQuery::Earliest) <= base);
    let newer = Some(epoch.next());
    assert_eq!(asker.ask_end(OffsetQuery::Latest, Some(epoch)).error, None);
    assert_eq!(asker.ask_end(OffsetQuery::Latest, newer).error, Some(ErrorCode::UNKNOWN_LEADER_EPOCH));
    assert_eq!(asker.ask_epoch_end(newer, epoch).error, Some(ErrorCode::UNKNOWN_LEADER_EPOCH));
}

#[test]
fn a_real_broker_says_what_it_does_not_know() {
    let Some((mut asker, _)) = leader() else { return };
    let end = asker.end(OffsetQuery::Latest);
    assert_eq!(asker.ask_fetch(end + 1_000_000).error, Some(ErrorCode::OFFSET_OUT_OF_RANGE));
    asker.topic = types::TopicName::from("understudy-test-that-nobody-made");
    asker.topic_id = None;
    let metadata = asker.ask_metadata();
    assert_eq!(metadata.error, Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    let Body::Metadata(metadata) = metadata.body else { panic!("no metadata") };
    assert!(!metadata.brokers.is_empty());
    assert_eq!(asker.append(0, 1), Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
}

#[test]
fn a_real_broker_refuses_a_wrong_password() {
    let (Some(bootstrap), mut security) = (setting("BOOTSTRAP"), security()) else {
        println!("skipped: UNDERSTUDY_TEST_BOOTSTRAP names no broker");
        return;
    };
    let Some(sasl) = &mut security.sasl else {
        println!("skipped: UNDERSTUDY_TEST_SASL asks for no password");
        return;
    };
    sasl.password = Secret::new("a wrong one".to_owned());
    let refused = Asker::connect(&settings_with(&security), bootstrap.split(',').next().unwrap(), "any").err().unwrap();
    println!("{refused}");
    assert!(matches!(refused, LinkDown::Authentication { .. }), "{refused}");
}
