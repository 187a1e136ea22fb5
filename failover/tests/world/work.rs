//! What a replica of the toy world does in a step: compute, append, tail, listen, look at the clock.

use std::time::Duration;

use failover::{Fact, OutputId};
use types::OutputIndex;

use super::{STALL_MS, World};

impl World {
    /// One node's share of a step: compute, write, tail, listen, look at the clock.
    pub(crate) fn work(&mut self, i: usize) {
        self.compute(i);
        for output in 0..self.settings.outputs {
            self.open(i, output);
            self.write(i, output);
            self.tail(i, output);
        }
        self.listen(i);
        if self.nodes[i].machine().deadline().is_some_and(|deadline| deadline <= self.tick()) {
            self.tell(i, Fact::DeadlinePassed);
        }
        self.accuse(i);
    }

    pub(crate) fn compute(&mut self, i: usize) {
        let input = self.input;
        let node = &mut self.nodes[i];
        let step = node.speed.min(input - node.computed);
        if node.input_open && step > 0 {
            node.computed += step;
            let end = OutputIndex(node.computed);
            for output in 0..self.settings.outputs {
                self.tell(i, Fact::Computed { output: OutputId(output), end });
            }
        }
    }

    pub(crate) fn write(&mut self, i: usize, output: usize) {
        let end = self.logs[output].end;
        let next = self.nodes[i].next[output].min(end);
        let due = self.nodes[i].writing && !self.nodes[i].hung && self.nodes[i].computed > next;
        if !due {
            self.nodes[i].stuck_since[output] = self.now;
            return;
        }
        if !self.reaches_log(i, output) {
            self.complain(i, output);
            return;
        }
        let (node, log) = (&mut self.nodes[i], &mut self.logs[output]);
        node.stuck_since[output] = self.now;
        // One that was told too much is refused without ado, or asks by itself.
        node.next[output] = node.next[output].min(end);
        if node.next[output] < log.end {
            // The broker refuses; the appender asks where the log stands.
            node.next[output] = log.end;
            self.tell(i, Fact::WriterRefused { output: OutputId(output) });
            return;
        }
        assert_eq!(node.next[output], log.end, "a writer may not leave a hole");
        let first = log.end;
        let end = node.computed.min(first + self.settings.rate);
        log.end = end;
        if log.writers.last().is_none_or(|(writer, _)| *writer != node.name) {
            log.writers.push((node.name.clone(), first));
        }
        node.next[output] = end;
        let is_first = !std::mem::replace(&mut node.took_over[output], true);
        if is_first {
            let (output, first, at) = (OutputId(output), OutputIndex(first), self.tick());
            self.tell(i, Fact::TookOver { output, first, at });
        }
    }

    fn complain(&mut self, i: usize, output: usize) {
        let stalled = self.now - self.nodes[i].stuck_since[output];
        if stalled >= STALL_MS && stalled.is_multiple_of(STALL_MS) {
            let stalled = Duration::from_millis(stalled);
            self.tell(i, Fact::OutputStalled { output: OutputId(output), stalled });
        }
    }

    /// One that has appended sees somebody else's record behind its own.
    fn see_writer(&mut self, i: usize, output: usize) {
        let node = &self.nodes[i];
        if !node.writing || !node.took_over[output] {
            return;
        }
        if let [.., (before, _), (last, _)] = &self.logs[output].writers[..]
            && *before == node.name
        {
            let (member, incarnation) = (last.as_str().into(), self.nodes[self.node(last)].incarnation);
            self.tell(i, Fact::PeerWrote { member, incarnation });
        }
    }

    pub(crate) fn tail(&mut self, i: usize, output: usize) {
        if self.nodes[i].computed <= self.nodes[i].told[output] {
            self.nodes[i].moved_at[output] = self.now;
        }
        if !self.reaches_log(i, output) {
            return;
        }
        let end = self.logs[output].end;
        let node = &mut self.nodes[i];
        node.read_at[output] = self.now;
        if node.told[output] < end {
            node.told[output] = end;
            node.moved_at[output] = self.now;
            self.tell(i, Fact::Published { output: OutputId(output), end: OutputIndex(end) });
            self.see_writer(i, output);
        }
        if std::mem::replace(&mut self.nodes[i].draining[output], false) {
            self.tell(i, Fact::Drained { output: OutputId(output) });
        }
    }
}
