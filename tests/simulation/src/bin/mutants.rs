//! `cargo xtask mutants`: turns on one seeded bug after the other, and shows how many stories it takes to find it.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use types::mutation::Mutation;
use understudy_simulation::{Catch, Runner, hunt, rule};

/// Seeded bugs, found.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask mutants")]
struct Cli {
    /// Only bugs whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Stories told for one bug at most.
    #[arg(long, default_value_t = 4_000)]
    stories: u64,
    /// How often each bug is hunted, each time from another seed on; the table shows the mean.
    #[arg(long, default_value_t = 1)]
    hunts: u64,
}

/// Hunts begin so many seeds apart.
const HUNTS_APART: u64 = 10_000;

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // A bug that makes an engine panic is found by it; its words are in the table.
    std::panic::set_hook(Box::new(|_| ()));
    let runner = Runner::new();
    let (began, mut missed) = (Instant::now(), Vec::new());
    let wanted = |bug: &Mutation| cli.only.as_ref().is_none_or(|only| bug.to_string().contains(only.as_str()));
    say(&format!("{:<4} {:<24} {:>7}  what fell", "rule", "seeded bug", "stories"));
    for bug in Mutation::ALL.into_iter().filter(wanted) {
        let name = bug.to_string();
        let hunts = (0..cli.hunts).map(|number| hunt(&runner, bug, number * HUNTS_APART, cli.stories));
        match hunts.collect::<Option<Vec<Catch>>>() {
            Some(found) => {
                let stories = found.iter().map(|found| found.stories).sum::<u64>().div_ceil(cli.hunts);
                let words = found.first().map(|found| found.violation.to_string()).unwrap_or_default();
                say(&format!("{:<4} {name:<24} {stories:>7}  {words}", rule(bug)));
            }
            None => {
                say(&format!("{:<4} {name:<24} {:>7}  NOT FOUND", rule(bug), cli.stories));
                missed.push(name);
            }
        }
    }
    say(&format!("{} not found; {:.0} s", missed.len(), began.elapsed().as_secs_f64()));
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
