use expect_test::{Expect, expect};
use ports::security::{Sasl, SaslMechanism, Secret, Tls};

use super::*;

fn settings(config: &str) -> Result<ClientSettings, Refusal> {
    ClientSettings::new("kafka1:9092", Some(config), None)
}

fn refusal(config: &str) -> String {
    match settings(config) {
        Ok(taken) => panic!("{config} was taken: {taken:?}"),
        Err(refusal) => refusal.to_string(),
    }
}

fn check(texts: impl IntoIterator<Item = String>, expected: &Expect) {
    expected.assert_eq(&texts.into_iter().map(|text| text + "\n").collect::<String>());
}

#[test]
fn what_would_break_exactness_is_refused_by_name() {
    let unsafe_settings = [
        "acks=1",
        "request.required.acks=0",
        "enable.idempotence=false",
        "transactional.id=trades",
        "group.id=g",
        "isolation.level=read_uncommitted",
        "auto.offset.reset=latest",
        "enable.auto.commit=true",
        "bootstrap.servers=elsewhere:9092",
    ];
    check(
        unsafe_settings.map(refusal),
        &expect![[r#"
        "acks=1" can't be: an acknowledgement must mean that all in-sync replicas have the record; leave it out
        "request.required.acks=0" can't be: an acknowledgement must mean that all in-sync replicas have the record; leave it out
        "enable.idempotence=false" can't be: without it a retry could write a record twice; leave it out
        "transactional.id=trades" can't be: which writer may write is decided by sequence numbers or by fencing=transaction, not by a connector; leave it out
        "group.id=g" can't be: every replica must read every record, so none may share the topic with a group; leave it out
        "isolation.level=read_uncommitted" can't be: a record of an aborted transaction would be input for one replica and not for another; leave it out
        "auto.offset.reset=latest" can't be: jumping over deleted records would make replicas differ; kafkainitialoffset says where to begin; leave it out
        "enable.auto.commit=true" can't be: the place to go on from is in the output, not in a consumer group; leave it out
        "bootstrap.servers=elsewhere:9092" can't be: kafkahostport says where the brokers are; leave it out
    "#]],
    );
}

#[test]
fn what_says_the_same_as_we_do_is_harmless() {
    settings("acks=all; acks=-1; enable.idempotence=true; isolation.level=read_committed").expect("taken");
    settings("enable.auto.commit=false;auto.offset.reset=error;").expect("taken");
}

#[test]
fn what_users_have_in_their_files_passes_through() {
    let settings = ClientSettings::new(
        " kafka1:9092, kafka2:9092,",
        Some("enable.sparse.connections=false;auto.commit.interval.ms=3000"),
        Some("queue.buffering.max.kbytes=4096"),
    )
    .expect("taken");
    assert_eq!(settings.bootstrap(), "kafka1:9092,kafka2:9092");
    for config in [settings.consumer(), settings.producer(None, 10), settings.admin()] {
        assert_eq!(config.get("enable.sparse.connections"), Some("false"));
        assert_eq!(config.get("auto.commit.interval.ms"), Some("3000"));
        assert_eq!(config.get("queue.buffering.max.kbytes"), Some("4096"));
        assert_eq!(config.get("bootstrap.servers"), Some("kafka1:9092,kafka2:9092"));
    }
}

#[test]
fn a_users_value_wins_over_a_preference_and_not_over_what_exactness_needs() {
    let settings = settings("fetch.wait.max.ms=7;linger.ms=3").expect("taken");
    let (consumer, producer) = (settings.consumer(), settings.producer(Some(Duration::from_secs(5)), 10));
    assert_eq!((consumer.get("fetch.wait.max.ms"), producer.get("linger.ms")), (Some("7"), Some("3")));
    assert_eq!(
        (consumer.get("auto.offset.reset"), consumer.get("isolation.level")),
        (Some("error"), Some("read_committed"))
    );
    assert_eq!((producer.get("acks"), producer.get("enable.idempotence")), (Some("all"), Some("true")));
    assert_eq!(producer.get("message.timeout.ms"), Some("5000"));
}

#[test]
fn librdkafka_takes_every_setting_of_ours() {
    let settings = settings("").expect("taken");
    for config in [settings.consumer(), settings.producer(None, 1), settings.admin()] {
        config.create_native_config().expect("known keys and values");
    }
}

#[test]
fn what_is_no_setting_is_named() {
    let brokers = |text| ClientSettings::new(text, None, None).expect_err("refused").to_string();
    check(
        [
            refusal("enable.sparse.connections"),
            refusal("=false"),
            refusal("fetch.wait.maximum.ms=5"),
            refusal("fetch.wait.max.ms=soon"),
            brokers(""),
            brokers("kafka1:9092,kafka2"),
        ],
        &expect![[r#"
            "enable.sparse.connections" is no setting; write key=value;key=value
            "=false" is no setting; write key=value;key=value
            librdkafka refuses the setting "fetch.wait.maximum.ms"
            librdkafka refuses the setting "fetch.wait.max.ms"
            "" is no broker; write host:port,host:port
            "kafka2" is no broker; write host:port,host:port
        "#]],
    );
}

#[test]
fn secrets_are_not_printed() {
    let settings = settings("sasl.username=esp;sasl.password=hunter2;ssl.key.password=hunter3").expect("taken");
    expect![[r#"ClientSettings { bootstrap: "kafka1:9092", pairs: [("sasl.username", "esp"), ("sasl.password", "***"), ("ssl.key.password", "***")] }"#]].assert_eq(&format!("{settings:?}"));
}

fn security(config: &str) -> Result<Security, String> {
    settings(config).expect("taken by librdkafka").security().map_err(|refusal| refusal.to_string())
}

#[test]
fn the_appender_takes_security_from_the_same_keys() {
    assert_eq!(security(""), Ok(Security::default()));
    assert_eq!(security("security.protocol=PLAINTEXT;sasl.username=unused"), Ok(Security::default()));
    let tls = Tls { ca: Some("ca.pem".into()), ..Tls::default() };
    assert_eq!(
        security("security.protocol=ssl;ssl.ca.location=ca.pem"),
        Ok(Security { tls: Some(tls.clone()), sasl: None })
    );
    let both =
        Tls { certificate: Some("c.pem".into()), key: Some("k.pem".into()), skip_host_name_check: true, ca: None };
    assert_eq!(
        security(
            "security.protocol=SSL;ssl.certificate.location=c.pem;ssl.key.location=k.pem;\
             ssl.ca.location=probe;ssl.endpoint.identification.algorithm=none"
        ),
        Ok(Security { tls: Some(both), sasl: None })
    );
    let sasl = |mechanism| Sasl { mechanism, username: "u".to_owned(), password: Secret::new("p=w".to_owned()) };
    assert_eq!(
        security(
            "security.protocol=sasl_ssl;ssl.ca.location=ca.pem;sasl.mechanism=SCRAM-SHA-512;sasl.username=u;sasl.password=p=w"
        ),
        Ok(Security { tls: Some(tls), sasl: Some(sasl(SaslMechanism::ScramSha512)) })
    );
    assert_eq!(
        security("security.protocol=sasl_plaintext;sasl.mechanisms=PLAIN;sasl.username=u;sasl.password=p=w"),
        Ok(Security { tls: None, sasl: Some(sasl(SaslMechanism::Plain)) })
    );
}

#[test]
fn a_password_goes_in_the_clear_only_when_somebody_says_so() {
    let guarded = |config: &str, allow| settings(config).expect("taken by librdkafka").guarded(allow).map(drop);
    let plain = "sasl.mechanisms=PLAIN;sasl.username=esp;sasl.password=pw;security.protocol";
    let refused = guarded(&format!("{plain}=sasl_plaintext"), false).expect_err("refused").to_string();
    assert!(refused.contains("\"esp\"") && !refused.contains("pw;"), "{refused}");
    assert!(guarded(&format!("{plain}=SASL_PLAINTEXT"), true).is_ok());
    assert!(guarded(&format!("{plain}=sasl_ssl"), false).is_ok());
    let scram = "sasl.mechanisms=SCRAM-SHA-512;sasl.username=esp;sasl.password=pw;security.protocol=sasl_plaintext";
    assert!(guarded(scram, false).is_ok());
}

#[test]
fn what_the_appender_cannot_honour_is_refused_with_a_way_out() {
    let refused = [
        "security.protocol=sasl_plaintext",
        "security.protocol=sasl_ssl;sasl.mechanisms=OAUTHBEARER",
        "security.protocol=ssl;ssl.keystore.location=client.p12",
        "security.protocol=ssl;ssl.cipher.suites=ECDHE-RSA-AES128-GCM-SHA256",
        "security.protocol=ssl;enable.ssl.certificate.verification=false",
        "security.protocol=ssl;ssl.certificate.location=c.pem",
        "security.protocol=sasl_ssl;sasl.mechanisms=PLAIN;sasl.username=u",
    ];
    check(
        refused.map(|config| security(config).expect_err("refused")),
        &expect![[r#"
            the sequenced appender can't honour "sasl.mechanisms": it speaks PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512, not GSSAPI; set fencing=transaction, then librdkafka writes the output
            the sequenced appender can't honour "sasl.mechanisms": it speaks PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512, not OAUTHBEARER; set fencing=transaction, then librdkafka writes the output
            the sequenced appender can't honour "ssl.keystore.location": it reads no PKCS12 keystores; use ssl.certificate.location and ssl.key.location (PEM); or set fencing=transaction, then librdkafka writes the output
            the sequenced appender can't honour "ssl.cipher.suites": it chooses ciphers itself; or set fencing=transaction, then librdkafka writes the output
            the sequenced appender can't honour "enable.ssl.certificate.verification": it always checks the broker's certificate; name the right ssl.ca.location, or set fencing=transaction, then librdkafka writes the output
            the sequenced appender can't honour "ssl.certificate.location": ssl.key.location is missing
            the sequenced appender can't honour "sasl.password": it is missing
        "#]],
    );
}
