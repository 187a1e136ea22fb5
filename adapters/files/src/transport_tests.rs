use expect_test::{Expect, expect};

use super::*;

fn check(text: &str, expected: &Expect) {
    match TransportConfig::parse(text, Path::new("my.cfg")) {
        Ok(config) => expected.assert_eq(&format!("{config:#?}\n")),
        Err(error) => expected.assert_eq(&error.to_string()),
    }
}

#[test]
fn spacing_quotes_comments_and_braces_are_free() {
    check(
        "\u{feff}# for the trial\r\nkafka\r\n{\r\n  hostport=\"k1:9092, k2:9093\" # two\r\n\tglobalconfig = \"a.b=1; c=x#y\"\r\n\
         partition = \"0\"\ninitialoffset=17\n#groupid = \"g\"\nmetatopic=\"\"\n}\n\nrabbitmq { whatever = 1 }\n\
         sas { hotfailover = true\n failovergroup=\"a {b}\"\n numbufferedmsgs=\"1000\"\n dateformat=\"%Y-%m-%d %H:%M:%S\" }",
        &expect![[r#"
            TransportConfig {
                kafka: KafkaTransport {
                    brokers: [
                        HostPort {
                            host: "k1",
                            port: 9092,
                        },
                        HostPort {
                            host: "k2",
                            port: 9093,
                        },
                    ],
                    global_config: [
                        (
                            "a.b",
                            "1",
                        ),
                        (
                            "c",
                            "x#y",
                        ),
                    ],
                    initial_offset: At(
                        Offset(
                            17,
                        ),
                    ),
                    group_id: None,
                    meta_topic: None,
                },
                sas: SasTransport {
                    hot_failover: true,
                    zookeeper: None,
                    failover_group: Some(
                        "a {b}",
                    ),
                    buffered_messages_max: Some(
                        1000,
                    ),
                    date_format: Some(
                        "%Y-%m-%d %H:%M:%S",
                    ),
                },
            }
        "#]],
    );
    check(
        "kafka{}sas{}",
        &expect![[r#"
        TransportConfig {
            kafka: KafkaTransport {
                brokers: [],
                global_config: [],
                initial_offset: Smallest,
                group_id: None,
                meta_topic: None,
            },
            sas: SasTransport {
                hot_failover: false,
                zookeeper: None,
                failover_group: None,
                buffered_messages_max: None,
                date_format: None,
            },
        }
    "#]],
    );
}

#[test]
fn a_fault_is_named_with_its_line() {
    check(
        "kafka {\n hostprt = \"a:1\"\n}\n",
        &expect![[r#"my.cfg:2: unknown key "hostprt"; did you mean "hostport"?"#]],
    );
    check("kafka {\n}\nsass {\n}\n", &expect![[r#"my.cfg:3: unknown section "sass"; did you mean "sas"?"#]]);
    check(
        "kafka {\n hostport = \"a:1\"\n",
        &expect![[r#"my.cfg:1: section "kafka" is not closed: a line with } is missing"#]],
    );
    check(
        "hostport = a:1\n",
        &expect![[r#"my.cfg:1: "hostport" stands outside of a section: write kafka { … } or sas { … } around it"#]],
    );
    check("kafka {\n hostport = \"a:1\n}\n", &expect![[r#"my.cfg:2: the quote in "hostport = "a:1" isn't closed"#]]);
    check(
        "kafka {\n hostport\n}\n",
        &expect![[r#"my.cfg:2: "hostport" is no "key = value", no section and no comment"#]],
    );
    check(
        "kafka {\n hostport=a\n}\n",
        &expect!["my.cfg:2: hostport=a can't be: write host:port, or several with commas"],
    );
    check(
        "kafka {\n partition=1\n}\n",
        &expect!["my.cfg:2: partition=1 can't be: order is kept inside one partition only, so it must be 0"],
    );
    check("kafka {\n metatopic=a\n metatopic=b\n}\n", &expect![[r#"my.cfg:3: "metatopic" is given twice"#]]);
    check("sas {\n hotfailover=yes\n}\n", &expect!["my.cfg:2: hotfailover=yes can't be: write true or false"]);
    check(
        "sas {\n numbufferedmsgs=0\n}\n",
        &expect!["my.cfg:2: numbufferedmsgs=0 can't be: write a number of messages above 0"],
    );
    check(
        "kafka {\n globalconfig=acks\n}\n",
        &expect!["my.cfg:2: globalconfig=acks can't be: write key=value;key=value"],
    );
}

#[test]
fn the_shipped_configurations_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/examples/kafka1");
    for (name, failover_group) in [("kafkapub.cfg", Some("ESPadaptergroup1")), ("kafkasub.cfg", None)] {
        if !folder.join(name).exists() {
            println!("examples are absent, {name} was not read");
            continue;
        }
        let config = TransportConfig::read(&folder.join(name)).unwrap();
        assert_eq!(config.kafka.brokers.len(), 1);
        assert_eq!(config.kafka.initial_offset, InitialOffset::Smallest);
        assert_eq!(config.kafka.group_id, None);
        assert_eq!(config.sas.failover_group.as_deref(), failover_group);
        assert!(!config.sas.hot_failover);
    }
}
