//! What the proxy does to what passes: both Kafka and ZooKeeper speak in frames, each behind its length in four bytes.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::batches;
use crate::chance::Chance;
use crate::fault::Way;

/// What is done; percents are parts of all frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twist {
    /// Frames of one direction come so many milliseconds late: at least, at most. Their order stays.
    Late(Way, u64, u64),
    /// One bit of one record batch in a frame, where the batch's checksum covers it; both directions.
    FlipRecords { percent: u64 },
    /// The length in front of an answer is wrong.
    BreakLengths { percent: u64 },
    /// After so many answers the server is away, and the client isn't told.
    HalfOpen { frames: usize },
    /// ZooKeeper's notices of changes don't come.
    LoseNotices,
    /// The first answer to a ZooKeeper client that made an entry is cut off, with its connection.
    LoseCreated,
}

impl Twist {
    /// In words, for the journal.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Late(way, from, to) => format!("{way:?} {from} to {to} ms late").to_lowercase(),
            Self::FlipRecords { percent } => format!("a bit flips in {percent} % of frames with records"),
            Self::BreakLengths { percent } => format!("the length of {percent} % of answers is wrong"),
            Self::HalfOpen { frames } => format!("half open after {frames} answers"),
            Self::LoseNotices => "notices lost".to_owned(),
            Self::LoseCreated => "the answer to a create lost".to_owned(),
        }
    }
}

/// What becomes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Pass,
    Drop,
    /// The connection ends, on both sides.
    Cut,
    /// From now on nothing passes and nobody is told.
    Silence,
}

/// Requests that make an entry in ZooKeeper: create, create2, createContainer, createTTL (its `OpCode`).
const CREATES: [i32; 4] = [1, 15, 19, 21];
/// ZooKeeper's request number of a notice, which answers nobody.
const NOTICE: i32 = -1;
const LENGTH_BYTES: usize = 4;

/// What the connections of one proxy have in common.
#[derive(Debug, Default)]
pub(super) struct Common {
    an_answer_was_lost: AtomicBool,
}

/// What both directions of a connection know.
#[derive(Debug, Default)]
pub(super) struct Known {
    creates: Mutex<HashSet<i32>>,
}

/// One direction of one connection.
pub(super) struct Direction {
    pub(super) twist: Twist,
    /// `In` are answers, as seen by the client.
    pub(super) way: Way,
    pub(super) chance: Chance,
    pub(super) known: Arc<Known>,
    pub(super) common: Arc<Common>,
    pub(super) frames: usize,
}

impl Direction {
    /// Looks at a whole frame, its length included, and may change it.
    pub(super) fn on_frame(&mut self, frame: &mut [u8]) -> Fate {
        self.frames += 1;
        match (self.twist, self.way) {
            (Twist::FlipRecords { percent }, _) => {
                if self.happens(percent) {
                    batches::flip_a_bit(frame, &mut self.chance);
                }
                Fate::Pass
            }
            (Twist::BreakLengths { percent }, Way::In) => {
                if self.happens(percent) {
                    // A gigabyte more than there is.
                    frame[0] ^= 0x40;
                }
                Fate::Pass
            }
            (Twist::HalfOpen { frames }, Way::In) if self.frames > frames => Fate::Silence,
            (Twist::LoseNotices, Way::In) if word(frame, 0) == Some(NOTICE) => Fate::Drop,
            (Twist::LoseCreated, Way::Out) => {
                self.note_create(frame);
                Fate::Pass
            }
            (Twist::LoseCreated, Way::In) => self.answer_to_create(frame),
            (
                Twist::Late(..)
                | Twist::BreakLengths { .. }
                | Twist::HalfOpen { .. }
                | Twist::LoseNotices
                | Twist::LoseCreated,
                _,
            ) => Fate::Pass,
        }
    }

    /// How late this frame is.
    pub(super) fn delay(&mut self) -> Duration {
        match self.twist {
            Twist::Late(way, from, to) if way == self.way => Duration::from_millis(self.chance.within(&(from..=to))),
            Twist::Late(..)
            | Twist::FlipRecords { .. }
            | Twist::BreakLengths { .. }
            | Twist::HalfOpen { .. }
            | Twist::LoseNotices
            | Twist::LoseCreated => Duration::ZERO,
        }
    }

    fn happens(&mut self, percent: u64) -> bool {
        self.chance.within(&(0..=99)) < percent
    }

    fn note_create(&self, frame: &[u8]) {
        if let (Some(number), Some(operation)) = (word(frame, 0), word(frame, 1))
            && CREATES.contains(&operation)
        {
            self.known.creates.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
        }
    }

    fn answer_to_create(&self, frame: &[u8]) -> Fate {
        let creates = self.known.creates.lock().unwrap_or_else(PoisonError::into_inner);
        let is_create = word(frame, 0).is_some_and(|number| creates.contains(&number));
        if is_create && !self.common.an_answer_was_lost.swap(true, Ordering::Relaxed) { Fate::Cut } else { Fate::Pass }
    }
}

/// A number of a frame's body, by its place.
fn word(frame: &[u8], at: usize) -> Option<i32> {
    let from = LENGTH_BYTES * (at + 1);
    Some(i32::from_be_bytes(frame.get(from..from + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direction(twist: Twist, way: Way) -> Direction {
        Direction { twist, way, chance: Chance::new(1), known: Arc::default(), common: Arc::default(), frames: 0 }
    }

    fn frame(words: &[i32]) -> Vec<u8> {
        let length = i32::try_from(words.len() * 4).expect("short");
        std::iter::once(&length).chain(words).flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn exactly_one_answer_to_a_create_is_lost() {
        let mut requests = direction(Twist::LoseCreated, Way::Out);
        let mut answers = Direction {
            known: Arc::clone(&requests.known),
            common: Arc::clone(&requests.common),
            ..direction(Twist::LoseCreated, Way::In)
        };
        // Request 7 reads, 8 and 9 make entries.
        for (number, operation) in [(7, 4), (8, 1), (9, 15)] {
            assert_eq!(requests.on_frame(&mut frame(&[number, operation])), Fate::Pass);
        }
        let fates = [7, NOTICE, 8, 9].map(|number| answers.on_frame(&mut frame(&[number, 0])));
        assert_eq!(fates, [Fate::Pass, Fate::Pass, Fate::Cut, Fate::Pass]);
    }

    #[test]
    fn notices_are_lost_and_answers_are_not() {
        let mut answers = direction(Twist::LoseNotices, Way::In);
        assert_eq!(answers.on_frame(&mut frame(&[NOTICE, 0])), Fate::Drop);
        assert_eq!(answers.on_frame(&mut frame(&[3, 0])), Fate::Pass);
    }

    #[test]
    fn only_the_direction_that_is_meant_is_late() {
        let late = Twist::Late(Way::In, 50, 300);
        let delay = direction(late, Way::In).delay();
        assert!((50..=300).contains(&delay.as_millis()), "{delay:?}");
        assert_eq!(direction(late, Way::Out).delay(), Duration::ZERO);
    }

    #[test]
    fn a_connection_falls_silent_after_so_many_answers() {
        let mut answers = direction(Twist::HalfOpen { frames: 2 }, Way::In);
        let fates = [0; 3].map(|_| answers.on_frame(&mut frame(&[1])));
        assert_eq!(fates, [Fate::Pass, Fate::Pass, Fate::Silence]);
    }
}
