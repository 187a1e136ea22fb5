//! How long a peer may be silent: its own rhythm decides, within bounds. Pure.

use std::time::Duration;

use types::Tick;

/// The least silence that counts. A scheduler under load keeps a healthy process off the processor for some 100 ms, and
/// the last heartbeat before that is up to one interval older: below 150 ms such hiccups would be taken for death.
pub const SILENCE_FLOOR: Duration = Duration::from_millis(150);
/// The longest silence that is excused, however irregular a peer was: a freeze is told within 300 ms, with room for the
/// observer's own delay.
pub const SILENCE_CEILING: Duration = Duration::from_millis(270);
/// Deviations above the mean gap that are still rhythm. Six are more than any that was not a stall.
const DEVIATIONS: u32 = 6;
/// When the observer wakes this late for its own deadline, it was itself off the processor: what it missed may lie unread.
const OBSERVER_LATE: Duration = Duration::from_millis(10);
/// What a late observer then waits, for the unread to be read.
const GRACE: Duration = Duration::from_millis(40);

/// One peer's rhythm.
///
/// Mean and deviation follow the gaps as TCP follows round trips (RFC 6298: an eighth and a quarter of each difference).
#[derive(Debug, Clone)]
pub(crate) struct Detector {
    last: Tick,
    mean: Duration,
    deviation: Duration,
    judged_at: Tick,
}

impl Detector {
    /// Starts as if it had been heard `now`, at the rhythm that is expected.
    pub(crate) fn new(now: Tick, heartbeat: Duration) -> Self {
        let mut detector = Self { last: now, mean: heartbeat, deviation: heartbeat / 2, judged_at: now };
        detector.judged_at = now + detector.threshold();
        detector
    }

    /// A sign of life.
    pub(crate) fn heard(&mut self, now: Tick) {
        // A long freeze says nothing about the rhythm; learnt in full it would excuse the next one.
        let gap = now.since(self.last).min(SILENCE_CEILING);
        let difference = gap.abs_diff(self.mean);
        self.deviation = (self.deviation * 3 + difference) / 4;
        self.mean = (self.mean * 7 + gap) / 8;
        self.last = now;
        self.judged_at = now + self.threshold();
    }

    /// The silence beyond which this peer counts as silent.
    pub(crate) fn threshold(&self) -> Duration {
        (self.mean + self.deviation * DEVIATIONS).clamp(SILENCE_FLOOR, SILENCE_CEILING)
    }

    /// When to ask [`Detector::is_silent`] next.
    pub(crate) fn deadline(&self) -> Tick {
        self.judged_at
    }

    /// Whether the silence is too long. An observer that comes late to its own deadline grants one grace first.
    pub(crate) fn is_silent(&mut self, now: Tick) -> bool {
        if now < self.judged_at {
            return false;
        }
        if now.since(self.judged_at) > OBSERVER_LATE {
            self.judged_at = now + GRACE;
            return false;
        }
        true
    }

    /// How long nothing was heard.
    pub(crate) fn silence(&self, now: Tick) -> Duration {
        now.since(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEAT: Duration = Duration::from_millis(20);

    fn at(millis: u64) -> Tick {
        Tick(millis * 1_000_000)
    }

    /// Heartbeats at these times, then silence: when it is told, in milliseconds after the last one.
    fn told_after(beats: impl IntoIterator<Item = u64>) -> u64 {
        let mut detector = Detector::new(at(0), BEAT);
        let mut last = 0;
        for beat in beats {
            assert!(!detector.is_silent(at(beat)), "a false alarm at {beat} ms");
            detector.heard(at(beat));
            last = beat;
        }
        (last..last + 10_000).find(|now| detector.is_silent(at(*now))).unwrap() - last
    }

    #[test]
    fn a_steady_peer_is_missed_at_the_floor() {
        assert_eq!(told_after((0..100).map(|n| n * 20)), 150);
    }

    #[test]
    fn hiccups_of_a_tenth_of_a_second_raise_no_alarm() {
        // Each fifth gap is 120 ms: one hiccup on top of an interval. `told_after` asserts that none is an alarm.
        let mut now = 0;
        let beats = (0..200).map(|n| {
            now += if n % 5 == 0 { 120 } else { 20 };
            now
        });
        let told = told_after(beats);
        assert!((151..=270).contains(&told), "told after {told} ms");
    }

    #[test]
    fn however_irregular_a_peer_was_a_freeze_is_told_within_the_target() {
        let mut now = 0;
        let beats = (0..50).map(|n| {
            now += if n % 2 == 0 { 140 } else { 5 };
            now
        });
        assert!(told_after(beats) <= 271);
    }

    #[test]
    fn a_freeze_does_not_excuse_the_next_one() {
        let mut detector = Detector::new(at(0), BEAT);
        detector.heard(at(5_000));
        for n in 1..50 {
            detector.heard(at(5_000 + n * 20));
        }
        assert_eq!(detector.threshold(), SILENCE_FLOOR);
    }

    #[test]
    fn an_observer_that_was_away_itself_reads_first() {
        let mut detector = Detector::new(at(0), BEAT);
        assert!(!detector.is_silent(at(1_000)), "judged at once on waking");
        assert_eq!(detector.deadline(), at(1_040));
        assert!(detector.is_silent(at(1_040)), "still silent after the grace");
    }
}
