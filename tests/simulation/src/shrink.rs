//! A failing story with the fewest faults that still fail.

use std::fmt;

use crate::invariants::Violation;
use crate::options::Options;
use crate::plan::{Fault, draw};
use crate::run::Runner;

/// What is left of a failing story.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// Its seed, which still gives all chance of the network.
    pub seed: u64,
    /// Its options.
    pub options: Options,
    /// Its faults.
    pub faults: Vec<Fault>,
    /// The promise that it breaks.
    pub violation: Violation,
    /// How many stories were told to find it.
    pub tries: usize,
}

/// Takes out whatever the failure doesn't need: faults in halves, quarters, …, one by one, then their length.
/// `None` when the seed doesn't fail.
#[must_use]
pub fn shrink(runner: &Runner, seed: u64) -> Option<Shrunk> {
    let options = Options::of(seed);
    let mut faults = draw(seed, &options);
    let mut tries = 1;
    let first = runner.tell(seed, options.clone(), faults.clone(), false).violation?;
    let mut violation = first.clone();
    let mut fails = |faults: &[Fault]| {
        tries += 1;
        let story = runner.tell(seed, options.clone(), faults.to_vec(), false);
        // Another broken promise would be another story.
        story.violation.filter(|found| found.promise == first.promise)
    };
    let mut size = faults.len().div_ceil(2).max(1);
    loop {
        let mut place = 0;
        while place < faults.len() {
            let mut fewer = faults.clone();
            fewer.drain(place..(place + size).min(faults.len()));
            match fails(&fewer) {
                Some(found) => (faults, violation) = (fewer, found),
                None => place += size,
            }
        }
        if size == 1 {
            break;
        }
        size = size.div_ceil(2);
    }
    for place in 0..faults.len() {
        let mut shorter = faults.clone();
        shorter[place].lasts /= 4;
        if let Some(found) = fails(&shorter) {
            (faults, violation) = (shorter, found);
        }
    }
    Some(Shrunk { seed, options, faults, violation, tries })
}

/// As a scenario: options, faults, what follows.
impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# seed {}, {} faults left after {} tries", self.seed, self.faults.len(), self.tries)?;
        writeln!(f, "# {}", self.options)?;
        for fault in &self.faults {
            writeln!(f, "{fault}")?;
        }
        writeln!(f, "----\n{}", self.violation)
    }
}
