//! What the leader's three answers say together, and what may be sent after them.

use ports::output::OutputBlock;
use types::mutation::{Mutation, mutated};
use types::{Offset, OutputIndex};

use super::super::config::Layout;
use super::super::identity::{SEQUENCES, following, sequence};
use super::super::question::{Answers, Ask, Heard, Producer, Purpose};
use super::super::{Machine, Phase, codec};
use super::Standing;
use crate::link::RequestTag;
use crate::wire::Response;

/// So often in a row the broker's memory of us may contradict the log before a human must look; a passing contradiction is
/// only somebody else's append between two answers.
const CONTRADICTIONS_MAX: u32 = 100;

/// So often in a row a log may show nothing of a source whose writer the broker remembers.
const MISSING_MAX: u32 = 10;

/// Two sequences nearer than this are ahead of each other, farther ones behind.
const HALF_LAP: u64 = SEQUENCES / 2;

impl Machine {
    pub(super) fn on_answer(&mut self, tag: RequestTag, response: &Response) {
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
        if answers.end < ask.committed && !mutated(Mutation::OverlooksShortenedLogs) {
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
                Layout::Sole | Layout::Journal => self.judge_sole(answers, producer),
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
                Layout::Sole | Layout::Journal => (answers.end == answers.high).then_some(answers.end),
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
        self.writing.remembered = next;
        self.writing.contradictions = 0;
        let unread = next.is_none_or(|next| next > published) || !self.is_anchored();
        if unread && self.ledger.position() < answers.end {
            // Only the log itself says what of ours is committed; the tail reads back to our last record.
            self.survey_again();
        }
        match next {
            Some(next) if self.is_anchored() => self.settle(next, Some(answers.end)),
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
        if mutated(Mutation::DropsWhatTheLeaderNames) {
            self.ledger.acknowledged(next, self.ledger.offset_of(next));
        }
        self.writing.next = if mutated(Mutation::NextNeverGoesBack) { next.max(self.writing.next) } else { next };
        if settled.is_some() || self.is_anchored() {
            self.writing.standing = Standing::Ready { settled };
        } else {
            self.ask_later();
        }
    }

    /// The broker remembers a block that the log, read to its end, doesn't show: passing when it was appended between the
    /// answers, lasting when retention deleted all blocks of the source. Writing on would be right only by luck.
    pub(super) fn missing(&mut self, remembered: OutputIndex) {
        self.writing.missed = if self.ledger.published() == OutputIndex(0) { self.writing.missed + 1 } else { 0 };
        match &self.config.layout {
            Layout::Shared { source } if self.writing.missed >= MISSING_MAX => {
                self.block(OutputBlock::SourceDeleted { source_id: source.clone(), remembered });
            }
            Layout::Shared { .. } | Layout::Sole | Layout::Journal => self.ask_later(),
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
