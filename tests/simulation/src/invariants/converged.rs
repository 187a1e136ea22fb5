//! After everything healed: one active, all others in sync, everything computed is published (I10).

use failover::{Place, Stage};

use super::{Violation, inputs_count_once};
use crate::world::World;

const PROMISE: &str = "converged";

/// At the end of a story.
pub(crate) fn check(world: &mut World<'_>) -> Result<(), Violation> {
    let fail = |words: String| Err(Violation::new(PROMISE, &words));
    let stages: Vec<String> = world.replicas.iter().map(|replica| format!("{:?}", replica.stage())).collect();
    let actives = world.replicas.iter().filter(|replica| replica.stage() == Some(Stage::Active)).count();
    if actives != 1 {
        return fail(format!("{actives} actives: {}", stages.join(" ")));
    }
    let generation = world.generation;
    let expected: Vec<u64> = match world.witness.reference(generation) {
        Some(reference) => reference.outputs.iter().map(|outputs| outputs.len() as u64).collect(),
        None => return fail(format!("nobody began generation {generation}")),
    };
    for replica in &world.replicas {
        let Some(running) = &replica.running else { return fail(format!("{} is down", replica.name)) };
        let machine = &running.control.machine;
        if !matches!(machine.stage(), Stage::Active | Stage::Standby) || !machine.is_eligible() {
            return fail(format!("{} is {} and fit: {}", replica.name, machine.stage(), machine.is_eligible()));
        }
        if !matches!(machine.place(), Place::In { .. }) {
            return fail(format!("{} doesn't stand in line", replica.name));
        }
        for (side, expected) in running.control.outputs.iter().zip(&expected) {
            let (computed, published) = (side.progress.computed().0, side.progress.published().0);
            if (computed, published) != (*expected, *expected) {
                let topic = &side.topic;
                return fail(format!(
                    "{} computed {computed}, sees {published} of {expected} published in {topic}",
                    replica.name
                ));
            }
        }
    }
    if world.line_len() != world.replicas.len() {
        return fail(format!("{} stand in line", world.line_len()));
    }
    inputs_count_once::check(world)
}
