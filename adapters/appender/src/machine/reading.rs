//! The tail: first the log's end, then record by record whatever is committed.

use ports::output::{OutputBlock, OutputFact};
use types::mutation::{Mutation, mutated};
use types::{Offset, OutputIndex, Tick};

use super::backoff::Backoff;
use super::codec::{self, Meaning};
use super::config::{Layout, Shifted};
use super::fate::Fate;
use super::question::About;
use super::survey::{Ends, Last, News, Survey, Surveyed};
use super::{Machine, Phase};
use crate::link::{LinkEvent, RequestTag};
use crate::wire::{Body, ErrorCode, Fetched, Request, Response};

/// What the tail line is for at the moment.
#[derive(Debug)]
pub(super) enum Reading {
    /// Reading the log's end, not before `at`.
    Survey { at: Tick, survey: Box<Survey>, backoff: Backoff },
    /// Waiting for the next records; the request that is under way.
    Follow { under_way: Option<RequestTag> },
    /// Nothing to read: in a log with several writers, whoever writes learns from acknowledgements how far its source is.
    Rest,
}

impl Reading {
    pub(super) fn survey(floor: Option<Offset>, at: Tick) -> Self {
        Self::Survey { at, survey: Box::new(Survey::new(floor.unwrap_or_default())), backoff: Backoff::default() }
    }

    pub(super) fn wants_line(&self, now: Tick) -> bool {
        match self {
            Self::Survey { at, .. } => *at <= now,
            Self::Follow { .. } => true,
            Self::Rest => false,
        }
    }

    pub(super) fn is_survey(&self) -> bool {
        matches!(self, Self::Survey { .. })
    }

    pub(super) fn deadline(&self) -> Option<Tick> {
        match self {
            // Once it is due, answers of the broker wake us.
            Self::Survey { at, .. } => Some(*at),
            Self::Follow { .. } | Self::Rest => None,
        }
    }

    pub(super) fn forget_line(&mut self) {
        match self {
            Self::Survey { survey, .. } => **survey = Survey::new(survey.floor()),
            Self::Follow { under_way } => *under_way = None,
            Self::Rest => {}
        }
    }
}

impl Machine {
    /// Asks what comes next on the tail line.
    pub(super) fn read(&mut self) {
        let Some(line) = self.tail.ready(self.now) else { return };
        let about = About::of(&self.config, self.leader.as_ref());
        let topic_id = self.discovery.wire_topic_id();
        match &mut self.reading {
            Reading::Survey { at, survey, .. } if *at <= self.now => {
                survey.pump(&self.config, about, line, topic_id, self.ledger.committed(), &mut self.out);
            }
            Reading::Follow { under_way: under_way @ None } => {
                let request = Request::Fetch {
                    topic: self.config.topic.clone(),
                    topic_id,
                    leader_epoch: about.epoch,
                    offset: self.ledger.position(),
                    max_wait: self.config.bounds.fetch_wait,
                    min_bytes: 1,
                    max_bytes: self.config.bounds.fetch_bytes_max,
                };
                let timeout = about.timeout + self.config.bounds.fetch_wait;
                *under_way = Some(self.out.request(line.0, request, timeout));
            }
            Reading::Survey { .. } | Reading::Follow { .. } | Reading::Rest => {}
        }
    }

    pub(super) fn on_tail(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up { versions } => self.tail.up(versions, self.now),
            LinkEvent::Down { reason } => {
                self.tail = super::Line::Down;
                self.reading.forget_line();
                self.lose_leader(&reason);
            }
            LinkEvent::Response { tag, response } => {
                self.tail.heard(self.now, response.throttle);
                self.note_answer(&response);
                self.on_tail_answer(tag, &response);
            }
        }
    }

    fn on_tail_answer(&mut self, tag: RequestTag, response: &Response) {
        match &mut self.reading {
            Reading::Survey { survey, .. } => match survey.on_response(tag, response, &self.config) {
                News::More => {}
                News::Done(surveyed) => self.on_surveyed(surveyed),
                News::Again => self.survey_later(),
                News::Error(error) => self.on_tail_refusal(error, response.message.as_deref()),
                News::Unreadable(error) => self.on_unreadable(&error),
            },
            Reading::Follow { under_way } if *under_way == Some(tag) => {
                *under_way = None;
                match (response.error, &response.body) {
                    (None, Body::Fetched(fetched)) => self.on_fetched(fetched),
                    // The log ends before what was read, or begins after it: look at its end again (rule R8).
                    (Some(ErrorCode::OFFSET_OUT_OF_RANGE), _) => self.survey_again(),
                    (Some(error), _) => self.on_tail_refusal(error, response.message.as_deref()),
                    (None, _) => {}
                }
            }
            Reading::Follow { .. } | Reading::Rest => {}
        }
    }

    fn on_tail_refusal(&mut self, error: ErrorCode, message: Option<&str>) {
        if Fate::of(error) == Fate::Retry {
            self.drop_tail(&error);
        } else {
            self.on_refusal(error, message);
        }
    }

    /// Records that make no sense: perhaps the connection's fault, so they are read again on another one.
    fn on_unreadable(&mut self, error: &crate::Error) {
        if let crate::Error::Compression { .. } = error {
            return self.block(OutputBlock::Refused { reason: error.to_string() });
        }
        tracing::warn!(topic = %self.config.topic, %error, "the tail can't be read; reading it again");
        self.drop_tail(error);
    }

    fn drop_tail(&mut self, why: &dyn std::fmt::Display) {
        self.tail.shut(&mut self.out);
        self.reading.forget_line();
        self.lose_leader(why);
    }

    fn on_fetched(&mut self, fetched: &Fetched) {
        let from = self.ledger.position();
        // A leader shows consumers nothing above the high watermark; that is checked, not believed.
        let high = fetched.high_watermark.unwrap_or(Offset(u64::MAX));
        let mut seen = Seen::default();
        let ledger = &mut self.ledger;
        let walked = codec::walk(&self.config, &fetched.records, from, |offset, meaning| {
            if offset >= high {
                seen.stopped = true;
                return false;
            }
            seen.note(offset, &meaning);
            match ledger.see(offset, &meaning) {
                Ok(()) => seen.end = offset.next(),
                Err(block) => seen.block = Some(block),
            }
            seen.block.is_none() && !seen.newer
        });
        if seen.newer {
            return self.block(OutputBlock::Fenced { ours: self.config.identity.generation });
        }
        if let Some(block) = seen.block {
            return self.block(block);
        }
        let walked = match walked {
            Ok(walked) => walked,
            Err(error) => return self.on_unreadable(&error),
        };
        self.say_foreign(&seen);
        let end = match walked.end {
            Some(end) if !seen.stopped => end.min(high),
            // Transaction markers alone: they hold at least the offset that was asked for.
            None if walked.markers => from.next().min(high),
            Some(_) | None => seen.end,
        };
        self.ledger.walked(end.max(from));
        self.read_at = self.now;
        if let Some(offset) = seen.own {
            self.anchor_by(offset);
        }
    }

    fn say_foreign(&mut self, seen: &Seen) {
        // In a log of several writers others are no strangers.
        let is_shared = matches!(self.config.layout, Layout::Shared { .. });
        if seen.foreign > 0 && !is_shared {
            if self.counters.foreign_records == 0 {
                tracing::warn!(topic = %self.config.topic, offset = %seen.end, "somebody else writes this topic");
            }
            self.counters.foreign_records += seen.foreign;
        }
    }

    /// The log's end has to be looked at again, right now.
    pub(super) fn survey_again(&mut self) {
        if !self.reading.is_survey() {
            self.reading = Reading::survey(self.floor, self.now);
        }
    }

    /// The log's end has to be looked at again, a little later.
    pub(super) fn survey_later(&mut self) {
        let mut backoff = match &mut self.reading {
            Reading::Survey { backoff, .. } => std::mem::take(backoff),
            Reading::Follow { .. } | Reading::Rest => Backoff::default(),
        };
        // Never at once: something has to change first.
        let _ = backoff.next(self.now);
        let at = backoff.next(self.now);
        self.reading = Reading::Survey { at, survey: Box::new(Survey::new(self.floor.unwrap_or_default())), backoff };
    }

    fn on_surveyed(&mut self, surveyed: Surveyed) {
        if surveyed.newer {
            return self.block(OutputBlock::Fenced { ours: self.config.identity.generation });
        }
        match self.config.layout {
            Layout::Sole | Layout::Journal => self.on_surveyed_sole(surveyed),
            Layout::Shared { .. } => self.on_surveyed_shared(surveyed),
        }
    }

    fn on_surveyed_shared(&mut self, surveyed: Surveyed) {
        let last = match surveyed.last {
            Some(Last::Sourced { header }) => Some(header),
            Some(Last::Output { .. } | Last::Fence { .. }) | None => None,
        };
        let behind = if mutated(Mutation::ResumesOneLate) { 0 } else { 1 };
        let next = last.as_ref().map_or(OutputIndex(0), |header| OutputIndex(header.position.index + behind));
        self.reading = Reading::Follow { under_way: None };
        self.rest_while_writing();
        if surveyed.ends.log_end < surveyed.ends.committed {
            self.shorten(surveyed.ends, next);
            return;
        }
        self.read_at = self.now;
        if self.phase == Phase::Surveying {
            self.ledger.adopt(surveyed.ends.high, next);
            self.out.fact(OutputFact::SourceAt { last });
            self.open();
        } else {
            // What retention has deleted was published all the same.
            let next = next.max(self.ledger.published());
            self.ledger.adopt(surveyed.ends.high, next);
            self.ledger.drop_published();
        }
    }

    /// Whoever writes into a log of several writers doesn't pay for reading what the others write.
    pub(super) fn rest_while_writing(&mut self) {
        let is_shared = matches!(self.config.layout, Layout::Shared { .. });
        if is_shared && self.writing.is_writing() && matches!(self.reading, Reading::Follow { .. }) {
            self.reading = Reading::Rest;
            self.tail.shut(&mut self.out);
        }
    }

    /// Whoever writes no more sees from the log how far another publisher of the same source brings it.
    pub(super) fn read_on(&mut self) {
        if matches!(self.config.layout, Layout::Shared { .. }) && self.phase == Phase::Open {
            self.survey_again();
        }
    }

    fn on_surveyed_sole(&mut self, surveyed: Surveyed) {
        let Ends { high, .. } = surveyed.ends;
        let surveyed_ends = surveyed.ends;
        let (next, last) = match (surveyed.last, self.floor) {
            (Some(Last::Output { offset, index, id, digest, writer }), _) => {
                if offset.0 < index.0 + 1 {
                    let expected = OutputIndex(offset.0.saturating_sub(1));
                    return self.block(OutputBlock::LogForked { offset, found: index, expected });
                }
                self.floor.get_or_insert(Offset(offset.0 - index.0 - 1));
                (index.next(), Some((index, id, digest, writer)))
            }
            (Some(Last::Fence { offset }), _) => {
                self.floor.get_or_insert(offset);
                (OutputIndex(0), None)
            }
            (Some(Last::Sourced { .. }) | None, Some(fence)) => match self.without_records(&surveyed_ends, fence) {
                Some(next) => (next, None),
                None => return,
            },
            (Some(Last::Sourced { .. }) | None, None) => return self.on_nothing_of_ours(high),
        };
        if self.phase == Phase::Open {
            if !self.adopt_again(&surveyed_ends, next) {
                return;
            }
        } else {
            self.ledger.adopt(high, next);
        }
        self.reading = Reading::Follow { under_way: None };
        self.read_at = self.now;
        if let Some((index, id, digest, writer)) = last
            && let Err(block) = self.ledger.compare_output(index, id, digest, &writer)
        {
            return self.block(block);
        }
        self.ledger.drop_published();
        if self.phase != Phase::Open {
            self.open();
        }
    }

    /// Records of ours are known to have been here, but none is left: offsets alone say which index comes next (rule R15).
    fn without_records(&mut self, ends: &Ends, fence: Offset) -> Option<OutputIndex> {
        if ends.log_end <= fence {
            let dropped = self.ledger.outputs.owed_from();
            self.block(OutputBlock::LogShortened { end: OutputIndex(0), dropped });
        } else if ends.high <= fence {
            self.survey_later();
        } else if ends.start <= fence {
            let reason = format!("no fence of generation {} at offset {fence}", self.config.identity.generation);
            self.block(OutputBlock::Refused { reason });
        } else if self.phase == Phase::Open {
            return Some(self.index_at(ends.high));
        } else {
            // What is left was found to be others', so all of ours lies below.
            let Shifted { fence, from } = self.config.noted.shifted.unwrap_or(Shifted { fence, from: OutputIndex(0) });
            return Some(OutputIndex(ends.start.0.saturating_sub(fence.0 + 1).max(from.0)));
        }
        None
    }

    /// The log holds nothing of this generation: its fence comes first (rules R4, R9).
    fn on_nothing_of_ours(&mut self, high: Offset) {
        self.ledger.adopt(high, OutputIndex(0));
        if mutated(Mutation::SkipsGenesis) {
            self.reading = Reading::Follow { under_way: None };
            return self.open();
        }
        self.reading = Reading::Rest;
        self.phase = Phase::Genesis;
    }

    /// Goes on from what the log's end shows after the machine was already open; `false` when it can't, or not yet.
    fn adopt_again(&mut self, ends: &Ends, next: OutputIndex) -> bool {
        if ends.log_end < ends.committed && !mutated(Mutation::OverlooksShortenedLogs) {
            return self.shorten(*ends, next);
        }
        if next < self.ledger.next() || ends.high < self.ledger.position() {
            // A new leader learns the high watermark only from its followers.
            self.survey_later();
            return false;
        }
        self.ledger.adopt(ends.high, next);
        true
    }

    /// Rule R8: the log lost its end; what is kept of it is owed again. `false` when that isn't enough.
    fn shorten(&mut self, ends: Ends, next: OutputIndex) -> bool {
        tracing::warn!(topic = %self.config.topic, offset = %ends.log_end, "the log lost its end; owing it again");
        self.append.shut(&mut self.out);
        self.writing.forget_line();
        self.writing.forget_anchor();
        self.writing.back_to(next);
        let shortened = self.ledger.shorten(ends.high, next);
        let can_go_on = shortened.is_ok();
        if let Err(block) = shortened {
            self.block(block);
        }
        can_go_on
    }

    fn open(&mut self) {
        self.phase = Phase::Open;
        let fence = match self.config.layout {
            Layout::Sole | Layout::Journal => self.ledger.fence(),
            Layout::Shared { .. } => Offset(0),
        };
        let published_end = self.ledger.published();
        self.out.fact(OutputFact::Opened { published_end, last: self.ledger.last(), fence: Some(fence) });
        self.ledger.opened();
        self.check_reach();
    }
}

/// What one Fetch showed.
#[derive(Default)]
struct Seen {
    end: Offset,
    /// The last record of ours.
    own: Option<Offset>,
    foreign: u64,
    newer: bool,
    stopped: bool,
    block: Option<OutputBlock>,
}

impl Seen {
    fn note(&mut self, offset: Offset, meaning: &Meaning<'_>) {
        match meaning {
            Meaning::Output { .. } | Meaning::Fence => self.own = Some(offset),
            Meaning::Newer => self.newer = true,
            Meaning::Foreign | Meaning::Older | Meaning::Sourced(_) => self.foreign += 1,
        }
    }
}
