//! What the broker says to a batch: it stands, it doesn't come next, it is too large.

use ports::output::{OutputBlock, OutputFact};
use types::mutation::{Mutation, mutated};
use types::{Offset, OutputIndex};

use super::super::config::Layout;
use super::super::fate::Fate;
use super::super::line::Line;
use super::super::{Machine, Phase};
use super::{Flight, Role, Standing, Takeover};
use crate::link::LinkEvent;
use crate::wire::{Body, ErrorCode, Produced, Response};

impl Machine {
    pub(in super::super) fn on_append(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up { versions } => {
                self.append.up(versions, self.now);
                self.writing.ask_at = self.now;
            }
            LinkEvent::Down { reason } => {
                self.append = Line::Down;
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
        let end = flight.end();
        if !self.check_place(flight, produced.base_offset) {
            return;
        }
        let offset = self.end_offset(end, produced.base_offset, flight.count);
        self.ledger.acknowledged(end, offset);
        self.anchor_by(Offset(offset.0.saturating_sub(1)));
        self.writing.too_large = None;
        self.writing.backoff.reset();
        if self.writing.is_taking_over() {
            self.writing.role = Role::Writing(Takeover::Done);
            // The batch itself may be the last active's, acknowledged a second time.
            self.ledger.write_from(Some(end));
            self.out.fact(OutputFact::TookOver { first: flight.first, at: self.now });
        }
    }

    fn end_offset(&self, end: OutputIndex, base: Option<Offset>, count: usize) -> Offset {
        match (base, &self.config.layout) {
            (Some(base), _) => Offset(base.0 + count as u64),
            (None, Layout::Sole | Layout::Journal) => self.ledger.offset_of(end),
            (None, Layout::Shared { .. }) => Offset(0),
        }
    }

    /// Whether a batch lies where it belongs. If not, the tail has the last word; nothing is dropped on this answer.
    fn check_place(&mut self, flight: &Flight, base: Option<Offset>) -> bool {
        match self.config.layout {
            Layout::Shared { .. } => return true,
            // The tail has read it there already, and checked.
            Layout::Sole | Layout::Journal if flight.first < self.ledger.next() => return true,
            Layout::Sole | Layout::Journal => {}
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
        if mutated(Mutation::DropsWhatWasRefused) {
            let end = flight.end();
            self.ledger.acknowledged(end, self.ledger.offset_of(end));
        }
        self.counters.refusals += 1;
        if self.writing.role == Role::Writing(Takeover::Told) {
            // Nobody else writes: the last writer's batch was still on its way, and will be there before the next try.
            let (topic, index) = (&self.config.topic, flight.first);
            tracing::debug!(%topic, %index, "told where to begin before the log was there; trying again");
            self.writing.role = Role::Writing(Takeover::Begun);
            self.writing.next = index;
            return;
        }
        self.out.fact(OutputFact::Refused { index: flight.first });
        self.ask_later();
    }

    /// The fence was refused: perhaps it stands already, with outputs behind it.
    pub(super) fn fence_again(&mut self) {
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
}
