//! The language of the scenarios: one command a line.
//!
//! ```text
//! world outputs=2 buffered=10 unacknowledged=50 fencing=none speed=50 rate=50 expiry=never    only as the first command
//! cluster n1 n2 n3        starts these and lets them settle, untold
//! start n1 n2             starts these, again where they ran before
//! input 500               so many records more in the inbound topic
//! advance 300             milliseconds pass
//! kill n1 | vanish n1 | freeze n1 | thaw n1
//! cut n1 n2 | mend n1 n2  the link between two
//! refuse n1 n2 | accept n1 n2        a firewall between two resets their connections, or doesn't any more
//! coordinator down | up
//! isolate n1 | reconnect n1          from the coordinator
//! mute n1                 the coordinator's words don't come any more, and its client doesn't know yet
//! lose n1 n2              the coordinator, for good
//! expire n1 n2            their sessions end together and come back in this order
//! remove n1               an operator removes its entry
//! log o0 down | up        for everybody
//! strand n1 | reach n1    from all logs
//! last n1 30              its writers say that one append, up to there, is left on its way
//! endanger n1 n2 | secure n1 n2     these learn that what the logs acknowledge may not last, or does again
//! hang n1 | unhang n1     its writer alone, unnoticed by itself
//! speed n2 0              records per 10 ms
//! switchover n1 [n3] | failover n2 | shutdown n1 | block n1 | force n1 | pause n1 … | resume n1 …
//! ```

use failover::{Block, BlockCause, Fact, Fencing, OutputId};
use types::OutputIndex;

use super::{Settings, World};

/// Runs a script and gives back the world with its story.
pub(crate) fn run(script: &str) -> World {
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut lines = lines.peekable();
    let settings = lines.next_if(|line| line.starts_with("world ")).map(settings).unwrap_or_default();
    let mut world = World::new(settings);
    world.story = Some(String::new());
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        command(&mut world, &words).unwrap_or_else(|| panic!("not a command: {line}"));
    }
    world
}

fn settings(line: &str) -> Settings {
    let mut settings = Settings::default();
    for word in line.split_whitespace().skip(1) {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let number = || value.parse().unwrap_or_else(|_| panic!("{word} has no number"));
        match key {
            "outputs" => settings.outputs = usize::try_from(number()).expect("few outputs"),
            "buffered" => settings.buffered = number(),
            "unacknowledged" => settings.unacknowledged = number(),
            "speed" => settings.speed = number(),
            "rate" => settings.rate = number(),
            "fencing" if value == "none" => settings.fencing = Fencing::None,
            "expiry" if value == "never" => settings.expiry = false,
            _ => panic!("not a setting: {word}"),
        }
    }
    settings
}

fn command(world: &mut World, words: &[&str]) -> Option<()> {
    match *words {
        ["cluster", ref names @ ..] => cluster(world, names),
        ["start", ref names @ ..] => names.iter().for_each(|name| world.start(name)),
        ["input", records] => world.input += records.parse::<u64>().ok()?,
        ["advance", ms] => world.advance(ms.parse().ok()?),
        ["kill", name] => world.kill(world.node(name)),
        ["vanish", name] => world.vanish(world.node(name)),
        ["freeze", name] => world.freeze(world.node(name)),
        ["thaw", name] => world.thaw(world.node(name)),
        ["cut", one, other] => {
            let pair = pair(world, one, other);
            world.cuts.insert(pair);
        }
        ["mend", one, other] => {
            let pair = pair(world, one, other);
            world.cuts.remove(&pair);
        }
        ["refuse", one, other] => {
            let pair = pair(world, one, other);
            world.refusals.insert(pair);
        }
        ["accept", one, other] => {
            let pair = pair(world, one, other);
            world.refusals.remove(&pair);
            world.meet_again(pair);
        }
        ["coordinator", state] => {
            world.coordinator.down = is_down(state)?;
            world.settle_connections();
        }
        ["isolate", name] => reach_coordinator(world, name, false),
        ["mute", name] => {
            let i = world.node(name);
            world.nodes[i].reaches_coordinator = false;
        }
        ["lose", ref names @ ..] => {
            let failed = || Fact::CoordinatorFailed { detail: "the notebook is gone".to_owned() };
            names.iter().for_each(|name| world.forget_session(world.node(name)));
            names.iter().for_each(|name| ask(world, name, failed()));
        }
        ["reconnect", name] => reach_coordinator(world, name, true),
        ["expire", ref names @ ..] => {
            let nodes: Vec<usize> = names.iter().map(|name| world.node(name)).collect();
            world.lose_sessions(&nodes);
        }
        ["remove", name] => {
            world.remove_entries(world.node(name));
            world.pump();
        }
        ["log", output, state] => {
            let output: usize = output.strip_prefix('o')?.parse().ok()?;
            world.logs.get_mut(output)?.down = is_down(state)?;
        }
        ["strand", name] => reach_logs(world, name, false),
        ["reach", name] => reach_logs(world, name, true),
        ["last", name, next] => {
            let (i, next) = (world.node(name), OutputIndex(next.parse().ok()?));
            for output in (0..world.settings.outputs).map(OutputId) {
                world.tell(i, Fact::LastOnItsWay { output, next });
            }
            world.pump();
        }
        ["endanger", ref names @ ..] => names.iter().for_each(|name| endanger(world, name, true)),
        ["secure", ref names @ ..] => names.iter().for_each(|name| endanger(world, name, false)),
        ["hang", name] => hang(world, name, true),
        ["unhang", name] => hang(world, name, false),
        ["speed", name, records] => {
            let i = world.node(name);
            world.nodes[i].speed = records.parse().ok()?;
        }
        ["switchover", name] => ask(world, name, Fact::SwitchoverAsked { to: None }),
        ["switchover", name, to] => ask(world, name, Fact::SwitchoverAsked { to: Some(to.into()) }),
        ["failover", name] => ask(world, name, Fact::FailoverAsked),
        ["shutdown", name] => ask(world, name, Fact::ShutdownAsked),
        ["block", name] => {
            let block = Block { cause: BlockCause::Diverged, detail: "at index 7".to_owned() };
            ask(world, name, Fact::BlockMet(block));
        }
        ["force", name] => ask(world, name, Fact::ForceAsked),
        ["pause", ref names @ ..] => names.iter().for_each(|name| ask(world, name, Fact::PauseAsked)),
        ["resume", ref names @ ..] => names.iter().for_each(|name| ask(world, name, Fact::ResumeAsked)),
        _ => return None,
    }
    Some(())
}

/// The usual beginning: everybody stands in line, the first writes, some records went through.
fn cluster(world: &mut World, names: &[&str]) {
    let story = world.story.take();
    names.iter().for_each(|name| world.start(name));
    world.input += 20;
    world.advance(100);
    world.story = story;
}

fn ask(world: &mut World, name: &str, fact: Fact) {
    world.tell(world.node(name), fact);
    world.pump();
}

fn endanger(world: &mut World, name: &str, endangered: bool) {
    for output in 0..world.settings.outputs {
        ask(world, name, Fact::OutputEndangered { output: failover::OutputId(output), endangered });
    }
}

fn pair(world: &World, one: &str, other: &str) -> (usize, usize) {
    let (one, other) = (world.node(one), world.node(other));
    (one.min(other), one.max(other))
}

fn is_down(state: &str) -> Option<bool> {
    match state {
        "down" => Some(true),
        "up" => Some(false),
        _ => None,
    }
}

fn reach_coordinator(world: &mut World, name: &str, reaches: bool) {
    let i = world.node(name);
    world.nodes[i].reaches_coordinator = reaches;
    world.settle_connections();
}

fn hang(world: &mut World, name: &str, hung: bool) {
    let i = world.node(name);
    world.nodes[i].hung = hung;
}

fn reach_logs(world: &mut World, name: &str, reaches: bool) {
    let i = world.node(name);
    world.nodes[i].reaches_logs = reaches;
}
