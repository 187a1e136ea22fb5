//! What goes on between the brokers, in time.

use adapter_memory::brokers::{NodeId, PartitionId};

use super::{BROKERS, Event, INBOUND, MS, World};

/// How long the controller takes to notice that a broker is gone, at most.
const SESSION_MS: u64 = 1_500;
/// How long followers of a leader that doesn't answer wait before they fetch again.
const REFETCH: u64 = 20 * MS;

impl World<'_> {
    /// Something may have changed in any partition.
    pub(super) fn stir_all(&mut self) {
        for place in 0..self.cluster.partitions().len() {
            self.stir_partition(PartitionId(place));
        }
    }

    /// Followers fetch what was appended.
    pub(super) fn stir_appended(&mut self) {
        while let Some(partition) = self.cluster.take_appended() {
            self.stir_partition(partition);
        }
    }

    /// Something may have changed in a partition: followers fetch, what is committed is looked at.
    pub(super) fn stir_partition(&mut self, partition: PartitionId) {
        for place in 0..BROKERS {
            let node = NodeId(place);
            let wants = self.cluster.is_alive(node) && self.cluster.partition(partition).is_behind(node);
            if wants && !self.replicating[partition.0][place] && self.broker_lags[place] == 0 {
                self.replicating[partition.0][place] = true;
                let delay = self.delay();
                self.later(delay, Event::Replicate(partition, node));
            }
        }
        self.observe(partition);
    }

    pub(super) fn replicate(&mut self, partition: PartitionId, node: NodeId) {
        self.replicating[partition.0][node.0] = false;
        if self.broker_lags[node.0] > 0 || !self.cluster.is_alive(node) {
            return;
        }
        let belief = self.cluster.partition(partition).replica(node).belief();
        if belief.leader.is_some_and(|leader| !self.cluster.is_alive(NodeId(leader))) {
            self.replicating[partition.0][node.0] = true;
            return self.later(REFETCH, Event::Replicate(partition, node));
        }
        let rose = self.cluster.replicate(partition, node);
        let end = self.cluster.partition(partition).replica(node).end();
        self.trace.note(self.now, 7, end, || format!("broker {} copies {} to {end}", node.0, partition.0));
        // Who waits, waits at a leader, for its watermark: a copy alone changes nothing for anybody.
        if rose {
            self.advance_waiting(partition);
        }
        self.stir_partition(partition);
    }

    /// Everybody hears who leads, each in its own time; `unheard` much later.
    pub(super) fn spread(&mut self, partition: PartitionId, unheard: Option<(NodeId, u64)>) {
        for place in 0..BROKERS {
            let node = NodeId(place);
            let late = unheard.filter(|(unaware, _)| *unaware == node).map_or(0, |(_, late)| late);
            let delay = 200_000 + self.chance.below(20 * MS) + late;
            self.later(delay, Event::Learn(partition, node));
        }
    }

    pub(super) fn learn(&mut self, partition: PartitionId, node: NodeId) {
        self.cluster.learn(partition, node);
        let belief = self.cluster.partition(partition).replica(node).belief();
        self.trace.note(self.now, 8, u64::from(belief.epoch), || {
            format!("broker {} hears that {:?} leads {} in epoch {}", node.0, belief.leader, partition.0, belief.epoch)
        });
        self.advance_waiting(partition);
        self.stir_partition(partition);
    }

    pub(super) fn kill_broker(&mut self, node: NodeId) {
        self.broker_down[node.0] += 1;
        if self.broker_down[node.0] > 1 {
            return;
        }
        self.trace.note(self.now, 9, node.0 as u64, || format!("broker {} dies", node.0));
        self.cluster.crash(node);
        self.break_wires(node);
        let delay = (50 + self.chance.below(SESSION_MS)) * MS;
        self.later(delay, Event::Fence(node));
    }

    pub(super) fn fence(&mut self, node: NodeId) {
        if self.cluster.is_alive(node) {
            return;
        }
        self.cluster.fence(node);
        for place in 0..self.cluster.partitions().len() {
            self.spread(PartitionId(place), None);
        }
    }

    pub(super) fn revive_broker(&mut self, node: NodeId, with_producers: bool) {
        self.broker_down[node.0] = self.broker_down[node.0].saturating_sub(1);
        if self.broker_down[node.0] > 0 || self.cluster.is_alive(node) {
            return;
        }
        self.trace.note(self.now, 10, node.0 as u64, || format!("broker {} is back", node.0));
        // A controller lets nobody in whose former self it still counts.
        self.cluster.fence(node);
        self.cluster.restart(node, with_producers);
        for place in 0..self.cluster.partitions().len() {
            self.spread(PartitionId(place), None);
        }
    }

    /// What is newly committed is shown to the witness, and to whoever reads input.
    fn observe(&mut self, partition: PartitionId) {
        let before = self.witness.inbound().len();
        if let Err(violation) = self.witness.observe(&self.cluster, partition) {
            self.violation.get_or_insert(violation);
        }
        if partition == INBOUND && self.witness.inbound().len() > before {
            for place in 0..self.options.replicas {
                self.call_inlet(super::Who(place));
            }
        }
    }
}
