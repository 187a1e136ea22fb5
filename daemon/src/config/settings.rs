//! The table of settings: one row says everything about one key.

/// One key that users may set.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// As in `understudy.toml`; the environment has `UNDERSTUDY_` and capitals, flags two dashes.
    pub key: &'static str,
    /// What holds when nobody says anything; empty means "not set".
    pub default: &'static str,
    /// One line for `config show` and the docs.
    pub meaning: &'static str,
}

const fn setting(key: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { key, default, meaning }
}

/// Every key, in the order in which `config show` prints them.
pub const SETTINGS: &[Setting] = &[
    setting("name", "", "this replica's name, unique in its cluster; the host name when not set"),
    setting("http", "127.0.0.1:31415", "where status, health and metrics are served; port 0 takes a free one"),
    setting("http-advertise", "", "the address under which `status` finds this replica, instead of `http`"),
    setting("peer", "127.0.0.1:31416", "where other replicas reach this one; port 0 takes a free one"),
    setting("peer-advertise", "", "the address that other replicas are told instead of `peer`"),
    setting("peer-secret-file", "", "file with the secret that replicas share; needed when peers are not on loopback"),
    setting(
        "data",
        "",
        "folder for local files: snapshots, none when not set; dead letters, when they are wanted there",
    ),
    setting("dead-letters", "topic", "where refused rows go: topic, or both: the topic and files under `data`"),
    setting("snapshot-interval", "1m", "how often a standby takes a snapshot; 0s takes none"),
    setting("snapshot-keep", "3", "the newest so many snapshots stay on disk"),
    setting("snapshot-size-max", "4GiB", "a snapshot larger than this is not kept, nor read"),
    setting(
        "allow-partial-replay",
        "false",
        "where needed input is deleted and nobody has a snapshot: compute on with what is left, behind the last output",
    ),
    setting("coordination", "zookeeper", "who orders the replicas: zookeeper or kafka"),
    setting("zookeeper", "", "host:port,…/chroot; replaces the project's zookeeperhostport"),
    setting("zookeeper-path", "", "election node; /ESP/<label>.<project>/server-n_ when not set"),
    setting("zookeeper-user", "", "log in to ZooKeeper (digest); the znodes made are then closed to everybody else"),
    setting("zookeeper-password-file", "", "file with the password of zookeeper-user"),
    setting(
        "zookeeper-ca-file",
        "",
        "PEM: speak TLS to ZooKeeper and trust these authorities; in the clear when not set",
    ),
    setting("zookeeper-certificate-file", "", "PEM: client certificate for ZooKeeper servers that ask for one"),
    setting("zookeeper-key-file", "", "PEM: the key of zookeeper-certificate-file, not encrypted"),
    setting("session-timeout", "1500ms", "ZooKeeper session: the backstop when peer links say nothing"),
    setting("bootstrap", "", "host:port,…; replaces the project's kafkahostport"),
    setting("fencing", "sequence", "what protects the output: sequence, transaction or none"),
    setting("force-unfenced", "false", "needed with fencing = none"),
    setting(
        "allow-plaintext-password",
        "false",
        "let passwords (SASL PLAIN, zookeeper-user) cross the network without TLS, readable by anybody on the way",
    ),
    setting("allow-unreplicated", "false", "go on with topics that could lose data (demonstrations only)"),
    setting("marker-period", "10m", "an outbound topic is silent this long before a marker shows that it lives"),
    setting("tick-step", "1s", "an idle input gets a tick this often, so that time goes on"),
    setting("clip-bound", "1h", "a record may push time ahead by this at most; more is clipped and counted"),
    setting("part-bytes-max", "512KiB", "a block encoded larger than this becomes several records"),
    setting("run-records-max", "1024", "inbound records that are processed as one run, at most"),
    setting("peer-heartbeat", "20ms", "how often replicas say that they live"),
    setting("handover-timeout", "5s", "how long a stopping active waits for its last acknowledgements"),
    setting("compression", "lz4", "of outbound batches from about 10 KB on: lz4, zstd or none"),
    setting(
        "precondition-period",
        "1m",
        "topics and brokers are judged again this often, 1s to 1h, and after each change of a leader",
    ),
    setting("allow-test-switches", "false", "honour UNDERSTUDY_TEST_… variables"),
    setting("log", "info", "what is logged: error, warn, info, debug, trace, or a filter as in module=debug"),
    setting("log-format", "text", "text or json"),
];

/// `kafka.<property>`: handed to librdkafka as it is, checked against what would break exactness.
pub const KAFKA_PREFIX: &str = "kafka.";

/// The row of a key.
#[must_use]
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The known key that is most like a mistyped one.
#[must_use]
pub fn nearest(key: &str) -> Option<&'static str> {
    types::nearest(key, SETTINGS.iter().map(|setting| setting.key))
}
