//! The process's own steady clock.

use types::Tick;

/// Now, by `CLOCK_BOOTTIME`: it counts suspend, so a machine that slept knows how long.
#[must_use]
pub fn now() -> Tick {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
    Tick(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

/// Microseconds since 1970 UTC, for people and for incarnations; nothing is decided by it.
#[must_use]
pub fn wall_micros() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
