//! What must hold, one file each. All but the last are asked after each step.

pub(crate) mod blocks_are_loud;
pub(crate) mod converged;
pub(crate) mod inputs_count_once;
pub(crate) mod only_committed_is_dropped;
pub(crate) mod output_is_the_reference;

use std::fmt;

use crate::world::World;

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

/// Those that are asked after each step; the output itself is checked record by record when it is committed.
pub(crate) fn check(world: &World<'_>) -> Result<(), Violation> {
    only_committed_is_dropped::check(world)?;
    blocks_are_loud::check(world)
}
