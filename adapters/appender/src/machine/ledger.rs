//! What is committed in the log, what is owed to it, and whether both agree.

use std::sync::Arc;

use ports::checkpoints::{Checkpoint, Checkpoints};
use ports::output::{OutputBlock, OutputFact};
use types::mutation::{Mutation, mutated};
use types::{Digest, MessageId, Offset, OutputIndex};

use super::codec::Meaning;
use super::config::{Bounds, Layout, MachineConfig};
use super::outputs::{Item, Outputs};

/// Foreign writers remembered, so that each is named once; further ones are named again.
const WRITERS_MAX: usize = 16;

/// What is committed, what is owed, and whether both agree.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) outputs: Outputs,
    /// One past the last record that the tail has read: everything below is committed.
    position: Offset,
    /// The index that belongs next in the log, as the tail has read it.
    next: OutputIndex,
    /// One past the last output known to be committed, by the tail or by an acknowledgement.
    published: OutputIndex,
    /// One past the last offset known to be committed, by the tail or by an acknowledgement.
    committed: Offset,
    /// Digests of outputs dropped on acknowledgement, which the tail hasn't shown yet.
    mine: Checkpoints,
    /// Digests that the tail has shown before they were computed here.
    theirs: Checkpoints,
    /// The last output that the tail has shown.
    last: Option<(OutputIndex, MessageId, Digest)>,
    /// Outputs from here on are this replica's to write: a record of somebody else's is worth saying.
    writing_from: Option<OutputIndex>,
    foreign_writers: Vec<String>,
    writer: Arc<str>,
    /// Who wrote the last record seen: nearly always who wrote the next one too.
    seen_writer: Arc<str>,
    shared: bool,
    /// Records are proposals: what stands in the log counts, and nothing is compared with it.
    proposes: bool,
    hold: Hold,
    bounds: Bounds,
    /// To be said.
    facts: Vec<OutputFact>,
}

/// Rule R16: whether what is published may be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    No,
    /// From the log's end on, once it is known: what was published before this replica came can be computed again.
    Asked,
    /// Nothing from here on.
    From(OutputIndex),
}

impl Ledger {
    pub(super) fn new(config: &MachineConfig) -> Self {
        let checkpoints = || Checkpoints::new(config.bounds.checkpoints_max);
        let proposes = config.layout == Layout::Journal;
        // A proposal that has lost must never be owed again, so none is kept behind the log's end.
        let kept_records_max = if proposes { 0 } else { config.bounds.kept_records_max };
        Self {
            outputs: Outputs::default(),
            position: Offset(0),
            next: OutputIndex(0),
            published: OutputIndex(0),
            committed: Offset(0),
            mine: checkpoints(),
            theirs: checkpoints(),
            last: None,
            writing_from: None,
            foreign_writers: Vec::new(),
            writer: config.identity.writer.as_str().into(),
            seen_writer: "".into(),
            shared: matches!(config.layout, Layout::Shared { .. }),
            hold: Hold::No,
            proposes,
            bounds: Bounds { kept_records_max, ..config.bounds },
            facts: Vec::new(),
        }
    }

    pub(super) fn position(&self) -> Offset {
        self.position
    }

    pub(super) fn next(&self) -> OutputIndex {
        self.next
    }

    pub(super) fn published(&self) -> OutputIndex {
        self.published
    }

    pub(super) fn committed(&self) -> Offset {
        self.committed
    }

    pub(super) fn last(&self) -> Option<(OutputIndex, MessageId, Digest)> {
        self.last
    }

    /// The fence's offset, moved on by every foreign record since: index and offset differ by this and one.
    pub(super) fn fence(&self) -> Offset {
        Offset(self.position.0.saturating_sub(self.next.0 + 1))
    }

    /// Where an index belongs that the tail hasn't read yet.
    pub(super) fn offset_of(&self, index: OutputIndex) -> Offset {
        Offset(self.fence().0 + 1 + index.0)
    }

    /// Which index belongs at an offset that the tail hasn't read yet; `None` at the fence and below.
    pub(super) fn index_at(&self, offset: Offset) -> Option<OutputIndex> {
        offset.0.checked_sub(self.fence().0 + 1).map(OutputIndex)
    }

    pub(super) fn facts(&mut self) -> std::vec::Drain<'_, OutputFact> {
        self.facts.drain(..)
    }

    /// Holds what is published from now on, or from when the log's end is known; or lets it go.
    pub(super) fn hold(&mut self, hold: bool, open: bool) {
        self.hold = match (hold, self.hold) {
            (false, _) => Hold::No,
            (true, Hold::No | Hold::Asked) if open => Hold::From(self.published),
            (true, Hold::No | Hold::Asked) => Hold::Asked,
            (true, Hold::From(first)) => Hold::From(first),
        };
        self.drop_published();
    }

    /// The log's end is known for the first time.
    pub(super) fn opened(&mut self) {
        if self.hold == Hold::Asked {
            self.hold = Hold::From(self.published);
        }
        self.drop_published();
    }

    /// Published outputs that are computed here and can't be dropped.
    pub(super) fn kept_back(&self) -> u64 {
        match self.hold {
            Hold::No | Hold::Asked => 0,
            Hold::From(first) => self.published.min(self.outputs.end()).0.saturating_sub(first.0),
        }
    }

    pub(super) fn write_from(&mut self, first: Option<OutputIndex>) {
        self.writing_from = first;
    }

    /// An output was computed.
    ///
    /// # Errors
    /// [`OutputBlock::Diverged`] when the log shows another one in its place.
    pub(super) fn push(&mut self, item: Item) -> Result<(), OutputBlock> {
        if self.proposes {
            self.outputs.begin_again();
        }
        let agreed = match &item {
            Item::Output(record) => match self.theirs.take(record.index) {
                Some(theirs) if !mutated(Mutation::ComparesNothing) => theirs.agree(record.digest),
                Some(_) | None => Ok(()),
            },
            Item::Sourced(_) => Ok(()),
        };
        self.outputs.push(item);
        agreed
    }

    /// Drops what is published, unless dropping is held.
    pub(super) fn drop_published(&mut self) {
        let end = match self.hold {
            Hold::From(_) if mutated(Mutation::DropsAlthoughHeld) => self.published,
            Hold::No | Hold::Asked => self.published,
            Hold::From(first) => self.published.min(first),
        };
        self.outputs.drop_below(end, &self.bounds);
    }

    /// The log's end was read anew: `next` is the index that belongs at `position`.
    pub(super) fn adopt(&mut self, position: Offset, next: OutputIndex) {
        self.position = position;
        self.next = next;
        self.published = self.published.max(next);
        self.committed = self.committed.max(position);
    }

    /// The log lost its end (rule R8): what it no longer has is owed again.
    ///
    /// # Errors
    /// [`OutputBlock::LogShortened`] when it isn't kept here any more.
    pub(super) fn shorten(&mut self, position: Offset, next: OutputIndex) -> Result<(), OutputBlock> {
        self.outputs.owe_again(next).map_err(|dropped| OutputBlock::LogShortened { end: next, dropped })?;
        self.position = position;
        self.next = next;
        self.published = next;
        self.committed = position;
        self.theirs.cut(next);
        self.mine.cut(next);
        Ok(())
    }

    /// The broker has committed our records below `end`, which end before `offset`.
    pub(super) fn acknowledged(&mut self, end: OutputIndex, offset: Offset) {
        if let Some(Item::Output(record)) = end.0.checked_sub(1).and_then(|last| self.outputs.get(OutputIndex(last)))
            && record.index >= self.next
            && !self.proposes
        {
            let (index, id, digest) = (record.index, record.id, record.digest);
            self.mine.note(Checkpoint { index, id, digest, writer: self.writer.clone() });
        }
        self.published = self.published.max(end);
        self.committed = self.committed.max(offset);
        self.drop_published();
    }

    /// The tail shows the record at `offset`, which is committed.
    ///
    /// # Errors
    /// [`OutputBlock::LogForked`] when an index is missing or repeated, [`OutputBlock::Diverged`].
    pub(super) fn see(&mut self, offset: Offset, meaning: &Meaning<'_>) -> Result<(), OutputBlock> {
        let (index, id, digest, writer) = match meaning {
            Meaning::Output { index, id, digest, writer } => (index, id, digest, writer),
            Meaning::Sourced(header) => return self.see_sourced(offset, OutputIndex(header.position.index)),
            Meaning::Fence | Meaning::Older | Meaning::Newer | Meaning::Foreign => return Ok(()),
        };
        if *index != self.next {
            return Err(OutputBlock::LogForked { offset, found: *index, expected: self.next });
        }
        let (fence, before) = (self.fence(), self.position);
        self.next = index.next();
        self.position = offset.next();
        self.say_shift(fence, before, *index);
        self.compare_output(*index, *id, *digest, writer)
    }

    /// A block of this source, whichever publisher of it wrote it. What an acknowledgement has said already may stand
    /// above the high watermark from which the tail reads on.
    fn see_sourced(&mut self, offset: Offset, index: OutputIndex) -> Result<(), OutputBlock> {
        if index > self.next {
            return Err(OutputBlock::LogForked { offset, found: index, expected: self.next });
        }
        self.next = self.next.max(index.next());
        self.position = offset.next();
        Ok(())
    }

    /// The tail has read everything below `position`.
    pub(super) fn walked(&mut self, position: Offset) {
        let (fence, before) = (self.fence(), self.position);
        self.position = self.position.max(position);
        self.say_shift(fence, before, self.next);
        self.committed = self.committed.max(self.position);
        self.published = self.published.max(self.next);
        self.drop_published();
    }

    /// Says that somebody else's record stands at `offset`, when offsets and indexes have moved against each other.
    fn say_shift(&mut self, before: Offset, offset: Offset, from: OutputIndex) {
        let fence = self.fence();
        if fence != before && !self.shared {
            self.facts.push(OutputFact::ForeignRecord { offset, fence, from });
        }
    }

    /// Compares what the log shows with what is or will be computed here (rule R10).
    pub(super) fn compare_output(
        &mut self,
        index: OutputIndex,
        id: MessageId,
        digest: Digest,
        writer: &str,
    ) -> Result<(), OutputBlock> {
        self.last = Some((index, id, digest));
        if self.writing_from.is_some_and(|first| index >= first) && *writer != *self.writer {
            self.say_foreign_writer(writer, index);
            if self.seen_writer == self.writer {
                self.facts.push(OutputFact::WroteBehindUs { writer: writer.to_owned() });
            }
        }
        if self.proposes {
            return Ok(());
        }
        if *self.seen_writer != *writer {
            self.seen_writer = writer.into();
        }
        let theirs = Checkpoint { index, id, digest, writer: self.seen_writer.clone() };
        if index >= self.outputs.end() {
            self.theirs.note(theirs);
            return Ok(());
        }
        let mine = match self.outputs.get(index) {
            Some(Item::Output(record)) => Some(record.digest),
            Some(Item::Sourced(_)) | None => self.mine.take(index).map(|point| point.digest),
        };
        match mine {
            Some(mine) if !mutated(Mutation::ComparesNothing) => theirs.agree(mine),
            Some(_) | None => Ok(()),
        }
    }

    fn say_foreign_writer(&mut self, writer: &str, index: OutputIndex) {
        if self.foreign_writers.iter().any(|known| known == writer) {
            return;
        }
        if self.foreign_writers.len() < WRITERS_MAX {
            self.foreign_writers.push(writer.to_owned());
        }
        self.facts.push(OutputFact::ForeignWriter { writer: writer.to_owned(), index });
    }
}
