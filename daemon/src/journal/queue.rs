//! Records of one inbound topic that were read and not consumed.

use std::collections::VecDeque;

use ports::input::{InboundBatch, ReadBounds};
use types::{InputId, Offset, Timestamp};

/// As they were read, batch by batch.
#[derive(Debug, Default)]
pub(super) struct Queue {
    batches: VecDeque<InboundBatch>,
    /// The first record of the first batch that isn't consumed.
    at: usize,
    records: usize,
}

impl Queue {
    /// Records that wait.
    pub(super) const fn len(&self) -> usize {
        self.records
    }

    /// Adds records that directly follow those before.
    pub(super) fn push(&mut self, batch: InboundBatch) {
        if !batch.heads.is_empty() {
            self.records += batch.heads.len();
            self.batches.push_back(batch);
        }
    }

    /// Offset and time of the records from `from` on.
    pub(super) fn waiting(&self, from: Offset) -> impl Iterator<Item = (Offset, Timestamp)> {
        let behind = move |batch: &&InboundBatch| batch.heads.last().is_some_and(|last| last.offset < from);
        let heads = self.batches.iter().skip_while(behind).flat_map(|batch| &batch.heads);
        heads.filter(move |head| head.offset >= from).map(|head| (head.offset, head.timestamp))
    }

    /// The offset of the first record that waits.
    pub(super) fn first(&self) -> Option<Offset> {
        Some(self.batches.front()?.heads.get(self.at)?.offset)
    }

    /// Moves records before `until` into `out`, as many as its bounds allow; gives one past the last of them.
    pub(super) fn take(
        &mut self,
        input: InputId,
        until: Offset,
        out: &mut InboundBatch,
        bounds: ReadBounds,
    ) -> Option<Offset> {
        let mut next = None;
        while out.heads.len() < bounds.records_max && out.bytes.len() < bounds.bytes_max {
            let Some(batch) = self.batches.front() else { break };
            let Some(head) = batch.heads.get(self.at).filter(|head| head.offset < until) else { break };
            out.take(input, head, batch);
            next = Some(head.offset.next());
            self.at += 1;
            self.records -= 1;
            if self.at == batch.heads.len() {
                self.batches.pop_front();
                self.at = 0;
            }
        }
        next
    }
}
