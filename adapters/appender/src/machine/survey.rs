//! Reading the log's end: the last record of ours below the high watermark, found backwards in growing windows.

use ports::headers::SourceHeader;
use types::{Digest, MessageId, Offset, OutputIndex};

use super::codec::{self, Meaning};
use super::config::MachineConfig;
use super::outbox::Outbox;
use super::question::About;
use crate::link::{BrokerVersions, LinkId, RequestTag};
use crate::wire::{Body, ErrorCode, OffsetQuery, Request, Response};

/// The first window is one record: in a log of ours the last record is ours.
const WINDOW_MIN: u64 = 1;

/// Each further window is so many times larger.
const WINDOW_GROWTH: u64 = 16;

/// No window is larger, so that little is read beyond what is looked for.
const WINDOW_MAX: u64 = 65_536;

/// What the log's end shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Surveyed {
    pub(super) ends: Ends,
    /// Our last record.
    pub(super) last: Option<Last>,
    /// A record of a newer generation was seen.
    pub(super) newer: bool,
}

/// Where the log begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    /// What was known to be committed when the question for the log's end left (rule R8).
    pub(super) committed: Offset,
    /// The leader's log end, committed or not.
    pub(super) log_end: Offset,
    /// The high watermark; everything below was looked at as far as needed.
    pub(super) high: Offset,
    /// The first record kept.
    pub(super) start: Offset,
}

/// Our last record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Last {
    Output { offset: Offset, index: OutputIndex, id: MessageId, digest: Digest, writer: String },
    Fence { offset: Offset },
    Sourced { header: SourceHeader },
}

/// What an answer brought.
#[derive(Debug)]
pub(super) enum News {
    More,
    Done(Surveyed),
    /// The broker can't tell yet, or the log moved under us: begin again a little later.
    Again,
    /// The broker refused.
    Error(ErrorCode),
    /// The records can't be read.
    Unreadable(crate::Error),
}

/// The reading under way.
#[derive(Debug)]
pub(super) struct Survey {
    /// Nothing of ours lies below.
    floor: Offset,
    committed: Offset,
    end: Option<Offset>,
    high: Option<Offset>,
    start: Option<Offset>,
    waiting: Vec<(Waiting, RequestTag)>,
    window: Option<Window>,
    last: Option<Last>,
    older: bool,
    newer: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    End,
    High,
    Start,
    Records,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    from: Offset,
    to: Offset,
    /// How far it was read.
    position: Offset,
}

impl Survey {
    /// Nothing of ours lies below `floor`.
    pub(super) fn new(floor: Offset) -> Self {
        Self {
            floor,
            committed: Offset(0),
            end: None,
            high: None,
            start: None,
            waiting: Vec::new(),
            window: None,
            last: None,
            older: false,
            newer: false,
        }
    }

    pub(super) fn floor(&self) -> Offset {
        self.floor
    }

    /// Asks the next question when none is under way.
    pub(super) fn pump(
        &mut self,
        config: &MachineConfig,
        about: About<'_>,
        (link, versions): (LinkId, BrokerVersions),
        topic_id: Option<crate::wire::TopicId>,
        committed: Offset,
        out: &mut Outbox,
    ) {
        if !self.waiting.is_empty() {
            return;
        }
        let Some(window) = self.window else {
            self.committed = committed;
            let end = about.log_end(out, link, versions).map(|tag| (Waiting::End, tag));
            let high = (Waiting::High, about.offset(out, link, OffsetQuery::Latest));
            let start = (Waiting::Start, about.offset(out, link, OffsetQuery::Earliest));
            self.waiting = end.into_iter().chain([high, start]).collect();
            return;
        };
        let request = Request::Fetch {
            topic: config.topic.clone(),
            topic_id,
            leader_epoch: about.epoch,
            offset: window.position,
            max_wait: config.bounds.fetch_wait,
            min_bytes: 1,
            max_bytes: config.bounds.fetch_bytes_max,
        };
        let tag = out.request(link, request, about.timeout + config.bounds.fetch_wait);
        self.waiting.push((Waiting::Records, tag));
    }

    pub(super) fn on_response(&mut self, tag: RequestTag, response: &Response, config: &MachineConfig) -> News {
        let Some(place) = self.waiting.iter().position(|(_, waiting)| *waiting == tag) else { return News::More };
        let (waiting, _) = self.waiting.remove(place);
        match response.error {
            Some(ErrorCode::OFFSET_NOT_AVAILABLE | ErrorCode::OFFSET_OUT_OF_RANGE) => return News::Again,
            Some(error) => return News::Error(error),
            None => {}
        }
        match (waiting, &response.body) {
            (Waiting::End, Body::EpochEnd(answer)) => self.end = answer.end,
            (Waiting::High, Body::Offset(answer)) => self.high = answer.offset,
            (Waiting::Start, Body::Offset(answer)) => self.start = answer.offset,
            (Waiting::Records, Body::Fetched(fetched)) => {
                if let Err(error) = self.read(&fetched.records, config) {
                    return News::Unreadable(error);
                }
            }
            (_, _) => return News::Again,
        }
        if waiting == Waiting::End && self.end.is_none() {
            return News::Again;
        }
        if !self.waiting.is_empty() {
            return News::More;
        }
        self.advance()
    }

    fn read(&mut self, records: &[u8], config: &MachineConfig) -> Result<(), crate::Error> {
        let Some(mut window) = self.window else { return Ok(()) };
        let to = window.to;
        let walked = codec::walk(config, records, window.position, |offset, meaning| {
            if offset >= to {
                return false;
            }
            self.see(offset, meaning);
            window.position = offset.next();
            true
        })?;
        window.position = window.position.max(walked.end.unwrap_or(window.position));
        if walked.end.is_none() && walked.markers && window.position < to {
            // Transaction markers alone: they hold at least the offset that was asked for.
            window.position = window.position.next();
        }
        self.window = Some(window);
        Ok(())
    }

    fn see(&mut self, offset: Offset, meaning: Meaning<'_>) {
        match meaning {
            Meaning::Output { index, id, digest, writer } => {
                self.last = Some(Last::Output { offset, index, id, digest, writer: writer.to_owned() });
            }
            // A fence written twice counts once: the outputs after the first are ours too.
            Meaning::Fence if self.last.is_none() => self.last = Some(Last::Fence { offset }),
            Meaning::Fence | Meaning::Foreign => {}
            Meaning::Sourced(header) => self.last = Some(Last::Sourced { header }),
            Meaning::Older => self.older = true,
            Meaning::Newer => self.newer = true,
        }
    }

    /// Goes on to the next window, or is done.
    fn advance(&mut self) -> News {
        let (Some(high), Some(start)) = (self.high, self.start) else { return News::Again };
        let low = self.floor.max(start).min(high);
        match self.window {
            Some(window) if window.position < window.to => return News::More,
            Some(window) if self.last.is_none() && !self.older && !self.newer && window.from > low => {
                let width = (high.0 - window.from.0).saturating_mul(WINDOW_GROWTH).min(WINDOW_MAX);
                self.window = Some(Window::ending(window.from, width, low));
                return News::More;
            }
            None if low < high => {
                self.window = Some(Window::ending(high, WINDOW_MIN, low));
                return News::More;
            }
            Some(_) | None => {}
        }
        // A look-alike that can't tell its log end commits at once.
        let log_end = self.end.unwrap_or(high);
        let ends = Ends { committed: self.committed, log_end, high, start };
        News::Done(Surveyed { ends, last: self.last.take(), newer: self.newer })
    }
}

impl Window {
    fn ending(to: Offset, width: u64, low: Offset) -> Self {
        let from = Offset(to.0.saturating_sub(width).max(low.0));
        Self { from, to, position: from }
    }
}
