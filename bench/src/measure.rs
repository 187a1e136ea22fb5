//! Clocks and quantiles.

use rustix::time::{ClockId, clock_gettime};

/// The thread's own time in nanoseconds: what others do on the machine isn't counted, what they push out of the caches is.
pub(crate) fn thread_nanos() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Figures of several rounds of the same work.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    ascending: Vec<f64>,
}

impl Rounds {
    pub(crate) fn add(&mut self, figure: f64) {
        let place = self.ascending.partition_point(|&known| known < figure);
        self.ascending.insert(place, figure);
    }

    pub(crate) fn len(&self) -> usize {
        self.ascending.len()
    }

    /// The nearest rank, as demo reports count it; `None` without any round.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let rank = (share * self.ascending.len() as f64).ceil().max(1.0) as usize;
        self.ascending.get(rank - 1).copied()
    }

    /// The middle; zero without any round.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5).unwrap_or_default()
    }

    /// The largest; zero without any round.
    pub(crate) fn most(&self) -> f64 {
        self.ascending.last().copied().unwrap_or_default()
    }

    /// The least disturbed one; zero without any round.
    pub(crate) fn least(&self) -> f64 {
        self.ascending.first().copied().unwrap_or_default()
    }
}

impl FromIterator<f64> for Rounds {
    fn from_iter<T: IntoIterator<Item = f64>>(figures: T) -> Self {
        let mut ascending: Vec<f64> = figures.into_iter().collect();
        ascending.sort_by(f64::total_cmp);
        Self { ascending }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_nearest_rank() {
        let rounds: Rounds = (1..=10).rev().map(f64::from).collect();
        assert_eq!(
            [0.0, 0.5, 0.51, 0.99, 1.0].map(|share| rounds.quantile(share)),
            [1.0, 5.0, 6.0, 10.0, 10.0].map(Some)
        );
        assert_eq!((rounds.least().to_bits(), rounds.median().to_bits()), (1.0_f64.to_bits(), 5.0_f64.to_bits()));
        assert_eq!(Rounds::default().quantile(0.5), None);
    }

    #[test]
    fn the_thread_clock_never_goes_back() {
        let first = thread_nanos();
        assert!(thread_nanos() >= first);
    }
}
