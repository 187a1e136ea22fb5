//! Users bring what they have.

use std::fs;

use understudy_tests::example::{self, Example};
use understudy_tests::programs::{root, third_party_examples};

#[test]
fn our_own_example_gives_its_computed_output() {
    let folder = root().join("examples/sum20");
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a file of the example");
    let (bootstrap, zookeeper) = example::cluster().expect("a cluster");
    let brokers = "127.0.0.1:19091,127.0.0.1:19092,127.0.0.1:19093";
    let at_cluster = |text: String| text.replace(brokers, &bootstrap).replace("127.0.0.1:12181", &zookeeper);
    let example = Example {
        project: at_cluster(read("project.xml")),
        publisher: at_cluster(read("kafkapub.cfg")),
        subscriber: at_cluster(read("kafkasub.cfg")),
        events: read("events.csv"),
        header: 2,
        url_in: "dfESP://plant:31415/sum20/plant/readings".to_owned(),
        url_out: "dfESP://plant:31415/sum20/plant/report".to_owned(),
        expected: read("expected.csv"),
    };
    let out = tempfile::tempdir().expect("a temporary folder");
    let received = example::run(&example, out.path()).expect("an output");
    assert_eq!(received, example.expected, "byte for byte");
}

#[test]
fn a_public_kafka_project_runs_with_only_its_host_names_changed() {
    let Some(folder) = third_party_examples().map(|examples| examples.join("kafka1")) else {
        eprintln!("skipped: the third-party examples are not on this machine");
        return;
    };
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a file of the example");
    let (bootstrap, zookeeper) = example::cluster().expect("a cluster");
    // What a user edits: where brokers and ZooKeeper are, and the first part of the topics' names (urlhostport).
    let at_cluster = |text: String| {
        text.replace("iotdemo.na.sas.com:9092", &bootstrap)
            .replace("iotdemo.na.sas.com:2181", &zookeeper)
            .replace("iotdemo.na.sas.com_61001", "localhost_61001")
    };
    let example = Example {
        project: at_cluster(read("kafka1.xml")),
        publisher: at_cluster(read("kafkapub.cfg")),
        subscriber: at_cluster(read("kafkasub.cfg")),
        events: format!("user activity\nopcode,flags,index_esp,user,idl\n{}", read("input/events.csv")),
        header: 2,
        url_in: "dfESP://localhost:61001/kafka1/cq1/kafka_incoming".to_owned(),
        url_out: "dfESP://localhost:61001/kafka1/cq1/kafka_outgoing".to_owned(),
        expected: read("expected/kafka_outgoing.csv"),
    };
    let out = tempfile::tempdir().expect("a temporary folder");
    let received = example::run(&example, out.path()).expect("an output");
    example::assert_same_events(&example.expected, &received);
}
