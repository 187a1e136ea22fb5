//! The tail's thread: first the log's end, then record by record whatever is committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ports::input::InputError;
use rdkafka::message::Message as _;
use tracing::{debug, warn};
use types::{Generation, Offset, TopicName};

use super::codec::{Interpreter, Meaning, Seen};
use super::machine::TailNews;
use crate::config::ClientSettings;
use crate::cursor::{Cursor, Polled};
use crate::error::Error;
use crate::watermarks::{Watermarks, watermarks};

/// How long one read waits; whether to stop is looked at in between.
const READ_WAIT: Duration = Duration::from_millis(100);
/// Records told at once.
const TOLD_MAX: usize = 1_000;
/// How far back from the end the first look for a record of ours reaches; each further one reaches [`WIDER`] times as far.
const LOOK_BACK: u64 = 64;
const WIDER: u64 = 16;
/// Between two looks at a log that can't be read just now.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What the thread owns.
pub(super) struct Tail<T> {
    settings: ClientSettings,
    topic: TopicName,
    interpreter: Interpreter,
    leader: Option<(String, u32)>,
    stop: Arc<AtomicBool>,
    tell: T,
}

/// Why reading came to an end.
enum Ended {
    /// As told.
    Stopped,
    /// Retention deleted what comes next: the end has to be looked at anew.
    Passed,
    /// Something that was said to the machine.
    Over,
}

impl<T: Fn(TailNews)> Tail<T> {
    pub(super) fn new(
        settings: &ClientSettings,
        topic: &TopicName,
        generation: Generation,
        stop: Arc<AtomicBool>,
        tell: T,
    ) -> Self {
        let interpreter = Interpreter::new(generation);
        Self { settings: settings.clone(), topic: topic.clone(), interpreter, leader: None, stop, tell }
    }

    /// Reads until it is told to stop, or can't go on.
    pub(super) fn run(mut self) {
        while !self.stop.load(Ordering::Acquire) {
            let ended = self.survey().and_then(|cursor| self.follow(cursor));
            match ended {
                Ok(Ended::Stopped | Ended::Over) => return,
                Ok(Ended::Passed) => warn!(topic = %self.topic, "records were deleted before they were read"),
                Err(error @ (Error::NoSuchTopic { .. } | Error::Client { .. })) => {
                    return (self.tell)(TailNews::Failed { reason: error.to_string() });
                }
                Err(error) => {
                    debug!(topic = %self.topic, %error, "the log's end can't be read yet");
                    thread::sleep(LOOK_AGAIN_AFTER);
                }
            }
        }
    }

    /// Looks for the newest record of this generation, ever further back, and stays at the log's end.
    fn survey(&mut self) -> Result<Cursor, Error> {
        let mut back = LOOK_BACK;
        loop {
            let Watermarks { low, high } = watermarks(&self.settings, &self.topic)?;
            let from = Offset(high.0.saturating_sub(back).max(low.0));
            let mut cursor = Cursor::open(&self.settings, &self.topic, from)?;
            let found = self.read_up_to(high, &mut cursor)?;
            if self.stop.load(Ordering::Acquire) {
                return Ok(cursor);
            }
            // Behind a fence record older generations append nothing, so what is older has nothing of ours before it.
            if found.last.is_some() || found.older || found.newer || from == low {
                let position = cursor.next();
                (self.tell)(TailNews::Surveyed { last: found.last, newer: found.newer, position });
                return Ok(cursor);
            }
            back = back.saturating_mul(WIDER);
        }
    }

    /// Reads to where the log ended when it was asked. The end of a log that somebody writes without a pause is never reached;
    /// of one that rests, what lies last may be no record.
    fn read_up_to(&mut self, high: Offset, cursor: &mut Cursor) -> Result<Found, Error> {
        let mut found = Found::default();
        while !self.stop.load(Ordering::Acquire) {
            match cursor.poll(READ_WAIT).map_err(|source| Error::read(&self.topic, source))? {
                Polled::Message(message) => {
                    let offset = Offset(u64::try_from(message.offset()).unwrap_or(0));
                    found.note(Seen { offset, meaning: self.interpreter.meaning(&message) });
                    if offset.next() >= high {
                        break;
                    }
                }
                Polled::End => break,
                Polled::Nothing => {}
            }
        }
        Ok(found)
    }

    fn follow(&mut self, mut cursor: Cursor) -> Result<Ended, Error> {
        let mut told = cursor.next();
        let mut seen = Vec::new();
        while !self.stop.load(Ordering::Acquire) {
            // Waits for the first record only; what is there already is told with it.
            let wait = if seen.is_empty() { READ_WAIT } else { Duration::ZERO };
            let more = match cursor.poll(wait) {
                Ok(Polled::Message(message)) => {
                    let offset = Offset(u64::try_from(message.offset()).unwrap_or(0));
                    seen.push(Seen { offset, meaning: self.interpreter.meaning(&message) });
                    seen.len() < TOLD_MAX
                }
                Ok(Polled::End | Polled::Nothing) => false,
                Err(error) => return Ok(self.cannot_read(error)),
            };
            if !more && cursor.next() > told {
                told = cursor.next();
                (self.tell)(TailNews::Read { seen: std::mem::take(&mut seen), position: told });
            }
            self.look_who_leads(&cursor);
        }
        Ok(Ended::Stopped)
    }

    fn cannot_read(&self, error: InputError) -> Ended {
        match error {
            InputError::Truncated { .. } => Ended::Passed,
            InputError::Shortened { .. } => {
                (self.tell)(TailNews::Shortened);
                Ended::Over
            }
            InputError::Failed { reason } => {
                (self.tell)(TailNews::Failed { reason });
                Ended::Over
            }
        }
    }

    fn look_who_leads(&mut self, cursor: &Cursor) {
        let leader = cursor.leader();
        if let Some((address, epoch)) = leader.clone().filter(|_| leader != self.leader) {
            self.leader = leader;
            (self.tell)(TailNews::Leads { address, epoch });
        }
    }
}

/// What a look at the end showed.
#[derive(Default)]
struct Found {
    /// The last record of this generation.
    last: Option<Seen>,
    older: bool,
    newer: bool,
}

impl Found {
    fn note(&mut self, seen: Seen) {
        match seen.meaning {
            Meaning::Output(_) | Meaning::Fence => self.last = Some(seen),
            Meaning::Older => self.older = true,
            Meaning::Newer => self.newer = true,
            Meaning::Foreign => {}
        }
    }
}
