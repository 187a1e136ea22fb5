//! The one place where the clock is read.

use rustix::time::{ClockId, clock_gettime};
use types::Tick;

/// Now, by `CLOCK_BOOTTIME`: it goes on while the machine sleeps, as the brokers' expiry of producer states does (rule R6).
#[must_use]
pub fn now() -> Tick {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Tick(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}
