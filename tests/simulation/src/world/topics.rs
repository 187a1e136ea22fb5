//! What happens to topics and to what one engine reads of them: endangered, made anew, garbled.

use adapter_kafka::{Code, Finding, Severity, TopicNews};
use adapter_memory::brokers::PartitionId;
use daemon::node::Wake;

use super::{Who, World};

impl World<'_> {
    /// What a topic acknowledges may not last from now on, or it may again; every engine is told.
    pub(super) fn endanger(&mut self, partition: PartitionId, endangered: bool) {
        let dangers = &mut self.dangers[partition.0];
        *dangers = if endangered { *dangers + 1 } else { dangers.saturating_sub(1) };
        self.all_replicas().for_each(|who| self.tell_dangers(who));
    }

    /// Tells an engine which topics are endangered now.
    pub(super) fn tell_dangers(&mut self, who: Who) {
        let endangered = self.cluster.partitions().iter().zip(&self.dangers).filter(|(_, dangers)| **dangers > 0);
        let standing = endangered.map(|(partition, _)| Finding {
            code: Code::E003,
            severity: Severity::Error,
            subject: partition.topic().to_string(),
            what: "has too few copies".to_owned(),
            why: String::new(),
            fix: String::new(),
        });
        let standing = standing.collect();
        let news = TopicNews { appeared: Vec::new(), gone: Vec::new(), standing, limits: None };
        self.wake_control(who, Wake::Preconditions(news));
    }

    /// An operator deletes an outbound topic and makes it anew.
    pub(super) fn recreate(&mut self, partition: PartitionId) {
        self.cluster.recreate(partition);
        self.witness.recreated(partition.0 - 1);
        self.advance_waiting(partition);
        self.stir_partition(partition);
    }

    /// The next record that an engine reads is another one than stands in the log.
    pub(super) fn garble(&mut self, who: Who) {
        if let Some(running) = self.running(who) {
            running.garbles = true;
        }
    }
}
