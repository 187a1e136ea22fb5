//! A process's own clock: it began somewhere and goes a little wrong.

use types::Tick;

/// Parts in a million. A story's times are near 10^12 nanoseconds, so products with it fit into 64 bits.
const MILLION: u64 = 1_000_000;

/// A process's own clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    begins: u64,
    /// What a million true nanoseconds are on it.
    pace: u64,
}

impl Clock {
    pub(crate) const fn new(begins: u64, ppm: i64) -> Self {
        Self { begins, pace: MILLION.saturating_add_signed(ppm) }
    }

    /// What it shows at the true time `now`.
    pub(crate) fn shows(&self, now: u64) -> Tick {
        Tick(self.begins + now * self.pace / MILLION)
    }

    /// The first true time at which it shows `tick` or later.
    pub(crate) fn when(&self, tick: Tick) -> u64 {
        // A deadline that never comes is later than any story.
        let Some(product) = tick.0.saturating_sub(self.begins).checked_mul(MILLION) else { return u64::MAX };
        let mut now = product / self.pace;
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
