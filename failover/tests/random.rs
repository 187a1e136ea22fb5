//! Random worlds: faults at random, checks after every fact, then everything heals and the cluster must too.
//!
//! The world itself checks after each fact: nobody is told to write unless its stage is active, nothing follows an exit,
//! no conclusion is left undrawn, no deadline is left due, and the log takes only what comes next. A failure prints its
//! seed; run it alone with `SEED=… RUNS=1 cargo test -p understudy-failover --test random`.

// By the name that the whole house uses.
extern crate understudy_failover as failover;

mod world;

use std::panic::{self, AssertUnwindSafe};

use failover::{Block, BlockCause, Fact, Fencing, OutputId, Place, Stage};
use types::OutputIndex;
use world::{Life, Settings, World};

const SEEDS: u64 = 300;
const FAULTS: u64 = 60;
/// Longer than a session, a handover, the doubled patience with anybody, and the replay of everything.
const HEALING_MS: u64 = 20_000;

#[test]
fn whatever_happened_a_healed_cluster_has_one_writer_and_everybody_in_line() {
    let setting = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let first = setting("SEED").unwrap_or(0);
    for seed in first..first + setting("RUNS").unwrap_or(SEEDS) {
        let mut world = World::new(settings(seed));
        world.story = Some(String::new());
        let lived = panic::catch_unwind(AssertUnwindSafe(|| live(&mut world, seed)));
        if let Err(cause) = lived {
            let story: Vec<&str> = world.story.as_deref().unwrap_or_default().lines().collect();
            let last = &story[story.len().saturating_sub(60)..];
            eprintln!("seed {seed}, the last facts:\n{}\n{}", last.join("\n"), world.state());
            panic::resume_unwind(cause);
        }
    }
}

fn live(world: &mut World, seed: u64) {
    let mut dice = Dice(seed);
    for name in ["n1", "n2", "n3"] {
        world.start(name);
    }
    world.advance(100);
    for _ in 0..FAULTS {
        disturb(world, &mut dice);
        world.advance(10 * dice.below(60));
    }
    heal(world);
    let writers_before = world.story.as_deref().unwrap_or_default().len();
    assert_healed(world);
    world.input += 100;
    world.advance(500);
    assert_healed(world);
    let story = world.story.as_deref().unwrap_or_default();
    assert!(!story[writers_before..].contains("Announce"), "roles changed without a cause");
}

fn settings(seed: u64) -> Settings {
    Settings {
        outputs: 1 + usize::try_from(seed % 2).unwrap_or(0),
        buffered: 40,
        unacknowledged: 120,
        fencing: if seed % 5 == 4 { Fencing::None } else { Fencing::Log },
        speed: 20,
        rate: 20,
        expiry: !seed.is_multiple_of(7),
    }
}

fn disturb(world: &mut World, dice: &mut Dice) {
    let i = dice.node();
    let name = world.nodes[i].name.clone();
    match dice.below(26) {
        0..4 => world.input += dice.below(200),
        4 => world.kill(i),
        5 => world.vanish(i),
        6..9 if world.nodes[i].life == Life::Down => world.start(&name),
        6 => world.freeze(i),
        7 | 8 => world.thaw(i),
        9 => toggle_link(world, i, dice.node()),
        10 => {
            world.coordinator.down = !world.coordinator.down;
            world.settle_connections();
        }
        11 => {
            world.nodes[i].reaches_coordinator = !world.nodes[i].reaches_coordinator;
            world.settle_connections();
        }
        12 if !world.coordinator.down => world.lose_sessions(&dice.order()),
        13 => {
            world.remove_entries(i);
            world.pump();
        }
        14 => world.logs[0].down = !world.logs[0].down,
        15 => world.nodes[i].reaches_logs = !world.nodes[i].reaches_logs,
        16 => world.nodes[i].speed = dice.below(3) * 10,
        17 => ask(world, i, Fact::SwitchoverAsked { to: None }),
        18 => ask(world, i, Fact::SwitchoverAsked { to: Some(["n1", "n2", "n3"][dice.node()].into()) }),
        19 => ask(world, i, Fact::ShutdownAsked),
        20 => ask(world, i, Fact::PauseAsked),
        24 => ask(world, i, Fact::FailoverAsked),
        23 => world.nodes[i].hung = !world.nodes[i].hung,
        21 => ask(world, i, Fact::ResumeAsked),
        25 => leave_last(world, i, dice),
        22 if dice.below(4) == 0 => {
            let block = Block { cause: BlockCause::Diverged, detail: String::new() };
            ask(world, i, Fact::BlockMet(block));
        }
        _ => {}
    }
}

fn ask(world: &mut World, i: usize, fact: Fact) {
    world.tell(i, fact);
    world.pump();
}

/// While it waits for its logs, one append of each is left on its way, and may never arrive.
fn leave_last(world: &mut World, i: usize, dice: &mut Dice) {
    for output in 0..world.settings.outputs {
        let node = &world.nodes[i];
        if node.life == Life::Up && node.draining[output] {
            let next = OutputIndex(node.told[output] + dice.below(20));
            world.tell(i, Fact::LastOnItsWay { output: OutputId(output), next });
        }
    }
    world.pump();
}

fn toggle_link(world: &mut World, i: usize, j: usize) {
    let pair = (i.min(j), i.max(j));
    if i != j && !world.cuts.remove(&pair) {
        world.cuts.insert(pair);
    }
}

/// Removes every fault; who is down or blocked is started anew.
fn heal(world: &mut World) {
    world.cuts.clear();
    world.coordinator.down = false;
    world.logs.iter_mut().for_each(|log| log.down = false);
    for i in 0..world.nodes.len() {
        let speed = world.settings.speed;
        let node = &mut world.nodes[i];
        (node.reaches_coordinator, node.reaches_logs, node.speed, node.hung) = (true, true, speed, false);
        world.thaw(i);
    }
    world.settle_connections();
    for i in 0..world.nodes.len() {
        ask(world, i, Fact::ResumeAsked);
    }
    // A shutdown that was asked for may still be on its way.
    world.advance(HEALING_MS);
    for i in 0..world.nodes.len() {
        let node = &world.nodes[i];
        let lost = node.life == Life::Down || node.machine().stage() == Stage::Blocked;
        if lost {
            let name = node.name.clone();
            world.kill(i);
            world.start(&name);
        }
    }
    world.advance(HEALING_MS);
}

fn assert_healed(world: &World) {
    let writers: Vec<&str> = world.nodes.iter().filter(|node| node.writing).map(|node| node.name.as_str()).collect();
    assert_eq!(writers.len(), 1, "writers: {writers:?}");
    for node in &world.nodes {
        let machine = node.machine();
        assert!(machine.is_eligible(), "{} is not eligible", node.name);
        assert!(matches!(machine.place(), Place::In { .. }), "{} is not in line", node.name);
        assert_eq!(node.computed, world.input, "{} didn't read on", node.name);
        let stage = if node.writing { Stage::Active } else { Stage::Standby };
        assert_eq!(machine.stage(), stage, "{}", node.name);
    }
    assert!(world.logs.iter().all(|log| log.end == world.input), "not everything is published");
    assert_eq!(world.coordinator.line().len(), world.nodes.len(), "somebody stands in line twice");
}

/// splitmix64: enough for choosing faults, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn node(&mut self) -> usize {
        usize::try_from(self.below(3)).unwrap_or(0)
    }

    fn order(&mut self) -> [usize; 3] {
        [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]][usize::try_from(self.below(6)).unwrap_or(0)]
    }
}
