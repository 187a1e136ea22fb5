//! A log of proposals: the first one in a place counts, whoever made it, and the loser goes on behind it.

use std::time::Duration;

use ports::output::OutputCommand;
use types::OutputRecord;

use super::super::{Layout, MachineConfig};
use super::world::{CALM, Faults, World, config, output_of};

const SOON: Duration = Duration::from_millis(50);

fn journal(name: &str) -> MachineConfig {
    MachineConfig { layout: Layout::Journal, ..config(name, 1) }
}

fn propose(world: &mut World, actor: usize, index: u64) {
    let name = if actor == 0 { "a" } else { "b" };
    world.command(actor, OutputCommand::Push(vec![proposal(index, name)]));
}

/// Who proposes is in the payload, so the log shows whose proposal won.
fn proposal(index: u64, by: &str) -> OutputRecord {
    output_of(index, by)
}

/// The committed payloads in log order, without the fence.
fn payloads(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for stored in world.cluster.committed() {
        let mut set = crate::batch::RecordSet::new(&stored.bytes);
        while let Some(batch) = set.next_batch().unwrap() {
            let mut records = batch.records().unwrap();
            while let Some(record) = records.next_record().unwrap() {
                found.extend(record.value.map(|value| String::from_utf8_lossy(value).into_owned()));
            }
        }
    }
    found
}

fn two_writers() -> World {
    let mut world = World::new(1);
    for name in ["a", "b"] {
        let actor = world.add(journal(name));
        world.command(actor, OutputCommand::Write);
    }
    world.run(SOON);
    world
}

#[test]
fn of_two_proposals_one_stands_in_the_log_and_nobody_is_blocked() {
    let mut world = two_writers();
    for index in 0..20 {
        propose(&mut world, 0, index);
        propose(&mut world, 1, index);
        world.run(SOON);
        let payloads = payloads(&world);
        assert_eq!(payloads.len() as u64, index + 1, "{payloads:?}");
    }
    for actor in [0, 1] {
        assert!(world.actors[actor].blocked().is_none(), "{:?}", world.actors[actor].facts);
        assert!(world.actors[actor].is_done(20), "{:?}", world.actors[actor].machine.progress());
    }
}

#[test]
fn whoever_has_not_proposed_for_long_goes_on_where_the_log_ends() {
    let mut world = two_writers();
    for index in 0..5 {
        propose(&mut world, 0, index);
        world.run(SOON);
    }
    propose(&mut world, 1, 5);
    world.run(SOON);
    let found = payloads(&world);
    assert_eq!(found, ["a(0)", "a(1)", "a(2)", "a(3)", "a(4)", "b(5)"]);
}

#[test]
fn proposals_survive_brokers_and_connections_that_fail() {
    for seed in 0..40 {
        let mut world = World::new(seed);
        for name in ["a", "b"] {
            let actor = world.add(journal(name));
            world.command(actor, OutputCommand::Write);
        }
        world.run(SOON);
        world.faults = Faults { lost_replies: 100, refused: 50, late: 200, ..CALM };
        for index in 0..10 {
            propose(&mut world, 0, index);
            propose(&mut world, 1, index);
            let mut waited = 0;
            while payloads(&world).len() as u64 <= index {
                world.run(SOON);
                waited += 1;
                assert!(waited < 2_000, "seed {seed}: proposal {index} never stood in the log");
            }
        }
        let found = payloads(&world);
        for (index, payload) in found.iter().enumerate() {
            assert!(payload.ends_with(&format!("({index})")), "seed {seed}: {found:?}");
        }
        assert!((0..2).all(|actor| world.actors[actor].blocked().is_none()), "seed {seed}");
    }
}
