//! What other threads may see of a machine while its own thread runs it.

use std::sync::{Arc, Mutex, PoisonError};

use ports::output::OutputProgress;

use super::progress::Progress;

/// What other threads may see of a machine; clones show the same one.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    published: Arc<OutputProgress>,
    latest: Arc<Mutex<Progress>>,
}

impl Watch {
    /// A watch that also moves the published end of `published`, which the engine's side reads without locks.
    #[must_use]
    pub fn new(published: Arc<OutputProgress>) -> Self {
        Self { published, latest: Arc::default() }
    }

    /// How far the machine was after the last thing it did.
    #[must_use]
    pub fn latest(&self) -> Progress {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn show(&self, progress: Progress) {
        self.published.set_published(progress.published_end);
        self.published.set_kept_back(progress.kept_back);
        self.published.set_read_at(progress.read_at);
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }
}
