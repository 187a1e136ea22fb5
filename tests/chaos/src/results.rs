//! Trials added up by row.

use std::collections::BTreeMap;

use demo::capture::percentile;
use serde::Serialize;

use crate::journal::Trial;
use crate::rows::{self, Row};

/// One row's trials.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RowResult {
    pub(crate) row: &'static str,
    pub(crate) what: &'static str,
    pub(crate) repeats: usize,
    pub(crate) anomalies: usize,
    pub(crate) gap_p50_ms: f64,
    pub(crate) gap_p99_ms: f64,
    pub(crate) gap_max_ms: f64,
    /// None where output stands still until the fault is taken back.
    pub(crate) gap_limit_ms: Option<u32>,
    /// The limit as tables print it.
    pub(crate) limit: String,
    /// Trials whose gap was longer than the limit of the 99th percentile.
    pub(crate) late: usize,
    /// How often another engine wrote on.
    pub(crate) successions: usize,
    pub(crate) restarts: usize,
}

/// The outcome of a run, as `verdict.json` holds it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Results {
    pub(crate) trials: usize,
    pub(crate) anomalies: usize,
    /// What was tried, and how often each.
    pub(crate) commits: BTreeMap<String, usize>,
    pub(crate) rows: Vec<RowResult>,
    /// Those with an anomaly, whole.
    pub(crate) witnesses: Vec<Trial>,
}

impl Results {
    /// Rows in the order of the matrix; rows without a trial are left out.
    pub(crate) fn of(trials: &[Trial]) -> Self {
        let rows: Vec<RowResult> = rows::all().into_iter().filter_map(|row| row_result(row, trials)).collect();
        let witnesses: Vec<Trial> = trials.iter().filter(|trial| trial.anomaly.is_some()).cloned().collect();
        let mut commits = BTreeMap::new();
        for trial in trials {
            *commits.entry(trial.commit.clone()).or_default() += 1;
        }
        Self { trials: trials.len(), anomalies: witnesses.len(), commits, rows, witnesses }
    }

    /// As Markdown, for docs/reliability.md.
    pub(crate) fn table(&self) -> String {
        let mut text = String::from(
            "| row | fault | repeats | anomalies | gap p50 ms | p99 | max | limit (p99) |\n|---|---|--:|--:|--:|--:|--:|--:|\n",
        );
        for row in &self.rows {
            let limit = &row.limit;
            text.push_str(&format!(
                "| {} | {} | {} | {} | {:.0} | {:.0} | {:.0} | {limit} |\n",
                row.row, row.what, row.repeats, row.anomalies, row.gap_p50_ms, row.gap_p99_ms, row.gap_max_ms
            ));
        }
        text
    }
}

fn row_result(row: &'static Row, trials: &[Trial]) -> Option<RowResult> {
    let mine: Vec<&Trial> = trials.iter().filter(|trial| trial.row == row.id).collect();
    if mine.is_empty() {
        return None;
    }
    let gaps: Vec<f64> = mine.iter().map(|trial| trial.gap_ms).collect();
    let late = |gap: &&f64| row.gap_ms_max.is_some_and(|limit| **gap > f64::from(limit));
    Some(RowResult {
        row: row.id,
        what: row.what,
        repeats: mine.len(),
        anomalies: mine.iter().filter(|trial| trial.anomaly.is_some()).count(),
        gap_p50_ms: percentile(&gaps, 0.5),
        gap_p99_ms: percentile(&gaps, 0.99),
        gap_max_ms: percentile(&gaps, 1.0),
        gap_limit_ms: row.gap_ms_max,
        limit: row.limit(),
        late: gaps.iter().filter(late).count(),
        successions: mine.iter().map(|trial| trial.successions).sum(),
        restarts: mine.iter().map(|trial| trial.restarts).sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(row: &str, gap_ms: f64) -> Trial {
        Trial {
            row: row.to_owned(),
            lap: "l".to_owned(),
            from: 0,
            to: 1,
            gap_ms,
            successions: 1,
            restarts: 0,
            commit: String::new(),
            figure: String::new(),
            anomaly: None,
        }
    }

    #[test]
    fn trials_of_several_journals_add_up() {
        let results = Results::of(&[trial("F7", 200.0), trial("F1", 10.0), trial("F1", 30.0), trial("F1", 12.0)]);
        assert_eq!((results.trials, results.anomalies), (4, 0));
        let ids: Vec<_> = results.rows.iter().map(|row| (row.row, row.repeats, row.late)).collect();
        assert_eq!(ids, [("F1", 3, 1), ("F7", 1, 0)]);
        assert!(results.table().contains("| F1 | active killed | 3 | 0 | 12 | 30 | 30 | 20 |"), "{}", results.table());
    }
}
