//! Faults begin, end, and at last all of them heal.

use adapter_memory::brokers::{NodeId, PartitionId};
use daemon::node::{OperatorRequest, Wake};
use failover::Stage;
use types::{Generation, Tick};

use super::wires::Way;
use super::{BROKERS, Event, MS, Who, World, nanos};
use crate::plan::{Fault, Kind};

/// A killed process comes back at the earliest after this.
const DOWN_AT_LEAST: u64 = 20 * MS;
/// Effects until a process that dies amid them is gone, at most.
const FUSE_MAX: usize = 12;
/// How long what can go on by itself has for it before operators restart the rest.
const REPAIR_AFTER: u64 = 8_000 * MS;
/// Effects of power loss reach so many records back at most.
const LOST_MAX: u64 = 12;

impl World<'_> {
    fn replica_of(&self, fault: &Fault) -> Who {
        Who(fault.whom % self.options.replicas)
    }

    fn publisher_of(&self, fault: &Fault) -> Who {
        Who(self.options.replicas + fault.whom % self.options.publishers)
    }

    fn node_of(fault: &Fault) -> NodeId {
        NodeId(fault.other % BROKERS)
    }

    fn partition_of(&self, fault: &Fault) -> PartitionId {
        PartitionId(fault.whom % self.cluster.partitions().len())
    }

    fn outbound_of(&self, fault: &Fault) -> PartitionId {
        PartitionId(1 + fault.whom % (self.cluster.partitions().len() - 1))
    }

    pub(super) fn begin_fault(&mut self, place: usize) {
        let fault = self.plan[place];
        self.faults += 1;
        self.trace.note(self.now, 22, place as u64, || format!("fault {place}: {fault}"));
        self.later(nanos(fault.lasts).max(DOWN_AT_LEAST), Event::Undo(place));
        let (who, node) = (self.replica_of(&fault), Self::node_of(&fault));
        match fault.kind {
            Kind::Kill | Kind::Vanish => {
                self.replicas[who.0].wanted_down += 1;
                self.kill(who, fault.kind == Kind::Kill);
            }
            Kind::LoseDisk | Kind::SpoilDisk => {
                self.replicas[who.0].wanted_down += 1;
                self.kill(who, fault.kind == Kind::SpoilDisk);
                let disk = &mut self.replicas[who.0].disk;
                if fault.kind == Kind::LoseDisk {
                    disk.lose();
                } else {
                    disk.spoil(fault.other);
                }
            }
            Kind::KillAmid => {
                self.replicas[who.0].wanted_down += 1;
                self.processes[who.0].fuse = u32::try_from(1 + fault.other % FUSE_MAX).ok();
            }
            Kind::Freeze => self.freeze(who),
            Kind::FreezeAll => self.all_replicas().for_each(|who| self.freeze(who)),
            Kind::Slow => self.replicas[who.0].slow += 1,
            Kind::Shutdown => {
                self.replicas[who.0].wanted_down += 1;
                self.wake_control(who, Wake::Terminate);
            }
            Kind::Switchover => {
                let (reply, _) = crossbeam_channel::bounded(1);
                self.wake_control(who, Wake::Operator(OperatorRequest::Switchover { to: None, reply }));
            }
            Kind::Pause => self.wake_control(who, Wake::Operator(OperatorRequest::Pause)),
            Kind::CutBroker => self.cut_broker(who, node, fault.other / BROKERS),
            Kind::CutPublisher => self.cut_broker(self.publisher_of(&fault), node, fault.other / BROKERS),
            Kind::CutPeer => self.pairs.cut(who, Who(fault.other % self.options.replicas)),
            Kind::CutZooKeeper => {
                if let Some(running) = self.running(who) {
                    running.client.cut += 1;
                }
            }
            Kind::ZooKeeperDown => self.ensemble_down += 1,
            Kind::SessionStorm => self.end_all_sessions(),
            Kind::DeleteNode => self.delete_node(fault.other),
            Kind::LoseWatch => {
                if let Some(running) = self.running(who) {
                    running.client.deaf = true;
                }
            }
            Kind::AmbiguousCreate => {
                if let Some(running) = self.running(who) {
                    running.client.ambiguous = true;
                }
            }
            Kind::LaggingZooKeeper => self.ensemble_lag += 1,
            Kind::FailingZooKeeper => self.ensemble_fails += 1,
            Kind::KillBroker | Kind::KillBrokerBare => self.kill_broker(node),
            Kind::Elect | Kind::ElectUnheard => self.elect(&fault),
            Kind::LagBroker => self.broker_lags[node.0] += 1,
            Kind::Shrink => {
                let partition = self.partition_of(&fault);
                if self.cluster.shrink(partition, node) {
                    self.advance_waiting(partition);
                    self.stir_partition(partition);
                }
            }
            Kind::Retain => self.retain(self.outbound_of(&fault)),
            Kind::Quiet => self.quiet += 1,
            Kind::KillPublisher => self.kill(self.publisher_of(&fault), true),
            Kind::FreezePublisher => self.freeze(self.publisher_of(&fault)),
            Kind::Repeat => self.repeat_row(self.publisher_of(&fault), fault.other),
            Kind::LosePower => self.lose_power(&fault),
            Kind::ElectUnclean => self.elect_unclean(&fault),
            Kind::Reset => self.reset(),
            Kind::Garble => self.garble(who),
            Kind::Recreate => self.recreate(self.outbound_of(&fault)),
            Kind::Endanger => self.endanger(self.outbound_of(&fault), true),
        }
    }

    pub(super) fn end_fault(&mut self, place: usize) {
        let fault = self.plan[place];
        let (who, node) = (self.replica_of(&fault), Self::node_of(&fault));
        match fault.kind {
            Kind::Kill | Kind::Vanish | Kind::KillAmid | Kind::Shutdown | Kind::LoseDisk | Kind::SpoilDisk => {
                let replica = &mut self.replicas[who.0];
                replica.wanted_down = replica.wanted_down.saturating_sub(1);
                self.revive(who);
            }
            Kind::Freeze => self.thaw(who),
            Kind::FreezeAll => self.all_replicas().for_each(|who| self.thaw(who)),
            Kind::Slow => {
                self.replicas[who.0].slow = self.replicas[who.0].slow.saturating_sub(1);
                self.call_hot(who, 1_000);
            }
            Kind::Pause => self.wake_control(who, Wake::Operator(OperatorRequest::Resume)),
            Kind::CutBroker => self.mend_broker(who, node, fault.other / BROKERS),
            Kind::CutPublisher => self.mend_broker(self.publisher_of(&fault), node, fault.other / BROKERS),
            Kind::CutPeer => self.pairs.mend(who, Who(fault.other % self.options.replicas)),
            Kind::CutZooKeeper => {
                if let Some(running) = self.running(who) {
                    running.client.cut = running.client.cut.saturating_sub(1);
                }
            }
            Kind::ZooKeeperDown => self.ensemble_down = self.ensemble_down.saturating_sub(1),
            Kind::LaggingZooKeeper => self.ensemble_lag = self.ensemble_lag.saturating_sub(1),
            Kind::FailingZooKeeper => self.ensemble_fails = self.ensemble_fails.saturating_sub(1),
            Kind::KillBroker | Kind::KillBrokerBare => self.revive_broker(node, fault.kind == Kind::KillBroker),
            Kind::LagBroker => {
                self.broker_lags[node.0] = self.broker_lags[node.0].saturating_sub(1);
                self.stir_all();
            }
            Kind::Quiet => self.quiet = self.quiet.saturating_sub(1),
            Kind::KillPublisher => {
                let who = self.publisher_of(&fault);
                if !self.processes[who.0].up {
                    self.start_publisher(who);
                }
            }
            Kind::FreezePublisher => self.thaw(self.publisher_of(&fault)),
            Kind::Endanger => self.endanger(self.outbound_of(&fault), false),
            Kind::Switchover
            | Kind::SessionStorm
            | Kind::DeleteNode
            | Kind::LoseWatch
            | Kind::AmbiguousCreate
            | Kind::Elect
            | Kind::ElectUnheard
            | Kind::Shrink
            | Kind::Retain
            | Kind::Repeat
            | Kind::LosePower
            | Kind::ElectUnclean
            | Kind::Reset
            | Kind::Garble
            | Kind::Recreate => {}
        }
    }

    /// Starts a replica that nobody wants down; one that is still on its way out is looked at again.
    fn revive(&mut self, who: Who) {
        if self.replicas[who.0].wanted_down > 0 {
            return;
        }
        self.processes[who.0].fuse = None;
        if !self.processes[who.0].up {
            self.start_replica(who);
        }
    }

    fn cut_broker(&mut self, who: Who, node: NodeId, ways: usize) {
        for way in which(ways).iter().copied() {
            self.wires.cut(who, node, way);
        }
    }

    fn mend_broker(&mut self, who: Who, node: NodeId, ways: usize) {
        for way in which(ways).iter().copied() {
            self.wires.mend(who, node, way);
            self.release(who, node, way);
        }
    }

    fn elect(&mut self, fault: &Fault) {
        let (partition, node) = (self.partition_of(fault), Self::node_of(fault));
        let before = self.cluster.partition(partition).truth().leader;
        if before == Some(node.0) || !self.cluster.elect(partition, node) {
            return;
        }
        let unheard = before.filter(|_| fault.kind == Kind::ElectUnheard);
        self.spread(partition, unheard.map(|before| (NodeId(before), nanos(fault.lasts))));
    }

    fn retain(&mut self, partition: PartitionId) {
        let Some(retention) = self.options.retention else { return };
        let before = Tick(self.now.saturating_sub(nanos(retention)));
        self.cluster.retain(partition, before);
        self.stir_partition(partition);
    }

    fn lose_power(&mut self, fault: &Fault) {
        let partition = self.outbound_of(fault);
        let committed = self.witness.outbound[partition.0 - 1].committed;
        let wanted = committed.saturating_sub(1 + fault.other as u64 % LOST_MAX);
        self.cluster.lose_power(partition, wanted.max(self.after_fence(partition)));
        self.after_loss(partition);
    }

    fn elect_unclean(&mut self, fault: &Fault) {
        let (partition, node) = (self.outbound_of(fault), Self::node_of(fault));
        let end = self.cluster.partition(partition).replica(node).end();
        if !self.cluster.is_alive(node) || end < self.after_fence(partition) {
            return;
        }
        self.cluster.elect_unclean(partition, node);
        self.after_loss(partition);
    }

    /// One past the last fence: a log that lost it needs an operator and another generation, which is another story.
    fn after_fence(&self, partition: PartitionId) -> u64 {
        let placed = &self.witness.outbound[partition.0 - 1].placed;
        placed.iter().rposition(|(_, index)| index.is_none()).map_or(0, |fence| fence as u64 + 1)
    }

    /// What Kafka has left is what counts from here on.
    fn after_loss(&mut self, partition: PartitionId) {
        let held = self.cluster.partition(partition);
        let nodes = (0..BROKERS).map(NodeId);
        let known = match held.truth().leader {
            Some(leader) => held.replica(NodeId(leader)).high(),
            None => nodes.map(|node| held.replica(node).high()).min().unwrap_or(0),
        };
        self.witness.lose(partition.0 - 1, known);
        self.advance_waiting(partition);
        self.stir_partition(partition);
    }

    /// Another model: everybody who hears it stops and starts with it; who is frozen or cut off goes on as before.
    fn reset(&mut self) {
        if usize::from(self.generation.0) >= self.models.len() {
            return;
        }
        self.generation = Generation(self.generation.0 + 1);
        let model = self.model(self.generation);
        self.witness.add_generation(model);
        self.propose();
        for place in 0..self.options.replicas {
            let who = Who(place);
            if self.processes[place].up && self.processes[place].frozen == 0 {
                self.kill(who, true);
                self.start_replica(who);
            }
        }
    }

    /// Every fault ends; nobody comes after this.
    pub(super) fn heal(&mut self) {
        self.trace.note(self.now, 23, 0, || "everything heals".to_owned());
        self.healed = true;
        self.quiet = 0;
        (self.ensemble_down, self.ensemble_lag, self.ensemble_fails) = (0, 0, 0);
        self.dangers.fill(0);
        self.all_replicas().for_each(|who| self.tell_dangers(who));
        for place in 0..BROKERS {
            let node = NodeId(place);
            self.broker_lags[place] = 0;
            if self.broker_down[place] > 0 {
                self.broker_down[place] = 1;
                self.revive_broker(node, true);
            }
        }
        for who in (0..self.processes.len()).map(Who) {
            for node in (0..BROKERS).map(NodeId) {
                for way in [Way::There, Way::Back] {
                    while self.wires.is_cut(who, node, way) {
                        self.wires.mend(who, node, way);
                    }
                    self.release(who, node, way);
                }
            }
            while self.processes[who.0].frozen > 0 {
                self.thaw(who);
            }
            self.processes[who.0].fuse = None;
        }
        for from in (0..self.options.replicas).map(Who) {
            for to in (0..self.options.replicas).map(Who) {
                (0..100).for_each(|_| self.pairs.mend(from, to));
            }
            let replica = &mut self.replicas[from.0];
            (replica.slow, replica.wanted_down) = (0, 0);
            if let Some(running) = self.running(from) {
                running.client.cut = 0;
            }
            self.wake_control(from, Wake::Operator(OperatorRequest::Resume));
        }
        for place in 0..self.cluster.partitions().len() {
            self.spread(PartitionId(place), None);
        }
        self.later(REPAIR_AFTER, Event::Repair);
    }

    /// Operators start what is down, and start anew what is blocked or runs an old generation.
    pub(super) fn repair(&mut self) {
        for place in 0..self.options.replicas {
            let who = Who(place);
            let running = self.replicas[place].running.as_ref();
            let old = running.is_some_and(|running| running.control.generation != self.generation);
            let blocked = self.replicas[place].stage() == Some(Stage::Blocked);
            if old || blocked {
                self.kill(who, true);
            }
            if !self.processes[place].up {
                self.start_replica(who);
            }
        }
        for place in 0..self.options.publishers {
            let who = Who(self.options.replicas + place);
            if !self.processes[who.0].up {
                self.start_publisher(who);
            }
        }
        self.stir_all();
    }
}

/// Which ways a cut means.
fn which(ways: usize) -> &'static [Way] {
    match ways % 3 {
        0 => &[Way::There, Way::Back],
        1 => &[Way::There],
        _ => &[Way::Back],
    }
}
