//! The append line: asks where the log stands, sends what comes next, judges the answers.

use std::collections::VecDeque;

use bytes::Bytes;
use ports::output::{ASK_AGAIN_AFTER, OutputBlock, OutputFact};
use types::{Offset, OutputIndex, Tick};

use super::backoff::Backoff;
use super::config::{Layout, MachineConfig};
use super::fate::Fate;
use super::identity::{SEQUENCES, following, sequence};
use super::question::{About, Answers, Ask, Heard, Producer, Purpose};
use super::{Machine, Phase, codec};
use crate::batch::BatchEncoder;
use crate::link::{LinkEvent, LinkId, RequestTag};
use crate::wire::{Body, ErrorCode, Produced, Request, Response};

/// A line that needs nothing is asked so often all the same, so that it never falls silent (rule R7) and the anchor stays
/// young. A quarter of the anchor's age if that is shorter.
const REFRESH_PERIOD: std::time::Duration = std::time::Duration::from_secs(20);

/// So often in a row the broker's memory of us may contradict the log before a human must look; a passing contradiction is
/// only somebody else's append between two answers.
const CONTRADICTIONS_MAX: u32 = 100;

/// Two sequences nearer than this are ahead of each other, farther ones behind.
const HALF_LAP: u64 = SEQUENCES / 2;

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
    /// A smaller bound than the configured one, after the broker found a batch too large.
    bytes_max: usize,
    /// The single record that was found too large.
    too_large: Option<OutputIndex>,
    encoder: BatchEncoder,
}

/// Whether to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Tailing only. `drain` until it was said that nothing is in flight any more.
    Following { drain: bool },
    /// Appending; whether the first acknowledgement has come.
    Writing { took_over: bool },
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

impl Writing {
    pub(super) fn new(config: &MachineConfig, now: Tick) -> Self {
        Self {
            role: Role::Following { drain: false },
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
            bytes_max: config.bounds.batch_bytes_max,
            too_large: None,
            encoder: BatchEncoder::new(config.compression),
        }
    }

    pub(super) fn begin(&mut self, now: Tick) {
        match self.role {
            Role::Following { .. } => {
                self.role = Role::Writing { took_over: false };
                self.idle_since = now;
                self.ask_at = now;
            }
            Role::Writing { .. } => {}
        }
    }

    pub(super) fn end(&mut self) {
        self.role = Role::Following { drain: true };
    }

    fn is_writing(&self) -> bool {
        matches!(self.role, Role::Writing { .. })
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
            (Role::Writing { .. }, Standing::Ready { .. }) => "writing",
        }
    }

    /// The line is gone: what was in flight may be in the log or not, and the next leader has to be asked.
    pub(super) fn forget_line(&mut self) {
        self.flight.clear();
        self.asking = None;
        self.standing = Standing::Unknown;
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
        self.writing.anchor.is_some_and(|anchor| self.now.since(anchor) <= age_max)
    }

    /// A record of ours at `offset` is committed. It is younger than any probe that ended at or below it.
    pub(super) fn anchor_by(&mut self, offset: Offset) {
        if let Some((at, end)) = self.writing.probe
            && offset >= end
        {
            self.writing.anchor = self.writing.anchor.max(Some(at));
        }
    }

    /// Asks or sends on the append line, whatever is due.
    pub(super) fn write(&mut self) {
        self.say_drained();
        let Some(line) = self.append.ready(self.now) else { return };
        if let Standing::Doubtful { until } = self.writing.standing
            && self.ledger.position() >= until
            && self.writing.flight.is_empty()
        {
            self.writing.standing = Standing::Unknown;
        }
        if let Standing::Ready { settled } = self.writing.standing {
            self.send(line.0, settled);
        }
        match self.writing.standing {
            Standing::Unknown => self.ask_when_due(line),
            Standing::Doubtful { .. } => {}
            Standing::Ready { .. } => self.ask_again(line),
        }
    }

    fn say_drained(&mut self) {
        if self.writing.role == (Role::Following { drain: true }) && self.writing.flight.is_empty() {
            self.writing.role = Role::Following { drain: false };
            self.out.fact(OutputFact::Drained);
        }
    }

    fn ask_when_due(&mut self, line: (LinkId, crate::link::BrokerVersions)) {
        if self.may_ask() && self.writing.asking.is_none() && self.writing.ask_at <= self.now {
            self.ask(Purpose::Resync, line);
        }
    }

    fn ask_again(&mut self, line: (LinkId, crate::link::BrokerVersions)) {
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

    fn ask(&mut self, purpose: Purpose, line: (LinkId, crate::link::BrokerVersions)) {
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
    fn send(&mut self, link: LinkId, settled: Option<Offset>) {
        while self.phase == Phase::Open && self.writing.is_writing() && self.resyncing().is_none() {
            if self.writing.flight.len() >= self.config.bounds.in_flight_max {
                return;
            }
            let first = self.writing.next.max(self.ledger.published());
            if first >= self.ledger.outputs.end() {
                return;
            }
            let count = if self.is_anchored() {
                self.ledger.outputs.fit(first, self.config.bounds.batch_records_max, self.writing.bytes_max)
            } else if !self.writing.flight.is_empty() {
                return;
            } else if self.is_primed(first, settled) {
                1
            } else {
                return self.prime(settled);
            };
            self.send_batch(link, first, count);
        }
    }

    fn resyncing(&self) -> Option<&Ask> {
        self.writing.asking.as_ref().filter(|ask| ask.purpose == Purpose::Resync)
    }

    /// Rule R3: the log was settled when asked, all of it is read, and the record comes next after it.
    fn is_primed(&self, first: OutputIndex, settled: Option<Offset>) -> bool {
        let Some(settled) = settled else { return false };
        let young = self.now.since(self.writing.asked) <= self.config.lifetimes.anchor_age_max();
        let comes_next = match self.config.layout {
            Layout::Sole => self.ledger.position() == settled && first == self.ledger.next(),
            Layout::Shared { .. } => self.ledger.position() >= settled && first == self.ledger.published(),
        };
        young && comes_next
    }

    /// What is missing before one record may be sent without an anchor.
    fn prime(&mut self, settled: Option<Offset>) {
        match settled {
            // Everything below is committed, the tail only has to read it.
            Some(settled) if self.ledger.position() < settled => match self.config.layout {
                Layout::Sole => {}
                Layout::Shared { .. } => self.survey_again(),
            },
            Some(_) | None => self.ask_later(),
        }
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

    pub(super) fn on_append(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up { versions } => {
                self.append.up(versions, self.now);
                self.writing.ask_at = self.now;
            }
            LinkEvent::Down { reason } => {
                self.append = super::Line::Down;
                self.writing.forget_line();
                self.lose_leader(&reason);
            }
            LinkEvent::Response { tag, response } => {
                self.append.heard(self.now, response.throttle);
                self.note_answer(&response);
                self.writing.idle_since = self.now;
                if self.writing.flight.front().is_some_and(|flight| flight.tag == tag) {
                    self.on_produced(&response);
                } else if self.writing.asking.as_ref().is_some_and(|ask| ask.awaits(tag)) {
                    self.on_answer(tag, &response);
                }
            }
        }
    }

    fn on_produced(&mut self, response: &Response) {
        let Some(flight) = self.writing.flight.pop_front() else { return };
        match (response.error, &response.body) {
            (None, Body::Produced(produced)) => self.on_acknowledged(&flight, produced),
            (None, _) => self.on_refusal(ErrorCode::UNKNOWN_SERVER_ERROR, None),
            (Some(error), _) => match Fate::of(error) {
                Fate::Resync => self.on_not_next(&flight),
                Fate::Split => self.on_too_large(&flight),
                Fate::Retry | Fate::Fenced | Fate::Block => self.on_refusal(error, response.message.as_deref()),
            },
        }
    }

    fn on_acknowledged(&mut self, flight: &Flight, produced: &Produced) {
        self.discovery.calm();
        if flight.count == 0 {
            if let Some(base) = produced.base_offset {
                self.anchor_by(base);
            }
            return self.on_fenced_off();
        }
        self.counters.batches += 1;
        self.counters.records += flight.count as u64;
        self.counters.bytes += flight.bytes as u64;
        let end = OutputIndex(flight.first.0 + flight.count as u64);
        if !self.check_place(flight, produced.base_offset) {
            return;
        }
        let offset = self.end_offset(end, produced.base_offset, flight.count);
        self.ledger.acknowledged(end, offset);
        self.anchor_by(Offset(offset.0.saturating_sub(1)));
        self.writing.too_large = None;
        self.writing.backoff.reset();
        if self.writing.role == (Role::Writing { took_over: false }) {
            self.writing.role = Role::Writing { took_over: true };
            // The batch itself may be the last active's, acknowledged a second time.
            self.ledger.write_from(Some(end));
            self.out.fact(OutputFact::TookOver { first: flight.first, at: self.now });
        }
    }

    fn end_offset(&self, end: OutputIndex, base: Option<Offset>, count: usize) -> Offset {
        match (base, &self.config.layout) {
            (Some(base), _) => Offset(base.0 + count as u64),
            (None, Layout::Sole) => self.ledger.offset_of(end),
            (None, Layout::Shared { .. }) => Offset(0),
        }
    }

    /// Whether a batch lies where it belongs. If not, the tail has the last word; nothing is dropped on this answer.
    fn check_place(&mut self, flight: &Flight, base: Option<Offset>) -> bool {
        match self.config.layout {
            Layout::Shared { .. } => return true,
            // The tail has read it there already, and checked.
            Layout::Sole if flight.first < self.ledger.next() => return true,
            Layout::Sole => {}
        }
        let expected = self.ledger.offset_of(flight.first);
        let found = base.unwrap_or(expected);
        if base == Some(expected) {
            return true;
        }
        if found < expected {
            let expected = self.index_at(found);
            self.block(OutputBlock::LogForked { offset: found, found: flight.first, expected });
        } else {
            let end = Offset(found.0 + flight.count as u64);
            let until = match self.writing.standing {
                Standing::Doubtful { until } => until.max(end),
                Standing::Unknown | Standing::Ready { .. } => end,
            };
            self.writing.standing = Standing::Doubtful { until };
        }
        false
    }

    /// The fence stands. Nobody older can write below it any more; where it stands is read from the log.
    fn on_fenced_off(&mut self) {
        self.phase = Phase::Surveying;
        self.writing.standing = Standing::Unknown;
        self.survey_again();
    }

    /// Somebody else was first, or the broker forgot us.
    fn on_not_next(&mut self, flight: &Flight) {
        if flight.count == 0 {
            return self.fence_again();
        }
        self.counters.refusals += 1;
        self.out.fact(OutputFact::Refused { index: flight.first });
        self.ask_later();
    }

    /// The fence was refused: perhaps it stands already, with outputs behind it.
    fn fence_again(&mut self) {
        self.phase = Phase::Surveying;
        self.writing.standing = Standing::Unknown;
        self.survey_later();
    }

    fn on_too_large(&mut self, flight: &Flight) {
        self.counters.splits += 1;
        if flight.count > 1 {
            self.writing.bytes_max = (self.writing.bytes_max.min(flight.bytes) / 2).max(1);
        } else if self.writing.too_large.replace(flight.first) == Some(flight.first) {
            // Asked between and still next: it isn't in the log, and won't be.
            let (index, bytes) = (flight.first, flight.bytes);
            return self.block(OutputBlock::RecordTooLarge { index, bytes });
        }
        self.ask_later();
    }

    fn on_answer(&mut self, tag: RequestTag, response: &Response) {
        let Some(mut ask) = self.writing.asking.take() else { return };
        match ask.on_response(tag, response, self.config.producer_id) {
            Heard::More => self.writing.asking = Some(ask),
            Heard::NotYet => self.ask_later(),
            Heard::Error(error) => self.on_refusal(error, response.message.as_deref()),
            Heard::All(answers) => self.judge(&ask, answers),
        }
    }

    /// What the three answers say together (rules R3, R5, R8, R15).
    fn judge(&mut self, ask: &Ask, answers: Answers) {
        let ours = i32::from(codec::epoch(&self.config));
        if let Producer::Present { epoch, .. } = answers.producer
            && epoch > ours
        {
            return self.block(OutputBlock::Fenced { ours: self.config.identity.generation });
        }
        self.writing.asked = ask.sent;
        self.writing.probe = Some((ask.sent, answers.end));
        if answers.end < ask.committed {
            self.writing.forget_anchor();
            self.ask_later();
            return self.survey_again();
        }
        // A state of an older generation is none of ours.
        let producer = match answers.producer {
            Producer::Present { epoch, .. } if epoch < ours => Producer::Absent,
            Producer::Present { last_sequence: None, .. } => Producer::Unknown,
            known @ (Producer::Unknown | Producer::Absent | Producer::Present { .. }) => known,
        };
        if producer == Producer::Absent && self.writing.anchor.take().is_some() {
            self.counters.states_lost += 1;
            tracing::warn!(topic = %self.config.topic, "the leader forgot this producer although the log holds young records of it");
        }
        match (self.phase, ask.purpose) {
            (Phase::Genesis, _) => self.judge_genesis(answers, producer),
            (Phase::Open, Purpose::Resync) => match self.config.layout {
                Layout::Sole => self.judge_sole(answers, producer),
                Layout::Shared { .. } => self.judge_shared(answers, producer),
            },
            (Phase::Open, Purpose::Refresh) => self.freshen(answers),
            (Phase::Surveying | Phase::Blocked | Phase::Stopped, Purpose::Resync | Purpose::Refresh) => {}
        }
    }

    /// What is sent next stays; what may be sent without an anchor goes by the newest answers.
    fn freshen(&mut self, answers: Answers) {
        if let Standing::Ready { settled } = &mut self.writing.standing {
            *settled = match self.config.layout {
                Layout::Sole => (answers.end == answers.high).then_some(answers.end),
                Layout::Shared { .. } => Some(answers.end),
            };
        }
    }

    /// Rules R4 and R9: the fence goes alone, onto a settled log that is read to its end.
    fn judge_genesis(&mut self, answers: Answers, producer: Producer) {
        match producer {
            // It is there already.
            Producer::Present { .. } => return self.fence_again(),
            Producer::Unknown | Producer::Absent => {}
        }
        if answers.end != answers.high {
            return self.ask_later();
        }
        if answers.end != self.ledger.position() {
            return self.fence_again();
        }
        let Some((link, _)) = self.append.ready(self.now) else { return };
        let now = self.wall_clock();
        match codec::fence(&mut self.writing.encoder, &self.config, now) {
            Ok(batch) => {
                self.writing.standing = Standing::Ready { settled: None };
                self.produce(link, OutputIndex(0), 0, batch);
            }
            Err(error) => self.block(OutputBlock::Refused { reason: error.to_string() }),
        }
    }

    fn judge_sole(&mut self, answers: Answers, producer: Producer) {
        let settled = (answers.end == answers.high).then_some(answers.end);
        let mut next = self.index_at(answers.end);
        if let Producer::Present { last_sequence: Some(last), .. } = producer {
            match self.ahead(last, next) {
                Some(0) => {}
                // Somebody appended between two answers; only an anchored writer may believe that.
                Some(ahead) if self.is_anchored() => next = OutputIndex(next.0 + ahead),
                Some(_) | None => return self.contradicted(last, next),
            }
        }
        self.writing.contradictions = 0;
        self.settle(next.max(self.ledger.published()), settled);
    }

    fn judge_shared(&mut self, answers: Answers, producer: Producer) {
        let published = self.ledger.published();
        let next = match producer {
            Producer::Present { last_sequence: Some(last), .. } => match self.ahead(last, published) {
                Some(ahead) => Some(OutputIndex(published.0 + ahead)),
                None => return self.contradicted(last, published),
            },
            Producer::Present { last_sequence: None, .. } | Producer::Absent | Producer::Unknown => None,
        };
        self.writing.contradictions = 0;
        let unread = next.is_none_or(|next| next > published) || !self.is_anchored();
        if unread && self.ledger.position() < answers.end {
            // Only the log itself says what of ours is committed; the tail reads back to our last record.
            self.survey_again();
        }
        match next {
            Some(next) if self.is_anchored() => self.settle(next, Some(answers.end)),
            Some(next) if next > published && self.ledger.position() >= answers.end => self.ask_later(),
            Some(_) | None => {
                // Nothing may be sent beyond what is read back.
                self.writing.anchor = None;
                self.settle(published, Some(answers.end));
            }
        }
    }

    /// How far the broker's last sequence is ahead of what would come before `next`; `None` when it is behind.
    fn ahead(&self, last_sequence: i32, next: OutputIndex) -> Option<u64> {
        let theirs = i64::from(following(last_sequence));
        let ours = i64::from(sequence(&self.config.layout, next));
        let ahead = (theirs - ours).rem_euclid(SEQUENCES as i64).unsigned_abs();
        (ahead < HALF_LAP).then_some(ahead)
    }

    fn settle(&mut self, next: OutputIndex, settled: Option<Offset>) {
        self.writing.next = next;
        if settled.is_some() || self.is_anchored() {
            self.writing.standing = Standing::Ready { settled };
        } else {
            self.ask_later();
        }
    }

    /// The broker's memory of us doesn't fit the log (rule R15): passing when somebody appends between the answers.
    fn contradicted(&mut self, last_sequence: i32, next: OutputIndex) {
        self.writing.contradictions += 1;
        if self.writing.contradictions >= CONTRADICTIONS_MAX && self.writing.is_writing() {
            let reason = format!("it remembers sequence {last_sequence}, index {next} comes next in the log");
            return self.block(OutputBlock::Refused { reason });
        }
        self.ask_later();
    }
}
