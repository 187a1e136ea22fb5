//! When each output appeared in the log, from a capture of the outbound topic.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

/// One data record of the outbound topic.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Output {
    pub(crate) kind: String,
    /// Milliseconds since 1970 UTC, by the broker where it stamps.
    pub(crate) timestamp: i64,
    #[serde(default)]
    pub(crate) writer: Option<String>,
}

/// Reads the data records of a capture.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Output>> {
    let reading = || format!("reading {}", path.display());
    let mut outputs = Vec::new();
    for line in BufReader::new(File::open(path).with_context(reading)?).lines() {
        let output: Output = serde_json::from_str(&line.with_context(reading)?).with_context(reading)?;
        if output.kind == "data" {
            outputs.push(output);
        }
    }
    Ok(outputs)
}

/// The time between two neighbouring outputs, in milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Gap {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl Gap {
    pub(crate) fn ms(self) -> f64 {
        (self.to - self.from) as f64
    }
}

/// The largest gap around a fault: from the last output before it to the successor's first one, or to the end of
/// `reach_ms` where the writer stays.
pub(crate) fn gap_around(outputs: &[Output], fault: i64, reach_ms: i64) -> Gap {
    let next = outputs.partition_point(|output| output.timestamp < fault);
    let Some(before) = next.checked_sub(1) else { return Gap::default() };
    let in_reach = outputs.partition_point(|output| output.timestamp <= fault + reach_ms);
    let writer = &outputs[before].writer;
    let successor = outputs[before..in_reach].iter().position(|output| output.writer != *writer).map(|at| before + at);
    // The pair that leaves the span counts: a gap may be longer than the span.
    let last = successor.unwrap_or(in_reach).min(outputs.len() - 1);
    let gaps = outputs[before..=last].windows(2).map(|pair| Gap { from: pair[0].timestamp, to: pair[1].timestamp });
    gaps.max_by_key(|gap| gap.to - gap.from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(of: &[(i64, &str)]) -> Vec<Output> {
        let output = |&(timestamp, writer): &(i64, &str)| Output {
            kind: "data".to_owned(),
            timestamp,
            writer: Some(writer.to_owned()),
        };
        of.iter().map(output).collect()
    }

    fn check(of: &[(i64, &str)], fault: i64, expected: f64) {
        let gap = gap_around(&outputs(of), fault, 100).ms();
        assert!((gap - expected).abs() < f64::EPSILON, "{gap} instead of {expected}");
    }

    #[test]
    fn a_gap_ends_with_the_successors_first_output() {
        check(&[(0, "a"), (10, "a"), (12, "a"), (40, "b"), (90, "b")], 11, 28.0);
        check(&[(0, "a"), (10, "a"), (300, "b"), (301, "b")], 11, 290.0);
    }

    #[test]
    fn where_the_writer_stays_the_whole_reach_counts() {
        check(&[(0, "a"), (10, "a"), (60, "a"), (65, "a")], 11, 50.0);
        check(&[(0, "a"), (10, "a"), (300, "a")], 11, 290.0);
        check(&[], 11, 0.0);
    }
}
