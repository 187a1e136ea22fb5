//! `rate`: so many events a second and no more.

use std::num::NonZeroU32;
use std::time::Duration;

use types::Tick;

/// How far behind its plan a source may fall and still catch up; further behind, the plan begins anew instead of
/// sending a burst.
const CATCH_UP_MAX: Duration = Duration::from_secs(1);

/// Says how long to wait before events may be sent. The clock is the caller's.
#[derive(Debug, Clone)]
pub struct Pacer {
    per_second: NonZeroU32,
    /// When counting began, and how many events were sent since.
    plan: Option<(Tick, u64)>,
}

impl Pacer {
    /// A pacer for this many events a second.
    #[must_use]
    pub const fn new(per_second: NonZeroU32) -> Self {
        Self { per_second, plan: None }
    }

    /// How long to wait before the next `events` may be sent; they count as sent then.
    pub fn wait_before(&mut self, events: u32, now: Tick) -> Duration {
        let (start, sent) =
            self.plan.filter(|(start, sent)| now.since(self.due(*start, *sent)) <= CATCH_UP_MAX).unwrap_or((now, 0));
        self.plan = Some((start, sent + u64::from(events)));
        self.due(start, sent).since(now)
    }

    fn due(&self, start: Tick, sent: u64) -> Tick {
        let nanos = u128::from(sent) * 1_000_000_000 / u128::from(self.per_second.get());
        start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_spread_evenly_and_a_pause_brings_no_burst() {
        let mut pacer = Pacer::new(NonZeroU32::new(1_000).unwrap());
        let at = |millis: u64| Tick(millis * 1_000_000);
        let waits: Vec<u128> = [(10, 0), (10, 0), (10, 15), (10, 30), (10, 5_000), (10, 5_000)]
            .map(|(events, now)| pacer.wait_before(events, at(now)).as_millis())
            .into();
        assert_eq!(waits, [0, 10, 5, 0, 0, 10]);
    }
}
