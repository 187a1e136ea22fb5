//! A replica blocks only for a reason that the story gave (I8): a promise that can't be kept any more, an old generation.

use failover::{BlockCause, Role};

use super::Violation;
use crate::world::{Who, World};

/// A replica isn't blocked without a cause.
pub(crate) fn check(world: &World<'_>, who: Who) -> Result<(), Violation> {
    let replica = &world.replicas[who.0];
    let Some(running) = &replica.running else { return Ok(()) };
    let Role::Blocked(block) = running.control.machine.role() else { return Ok(()) };
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
    if given {
        return Ok(());
    }
    Err(Violation::new("blocks_are_loud", &format!("{} is blocked: {block}", replica.name)))
}
