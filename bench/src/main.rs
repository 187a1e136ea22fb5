//! `understudy-bench`: measurements as ratios of one run, with the machine written down.

mod alone;
mod catch_up;
mod cluster;
mod codec;
mod copy;
mod drain;
mod feed;
mod gaps;
mod kills;
mod latency;
mod log_end;
mod machine;
mod measure;
mod model;
mod process;
mod replica;
mod rival;
mod snapshot;
mod subject;
mod switchovers;
mod tail;
mod takeover;
mod writer;

use std::collections::BTreeSet;
use std::io::Write as _;

use clap::{Parser, Subcommand, ValueEnum};

/// Measurements as ratios of one run.
#[derive(Debug, Parser)]
#[command(name = "understudy-bench", args_conflicts_with_subcommands = true)]
struct Cli {
    /// What to measure; everything when nothing is named.
    parts: Vec<Part>,
    /// Events of one round of the engine's measurement; it runs several rounds of each kind.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    events: u32,
    /// How often the active engine is killed.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
    /// How often the active engine hands over.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    switchovers: u32,
    /// Events a second while engines are killed or hand over.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Records of the backlog that is drained in one round.
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u32).range(1_000..))]
    backlog: u32,
    /// Rounds of what runs on real brokers; daemon and copy take turns.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Records a second while latency is measured.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..))]
    latency_rate: u32,
    /// Seconds of one round of latency.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    latency_seconds: u32,
    /// The program starts itself as these.
    #[command(subcommand)]
    child: Option<Child>,
}

#[derive(Debug, Subcommand)]
enum Child {
    /// The raw copy.
    #[command(hide = true, name = copy::NAME)]
    Copy(copy::CopyArgs),
    /// A bare appender.
    #[command(hide = true, name = rival::NAME)]
    Rival(rival::RivalArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Part {
    /// The engine without Kafka: events a second on one core.
    Engine,
    /// A backlog on real brokers: records a second, against a raw copy.
    Kafka,
    /// Encoding and decoding: nanoseconds an event.
    Codec,
    /// Snapshots of a large state: pauses, and coming back.
    Snapshot,
    /// From the death of the active engine to the next output, broker in memory.
    Takeover,
    /// The same on real brokers with its phases, and the takeover of a bare appender.
    Kills,
    /// Switchovers on real brokers, with their phases.
    Switchovers,
    /// Latency at a steady rate on real brokers, against a raw copy.
    Latency,
    /// A replica that begins far behind, on real brokers, while records go on coming.
    CatchUp,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match &cli.child {
        Some(Child::Copy(args)) => copy::run(args),
        Some(Child::Rival(args)) => rival::run(args),
        None => measure(&cli),
    }
}

fn measure(cli: &Cli) -> anyhow::Result<()> {
    let parts: BTreeSet<Part> = match cli.parts.as_slice() {
        [] => Part::value_variants().iter().copied().collect(),
        named => named.iter().copied().collect(),
    };
    print(&machine::describe());
    for part in parts {
        match part {
            Part::Engine => alone::run(cli.events)?,
            Part::Kafka => drain::run(cli.backlog, cli.rounds)?,
            Part::Codec => codec::run()?,
            Part::Snapshot => snapshot::run()?,
            Part::Takeover => takeover::run(cli.kills, cli.rate)?,
            Part::Kills => kills::run(cli.kills, cli.rate)?,
            Part::Switchovers => switchovers::run(cli.switchovers, cli.rate)?,
            Part::CatchUp => catch_up::run(cli.backlog, cli.rounds)?,
            Part::Latency => latency::run(cli.latency_rate, cli.latency_seconds, cli.rounds)?,
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
