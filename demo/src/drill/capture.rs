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

/// The largest distance between neighbouring outputs in a span of time, in milliseconds.
pub(crate) fn gap_around(outputs: &[Output], from: i64, to: i64) -> f64 {
    let times: Vec<i64> = outputs.iter().map(|output| output.timestamp).collect();
    let first = times.partition_point(|&time| time < from).saturating_sub(1);
    let last = times.partition_point(|&time| time <= to).min(times.len().saturating_sub(1));
    let gaps = times.get(first..=last).unwrap_or_default().windows(2).map(|pair| pair[1] - pair[0]);
    gaps.max().unwrap_or_default() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_the_largest_distance_around_the_fault() {
        let outputs: Vec<Output> =
            [0, 10, 20, 95, 105, 300].map(|timestamp| Output { kind: "data".to_owned(), timestamp }).to_vec();
        assert!((gap_around(&outputs, 15, 110) - 195.0).abs() < f64::EPSILON, "the pair that leaves the span counts");
        assert!((gap_around(&outputs, 15, 100) - 75.0).abs() < f64::EPSILON);
        assert!(gap_around(&[], 0, 1).abs() < f64::EPSILON);
    }
}
