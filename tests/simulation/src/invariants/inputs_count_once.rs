//! Every row of every source counts once, whatever was published twice (rule R12), and none is missing.

use std::collections::BTreeSet;

use types::{OutputKind, OutputRecord};

use super::Violation;
use crate::world::World;

const PROMISE: &str = "inputs_count_once";

/// At the end: rows published, rows in the log, outputs caused by them.
pub(crate) fn check(world: &mut World<'_>) -> Result<(), Violation> {
    let mut events = 0;
    let mut seen = BTreeSet::new();
    for record in world.witness.inbound() {
        let fresh = match &record.source {
            Some((source, position)) => seen.insert((source.clone(), position.index)),
            None => true,
        };
        events += usize::from(fresh && record.payload.is_some());
    }
    for (source, rows) in world.rows() {
        let there = seen.iter().filter(|(known, _)| *known == source).count() as u64;
        if there != rows {
            return Err(Violation::new(PROMISE, &format!("{source}: {there} of {rows} rows are in the log")));
        }
    }
    let generation = world.generation;
    let reference = world.witness.reference(generation);
    let outputs = reference.map_or(0, |reference| {
        // What retention takes away again leaves as deletes.
        let inserted = |output: &&OutputRecord| output.kind == OutputKind::Data && output.payload.starts_with(b"I,");
        reference.outputs[0].iter().filter(inserted).count()
    });
    if outputs != events {
        return Err(Violation::new(PROMISE, &format!("{events} different rows caused {outputs} outputs")));
    }
    Ok(())
}
