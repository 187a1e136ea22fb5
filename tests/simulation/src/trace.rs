//! What happened: always as a hash, and as text when somebody wants to read it.

use std::fmt::Write as _;

use xxhash_rust::xxh3::xxh3_64;

/// What happened.
pub(crate) struct Trace {
    hash: u64,
    text: Option<String>,
}

impl Trace {
    pub(crate) fn new(told: bool) -> Self {
        Self { hash: 0, text: told.then(String::new) }
    }

    /// Notes a number of `what` at the time `now`; `say` is only asked when somebody reads.
    pub(crate) fn note(&mut self, now: u64, what: u64, number: u64, say: impl FnOnce() -> String) {
        let mut bytes = [0; 32];
        for (place, part) in [self.hash, now, what, number].into_iter().enumerate() {
            bytes[place * 8..place * 8 + 8].copy_from_slice(&part.to_le_bytes());
        }
        self.hash = xxh3_64(&bytes);
        if let Some(text) = &mut self.text {
            // Writing to a String can't fail.
            let _ = writeln!(text, "{:>14.6} {}", (now - super::world::EPOCH_NANOS) as f64 / 1e9, say());
        }
    }

    /// Notes bytes that went from somebody to somebody.
    pub(crate) fn note_bytes(&mut self, now: u64, what: u64, bytes: &[u8], say: impl FnOnce() -> String) {
        self.note(now, what, xxh3_64(bytes), say);
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn take_text(&mut self) -> Option<String> {
        self.text.take()
    }
}
