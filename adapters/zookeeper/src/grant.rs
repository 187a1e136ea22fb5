//! The session that the ensemble grants, held to the one that was asked for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The session that the ensemble granted last.
#[derive(Debug, Default)]
pub(crate) struct Granted {
    /// Zero before the first.
    micros: AtomicU64,
}

impl Granted {
    /// `None` before the first session.
    pub(crate) fn get(&self) -> Option<Duration> {
        Some(self.micros.load(Ordering::Relaxed)).filter(|&micros| micros > 0).map(Duration::from_micros)
    }

    /// Notes a session, and gives the one before.
    pub(crate) fn replace(&self, session: Duration) -> Option<Duration> {
        let before = self.get();
        self.micros.store(u64::try_from(session.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        before
    }
}

/// A server grants at least two of its ticks.
const TICKS_OF_A_SESSION: u32 = 2;

/// E005, when the ensemble grants a longer session than was asked for.
pub(crate) fn too_long(asked: Duration, granted: Duration) -> Option<String> {
    (granted > asked).then(|| {
        let (tick, wanted) = (granted / TICKS_OF_A_SESSION, asked / TICKS_OF_A_SESSION);
        format!(
            "E005 ZooKeeper is too slow to detect failures.  tickTime={} gives a minimum session of {granted:?} (asked for {asked:?}); when \
             a host vanishes with its links, the failover gap will be about that long.\n     Fix: tickTime={} in zoo.cfg, or accept it with \
             session-timeout={}ms",
            tick.as_millis(),
            wanted.as_millis(),
            granted.as_millis()
        )
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_longer_session_is_named_with_the_tick_that_would_give_the_wanted_one() {
        assert_eq!(too_long(Duration::from_secs(1), Duration::from_secs(1)), None);
        let said = too_long(Duration::from_secs(1), Duration::from_secs(4)).unwrap_or_default();
        expect![[r#"
            E005 ZooKeeper is too slow to detect failures.  tickTime=2000 gives a minimum session of 4s (asked for 1s); when a host vanishes with its links, the failover gap will be about that long.
                 Fix: tickTime=500 in zoo.cfg, or accept it with session-timeout=4000ms"#]]
        .assert_eq(&said);
    }
}
