//! `cargo xtask sim`: tells stories, says how many went wrong, and shrinks the first that did.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use understudy_simulation::{Options, Runner, draw, shrink};

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

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let fresh =
        || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64 % 1_000_000_000);
    let first = cli.seed.unwrap_or_else(fresh);
    let runner = Runner::new();
    let began = Instant::now();
    let (mut failed, mut events, mut outputs) = (0, 0, 0);
    for seed in first..first + cli.runs {
        let story = runner.run(seed, cli.trace);
        events += story.events;
        outputs += story.outputs;
        if cli.trace || cli.list {
            story.text.iter().for_each(|text| say(text));
            say(&format!("seed {seed} hash {:016x} events {} outputs {}", story.hash, story.events, story.outputs));
        }
        if cli.trace {
            say(&format!("{}", Options::of(seed)));
            draw(seed, &Options::of(seed)).iter().for_each(|fault| say(&fault.to_string()));
        }
        let Some(violation) = story.violation else { continue };
        failed += 1;
        say(&format!("seed {seed} FAILED {violation}"));
        if !cli.keep_going && !cli.trace {
            match shrink(&runner, seed) {
                Some(shrunk) => say(&shrunk.to_string()),
                None => say("a second run of the same seed didn't fail: stories can't be repeated"),
            }
            break;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    say(&format!(
        "{} seeds from {first}, {failed} failed; {events} events, {outputs} committed outputs; {:.0} seeds/s",
        cli.runs,
        cli.runs as f64 / seconds
    ));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
