//! Kafka's ids of the topics that a replica builds on: one that was deleted and made again has another. Outbound topics are
//! watched by their writers, with every connection.

use std::sync::Arc;

use adapter_kafka::ClientSettings;
use appender::client;
use appender::connection::LinkSettings;
use ports::coordinator::HostPort;
use tracing::{debug, warn};
use types::TopicName;

use super::outputs::{bootstrap, links};
use crate::config::{Config, Fencing};

/// Ids as they were at start.
pub(crate) struct TopicIds {
    brokers: Option<(Arc<LinkSettings>, Vec<HostPort>)>,
    topics: Vec<(TopicName, Option<String>)>,
}

impl TopicIds {
    /// Asks for them; one that no broker tells is unknown, and is not watched.
    ///
    /// # Errors
    /// Security that our own connections can't honour, where output depends on them.
    pub(super) fn ask(settings: &ClientSettings, config: &Config, topics: Vec<TopicName>) -> anyhow::Result<Self> {
        let brokers = match links(settings, config, &config.name) {
            Ok(links) => Some((links, bootstrap(settings)?)),
            // Then nothing but librdkafka reaches the brokers, and it doesn't tell ids.
            Err(_) if config.fencing == Fencing::Transaction => None,
            Err(error) => return Err(error),
        };
        let mut ids = Self { brokers, topics: Vec::new() };
        for topic in topics {
            let id = ids.now(&topic);
            if id.is_none() {
                warn!(%topic, "no broker tells the topic's id; that it was deleted and made again would not be noticed");
            }
            ids.topics.push((topic, id));
        }
        Ok(ids)
    }

    /// A topic's id at start.
    pub(crate) fn of(&self, topic: &TopicName) -> Option<&str> {
        self.topics.iter().find(|(name, _)| name == topic)?.1.as_deref()
    }

    /// The first topic whose id is another one by now, in words. Nobody who answers, nothing concluded.
    pub(super) fn replaced(&self) -> Option<String> {
        self.topics.iter().find_map(|(topic, id)| {
            let (known, found) = (id.as_ref()?, self.now(topic)?);
            (found != *known).then(|| format!("{topic} was deleted and made again: its id was {known} and is {found}"))
        })
    }

    fn now(&self, topic: &TopicName) -> Option<String> {
        let (links, brokers) = self.brokers.as_ref()?;
        match client::metadata(links, brokers, topic) {
            Ok(metadata) => metadata.topic_id.map(|id| id.to_string()),
            Err(error) => {
                debug!(%error, "a topic's id could not be asked for");
                None
            }
        }
    }
}
