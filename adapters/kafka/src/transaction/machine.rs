//! The transactional append of one topic, without I/O: what to do after everything that was heard.
//!
//! ```text
//! commands  ─►┌─────────┐   order of a takeover:
//! the tail  ─►│ Machine │─► take the transactional id (shuts everybody else out, ends what they left open)
//! producer  ─►└─────────┘   → read the log up to the end it had then → append from there, one transaction at a time
//! ```
//! What is in the log is what the tail has shown with `read_committed`; a commit alone proves nothing here. Nothing reads a
//! clock; times are arguments.

use std::collections::VecDeque;
use std::time::Duration;

use ports::checkpoints::{Checkpoint, Checkpoints};
use ports::output::{OutputBlock, OutputCommand, OutputFact};
use types::{Digest, Generation, MessageId, Offset, OutputIndex, Tick};

use super::codec::{Meaning, Seen, Shown};
use super::fate::Fate;
use super::outputs::{Batch, Outputs};

/// Records of a transaction at most; the rest waits for the next one.
const TRANSACTION_RECORDS_MAX: usize = 10_000;
/// Payload bytes of a transaction at most; a single larger record still goes, alone.
const TRANSACTION_BYTES_MAX: usize = 4 << 20;
/// Digests kept for comparison; at it every second one is forgotten, a later one covers it.
const CHECKPOINTS_MAX: usize = 4_096;
/// How long one who was shut out waits before it takes the id again: whoever took it must get on, and the failover machine
/// has its say first.
const FENCED_PAUSE: Duration = Duration::from_millis(500);
/// After an error that passes by itself: the first wait, doubled with each further one.
const RENEW_PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest such wait.
const RENEW_PAUSE_MAX: Duration = Duration::from_secs(1);
/// Foreign writers remembered, so that each is named once; further ones are named again.
const WRITERS_MAX: usize = 16;

/// What a machine is told once, at its start.
#[derive(Debug, Clone)]
pub(super) struct Beginning {
    pub(super) generation: Generation,
    /// Header `esp-writer` of this replica.
    pub(super) writer: String,
    /// The generation's fence record, when the notebook knows it: then a log without one has lost it.
    pub(super) fence: Option<Offset>,
}

/// What the tail reports.
#[derive(Debug)]
pub(super) enum TailNews {
    /// The log's end was looked at: the last record of this generation, what is newer, and one past what was read.
    Surveyed { last: Option<Seen>, newer: bool, position: Offset },
    /// The next records, and one past what was read: commit markers and aborted records are passed over.
    Read { seen: Vec<Seen>, position: Offset },
    /// Which broker leads now.
    Leads { address: String, epoch: u32 },
    /// The log ends before what was read.
    Shortened,
    /// It can't be read for good.
    Failed { reason: String },
}

/// What the producer's thread reports; one answer to each job but the last.
#[derive(Debug)]
pub(super) enum ProducerNews {
    /// The transactional id is ours, and the log ended there a moment later: nothing of others' comes behind it any more.
    Taken { end: Offset },
    /// The transaction is committed. `unsure` when a connection broke meanwhile: an `EndTxn` may still be on its way, so the
    /// producer is gone all the same.
    Committed { unsure: bool },
    /// The producer is gone; what was open is ended by whoever takes the id next.
    Failed { fate: Fate, reason: String },
}

/// What the producer's thread does, one at a time.
#[derive(Debug)]
pub(super) enum Job {
    /// Take the transactional id with a new producer.
    Take,
    /// One transaction: the generation's fence record when it is missing, then outputs.
    Append { fence: bool, batch: Batch },
    /// Throw the producer away; nothing is open.
    Retire,
}

/// What the machine wants done.
#[derive(Debug)]
pub(super) enum Effect {
    Job(Job),
    Fact(OutputFact),
}

/// How far the machine has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The log's end isn't known yet.
    Surveying,
    /// Tailing and, when told to, writing.
    Open,
    /// Over, with a reason that was said.
    Blocked,
    /// Over, as told.
    Stopped,
}

/// What the owner wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// Only to tail.
    Follow,
    /// To write.
    Write,
    /// To tail, and to hear when nothing is on its way any more.
    Drain,
}

/// Where writing is.
#[derive(Debug)]
enum Writing {
    /// Nothing to do with the transactional id.
    Idle,
    /// It is being taken.
    Taking,
    /// It is ours; the log has to be read up to `end` before anything is appended.
    Reading { end: Offset },
    /// Between two transactions; `next` comes next, behind the generation's fence record when that is missing.
    Ready { next: OutputIndex, fence: bool },
    /// A transaction is under way.
    Appending { first: OutputIndex, count: usize },
    /// Not before that time.
    Resting { until: Tick },
}

/// The transactional append of one topic.
#[derive(Debug)]
pub(super) struct Machine {
    beginning: Beginning,
    now: Tick,
    phase: Phase,
    outputs: Outputs,
    /// One past what the tail has read.
    position: Offset,
    /// The index that belongs next in the log, as the tail has shown it.
    next: OutputIndex,
    /// The last output that the tail has shown.
    last: Option<(OutputIndex, MessageId, Digest)>,
    /// The generation's fence record.
    fence: Option<Offset>,
    /// Digests that the tail has shown before they were computed here.
    theirs: Checkpoints,
    foreign_records: u64,
    foreign_writers: Vec<String>,
    wish: Wish,
    /// One past the last output that was committed here; the tail shows it a little later.
    committed: OutputIndex,
    /// Outputs from here on are this replica's to write; `None` until its first transaction.
    wrote_from: Option<OutputIndex>,
    writing: Writing,
    pause: Duration,
    /// Records of the next transaction at most; fewer after one was too large.
    records_max: usize,
    out: VecDeque<Effect>,
}

impl Machine {
    pub(super) fn new(beginning: Beginning) -> Self {
        Self {
            fence: beginning.fence,
            beginning,
            now: Tick::default(),
            phase: Phase::Surveying,
            outputs: Outputs::default(),
            position: Offset(0),
            next: OutputIndex(0),
            last: None,
            theirs: Checkpoints::new(CHECKPOINTS_MAX),
            foreign_records: 0,
            foreign_writers: Vec::new(),
            wish: Wish::Follow,
            committed: OutputIndex(0),
            wrote_from: None,
            writing: Writing::Idle,
            pause: RENEW_PAUSE_MIN,
            records_max: TRANSACTION_RECORDS_MAX,
            out: VecDeque::new(),
        }
    }

    /// One past the last output known to be committed.
    pub(super) fn published(&self) -> OutputIndex {
        self.next
    }

    /// The next thing to do.
    pub(super) fn poll(&mut self) -> Option<Effect> {
        self.out.pop_front()
    }

    /// When to call [`Machine::on_deadline`] if nothing else happens.
    pub(super) fn deadline(&self) -> Option<Tick> {
        match self.writing {
            Writing::Resting { until } if self.wish == Wish::Write && self.phase == Phase::Open => Some(until),
            Writing::Resting { .. }
            | Writing::Idle
            | Writing::Taking
            | Writing::Reading { .. }
            | Writing::Ready { .. }
            | Writing::Appending { .. } => None,
        }
    }

    pub(super) fn on_deadline(&mut self, now: Tick) {
        self.now = self.now.max(now);
        self.pump();
    }

    /// The owner wants something.
    ///
    /// # Panics
    /// When pushed outputs don't follow on those before, or come from a source: mistakes of the owner.
    pub(super) fn command(&mut self, command: OutputCommand, now: Tick) {
        self.now = self.now.max(now);
        match command {
            // Nothing is kept for a log that takes nothing any more.
            OutputCommand::Push(_) if !self.is_running() => {}
            OutputCommand::Push(run) => self.push(run),
            OutputCommand::PushSourced(_) => unreachable!("sources write into inbound topics, in sequence"),
            // A log that lost its end stops this replica, so nothing needs to be kept for it; and no sequence is remembered.
            OutputCommand::Hold(_) | OutputCommand::Lifetimes { .. } => {}
            // Where to begin is read from the log, behind the fence.
            OutputCommand::Write | OutputCommand::WriteAt(_) => {
                self.wish = Wish::Write;
                self.wrote_from = None;
                self.pause = RENEW_PAUSE_MIN;
            }
            OutputCommand::Follow => self.wish = Wish::Drain,
            OutputCommand::Stop => self.end(Phase::Stopped),
        }
        self.drop_published();
        self.pump();
    }

    /// The tail has news.
    pub(super) fn on_tail(&mut self, news: TailNews, now: Tick) {
        self.now = self.now.max(now);
        if !self.is_running() {
            return;
        }
        match news {
            TailNews::Surveyed { last, newer, position } => self.on_surveyed(last, newer, position),
            TailNews::Read { seen, position } => self.on_read(&seen, position),
            TailNews::Leads { address, epoch } => self.fact(OutputFact::Leader { address, epoch }),
            TailNews::Shortened => self.block(OutputBlock::LogShortened { end: self.next, dropped: self.next }),
            TailNews::Failed { reason } => self.block(OutputBlock::Refused { reason }),
        }
        self.drop_published();
        self.pump();
    }

    /// The producer's thread has answered.
    pub(super) fn on_producer(&mut self, news: ProducerNews, now: Tick) {
        self.now = self.now.max(now);
        if !self.is_running() {
            return;
        }
        match (std::mem::replace(&mut self.writing, Writing::Idle), news) {
            (Writing::Taking, ProducerNews::Taken { end }) => self.writing = Writing::Reading { end },
            (Writing::Appending { first, count }, ProducerNews::Committed { unsure }) => {
                self.on_committed(first, count, unsure);
            }
            (Writing::Appending { first, count }, ProducerNews::Failed { fate, reason }) => {
                self.on_failed(first, count, fate, &reason);
            }
            (Writing::Taking, ProducerNews::Failed { fate, reason }) => self.on_failed(self.next, 0, fate, &reason),
            (writing, news) => unreachable!("nobody asked the producer for {news:?} while {writing:?}"),
        }
        self.pump();
    }

    fn is_running(&self) -> bool {
        match self.phase {
            Phase::Surveying | Phase::Open => true,
            Phase::Blocked | Phase::Stopped => false,
        }
    }

    fn push(&mut self, run: Vec<types::OutputRecord>) {
        let was_empty = self.outputs.start().is_none();
        for record in &run {
            if let Some(theirs) = self.theirs.take(record.index)
                && let Err(block) = theirs.agree(record.digest)
            {
                return self.block(block);
            }
        }
        self.outputs.push(run);
        if was_empty && self.phase == Phase::Open {
            self.check_reach();
        }
    }

    /// A log that ends before the first output computed here can't be continued from here.
    fn check_reach(&mut self) {
        if let Some(dropped) = self.outputs.start().filter(|start| *start > self.next) {
            self.block(OutputBlock::LogShortened { end: self.next, dropped });
        }
    }

    fn drop_published(&mut self) {
        self.outputs.drop_below(self.next);
    }

    /// What is under way is waited for, and until the tail has shown it: whoever writes next must not find more than was said.
    fn drain(&mut self) {
        let has_producer = match self.writing {
            Writing::Taking | Writing::Appending { .. } => return,
            Writing::Reading { .. } | Writing::Ready { .. } => true,
            Writing::Idle | Writing::Resting { .. } => false,
        };
        if self.next < self.committed {
            return;
        }
        if has_producer {
            self.job(Job::Retire);
        }
        self.writing = Writing::Idle;
        self.wish = Wish::Follow;
        self.fact(OutputFact::Drained);
    }

    fn on_committed(&mut self, first: OutputIndex, count: usize, unsure: bool) {
        let next = OutputIndex(first.0 + count as u64);
        if count > 0 && self.wrote_from.is_none() {
            self.wrote_from = Some(first);
            self.fact(OutputFact::TookOver { first, at: self.now });
        }
        self.committed = next;
        self.pause = RENEW_PAUSE_MIN;
        self.records_max = (self.records_max * 2).min(TRANSACTION_RECORDS_MAX);
        self.writing =
            if unsure { Writing::Resting { until: self.now } } else { Writing::Ready { next, fence: false } };
    }

    fn on_failed(&mut self, first: OutputIndex, count: usize, fate: Fate, reason: &str) {
        match fate {
            Fate::Renew => {
                tracing::warn!(reason, "a transaction failed; taking the transactional id anew");
                self.writing = Writing::Resting { until: self.now + self.pause };
                self.pause = (self.pause * 2).min(RENEW_PAUSE_MAX);
            }
            Fate::Fenced => {
                self.fact(OutputFact::Refused { index: first });
                self.writing = Writing::Resting { until: self.now + FENCED_PAUSE };
            }
            Fate::Split if count > 1 => {
                self.records_max = count / 2;
                self.writing = Writing::Resting { until: self.now };
            }
            Fate::Split => {
                let bytes = self.outputs.get(first).map_or(0, |record| record.payload.len());
                self.block(OutputBlock::RecordTooLarge { index: first, bytes });
            }
            Fate::Block => self.block(OutputBlock::Refused { reason: reason.to_owned() }),
        }
    }

    /// Does whatever may be done now.
    fn pump(&mut self) {
        match (self.phase, self.wish) {
            (Phase::Open, Wish::Write) => self.pump_writing(),
            (Phase::Surveying | Phase::Open, Wish::Drain) => self.drain(),
            (Phase::Surveying | Phase::Open, Wish::Follow)
            | (Phase::Surveying, Wish::Write)
            | (Phase::Blocked | Phase::Stopped, _) => {}
        }
    }

    fn pump_writing(&mut self) {
        if let Writing::Resting { until } = self.writing
            && until <= self.now
        {
            self.writing = Writing::Idle;
        }
        if let Writing::Idle = self.writing {
            self.job(Job::Take);
            self.writing = Writing::Taking;
        }
        if let Writing::Reading { end } = self.writing
            && self.position >= end
        {
            self.writing = Writing::Ready { next: self.next, fence: self.fence.is_none() };
        }
        if let Writing::Ready { next, fence } = self.writing {
            self.append(next, fence);
        }
    }

    /// Begins a transaction with what has gathered while the last one was under way.
    fn append(&mut self, first: OutputIndex, fence: bool) {
        if self.next > first {
            // The log shows what somebody else has appended, so the transactional id is not ours any more.
            self.job(Job::Retire);
            return self.on_failed(first, 0, Fate::Fenced, "the log has moved on without this replica");
        }
        let batch = self.outputs.batch(first, self.records_max, TRANSACTION_BYTES_MAX);
        let count = batch.len();
        if count > 0 || fence {
            self.job(Job::Append { fence, batch });
            self.writing = Writing::Appending { first, count };
        }
    }

    fn on_surveyed(&mut self, last: Option<Seen>, newer: bool, position: Offset) {
        if newer {
            return self.block(OutputBlock::Fenced { ours: self.beginning.generation });
        }
        let shown = match last {
            Some(Seen { offset, meaning: Meaning::Fence }) => {
                self.fence = Some(offset);
                None
            }
            Some(Seen { offset, meaning: Meaning::Output(shown) }) => {
                // A lower bound will do for readers: each index takes an offset, commit markers take further ones.
                self.fence.get_or_insert(Offset(offset.0.saturating_sub(shown.index.0 + 1)));
                Some(shown)
            }
            Some(Seen { meaning: Meaning::Older | Meaning::Newer | Meaning::Foreign, .. }) | None => {
                if self.fence.is_some() {
                    return self.block(self.emptied());
                }
                None
            }
        };
        let next = shown.as_ref().map_or(OutputIndex(0), |shown| shown.index.next());
        if next < self.next {
            return self.block(OutputBlock::LogShortened { end: next, dropped: self.next });
        }
        self.next = next;
        self.position = position;
        if let Some(shown) = shown
            && let Err(block) = self.compare(shown)
        {
            return self.block(block);
        }
        if self.phase == Phase::Surveying {
            self.phase = Phase::Open;
            self.fact(OutputFact::Opened { published_end: next, last: self.last, fence: self.fence });
            self.check_reach();
        }
    }

    /// Offsets don't tell which index comes next, so a log without any record of the generation can't be continued.
    fn emptied(&self) -> OutputBlock {
        let reason = format!(
            "no record of generation {} is left in the log: retention deleted it, and with it which output comes next; raise \
             retention.ms of the topic above four marker periods, then understudy reset",
            self.beginning.generation
        );
        OutputBlock::Refused { reason }
    }

    fn on_read(&mut self, seen: &[Seen], position: Offset) {
        for record in seen {
            if let Err(block) = self.see(record) {
                return self.block(block);
            }
        }
        self.position = self.position.max(position);
    }

    /// The tail shows a committed record.
    fn see(&mut self, record: &Seen) -> Result<(), OutputBlock> {
        match &record.meaning {
            Meaning::Output(shown) if shown.index != self.next => {
                Err(OutputBlock::LogForked { offset: record.offset, found: shown.index, expected: self.next })
            }
            Meaning::Output(shown) => {
                self.next = shown.index.next();
                self.compare(shown.clone())
            }
            Meaning::Fence => {
                if self.fence.is_none() {
                    self.fence = Some(record.offset);
                    self.fact(OutputFact::Begun { fence: record.offset });
                }
                Ok(())
            }
            Meaning::Newer => Err(OutputBlock::Fenced { ours: self.beginning.generation }),
            Meaning::Older | Meaning::Foreign => {
                if self.foreign_records == 0 {
                    tracing::warn!(offset = %record.offset, "somebody else writes this topic");
                }
                self.foreign_records += 1;
                Ok(())
            }
        }
    }

    /// Compares what the log shows with what is or will be computed here (rule R10).
    fn compare(&mut self, shown: Shown) -> Result<(), OutputBlock> {
        let Shown { index, id, digest, writer } = shown;
        self.last = Some((index, id, digest));
        if self.wrote_from.is_some_and(|first| index >= first) && *writer != *self.beginning.writer {
            self.say_foreign_writer(&writer, index);
        }
        let theirs = Checkpoint { index, id, digest, writer };
        match self.outputs.get(index) {
            Some(mine) => theirs.agree(mine.digest),
            None => {
                if index >= self.outputs.end() {
                    self.theirs.note(theirs);
                }
                Ok(())
            }
        }
    }

    fn say_foreign_writer(&mut self, writer: &str, index: OutputIndex) {
        if self.foreign_writers.iter().any(|known| known == writer) {
            return;
        }
        if self.foreign_writers.len() < WRITERS_MAX {
            self.foreign_writers.push(writer.to_owned());
        }
        self.fact(OutputFact::ForeignWriter { writer: writer.to_owned(), index });
    }

    fn block(&mut self, reason: OutputBlock) {
        if self.is_running() {
            tracing::error!(error = %reason, "the output log can't be used any more");
            self.fact(OutputFact::Blocked(reason));
            self.end(Phase::Blocked);
        }
    }

    /// What is under way may still arrive; the next one who takes the id ends it.
    fn end(&mut self, phase: Phase) {
        if self.is_running() {
            self.phase = phase;
            self.job(Job::Retire);
        }
    }

    fn job(&mut self, job: Job) {
        self.out.push_back(Effect::Job(job));
    }

    fn fact(&mut self, fact: OutputFact) {
        self.out.push_back(Effect::Fact(fact));
    }
}
