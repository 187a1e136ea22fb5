//! What a list's entries were before they changed.

use std::collections::BTreeMap;

/// Entries by slot, as they were when their list was frozen; only those that have changed and aren't written yet.
#[derive(Debug)]
pub(super) struct Before<T> {
    /// Slots below this are written.
    from: u32,
    /// Slots from here on had no entry.
    until: u32,
    entries: BTreeMap<u32, T>,
}

impl<T: Copy> Before<T> {
    /// Of a list with `len` entries.
    pub(super) fn new(len: usize) -> Box<Self> {
        Box::new(Self { from: 0, until: u32::try_from(len).unwrap_or(u32::MAX), entries: BTreeMap::new() })
    }

    /// Hears that the entry is about to change.
    pub(super) fn note(&mut self, slot: u32, entry: T) {
        if (self.from..self.until).contains(&slot) {
            self.entries.entry(slot).or_insert(entry);
        }
    }

    /// The entry, if it has changed.
    pub(super) fn get(&self, slot: u32) -> Option<T> {
        self.entries.get(&slot).copied()
    }

    /// Hears that all below `until` is written.
    pub(super) fn forget_below(&mut self, until: u32) {
        self.from = until;
        self.entries = self.entries.split_off(&until);
    }
}
