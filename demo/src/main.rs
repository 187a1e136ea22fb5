//! `understudy-demo`: the drill that `demo.sh` runs, and the broker it runs on.

mod broker;
mod drill;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use drill::options::DrillOptions;

/// The demonstration of hot failover.
#[derive(Debug, Parser)]
#[command(name = "understudy-demo")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A Kafka-protocol broker in memory.
    Broker {
        /// Where to write its address.
        #[arg(long)]
        port_file: PathBuf,
        /// Topics to make.
        #[arg(long = "topic")]
        topics: Vec<String>,
    },
    /// Three engines, two adapters, faults, and the comparison with an engine that never failed.
    Drill(DrillOptions),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Broker { port_file, topics } => broker::serve(&port_file, &topics).map(|()| true),
        Command::Drill(options) => drill::run(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}
