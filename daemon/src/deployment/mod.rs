//! From a project file to what has to be run: topics, formats, brokers.

mod connector;
mod properties;
mod topics;

use engine::project::Project;
use ports::input::InboundHead;
use ports::notebook::Payload;
use proto::Format;
use types::TopicName;

pub use connector::{Notice, Refusal, read};
pub use topics::{WindowTopic, dead_letter_topic, metadata_topic, scratch_topic, window_topic};

/// Where a new generation begins to read (`kafkainitialoffset`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitialOffset {
    /// The first record kept.
    Smallest,
    /// One past the last record at the moment when the generation begins.
    Largest,
    /// This offset.
    At(u64),
}

/// A publisher connector: a topic that feeds a source window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// `cq/window`.
    pub window: String,
    /// Where it reads.
    pub topic: TopicName,
    /// How payloads are written.
    pub format: Format,
    /// Where a new generation begins.
    pub initial_offset: InitialOffset,
    /// The window gives the key itself: what a payload says in its column is ignored.
    pub generated_key: bool,
}

/// A subscriber connector: a window whose events go to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// `cq/window`.
    pub window: String,
    /// Where it writes.
    pub topic: TopicName,
    /// How payloads are written.
    pub format: Format,
    /// Outputs held back by a standby, at most (`numbufferedmsgs`).
    pub buffered_max: u64,
    /// An update and its old values leave as one update (`collapse`).
    pub collapse: bool,
    /// Deletes made by retention don't leave (`rmretdel`).
    pub drop_retention_deletes: bool,
}

/// What a project asks to be run under hot failover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The project's name.
    pub project: String,
    /// First part of all topic names (`urlhostport`, `:` written as `_`).
    pub label: String,
    /// `host:port,…`.
    pub bootstrap: String,
    /// For librdkafka, as users wrote it: `kafkaglobalconfig`, `key=value;…`.
    pub global_config: String,
    /// For librdkafka, as users wrote it: `kafkatopicconfig`, `key=value;…`.
    pub topic_config: String,
    /// `host:port,…/chroot`, when a connector names one.
    pub zookeeper: Option<String>,
    /// What it reads.
    pub inbound: Inbound,
    /// What it writes; at least one.
    pub outbound: Vec<Outbound>,
}

impl Deployment {
    /// How adapters find the records of a window written: those of the topic whose name they derive.
    #[must_use]
    pub fn payload(&self, window: &str) -> Option<Payload> {
        let topic = topics::derived(&self.label, &self.project, window, 'O');
        let outbound = self.outbound.iter().find(|outbound| outbound.topic.as_str() == topic)?;
        let (kafkatype, date_format) = match &outbound.format {
            Format::Binary => ("binary", None),
            Format::Csv(options) => ("csv", options.date_format.as_ref()),
            Format::Json(options) => ("json", options.date_format.as_ref()),
            Format::OpaqueString => ("opaquestring", None),
            Format::Field(name) => (name.as_str(), None),
        };
        let dateformat = date_format.map(|format| format.as_str().to_owned());
        Some(Payload { kafkatype: kafkatype.to_owned(), dateformat })
    }

    /// The path of the project's election nodes (`/ESP/<label>.<project>`).
    #[must_use]
    pub fn cluster(&self) -> String {
        format!("{}.{}", self.label, self.project)
    }
}

/// Whether a record carries nothing for the engine but time.
#[must_use]
pub fn is_silent(head: &InboundHead) -> bool {
    head.tick || head.payload.is_none()
}

/// The windows with a subscriber connector, `cq/window`: what `replay` writes by default.
#[must_use]
pub fn subscribed_windows(project: &Project) -> Vec<String> {
    let mut windows = Vec::new();
    for contquery in &project.contqueries {
        for window in &contquery.windows {
            let subscribed =
                window.connectors.iter().any(|c| c.active && c.direction == engine::project::Direction::Subscribe);
            if subscribed {
                windows.push(format!("{}/{}", contquery.name, window.name));
            }
        }
    }
    windows
}
