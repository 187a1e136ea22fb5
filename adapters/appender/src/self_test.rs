//! Tries on a scratch topic what exactness rests on, before anything is written for real: all of it is how brokers behave,
//! not what they promise (`docs/errors/E020.md`). Control plane: every question waits for its answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ports::coordinator::HostPort;
use types::{Offset, SourceId, Timestamp, TopicName};

use crate::batch::{BatchEncoder, BatchStart, Compression};
use crate::client::{self, Client};
use crate::connection::LinkSettings;
use crate::machine::producer_id;
use crate::wire::{Body, ErrorCode, Request};

/// How long a broker may take to answer one trial.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Which of the two writers of the test appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// Follows its own sequence.
    Steady,
    /// Was never seen before, and begins anywhere.
    Unknown,
}

/// What a broker must answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Appended, behind everything before.
    Taken,
    /// Acknowledged where the last batch of this writer lies, and not appended.
    Repeated,
    /// Refused with just this code.
    Refused(ErrorCode),
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("an acknowledgement at a new offset"),
            Self::Repeated => f.write_str("an acknowledgement at the offset of the first time"),
            Self::Refused(code) => write!(f, "{code}"),
        }
    }
}

/// One batch and the answer that it must get.
#[derive(Debug, Clone, Copy)]
struct Trial {
    what: &'static str,
    writer: Writer,
    epoch: i16,
    sequence: i32,
    count: u32,
    expected: Expected,
}

const OUT_OF_ORDER: Expected = Expected::Refused(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
const OLD_EPOCH: Expected = Expected::Refused(ErrorCode::INVALID_PRODUCER_EPOCH);

/// In this order: each one begins where the one before left the log.
const TRIALS: [Trial; 8] = [
    trial("a derived producer id", Writer::Steady, 1, 0, 1, Expected::Taken),
    trial("the sequence that comes next", Writer::Steady, 1, 1, 2, Expected::Taken),
    trial("a repeat", Writer::Steady, 1, 1, 2, Expected::Repeated),
    trial("a gap", Writer::Steady, 1, 4, 1, OUT_OF_ORDER),
    trial("an overlap", Writer::Steady, 1, 2, 2, OUT_OF_ORDER),
    trial("the next epoch", Writer::Steady, 2, 0, 1, Expected::Taken),
    trial("an epoch that was left", Writer::Steady, 1, 3, 1, OLD_EPOCH),
    trial("an unknown producer in the middle of its sequence", Writer::Unknown, 1, 1_000_000, 1, Expected::Taken),
];

const fn trial(what: &'static str, writer: Writer, epoch: i16, sequence: i32, count: u32, expected: Expected) -> Trial {
    Trial { what, writer, epoch, sequence, count, expected }
}

/// What a broker said to a batch.
type Answer = Result<Offset, ErrorCode>;

/// How a self-test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every answer was as it must be.
    Passed,
    /// A broker answered otherwise: outputs would not be safe there.
    Refuted {
        /// What was tried.
        what: &'static str,
        /// The answer that it needs.
        expected: String,
        /// The answer that came.
        found: String,
    },
    /// No answer, or one that speaks of something else (an election, a missing right): nothing is known.
    Undecided {
        /// Why.
        reason: String,
    },
}

/// Runs all trials at the leader of `topic`, whose records are of no use to anybody. `run` names this run alone
/// (member and incarnation), so that every run begins with writers that no broker has seen.
#[must_use]
pub fn run(settings: &Arc<LinkSettings>, bootstrap: &[HostPort], label: &str, topic: &TopicName, run: &str) -> Outcome {
    let mut client = match leader(settings, bootstrap, topic) {
        Ok(client) => client,
        Err(reason) => return Outcome::Undecided { reason },
    };
    let id = |part: &str| producer_id(label, topic, Some(&SourceId(format!("{run}/{part}"))));
    let (steady, unknown) = (id("steady"), id("unknown"));
    judge(|trial| {
        let producer = match trial.writer {
            Writer::Steady => steady,
            Writer::Unknown => unknown,
        };
        append(&mut client, topic, producer, trial)
    })
}

/// Connects to the leader, as any of the brokers names it.
fn leader(settings: &Arc<LinkSettings>, bootstrap: &[HostPort], topic: &TopicName) -> Result<Client, String> {
    let metadata = client::metadata(settings, bootstrap, topic).map_err(|error| error.to_string())?;
    let node = metadata.partition.and_then(|partition| partition.leader);
    let leader = metadata.brokers.iter().find(|broker| Some(broker.node) == node);
    let address = &leader.ok_or_else(|| format!("{topic} has no leader"))?.address;
    Client::connect(settings, address).map_err(|down| format!("{address}: {down}"))
}

fn append(client: &mut Client, topic: &TopicName, producer_id: i64, trial: &Trial) -> Result<Answer, String> {
    let mut encoder = BatchEncoder::new(Compression::None);
    encoder.begin(BatchStart {
        producer_id,
        producer_epoch: trial.epoch,
        base_sequence: trial.sequence,
        base_timestamp: Timestamp(0),
    });
    for _ in 0..trial.count {
        encoder.push(None, &[], 0);
    }
    let batch = encoder.finish().map_err(|error| error.to_string())?;
    let request = Request::Produce { topic: topic.clone(), topic_id: None, timeout: ANSWER_WITHIN, batch };
    let response = client.ask(request, ANSWER_WITHIN).map_err(|down| down.to_string())?;
    match (response.error, response.body) {
        (Some(error), _) => Ok(Err(error)),
        (None, Body::Produced(produced)) => produced.base_offset.map(Ok).ok_or_else(|| "no offset".to_owned()),
        (None, _) => Err("another answer than was asked for".to_owned()),
    }
}

/// Puts the trials to `ask`, up to the first answer that isn't as it must be.
fn judge(mut ask: impl FnMut(&Trial) -> Result<Answer, String>) -> Outcome {
    let mut last = None;
    for trial in &TRIALS {
        let answer = match ask(trial) {
            Ok(answer) => answer,
            Err(reason) => return Outcome::Undecided { reason: format!("{}: {reason}", trial.what) },
        };
        let as_expected = match (trial.expected, answer) {
            (Expected::Taken, Ok(offset)) => Some(offset) > last,
            (Expected::Repeated, Ok(offset)) => Some(offset) == last,
            (Expected::Refused(code), Err(found)) => code == found,
            (Expected::Taken | Expected::Repeated, Err(_)) | (Expected::Refused(_), Ok(_)) => false,
        };
        match answer {
            Ok(offset) => last = last.max(Some(offset)),
            Err(code) if !is_a_verdict(code) => {
                return Outcome::Undecided { reason: format!("{}: {code}", trial.what) };
            }
            Err(_) => {}
        }
        if !as_expected {
            let found = answer.map_or_else(|code| code.to_string(), |at| format!("an acknowledgement at offset {at}"));
            return Outcome::Refuted { what: trial.what, expected: trial.expected.to_string(), found };
        }
    }
    Outcome::Passed
}

/// Codes by which a broker judges producer, epoch and sequence; others speak of its own state or of rights.
fn is_a_verdict(code: ErrorCode) -> bool {
    [
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        ErrorCode::DUPLICATE_SEQUENCE_NUMBER,
        ErrorCode::INVALID_PRODUCER_EPOCH,
        ErrorCode::UNKNOWN_PRODUCER_ID,
        ErrorCode::PRODUCER_FENCED,
        ErrorCode::INVALID_RECORD,
        ErrorCode::INVALID_REQUEST,
        ErrorCode::CORRUPT_MESSAGE,
    ]
    .contains(&code)
}

#[cfg(test)]
#[path = "self_test_tests.rs"]
mod tests;
