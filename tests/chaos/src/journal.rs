//! The journal: one JSON line per happening, so that a run that was broken off goes on, and runs can be put together.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// What is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub(crate) enum Entry {
    /// A project was started on topics of its own.
    Lap { lap: String, seed: u64 },
    /// A fault began.
    Strike { row: String, words: String },
    /// A fault was taken back.
    Undo { row: String, words: String },
    /// A trial is over and judged.
    Trial(Trial),
}

/// A line of the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Milliseconds since 1970 UTC.
    pub(crate) at: i64,
    #[serde(flatten)]
    pub(crate) entry: Entry,
}

/// One row, once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Trial {
    pub(crate) row: String,
    pub(crate) lap: String,
    /// Milliseconds since 1970 UTC: the first strike.
    pub(crate) from: i64,
    /// When all was as before.
    pub(crate) to: i64,
    pub(crate) gap_ms: f64,
    /// How often another engine wrote on.
    pub(crate) successions: usize,
    /// What was tried: the commit, with a `+` where the work tree held more; empty in journals from before this was noted.
    #[serde(default)]
    pub(crate) commit: String,
    /// Picture of the moments around it, in the folder `figures`.
    #[serde(default)]
    pub(crate) figure: String,
    /// Processes that had ended with "try again" and were started again.
    pub(crate) restarts: usize,
    /// What was wrong; nothing when nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) anomaly: Option<Anomaly>,
}

/// What was wrong in a trial.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Anomaly {
    pub(crate) kind: AnomalyKind,
    pub(crate) words: String,
}

/// Classes of anomalies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AnomalyKind {
    /// The log or the subscriber's file isn't what an engine that never failed writes.
    Output,
    /// Not as before in time after the fault was taken back.
    Unconverged,
    /// An engine is blocked, though nothing an operator must see had happened.
    Blocked,
    /// A process ended that nobody had struck.
    Ended,
}

/// The file, open for more.
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Ok(Self { file: file.with_context(|| format!("opening {}", path.display()))?, path: path.to_owned() })
    }

    pub(crate) fn write(&mut self, entry: Entry) -> anyhow::Result<()> {
        let line = serde_json::to_string(&Line { at: now(), entry })? + "\n";
        self.file.write_all(line.as_bytes()).with_context(|| format!("writing {}", self.path.display()))
    }
}

/// Everything a journal says; a last line that was cut off is left out.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Line>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// The trials of a journal.
pub(crate) fn trials(lines: &[Line]) -> Vec<&Trial> {
    let trial = |line: &'_ Line| matches!(line.entry, Entry::Trial(_));
    lines
        .iter()
        .filter(|line| trial(line))
        .filter_map(|line| match &line.entry {
            Entry::Trial(trial) => Some(trial),
            Entry::Lap { .. } | Entry::Strike { .. } | Entry::Undo { .. } => None,
        })
        .collect()
}

/// Milliseconds since 1970 UTC: compared with the times of records, which the brokers of this very machine write.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
