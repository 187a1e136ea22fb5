//! `cargo xtask sim`: tells stories, says how many went wrong, and shrinks one that did.

use std::io::Write as _;
use std::num::NonZero;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use understudy_simulation::{Options, Runner, Story, draw, shrink, tell_all};

/// Simulated clusters.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask sim")]
struct Cli {
    /// The first seed; without it one is picked and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// How many seeds.
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// Tell every so manieth story twice, and compare what happened.
    #[arg(long)]
    compare_each: Option<NonZero<u64>>,
    /// How many threads tell stories; without it as many as there are cores.
    #[arg(long)]
    threads: Option<NonZero<usize>>,
    /// Print everything that happens.
    #[arg(long)]
    trace: bool,
    /// Print a line for each seed: hash, events, outputs.
    #[arg(long)]
    list: bool,
    /// Go on after a failure, without shrinking it.
    #[arg(long)]
    keep_going: bool,
}

impl Cli {
    /// What is read goes by seed, so one thread tells it.
    fn threads(&self) -> NonZero<usize> {
        if self.trace || self.list {
            return NonZero::<usize>::MIN;
        }
        self.threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZero::<usize>::MIN)
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints what was asked for; false when the story went wrong and nothing more is to be told.
fn heard(cli: &Cli, seed: u64, story: &Story) -> bool {
    if cli.trace || cli.list {
        story.text.iter().for_each(|text| say(text));
        say(&format!("seed {seed} hash {:016x} events {} outputs {}", story.hash, story.events, story.outputs));
    }
    if cli.trace {
        say(&format!("{}", Options::of(seed)));
        draw(seed, &Options::of(seed)).iter().for_each(|fault| say(&fault.to_string()));
    }
    if let Some(violation) = &story.violation {
        say(&format!("seed {seed} FAILED {violation}"));
    }
    story.violation.is_none() || cli.keep_going || cli.trace
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let fresh =
        || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64 % 1_000_000_000);
    let first = cli.seed.unwrap_or_else(fresh);
    let runner = Runner::new();
    let began = Instant::now();
    let is_compared = |seed: u64| cli.compare_each.is_some_and(|each| seed.is_multiple_of(each.get()));
    let tell = |seed| if is_compared(seed) { runner.run_twice(seed) } else { runner.run(seed, cli.trace) };
    let tally = tell_all(first..first + cli.runs, cli.threads(), &tell, &|seed, story| heard(&cli, seed, story));
    let seconds = began.elapsed().as_secs_f64();
    if let Some(seed) = tally.failed.iter().min().filter(|_| !cli.keep_going && !cli.trace) {
        match shrink(&runner, *seed) {
            Some(shrunk) => say(&shrunk.to_string()),
            None => say("a second run of the same seed didn't fail: stories can't be repeated"),
        }
    }
    say(&format!(
        "{} seeds from {first}, {} failed; a story has {:.0} events, {:.1} faults, {:.1} takeovers, {:.1} \
         restored snapshots, {:.0} committed outputs; {:.0} seeds/s",
        tally.told,
        tally.failed.len(),
        tally.each(tally.events),
        tally.each(tally.faults),
        tally.each(tally.takeovers),
        tally.each(tally.restores),
        tally.each(tally.outputs),
        tally.told as f64 / seconds
    ));
    if tally.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
