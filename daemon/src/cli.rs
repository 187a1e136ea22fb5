//! The command line: one binary, `understudy`, with subcommands.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Hot failover for event stream processing: nothing lost, repeated or reordered.
#[derive(Debug, Parser)]
#[command(name = "understudy", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one replica of a project.
    Run(RunArgs),
    /// Say whether a project file is sound and may run under hot failover; changes nothing.
    Validate {
        /// The project file.
        #[arg(short, long, value_name = "FILE")]
        project: PathBuf,
    },
    /// Run one engine without any failover code over a topic or files: what an engine that never failed would write.
    Replay(ReplayArgs),
    /// Write a topic as JSON lines.
    Capture(CaptureArgs),
    /// Print a topic's records as they come.
    Tail(TailArgs),
    /// Compare two captures or csv files; exit 0 identical, 1 different, 2 usage.
    Check(CheckArgs),
    /// Make, look at or remove the topics a project needs.
    Topics {
        /// Which.
        #[command(subcommand)]
        action: TopicsAction,
    },
    /// Begin a new generation: the project changed, or its output topics are to start over.
    Reset {
        /// Project and cluster.
        #[command(flatten)]
        target: ProjectArgs,
        /// Don't ask.
        #[arg(long)]
        yes: bool,
    },
    /// Show all members of a running cluster.
    Status {
        /// Any member's HTTP address.
        #[arg(long, default_value = "127.0.0.1:31415", value_name = "HOST:PORT")]
        http: Vec<String>,
        /// How to print.
        #[arg(short, long, value_enum, default_value_t = OutputForm::Table)]
        output: OutputForm,
    },
    /// Hand the active role over without an interruption.
    Switchover(SwitchoverArgs),
    /// Make a standby active without asking the one that is: for one that doesn't answer or doesn't let go.
    Failover(FailoverArgs),
    /// Make a member forget its state and its snapshots and rebuild both.
    Reinit(ReinitArgs),
    /// Change the version of all members, one after the other, guided: what to do next, and when it may be done.
    Upgrade(UpgradeArgs),
    /// Freeze automatic failover at all members, for maintenance; a switchover still works.
    Pause(MemberArgs),
    /// End a pause at all members.
    Resume(MemberArgs),
    /// Show the cluster's last takeovers: who, why, how long, and where the outputs went on.
    History(MemberArgs),
    /// Explain the longest gap that a failure could cause now, or the meaning of an error code.
    Explain {
        /// As in E008: its cause and what to try; `codes` lists them all. Without one: the worst gap of the running cluster.
        code: Option<String>,
        /// The cluster.
        #[command(flatten)]
        member: MemberArgs,
    },
    /// For container health checks: exit 0 when the replica at this address is healthy.
    Health {
        /// The replica's HTTP address.
        #[arg(long, default_value = "127.0.0.1:31415", value_name = "HOST:PORT")]
        http: String,
    },
    /// Settings.
    Config {
        /// Which.
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// File adapters: rows of a file into a project's inbound topic, outputs into a file.
    Adapter {
        /// Which.
        #[command(subcommand)]
        kind: AdapterKind,
    },
}

/// Whom to ask, and how to print.
#[derive(Debug, Args, Clone)]
pub struct MemberArgs {
    /// Any member's HTTP address.
    #[arg(long, default_value = "127.0.0.1:31415", value_name = "HOST:PORT")]
    pub http: String,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Table)]
    pub output: OutputForm,
}

/// `switchover`.
#[derive(Debug, Args, Clone)]
pub struct SwitchoverArgs {
    /// To this member; the first in line when not said.
    #[arg(long, value_name = "MEMBER")]
    pub to: Option<String>,
    /// Wait until the new one's first output is in the log, and say how long it took.
    #[arg(long)]
    pub wait: bool,
    /// How long to wait.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub timeout: Duration,
    /// Whom to ask.
    #[command(flatten)]
    pub member: MemberArgs,
}

/// `failover`.
#[derive(Debug, Args, Clone)]
pub struct FailoverArgs {
    /// This standby; the one that would take over by itself when not said.
    #[arg(long, value_name = "MEMBER")]
    pub to: Option<String>,
    /// Don't ask.
    #[arg(long)]
    pub yes: bool,
    /// How long to wait for it to be active.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub timeout: Duration,
    /// Whom to ask.
    #[command(flatten)]
    pub member: MemberArgs,
}

/// `upgrade`.
#[derive(Debug, Args, Clone)]
pub struct UpgradeArgs {
    /// Where the shadow of the new version serves its status.
    #[arg(long, default_value = "127.0.0.1:31417", value_name = "HOST:PORT")]
    pub shadow: String,
    /// So many identical outputs prove the new version.
    #[arg(long, default_value_t = 10_000, value_name = "OUTPUTS")]
    pub outputs: u64,
    /// How many members the cluster has; as many as answer now when not said.
    #[arg(long, value_name = "COUNT")]
    pub members: Option<usize>,
    /// Don't ask before the switchover.
    #[arg(long)]
    pub yes: bool,
    /// How long one step may take.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub timeout: Duration,
    /// The cluster.
    #[command(flatten)]
    pub member: MemberArgs,
}

/// `reinit`.
#[derive(Debug, Args, Clone)]
pub struct ReinitArgs {
    /// Which member.
    #[arg(value_name = "MEMBER")]
    pub name: String,
    /// Don't ask.
    #[arg(long)]
    pub yes: bool,
    /// Wait until it is in sync again.
    #[arg(long)]
    pub wait: bool,
    /// How long to wait.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub timeout: Duration,
    /// Whom to ask.
    #[command(flatten)]
    pub member: MemberArgs,
}

/// Where settings come from.
#[derive(Debug, Args, Clone, Default)]
pub struct SettingArgs {
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "UNDERSTUDY_CONFIG")]
    pub config: Option<PathBuf>,
    /// Any setting; wins over everything else.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}

/// A project and the settings to reach its cluster.
#[derive(Debug, Args, Clone)]
pub struct ProjectArgs {
    /// The project file.
    #[arg(short, long, value_name = "FILE")]
    pub project: PathBuf,
    /// Settings.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// `run`.
#[derive(Debug, Args, Clone)]
pub struct RunArgs {
    /// Project and settings.
    #[command(flatten)]
    pub target: ProjectArgs,
    /// This replica's name, unique in its cluster.
    #[arg(long)]
    pub name: Option<String>,
    /// Where status, health and metrics are served.
    #[arg(long, value_name = "HOST:PORT")]
    pub http: Option<String>,
    /// The address under which `status` finds this replica instead of --http.
    #[arg(long, value_name = "HOST:PORT")]
    pub http_advertise: Option<String>,
    /// Where other replicas reach this one.
    #[arg(long, value_name = "HOST:PORT")]
    pub peer: Option<String>,
    /// The address that other replicas are told instead of --peer.
    #[arg(long, value_name = "HOST:PORT")]
    pub peer_advertise: Option<String>,
    /// File with the secret that replicas share.
    #[arg(long, value_name = "FILE")]
    pub peer_secret_file: Option<String>,
    /// Folder for local files.
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Honour UNDERSTUDY_TEST_… variables.
    #[arg(long)]
    pub allow_test_switches: bool,
    /// Go on with topics that could lose data (demonstrations only).
    #[arg(long)]
    pub allow_unreplicated: bool,
    /// Needed with fencing = none.
    #[arg(long)]
    pub force_unfenced: bool,
    /// How long a stopping active waits for its last acknowledgements.
    #[arg(long, value_name = "DURATION")]
    pub handover_timeout: Option<String>,
    /// Run beside the cluster instead of in it: compare every output with the cluster's, and never write.
    #[arg(long)]
    pub shadow: bool,
    /// With --shadow: end with 0 once so many outputs were identical, with 1 at the first difference.
    #[arg(long, value_name = "OUTPUTS", requires = "shadow")]
    pub prove: Option<u64>,
}

impl RunArgs {
    /// All flags as settings.
    #[must_use]
    pub fn flags(&self) -> Vec<(String, String)> {
        let texts = [
            ("name", &self.name),
            ("http", &self.http),
            ("http-advertise", &self.http_advertise),
            ("peer", &self.peer),
            ("peer-advertise", &self.peer_advertise),
            ("peer-secret-file", &self.peer_secret_file),
            ("data", &self.data),
            ("handover-timeout", &self.handover_timeout),
        ];
        let switches = [
            ("allow-test-switches", self.allow_test_switches),
            ("allow-unreplicated", self.allow_unreplicated),
            ("force-unfenced", self.force_unfenced),
        ];
        let texts = texts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
        let switches = switches.into_iter().filter(|(_, on)| *on).map(|(key, _)| (key.to_owned(), "true".to_owned()));
        self.target.settings.set.iter().cloned().chain(texts).chain(switches).collect()
    }
}

/// `replay`.
#[derive(Debug, Args, Clone)]
pub struct ReplayArgs {
    /// Project and settings.
    #[command(flatten)]
    pub target: ProjectArgs,
    /// Read this inbound topic (its connector's when said without a name) from its beginning to its present end.
    #[arg(long, value_name = "TOPIC", num_args = 0..=1, default_missing_value = "")]
    pub topic: Option<String>,
    /// Read a csv file into a source window; may be said several times.
    #[arg(long = "source", value_name = "CQ/WINDOW=FILE", value_parser = key_value)]
    pub sources: Vec<(String, String)>,
    /// Lines at the beginning of each file that are no events.
    #[arg(long, default_value_t = 0)]
    pub header: u64,
    /// Folder for `<window>.csv`.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Write this window; those with a subscriber connector when none is said.
    #[arg(long = "window", value_name = "CQ/WINDOW")]
    pub windows: Vec<String>,
}

/// How to reach a topic.
#[derive(Debug, Args, Clone)]
pub struct TopicArgs {
    /// The topic.
    #[arg(long)]
    pub topic: String,
    /// Brokers; the setting `bootstrap` when not said.
    #[arg(long, value_name = "HOST:PORT,…")]
    pub bootstrap: Option<String>,
    /// Settings.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// `capture`.
#[derive(Debug, Args, Clone)]
pub struct CaptureArgs {
    /// Which topic.
    #[command(flatten)]
    pub topic: TopicArgs,
    /// Where to; standard output when not said.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `tail`.
#[derive(Debug, Args, Clone)]
pub struct TailArgs {
    /// Which topic.
    #[command(flatten)]
    pub topic: TopicArgs,
    /// Begin this many records before the end.
    #[arg(short = 'n', long, default_value_t = 10)]
    pub records: u64,
}

/// `check`.
#[derive(Debug, Args, Clone)]
pub struct CheckArgs {
    /// What should be there.
    pub expected: PathBuf,
    /// What is there.
    pub received: PathBuf,
    /// The longest pause allowed between two received outputs, in milliseconds (captures only).
    #[arg(long, value_name = "MS")]
    pub gap_max_ms: Option<i64>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Table)]
    pub output: OutputForm,
}

/// `topics`.
#[derive(Debug, Subcommand, Clone)]
pub enum TopicsAction {
    /// Make what is missing, with the settings that hot failover needs; correct what can be corrected.
    Create(TopicsArgs),
    /// Show what is there and what is wrong with it.
    Describe(TopicsArgs),
    /// Remove the project's topics and all data in them.
    Delete(TopicsArgs),
}

/// What `topics` needs.
#[derive(Debug, Args, Clone)]
pub struct TopicsArgs {
    /// Project and cluster.
    #[command(flatten)]
    pub target: ProjectArgs,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Don't ask.
    #[arg(long)]
    pub yes: bool,
    /// Copies of each topic.
    #[arg(long, default_value_t = 3)]
    pub replication: i32,
}

/// `config`.
#[derive(Debug, Subcommand, Clone)]
pub enum ConfigAction {
    /// Print the effective values and where each comes from.
    Show(RunSettings),
}

/// The flags of `run` without a project.
#[derive(Debug, Args, Clone)]
pub struct RunSettings {
    /// Settings.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// `adapter`.
#[derive(Debug, Subcommand, Clone)]
pub enum AdapterKind {
    /// Files, standard input and output.
    Fs {
        /// `key=value,key=value,…`, as users of dfesp_fs_adapter know it.
        #[arg(short = 'C', value_name = "KEY=VALUE,…")]
        options: String,
        /// Settings.
        #[command(flatten)]
        settings: SettingArgs,
    },
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For programs and people.
    Yaml,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("\"{text}\" has no =; write KEY=VALUE"))?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::config::duration(text).ok_or_else(|| format!("\"{text}\" is no duration; write 1500ms, 10s, 5m"))
}
