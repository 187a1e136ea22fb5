//! Snapshots on disk: how a replica that comes back avoids replaying its whole input.
//!
//! The state's bytes are the engine's business ([`engine::snapshot`]); here is when one is taken (`taker`), where it is
//! kept ([`Shelf`]), and which one a starting replica goes on from ([`restore`]).

mod desk;
mod fetch;
mod offer;
mod report;
mod restore;
mod shelf;
mod taker;

use std::time::Duration;

use types::{Fingerprint, Generation, TopicName};

use crate::deployment::Deployment;
use crate::pipeline::Pipeline;

pub(crate) use desk::desk_at;
pub use desk::{Desk, Order};
pub(crate) use fetch::Peers;
pub(crate) use offer::{NONCE, Offer, PART_BYTES_MAX, PROOF, Question};
pub use report::{Fetching, Report, Shown};
pub use restore::{Refusal, go_on_from, restore};
pub use shelf::{Kept, Shelf};
pub use taker::Taker;

/// Whose state a snapshot is: what must be equal for another replica to go on from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Of the model.
    pub fingerprint: Fingerprint,
    /// In force.
    pub generation: Generation,
    /// The inbound topics, in the generation's order.
    pub inputs: Vec<TopicName>,
    /// Where several of them get their order.
    pub journal: Option<TopicName>,
    /// The outbound topics, in the order of the pipeline.
    pub outputs: Vec<TopicName>,
}

impl Subject {
    /// What a deployment's pipeline computes under a generation.
    #[must_use]
    pub fn new(deployment: &Deployment, fingerprint: Fingerprint, generation: Generation) -> Self {
        let outputs = Pipeline::topics(deployment);
        let inputs = deployment.inputs().cloned().collect();
        Self { fingerprint, generation, inputs, journal: deployment.journal(), outputs }
    }
}

/// How snapshots are taken and kept: `snapshot-…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// From one to the next; zero takes none.
    pub interval: Duration,
    /// The newest so many are kept, of one project and generation.
    pub keep: usize,
    /// Bytes of one; a larger one is given up and said.
    pub size_max: u64,
}

#[cfg(test)]
mod tests;
