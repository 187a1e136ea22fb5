//! One seed, one story.

use std::panic::{AssertUnwindSafe, catch_unwind};

use types::Generation;

use crate::invariants::Violation;
use crate::model::Model;
use crate::options::Options;
use crate::plan::{Fault, draw};
use crate::world::World;

/// Generations that a story can have.
const GENERATIONS: u16 = 3;

/// Runs stories; holds what they have in common.
pub struct Runner {
    models: Vec<Model>,
}

/// How a story went.
#[derive(Debug, Clone)]
pub struct Story {
    /// Hash of everything that happened.
    pub hash: u64,
    /// How many things happened.
    pub events: u64,
    /// How many faults began.
    pub faults: u64,
    /// How often a replica became active.
    pub takeovers: u64,
    /// How often a replica went on from a snapshot.
    pub restores: u64,
    /// Outputs of the last generation that were committed.
    pub outputs: u64,
    /// The promise that was broken first.
    pub violation: Option<Violation>,
    /// What happened, when it was asked for.
    pub text: Option<String>,
}

impl Default for Runner {
    fn default() -> Self {
        Self::new()
    }
}

impl Runner {
    /// Reads the model that all stories share.
    #[must_use]
    pub fn new() -> Self {
        Self { models: (1..=GENERATIONS).map(|generation| Model::of(Generation(generation))).collect() }
    }

    /// The story of a seed.
    #[must_use]
    pub fn run(&self, seed: u64, told: bool) -> Story {
        let options = Options::of(seed);
        let faults = draw(seed, &options);
        self.tell(seed, options, faults, told)
    }

    /// The story of a seed, told twice: one that goes otherwise the second time has broken a promise.
    #[must_use]
    pub fn run_twice(&self, seed: u64) -> Story {
        let (mut story, again) = (self.run(seed, false), self.run(seed, false));
        if story.hash != again.hash {
            let words = format!("hash {:016x}, and {:016x} when it was told again", story.hash, again.hash);
            story.violation.get_or_insert(Violation::new("same_story", &words));
        }
        story
    }

    /// The story of a seed with other options or faults.
    #[must_use]
    pub fn tell(&self, seed: u64, options: Options, faults: Vec<Fault>, told: bool) -> Story {
        let mut world = World::new(seed, options, faults, &self.models, told);
        let ended = catch_unwind(AssertUnwindSafe(|| world.run()));
        if let Err(cause) = ended {
            let words = cause.downcast_ref::<String>().cloned();
            let words = words.or_else(|| cause.downcast_ref::<&str>().map(|words| (*words).to_owned()));
            world.violation = Some(Violation::new("no_panic", &words.unwrap_or_default()));
        }
        Story {
            hash: world.trace.hash(),
            events: world.events,
            faults: world.faults,
            takeovers: world.takeovers,
            restores: world.restores,
            outputs: world.witness.outbound[0].placed.len() as u64,
            violation: world.violation.take(),
            text: world.trace.take_text(),
        }
    }
}
