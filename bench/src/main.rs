//! `understudy-bench`: measurements as ratios of one run, with the machine written down.

mod alone;
mod codec;
mod machine;
mod measure;
mod model;
mod takeover;

use std::collections::BTreeSet;
use std::io::Write as _;

use clap::{Parser, ValueEnum};

/// Measurements as ratios of one run.
#[derive(Debug, Parser)]
#[command(name = "understudy-bench")]
struct Cli {
    /// What to measure; everything when nothing is named.
    parts: Vec<Part>,
    /// Events of one round of the engine's measurement; it runs several rounds of each kind.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    events: u32,
    /// How often the active engine is killed.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
    /// Events a second while engines are killed.
    #[arg(long, default_value_t = 2_000)]
    rate: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Part {
    /// The engine without Kafka: events a second on one core.
    Engine,
    /// Encoding and decoding: nanoseconds an event.
    Codec,
    /// From the death of the active engine to the next output.
    Takeover,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let parts: BTreeSet<Part> = match cli.parts.as_slice() {
        [] => Part::value_variants().iter().copied().collect(),
        named => named.iter().copied().collect(),
    };
    print(&machine::describe());
    for part in parts {
        match part {
            Part::Engine => alone::run(cli.events)?,
            Part::Codec => codec::run()?,
            Part::Takeover => takeover::run(cli.kills, cli.rate)?,
        }
    }
    Ok(())
}

/// Results go to standard output; a closed pipe is no error.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}
