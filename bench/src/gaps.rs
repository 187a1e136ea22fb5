//! Gaps of several takeovers, and the steps that they consist of.

use std::time::Duration;

use crate::measure::Rounds;

/// What all takeovers of a kind took.
#[derive(Default)]
pub(crate) struct Gaps {
    pub(crate) gaps: Rounds,
    phases: Vec<(&'static str, Rounds)>,
}

impl Gaps {
    /// One of them: how long the output rested, and its steps in milliseconds.
    pub(crate) fn add(&mut self, gap: Duration, phases: &[(&'static str, f64)]) {
        self.gaps.add(gap.as_secs_f64() * 1e3);
        for (i, (name, millis)) in phases.iter().enumerate() {
            if self.phases.len() <= i {
                self.phases.push((name, Rounds::default()));
            }
            self.phases[i].1.add(*millis);
        }
    }

    /// As people read it.
    pub(crate) fn table(&self, who: &str, p50_target_ms: f64, p99_target_ms: f64) -> String {
        let row = |name: &str, rounds: &Rounds| {
            let at = |share| rounds.quantile(share).unwrap_or_default();
            format!(
                "{name:<34} p50 {:>6.1}  p90 {:>6.1}  p99 {:>6.1}  least {:>5.1}",
                at(0.5),
                at(0.9),
                at(0.99),
                at(0.0)
            )
        };
        let mut lines = vec![row(who, &self.gaps)];
        lines.extend(self.phases.iter().map(|(name, rounds)| row(&format!("  {name}"), rounds)));
        let targets = format!("  target: p50 {p50_target_ms}, p99 {p99_target_ms}; output without a hole or a repeat");
        lines.push(targets);
        lines.join("\n")
    }
}
