//! What the engines run on: a broker in memory, or three real ones with a ZooKeeper.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use understudy_demo::process::Process;

/// How long the broker in memory may take to start.
const BROKER_PATIENCE: Duration = Duration::from_secs(10);
/// The broker in memory answers a fetch with the rest of the log: its clients must take that much.
const RECEIVE_BYTES_MAX: &str = "1000000000";

/// Brokers and how to reach them.
pub(crate) enum Cluster {
    /// In memory; ends with the drill.
    Memory { address: String, _process: Process },
    /// Three real ones and a ZooKeeper, by script.
    Real { script: PathBuf, bootstrap: String, zookeeper: String },
}

impl Cluster {
    pub(crate) fn memory(folder: &Path, topics: &[String]) -> anyhow::Result<Self> {
        let port_file = folder.join("broker.address");
        let _ = std::fs::remove_file(&port_file);
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("broker").arg("--port-file").arg(&port_file);
        for topic in topics {
            command.arg("--topic").arg(topic);
        }
        let mut process = Process::start("broker", &mut command, folder)?;
        let deadline = Instant::now() + BROKER_PATIENCE;
        loop {
            if let Ok(address) = std::fs::read_to_string(&port_file) {
                return Ok(Self::Memory { address, _process: process });
            }
            if process.has_ended()?.is_some() || Instant::now() > deadline {
                bail!("the broker in memory did not start; it said last:\n{}", process.last_words());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn real(script: &Path) -> anyhow::Result<Self> {
        let text = call(script, &["up"]).and_then(|_| call(script, &["env"]))?;
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.map(str::to_owned).with_context(|| format!("cluster env says no {key}"))
        };
        Ok(Self::Real { script: script.to_owned(), bootstrap: value("BOOTSTRAP")?, zookeeper: value("ZOOKEEPER")? })
    }

    pub(crate) fn bootstrap(&self) -> &str {
        match self {
            Self::Memory { address, .. } => address,
            Self::Real { bootstrap, .. } => bootstrap,
        }
    }

    pub(crate) fn zookeeper(&self) -> Option<&str> {
        match self {
            Self::Memory { .. } => None,
            Self::Real { zookeeper, .. } => Some(zookeeper),
        }
    }

    /// What every `understudy` command is told about this cluster, and what the drill was told for them.
    pub(crate) fn settings(&self, more: &[String]) -> Vec<String> {
        let common = ["tick-step=200ms".to_owned(), format!("bootstrap={}", self.bootstrap())];
        let own = match self {
            Self::Memory { .. } => vec![
                "coordination=kafka".to_owned(),
                "allow-unreplicated=true".to_owned(),
                format!("kafka.receive.message.max.bytes={RECEIVE_BYTES_MAX}"),
            ],
            Self::Real { zookeeper, .. } => vec![format!("zookeeper={zookeeper}")],
        };
        common.into_iter().chain(own).chain(more.iter().cloned()).collect()
    }

    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Memory { .. } => "a Kafka-protocol broker in memory",
            Self::Real { .. } => "3 brokers · 1 zookeeper",
        }
    }

    pub(crate) const fn is_real(&self) -> bool {
        matches!(self, Self::Real { .. })
    }

    /// Runs the cluster script: `kill 2`, `restart zookeeper`.
    pub(crate) fn script(&self, words: &[&str]) -> anyhow::Result<()> {
        match self {
            Self::Memory { .. } => bail!("the broker in memory has no script"),
            Self::Real { script, .. } => call(script, words).map(|_| ()),
        }
    }
}

fn call(script: &Path, words: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(script)
        .args(words)
        .output()
        .with_context(|| format!("running {} {}", script.display(), words.join(" ")))?;
    if !output.status.success() {
        bail!("{} {} failed:\n{}", script.display(), words.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
