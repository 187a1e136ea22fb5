//! What goes on between the brokers: copying, elections, deaths. Nothing happens unless the driver says so.

use std::time::Duration;

use appender::link::BrokerVersions;
use appender::wire::TopicId;
use ports::coordinator::HostPort;
use types::{Tick, TopicName};

use super::replica::{Belief, Leading, Replica, Stored};

/// A broker's place in the cluster, from 0; also its Kafka node id and its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// A partition's place in the cluster, from 0; every topic has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(pub usize);

/// What all brokers have in common.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How many brokers; each holds every partition.
    pub brokers: usize,
    /// `min.insync.replicas`.
    pub min_isr: usize,
    /// `producer.id.expiration.ms`.
    pub producer_expiry: Duration,
    /// `max.message.bytes`.
    pub batch_bytes_max: usize,
    /// What they speak.
    pub versions: BrokerVersions,
}

/// One broker's process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) alive: bool,
    /// How far its clock is ahead.
    pub(super) ahead: Duration,
}

/// One topic's only partition.
#[derive(Debug, Clone)]
pub struct Partition {
    pub(super) topic: TopicName,
    pub(super) id: TopicId,
    /// As the controller knows it.
    pub(super) truth: Belief,
    pub(super) isr: Vec<usize>,
    pub(super) replicas: Vec<Replica>,
}

/// The brokers and what they hold.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(super) settings: Settings,
    pub(super) nodes: Vec<Node>,
    pub(super) partitions: Vec<Partition>,
    /// Where batches were appended since the driver last asked.
    pub(super) appended: Vec<PartitionId>,
}

impl Partition {
    /// Its topic.
    #[must_use]
    pub const fn topic(&self) -> &TopicName {
        &self.topic
    }

    /// Who leads, as the controller knows.
    #[must_use]
    pub const fn truth(&self) -> Belief {
        self.truth
    }

    /// Who is in sync, as the controller knows.
    #[must_use]
    pub fn isr(&self) -> &[usize] {
        &self.isr
    }

    /// A broker's copy.
    #[must_use]
    pub fn replica(&self, node: NodeId) -> &Replica {
        &self.replicas[node.0]
    }

    /// The copy that leads now, if anybody does and knows it.
    #[must_use]
    pub fn leader(&self) -> Option<&Replica> {
        let leader = &self.replicas[self.truth.leader?];
        (leader.belief == self.truth).then_some(leader)
    }

    /// Whether `node` copies from somebody who doesn't have everything told to everybody yet.
    #[must_use]
    pub fn is_behind(&self, node: NodeId) -> bool {
        let Some((follower, leader)) = self.pair(node) else { return false };
        let Some(leading) = &leader.leading else { return false };
        let out_of_sync = leader.belief == self.truth && !self.isr.contains(&node.0);
        out_of_sync
            || follower.end() != leader.end()
            || leading.positions[node.0] != Some(follower.end())
            || follower.high < leader.high.min(follower.end())
            || follower.start < leader.start
    }

    /// A follower and whom it copies from, when both believe the same.
    fn pair(&self, node: NodeId) -> Option<(&Replica, &Replica)> {
        let follower = &self.replicas[node.0];
        let leader = follower.belief.leader.filter(|leader| *leader != node.0)?;
        let leader = &self.replicas[leader];
        (leader.belief == follower.belief).then_some((follower, leader))
    }

    /// A leader's watermark goes as far as all have copied whom it waits for, provided that they are enough.
    pub(super) fn raise_high(&mut self, at: usize, min_isr: usize) {
        let replica = &mut self.replicas[at];
        let end = replica.end();
        let Some(leading) = &replica.leading else { return };
        if leading.isr.len() < min_isr {
            return;
        }
        let position = |node: &usize| if *node == at { Some(end) } else { leading.positions[*node] };
        let copied = leading.isr.iter().map(position).min().flatten();
        if let Some(copied) = copied {
            replica.high = replica.high.max(copied);
        }
    }
}

impl Cluster {
    /// Live brokers, every topic empty and led by one of them in turn.
    #[must_use]
    pub fn new(settings: Settings, topics: impl IntoIterator<Item = TopicName>) -> Self {
        let node = Node { alive: true, ahead: Duration::ZERO };
        let nodes = vec![node; settings.brokers];
        let mut cluster = Self { settings, nodes, partitions: Vec::new(), appended: Vec::new() };
        for (place, topic) in topics.into_iter().enumerate() {
            cluster.partitions.push(Partition {
                topic,
                id: TopicId(place as u128 + 1),
                truth: Belief { leader: Some(place % settings.brokers), epoch: 0 },
                isr: (0..settings.brokers).collect(),
                replicas: vec![Replica::default(); settings.brokers],
            });
            for node in 0..settings.brokers {
                cluster.learn(PartitionId(place), NodeId(node));
            }
        }
        cluster
    }

    /// Where a broker listens.
    #[must_use]
    pub fn address(node: NodeId) -> HostPort {
        HostPort { host: "broker".to_owned(), port: u16::try_from(node.0).unwrap_or(u16::MAX) }
    }

    /// What they have in common.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A partition.
    #[must_use]
    pub fn partition(&self, partition: PartitionId) -> &Partition {
        &self.partitions[partition.0]
    }

    /// All partitions, in order.
    #[must_use]
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// Whether a broker's process lives.
    #[must_use]
    pub fn is_alive(&self, node: NodeId) -> bool {
        self.nodes[node.0].alive
    }

    /// A broker's clock goes ahead of the others by so much.
    pub fn set_clock_ahead(&mut self, node: NodeId, ahead: Duration) {
        self.nodes[node.0].ahead = ahead;
    }

    /// The time by a broker's clock.
    pub(super) fn clock(&self, node: NodeId, now: Tick) -> Tick {
        now + self.nodes[node.0].ahead
    }

    /// A partition to which a batch was appended since this was last asked: its followers want to fetch.
    pub fn take_appended(&mut self) -> Option<PartitionId> {
        self.appended.pop()
    }

    /// A follower fetches: it cuts off what its leader doesn't have, says how far it is, and copies the rest. Tells whether
    /// the leader's watermark rose by it.
    pub fn replicate(&mut self, partition: PartitionId, node: NodeId) -> bool {
        let min_isr = self.settings.min_isr;
        let partition = &mut self.partitions[partition.0];
        let Some(leader) = partition.pair(node).and(partition.replicas[node.0].belief.leader) else { return false };
        if !self.nodes[node.0].alive || !self.nodes[leader].alive {
            return false;
        }
        let high = partition.replicas[leader].high;
        let mut follower = std::mem::take(&mut partition.replicas[node.0]);
        follower.truncate_to(&partition.replicas[leader]);
        let position = follower.end();
        let is_current = partition.replicas[leader].belief == partition.truth;
        if let Some(leading) = &mut partition.replicas[leader].leading {
            leading.positions[node.0] = Some(position);
        }
        // A young leader doesn't know its watermark yet: only who has all that it began with is in sync.
        let begun_with = partition.replicas[leader].leading.as_ref().map_or(u64::MAX, |leading| leading.from);
        let caught_up = position >= partition.replicas[leader].high.max(begun_with);
        if is_current && caught_up && !partition.isr.contains(&node.0) {
            partition.isr.push(node.0);
            partition.tell_isr();
        }
        partition.raise_high(leader, min_isr);
        let source = &partition.replicas[leader];
        for stored in source.from(position) {
            follower.push(stored.clone());
        }
        follower.high = source.high.min(follower.end()).max(follower.high);
        follower.delete_below(source.start);
        let rose = source.high > high;
        partition.replicas[node.0] = follower;
        rose
    }

    /// A broker hears who leads.
    pub fn learn(&mut self, partition: PartitionId, node: NodeId) {
        let min_isr = self.settings.min_isr;
        let brokers = self.settings.brokers;
        let partition = &mut self.partitions[partition.0];
        let truth = partition.truth;
        let replica = &mut partition.replicas[node.0];
        if !self.nodes[node.0].alive
            || replica.belief == truth && replica.leading.is_some() == (truth.leader == Some(node.0))
        {
            return;
        }
        replica.belief = truth;
        let from = replica.end();
        let isr = partition.isr.clone();
        replica.leading = (truth.leader == Some(node.0)).then(|| Leading { isr, positions: vec![None; brokers], from });
        partition.raise_high(node.0, min_isr);
    }

    /// A clean election of somebody who is in sync; each broker hears of it by [`Cluster::learn`]. False when it can't lead.
    pub fn elect(&mut self, partition: PartitionId, node: NodeId) -> bool {
        let fit = self.nodes[node.0].alive && self.partitions[partition.0].isr.contains(&node.0);
        if fit {
            let truth = &mut self.partitions[partition.0].truth;
            *truth = Belief { leader: Some(node.0), epoch: truth.epoch + 1 };
        }
        fit
    }

    /// An election of anybody who lives, in sync or not: what it doesn't have is lost. Everybody hears of it at once.
    pub fn elect_unclean(&mut self, partition: PartitionId, node: NodeId) {
        if !self.nodes[node.0].alive {
            return;
        }
        let truth = &mut self.partitions[partition.0].truth;
        *truth = Belief { leader: Some(node.0), epoch: truth.epoch + 1 };
        self.partitions[partition.0].isr = vec![node.0];
        (0..self.nodes.len()).for_each(|other| self.learn(partition, NodeId(other)));
    }

    /// The leader waits no longer for a follower; the last one in sync stays. Returns whether anything changed.
    pub fn shrink(&mut self, partition: PartitionId, node: NodeId) -> bool {
        let min_isr = self.settings.min_isr;
        let partition = &mut self.partitions[partition.0];
        if partition.truth.leader == Some(node.0) || partition.isr.len() <= 1 || !partition.isr.contains(&node.0) {
            return false;
        }
        partition.isr.retain(|other| *other != node.0);
        partition.tell_isr();
        if let Some(leader) = partition.truth.leader {
            partition.raise_high(leader, min_isr);
        }
        true
    }

    /// A broker's process ends; its log stays.
    pub fn crash(&mut self, node: NodeId) {
        self.nodes[node.0].alive = false;
        for partition in &mut self.partitions {
            partition.replicas[node.0].leading = None;
        }
    }

    /// The controller notices that a broker is gone: another one of those in sync leads what it led.
    pub fn fence(&mut self, node: NodeId) {
        if self.nodes[node.0].alive {
            return;
        }
        for place in 0..self.partitions.len() {
            let id = PartitionId(place);
            let partition = &self.partitions[place];
            let heir = partition.isr.iter().copied().find(|other| *other != node.0 && self.nodes[*other].alive);
            if partition.truth.leader == Some(node.0) {
                match heir {
                    Some(heir) => {
                        self.elect(id, NodeId(heir));
                    }
                    None => {
                        let truth = &mut self.partitions[place].truth;
                        *truth = Belief { leader: None, epoch: truth.epoch + 1 };
                    }
                }
            }
            self.shrink(id, node);
        }
    }

    /// A broker's process starts again and reads what it has on disk; without its snapshots it knows no producers.
    pub fn restart(&mut self, node: NodeId, with_producers: bool) {
        self.nodes[node.0].alive = true;
        for place in 0..self.partitions.len() {
            let replica = &mut self.partitions[place].replicas[node.0];
            replica.rebuild_producers();
            if !with_producers {
                replica.producers.forget();
            }
            replica.belief = Belief::default();
            replica.leading = None;
            if self.partitions[place].truth.leader.is_none() {
                self.elect(PartitionId(place), node);
            }
        }
    }

    /// All brokers lose power before they wrote everything to disk: each log ends at `end`, nobody knows more than that.
    pub fn lose_power(&mut self, id: PartitionId, end: u64) {
        let partition = &mut self.partitions[id.0];
        for replica in &mut partition.replicas {
            let keep = replica.log.partition_point(|stored| stored.end() <= end);
            replica.log.truncate(keep);
            replica.high = replica.high.min(replica.end());
            replica.rebuild_producers();
        }
        partition.truth.epoch += 1;
        (0..self.nodes.len()).for_each(|node| self.learn(id, NodeId(node)));
    }

    /// A topic is deleted and made anew, under another id; everybody hears of it at once.
    pub fn recreate(&mut self, id: PartitionId) {
        let (brokers, topics) = (self.settings.brokers, self.partitions.len() as u128);
        let living = (0..brokers).filter(|node| self.nodes[*node].alive);
        let isr: Vec<usize> = living.collect();
        let partition = &mut self.partitions[id.0];
        // Ids of one partition stay apart from those of all others.
        partition.id = TopicId(partition.id.0 + topics);
        partition.truth = Belief { leader: isr.first().copied(), epoch: 0 };
        partition.isr = isr;
        partition.replicas = vec![Replica::default(); brokers];
        (0..brokers).for_each(|node| self.learn(id, NodeId(node)));
    }

    /// Takes records off the front of every copy, as retention does: batches appended before `appended_before`, committed
    /// ones only. The log may be empty afterwards.
    pub fn retain(&mut self, partition: PartitionId, appended_before: Tick) {
        let partition = &mut self.partitions[partition.0];
        let Some(leader) = partition.truth.leader else { return };
        let leader = &mut partition.replicas[leader];
        let old = leader.log.iter().take_while(|stored| stored.at < appended_before && stored.end() <= leader.high);
        if let Some(below) = old.last().map(Stored::end) {
            leader.delete_below(below);
        }
    }
}

impl Partition {
    /// The leader hears whom it has to wait for.
    fn tell_isr(&mut self) {
        let Some(leader) = self.truth.leader else { return };
        if self.replicas[leader].belief == self.truth
            && let Some(leading) = &mut self.replicas[leader].leading
        {
            leading.isr.clone_from(&self.isr);
        }
    }
}
