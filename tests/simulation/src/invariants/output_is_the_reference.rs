//! Nothing lost, repeated, reordered or changed; one generation after the other (I1 to I5).
//!
//! Each record that becomes committed must be the one that an undisturbed engine computes there.

use types::Generation;

use super::Violation;
use crate::world::{Found, Witness};

const PROMISE: &str = "output_is_the_reference";

/// A record that is newly committed.
pub(crate) fn check(witness: &mut Witness, output: usize, found: &Found) -> Result<(), Violation> {
    let fail =
        |words: String| Err(Violation::new(PROMISE, &format!("topic {output} offset {}: {words}", found.offset)));
    let (epoch, next) = witness.outbound[output].next();
    if found.offset.0 != witness.outbound[output].placed.len() as u64 {
        return fail("offsets have a hole".to_owned());
    }
    if found.producer_epoch < epoch {
        return fail(format!("generation {} wrote after generation {epoch}", found.producer_epoch));
    }
    if found.fence {
        if found.producer_epoch == epoch {
            return fail(format!("generation {epoch} is opened twice"));
        }
        return Ok(());
    }
    if found.producer_epoch != epoch {
        return fail(format!("generation {} writes without a fence", found.producer_epoch));
    }
    let Some(index) = found.index else { return fail("a record without an index".to_owned()) };
    if index != next {
        return fail(format!("index {index} where {next} belongs"));
    }
    let generation = Generation(u16::try_from(epoch).unwrap_or(0));
    let Some(reference) = witness.reference(generation) else {
        return fail(format!("nobody began generation {epoch}"));
    };
    let place = usize::try_from(index.0).unwrap_or(usize::MAX);
    let Some(expected) = reference.outputs[output].get(place) else {
        return fail(format!("index {index} doesn't follow from any input"));
    };
    if Some(expected.digest) != found.digest || expected.payload != found.payload || expected.kind != found.kind {
        return fail(format!("index {index} is another record than the engine computes"));
    }
    Ok(())
}
