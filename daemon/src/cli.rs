//! The command line: one binary, `understudy`, with subcommands.

use std::path::PathBuf;

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
    Switchover {
        /// To this member; the first in line when not said.
        #[arg(long, value_name = "MEMBER")]
        to: Option<String>,
        /// The active member's HTTP address, or any member's.
        #[arg(long, default_value = "127.0.0.1:31415", value_name = "HOST:PORT")]
        http: String,
    },
    /// Freeze automatic failover at all members, for maintenance; a switchover still works.
    Pause {
        /// Any member's HTTP address.
        #[arg(long, default_value = "127.0.0.1:31415", value_name = "HOST:PORT")]
        http: String,
    },
    /// End a pause at all members.
    Resume {
        /// Any member's HTTP address.
        #[arg(long, default_value = "127.0.0.1:31415", value_name = "HOST:PORT")]
        http: String,
    },
    /// Show the cluster's last takeovers: who, why, how long, and where the outputs went on.
    History {
        /// Any member's HTTP address.
        #[arg(long, default_value = "127.0.0.1:31415", value_name = "HOST:PORT")]
        http: String,
        /// How to print.
        #[arg(short, long, value_enum, default_value_t = OutputForm::Table)]
        output: OutputForm,
    },
    /// Print the long text on an error code: its cause and what to try.
    Explain {
        /// As in E008; a list of all codes when not said.
        code: Option<String>,
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
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("\"{text}\" has no =; write KEY=VALUE"))?;
    Ok((key.trim().to_owned(), value.to_owned()))
}
