//! What the topics of a project should be.

use std::collections::BTreeMap;
use std::time::Duration;

use types::TopicName;

/// What a topic is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicRole {
    /// `….I`: what the engines read; a write-ahead log.
    Inbound,
    /// `….O`: what the active engine appends in sequence.
    Outbound,
    /// `….dead`: rejected input, an output like any other.
    DeadLetter,
    /// `….J`: in which order several inbound topics are consumed; read like them, appended in sequence.
    Journal,
    /// `….M`: the notebook.
    Metadata,
    /// An adapter's own topic (`metatopic`), kept because users' files name it.
    AdapterMetadata,
    /// `….selftest`: where engines try at start how brokers answer; its records are of no use.
    Scratch,
}

impl TopicRole {
    /// Written by sequenced append.
    #[must_use]
    pub const fn is_sequenced(self) -> bool {
        match self {
            Self::Outbound | Self::DeadLetter | Self::Journal => true,
            Self::Inbound | Self::Metadata | Self::AdapterMetadata | Self::Scratch => false,
        }
    }
}

/// The topics of a project by role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectTopics {
    /// `<label>.<project>.<contquery>.<window>.I`
    pub inbound: Vec<TopicName>,
    /// `<label>.<project>.<contquery>.<window>.O`
    pub outbound: Vec<TopicName>,
    /// `<label>.<project>.dead`, unless dead letters go to a file.
    pub dead: Option<TopicName>,
    /// `<label>.<project>.J`, for several inbound topics.
    pub journal: Option<TopicName>,
    /// `<label>.M`
    pub metadata: TopicName,
    /// The adapters' own.
    pub adapter_metadata: Vec<TopicName>,
    /// `<label>.<project>.selftest`, for engines that append in sequence.
    pub scratch: Option<TopicName>,
}

/// How far back a restarted engine must be able to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// To the origin of its generation: nothing may ever be deleted.
    FromOrigin,
    /// As far as the oldest snapshot it may find.
    Within(Duration),
}

/// What the topics are held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectations {
    /// Replicas of each topic, at least.
    pub replication: u16,
    /// In-sync replicas that must have a record before it counts, at least.
    pub min_insync: u16,
    /// How long inbound records are to be kept; `None` leaves a new topic at the brokers' default.
    pub inbound_retention: Option<Duration>,
    /// How long outbound records are to be kept; `None` leaves a new topic at the brokers' default.
    pub outbound_retention: Option<Duration>,
    /// The longest retention by time in the model.
    pub model_retention: Option<Duration>,
    /// How far back a restarted engine must be able to read.
    pub replay: Replay,
    /// An idle outbound topic gets a marker this often.
    pub marker_period: Duration,
    /// For demonstrations: a topic that can lose output is a warning, not an error.
    pub allow_unreplicated: bool,
}

impl Default for Expectations {
    /// What a cluster that must lose nothing needs.
    fn default() -> Self {
        Self {
            replication: 3,
            min_insync: 2,
            inbound_retention: None,
            outbound_retention: None,
            model_retention: None,
            replay: Replay::FromOrigin,
            marker_period: Duration::from_secs(60),
            allow_unreplicated: false,
        }
    }
}

/// Retention of an outbound topic in marker periods, at least: the newest marker is then never the only record left.
pub(super) const MARKERS_KEPT: u32 = 4;

/// Retention deletes whole closed segments, so a segment must close well before; Kafka's own default is a week.
const SEGMENT_MS_MAX: u128 = 7 * 24 * 3_600 * 1_000;

/// Nobody reads what a test at start wrote.
const SCRATCH_KEPT: Duration = Duration::from_secs(3_600);

/// One topic as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: TopicName,
    /// What it is for.
    pub role: TopicRole,
    /// Always one: order is kept inside one partition only.
    pub partitions: u16,
    /// Copies.
    pub replication: u16,
    /// Topic settings that differ from, or mustn't depend on, the brokers' defaults.
    pub configs: BTreeMap<&'static str, String>,
}

/// What the topics should be, each name once: inbound, outbound, dead letters, journal, notebook, adapters', scratch.
#[must_use]
pub fn plan(topics: &ProjectTopics, expected: &Expectations) -> Vec<TopicSpec> {
    let roles = [
        (TopicRole::Inbound, &topics.inbound[..]),
        (TopicRole::Outbound, &topics.outbound[..]),
        (TopicRole::DeadLetter, topics.dead.as_slice()),
        (TopicRole::Journal, topics.journal.as_slice()),
        (TopicRole::Metadata, std::slice::from_ref(&topics.metadata)),
        (TopicRole::AdapterMetadata, &topics.adapter_metadata[..]),
        (TopicRole::Scratch, topics.scratch.as_slice()),
    ];
    let mut specs: Vec<TopicSpec> = Vec::new();
    for (role, names) in roles {
        for name in names {
            if !specs.iter().any(|spec| spec.name == *name) {
                specs.push(spec(name, role, expected));
            }
        }
    }
    specs
}

fn spec(name: &TopicName, role: TopicRole, expected: &Expectations) -> TopicSpec {
    let mut configs = BTreeMap::from([
        ("cleanup.policy", "delete".to_owned()),
        ("min.insync.replicas", expected.min_insync.min(expected.replication).to_string()),
        ("unclean.leader.election.enable", "false".to_owned()),
    ]);
    match role {
        TopicRole::Inbound => {
            configs.insert("message.timestamp.type", "LogAppendTime".to_owned());
            keep_for(&mut configs, expected.inbound_retention);
        }
        TopicRole::Outbound | TopicRole::DeadLetter => {
            configs.insert("message.timestamp.type", "LogAppendTime".to_owned());
            let least = expected.marker_period * MARKERS_KEPT;
            keep_for(&mut configs, expected.outbound_retention.map(|retention| retention.max(least)));
        }
        // Without its decisions the records of the inbound topics are of no use, so it is kept for as long as they are.
        TopicRole::Journal => {
            configs.insert("message.timestamp.type", "LogAppendTime".to_owned());
            keep_for(&mut configs, expected.inbound_retention);
        }
        TopicRole::Metadata => {
            configs.insert("retention.ms", "-1".to_owned());
            configs.insert("retention.bytes", "-1".to_owned());
        }
        TopicRole::AdapterMetadata => {}
        TopicRole::Scratch => keep_for(&mut configs, Some(SCRATCH_KEPT)),
    }
    TopicSpec { name: name.clone(), role, partitions: 1, replication: expected.replication, configs }
}

fn keep_for(configs: &mut BTreeMap<&'static str, String>, retention: Option<Duration>) {
    if let Some(retention) = retention {
        configs.insert("retention.ms", retention.as_millis().to_string());
        configs.insert("segment.ms", (retention.as_millis() / 2).clamp(1, SEGMENT_MS_MAX).to_string());
    }
}
