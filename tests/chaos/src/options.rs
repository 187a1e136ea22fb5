//! What a run is told.

use std::path::PathBuf;

use clap::Parser;

/// Faults on real processes: three brokers, three ZooKeeper nodes, three engines, a publisher and a subscriber, each in a
/// network namespace of its own; judged by an engine that never failed. Needs root.
#[derive(Debug, Parser, Clone)]
#[command(name = "cargo xtask chaos")]
pub(crate) struct Options {
    /// Rows of the matrix, as F1,F7; F3 means all its variants. All that are built when not said.
    #[arg(long, value_delimiter = ',')]
    pub(crate) rows: Vec<String>,
    /// How often each row is played; trials that an earlier run of this folder has played count.
    #[arg(long, default_value_t = 1)]
    pub(crate) repeat: usize,
    /// Fixes order and pauses; taken from the clock and printed when not said.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Random rows for this long (`90s`, `30m`, `2h`) instead of a fixed number.
    #[arg(long, value_parser = duration)]
    pub(crate) soak: Option<std::time::Duration>,
    /// Instead of rows: a standby takes the role once a second, for this long altogether, and throughput is compared with
    /// periods in which nothing happens.
    #[arg(long, value_parser = duration)]
    pub(crate) suspicions: Option<std::time::Duration>,
    /// Trials on one project before it is judged and a new one begins; 1 finds the culprit most surely, and takes longest.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(crate) lap: u64,
    /// Events a second.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) rate: u64,
    /// Folder of journal, report and evidence.
    #[arg(long, default_value = "chaos-report")]
    pub(crate) report: PathBuf,
    /// Keep the folders of laps without an anomaly, too.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Put these journals' trials into the report as well.
    #[arg(long, value_name = "JOURNAL")]
    pub(crate) merge: Vec<PathBuf>,
    /// Play nothing, only write the report of what the journal says.
    #[arg(long)]
    pub(crate) report_only: bool,
    /// Print all rows, those that aren't built with the reason.
    #[arg(long)]
    pub(crate) list: bool,
    /// Write the measured table into docs/reliability.md.
    #[arg(long)]
    pub(crate) docs: bool,
    /// Do nothing, and say so in a line, where namespaces are not permitted.
    #[arg(long)]
    pub(crate) if_possible: bool,
    /// The `understudy` program.
    #[arg(long)]
    pub(crate) daemon: PathBuf,
    /// The project.
    #[arg(long, default_value = "examples/sum20/project.xml")]
    pub(crate) project: PathBuf,
}

/// `90s`, `30m`, `2h`.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || format!("{text}: write a duration as 90s, 30m or 2h");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    Ok(std::time::Duration::from_secs(number.saturating_mul(seconds)))
}
