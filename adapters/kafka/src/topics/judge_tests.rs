use expect_test::{Expect, expect};
use ports::coordinator::HostPort;
use types::TopicName;

use super::super::plan::{ProjectTopics, plan};
use super::*;

fn project() -> ProjectTopics {
    ProjectTopics {
        inbound: vec!["L.p.cq.in.I".into()],
        outbound: vec!["L.p.cq.out.O".into()],
        dead: Some("L.p.dead".into()),
        journal: None,
        metadata: "L.M".into(),
        adapter_metadata: vec!["pub_meta".into(), "L.M".into()],
        scratch: Some("L.p.selftest".into()),
    }
}

/// A cluster where everything is as planned.
fn fit(expected: &Expectations) -> (Vec<TopicSpec>, ClusterDescription) {
    let specs = plan(&project(), expected);
    let topics = specs.iter().map(|spec| {
        let mut configs: BTreeMap<String, String> =
            [("retention.ms", "-1"), ("retention.bytes", "-1"), ("message.timestamp.type", "CreateTime")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into();
        configs.extend(spec.configs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        let copies: Vec<i32> = (1..=i32::from(spec.replication)).collect();
        let partition = PartitionDescription { leader: Some(1), replicas: copies.clone(), in_sync: copies };
        TopicDescription {
            name: spec.name.clone(),
            state: TopicState::Present { partitions: vec![partition], configs: Some(configs) },
        }
    });
    let topics = topics.collect();
    let broker = |id: i32| BrokerDescription {
        id,
        address: HostPort { host: format!("kafka{id}"), port: 9092 },
        reachable: true,
        configs: Some(BTreeMap::from([
            ("producer.id.expiration.ms".to_owned(), (86_400_000 / i64::from(id)).to_string()),
            ("connections.max.idle.ms".to_owned(), "600000".to_owned()),
        ])),
    };
    (specs, ClusterDescription { brokers: (1..=3).map(broker).collect(), topics })
}

/// Breaks a fit cluster and tells what is found.
fn check(expected: &Expectations, break_it: impl FnOnce(&mut ClusterDescription), golden: &Expect) {
    let (specs, mut cluster) = fit(expected);
    break_it(&mut cluster);
    let report = judge(cluster, &specs, expected, "kafka1:9092");
    let story: String = report.findings.iter().map(|finding| format!("{:?} {finding}\n", finding.severity)).collect();
    golden.assert_eq(&story);
}

fn topic<'a>(cluster: &'a mut ClusterDescription, name: &str) -> &'a mut TopicState {
    &mut cluster.topics.iter_mut().find(|topic| topic.name == TopicName::from(name)).expect("planned").state
}

fn set(cluster: &mut ClusterDescription, name: &str, key: &str, value: &str) {
    match topic(cluster, name) {
        TopicState::Present { configs: Some(configs), .. } => configs.insert(key.to_owned(), value.to_owned()),
        TopicState::Present { configs: None, .. } | TopicState::Missing | TopicState::Refused { .. } => {
            panic!("{name} is not fit")
        }
    };
}

#[test]
fn the_plan_is_one_partition_three_copies_and_the_brokers_clock() {
    let expected = Expectations {
        inbound_retention: Some(Duration::from_secs(3_600)),
        outbound_retention: Some(Duration::from_secs(30)),
        ..Expectations::default()
    };
    let specs = plan(&project(), &expected);
    let told = specs.iter().map(|spec| {
        let configs: Vec<String> = spec.configs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("{} {:?} {}x{} {}\n", spec.name, spec.role, spec.partitions, spec.replication, configs.join(" "))
    });
    expect![[r#"
        L.p.cq.in.I Inbound 1x3 cleanup.policy=delete message.timestamp.type=LogAppendTime min.insync.replicas=2 retention.ms=3600000 segment.ms=1800000 unclean.leader.election.enable=false
        L.p.cq.out.O Outbound 1x3 cleanup.policy=delete message.timestamp.type=LogAppendTime min.insync.replicas=2 retention.ms=240000 segment.ms=120000 unclean.leader.election.enable=false
        L.p.dead DeadLetter 1x3 cleanup.policy=delete message.timestamp.type=LogAppendTime min.insync.replicas=2 retention.ms=240000 segment.ms=120000 unclean.leader.election.enable=false
        L.M Metadata 1x3 cleanup.policy=delete min.insync.replicas=2 retention.bytes=-1 retention.ms=-1 unclean.leader.election.enable=false
        pub_meta AdapterMetadata 1x3 cleanup.policy=delete min.insync.replicas=2 unclean.leader.election.enable=false
        L.p.selftest Scratch 1x3 cleanup.policy=delete min.insync.replicas=2 retention.ms=3600000 segment.ms=1800000 unclean.leader.election.enable=false
    "#]].assert_eq(&told.collect::<String>());
}

#[test]
fn a_journal_is_kept_like_the_inbound_topics_and_written_like_an_output() {
    let expected = Expectations { inbound_retention: Some(Duration::from_secs(3_600)), ..Expectations::default() };
    let specs = plan(&ProjectTopics { journal: Some("L.p.J".into()), ..project() }, &expected);
    let spec = |role| specs.iter().find(|spec| spec.role == role).expect("planned");
    assert_eq!(spec(TopicRole::Journal).configs, spec(TopicRole::Inbound).configs);
    assert!(TopicRole::Journal.is_sequenced());
}

#[test]
fn what_is_as_planned_raises_no_finding() {
    check(&Expectations::default(), |_| {}, &expect![]);
}

#[test]
fn a_scratch_topic_that_is_not_there_is_only_a_warning() {
    check(
        &Expectations::default(),
        |cluster| *topic(cluster, "L.p.selftest") = TopicState::Missing,
        &expect![[r#"
            Warning E011 Topic does not exist.                      L.p.selftest is not there, or not for us; how brokers answer a writer is then not tried at start.
                 Fix: understudy topics create -p <project file>
        "#]],
    );
}

#[test]
fn topics_that_could_lose_or_disorder_records_are_errors_with_a_command() {
    check(
        &Expectations::default(),
        |cluster| {
            *topic(cluster, "L.p.dead") = TopicState::Missing;
            *topic(cluster, "pub_meta") = TopicState::Refused { reason: "not authorized".to_owned() };
            let TopicState::Present { partitions, .. } = topic(cluster, "L.p.cq.in.I") else { panic!("fit") };
            partitions[0].replicas.truncate(1);
            partitions.push(partitions[0].clone());
            partitions.push(partitions[0].clone());
            set(cluster, "L.p.cq.out.O", "min.insync.replicas", "1");
            set(cluster, "L.p.cq.out.O", "unclean.leader.election.enable", "true");
            set(cluster, "L.p.cq.out.O", "cleanup.policy", "compact,delete");
            set(cluster, "L.p.cq.out.O", "remote.storage.enable", "true");
        },
        &expect![[r#"
            Error E002 Topic must have 1 partition.               L.p.cq.in.I has 3 partitions, must be 1; order is kept inside one partition only.
                 Fix: understudy topics delete -p <project file>, then understudy topics create -p <project file> (their data is lost)
            Error E003 Topic is not replicated.                   L.p.cq.in.I has replication factor 1, must be 3; the loss of brokers would lose records.
                 Fix: kafka-reassign-partitions --bootstrap-server kafka1:9092 with 3 replicas for L.p.cq.in.I-0; to go on anyway (demo only): --allow-unreplicated
            Error E003 Topic is not replicated.                   L.p.cq.out.O has min.insync.replicas=1; an acknowledged record may be on one disk only.
                 Fix: kafka-configs --bootstrap-server kafka1:9092 --alter --entity-type topics --entity-name L.p.cq.out.O --add-config min.insync.replicas=2
            Error E012 An election may lose acknowledged records. L.p.cq.out.O allows unclean elections; a broker that lags behind could become leader.
                 Fix: kafka-configs --bootstrap-server kafka1:9092 --alter --entity-type topics --entity-name L.p.cq.out.O --add-config unclean.leader.election.enable=false
            Error E013 Topic is not cleaned up by deletion.       L.p.cq.out.O has cleanup.policy=compact,delete; records would vanish from the middle.
                 Fix: kafka-configs --bootstrap-server kafka1:9092 --alter --entity-type topics --entity-name L.p.cq.out.O --add-config cleanup.policy=[delete]
            Error E018 Tiered storage is on.                      L.p.cq.out.O has tiered storage; a follower would then remember writers as they were long ago.
                 Fix: kafka-configs --bootstrap-server kafka1:9092 --alter --entity-type topics --entity-name L.p.cq.out.O --add-config remote.storage.enable=false
            Error E011 Topic does not exist.                      L.p.dead is not there; brokers that create topics by themselves give them the wrong settings.
                 Fix: understudy topics create -p <project file>
            Error E007 Not allowed by Kafka.                      pub_meta is refused: not authorized; nothing can be said of it.
                 Fix: kafka-acls --add --allow-principal User:<name> --operation Read --operation Write --operation Describe --operation DescribeConfigs --topic pub_meta
        "#]],
    );
}

#[test]
fn time_and_retention_are_held_to_what_they_are_for() {
    let expected = Expectations { model_retention: Some(Duration::from_secs(600)), ..Expectations::default() };
    check(
        &expected,
        |cluster| {
            set(cluster, "L.p.cq.in.I", "message.timestamp.type", "CreateTime");
            set(cluster, "L.p.cq.out.O", "message.timestamp.type", "CreateTime");
            set(cluster, "L.p.cq.in.I", "retention.ms", "30000");
            set(cluster, "L.p.cq.in.I", "retention.bytes", "1000000");
            set(cluster, "L.p.cq.out.O", "retention.ms", "60000");
            set(cluster, "L.M", "retention.ms", "604800000");
        },
        &expect![[r#"
            Error E014 Producers date the records.                L.p.cq.out.O has message.timestamp.type=CreateTime; one writer with a wrong clock could make brokers forget all writers.
                 Fix: kafka-configs --bootstrap-server kafka1:9092 --alter --entity-type topics --entity-name L.p.cq.out.O --add-config message.timestamp.type=LogAppendTime
            Error E016 Records are deleted too soon.              L.p.cq.out.O keeps records for 60s, idle topics get a marker every 60s; with its last record a broker forgets the writer.
                 Fix: kafka-configs --bootstrap-server kafka1:9092 --alter --entity-type topics --entity-name L.p.cq.out.O --add-config retention.ms=240000 (or a shorter marker period)
            Error E016 Records are deleted too soon.              L.M deletes old records; what was agreed first decides, so it must stay.
                 Fix: kafka-configs --bootstrap-server kafka1:9092 --alter --entity-type topics --entity-name L.M --add-config retention.ms=-1,retention.bytes=-1
            Warning E014 Producers date the records.                L.p.cq.in.I has message.timestamp.type=CreateTime; a producer with a wrong clock moves the engines' time; larger jumps are clipped.
                 Fix: kafka-configs --bootstrap-server kafka1:9092 --alter --entity-type topics --entity-name L.p.cq.in.I --add-config message.timestamp.type=LogAppendTime
            Warning E004 Input is deleted before it is needed.      L.p.cq.in.I keeps records for 30s, the model's windows for 600s; an engine that starts again could not fill its windows.
                 Fix: kafka-configs --bootstrap-server kafka1:9092 --alter --entity-type topics --entity-name L.p.cq.in.I --add-config retention.ms=600000
            Warning E004 Input is deleted before it is needed.      L.p.cq.in.I keeps records for 30s; an engine that starts again later than that finds the beginning deleted and stays out.
                 Fix: kafka-configs --bootstrap-server kafka1:9092 --alter --entity-type topics --entity-name L.p.cq.in.I --add-config retention.ms=-1
            Warning E004 Input is deleted before it is needed.      L.p.cq.in.I keeps 1000000 bytes; how long that lasts depends on the traffic.
                 Fix: kafka-configs --bootstrap-server kafka1:9092 --alter --entity-type topics --entity-name L.p.cq.in.I --add-config retention.bytes=-1
        "#]],
    );
}

#[test]
fn with_snapshots_the_input_need_not_be_kept_for_ever() {
    let needs = Duration::from_secs(3_600);
    let expected = Expectations { replay: Replay::Within(needs), ..Expectations::default() };
    check(&expected, |cluster| set(cluster, "L.p.cq.in.I", "retention.ms", "3600000"), &expect![]);
    check(
        &expected,
        |cluster| set(cluster, "L.p.cq.in.I", "retention.ms", "60000"),
        &expect![[r#"
        Warning E004 Input is deleted before it is needed.      L.p.cq.in.I keeps records for 60s, an engine that starts again needs 3600s; it would find them deleted and stay out.
             Fix: kafka-configs --bootstrap-server kafka1:9092 --alter --entity-type topics --entity-name L.p.cq.in.I --add-config retention.ms=3600000
    "#]],
    );
}

#[test]
fn brokers_are_held_to_their_clocks_addresses_and_age() {
    check(
        &Expectations::default(),
        |cluster| {
            cluster.brokers[0].reachable = false;
            cluster.brokers[0].address.host = "localhost".to_owned();
            cluster.brokers[1].reachable = false;
            cluster.brokers[1].configs = None;
            let configs = cluster.brokers[2].configs.as_mut().expect("fit");
            configs.insert("producer.id.expiration.ms".to_owned(), "900000".to_owned());
            configs.insert("inter.broker.protocol.version".to_owned(), "3.6-IV2".to_owned());
        },
        &expect![[r#"
            Error E019 Brokers are too old.                       broker 3 speaks protocol 3.6-IV2; before 3.7 a record could be read that one disk alone holds.
                 Fix: brokers 3.7 or newer (3.9.1 in the 3.9 line), and inter.broker.protocol.version raised after the upgrade
            Error E017 Connections outlive the memory of writers. brokers keep idle connections for 600s and remember writers for 900s; a request that was held back for that long could repeat a record.
                 Fix: connections.max.idle.ms below half of producer.id.expiration.ms on all brokers
            Warning E009 Broker address is not reachable from here. broker 1 of kafka1:9092 advertises "localhost:9092", where nothing answers; clients go where a broker says it is.
                 Fix: advertised.listeners on broker 1: a name that its clients can reach, not "localhost"
            Warning E009 Broker address is not reachable from here. broker 2 of kafka1:9092 advertises "kafka2:9092", where nothing answers; clients go where a broker says it is.
                 Fix: start broker 2, or correct its advertised.listeners
        "#]],
    );
}

#[test]
fn a_broker_that_cannot_tell_is_for_demonstrations_only() {
    let silence = |cluster: &mut ClusterDescription| {
        cluster.brokers.truncate(1);
        cluster.brokers[0].configs = None;
        cluster.topics.truncate(1);
        let TopicState::Present { partitions, configs } = topic(cluster, "L.p.cq.in.I") else { panic!("fit") };
        partitions[0].replicas.truncate(1);
        *configs = None;
    };
    check(
        &Expectations::default(),
        silence,
        &expect![[r#"
        Error E015 Settings are unknown.                      broker 1 tells nothing of its settings; how long it remembers writers (producer.id.expiration.ms) can't be checked.
             Fix: grant DESCRIBE_CONFIGS on the cluster; to go on anyway (demo only): --allow-unreplicated
        Error E003 Topic is not replicated.                   L.p.cq.in.I has replication factor 1, must be 3; the loss of brokers would lose records.
             Fix: kafka-reassign-partitions --bootstrap-server kafka1:9092 with 3 replicas for L.p.cq.in.I-0; to go on anyway (demo only): --allow-unreplicated
        Error E015 Settings are unknown.                      L.p.cq.in.I keeps its settings secret; whether acknowledged records are safe can't be checked.
             Fix: grant DESCRIBE_CONFIGS on the topic; to go on anyway (demo only): --allow-unreplicated
    "#]],
    );
    let demo = Expectations { allow_unreplicated: true, ..Expectations::default() };
    let (specs, mut cluster) = fit(&demo);
    silence(&mut cluster);
    let report = judge(cluster, &specs, &demo, "kafka1:9092");
    assert!(report.is_fit() && report.findings.len() == 3, "{:?}", report.findings);
    assert_eq!(report.limits, BrokerLimits::default());
}

#[test]
fn the_shortest_memory_and_the_longest_idle_time_over_all_brokers_count() {
    let expected = Expectations { outbound_retention: Some(Duration::from_secs(7_200)), ..Expectations::default() };
    let (specs, cluster) = fit(&expected);
    let report = judge(cluster, &specs, &expected, "kafka1:9092");
    assert_eq!(
        report.limits,
        BrokerLimits {
            producer_id_expiration: Some(Duration::from_millis(28_800_000)),
            connections_max_idle: Some(Duration::from_millis(600_000)),
            output_retention: Some(Duration::from_secs(7_200)),
            broker_session: None,
        }
    );
}

#[test]
fn a_broker_counts_as_dead_by_the_longest_session_of_its_mode() {
    let expected = Expectations::default();
    let (specs, mut cluster) = fit(&expected);
    let sessions = ["2000", "9000", "3000"];
    for (broker, session) in cluster.brokers.iter_mut().zip(sessions) {
        let configs = broker.configs.get_or_insert_default();
        configs.insert("broker.session.timeout.ms".to_owned(), session.to_owned());
        configs.insert("zookeeper.session.timeout.ms".to_owned(), "18000".to_owned());
    }
    let report = judge(cluster.clone(), &specs, &expected, "kafka1:9092");
    assert_eq!(report.limits.broker_session, Some(Duration::from_secs(9)));
    for broker in &mut cluster.brokers {
        broker.configs.get_or_insert_default().insert("zookeeper.connect".to_owned(), "zk:2181".to_owned());
    }
    let report = judge(cluster, &specs, &expected, "kafka1:9092");
    assert_eq!(report.limits.broker_session, Some(Duration::from_secs(18)));
}

#[test]
fn versions_are_compared_by_number() {
    assert!(is_before_3_7("3.6-IV2") && is_before_3_7("2.8") && is_before_3_7("0.11.0"));
    assert!(
        !is_before_3_7("3.7-IV4") && !is_before_3_7("3.10") && !is_before_3_7("4.0-IV3") && !is_before_3_7("unknown")
    );
}
