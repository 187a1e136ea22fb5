//! What is written into the notebook: one JSON object per record, told apart by its `kind`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use types::{Fingerprint, Generation, Incarnation, MemberName, Offset, OutputIndex, Term, Timestamp, TopicName};

use super::form::{
    GenerationForm, IncarnationForm, MemberNameForm, OffsetForm, OutputIndexForm, TermForm, TimestampForm,
    TopicNameForm, fingerprint, micros,
};

/// One record of the metadata topic. Fields that this version doesn't know are ignored, kinds that it doesn't know are skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Entry {
    /// What a new generation should be.
    Proposal(Proposal),
    /// A replica is there, or its addresses or its wish to stand in line changed.
    Member(Member),
    /// A replica is gone.
    MemberLeft(MemberLeft),
    /// The columns of a window, for adapters.
    Schema(WindowSchema),
    /// Where an outbound topic's generation begins.
    Constant(Constant),
    /// A replica wants to be active in place of the present one.
    Claim(Claim),
    /// A generation is over, another may be proposed.
    Reset(Reset),
    /// A takeover that happened, for the history.
    Failover(Failover),
}

/// The kinds this version reads; the test beside holds it to [`Entry`].
const KINDS: [&str; 8] = ["proposal", "member", "member-left", "schema", "constant", "claim", "reset", "failover"];

/// What must be equal for all replicas of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Which project.
    pub project: String,
    /// Its number: one more than the last, or 1.
    #[serde(with = "GenerationForm")]
    pub generation: Generation,
    /// What the model computes.
    #[serde(with = "fingerprint")]
    pub fingerprint: Fingerprint,
    /// Where each inbound topic is read from; at least one.
    pub origins: Vec<Origin>,
    /// Input time without an output after which a marker is due.
    #[serde(with = "micros", rename = "marker_period_us")]
    pub marker_period: Duration,
    /// Grid of time-driven work (`heartbeat-interval`).
    #[serde(with = "micros", rename = "tick_step_us")]
    pub tick_step: Duration,
    /// A larger jump of input time is cut to this.
    #[serde(with = "micros", rename = "clip_bound_us")]
    pub clip_bound: Duration,
    /// Encoded bytes after which an output block is split into parts.
    pub part_bytes_max: u64,
    /// Name of the rolling digest's algorithm.
    pub digest_algorithm: String,
    /// Version of the engine's semantics: raised when the same model and input would give other output.
    pub semantics_version: u32,
    /// How its outbound topics are kept from two writers; entries that don't say are of sequences.
    #[serde(default)]
    pub fence: FenceKind,
    /// Who proposes.
    #[serde(with = "MemberNameForm")]
    pub by: MemberName,
}

/// How the broker keeps the outbound topics of a generation from two writers. Writers of two kinds don't see each other's
/// fences, so all replicas of a generation are of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FenceKind {
    /// The partition leader takes only the record that comes next; offsets follow from indexes.
    #[default]
    Sequence,
    /// One transactional id for all; commit markers take offsets too, so only headers tell an index.
    Transaction,
}

impl std::fmt::Display for FenceKind {
    /// As the setting `fencing` names it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sequence => "sequence",
            Self::Transaction => "transaction",
        })
    }
}

/// Where an inbound topic is read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The inbound topic.
    #[serde(with = "TopicNameForm")]
    pub topic: TopicName,
    /// Its first record that counts.
    #[serde(with = "OffsetForm")]
    pub offset: Offset,
    /// Kafka's id of the topic, as the broker writes it; absent when no broker told it, or in older notebooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<String>,
}

/// One start of one replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Which project it runs.
    pub project: String,
    /// Under which generation, once it knows.
    #[serde(with = "GenerationForm")]
    pub generation: Generation,
    /// Its name, unique in the cluster.
    #[serde(with = "MemberNameForm")]
    pub name: MemberName,
    /// Which start; later starts have larger numbers.
    #[serde(with = "IncarnationForm")]
    pub incarnation: Incarnation,
    /// Where its peers reach it, `host:port`.
    pub peer: String,
    /// Where its status is served, `host:port`.
    pub http: String,
    /// Its program version.
    pub version: String,
    /// It stands in line to be active (`coordination = kafka` only).
    #[serde(default)]
    pub in_line: bool,
}

/// One entry into the line, never used twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Whose.
    #[serde(with = "MemberNameForm")]
    pub member: MemberName,
    /// Which start of it.
    #[serde(with = "IncarnationForm")]
    pub incarnation: Incarnation,
    /// The offset of the [`Member`] entry that began it.
    #[serde(with = "OffsetForm")]
    pub ticket: Offset,
}

/// A replica that is gone, said by itself or by a peer that is sure of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberLeft {
    /// Which project it ran.
    pub project: String,
    /// Who is gone.
    #[serde(with = "MemberNameForm")]
    pub name: MemberName,
    /// Which start of it; another start is not meant.
    #[serde(with = "IncarnationForm")]
    pub incarnation: Incarnation,
    /// When a peer says it: only if it still is this entry into the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_place: Option<Place>,
    /// Who says it.
    #[serde(with = "MemberNameForm")]
    pub by: MemberName,
}

/// What a window is to adapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowRole {
    /// A source window: publishers write to its inbound topic.
    Source,
    /// Any other window: subscribers read its outbound topic.
    Derived,
}

/// The columns of a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSchema {
    /// Which project.
    pub project: String,
    /// Under which generation.
    #[serde(with = "GenerationForm")]
    pub generation: Generation,
    /// `contquery/window`.
    pub window: String,
    /// As in `id*:int64,x:double`: `*` marks keys.
    pub schema: String,
    /// Source or derived.
    pub role: WindowRole,
    /// The window gives the key itself (`autogen-key`): what a publisher writes in its column is ignored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub generated_key: bool,
    /// How the records of its outbound topic are written; absent when no connector writes one, or in older notebooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
}

/// How a topic's records are written: what is needed to read them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// As in the connector: `binary`, `csv`, `json`, or the name of the field that is sent raw.
    pub kafkatype: String,
    /// Text form of dates in csv and json; integers when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dateformat: Option<String>,
}

/// Where a generation's indexes stand in an outbound topic. The first one noted is where the generation begins; each further
/// one says that somebody else's records moved the indexes from there on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constant {
    /// Which project.
    pub project: String,
    /// Which generation.
    #[serde(with = "GenerationForm")]
    pub generation: Generation,
    /// The outbound topic.
    #[serde(with = "TopicNameForm")]
    pub topic: TopicName,
    /// Its fence record: index 0 comes right after it; moved on by every foreign record below `from`.
    #[serde(with = "OffsetForm")]
    pub fence: Offset,
    /// The first index for which it holds: that index stands at `fence + 1 + index`.
    #[serde(default, with = "OutputIndexForm", skip_serializing_if = "is_first")]
    pub from: OutputIndex,
    /// Kafka's id of the topic, as the broker writes it.
    pub topic_id: String,
}

fn is_first(index: &OutputIndex) -> bool {
    index.0 == 0
}

/// A replica wants to be active. Valid only for the term after the one in force where it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Which project.
    pub project: String,
    /// The term it wants: the one in force, as far as it has read, plus one.
    #[serde(with = "TermForm")]
    pub term: Term,
    /// Who claims; it must stand in line.
    #[serde(with = "MemberNameForm")]
    pub member: MemberName,
    /// Which start of it.
    #[serde(with = "IncarnationForm")]
    pub incarnation: Incarnation,
    /// Whom it removes from the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub displaced: Option<Place>,
    /// Why, for the history.
    pub reason: String,
}

/// A generation is over; the next proposal may open another. Written by an operator's `reset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// Which project.
    pub project: String,
    /// The generation that ends.
    #[serde(with = "GenerationForm")]
    pub generation: Generation,
    /// Who asked, and why.
    pub reason: String,
}

/// A takeover that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failover {
    /// Which project.
    pub project: String,
    /// Under which generation.
    #[serde(with = "GenerationForm")]
    pub generation: Generation,
    /// The term that began with it.
    #[serde(with = "TermForm")]
    pub term: Term,
    /// When the new active member's first append was acknowledged; the member's wall clock, for people only.
    #[serde(with = "TimestampForm", rename = "at_us")]
    pub at: Timestamp,
    /// Who was active before, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Who is active since.
    #[serde(with = "MemberNameForm")]
    pub to: MemberName,
    /// What set it off.
    pub cause: String,
    /// How long each phase took, in order.
    #[serde(default)]
    pub phases: Vec<Phase>,
    /// From noticing that somebody had to take over to the first acknowledged output, by the new active member's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_us: Option<u64>,
    /// Where each outbound topic went on, as far as it was known when the takeover was noted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Continued>,
}

/// The first output of a new active member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continued {
    /// The outbound topic.
    #[serde(with = "TopicNameForm")]
    pub topic: TopicName,
    /// Its index; the one before it is the last that others wrote.
    #[serde(with = "OutputIndexForm")]
    pub first: OutputIndex,
}

/// One phase of a takeover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Its name: detect, decide, append, …
    pub name: String,
    /// How long it took.
    #[serde(with = "micros", rename = "us")]
    pub took: Duration,
}

/// Why a record is no entry. Readers skip it and count it.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Written by a newer version.
    #[error("unknown kind \"{kind}\"")]
    UnknownKind {
        /// As written.
        kind: String,
    },
    /// Not an entry at all, or a field is wrong.
    #[error("not a notebook entry")]
    Malformed {
        /// What serde says.
        source: serde_json::Error,
    },
}

impl Entry {
    /// Reads a record's value.
    ///
    /// # Errors
    /// [`EntryError`]; the reader skips such records.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        #[derive(Deserialize)]
        struct Kind {
            kind: String,
        }

        serde_json::from_slice(bytes).map_err(|source| match serde_json::from_slice::<Kind>(bytes) {
            Ok(Kind { kind }) if !KINDS.contains(&kind.as_str()) => EntryError::UnknownKind { kind },
            Ok(_) | Err(_) => EntryError::Malformed { source },
        })
    }

    /// The record's value.
    ///
    /// # Panics
    /// Never: the entries' types always have a JSON form.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let json = serde_json::to_vec(self);
        assert!(json.is_ok(), "a notebook entry has no JSON form: {self:?}");
        json.unwrap_or_default()
    }

    /// The record's key, `<project>/<generation>` or `<project>`: for people and tools, readers don't need it.
    #[must_use]
    pub fn key(&self) -> String {
        match self.generation() {
            Some(generation) => format!("{}/{generation}", self.project()),
            None => self.project().to_owned(),
        }
    }

    /// Which project it is about.
    #[must_use]
    pub fn project(&self) -> &str {
        match self {
            Self::Proposal(entry) => &entry.project,
            Self::Member(entry) => &entry.project,
            Self::MemberLeft(entry) => &entry.project,
            Self::Schema(entry) => &entry.project,
            Self::Constant(entry) => &entry.project,
            Self::Claim(entry) => &entry.project,
            Self::Reset(entry) => &entry.project,
            Self::Failover(entry) => &entry.project,
        }
    }

    /// Which generation it belongs to; leadership is above generations.
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        match self {
            Self::Proposal(entry) => Some(entry.generation),
            Self::Member(entry) => Some(entry.generation),
            Self::Schema(entry) => Some(entry.generation),
            Self::Constant(entry) => Some(entry.generation),
            Self::Reset(entry) => Some(entry.generation),
            Self::Failover(entry) => Some(entry.generation),
            Self::MemberLeft(_) | Self::Claim(_) => None,
        }
    }
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
