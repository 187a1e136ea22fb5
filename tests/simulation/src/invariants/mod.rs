//! What must hold, one file each. Each is asked wherever a step could break it: of a writer after it worked, of a control
//! loop after its turn, of the log when something becomes committed, of everybody at the end.

pub(crate) mod blocks_are_loud;
pub(crate) mod converged;
pub(crate) mod inputs_count_once;
pub(crate) mod only_committed_is_dropped;
pub(crate) mod output_is_the_reference;

use std::fmt;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which promise: the name of a file in `invariants/`.
    pub promise: &'static str,
    /// How.
    pub words: String,
}

impl Violation {
    pub(crate) fn new(promise: &'static str, words: &str) -> Self {
        Self { promise, words: words.to_owned() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.words)
    }
}
