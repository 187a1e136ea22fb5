//! Wakes the driver's thread out of its wait.

use std::sync::atomic::{AtomicBool, Ordering};

use mio::Waker;

/// Rung by other threads after they put something into a channel; a system call only for the first of many rings.
#[derive(Debug)]
pub(super) struct Alarm {
    waker: Waker,
    ringing: AtomicBool,
}

impl Alarm {
    pub(super) const fn new(waker: Waker) -> Self {
        Self { waker, ringing: AtomicBool::new(false) }
    }

    /// Wakes the thread, unless somebody just did.
    pub(super) fn ring(&self) {
        if !self.ringing.swap(true, Ordering::AcqRel) {
            // Fails only when the poller is gone, and then there is nobody to wake.
            let _ = self.waker.wake();
        }
    }

    /// To be called by the woken thread *before* it looks into the channels, so that no ring is lost.
    pub(super) fn hush(&self) {
        self.ringing.swap(false, Ordering::AcqRel);
    }
}
