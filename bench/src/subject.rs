//! The two that are compared on real brokers: the daemon, and the raw copy beside it.

use std::time::Duration;

use adapter_kafka::{Start, Step, TopicReader};
use anyhow::{Context as _, bail};
use types::{Offset, TopicName};

use crate::cluster::{Cluster, Topics};
use crate::copy;
use crate::process::{Program, daemon, free_address};

/// How long the outbound topic may take to show its first record.
const READ_PATIENCE: Duration = Duration::from_secs(10);

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// `understudy run`.
    Daemon,
    /// Same consumer, same appender, no engine.
    Copy,
}

impl Subject {
    /// As it is printed.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Copy => "copy",
        }
    }

    /// Both, in turns: who comes first changes from round to round.
    pub(crate) const fn of_round(round: u32) -> [Self; 2] {
        if round.is_multiple_of(2) { [Self::Daemon, Self::Copy] } else { [Self::Copy, Self::Daemon] }
    }

    /// Where it writes.
    pub(crate) const fn writes(self, topics: &Topics) -> &TopicName {
        match self {
            Self::Daemon => &topics.outbound,
            Self::Copy => &topics.bare,
        }
    }

    /// Starts it; `payload_bytes` is what the copy writes.
    pub(crate) fn start(self, cluster: &Cluster, topics: &Topics, payload_bytes: usize) -> anyhow::Result<Program> {
        match self {
            Self::Daemon => {
                let mut command = daemon(cluster, topics, "esp-1", &free_address()?)?;
                Program::start("understudy", &mut command)
            }
            Self::Copy => copy::start(cluster, topics, payload_bytes),
        }
    }
}

/// Payload bytes of the first record that the daemon wrote once its windows were full: all further ones are about as long.
pub(crate) fn written_bytes(cluster: &Cluster, topics: &Topics, index: u64) -> anyhow::Result<usize> {
    // Offset 0 is the generation's fence.
    let start = Start::At(Offset(index + 1));
    let mut reader = TopicReader::open(&cluster.settings, &topics.outbound, start)?;
    match reader.step(READ_PATIENCE)? {
        Step::Record(record) => Ok(record.payload.context("a marker in a busy topic")?.len()),
        Step::End | Step::Idle => bail!("{} has no record {index}", topics.outbound),
    }
}
