//! No output leaves a buffer before it is committed (rule R1).

use types::OutputIndex;

use super::Violation;
use crate::world::World;

/// What every living writer takes for published was committed at some time.
pub(crate) fn check(world: &World<'_>) -> Result<(), Violation> {
    for (replica, output, generation, published) in world.published() {
        let outbound = &world.witness.outbound[output];
        let ever = outbound.ever.get(usize::from(generation.0)).copied().unwrap_or(OutputIndex(0));
        if published > ever {
            let words = format!("n{} dropped up to {published} of topic {output}, committed was {ever}", replica + 1);
            return Err(Violation::new("only_committed_is_dropped", &words));
        }
    }
    Ok(())
}
