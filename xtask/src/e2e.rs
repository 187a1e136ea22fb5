//! Tests on real brokers: the cluster of `kafka-scripts`, once of Kafka 4 and once of 3.9 in ZooKeeper mode.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::chaos;
use crate::layers::root;
use crate::steps::run;

const CLUSTER: &str = "kafka-scripts/cluster";
/// A topic for the tests that speak to brokers directly.
const TOPIC: &str = "understudy-test";
/// The adapters' own tests against a broker that the environment names; the appender's also speak TLS. The whole workspace
/// is selected everywhere: with fewer packages cargo chooses other features of their dependencies, and builds those anew.
const APPENDER_TESTS: [&str; 7] =
    ["test", "--quiet", "--workspace", "--test", "appender_on_real_broker", "--", "--test-threads=1"];
const KAFKA_TESTS: [&str; 9] = [
    "test",
    "--quiet",
    "--workspace",
    "--test",
    "kafka_on_real_broker",
    "--test",
    "transactions_on_real_broker",
    "--",
    "--test-threads=1",
];
/// What operators do to topics under running engines.
const OPERATOR_TESTS: [&str; 7] =
    ["test", "--quiet", "--workspace", "--test", "preconditions", "--", "--test-threads=1"];
/// These tests look at other programs from outside: what those said tells why one failed, frames of the test only hide it.
const NO_FRAMES: [(&str, &str); 2] = [("RUST_BACKTRACE", "0"), ("RUST_LIB_BACKTRACE", "0")];

/// Runs everything, or only tests whose name contains `filter`.
pub(crate) fn all(filter: Option<&str>) -> anyhow::Result<()> {
    // With the tests: without them cargo leaves their dependencies' features out, and builds the programs a second time.
    run("programs", "cargo", &["build", "--quiet", "--workspace", "--bins", "--tests"], &[])?;
    let result = kafka_4(filter).and_then(|()| if filter.is_none() { kafka_3_9() } else { Ok(()) });
    // The machine is left as it was found, also after a failure; logs of a failed run stay in the reports.
    let wiped = run("cluster down", CLUSTER, &["down", "--wipe"], &[]);
    result.and(wiped)?;
    // It brings a cluster of its own, in namespaces, and has the machine for itself.
    if filter.is_none() { chaos::selection(&[]) } else { Ok(()) }
}

fn kafka_4(filter: Option<&str>) -> anyhow::Result<()> {
    let environment = [("KAFKA_VERSION", "4.1.0")];
    run("cluster of Kafka 4", CLUSTER, &["up", "--secure"], &environment)?;
    if filter.is_none() {
        brokers_directly("Kafka 4")?;
        securely()?;
    }
    promises("Kafka 4", filter)
}

fn kafka_3_9() -> anyhow::Result<()> {
    run("cluster down", CLUSTER, &["down", "--wipe"], &[])?;
    run("cluster of Kafka 3.9", CLUSTER, &["up"], &[("KAFKA_VERSION", "3.9.1")])?;
    brokers_directly("Kafka 3.9")?;
    promises("Kafka 3.9", Some("a_short_drill"))
}

/// What users rely on. One test at a time: drills on one cluster share its topics, and kill its brokers.
fn promises(which: &str, filter: Option<&str>) -> anyhow::Result<()> {
    let mut arguments = vec!["test", "--workspace"];
    arguments.extend(["--test", "examples", "--test", "failover", "--test", "several_topics"]);
    arguments.extend(["--test", "comeback", "--test", "by_hand"]);
    arguments.extend(["--", "--test-threads=1", "--nocapture"]);
    arguments.extend(filter);
    run(&format!("promises on {which}"), "cargo", &arguments, &NO_FRAMES)
}

/// The adapters' own tests, in the clear.
fn brokers_directly(which: &str) -> anyhow::Result<()> {
    let settings = cluster_environment()?;
    let bootstrap = setting(&settings, "BOOTSTRAP")?;
    run("a topic", "kafka-scripts/create-replicated-topics.sh", &[TOPIC], &[])?;
    let environment = [("UNDERSTUDY_TEST_BOOTSTRAP", bootstrap), ("UNDERSTUDY_TEST_TOPIC", TOPIC)];
    run(&format!("operators on {which}"), "cargo", &OPERATOR_TESTS, &environment)?;
    run(&format!("appender on {which}"), "cargo", &APPENDER_TESTS, &environment)?;
    run(&format!("kafka adapter on {which}"), "cargo", &KAFKA_TESTS, &environment)
}

/// The appender over TLS, with each way to show who we are.
fn securely() -> anyhow::Result<()> {
    let settings = cluster_environment()?;
    let bootstrap = setting(&settings, "SECURE_BOOTSTRAP")?;
    let ca = format!("{}/ca.pem", setting(&settings, "SECURE_DIR")?);
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let environment = [
            ("UNDERSTUDY_TEST_BOOTSTRAP", bootstrap),
            ("UNDERSTUDY_TEST_TOPIC", TOPIC),
            ("UNDERSTUDY_TEST_TLS_CA", ca.as_str()),
            ("UNDERSTUDY_TEST_SASL", mechanism),
            ("UNDERSTUDY_TEST_SASL_USER", "alice"),
            ("UNDERSTUDY_TEST_SASL_PASSWORD", "alice-secret"),
        ];
        run(&format!("appender over TLS with {mechanism}"), "cargo", &APPENDER_TESTS, &environment)?;
    }
    Ok(())
}

/// What `cluster env` prints.
fn cluster_environment() -> anyhow::Result<BTreeMap<String, String>> {
    let output = Command::new(root().join(CLUSTER)).arg("env").output().context("asking the cluster")?;
    if !output.status.success() {
        bail!("cluster env failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect())
}

fn setting<'a>(settings: &'a BTreeMap<String, String>, key: &str) -> anyhow::Result<&'a str> {
    settings.get(key).map(String::as_str).with_context(|| format!("cluster env says no {key}"))
}
