//! The judgement: what the oracle says, how long the gaps were.

use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use understudy_demo::capture::{Gap, Output, gap_around, percentile};
use understudy_demo::stages::Lane;

use super::plan::Fault;

/// A gap that begins within this time after a fault is the fault's.
const AROUND_MS: i64 = 500;

/// One fault as it happened.
#[derive(Debug, Clone)]
pub(crate) struct Happening {
    pub(crate) fault: &'static str,
    pub(crate) kind: Fault,
    /// Milliseconds since 1970 UTC.
    pub(crate) at: i64,
    /// The engine that was struck.
    pub(crate) struck: Option<String>,
    pub(crate) after: String,
}

/// The outcome of a drill, as `verdict.json` holds it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Verdict {
    pub(crate) expected: u64,
    pub(crate) received: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) reordered: u64,
    pub(crate) different: u64,
    pub(crate) kills: usize,
    pub(crate) gaps_ms: Vec<f64>,
    pub(crate) freeze_gaps_ms: Vec<f64>,
    pub(crate) broker_gaps_ms: Vec<f64>,
    pub(crate) sha256_expected: String,
    pub(crate) sha256_received: String,
    /// The oracle's words on the first difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_difference: Option<Value>,
    #[serde(skip)]
    pub(crate) happenings: Vec<(Happening, Gap)>,
    #[serde(skip)]
    pub(crate) lanes: Vec<Lane>,
    #[serde(skip)]
    pub(crate) began: i64,
}

impl Verdict {
    pub(crate) fn is_identical(&self) -> bool {
        self.sha256_expected == self.sha256_received && self.received == self.expected
    }
}

/// Compares the files byte for byte, and asks `understudy check` what is wrong if they differ.
pub(crate) fn judge(
    daemon: &Path,
    expected: &Path,
    received: &Path,
    happenings: Vec<Happening>,
    lanes: Vec<Lane>,
    outputs: &[Output],
    began: i64,
) -> anyhow::Result<Verdict> {
    let output = Command::new(daemon)
        .arg("check")
        .args([expected, received])
        .args(["-o", "json"])
        .output()
        .context("running understudy check")?;
    let words: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("understudy check said: {}", String::from_utf8_lossy(&output.stderr)))?;
    let number = |key: &str| words[key].as_u64().unwrap_or_default();
    let happenings: Vec<(Happening, Gap)> = happenings
        .into_iter()
        .map(|happening| {
            let gap = gap_around(outputs, happening.at, AROUND_MS.max(reach(happening.kind)));
            (happening, gap)
        })
        .collect();
    let gaps_of = |kind: Fault| happenings.iter().filter(|(h, _)| h.kind == kind).map(|(_, gap)| gap.ms()).collect();
    let gaps_ms: Vec<f64> = gaps_of(Fault::KillActive);
    Ok(Verdict {
        expected: number("expected").saturating_sub(1),
        received: number("received").saturating_sub(1),
        lost: number("lost"),
        duplicated: number("duplicated"),
        reordered: number("reordered"),
        different: number("different") + number("phantom") + number("torn"),
        kills: gaps_ms.len(),
        gaps_ms,
        freeze_gaps_ms: gaps_of(Fault::FreezeActive),
        broker_gaps_ms: gaps_of(Fault::KillLeader),
        sha256_expected: sha256(expected)?,
        sha256_received: sha256(received)?,
        first_difference: Some(words["first"].clone()).filter(|first| !first.is_null()),
        happenings,
        lanes,
        began,
    })
}

/// How long after a fault its gap may begin or end.
const fn reach(kind: Fault) -> i64 {
    match kind {
        Fault::KillLeader => 6_000,
        Fault::FreezeActive => 2_500,
        Fault::KillActive
        | Fault::KillPublisher
        | Fault::KillSubscriber
        | Fault::RestartZooKeeper
        | Fault::TwoActives => 0,
    }
}

fn sha256(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |gaps: &[f64]| gaps.iter().map(|gap| format!("{gap:.0}")).collect::<Vec<_>>().join(" ");
        writeln!(
            f,
            "     expected {} outputs   received {}   lost {}   duplicated {}   out of order {}   different {}",
            self.expected, self.received, self.lost, self.duplicated, self.reordered, self.different
        )?;
        if !self.gaps_ms.is_empty() {
            writeln!(
                f,
                "     gaps after kill -9 (ms): {}   p50 {:.0}   p99 {:.0}",
                list(&self.gaps_ms),
                percentile(&self.gaps_ms, 0.50),
                percentile(&self.gaps_ms, 0.99)
            )?;
        }
        if !self.freeze_gaps_ms.is_empty() {
            writeln!(f, "     gaps after a freeze (ms): {}", list(&self.freeze_gaps_ms))?;
        }
        if !self.broker_gaps_ms.is_empty() {
            writeln!(f, "     gaps after the death of the leading broker (ms): {}", list(&self.broker_gaps_ms))?;
        }
        if let Some(first) = &self.first_difference {
            writeln!(f, "     first difference: {first}")?;
        }
        let short = |sha: &str| format!("{}…{}", sha.get(..4).unwrap_or_default(), sha.get(60..).unwrap_or_default());
        let word = if self.is_identical() { "identical" } else { "DIFFERENT" };
        let sign = if self.is_identical() { '=' } else { '≠' };
        write!(f, " RESULT {word} (sha256 {} {sign} {}).", short(&self.sha256_expected), short(&self.sha256_received))
    }
}
