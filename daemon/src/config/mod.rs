//! Configuration: raw text in, checked value out.

mod layers;
pub mod settings;
mod units;
mod zookeeper;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use ports::security::Secret;

use crate::snapshot::Bounds;
use zookeeper::RawAccess;

pub use layers::{Layers, Origin};
pub(crate) use units::duration;
pub use zookeeper::ZooKeeperAccess;

/// Who orders the replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coordination {
    /// Ephemeral sequential znodes.
    ZooKeeper,
    /// Claims in the metadata topic.
    Kafka,
}

/// How often topics and brokers may be judged: more often costs the brokers more than it gives, less often leaves what is
/// acknowledged in danger for too long.
const PRECONDITION_PERIODS: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

/// What protects the outbound topics from two writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fencing {
    /// The broker refuses what doesn't come next.
    Sequence,
    /// Kafka's transactions.
    Transaction,
    /// Nothing.
    None,
}

/// How outbound batches are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Fast.
    Lz4,
    /// Small.
    Zstd,
}

/// Where refused rows go. The topic is one of the outputs that all replicas agree on, so it is never left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetters {
    /// `<label>.<project>.dead`.
    Topic,
    /// Beside the topic, files of this replica under `data`.
    Both,
}

/// Every setting, checked, with no default left to apply.
#[derive(Debug, Clone)]
pub struct Config {
    /// `name`.
    pub name: String,
    /// `http`.
    pub http: String,
    /// `http-advertise`.
    pub http_advertise: Option<String>,
    /// `peer`.
    pub peer: String,
    /// `peer-advertise`.
    pub peer_advertise: Option<String>,
    /// The secret itself, read from `peer-secret-file`.
    pub peer_secret: Option<Secret>,
    /// `data`.
    pub data: Option<PathBuf>,
    /// `dead-letters`.
    pub dead_letters: DeadLetters,
    /// `snapshot-…`.
    pub snapshots: Bounds,
    /// `allow-partial-replay`.
    pub allow_partial_replay: bool,
    /// `coordination`.
    pub coordination: Coordination,
    /// `zookeeper`.
    pub zookeeper: Option<String>,
    /// `zookeeper-path`.
    pub zookeeper_path: Option<String>,
    /// `zookeeper-user` and its like.
    pub zookeeper_access: ZooKeeperAccess,
    /// `session-timeout`.
    pub session_timeout: Duration,
    /// `bootstrap`.
    pub bootstrap: Option<String>,
    /// `fencing`.
    pub fencing: Fencing,
    /// `allow-plaintext-password`.
    pub allow_plaintext_password: bool,
    /// `allow-unreplicated`.
    pub allow_unreplicated: bool,
    /// `marker-period`.
    pub marker_period: Duration,
    /// `tick-step`.
    pub tick_step: Duration,
    /// `clip-bound`.
    pub clip_bound: Duration,
    /// `part-bytes-max`.
    pub part_bytes_max: usize,
    /// `run-records-max`.
    pub run_records_max: usize,
    /// `peer-heartbeat`.
    pub peer_heartbeat: Duration,
    /// `handover-timeout`.
    pub handover_timeout: Duration,
    /// `compression`.
    pub compression: Compression,
    /// `precondition-period`.
    pub precondition_period: Duration,
    /// `allow-test-switches`.
    pub allow_test_switches: bool,
    /// `log`.
    pub log: String,
    /// `log-format` is json.
    pub log_json: bool,
    /// `kafka.…`: name and value as librdkafka takes them.
    pub kafka: Vec<(String, String)>,
}

impl Config {
    /// Checks every value and the relations between them.
    ///
    /// # Errors
    /// The key, its text, what it should look like, and who said it.
    pub fn new(layers: &Layers) -> anyhow::Result<Self> {
        let text = |key: &str| layers.text(key).to_owned();
        let optional = |key: &str| Some(text(key)).filter(|text| !text.is_empty());
        let duration = |key: &str| parsed(layers, key, "a duration like 1500ms, 10s, 5m", units::duration);
        let flag = |key: &str| parsed(layers, key, "true or false", |text| text.parse::<bool>().ok());
        let config = Self {
            name: optional("name").map_or_else(host_name, Ok)?,
            http: text("http"),
            http_advertise: optional("http-advertise"),
            peer: text("peer"),
            peer_advertise: optional("peer-advertise"),
            peer_secret: optional("peer-secret-file")
                .map(|path| read_secret("the peer secret", Path::new(&path)))
                .transpose()?,
            data: optional("data").map(PathBuf::from),
            dead_letters: parsed(
                layers,
                "dead-letters",
                "topic or both (the topic is an output that replicas agree on and can't be left out)",
                |text| match text {
                    "topic" => Some(DeadLetters::Topic),
                    "both" => Some(DeadLetters::Both),
                    _ => None,
                },
            )?,
            snapshots: Bounds {
                interval: duration("snapshot-interval")?,
                keep: parsed(layers, "snapshot-keep", "a number of snapshots, at least 1", |text| {
                    text.parse().ok().filter(|&keep: &usize| keep > 0)
                })?,
                size_max: parsed(layers, "snapshot-size-max", "a size like 4GiB", units::bytes)? as u64,
            },
            allow_partial_replay: flag("allow-partial-replay")?,
            coordination: parsed(layers, "coordination", "zookeeper or kafka", |text| match text {
                "zookeeper" => Some(Coordination::ZooKeeper),
                "kafka" => Some(Coordination::Kafka),
                _ => None,
            })?,
            zookeeper: optional("zookeeper"),
            zookeeper_path: optional("zookeeper-path"),
            zookeeper_access: ZooKeeperAccess::new(&RawAccess {
                user: layers.text("zookeeper-user"),
                password_file: layers.text("zookeeper-password-file"),
                ca_file: layers.text("zookeeper-ca-file"),
                certificate_file: layers.text("zookeeper-certificate-file"),
                key_file: layers.text("zookeeper-key-file"),
                allow_plaintext_password: flag("allow-plaintext-password")?,
            })?,
            session_timeout: duration("session-timeout")?,
            bootstrap: optional("bootstrap"),
            fencing: parsed(layers, "fencing", "sequence, transaction or none", |text| match text {
                "sequence" => Some(Fencing::Sequence),
                "transaction" => Some(Fencing::Transaction),
                "none" => Some(Fencing::None),
                _ => None,
            })?,
            allow_plaintext_password: flag("allow-plaintext-password")?,
            allow_unreplicated: flag("allow-unreplicated")?,
            marker_period: duration("marker-period")?,
            tick_step: duration("tick-step")?,
            clip_bound: duration("clip-bound")?,
            part_bytes_max: parsed(layers, "part-bytes-max", "a size like 512KiB", units::bytes)?,
            run_records_max: parsed(layers, "run-records-max", "a number of records, at least 1", |text| {
                text.parse().ok().filter(|&records: &usize| records > 0)
            })?,
            peer_heartbeat: duration("peer-heartbeat")?,
            handover_timeout: duration("handover-timeout")?,
            compression: parsed(layers, "compression", "lz4, zstd or none", |text| match text {
                "none" => Some(Compression::None),
                "lz4" => Some(Compression::Lz4),
                "zstd" => Some(Compression::Zstd),
                _ => None,
            })?,
            precondition_period: parsed(layers, "precondition-period", "a duration from 1s to 1h", |text| {
                units::duration(text).filter(|period| PRECONDITION_PERIODS.contains(period))
            })?,
            allow_test_switches: flag("allow-test-switches")?,
            log: text("log"),
            log_json: parsed(layers, "log-format", "text or json", |text| match text {
                "text" => Some(false),
                "json" => Some(true),
                _ => None,
            })?,
            kafka: layers
                .iter()
                .filter_map(|(key, value, _)| {
                    Some((key.strip_prefix(settings::KAFKA_PREFIX)?.to_owned(), value.to_owned()))
                })
                .collect(),
        };
        if config.dead_letters == DeadLetters::Both && config.data.is_none() {
            bail!("dead-letters = both needs a folder: say --data DIR, one for each replica");
        }
        if config.fencing == Fencing::None && !flag("force-unfenced")? {
            bail!(
                "fencing = none lets two engines write at once and lose or repeat output; \
                 if that is what you want, say --set force-unfenced=true"
            );
        }
        Ok(config)
    }
}

fn parsed<T>(layers: &Layers, key: &str, form: &str, parse: impl Fn(&str) -> Option<T>) -> anyhow::Result<T> {
    let text = layers.text(key);
    parse(text).with_context(|| {
        let origin = layers.iter().find(|(found, _, _)| *found == key).map(|(_, _, origin)| origin.to_string());
        format!("setting {key} = \"{text}\" ({}): write {form}", origin.unwrap_or_default())
    })
}

fn host_name() -> anyhow::Result<String> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() {
        bail!("this host has no name; give the replica one with --name");
    }
    Ok(name)
}

fn read_secret(what: &str, path: &Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {what} {}", path.display()))?;
    let text = text.trim();
    if text.is_empty() {
        bail!("{what} {} is empty; make one with: openssl rand -hex 32 > {0}", path.display());
    }
    Ok(Secret::new(text.to_owned()))
}
