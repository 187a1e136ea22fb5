//! The append line: asks where the log stands and sends what comes next; `acknowledgement` and `verdict` hear what is said to it.

mod acknowledgement;
mod verdict;

use std::collections::VecDeque;

use bytes::Bytes;
use ports::output::{ASK_AGAIN_AFTER, OutputBlock, OutputFact};
use types::mutation::{Mutation, mutated};
use types::{Offset, OutputIndex, Tick};

use super::backoff::Backoff;
use super::config::{Layout, MachineConfig};
use super::question::{About, Ask, Purpose};
use super::{Machine, Phase, codec};
use crate::batch::BatchEncoder;
use crate::link::{BrokerVersions, LinkId, RequestTag};
use crate::wire::Request;

/// A line that needs nothing is asked so often all the same, so that it never falls silent (rule R7) and the anchor stays
/// young. A quarter of the anchor's age if that is shorter.
const REFRESH_PERIOD: std::time::Duration = std::time::Duration::from_secs(20);

/// The append line's state.
#[derive(Debug)]
pub(super) struct Writing {
    role: Role,
    standing: Standing,
    asking: Option<Ask>,
    /// Earliest time of the next question.
    ask_at: Tick,
    backoff: Backoff,
    /// When the last question whose answer is known was sent.
    asked: Tick,
    flight: VecDeque<Flight>,
    /// What would be sent next; a leader's word, never a reason to drop.
    next: OutputIndex,
    /// When the youngest committed record of ours was appended, or before (rules R2, R6).
    anchor: Option<Tick>,
    /// At this time the log ended here: a record of ours above it is younger.
    probe: Option<(Tick, Offset)>,
    /// Since when nothing was in flight or asked (rule R14).
    idle_since: Tick,
    contradictions: u32,
    /// In a log of several writers: what would come next by the broker's memory.
    remembered: Option<OutputIndex>,
    /// So often in a row the log showed nothing at all of what is remembered.
    missed: u32,
    /// A smaller bound than the configured one, after the broker found a batch too large.
    bytes_max: usize,
    /// The single record that was found too large.
    too_large: Option<OutputIndex>,
    encoder: BatchEncoder,
}

/// Whether to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Tailing only.
    Following { untold: Untold },
    /// Appending.
    Writing(Takeover),
}

/// What the owner still has to be told about what was in flight when writing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Untold {
    /// That only one batch is left, then that none is.
    LastAndDrained,
    /// That none is left.
    Drained,
    /// Nothing.
    Nothing,
}

/// How far a writer is in taking over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takeover {
    /// It was told where the last writer ended, whose last batch may still be on its way: a first refusal is no news.
    Told,
    /// Nothing of its own is acknowledged yet.
    Begun,
    /// Its first batch was acknowledged.
    Done,
}

/// What may be sent, as far as the leader goes; what the anchor allows comes on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Nothing, before the leader was asked (rule R5).
    Unknown,
    /// From `next` on. Without an anchor only when everything below `settled` is committed and read (rule R3).
    Ready { settled: Option<Offset> },
    /// Nothing, before the tail has read up to here: an acknowledgement didn't fit.
    Doubtful { until: Offset },
}

/// A batch on its way.
#[derive(Debug)]
struct Flight {
    tag: RequestTag,
    first: OutputIndex,
    /// 0 for the fence.
    count: usize,
    bytes: usize,
}

impl Flight {
    /// One past its last record.
    fn end(&self) -> OutputIndex {
        OutputIndex(self.first.0 + self.count as u64)
    }
}

impl Writing {
    pub(super) fn new(config: &MachineConfig, now: Tick) -> Self {
        Self {
            role: Role::Following { untold: Untold::Nothing },
            standing: Standing::Unknown,
            asking: None,
            ask_at: now,
            backoff: Backoff::default(),
            asked: now,
            flight: VecDeque::new(),
            next: OutputIndex(0),
            anchor: None,
            probe: None,
            idle_since: now,
            contradictions: 0,
            remembered: None,
            missed: 0,
            bytes_max: config.bounds.batch_bytes_max,
            too_large: None,
            encoder: BatchEncoder::new(config.compression),
        }
    }

    pub(super) fn begin(&mut self, now: Tick) {
        match self.role {
            Role::Following { .. } => {
                self.role = Role::Writing(Takeover::Begun);
                self.idle_since = now;
                self.ask_at = now;
            }
            Role::Writing(_) => {}
        }
    }

    /// Somebody's word about what comes next, no more than a leader's; an answer that is still awaited knows better.
    pub(super) fn begin_at(&mut self, next: OutputIndex, now: Tick) {
        if !self.is_writing() {
            self.begin(now);
            self.role = Role::Writing(Takeover::Told);
            self.next = next;
        }
    }

    pub(super) fn end(&mut self) {
        self.role = Role::Following { untold: Untold::LastAndDrained };
    }

    pub(super) fn is_writing(&self) -> bool {
        matches!(self.role, Role::Writing(_))
    }

    /// Whether nothing of ours is acknowledged since writing began.
    fn is_taking_over(&self) -> bool {
        matches!(self.role, Role::Writing(Takeover::Told | Takeover::Begun))
    }

    pub(super) fn next(&self) -> OutputIndex {
        self.next
    }

    pub(super) fn in_flight(&self) -> usize {
        self.flight.len()
    }

    pub(super) fn state_name(&self) -> &'static str {
        match (self.role, self.standing) {
            (_, Standing::Unknown) => "asking where the log stands",
            (_, Standing::Doubtful { .. }) => "reading what came between",
            (Role::Following { .. }, Standing::Ready { .. }) => "following",
            (Role::Writing(_), Standing::Ready { .. }) => "writing",
        }
    }

    /// The line is gone: what was in flight may be in the log or not, and the next leader has to be asked.
    pub(super) fn forget_line(&mut self) {
        self.flight.clear();
        self.asking = None;
        if !mutated(Mutation::AsksOnceATerm) {
            self.standing = Standing::Unknown;
        }
    }

    pub(super) fn forget_anchor(&mut self) {
        self.anchor = None;
        self.probe = None;
    }

    pub(super) fn back_to(&mut self, next: OutputIndex) {
        self.next = next;
    }
}

impl Machine {
    pub(super) fn writing_deadline(&self) -> Option<Tick> {
        let writing = &self.writing;
        if self.append.ready(self.now).is_none() || writing.asking.is_some() {
            return None;
        }
        match writing.standing {
            Standing::Unknown => self.may_ask().then_some(writing.ask_at),
            Standing::Doubtful { .. } => None,
            Standing::Ready { .. } => {
                let refresh = writing.asked + self.refresh_period();
                let again = self.is_stuck().then(|| (writing.idle_since + ASK_AGAIN_AFTER).max(writing.ask_at));
                Some(again.map_or(refresh, |again| again.min(refresh)))
            }
        }
    }

    fn refresh_period(&self) -> std::time::Duration {
        REFRESH_PERIOD.min(self.config.lifetimes.anchor_age_max() / 4)
    }

    /// Asking makes sense once the log's end is known; a fence is asked for too.
    fn may_ask(&self) -> bool {
        match self.phase {
            Phase::Genesis | Phase::Open => true,
            Phase::Surveying | Phase::Blocked | Phase::Stopped => false,
        }
    }

    /// Rule R14: outputs are owed, and nothing is on its way.
    fn is_stuck(&self) -> bool {
        self.writing.is_writing() && self.writing.flight.is_empty() && self.ledger.outputs.owed_len() > 0
    }

    /// Rule R2: a committed record of ours that is young enough (R6).
    fn is_anchored(&self) -> bool {
        let age_max = self.config.lifetimes.anchor_age_max();
        let is_young = |anchor| self.now.since(anchor) <= age_max || mutated(Mutation::AnchorsNeverAge);
        self.writing.anchor.is_some_and(is_young)
    }

    /// A record of ours at `offset` is committed. It is younger than any probe that ended at or below it.
    pub(super) fn anchor_by(&mut self, offset: Offset) {
        if mutated(Mutation::AnchorsByAnyRecord) {
            self.writing.anchor = Some(self.now);
        }
        if let Some((at, end)) = self.writing.probe
            && offset >= end
        {
            self.writing.anchor = self.writing.anchor.max(Some(at));
        }
    }

    /// Asks or sends on the append line, whatever is due.
    pub(super) fn write(&mut self) {
        self.say_what_is_left();
        let Some(line) = self.append.ready(self.now) else { return };
        if let Standing::Doubtful { until } = self.writing.standing
            && self.ledger.position() >= until
            && self.writing.flight.is_empty()
        {
            self.writing.standing = Standing::Unknown;
        }
        if let Standing::Ready { settled } = self.writing.standing {
            self.send(line, settled);
        }
        match self.writing.standing {
            Standing::Unknown => self.ask_when_due(line),
            Standing::Doubtful { .. } => {}
            Standing::Ready { .. } => self.ask_again(line),
        }
    }

    /// The leader reads a batch once the one before it is answered: with a single one left, whatever the next writer sends
    /// after hearing of it comes behind.
    fn say_what_is_left(&mut self) {
        let Role::Following { untold } = self.writing.role else { return };
        let flight = &self.writing.flight;
        match (untold, flight.front()) {
            (Untold::LastAndDrained | Untold::Drained, None) => {
                self.writing.role = Role::Following { untold: Untold::Nothing };
                self.out.fact(OutputFact::Drained);
            }
            (Untold::LastAndDrained, Some(last)) if flight.len() == 1 && last.count > 0 => {
                let next = last.end();
                self.writing.role = Role::Following { untold: Untold::Drained };
                self.out.fact(OutputFact::LastOnItsWay { next });
            }
            (Untold::LastAndDrained | Untold::Drained | Untold::Nothing, Some(_)) | (Untold::Nothing, None) => {}
        }
    }

    fn ask_when_due(&mut self, line: (LinkId, BrokerVersions)) {
        if self.may_ask() && self.writing.asking.is_none() && self.writing.ask_at <= self.now {
            self.ask(Purpose::Resync, line);
        }
    }

    fn ask_again(&mut self, line: (LinkId, BrokerVersions)) {
        if self.writing.asking.is_some() || self.writing.standing == Standing::Unknown {
            return;
        }
        let idle = self.now.since(self.writing.idle_since);
        if self.is_stuck() && idle >= ASK_AGAIN_AFTER && self.writing.ask_at <= self.now {
            self.ask(Purpose::Resync, line);
        } else if self.now.since(self.writing.asked) >= self.refresh_period() {
            self.ask(Purpose::Refresh, line);
        }
    }

    fn ask(&mut self, purpose: Purpose, line: (LinkId, BrokerVersions)) {
        if purpose == Purpose::Resync {
            self.counters.resyncs += 1;
        }
        let about = About::of(&self.config, self.leader.as_ref());
        let committed = self.ledger.committed();
        self.writing.asking = Some(Ask::send(purpose, about, line, committed, &mut self.out, self.now));
    }

    /// The next question waits: something has to change first.
    fn ask_later(&mut self) {
        self.writing.standing = Standing::Unknown;
        self.writing.ask_at = self.writing.backoff.next(self.now);
    }

    /// Sends batches while one may be sent: whatever has gathered, never waiting for more.
    ///
    /// Whoever takes over sends a single batch first. After a writer that died it knows only what was committed, and that one's
    /// last batches mostly lie above: so the question where the log ends goes along with the batch, and where that is refused
    /// the answer is there already. A writer that was told where to begin asks with its second try.
    fn send(&mut self, line: (LinkId, BrokerVersions), settled: Option<Offset>) {
        while self.phase == Phase::Open && self.writing.is_writing() && self.resyncing().is_none() {
            let in_flight_max = if self.writing.is_taking_over() { 1 } else { self.config.bounds.in_flight_max };
            if self.writing.flight.len() >= in_flight_max {
                return;
            }
            let first = self.writing.next.max(self.ledger.published());
            if first >= self.ledger.outputs.end() {
                return;
            }
            // A proposal is made by who has read what stands before it; the tail may still be on its way there.
            if self.ledger.outputs.start().is_some_and(|start| first < start) {
                return;
            }
            let count = if self.is_anchored() || mutated(Mutation::WritesUnprimed) {
                self.ledger.outputs.fit(first, self.config.bounds.batch_records_max, self.writing.bytes_max)
            } else if !self.writing.flight.is_empty() {
                return;
            } else if self.is_primed(first, settled) {
                1
            } else {
                return self.prime(settled);
            };
            self.send_batch(line.0, first, count);
            if self.may_lie_behind() && !self.writing.flight.is_empty() {
                self.ask(Purpose::Resync, line);
            }
        }
    }

    /// Whether the log may end above what is known of it, for another replica wrote until now.
    fn may_lie_behind(&self) -> bool {
        let begun = self.writing.role == Role::Writing(Takeover::Begun);
        begun && self.config.layout == Layout::Sole && self.is_anchored()
    }

    fn resyncing(&self) -> Option<&Ask> {
        self.writing.asking.as_ref().filter(|ask| ask.purpose == Purpose::Resync)
    }

    /// Rule R3: the log was settled when asked, all of it is read, and the record comes next after it.
    fn is_primed(&self, first: OutputIndex, settled: Option<Offset>) -> bool {
        let Some(settled) = settled else { return false };
        let young = self.now.since(self.writing.asked) <= self.config.lifetimes.anchor_age_max();
        let comes_next = match self.config.layout {
            Layout::Sole | Layout::Journal => self.ledger.position() == settled && first == self.ledger.next(),
            Layout::Shared { .. } => {
                self.ledger.position() >= settled && first == self.ledger.published() && self.missing_block().is_none()
            }
        };
        young && comes_next
    }

    /// What is missing before one record may be sent without an anchor.
    fn prime(&mut self, settled: Option<Offset>) {
        match settled {
            // Everything below is committed, the tail only has to read it.
            Some(settled) if self.ledger.position() < settled => match self.config.layout {
                Layout::Sole | Layout::Journal => {}
                Layout::Shared { .. } => self.survey_again(),
            },
            Some(_) | None => match self.missing_block() {
                Some(remembered) => self.missing(remembered),
                None => self.ask_later(),
            },
        }
    }

    /// What the broker remembers to come next, when the log as it was read ends before.
    fn missing_block(&self) -> Option<OutputIndex> {
        self.writing.remembered.filter(|remembered| *remembered > self.ledger.published())
    }

    fn send_batch(&mut self, link: LinkId, first: OutputIndex, count: usize) {
        let now = self.wall_clock();
        let items = self.ledger.outputs.range(first, count);
        let batch = match codec::outputs(&mut self.writing.encoder, &self.config, first, items, now) {
            Ok(batch) => batch,
            Err(error) => return self.block(OutputBlock::Refused { reason: error.to_string() }),
        };
        self.writing.next = OutputIndex(first.0 + count as u64);
        self.produce(link, first, count, batch);
    }

    fn produce(&mut self, link: LinkId, first: OutputIndex, count: usize, batch: Bytes) {
        let bytes = batch.len();
        let timeout = self.config.bounds.request_timeout;
        let request = Request::Produce {
            topic: self.config.topic.clone(),
            topic_id: self.discovery.wire_topic_id(),
            timeout,
            batch,
        };
        let tag = self.out.request(link, request, timeout);
        self.writing.flight.push_back(Flight { tag, first, count, bytes });
        self.writing.idle_since = self.now;
    }
}
