//! Which rows are played next.

use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::journal::Trial;
use crate::rows::Row;

/// Laps until enough is played.
pub(crate) enum Plan {
    /// Each row so often, those of earlier runs included.
    Repeats { rows: Vec<&'static Row>, repeat: usize },
    /// Random rows until then.
    Soak { rows: Vec<&'static Row>, until: Instant },
}

impl Plan {
    pub(crate) fn new(rows: Vec<&'static Row>, repeat: usize, soak: Option<Duration>) -> Self {
        match soak {
            Some(time) => Self::Soak { rows, until: Instant::now() + time },
            None => Self::Repeats { rows, repeat },
        }
    }

    /// The next lap's rows, at most `lap_max`; none when all is played.
    pub(crate) fn next_lap(&self, done: &[Trial], lap_max: usize, chance: &mut Chance) -> Vec<&'static Row> {
        let mut next: Vec<&'static Row> = match self {
            Self::Repeats { rows, repeat } => rows
                .iter()
                .flat_map(|row| {
                    let played = done.iter().filter(|trial| trial.row == row.id).count();
                    std::iter::repeat_n(*row, repeat.saturating_sub(played))
                })
                .collect(),
            Self::Soak { until, .. } if Instant::now() >= *until => Vec::new(),
            Self::Soak { rows, .. } => (0..lap_max).filter_map(|_| chance.pick(rows).copied()).collect(),
        };
        chance.shuffle(&mut next);
        one_end(&mut next);
        next.truncate(lap_max);
        // Cut off, or nothing else is left to play: the row that ends a lap is its last one.
        next.sort_by_key(|row| row.ends_lap());
        next
    }
}

/// Of the rows that end their lap only the first stays; the others have laps of their own.
fn one_end(rows: &mut Vec<&'static Row>) {
    let mut ends = 0;
    rows.retain(|row| {
        ends += usize::from(row.ends_lap());
        !row.ends_lap() || ends == 1
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::choose;

    #[test]
    fn a_row_that_ends_its_lap_is_the_last_and_the_only_one_of_its_kind() {
        let rows = choose(&["F38".to_owned(), "F1".to_owned(), "F2".to_owned()]).expect("known rows");
        let plan = Plan::new(rows, 2, None);
        for seed in 0..50 {
            let lap = plan.next_lap(&[], 4, &mut Chance::new(seed));
            let ends: Vec<bool> = lap.iter().map(|row| row.ends_lap()).collect();
            assert!(!ends[..ends.len() - 1].contains(&true), "{ends:?}");
        }
    }

    #[test]
    fn what_an_earlier_run_played_is_not_played_again() {
        let rows = choose(&["F1".to_owned(), "F2".to_owned()]).expect("known rows");
        let plan = Plan::new(rows, 2, None);
        let played = |row: &str| Trial {
            row: row.to_owned(),
            lap: String::new(),
            from: 0,
            to: 0,
            gap_ms: 0.0,
            successions: 0,
            restarts: 0,
            commit: String::new(),
            figure: String::new(),
            anomaly: None,
        };
        let mut chance = Chance::new(1);
        let ids = |done: &[Trial], chance: &mut Chance| {
            let mut ids: Vec<&str> = plan.next_lap(done, 10, chance).iter().map(|row| row.id).collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(ids(&[], &mut chance), ["F1", "F1", "F2", "F2"]);
        assert_eq!(ids(&[played("F1"), played("F1"), played("F2")], &mut chance), ["F2"]);
        assert!(ids(&[played("F1"), played("F1"), played("F2"), played("F2")], &mut chance).is_empty());
        assert_eq!(plan.next_lap(&[], 3, &mut chance).len(), 3);
    }
}
