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
pub use topics::{
    WindowTopic, dead_letter_topic, is_outbound, journal_topic, metadata_topic, scratch_topic, window_topic,
};

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
    /// What it reads; at least one. The first replica's order is the generation's: see [`Deployment::order_inputs`].
    pub inbound: Vec<Inbound>,
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

    /// The inbound topics, in order.
    pub fn inputs(&self) -> impl Iterator<Item = &TopicName> {
        self.inbound.iter().map(|inbound| &inbound.topic)
    }

    /// Where several inbound topics get their common order; `None` for a single one, which has its own.
    #[must_use]
    pub fn journal(&self) -> Option<TopicName> {
        (self.inbound.len() > 1).then(|| journal_topic(&self.label, &self.project))
    }

    /// Puts the inbound topics into the order that a generation has fixed: decisions name them by their places. False when
    /// it was fixed for other topics.
    #[must_use]
    pub fn order_inputs(&mut self, fixed: &[TopicName]) -> bool {
        let place = |inbound: &Inbound| fixed.iter().position(|topic| *topic == inbound.topic);
        self.inbound.sort_by_key(|inbound| place(inbound).unwrap_or(usize::MAX));
        self.inputs().eq(fixed)
    }

    /// Where the active lets time pass while nothing comes; `None` in a cascade whose inbound topics are all written by other
    /// projects: their markers are its ticks.
    #[must_use]
    pub fn ticked(&self) -> Option<&TopicName> {
        self.inputs().find(|topic| !is_outbound(topic))
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

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_FEEDS: &str = include_str!("../../../examples/two-feeds/project.xml");
    const CASCADE: &str = include_str!("../../../examples/cascade/project.xml");

    fn read_text(text: &str) -> Result<Deployment, Vec<Refusal>> {
        let loaded = engine::project::load(text, "example", &|_| None).expect("a sound project");
        read(&loaded.project).map(|(deployment, _)| deployment)
    }

    #[test]
    fn several_inbound_topics_get_a_journal_and_a_single_one_needs_none() {
        let several = read_text(TWO_FEEDS).expect("it can be deployed");
        let windows: Vec<&str> = several.inbound.iter().map(|inbound| inbound.window.as_str()).collect();
        assert_eq!(windows, ["plant/readings", "plant/readings", "plant/limits"]);
        assert_eq!(several.journal(), Some("plant_31415.two_feeds.J".into()));
        assert_eq!(several.ticked(), several.inputs().next());
        let behind = read_text(CASCADE).expect("it can be deployed");
        assert_eq!(behind.journal(), None);
        assert_eq!(behind.ticked(), None, "another project's topic isn't written");
    }

    #[test]
    fn the_generation_fixes_which_topic_is_first() {
        let mut deployment = read_text(TWO_FEEDS).expect("it can be deployed");
        let mut fixed: Vec<TopicName> = deployment.inputs().cloned().collect();
        fixed.rotate_left(1);
        assert!(deployment.order_inputs(&fixed));
        assert!(deployment.inputs().eq(&fixed));
        fixed.pop();
        assert!(!deployment.order_inputs(&fixed), "other topics");
    }

    #[test]
    fn a_topic_can_not_feed_two_windows() {
        let twice = TWO_FEEDS.replace("plant.limits.I", "plant.south.I");
        let refusals = read_text(&twice).expect_err("a refusal");
        let what: Vec<&str> = refusals.iter().map(|refusal| refusal.what.as_str()).collect();
        assert_eq!(what, ["plant_31415.two_feeds.plant.south.I is read by a connector of plant/readings already"]);
    }
}
