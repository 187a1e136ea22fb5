//! A replica blocks only for a reason that the story gave (I8): a promise that can't be kept any more, an old generation.

use failover::{BlockCause, Role};

use super::Violation;
use crate::world::World;

/// Nobody is blocked without a cause.
pub(crate) fn check(world: &World<'_>) -> Result<(), Violation> {
    for replica in &world.replicas {
        let Some(running) = &replica.running else { continue };
        let Role::Blocked(block) = running.control.machine.role() else { continue };
        let given = match block.cause {
            BlockCause::LogShortened => world.witness.lost && !world.options.held_in_time,
            BlockCause::TopicReplaced => world.witness.recreated,
            BlockCause::Diverged => running.garbled,
            BlockCause::GenerationReplaced => running.control.generation < world.generation,
            BlockCause::LogForked
            | BlockCause::RecordTooLarge
            | BlockCause::OutputRefused
            | BlockCause::InputTruncated
            | BlockCause::InputShortened
            | BlockCause::InputFailed
            | BlockCause::ModelMismatch
            | BlockCause::CoordinatorFailed
            | BlockCause::NameTaken
            | BlockCause::EngineFailed => false,
        };
        if !given {
            return Err(Violation::new("blocks_are_loud", &format!("{} is blocked: {block}", replica.name)));
        }
    }
    Ok(())
}
