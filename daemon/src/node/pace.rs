//! How fast a replica catches up, and when it will be there.

use std::collections::VecDeque;
use std::time::Duration;

use types::Tick;

/// How far back the pace is measured.
const WINDOW: Duration = Duration::from_secs(5);
/// Looks that are remembered at most; at the bound the oldest is forgotten, and the window is shorter.
const LOOKS_MAX: usize = 128;

/// Positions seen lately.
#[derive(Debug, Default)]
pub(super) struct Pace {
    looks: VecDeque<Look>,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    at: Tick,
    next: u64,
    end: u64,
}

impl Pace {
    /// Notes where input is, and where the log ends.
    pub(super) fn look(&mut self, at: Tick, next: u64, end: u64) {
        while self.looks.front().is_some_and(|oldest| at.since(oldest.at) > WINDOW) || self.looks.len() >= LOOKS_MAX {
            self.looks.pop_front();
        }
        self.looks.push_back(Look { at, next, end });
    }

    /// Inbound records a second; `None` before there are two looks.
    pub(super) fn records_per_second(&self) -> Option<u64> {
        let (first, last) = self.span()?;
        Some((last.next.saturating_sub(first.next) as f64 / last.at.since(first.at).as_secs_f64()) as u64)
    }

    /// How long until the log's end is reached, which runs away meanwhile; `None` when it is reached, or not at this pace.
    pub(super) fn time_left(&self) -> Option<Duration> {
        let (first, last) = self.span()?;
        let lag = |look: Look| look.end.saturating_sub(look.next);
        let won = lag(first).checked_sub(lag(last)).filter(|&won| won > 0)?;
        if lag(last) == 0 {
            return None;
        }
        Some(last.at.since(first.at).mul_f64(lag(last) as f64 / won as f64))
    }

    fn span(&self) -> Option<(Look, Look)> {
        let (first, last) = (*self.looks.front()?, *self.looks.back()?);
        (first.at < last.at).then_some((first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Tick {
        Tick(millis * 1_000_000)
    }

    #[test]
    fn the_time_left_counts_what_comes_meanwhile() {
        let mut pace = Pace::default();
        assert_eq!((pace.records_per_second(), pace.time_left()), (None, None));
        pace.look(at(1_000), 0, 10_000);
        pace.look(at(2_000), 3_000, 11_000);
        assert_eq!((pace.records_per_second(), pace.time_left()), (Some(3_000), Some(Duration::from_secs(4))));
        // The log grows faster than this.
        pace.look(at(3_000), 3_500, 21_000);
        assert_eq!((pace.records_per_second(), pace.time_left()), (Some(1_750), None));
        // Only the last seconds count.
        pace.look(at(60_000), 21_000, 21_000);
        assert_eq!((pace.records_per_second(), pace.time_left()), (None, None));
    }
}
