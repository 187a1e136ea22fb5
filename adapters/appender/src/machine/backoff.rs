//! How long to wait before the next attempt.

use std::time::Duration;

use types::Tick;

/// The first repeat waits so long, each further one twice as long.
const STEP_MIN: Duration = Duration::from_millis(5);

/// No wait is longer: a takeover may be waiting behind it.
const STEP_MAX: Duration = Duration::from_millis(200);

/// After so long without an attempt the next one is a first one again.
const CALM: Duration = Duration::from_secs(2);

/// Waits before attempts: none before the first, then 5, 10, 20, … 200 ms.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    step: Duration,
    last: Tick,
}

impl Backoff {
    /// When the next attempt may be made.
    pub(super) fn next(&mut self, now: Tick) -> Tick {
        if now.since(self.last) > CALM {
            self.step = Duration::ZERO;
        }
        let at = now + self.step;
        self.step = (self.step * 2).clamp(STEP_MIN, STEP_MAX);
        self.last = at;
        at
    }

    pub(super) fn reset(&mut self) {
        self.step = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_begin_anew_after_calm() {
        let mut backoff = Backoff::default();
        let mut now = Tick(1_000_000_000_000);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let at = backoff.next(now);
            waits.push(at.since(now).as_millis());
            now = at;
        }
        assert_eq!(waits, [0, 5, 10, 20, 40, 80, 160, 200]);
        let later = now + Duration::from_secs(3);
        assert_eq!(backoff.next(later), later);
    }
}
