//! The questions to a leader, and what its three answers say together (rule R3).

use std::time::Duration;

use types::{LeaderEpoch, Offset, Tick, TopicName};

use super::config::MachineConfig;
use super::discovery::Leader;
use super::outbox::Outbox;
use crate::link::{BrokerVersions, LinkId, RequestTag};
use crate::wire::{Body, ErrorCode, OffsetQuery, ProducerState, Request, Response};

/// What questions are about.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'c> {
    pub(super) topic: &'c TopicName,
    pub(super) epoch: Option<LeaderEpoch>,
    pub(super) timeout: Duration,
}

impl<'c> About<'c> {
    pub(super) fn of(config: &'c MachineConfig, leader: Option<&Leader>) -> Self {
        let epoch = leader.and_then(|leader| leader.epoch);
        Self { topic: &config.topic, epoch, timeout: config.bounds.request_timeout }
    }

    /// The true log end, where the broker can tell it.
    pub(super) fn log_end(&self, out: &mut Outbox, link: LinkId, versions: BrokerVersions) -> Option<RequestTag> {
        let epoch = self.epoch.filter(|_| versions.offset_for_leader_epoch)?;
        let topic = self.topic.clone();
        let request = Request::OffsetForLeaderEpoch { topic, current_epoch: Some(epoch), epoch };
        Some(out.request(link, request, self.timeout))
    }

    /// The high watermark, or the first record kept.
    pub(super) fn offset(&self, out: &mut Outbox, link: LinkId, which: OffsetQuery) -> RequestTag {
        let request = Request::ListOffsets { topic: self.topic.clone(), leader_epoch: self.epoch, which };
        out.request(link, request, self.timeout)
    }

    fn producers(&self, out: &mut Outbox, link: LinkId, versions: BrokerVersions) -> Option<RequestTag> {
        let request = Request::DescribeProducers { topic: self.topic.clone() };
        versions.describe_producers.then(|| out.request(link, request, self.timeout))
    }
}

/// Why the questions are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To know what to send next.
    Resync,
    /// To keep the link and the anchor young; what is sent next doesn't change.
    Refresh,
}

/// The three questions under way on one link.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) purpose: Purpose,
    pub(super) sent: Tick,
    /// What was known to be committed when the questions left: a log that ends below has lost records (rule R8).
    pub(super) committed: Offset,
    end_tag: Option<RequestTag>,
    high_tag: Option<RequestTag>,
    producers_tag: Option<RequestTag>,
    end: Option<Offset>,
    high: Option<Offset>,
    producer: Producer,
}

/// What the leader knows of our producer id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Producer {
    /// The broker can't be asked.
    Unknown,
    /// Nothing: any sequence would be taken.
    Absent,
    /// This.
    Present { epoch: i32, last_sequence: Option<i32> },
}

/// The answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) end: Offset,
    pub(super) high: Offset,
    pub(super) producer: Producer,
}

/// What an answer brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// Other answers are still to come.
    More,
    /// All are there.
    All(Answers),
    /// The broker can't tell yet: ask again a little later.
    NotYet,
    /// The broker refused.
    Error(ErrorCode),
}

impl Ask {
    pub(super) fn send(
        purpose: Purpose,
        about: About<'_>,
        (link, versions): (LinkId, BrokerVersions),
        committed: Offset,
        out: &mut Outbox,
        now: Tick,
    ) -> Self {
        Self {
            purpose,
            sent: now,
            committed,
            end_tag: about.log_end(out, link, versions),
            high_tag: Some(about.offset(out, link, OffsetQuery::Latest)),
            producers_tag: about.producers(out, link, versions),
            end: None,
            high: None,
            producer: Producer::Unknown,
        }
    }

    pub(super) fn awaits(&self, tag: RequestTag) -> bool {
        [self.end_tag, self.high_tag, self.producers_tag].contains(&Some(tag))
    }

    pub(super) fn on_response(&mut self, tag: RequestTag, response: &Response, producer_id: i64) -> Heard {
        match response.error {
            Some(ErrorCode::OFFSET_NOT_AVAILABLE) => return Heard::NotYet,
            Some(error) => return Heard::Error(error),
            None => {}
        }
        for waiting in [&mut self.end_tag, &mut self.high_tag, &mut self.producers_tag] {
            waiting.take_if(|waiting| *waiting == tag);
        }
        match &response.body {
            // No end means that the leader hasn't opened its epoch in the log yet.
            Body::EpochEnd(answer) if answer.end.is_none() => return Heard::NotYet,
            Body::EpochEnd(answer) => self.end = answer.end,
            Body::Offset(answer) if answer.offset.is_none() => return Heard::NotYet,
            Body::Offset(answer) => self.high = answer.offset,
            Body::Producers(all) => self.producer = of(all, producer_id),
            Body::Metadata(_) | Body::Produced(_) | Body::Fetched(_) => return Heard::NotYet,
        }
        if [self.end_tag, self.high_tag, self.producers_tag].iter().any(Option::is_some) {
            return Heard::More;
        }
        let Some(high) = self.high else { return Heard::NotYet };
        // A look-alike that can't tell its log end commits at once.
        Heard::All(Answers { end: self.end.unwrap_or(high), high, producer: self.producer })
    }
}

fn of(all: &[ProducerState], producer_id: i64) -> Producer {
    match all.iter().find(|state| state.id == producer_id) {
        Some(state) => Producer::Present { epoch: state.epoch, last_sequence: state.last_sequence },
        None => Producer::Absent,
    }
}
