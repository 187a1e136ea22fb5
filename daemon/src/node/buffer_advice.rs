//! E010: whether a standby's buffer is large enough for the traffic, judged by what happens.

use std::time::Duration;

use types::{OutputIndex, Tick};

/// A log that moved within this time shows an active at work: the buffer is full because it is small, not because nobody
/// publishes.
const MOVING: Duration = Duration::from_secs(1);
/// The advised bound in such bursts as were seen.
const BURSTS: u64 = 2;

/// What was seen of one output's log.
#[derive(Debug, Default)]
pub(super) struct BufferAdvice {
    end: OutputIndex,
    moved: Option<Tick>,
    /// The most that appeared in the log between two looks.
    burst: u64,
    /// The largest bound that was advised; the same or less isn't said again.
    advised: u64,
}

impl BufferAdvice {
    /// The log's end was looked at.
    pub(super) fn published(&mut self, end: OutputIndex, now: Tick) {
        if end > self.end {
            // The first look shows a whole log, which isn't traffic.
            if self.moved.is_some() {
                self.burst = self.burst.max(end.0 - self.end.0);
            }
            (self.end, self.moved) = (end, Some(now));
        }
    }

    /// A standby stops reading input, because it holds `bound` outputs that nobody has published: what to tell an operator.
    pub(super) fn full(&mut self, topic: &str, bound: u64, now: Tick) -> Option<String> {
        let moving = self.moved.is_some_and(|moved| now.since(moved) < MOVING);
        let enough = self.burst.max(bound).saturating_mul(BURSTS);
        if !moving || enough <= self.advised {
            return None;
        }
        self.advised = enough;
        Some(format!(
            "E010 Standby buffer is too small.  numbufferedmsgs={bound} but up to {} outputs at once appear in {topic}: this standby stops \
             reading input, and after a takeover would first compute what it didn't read.\n     Fix: numbufferedmsgs >= {enough}",
            self.burst
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Tick {
        Tick(millis * 1_000_000)
    }

    fn advice(ends: &[u64]) -> BufferAdvice {
        let mut advice = BufferAdvice::default();
        ends.iter().zip(1..).for_each(|(end, look)| advice.published(OutputIndex(*end), at(look * 5)));
        advice
    }

    #[test]
    fn a_full_buffer_before_a_moving_log_is_advised_upon_once() {
        let mut advice = advice(&[50_000, 50_100, 51_970]);
        let said = advice.full("x.O", 10, at(20)).expect("advice");
        assert!(
            said.contains("numbufferedmsgs=10 but up to 1870 outputs at once") && said.ends_with(">= 3740"),
            "{said}"
        );
        assert_eq!(advice.full("x.O", 10, at(21)), None);
        advice.published(OutputIndex(60_000), at(25));
        assert!(advice.full("x.O", 10, at(26)).is_some(), "a larger burst is news");
    }

    #[test]
    fn a_log_that_stands_still_says_nothing_of_the_buffer() {
        assert_eq!(advice(&[10, 20]).full("x.O", 10, at(1_010)), None);
        assert_eq!(BufferAdvice::default().full("x.O", 10, at(1)), None);
    }
}
