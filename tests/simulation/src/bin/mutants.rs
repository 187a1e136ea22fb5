//! `cargo xtask mutants`: turns on one seeded bug after the other, and shows how many stories it takes to find it.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use types::mutation::Mutation;
use understudy_simulation::{Runner, hunt, rule};

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
}

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
        match hunt(&runner, bug, cli.stories) {
            Some(found) => say(&format!("{:<4} {name:<24} {:>7}  {}", rule(bug), found.stories, found.violation)),
            None => {
                say(&format!("{:<4} {name:<24} {:>7}  NOT FOUND", rule(bug), cli.stories));
                missed.push(name);
            }
        }
    }
    say(&format!("{} not found; {:.0} s", missed.len(), began.elapsed().as_secs_f64()));
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
