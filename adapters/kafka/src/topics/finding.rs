//! What is wrong with a topic or a broker: what, why it matters, one command that helps.

use std::fmt;

/// Names a kind of finding; the page of that name says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// More than one partition.
    E002,
    /// Too few copies, or too few that must be in sync.
    E003,
    /// Input is deleted before it is needed.
    E004,
    /// Not allowed by Kafka.
    E007,
    /// A broker can't be reached where it says it is.
    E009,
    /// The topic doesn't exist.
    E011,
    /// An election may throw acknowledged records away.
    E012,
    /// Records are compacted or replaced.
    E013,
    /// Producers date the records.
    E014,
    /// The broker doesn't tell its settings.
    E015,
    /// Outbound records, or the notebook's, are deleted too soon.
    E016,
    /// Old connections may outlive the brokers' memory of writers.
    E017,
    /// Records are moved to another storage.
    E018,
    /// The brokers are too old.
    E019,
}

impl Code {
    /// Whether a topic with this finding may lose records that it has acknowledged: what is published there has to be kept
    /// until it is mended, so that it can be appended again. Other findings endanger order, time or a restart; keeping
    /// outputs wouldn't help against those.
    #[must_use]
    pub const fn endangers_records(self) -> bool {
        match self {
            Self::E003 | Self::E012 | Self::E013 => true,
            Self::E002
            | Self::E004
            | Self::E007
            | Self::E009
            | Self::E011
            | Self::E014
            | Self::E015
            | Self::E016
            | Self::E017
            | Self::E018
            | Self::E019 => false,
        }
    }

    /// The code and, in a few words, what it means.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::E002 => "E002 Topic must have 1 partition.",
            Self::E003 => "E003 Topic is not replicated.",
            Self::E004 => "E004 Input is deleted before it is needed.",
            Self::E007 => "E007 Not allowed by Kafka.",
            Self::E009 => "E009 Broker address is not reachable from here.",
            Self::E011 => "E011 Topic does not exist.",
            Self::E012 => "E012 An election may lose acknowledged records.",
            Self::E013 => "E013 Topic is not cleaned up by deletion.",
            Self::E014 => "E014 Producers date the records.",
            Self::E015 => "E015 Settings are unknown.",
            Self::E016 => "E016 Records are deleted too soon.",
            Self::E017 => "E017 Connections outlive the memory of writers.",
            Self::E018 => "E018 Tiered storage is on.",
            Self::E019 => "E019 Brokers are too old.",
        }
    }
}

/// Whether an engine may start in spite of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It may; somebody should know.
    Warning,
    /// It may not.
    Error,
}

/// One thing that isn't as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which kind.
    pub code: Code,
    /// Whether an engine may start.
    pub severity: Severity,
    /// The topic or the broker.
    pub subject: String,
    /// What was found.
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// A command or a setting that helps.
    pub fix: String,
}

/// Two lines, in the form of all messages to operators.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, severity: _, subject, what, why, fix } = self;
        write!(f, "{:<47} {subject} {what}; {why}.\n     Fix: {fix}", code.title())
    }
}
