//! Thousands of seeds: after healing the log holds f(0..n), each once, and nobody owes anything.

use std::time::Duration;

use ports::output::{OutputCommand, OutputFact};
use types::OutputIndex;

use super::super::{Bounds, MachineConfig, Noted};
use super::broker::{BROKERS, LOOK_ALIKE};
use super::world::{CALM, Faults, World, config};

/// How many outputs a story has at most.
const OUTPUTS_MAX: u64 = 40;

/// How long a story may take to heal.
const HEALING: Duration = Duration::from_secs(90);

fn edges(world: &mut World, name: &str, noted: Noted) -> MachineConfig {
    let bounds = Bounds {
        batch_records_max: 1 + world.chance.below(5) as usize,
        in_flight_max: 1 + world.chance.below(2) as usize,
        request_timeout: Duration::from_millis(400),
        ..Bounds::default()
    };
    MachineConfig { bounds, noted, ..config(name, 1) }
}

/// The fence, as the notebook would know it.
fn noted(world: &World) -> Noted {
    let mut facts = world.actors.iter().flat_map(|actor| &actor.facts);
    let fence = facts.find_map(|fact| match fact {
        OutputFact::Opened { fence, .. } => *fence,
        _ => None,
    });
    Noted { fence, ..Noted::default() }
}

fn shake(world: &mut World, names: &[&str], n: u64) {
    let actor = world.chance.below(names.len() as u64) as usize;
    let node = world.chance.below(BROKERS as u64) as usize;
    match world.chance.below(20) {
        0..=5 => {
            let end = (world.actors[actor].pushed + 1 + world.chance.below(5)).min(n);
            world.compute(actor, end);
        }
        6 | 7 => world.command(actor, OutputCommand::Write),
        8 => {
            // Whatever somebody says about where the last writer ended.
            let word = OutputIndex(world.chance.below(n + 5));
            world.command(actor, OutputCommand::WriteAt(word));
        }
        9 => world.command(actor, OutputCommand::Follow),
        10 => {
            let noted = noted(world);
            let config = edges(world, names[actor], noted);
            world.restart(actor, config);
        }
        11 | 12 => elect(world, node),
        13 => crash(world, node),
        14 | 15 => world.cluster.nodes.iter().position(|node| !node.alive).into_iter().for_each(|node| {
            world.cluster.restart(node);
        }),
        16 => {
            if world.cluster.isr.len() > 2 || world.chance.happens(200) {
                world.cluster.shrink(node);
            }
        }
        17 => world.replicating = !world.replicating,
        18 => world.actors[actor].frozen = !world.actors[actor].frozen,
        _ => {
            let actor = &mut world.actors[actor];
            actor.frozen = false;
        }
    }
}

fn elect(world: &mut World, node: usize) {
    if world.cluster.isr.contains(&node) && world.cluster.nodes[node].alive {
        let old = world.cluster.leader;
        let unaware = if world.chance.happens(500) { old.filter(|old| *old != node) } else { None };
        world.cluster.elect(node, unaware);
        if let Some(unaware) = unaware {
            // A zombie isn't in sync for long.
            world.cluster.shrink(unaware);
        }
    }
}

fn crash(world: &mut World, node: usize) {
    let alive = world.cluster.nodes.iter().filter(|node| node.alive).count();
    let heirs = world.cluster.isr.iter().filter(|other| **other != node && world.cluster.nodes[**other].alive).count();
    if alive > 1 && heirs > 0 {
        world.cluster.crash(node);
    }
}

fn heal(world: &mut World, n: u64) {
    world.faults = CALM;
    world.replicating = true;
    for node in 0..BROKERS {
        if !world.cluster.nodes[node].alive {
            world.cluster.restart(node);
        }
    }
    for actor in 0..world.actors.len() {
        world.actors[actor].frozen = false;
        world.compute(actor, n);
        // Two write at once; the third only follows.
        let command = if actor < 2 { OutputCommand::Write } else { OutputCommand::Follow };
        world.command(actor, command);
    }
}

fn story(seed: u64) -> Result<(), String> {
    let mut world = World::new(seed);
    if seed % 8 == 7 {
        world.cluster.versions = LOOK_ALIKE;
    }
    let n = 1 + world.chance.below(OUTPUTS_MAX);
    let names = ["a", "b", "c"];
    world.faults = Faults { lost_replies: 30, refused: 50, delay_max_us: 20_000, late: 700 };
    for name in names {
        let config = edges(&mut world, name, Noted::default());
        world.add(config);
    }
    let shakes = 10 + world.chance.below(60);
    for _ in 0..shakes {
        let pause = world.chance.below(30);
        world.run(Duration::from_millis(pause));
        shake(&mut world, &names, n);
        world.check_prefix()?;
    }
    heal(&mut world, n);
    let done = world.run_until(HEALING, |world| world.actors.iter().all(|actor| actor.is_done(n)));
    world.check_prefix()?;
    if let Some(block) = world.actors.iter().find_map(|actor| actor.blocked()) {
        return Err(format!("blocked: {block}"));
    }
    if !done {
        let states: Vec<_> = world.actors.iter().map(|actor| actor.machine.progress()).collect();
        return Err(format!("not healed, n = {n}: {states:#?}"));
    }
    world.check_log(n)
}

#[test]
fn after_healing_the_log_holds_every_output_once() {
    let seeds = std::env::var("UNDERSTUDY_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(3_000);
    let first = std::env::var("UNDERSTUDY_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    for seed in first..first + seeds {
        if let Err(problem) = story(seed) {
            panic!("seed {seed}: {problem}");
        }
    }
    eprintln!("{seeds} seeds");
}
