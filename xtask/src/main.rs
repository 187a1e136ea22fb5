//! The project's own commands: `cargo xtask verify` is what CI runs, and it never writes; `cargo xtask fix` writes.

mod chaos;
mod e2e;
mod layers;
mod links;
mod steps;

use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Format, lints, tests, docs, layers, dependencies, links. Writes nothing.
    Verify,
    /// Apply what clippy and rustfmt can mend by themselves.
    Fix,
    /// Check who imports whom.
    Layers,
    /// The golden scenarios of the replica machine.
    Scenario {
        /// Write what happened as what is expected; read the diff before you commit it.
        #[arg(long)]
        bless: bool,
    },
    /// Simulated clusters: whole stories from seeds (`--seed N --runs N --trace --list --keep-going`).
    Sim {
        /// Handed to the simulator.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Seeded bugs, one at a time, and how many simulated stories find each (`--only NAME --stories N`).
    Mutants {
        /// Handed to the simulator.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Tests on real Kafka and ZooKeeper.
    E2e {
        /// Only tests whose name contains this.
        filter: Option<String>,
    },
    /// Faults on real processes in network namespaces; `--help` prints what can be said, `--selection` is one row of each kind.
    #[command(disable_help_flag = true)]
    Chaos {
        /// Handed to the runner.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measurements, as ratios of one run.
    Bench {
        /// Handed to the benches.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Verify => steps::verify(),
        Command::Fix => steps::fix(),
        Command::Layers => layers::check(),
        Command::Scenario { bless } => steps::scenario(bless),
        Command::Sim { arguments } => steps::sim(&arguments),
        Command::Mutants { arguments } => steps::mutants(&arguments),
        Command::E2e { filter } => e2e::all(filter.as_deref()),
        Command::Chaos { arguments } => chaos::run_with(&arguments),
        Command::Bench { arguments } => steps::bench(&arguments),
    }
}
