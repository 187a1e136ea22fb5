//! A model of one partition on a few brokers, as far as a sequenced append can tell the difference.
//!
//! Modelled: logs with leader epochs, in-sync replicas, high watermark, zombie leaders that go on accepting, truncation to the
//! common prefix, memory of producers (five batches; one after truncation or restart; none after expiry), log appends that
//! wait for the watermark, topic ids, retention. Typed requests in, typed responses out; it has no network.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ports::coordinator::HostPort;
use types::{LeaderEpoch, Offset, Tick};

use crate::batch::RecordSet;
use crate::link::BrokerVersions;
use crate::wire::{
    Body, Broker, EpochEnd, ErrorCode, Fetched, LogOffset, Metadata, OffsetQuery, PartitionMetadata, Produced,
    ProducerState, Request, Response, TopicId,
};

/// A batch in a log.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) base: u64,
    pub(super) count: u64,
    epoch: u32,
    at: Tick,
    pub(super) bytes: Bytes,
}

impl Stored {
    fn end(&self) -> u64 {
        self.base + self.count
    }
}

/// What a broker remembers of a producer.
#[derive(Debug, Clone)]
struct Memory {
    epoch: i16,
    /// (first sequence, last sequence, base offset), oldest first.
    batches: VecDeque<(i32, i32, u64)>,
    at: Tick,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    pub(super) alive: bool,
    pub(super) log: Vec<Stored>,
    pub(super) start: u64,
    pub(super) high: u64,
    producers: BTreeMap<i64, Memory>,
    /// Who it believes leads, with which epoch.
    pub(super) believes: (Option<usize>, u32),
    /// The log end when it began to lead.
    led_from: u64,
}

impl Node {
    pub(super) fn end(&self) -> u64 {
        self.log.last().map_or(self.start, Stored::end)
    }

    fn remember(&mut self, stored: &Stored, keep: usize) {
        let bytes = stored.bytes.clone();
        let Ok(Some(batch)) = RecordSet::new(&bytes).next_batch() else { return };
        let Some(id) = batch.producer_id else { return };
        let last = last_sequence(batch.base_sequence, stored.count);
        let memory = self.producers.entry(id).or_insert_with(|| Memory {
            epoch: batch.producer_epoch,
            batches: VecDeque::new(),
            at: stored.at,
        });
        if memory.epoch != batch.producer_epoch {
            memory.epoch = batch.producer_epoch;
            memory.batches.clear();
        }
        memory.at = stored.at;
        memory.batches.push_back((batch.base_sequence, last, stored.base));
        while memory.batches.len() > keep {
            memory.batches.pop_front();
        }
    }

    /// After truncation or restart: what the log still shows, one batch per producer.
    pub(super) fn rebuild(&mut self) {
        self.producers.clear();
        for stored in self.log.clone() {
            self.remember(&stored, 1);
        }
    }

    fn expire(&mut self, now: Tick, expiry: Duration) {
        self.producers.retain(|_, memory| now.since(memory.at) < expiry);
    }

    pub(super) fn forget_producers(&mut self) {
        self.producers.clear();
    }
}

fn last_sequence(first: i32, count: u64) -> i32 {
    ((i64::from(first) + count as i64 - 1) % (1 << 31)) as i32
}

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Outcome {
    Now(Response),
    /// Answered when this broker's high watermark reaches `end`.
    Committed {
        end: u64,
        base: u64,
    },
    /// Answered when there is something to read, or at `until`.
    Data {
        until: Tick,
    },
}

/// The cluster as its controller knows it, and its brokers.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) nodes: Vec<Node>,
    pub(super) leader: Option<usize>,
    pub(super) epoch: u32,
    pub(super) isr: Vec<usize>,
    pub(super) min_isr: usize,
    pub(super) topic_id: TopicId,
    pub(super) expiry: Duration,
    pub(super) max_bytes: usize,
    pub(super) versions: BrokerVersions,
    /// The next batches are answered with this error and not appended.
    pub(super) refuse_produce: VecDeque<ErrorCode>,
    /// Acknowledgements name an offset that is so much off.
    pub(super) misplaced_by: i64,
    /// Readers wait, whatever there is to read.
    pub(super) hold_fetch: bool,
}

pub(super) const BROKERS: usize = 3;

pub(super) const VERSIONS: BrokerVersions =
    BrokerVersions { produce: 13, fetch: 16, describe_producers: true, offset_for_leader_epoch: true };

/// What krafka's broker in memory offers.
pub(super) const LOOK_ALIKE: BrokerVersions =
    BrokerVersions { produce: 12, fetch: 12, describe_producers: false, offset_for_leader_epoch: false };

impl Cluster {
    pub(super) fn new() -> Self {
        let node = Node { alive: true, believes: (Some(0), 0), ..Node::default() };
        Self {
            nodes: vec![node; BROKERS],
            leader: Some(0),
            epoch: 0,
            isr: (0..BROKERS).collect(),
            min_isr: 2,
            topic_id: TopicId(7),
            expiry: Duration::from_secs(24 * 3600),
            max_bytes: usize::MAX,
            versions: VERSIONS,
            refuse_produce: VecDeque::new(),
            misplaced_by: 0,
            hold_fetch: false,
        }
    }

    pub(super) fn address(node: usize) -> HostPort {
        HostPort { host: "b".to_owned(), port: node as u16 }
    }

    /// The committed log, batch by batch.
    pub(super) fn committed(&self) -> Vec<Stored> {
        let Some(leader) = self.leader else { return Vec::new() };
        let node = &self.nodes[leader];
        node.log.iter().filter(|stored| stored.end() <= node.high).cloned().collect()
    }

    /// A follower copies what the leader has, cutting off what the leader doesn't have.
    pub(super) fn replicate(&mut self, follower: usize) {
        let Some(leader) = self.leader else { return };
        if follower == leader || !self.nodes[follower].alive || !self.nodes[leader].alive {
            return;
        }
        if self.nodes[leader].believes != (Some(leader), self.epoch) {
            return;
        }
        let tail =
            |node: &Node| (node.start, node.log.len(), node.log.last().map(|stored| (stored.base, stored.epoch)));
        if tail(&self.nodes[follower]) == tail(&self.nodes[leader]) {
            return self.replicated(follower, leader);
        }
        let (log, start) = (self.nodes[leader].log.clone(), self.nodes[leader].start);
        let node = &mut self.nodes[follower];
        let same = node.log.iter().zip(&log).take_while(|(a, b)| a.base == b.base && a.epoch == b.epoch).count();
        if node.start == start {
            if same < node.log.len() {
                node.log.truncate(same);
                node.rebuild();
            }
            for stored in &log[same..] {
                node.log.push(stored.clone());
                node.remember(stored, 5);
            }
        } else {
            node.start = start;
            node.log = log;
            node.rebuild();
        }
        self.replicated(follower, leader);
    }

    fn replicated(&mut self, follower: usize, leader: usize) {
        let high = self.nodes[leader].high;
        let node = &mut self.nodes[follower];
        node.believes = (Some(leader), self.epoch);
        node.high = high.min(node.end());
        if self.nodes[follower].end() >= high && !self.isr.contains(&follower) {
            self.isr.push(follower);
        }
        self.raise_high();
    }

    fn raise_high(&mut self) {
        let Some(leader) = self.leader else { return };
        if self.isr.len() < self.min_isr || self.nodes[leader].believes != (Some(leader), self.epoch) {
            return;
        }
        let high = self.isr.iter().map(|node| self.nodes[*node].end()).min().unwrap_or_default();
        let node = &mut self.nodes[leader];
        node.high = node.high.max(high);
    }

    pub(super) fn replicate_all(&mut self) {
        for _ in 0..2 {
            (0..self.nodes.len()).for_each(|node| self.replicate(node));
        }
    }

    /// A clean election: the new leader is in sync. Those who don't hear of it believe the old state.
    pub(super) fn elect(&mut self, new: usize, unaware: Option<usize>) {
        assert!(self.isr.contains(&new) && self.nodes[new].alive, "an election must be clean");
        self.epoch += 1;
        self.leader = Some(new);
        let epoch = self.epoch;
        for (place, node) in self.nodes.iter_mut().enumerate() {
            if node.alive && Some(place) != unaware {
                node.believes = (Some(new), epoch);
            }
        }
        let node = &mut self.nodes[new];
        node.led_from = node.end();
        self.raise_high();
    }

    /// A broker is out of sync: the leader no longer waits for it.
    pub(super) fn shrink(&mut self, node: usize) {
        if Some(node) != self.leader {
            self.isr.retain(|other| *other != node);
            self.raise_high();
        }
    }

    pub(super) fn crash(&mut self, node: usize) {
        self.nodes[node].alive = false;
        if self.leader == Some(node) {
            let heir = self.isr.iter().copied().find(|other| *other != node && self.nodes[*other].alive);
            match heir {
                Some(heir) => {
                    self.elect(heir, None);
                    self.shrink(node);
                }
                None => self.leader = None,
            }
        } else {
            self.shrink(node);
        }
    }

    pub(super) fn restart(&mut self, node: usize) {
        let broker = &mut self.nodes[node];
        broker.alive = true;
        broker.rebuild();
        broker.believes = (self.leader, self.epoch);
        if self.leader.is_none() && self.isr.contains(&node) {
            self.elect(node, None);
        }
    }

    /// Everybody hears of the present state.
    pub(super) fn tell(&mut self, node: usize) {
        if self.nodes[node].alive {
            self.nodes[node].believes = (self.leader, self.epoch);
        }
    }

    /// Takes records off the front, as retention does.
    pub(super) fn delete_below(&mut self, offset: u64) {
        for node in &mut self.nodes {
            node.log.retain(|stored| stored.end() > offset);
            node.start = node.log.first().map_or(offset, |stored| stored.base);
        }
    }

    /// Takes records off the end of every log, committed or not: power loss, or an unclean election.
    pub(super) fn lose_from(&mut self, offset: u64) {
        for node in &mut self.nodes {
            node.log.retain(|stored| stored.end() <= offset);
            node.high = node.high.min(node.end());
            node.rebuild();
        }
        self.epoch += 1;
        if let Some(leader) = self.leader {
            self.elect(leader, None);
        }
    }

    /// Appends a batch that knows nothing of us.
    pub(super) fn append_foreign(&mut self, now: Tick) {
        let mut encoder = crate::batch::BatchEncoder::new(crate::batch::Compression::None);
        encoder.begin(crate::batch::BatchStart {
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            base_timestamp: types::Timestamp(0),
        });
        encoder.push(Some(b"foreign"), &[], 0);
        let bytes = encoder.finish().unwrap();
        let leader = self.leader.unwrap();
        self.store(leader, &bytes, 1, now);
        self.replicate_all();
    }

    fn store(&mut self, node: usize, batch: &Bytes, count: u64, now: Tick) -> Stored {
        let epoch = self.nodes[node].believes.1;
        let node = &mut self.nodes[node];
        let base = node.end();
        let mut bytes = BytesMut::from(&batch[..]);
        bytes[..8].copy_from_slice(&(base as i64).to_be_bytes());
        bytes[12..16].copy_from_slice(&epoch.to_be_bytes());
        let stored = Stored { base, count, epoch, at: now, bytes: bytes.freeze() };
        node.log.push(stored.clone());
        node.remember(&stored, 5);
        stored
    }

    /// One broker serves one request.
    pub(super) fn serve(&mut self, at: usize, request: &Request, now: Tick) -> Outcome {
        let expiry = self.expiry;
        self.nodes[at].expire(now, expiry);
        match request {
            Request::Metadata { .. } => Outcome::Now(self.metadata(at)),
            Request::DescribeProducers { .. } => Outcome::Now(self.producers(at)),
            Request::ListOffsets { leader_epoch, which, .. } => Outcome::Now(self.offset(at, *leader_epoch, *which)),
            Request::OffsetForLeaderEpoch { current_epoch, .. } => Outcome::Now(self.epoch_end(at, *current_epoch)),
            Request::Produce { topic_id, batch, .. } => self.produce(at, *topic_id, batch, now),
            Request::Fetch { leader_epoch, offset, max_wait, max_bytes, .. } => {
                self.fetch(at, *leader_epoch, *offset, *max_bytes, now + *max_wait)
            }
        }
    }

    /// An answer that waited, if it can be given now.
    pub(super) fn revisit(&self, at: usize, request: &Request, outcome: &Outcome, now: Tick) -> Option<Response> {
        let node = &self.nodes[at];
        match (outcome, request) {
            (Outcome::Committed { end, base }, _) if node.believes.0 == Some(at) => {
                (node.high >= *end).then(|| produced(base.checked_add_signed(self.misplaced_by), None))
            }
            (Outcome::Committed { .. }, _) => Some(produced(None, Some(ErrorCode::NOT_LEADER_OR_FOLLOWER))),
            (Outcome::Data { .. }, _) if self.hold_fetch => None,
            (Outcome::Data { until }, Request::Fetch { leader_epoch, offset, max_bytes, .. }) => {
                match self.fetch(at, *leader_epoch, *offset, *max_bytes, *until) {
                    Outcome::Now(response) => Some(response),
                    Outcome::Committed { .. } | Outcome::Data { .. } => {
                        (*until <= now).then(|| self.fetched(at, *offset, *max_bytes))
                    }
                }
            }
            (Outcome::Now(_) | Outcome::Data { .. }, _) => None,
        }
    }

    fn leads(&self, at: usize, epoch: Option<LeaderEpoch>) -> Result<(), ErrorCode> {
        let (leader, own) = self.nodes[at].believes;
        match epoch {
            Some(epoch) if epoch.0 < own => Err(ErrorCode::FENCED_LEADER_EPOCH),
            Some(epoch) if epoch.0 > own => Err(ErrorCode::UNKNOWN_LEADER_EPOCH),
            _ if leader != Some(at) => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER),
            _ => Ok(()),
        }
    }

    fn metadata(&self, at: usize) -> Response {
        let (leader, epoch) = self.nodes[at].believes;
        let broker = |node| Broker { node: node as i32, address: Self::address(node) };
        let metadata = Metadata {
            brokers: (0..self.nodes.len()).map(broker).collect(),
            topic_id: Some(self.topic_id),
            partitions: 1,
            partition: Some(PartitionMetadata {
                leader: leader.map(|leader| leader as i32),
                leader_epoch: Some(LeaderEpoch(epoch)),
                replicas: (0..self.nodes.len() as i32).collect(),
                isr: self.isr.iter().map(|node| *node as i32).collect(),
                offline: Vec::new(),
            }),
        };
        answer(None, Body::Metadata(Box::new(metadata)))
    }

    fn producers(&self, at: usize) -> Response {
        let state = |(id, memory): (&i64, &Memory)| ProducerState {
            id: *id,
            epoch: memory.epoch.into(),
            last_sequence: memory.batches.back().map(|(_, last, _)| *last),
            last_timestamp: None,
        };
        answer(None, Body::Producers(self.nodes[at].producers.iter().map(state).collect()))
    }

    fn offset(&self, at: usize, epoch: Option<LeaderEpoch>, which: OffsetQuery) -> Response {
        let node = &self.nodes[at];
        let found = |offset| Body::Offset(LogOffset { offset, leader_epoch: None });
        if let Err(error) = self.leads(at, epoch) {
            return answer(Some(error), found(None));
        }
        match which {
            OffsetQuery::Earliest => answer(None, found(Some(Offset(node.start)))),
            OffsetQuery::Latest if node.high < node.led_from => {
                answer(Some(ErrorCode::OFFSET_NOT_AVAILABLE), found(None))
            }
            OffsetQuery::Latest => answer(None, found(Some(Offset(node.high)))),
        }
    }

    fn epoch_end(&self, at: usize, epoch: Option<LeaderEpoch>) -> Response {
        if let Err(error) = self.leads(at, epoch) {
            return answer(Some(error), Body::EpochEnd(EpochEnd::default()));
        }
        answer(None, Body::EpochEnd(EpochEnd { epoch, end: Some(Offset(self.nodes[at].end())) }))
    }

    fn produce(&mut self, at: usize, topic_id: Option<TopicId>, bytes: &Bytes, now: Tick) -> Outcome {
        let refuse = |error| Outcome::Now(produced(None, Some(error)));
        if let Some(error) = self.refuse_produce.pop_front() {
            return refuse(error);
        }
        if self.versions.produce >= 13 && topic_id.is_some_and(|id| id != self.topic_id) {
            return refuse(ErrorCode::UNKNOWN_TOPIC_ID);
        }
        if let Err(error) = self.leads(at, None) {
            return refuse(error);
        }
        let current = self.leader == Some(at) && self.nodes[at].believes.1 == self.epoch;
        if current && self.isr.len() < self.min_isr {
            return refuse(ErrorCode::NOT_ENOUGH_REPLICAS);
        }
        if bytes.len() > self.max_bytes {
            return refuse(ErrorCode::MESSAGE_TOO_LARGE);
        }
        let Ok(Some(batch)) = RecordSet::new(bytes).next_batch() else { return refuse(ErrorCode::CORRUPT_MESSAGE) };
        let count = batch.count as u64;
        let id = batch.producer_id.unwrap_or(-1);
        let (first, last) = (batch.base_sequence, last_sequence(batch.base_sequence, count));
        match self.nodes[at].producers.get(&id) {
            None => {}
            Some(memory) if batch.producer_epoch < memory.epoch => return refuse(ErrorCode::INVALID_PRODUCER_EPOCH),
            Some(memory) if batch.producer_epoch > memory.epoch && first != 0 => {
                return refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
            }
            // A newer epoch begins at 0.
            Some(memory) if batch.producer_epoch > memory.epoch => {}
            Some(memory) => {
                let repeat = memory.batches.iter().find(|known| (known.0, known.1) == (first, last));
                if let Some((_, _, base)) = repeat {
                    return Outcome::Committed { end: base + count, base: *base };
                }
                let expected = memory.batches.back().map(|(_, last, _)| super::super::identity::following(*last));
                if expected != Some(first) {
                    return refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
                }
            }
        }
        let stored = self.store(at, bytes, count, now);
        self.raise_high();
        Outcome::Committed { end: stored.end(), base: stored.base }
    }

    fn fetch(&self, at: usize, epoch: Option<LeaderEpoch>, offset: Offset, max_bytes: u32, until: Tick) -> Outcome {
        let node = &self.nodes[at];
        let refuse = |error| Outcome::Now(answer(Some(error), Body::Fetched(Fetched::default())));
        if let Err(error) = self.leads(at, epoch) {
            return refuse(error);
        }
        if offset.0 > node.end() || offset.0 < node.start {
            return refuse(ErrorCode::OFFSET_OUT_OF_RANGE);
        }
        if offset.0 >= node.high || self.hold_fetch {
            Outcome::Data { until }
        } else {
            Outcome::Now(self.fetched(at, offset, max_bytes))
        }
    }

    fn fetched(&self, at: usize, offset: Offset, max_bytes: u32) -> Response {
        let node = &self.nodes[at];
        let mut records = BytesMut::new();
        for stored in node.log.iter().filter(|stored| stored.end() > offset.0 && stored.end() <= node.high) {
            if !records.is_empty() && records.len() + stored.bytes.len() > max_bytes as usize {
                break;
            }
            records.extend_from_slice(&stored.bytes);
        }
        let fetched = Fetched {
            high_watermark: Some(Offset(node.high)),
            log_start: Some(Offset(node.start)),
            records: records.freeze(),
        };
        answer(None, Body::Fetched(fetched))
    }
}

fn produced(base: Option<u64>, error: Option<ErrorCode>) -> Response {
    let produced = Produced { base_offset: base.map(Offset), log_append_time: None, log_start: None };
    answer(error, Body::Produced(produced))
}

pub(super) fn answer(error: Option<ErrorCode>, body: Body) -> Response {
    Response { error, message: None, throttle: Duration::ZERO, leader: None, body }
}
