//! How far a topic is written, asked of its leader again and again, cheaply.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use appender::client::Client;
use appender::connection::{LinkOptions, LinkSettings};
use appender::wire::{Body, OffsetQuery, Request};
use ports::coordinator::HostPort;
use ports::security::Security;
use types::TopicName;

/// How long a broker may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// One connection to the leader of a topic.
pub(crate) struct LogEnd {
    leader: Client,
    topic: TopicName,
}

impl LogEnd {
    pub(crate) fn of(topic: &TopicName, bootstrap: &str) -> anyhow::Result<Self> {
        let settings = Arc::new(LinkSettings::new(&Security::default(), LinkOptions::default())?);
        let first = bootstrap.split(',').find_map(HostPort::parse).context("no broker to ask")?;
        let answer =
            Client::connect(&settings, &first)?.ask(Request::Metadata { topic: topic.clone() }, ANSWER_WITHIN)?;
        let Body::Metadata(metadata) = answer.body else { bail!("{first} answered something else") };
        let node = metadata.partition.and_then(|partition| partition.leader);
        let leader = metadata.brokers.into_iter().find(|broker| Some(broker.node) == node);
        let leader = leader.with_context(|| format!("{topic} has no leader"))?;
        Ok(Self { leader: Client::connect(&settings, &leader.address)?, topic: topic.clone() })
    }

    /// One past the last committed record.
    pub(crate) fn read(&mut self) -> anyhow::Result<u64> {
        let question =
            Request::ListOffsets { topic: self.topic.clone(), leader_epoch: None, which: OffsetQuery::Latest };
        let answer = self.leader.ask(question, ANSWER_WITHIN)?;
        match (answer.error, answer.body) {
            (None, Body::Offset(end)) => Ok(end.offset.map_or(0, |offset| offset.0)),
            (error, _) => bail!("asking for the end of {}: {error:?}", self.topic),
        }
    }
}
