//! Simulated clusters, and the seeds that once went wrong.

use std::num::NonZero;
use std::thread::available_parallelism;

use understudy_simulation::{Runner, Story, shrink, tell_all};

/// A first few; `cargo xtask verify` tells thousands more.
const SEEDS: u64 = 300;
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

#[test]
fn whatever_goes_wrong_every_output_is_published_once_and_the_cluster_heals() {
    let runner = Runner::new();
    let heard = |_, story: &Story| story.violation.is_none();
    let threads = available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let tally = tell_all(0..SEEDS, threads, &|seed| runner.run(seed, false), &heard);
    if let Some(seed) = tally.failed.iter().min() {
        assert_well(&runner, *seed, &runner.run(*seed, false));
        panic!("seed {seed} failed once only");
    }
}

#[test]
fn a_seed_tells_the_same_story_each_time() {
    let runner = Runner::new();
    (0..5).for_each(|seed| assert_eq!(runner.run_twice(seed).violation, None));
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
