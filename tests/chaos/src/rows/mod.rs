//! The fault matrix: one row says what is struck, for how long, how it must end, and how long output may stand still.

mod cluster;
mod data;
mod network;
mod pairs;
mod processes;
mod proxied;
mod vocabulary;

use std::ops::RangeInclusive;

use crate::fault::{Fault, Who};

/// A fault of the matrix.
#[derive(Debug)]
pub(crate) struct Row {
    /// As in the matrix; a letter tells variants apart.
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) steps: &'static [Step],
    pub(crate) measure: Measure,
    /// What the 99th percentile of gaps must not exceed, in milliseconds; none where output stands still until the fault
    /// is taken back.
    pub(crate) gap_ms_max: Option<u32>,
    pub(crate) ending: Ending,
}

/// How a row must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All is as before, and the next row may begin.
    AsBefore,
    /// All is as before, but records of the inbound topic are gone: no later row of the lap could replay them.
    InputGone,
    /// Every engine refuses to go on, for one of these reasons; what came out until then is the beginning of the truth.
    Refused(&'static [&'static str]),
}

/// What happens in a row, one after the other.
#[derive(Debug)]
pub(crate) enum Step {
    /// Begin a fault; it stays until taken back.
    Strike(Who, Fault),
    /// So many milliseconds.
    Wait(RangeInclusive<u64>),
    /// Take back everything that is in force, newest first.
    Heal,
    /// Take back the newest fault only.
    HealNewest,
    /// Wait until all is as before.
    Settle,
    /// Wait until this is seen; not in time is an anomaly.
    Await(Sight),
    /// The same places, on and off: times, milliseconds on and off.
    Flap(Who, Fault, u32, u64),
}

/// What a row waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Every standby keeps so many snapshots.
    Snapshots(usize),
    /// The engines that were struck last have said this since the row began.
    Says(&'static str),
    /// The line in ZooKeeper has one entry of each engine, none more.
    OneEntryEach,
}

/// Which gap is the row's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// From the last output before the fault to the successor's first; all of the trial where nobody takes over.
    Takeover,
    /// The longest one of the trial.
    Whole,
}

const fn row(
    id: &'static str,
    what: &'static str,
    measure: Measure,
    gap_ms_max: Option<u32>,
    steps: &'static [Step],
) -> Row {
    Row { id, what, steps, measure, gap_ms_max, ending: Ending::AsBefore }
}

impl Row {
    const fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// Nothing can be played behind it on the same project.
    pub(crate) fn ends_lap(&self) -> bool {
        self.ending != Ending::AsBefore
    }

    /// The longest gap that is fine, as tables print it.
    pub(crate) fn limit(&self) -> String {
        match (self.ending, self.gap_ms_max) {
            (Ending::Refused(reasons), _) => format!("refused: {}", reasons.join(" or ")),
            (Ending::AsBefore | Ending::InputGone, Some(limit)) => limit.to_string(),
            (Ending::AsBefore | Ending::InputGone, None) => "until healed".to_owned(),
        }
    }
}

/// All rows that are built, in the order of the matrix; pairs behind.
pub(crate) fn all() -> Vec<&'static Row> {
    let tables = [processes::ROWS, network::ROWS, proxied::ROWS, cluster::ROWS, data::ROWS, pairs::ROWS];
    let mut rows: Vec<&'static Row> = tables.into_iter().flatten().collect();
    rows.sort_by_key(|row| {
        let number = family(row.id).trim_start_matches(char::is_alphabetic);
        (row.id.starts_with('P'), number.parse::<u32>().unwrap_or(u32::MAX), row.id)
    });
    rows
}

/// Rows by names; `F3` means all its variants. All rows when no name is given.
pub(crate) fn choose(names: &[String]) -> anyhow::Result<Vec<&'static Row>> {
    let all = all();
    if names.is_empty() {
        return Ok(all);
    }
    let mut chosen: Vec<&'static Row> = Vec::new();
    for name in names {
        let exact = all.iter().copied().find(|row| row.id.eq_ignore_ascii_case(name));
        let found: Vec<&'static Row> = match exact {
            Some(row) => vec![row],
            None => all.iter().copied().filter(|row| family(row.id).eq_ignore_ascii_case(name)).collect(),
        };
        if found.is_empty() {
            anyhow::bail!(
                "no row is called {name}; `cargo xtask chaos --list` prints all rows, built or not, with reasons"
            );
        }
        chosen.extend(found);
    }
    Ok(chosen)
}

/// `F3` for `F3b`.
fn family(id: &str) -> &str {
    id.trim_end_matches(|last: char| last.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_means_all_its_variants() {
        let ids = |names: &[&str]| -> Vec<&str> {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            choose(&names).map(|rows| rows.iter().map(|row| row.id).collect()).unwrap_or_default()
        };
        assert_eq!(ids(&["F1"]), ["F1"]);
        assert_eq!(ids(&["f3"]), ["F3a", "F3b", "F3c"]);
        assert_eq!(ids(&["F3b", "F7"]), ["F3b", "F7"]);
        assert!(ids(&["F99"]).is_empty());
    }

    #[test]
    fn rows_stand_in_the_order_of_the_matrix_and_each_once() {
        let ids: Vec<&str> = all().iter().map(|row| row.id).collect();
        let at = |id| ids.iter().position(|other| *other == id).expect("a row");
        assert!(at("F2") < at("F10a") && at("F10a") < at("F10b") && at("F54") < at("P1"));
        let mut once = ids.clone();
        once.dedup();
        assert_eq!(once, ids);
    }

    #[test]
    fn every_strike_is_taken_back_by_its_row_unless_the_row_ends_the_lap() {
        for row in all().into_iter().filter(|row| !row.ends_lap()) {
            let last = row.steps.iter().rfind(|step| !matches!(step, Step::Await(_)));
            assert!(matches!(last, Some(Step::Heal | Step::Flap(..))), "{} ends with faults in force", row.id);
        }
    }
}
