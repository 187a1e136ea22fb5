//! A process's own clock: it began somewhere and goes a little wrong.

use types::Tick;

/// Parts in a million.
const MILLION: i128 = 1_000_000;

/// A process's own clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    begins: u64,
    ppm: i128,
}

impl Clock {
    pub(crate) const fn new(begins: u64, ppm: i128) -> Self {
        Self { begins, ppm }
    }

    /// What it shows at the true time `now`.
    pub(crate) fn shows(&self, now: u64) -> Tick {
        let passed = i128::from(now) * (MILLION + self.ppm) / MILLION;
        Tick(self.begins + u64::try_from(passed).unwrap_or(0))
    }

    /// The first true time at which it shows `tick` or later.
    pub(crate) fn when(&self, tick: Tick) -> u64 {
        let passed = i128::from(tick.0.saturating_sub(self.begins)) * MILLION / (MILLION + self.ppm);
        let mut now = u64::try_from(passed).unwrap_or(u64::MAX);
        while self.shows(now) < tick {
            now += 1;
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_wrong_finds_its_way_back() {
        for ppm in [-50_000, -3, 0, 7, 50_000] {
            let clock = Clock::new(1_000, ppm);
            for now in [0, 1, 999, 1_000_000_007] {
                assert!(clock.when(clock.shows(now)) <= now, "{ppm} {now}");
                assert!(clock.shows(clock.when(Tick(now + 5_000))) >= Tick(now + 5_000), "{ppm} {now}");
            }
        }
    }
}
