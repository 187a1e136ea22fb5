//! One broker's copy of a partition.

use bytes::Bytes;
use types::Tick;

use super::producers::{Producers, Signature};

/// A batch in a log.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Offset of its first record.
    pub base: u64,
    /// How many records.
    pub count: u64,
    /// Epoch of the leader that appended it.
    pub epoch: u32,
    /// When it was appended, by the leader's clock (`LogAppendTime`).
    pub at: Tick,
    /// As readers get it.
    pub bytes: Bytes,
    pub(super) signature: Option<Signature>,
}

impl Stored {
    /// One past its last offset.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.base + self.count
    }

    /// One leader appends in one epoch, so place and epoch say which batch it is.
    fn is(&self, other: &Self) -> bool {
        self.base == other.base && self.epoch == other.epoch
    }
}

/// Who a broker believes leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Belief {
    /// The leader's place among the nodes.
    pub leader: Option<usize>,
    /// With which epoch.
    pub epoch: u32,
}

/// What a leader keeps.
#[derive(Debug, Clone)]
pub(super) struct Leading {
    /// Whom it waits for.
    pub(super) isr: Vec<usize>,
    /// How far each follower is known to be: where it last fetched from.
    pub(super) positions: Vec<Option<u64>>,
    /// The log end when it began to lead: below it the watermark isn't told yet.
    pub(super) from: u64,
}

/// One broker's copy of a partition.
#[derive(Debug, Clone, Default)]
pub struct Replica {
    pub(super) log: Vec<Stored>,
    pub(super) start: u64,
    pub(super) high: u64,
    pub(super) producers: Producers,
    pub(super) belief: Belief,
    pub(super) leading: Option<Leading>,
}

impl Replica {
    /// One past the last record.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.log.last().map_or(self.start, Stored::end)
    }

    /// First offset kept.
    #[must_use]
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// One past the last record that is known here to be committed.
    #[must_use]
    pub const fn high(&self) -> u64 {
        self.high
    }

    /// Who leads, as this broker believes.
    #[must_use]
    pub const fn belief(&self) -> Belief {
        self.belief
    }

    /// Batches that end above `offset`, in order.
    #[must_use]
    pub fn from(&self, offset: u64) -> &[Stored] {
        &self.log[self.log.partition_point(|stored| stored.end() <= offset)..]
    }

    pub(super) fn push(&mut self, stored: Stored) {
        if let Some(signature) = &stored.signature {
            self.producers.remember(signature, stored.base, stored.at);
        }
        self.log.push(stored);
    }

    /// Takes what the log shows for all that is known of producers.
    pub(super) fn rebuild_producers(&mut self) {
        let known = self.log.iter().filter_map(|stored| Some((stored.signature?, stored.base, stored.at)));
        self.producers.rebuild(known);
    }

    /// Cuts off what `leader` doesn't have.
    pub(super) fn truncate_to(&mut self, leader: &Self) {
        if self.end() < leader.start {
            self.log.clear();
            self.start = leader.start;
            self.high = self.start;
            return self.rebuild_producers();
        }
        let matches = |stored: &Stored| {
            stored.end() <= leader.start || leader.from(stored.base).first().is_some_and(|theirs| theirs.is(stored))
        };
        // The newest are compared first: mostly the last one matches, and then all before it do.
        let keep = self.log.iter().rposition(matches).map_or(0, |last| last + 1);
        if keep < self.log.len() {
            self.log.truncate(keep);
            self.high = self.high.min(self.end());
            self.rebuild_producers();
        }
    }

    /// Forgets what lies below `offset`, the end of a batch; the log may be empty afterwards and still ends where it did.
    pub(super) fn delete_below(&mut self, offset: u64) {
        if offset <= self.start {
            return;
        }
        let end = self.end();
        let gone = self.log.partition_point(|stored| stored.end() <= offset);
        self.log.drain(..gone);
        self.start = offset.clamp(self.start, end);
    }
}
