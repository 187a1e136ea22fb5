//! When each output appeared in the log, from a capture of the outbound topic.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

/// One data record of the outbound topic.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Output {
    /// `data`, `marker`, `fence`, ….
    pub kind: String,
    /// Milliseconds since 1970 UTC, by the broker where it stamps.
    pub timestamp: i64,
    /// Who wrote it: the engine's name and start.
    #[serde(default)]
    pub writer: Option<String>,
    /// Its place among the outputs, from 0.
    #[serde(default)]
    pub index: Option<u64>,
    /// Its events as csv rows.
    #[serde(default)]
    pub events: Vec<String>,
}

/// Reads the data records of a capture.
///
/// # Errors
/// A file that can't be read or isn't a capture.
pub fn read(path: &Path) -> anyhow::Result<Vec<Output>> {
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
pub struct Gap {
    /// When the last output before it came.
    pub from: i64,
    /// When the first output after it came.
    pub to: i64,
}

impl Gap {
    /// Its length in milliseconds.
    #[must_use]
    pub fn ms(self) -> f64 {
        (self.to - self.from) as f64
    }
}

/// The largest gap around a fault: from the last output before it to the successor's first one, or to the end of
/// `reach_ms` where the writer stays.
#[must_use]
pub fn gap_around(outputs: &[Output], fault: i64, reach_ms: i64) -> Gap {
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

/// The largest gap that has any part in this span, whoever wrote.
#[must_use]
pub fn longest_gap(outputs: &[Output], from: i64, to: i64) -> Gap {
    let gaps = outputs.windows(2).map(|pair| Gap { from: pair[0].timestamp, to: pair[1].timestamp });
    gaps.filter(|gap| gap.to >= from && gap.from <= to).max_by_key(|gap| gap.to - gap.from).unwrap_or_default()
}

/// A percentile of measurements, 0 when there are none.
#[must_use]
pub fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(of: &[(i64, &str)]) -> Vec<Output> {
        let output = |&(timestamp, writer): &(i64, &str)| Output {
            kind: "data".to_owned(),
            timestamp,
            writer: Some(writer.to_owned()),
            ..Output::default()
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

    #[test]
    fn the_longest_gap_of_a_span_may_reach_beyond_it() {
        let outputs = outputs(&[(0, "a"), (50, "a"), (52, "b"), (90, "b"), (400, "b")]);
        assert_eq!(longest_gap(&outputs, 51, 80), Gap { from: 52, to: 90 });
        assert_eq!(longest_gap(&outputs, 51, 90), Gap { from: 90, to: 400 });
    }
}
