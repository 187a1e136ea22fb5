//! Who leads: asked of one broker after the other, for a broker that lost touch may still name itself.

use ports::coordinator::HostPort;
use types::mutation::{Mutation, mutated};
use types::{LeaderEpoch, Tick};

use super::backoff::Backoff;
use super::config::MachineConfig;
use super::fate::Fate;
use super::outbox::Outbox;
use crate::link::{LinkDown, LinkEvent, LinkId};
use crate::wire::{Body, LeaderHint, Metadata, Request, Response};

/// Brokers remembered; further ones of an answer are left out. Larger clusters are met through any of these.
const BROKERS_MAX: usize = 64;

/// Who leads the partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leader {
    pub(super) address: HostPort,
    /// `None` when the brokers don't tell.
    pub(super) epoch: Option<LeaderEpoch>,
}

/// What a step of the search brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet; the search goes on by itself.
    Nothing,
    /// The leader, perhaps the same as before.
    Leader(Leader),
    /// The topic was deleted and made again.
    Replaced { expected: String, found: String },
    /// No broker can be used before somebody changes settings.
    Hopeless(String),
}

/// The search for the leader.
#[derive(Debug)]
pub(super) struct Discovery {
    brokers: Vec<HostPort>,
    /// Whose turn it is next.
    turn: usize,
    /// The broker that failed last: passed over once, for it may still name itself.
    suspect: Option<HostPort>,
    leader: Option<Leader>,
    /// The highest leader epoch that anybody named; older ones are a zombie's.
    epoch_max: Option<LeaderEpoch>,
    topic_id: Option<String>,
    wire_topic_id: Option<crate::wire::TopicId>,
    backoff: Backoff,
    search: Search,
    /// Brokers in a row that refused for good.
    refusals: usize,
}

#[derive(Debug, Clone, Copy)]
enum Search {
    Resting { since: Tick },
    Waiting { until: Tick },
    Asking { link: LinkId },
}

impl Discovery {
    pub(super) fn new(config: &MachineConfig, now: Tick) -> Self {
        let mut brokers = config.bootstrap.clone();
        brokers.truncate(BROKERS_MAX);
        Self {
            brokers,
            turn: 0,
            suspect: None,
            leader: None,
            epoch_max: None,
            topic_id: config.noted.topic_id.clone(),
            wire_topic_id: None,
            backoff: Backoff::default(),
            search: Search::Waiting { until: now },
            refusals: 0,
        }
    }

    pub(super) fn leader(&self) -> Option<&Leader> {
        self.leader.as_ref()
    }

    /// The topic's id, noted or seen.
    pub(super) fn topic_id(&self) -> Option<&str> {
        self.topic_id.as_deref()
    }

    /// The topic's id as requests carry it, once a broker said it.
    pub(super) fn wire_topic_id(&self) -> Option<crate::wire::TopicId> {
        self.wire_topic_id
    }

    pub(super) fn is(&self, other: LinkId) -> bool {
        matches!(self.search, Search::Asking { link } if link == other)
    }

    /// The leader failed: somebody else is asked who leads now.
    pub(super) fn lose(&mut self, now: Tick) {
        if let Some(leader) = self.leader.take() {
            self.suspect = Some(leader.address);
        }
        self.ask(now);
    }

    /// Asks again although nothing failed, to see a topic made anew or a leader that moved.
    pub(super) fn ask(&mut self, now: Tick) {
        if matches!(self.search, Search::Resting { .. }) {
            self.search = Search::Waiting { until: self.backoff.next(now) };
        }
    }

    /// Since when nobody was asked.
    pub(super) fn resting_since(&self) -> Option<Tick> {
        match self.search {
            Search::Resting { since } => Some(since),
            Search::Waiting { .. } | Search::Asking { .. } => None,
        }
    }

    /// The leader works: the next failure is a first one.
    pub(super) fn calm(&mut self) {
        self.backoff.reset();
        self.suspect = None;
    }

    /// A broker said which epoch is in force; older ones are no longer believed.
    pub(super) fn hint(&mut self, hint: &LeaderHint) {
        self.epoch_max = self.epoch_max.max(Some(hint.epoch));
    }

    pub(super) fn deadline(&self) -> Option<Tick> {
        match self.search {
            Search::Waiting { until } => Some(until),
            Search::Resting { .. } | Search::Asking { .. } => None,
        }
    }

    pub(super) fn pump(&mut self, out: &mut Outbox, now: Tick) {
        if let Search::Waiting { until } = self.search
            && until <= now
            && let Some(broker) = self.next_broker()
        {
            self.search = Search::Asking { link: out.open(broker) };
        }
    }

    pub(super) fn shut(&mut self, out: &mut Outbox, now: Tick) {
        if let Search::Asking { link } = self.search {
            out.shut(link);
        }
        self.search = Search::Resting { since: now };
    }

    fn next_broker(&mut self) -> Option<HostPort> {
        let suspect = self.suspect.take();
        let turn = self.turn % self.brokers.len().max(1);
        let passed_over = self.brokers.len() > 1 && self.brokers.get(turn) == suspect.as_ref();
        let turn = (turn + usize::from(passed_over)) % self.brokers.len().max(1);
        self.turn = turn + 1;
        self.brokers.get(turn).cloned()
    }

    /// Something happened on the search's link.
    pub(super) fn on_link(&mut self, event: LinkEvent, config: &MachineConfig, out: &mut Outbox, now: Tick) -> Found {
        let Search::Asking { link } = self.search else { return Found::Nothing };
        match event {
            LinkEvent::Up { .. } => {
                let request = Request::Metadata { topic: config.topic.clone() };
                out.request(link, request, config.bounds.request_timeout);
                Found::Nothing
            }
            LinkEvent::Down { reason } => self.on_down(&reason, now),
            LinkEvent::Response { response, .. } => {
                out.shut(link);
                self.refusals = 0;
                self.on_answer(response, now)
            }
        }
    }

    fn again(&mut self, now: Tick) -> Found {
        self.search = Search::Waiting { until: self.backoff.next(now) };
        Found::Nothing
    }

    fn on_down(&mut self, reason: &LinkDown, now: Tick) -> Found {
        self.refusals = if reason.is_permanent() { self.refusals + 1 } else { 0 };
        if self.refusals >= self.brokers.len() {
            self.search = Search::Resting { since: now };
            return Found::Hopeless(reason.to_string());
        }
        self.again(now)
    }

    fn on_answer(&mut self, response: Response, now: Tick) -> Found {
        let error = response.error;
        let Body::Metadata(metadata) = response.body else { return self.again(now) };
        self.remember(&metadata);
        if let Some(error) = error {
            if Fate::of(error) == Fate::Block {
                return Found::Hopeless(error.to_string());
            }
            return self.again(now);
        }
        if let Some(id) = metadata.topic_id {
            let found = id.to_string();
            match &self.topic_id {
                Some(expected) if *expected != found && !mutated(Mutation::TakesAnyTopic) => {
                    return Found::Replaced { expected: expected.clone(), found };
                }
                Some(_) => {}
                None => self.topic_id = Some(found),
            }
            self.wire_topic_id = Some(id);
        }
        let Some(leader) = leader_of(&metadata) else { return self.again(now) };
        if leader.epoch < self.epoch_max {
            return self.again(now);
        }
        self.epoch_max = leader.epoch;
        self.search = Search::Resting { since: now };
        self.leader = Some(leader.clone());
        Found::Leader(leader)
    }

    /// Brokers of the cluster are asked before those of the bootstrap list that it doesn't name.
    fn remember(&mut self, metadata: &Metadata) {
        let known = metadata.brokers.iter().map(|broker| broker.address.clone());
        let mut brokers: Vec<HostPort> = known.collect();
        for broker in std::mem::take(&mut self.brokers) {
            if !brokers.contains(&broker) {
                brokers.push(broker);
            }
        }
        brokers.truncate(BROKERS_MAX);
        self.brokers = brokers;
    }
}

fn leader_of(metadata: &Metadata) -> Option<Leader> {
    let partition = metadata.partition.as_ref()?;
    let node = partition.leader?;
    let broker = metadata.brokers.iter().find(|broker| broker.node == node)?;
    Some(Leader { address: broker.address.clone(), epoch: partition.leader_epoch })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Broker, PartitionMetadata};

    fn answer(leader: i32, epoch: u32) -> LinkEvent {
        let broker = |node: i32| Broker { node, address: address(node) };
        let partition = PartitionMetadata {
            leader: Some(leader),
            leader_epoch: Some(LeaderEpoch(epoch)),
            replicas: vec![0, 1, 2],
            isr: vec![0, 1, 2],
            offline: Vec::new(),
        };
        let metadata = Metadata {
            brokers: (0..3).map(broker).collect(),
            topic_id: None,
            partitions: 1,
            partition: Some(partition),
        };
        let response = Response {
            error: None,
            message: None,
            throttle: std::time::Duration::ZERO,
            leader: None,
            body: Body::Metadata(Box::new(metadata)),
        };
        LinkEvent::Response { tag: crate::link::RequestTag(1), response }
    }

    fn address(node: i32) -> HostPort {
        HostPort { host: "b".to_owned(), port: node as u16 }
    }

    /// Whom the search asks next.
    fn asked(discovery: &mut Discovery, out: &mut Outbox, now: Tick) -> Option<u16> {
        discovery.pump(out, now);
        std::iter::from_fn(|| out.pop()).find_map(|effect| match effect {
            crate::link::Effect::Open { broker, .. } => Some(broker.port),
            crate::link::Effect::Request { .. } | crate::link::Effect::Shut { .. } | crate::link::Effect::Fact(_) => {
                None
            }
        })
    }

    #[test]
    fn another_broker_is_asked_and_an_older_epoch_is_not_believed() {
        let config = super::super::tests::any_config();
        let (mut out, mut now) = (Outbox::default(), Tick(1_000_000_000));
        let mut discovery = Discovery::new(&config, now);
        assert_eq!(asked(&mut discovery, &mut out, now), Some(0));
        let found = discovery.on_link(answer(1, 5), &config, &mut out, now);
        assert!(matches!(found, Found::Leader(Leader { epoch: Some(LeaderEpoch(5)), .. })));
        // Broker 1 fails; it is passed over, and broker 0, which is behind the times, isn't believed.
        discovery.lose(now);
        assert_eq!(asked(&mut discovery, &mut out, now), Some(2));
        assert_eq!(discovery.on_link(answer(0, 4), &config, &mut out, now), Found::Nothing);
        assert_eq!(discovery.leader(), None);
        now = now + std::time::Duration::from_secs(1);
        assert_eq!(asked(&mut discovery, &mut out, now), Some(0));
        // A hint counts as much as an answer.
        discovery.hint(&LeaderHint { node: 2, epoch: LeaderEpoch(7), address: None });
        assert_eq!(discovery.on_link(answer(0, 6), &config, &mut out, now), Found::Nothing);
        now = now + std::time::Duration::from_secs(1);
        assert_eq!(asked(&mut discovery, &mut out, now), Some(1));
        let found = discovery.on_link(answer(2, 7), &config, &mut out, now);
        assert_eq!(found, Found::Leader(Leader { address: address(2), epoch: Some(LeaderEpoch(7)) }));
    }

    #[test]
    fn refused_passwords_everywhere_are_hopeless_and_one_is_not() {
        let config = super::super::tests::any_config();
        let (mut out, mut now) = (Outbox::default(), Tick(1_000_000_000));
        let mut discovery = Discovery::new(&config, now);
        let refused = || LinkEvent::Down { reason: LinkDown::Authentication { reason: "user".to_owned() } };
        for _ in 0..2 {
            assert!(asked(&mut discovery, &mut out, now).is_some());
            assert_eq!(discovery.on_link(refused(), &config, &mut out, now), Found::Nothing);
            now = now + std::time::Duration::from_secs(1);
        }
        assert!(asked(&mut discovery, &mut out, now).is_some());
        assert!(matches!(discovery.on_link(refused(), &config, &mut out, now), Found::Hopeless(_)));
    }
}
