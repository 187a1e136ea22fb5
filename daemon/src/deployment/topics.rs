//! The names of topics: `<label>.<project>.<contquery>.<window>.I|O`, `<label>.M`, `<label>.<project>.dead`,
//! `<label>.<project>.J`.

use types::TopicName;

/// The label that topic names begin with: Kafka allows no colon, so `host:port` becomes `host_port`.
pub(super) fn label(urlhostport: &str) -> String {
    urlhostport.replace(':', "_")
}

/// The metadata topic of a label.
#[must_use]
pub fn metadata_topic(label: &str) -> TopicName {
    TopicName(format!("{label}.M"))
}

/// Where a project's rejected rows go.
#[must_use]
pub fn dead_letter_topic(label: &str, project: &str) -> TopicName {
    TopicName(format!("{label}.{project}.dead"))
}

/// Where a project's engines try at start how brokers answer.
#[must_use]
pub fn scratch_topic(label: &str, project: &str) -> TopicName {
    TopicName(format!("{label}.{project}.selftest"))
}

/// Where it stands in which order several inbound topics are consumed.
#[must_use]
pub fn journal_topic(label: &str, project: &str) -> TopicName {
    TopicName(format!("{label}.{project}.J"))
}

/// Whether a topic is, by its name, what some project writes (`….O`): in a cascade it is another one's input. Nobody but its
/// project appends to it, ticks included.
#[must_use]
pub fn is_outbound(topic: &TopicName) -> bool {
    topic.as_str().rsplit('.').next() == Some("O") && window_topic(topic.as_str()).is_some()
}

/// The name that adapters derive from `dfESP://…/project/contquery/window`; the connector must use the same.
pub(super) fn derived(label: &str, project: &str, window: &str, suffix: char) -> String {
    format!("{label}.{project}.{}.{suffix}", window.replace('/', "."))
}

/// What a window's topic is about, read from its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowTopic {
    /// First part; may hold dots, since host names do.
    pub label: String,
    /// The project.
    pub project: String,
    /// `cq/window`.
    pub window: String,
}

/// Reads `<label>.<project>.<contquery>.<window>.I|O` from the right: labels hold dots, the other parts don't.
#[must_use]
pub fn window_topic(topic: &str) -> Option<WindowTopic> {
    let mut parts = topic.rsplitn(5, '.');
    parts.next().filter(|suffix| matches!(*suffix, "I" | "O"))?;
    let (window, contquery, project, label) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some(WindowTopic { label: label.to_owned(), project: project.to_owned(), window: format!("{contquery}/{window}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_name_is_read_from_the_right_because_labels_hold_dots() {
        let found = window_topic("iotdemo.na.example.com_61001.kafka1.cq1.kafka_incoming.I").unwrap();
        assert_eq!(found.label, "iotdemo.na.example.com_61001");
        assert_eq!((found.project.as_str(), found.window.as_str()), ("kafka1", "cq1/kafka_incoming"));
        assert_eq!(window_topic("a_1.M"), None);
        assert!(is_outbound(&"a_1.p.q.w.O".into()));
        assert!(!is_outbound(&"a_1.p.q.w.I".into()) && !is_outbound(&"O".into()));
        assert_eq!(label("a:1"), "a_1");
        assert_eq!(derived("a_1", "p", "q/w", 'O'), "a_1.p.q.w.O");
    }
}
