//! Drills: the very program that `demo.sh` runs.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::programs::{program, root};
use crate::schema;

/// The shape that readers of a verdict may rely on.
const SCHEMA: &str = include_str!("../../docs/verdict.schema.json");

/// Runs a drill and gives back its verdict; what it prints goes to the test's output.
///
/// # Panics
/// It came to no verdict.
#[must_use]
pub fn run(words: &[&str], report: &Path) -> Value {
    // The drill has said why on its last line; frames of this test would only push that out of sight.
    try_run(words, report).unwrap_or_else(|error| panic!("{error:#}"))
}

fn try_run(words: &[&str], report: &Path) -> anyhow::Result<Value> {
    let status = Command::new(program("understudy-demo"))
        .arg("drill")
        .arg("--daemon")
        .arg(program("understudy"))
        .arg("--project")
        .arg(root().join("examples/sum20/project.xml"))
        .arg("--report")
        .arg(report)
        .args(words)
        .current_dir(root())
        .status()
        .context("starting the drill")?;
    let path = report.join("verdict.json");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => bail!("the drill ended with {status} and left no {}: {error}", path.display()),
    };
    let verdict: Value = serde_json::from_str(&text).context("reading the verdict")?;
    let faults = schema::faults(&serde_json::from_str(SCHEMA).context("reading the schema of verdicts")?, &verdict);
    ensure!(faults.is_empty(), "verdict.json doesn't fit docs/verdict.schema.json: {}", faults.join("; "));
    Ok(verdict)
}

/// Asserts that a verdict says "identical", with all that belongs to it.
///
/// # Panics
/// When it doesn't.
pub fn assert_identical(verdict: &Value) {
    for anomaly in ["lost", "duplicated", "reordered", "different"] {
        assert_eq!(verdict[anomaly], 0, "{anomaly}: {verdict}");
    }
    assert!(verdict["expected"].as_u64().is_some_and(|expected| expected > 0), "nothing was compared: {verdict}");
    assert_eq!(verdict["expected"], verdict["received"], "{verdict}");
    assert_eq!(verdict["sha256_expected"], verdict["sha256_received"], "{verdict}");
}
