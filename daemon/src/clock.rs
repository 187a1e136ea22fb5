//! The process's own steady clock.

/// The very clock of the writers' threads: what they report is compared with it.
pub use appender::driver::clock::now;

/// Microseconds since 1970 UTC, for people and for incarnations; nothing is decided by it.
#[must_use]
pub fn wall_micros() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
