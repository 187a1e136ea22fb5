//! What a drill is told.

use std::path::PathBuf;

use clap::Args;

/// The size of a drill and its faults.
#[derive(Debug, Args, Clone)]
pub(crate) struct DrillOptions {
    /// The `understudy` program.
    #[arg(long)]
    pub(crate) daemon: PathBuf,
    /// On the real brokers and ZooKeeper of this `kafka-scripts/cluster`, which is started when it isn't up.
    #[arg(long, value_name = "SCRIPT")]
    pub(crate) real: Option<PathBuf>,
    /// A setting for every command of the drill, as in `--set fencing=transaction`.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// The project file.
    #[arg(long)]
    pub(crate) project: PathBuf,
    /// How often the active engine is killed.
    #[arg(long, default_value_t = 5)]
    pub(crate) kills: u32,
    /// Events a second.
    #[arg(long, default_value_t = 2_000)]
    pub(crate) rate: u64,
    /// How many seconds events come, at least; they come as long as faults do.
    #[arg(long, default_value_t = 0)]
    pub(crate) seconds: u64,
    /// Folder for the report; what was in it before is replaced.
    #[arg(long, default_value = "demo-report")]
    pub(crate) report: PathBuf,
    /// How often the active engine is frozen and woken as a zombie.
    #[arg(long, default_value_t = 1)]
    pub(crate) freezes: u32,
    /// How often the broker that leads the outbound topic is killed (real brokers only).
    #[arg(long, default_value_t = 1)]
    pub(crate) broker_kills: u32,
    /// How many publishers read the input; one of them publishes (more than one: real ZooKeeper only).
    #[arg(long, default_value_t = 1)]
    pub(crate) publishers: u32,
    /// How often the publisher is killed.
    #[arg(long, default_value_t = 0)]
    pub(crate) publisher_kills: u32,
    /// How often the subscriber is killed.
    #[arg(long, default_value_t = 0)]
    pub(crate) subscriber_kills: u32,
    /// How often ZooKeeper is restarted (real ZooKeeper only).
    #[arg(long, default_value_t = 0)]
    pub(crate) zookeeper_restarts: u32,
    /// Two engines are forced active at once.
    #[arg(long)]
    pub(crate) two_actives: bool,
}
