//! No output leaves a buffer before it is committed (rule R1).

use types::OutputIndex;

use super::Violation;
use crate::world::{Claim, World, WriterId};

/// What a living writer takes for published was committed at some time.
pub(crate) fn check(world: &World<'_>, writer: WriterId) -> Result<(), Violation> {
    let Some(Claim { who, output, generation, published }) = world.claim(writer) else { return Ok(()) };
    let outbound = &world.witness.outbound[output];
    let ever = outbound.ever.get(usize::from(generation.0)).copied().unwrap_or(OutputIndex(0));
    if published > ever {
        let words = format!("n{} dropped up to {published} of topic {output}, committed was {ever}", who.0 + 1);
        return Err(Violation::new("only_committed_is_dropped", &words));
    }
    Ok(())
}
