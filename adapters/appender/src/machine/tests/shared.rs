//! Rule R12: a log with several writers, where offsets prove nothing and a source reads back how far it is.

use std::time::Duration;

use ports::headers::{SOURCE, SourceHeader};
use ports::output::{OutputBlock, OutputCommand, OutputFact, SourcedRecord};
use types::{OutputIndex, SourceId, SourcePosition};

use super::super::{Bounds, Layout, MachineConfig, producer_id};
use super::broker::{BROKERS, LOOK_ALIKE};
use super::world::{CALM, Faults, LABEL, World, config};

const SOON: Duration = Duration::from_millis(50);

fn publisher(name: &str, source: &str, bounds: Bounds) -> MachineConfig {
    let source = SourceId::from(source);
    let base = config(name, 1);
    let producer_id = producer_id(LABEL, &base.topic, Some(&source));
    MachineConfig { producer_id, layout: Layout::Shared { source }, bounds, ..base }
}

fn block(source: &str, index: u64) -> SourcedRecord {
    let position = SourcePosition { index, row: index * 10, byte: index * 100 };
    let source = SourceHeader { id: SourceId::from(source), position, last_row_hash: index };
    SourcedRecord { payload: format!("{}({index})", source.id).into_bytes(), source }
}

fn publish(world: &mut World, actor: usize, source: &str, end: u64) {
    let from = world.actors[actor].pushed;
    if from < end {
        world.actors[actor].pushed = end;
        let blocks = (from..end).map(|index| block(source, index)).collect();
        world.command(actor, OutputCommand::PushSourced(blocks));
    }
}

/// The committed indexes of a source, in log order.
fn indexes(world: &World, source: &str) -> Vec<u64> {
    let mut found = Vec::new();
    for stored in world.cluster.committed() {
        let mut set = crate::batch::RecordSet::new(&stored.bytes);
        while let Some(batch) = set.next_batch().unwrap() {
            let mut records = batch.records().unwrap();
            while let Some(record) = records.next_record().unwrap() {
                let text = record.headers.get(SOURCE).map(|text| String::from_utf8_lossy(text).into_owned());
                match text.as_deref().and_then(SourceHeader::parse) {
                    Some(header) if header.id.as_str() == source => found.push(header.position.index),
                    _ => {}
                }
            }
        }
    }
    found
}

#[test]
fn r12_a_restarted_publisher_reads_back_how_far_it_is() {
    let mut world = World::new(1);
    let a = world.add(publisher("a", "trades", Bounds::default()));
    let b = world.add(publisher("b", "quotes", Bounds::default()));
    world.run(SOON);
    assert!(world.actors[a].facts.contains(&OutputFact::SourceAt { last: None }));
    for actor in [a, b] {
        world.command(actor, OutputCommand::Write);
    }
    publish(&mut world, a, "trades", 7);
    world.run(SOON);
    // The other source pushes ours far from the end of the log, out of the broker's memory too.
    publish(&mut world, b, "quotes", 300);
    world.run(SOON);
    world.cluster.nodes.iter_mut().for_each(super::broker::Node::forget_producers);
    world.restart(a, publisher("a", "trades", Bounds::default()));
    world.run(SOON);
    let last = Some(block("trades", 6).source);
    assert!(world.actors[a].facts.contains(&OutputFact::SourceAt { last }), "{:?}", world.actors[a].facts);
    world.actors[a].pushed = 7;
    world.command(a, OutputCommand::Write);
    publish(&mut world, a, "trades", 9);
    world.run(Duration::from_secs(2));
    assert!(world.actors[a].is_done(9), "{:?}", world.actors[a].machine.progress());
    assert_eq!(indexes(&world, "trades"), (0..9).collect::<Vec<u64>>());
    assert_eq!(indexes(&world, "quotes"), (0..300).collect::<Vec<u64>>());
}

#[test]
fn a_source_whose_blocks_were_all_deleted_is_not_published_from_the_beginning() {
    let mut world = World::new(3);
    let a = world.add(publisher("a", "trades", Bounds::default()));
    let b = world.add(publisher("b", "quotes", Bounds::default()));
    world.run(SOON);
    for actor in [a, b] {
        world.command(actor, OutputCommand::Write);
    }
    publish(&mut world, a, "trades", 7);
    world.run(SOON);
    publish(&mut world, b, "quotes", 1);
    world.run(SOON);
    world.cluster.delete_below(7);
    assert_eq!(indexes(&world, "trades"), Vec::<u64>::new());
    world.restart(a, publisher("a", "trades", Bounds::default()));
    world.actors[a].pushed = 0;
    world.run(SOON);
    world.command(a, OutputCommand::Write);
    publish(&mut world, a, "trades", 9);
    // The log goes on growing between any two questions.
    for quotes in 2..1_200 {
        publish(&mut world, b, "quotes", quotes);
        world.run(SOON);
    }
    let expected = OutputBlock::SourceDeleted { source_id: SourceId::from("trades"), remembered: OutputIndex(7) };
    assert_eq!(world.actors[a].blocked(), Some(&expected), "{:?}", world.actors[a].machine.progress());
    assert_eq!(indexes(&world, "trades"), Vec::<u64>::new());
}

#[test]
fn r12_a_standby_reads_on_and_goes_on_behind_the_last_block() {
    let mut world = World::new(2);
    let a = world.add(publisher("a", "trades", Bounds::default()));
    let b = world.add(publisher("b", "trades", Bounds::default()));
    let other = world.add(publisher("c", "quotes", Bounds::default()));
    world.run(SOON);
    for actor in [a, other] {
        world.command(actor, OutputCommand::Write);
    }
    publish(&mut world, a, "trades", 7);
    publish(&mut world, b, "trades", 9);
    publish(&mut world, other, "quotes", 40);
    world.run(Duration::from_secs(1));
    assert_eq!(world.actors[b].machine.progress().published_end.0, 7, "the standby saw the log grow");
    world.command(a, OutputCommand::Follow);
    world.command(b, OutputCommand::Write);
    publish(&mut world, b, "trades", 12);
    world.run(Duration::from_secs(1));
    assert!(world.actors[b].is_done(12), "{:?}", world.actors[b].machine.progress());
    assert_eq!(world.actors[b].machine.progress().counters.refusals, 0, "it knew what came next");
    assert_eq!(indexes(&world, "trades"), (0..12).collect::<Vec<u64>>());
    // And the one that wrote before sees it.
    assert_eq!(world.actors[a].machine.progress().published_end.0, 12);
}

/// Two publishers of one source and one of another, on bad networks and dying brokers.
fn story(seed: u64) -> Result<(), String> {
    let mut world = World::new(seed ^ 0x5ead);
    if seed % 4 == 3 {
        world.cluster.versions = LOOK_ALIKE;
    }
    world.faults = Faults { lost_replies: 30, refused: 50, delay_max_us: 10_000, late: 700 };
    let sources = ["trades", "trades", "quotes"];
    let n = 1 + world.chance.below(30);
    let edges = |world: &mut World| Bounds {
        batch_records_max: 1 + world.chance.below(4) as usize,
        in_flight_max: 1 + world.chance.below(2) as usize,
        request_timeout: Duration::from_millis(400),
        ..Bounds::default()
    };
    for source in sources {
        let bounds = edges(&mut world);
        let actor = world.add(publisher("p", source, bounds));
        world.command(actor, OutputCommand::Write);
    }
    for _ in 0..40 {
        let pause = world.chance.below(20);
        world.run(Duration::from_millis(pause));
        let actor = world.chance.below(3) as usize;
        let node = world.chance.below(BROKERS as u64) as usize;
        match world.chance.below(14) {
            10 | 11 => {
                let command = if world.chance.below(3) == 0 { OutputCommand::Follow } else { OutputCommand::Write };
                world.command(actor, command);
            }
            0..=5 => {
                let end = (world.actors[actor].pushed + 1 + world.chance.below(4)).min(n);
                publish(&mut world, actor, sources[actor], end);
            }
            6 => {
                let bounds = edges(&mut world);
                world.restart(actor, publisher("p", sources[actor], bounds));
                world.command(actor, OutputCommand::Write);
            }
            7 if world.cluster.isr.contains(&node) && world.cluster.nodes[node].alive => {
                world.cluster.elect(node, None)
            }
            8 if world.cluster.isr.len() == BROKERS => world.cluster.crash(node),
            9 => (0..BROKERS)
                .filter(|node| !world.cluster.nodes[*node].alive)
                .collect::<Vec<_>>()
                .into_iter()
                .for_each(|node| world.cluster.restart(node)),
            _ => {}
        }
    }
    world.faults = CALM;
    for node in 0..BROKERS {
        if !world.cluster.nodes[node].alive {
            world.cluster.restart(node);
        }
    }
    for (actor, source) in sources.iter().enumerate() {
        world.command(actor, OutputCommand::Write);
        publish(&mut world, actor, source, n);
    }
    let done = world.run_until(Duration::from_secs(60), |world| world.actors.iter().all(|actor| actor.is_done(n)));
    if let Some(block) = world.actors.iter().find_map(|actor| actor.blocked()) {
        return Err(format!("blocked: {block}"));
    }
    for source in ["trades", "quotes"] {
        if indexes(&world, source) != (0..n).collect::<Vec<u64>>() {
            return Err(format!("{source}: {:?}", indexes(&world, source)));
        }
    }
    if !done {
        let states: Vec<_> = world.actors.iter().map(|actor| actor.machine.progress()).collect();
        return Err(format!("not healed, n = {n}: {states:#?}"));
    }
    Ok(())
}

#[test]
fn r12_sources_side_by_side_lose_and_repeat_nothing() {
    for seed in 0..600 {
        if let Err(problem) = story(seed) {
            panic!("seed {seed}: {problem}");
        }
    }
}

#[test]
fn r12_a_shared_log_that_lost_its_end_is_healed() {
    let mut world = World::new(1);
    let a = world.add(publisher("a", "trades", Bounds::default()));
    world.command(a, OutputCommand::Write);
    publish(&mut world, a, "trades", 7);
    world.run(SOON);
    assert!(world.actors[a].is_done(7));
    world.cluster.lose_from(1);
    world.run(Duration::from_secs(2));
    publish(&mut world, a, "trades", 8);
    world.run(Duration::from_secs(2));
    assert!(world.actors[a].blocked().is_none_or(|block| !matches!(block, OutputBlock::LogForked { .. })));
    assert_eq!(indexes(&world, "trades"), (0..8).collect::<Vec<u64>>());
}
