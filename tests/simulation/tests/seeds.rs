//! Thousands of simulated clusters, and the seeds that once went wrong.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use understudy_simulation::{Runner, Story, shrink, tell_all};

/// Seeds that are told when there is time for them.
const SEEDS: u64 = 20_000;
/// What fits into the time of a test run; what doesn't is left to `cargo xtask sim`.
const TIME_MAX: Duration = Duration::from_secs(85);
/// Every so manieth story is told twice.
const TWICE: u64 = 100;
/// The least that must have been told, whatever else runs on the machine.
const SEEDS_MIN: u64 = 50;
/// Seeds that found something, one a line; a word behind the number says what.
const FOUND: &str = include_str!("../seeds.txt");

/// Lines of a failing story that are printed.
const LAST_LINES: usize = 60;

fn assert_well(runner: &Runner, seed: u64, story: &Story) {
    let Some(violation) = &story.violation else { return };
    let Some(shrunk) = shrink(runner, seed) else { panic!("seed {seed} failed once only: {violation}") };
    let text = runner.tell(seed, shrunk.options.clone(), shrunk.faults.clone(), true).text.unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
    panic!("seed {seed}: {violation}\n{last}\n{shrunk}");
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_goes_wrong_every_output_is_published_once_and_the_cluster_heals() {
    let runner = Runner::new();
    let began = Instant::now();
    let first = setting("UNDERSTUDY_SEED").unwrap_or(0);
    let seeds = first..first + setting("UNDERSTUDY_SEEDS").unwrap_or(SEEDS);
    let tell = |seed| {
        let story = runner.run(seed, false);
        if seed % TWICE == 0 {
            let again = runner.run(seed, false).hash;
            assert_eq!(story.hash, again, "seed {seed} told another story the second time");
        }
        story
    };
    let heard = |seed: u64, story: &Story| {
        story.violation.is_none() && (began.elapsed() < TIME_MAX || seed - first < SEEDS_MIN)
    };
    let tally = tell_all(seeds, available_parallelism().unwrap_or(NonZero::<usize>::MIN), &tell, &heard);
    eprintln!("{} seeds from {first} in {:.0} s", tally.told, began.elapsed().as_secs_f64());
    if let Some(seed) = tally.failed.iter().min() {
        assert_well(&runner, *seed, &runner.run(*seed, false));
        panic!("seed {seed} failed once only");
    }
}

#[test]
fn seeds_that_once_found_something_go_well() {
    let runner = Runner::new();
    let seeds = FOUND.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in seeds {
        let seed = line.split_whitespace().next().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| panic!("no seed in \"{line}\""));
        assert_well(&runner, seed, &runner.run(seed, false));
    }
}
