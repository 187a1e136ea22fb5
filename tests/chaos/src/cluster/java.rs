//! How a JVM of the cluster is started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

use crate::host::run;
use crate::places::Place;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/properties.sh");
/// Small heaps: nine JVMs and engines share one machine.
const BROKER_HEAP: &str = "384m";
const ZOOKEEPER_HEAP: &str = "96m";
const TOOL_HEAP: &str = "128m";
const CLUSTER_ID: &str = "UnderstudyChaos00000A";

/// Jars, options and the folder with everything the nodes keep.
pub(super) struct Recipe {
    folder: PathBuf,
    broker_jars: String,
    zookeeper_jars: String,
    options: Vec<String>,
}

impl Recipe {
    pub(super) fn find(folder: &Path) -> anyhow::Result<Self> {
        let jars = |kind| anyhow::Ok(run(SCRIPT, &["jars", kind])?.trim().to_owned());
        let options = run(SCRIPT, &["jvm"])?.lines().map(str::to_owned).collect();
        let (broker_jars, zookeeper_jars) = (jars("broker")?, jars("zookeeper")?);
        Ok(Self { folder: folder.to_owned(), broker_jars, zookeeper_jars, options })
    }

    /// Brokers refuse a folder that wasn't formatted. Side by side, because each takes seconds.
    pub(super) fn format_brokers(&self, count: usize) -> anyhow::Result<()> {
        let mut formatting: Vec<Child> = Vec::new();
        for i in 0..count {
            let properties = self.write_properties("broker", i, &self.folder)?;
            let mut command = self.java(TOOL_HEAP, &self.broker_jars, "kafka.tools.StorageTool");
            command.args(["format", "-t", CLUSTER_ID, "-c"]).arg(properties);
            formatting.push(command.stdout(Stdio::null()).spawn().context("starting java")?);
        }
        for mut child in formatting {
            if !child.wait()?.success() {
                bail!("a broker's folder could not be formatted");
            }
        }
        Ok(())
    }

    pub(super) fn broker(&self, i: usize) -> Command {
        let mut command = self.java(BROKER_HEAP, &self.broker_jars, "kafka.Kafka");
        command.arg(self.properties("broker", i));
        command
    }

    pub(super) fn zookeeper(&self, i: usize) -> anyhow::Result<Command> {
        let folder = self.folder.join(format!("{}-data", Place::ZooKeeper(i).name()));
        let properties = self.write_properties("zookeeper", i, &folder)?;
        let data = folder.join("zookeeper");
        fs::create_dir_all(&data).with_context(|| format!("making {}", data.display()))?;
        fs::write(data.join("myid"), (i + 1).to_string()).context("writing myid")?;
        let main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
        let mut command = self.java(ZOOKEEPER_HEAP, &self.zookeeper_jars, main);
        command.arg(properties);
        Ok(command)
    }

    pub(super) fn kafka_tool(&self, brokers: &str, name: &str) -> Command {
        let mut command = self.java(TOOL_HEAP, &self.broker_jars, &format!("org.apache.kafka.tools.{name}"));
        command.args(["--bootstrap-server", brokers]);
        command
    }

    pub(super) fn zookeeper_client(&self, zookeepers: &str) -> Command {
        let mut command = self.java(TOOL_HEAP, &self.zookeeper_jars, "org.apache.zookeeper.ZooKeeperMain");
        command.args(["-server", zookeepers]);
        command
    }

    fn java(&self, heap: &str, jars: &str, main: &str) -> Command {
        let mut command = Command::new("java");
        command.args([format!("-Xms{heap}"), format!("-Xmx{heap}")]).args(&self.options);
        command.args(["-cp", &format!("{jars}/*"), main]);
        command
    }

    fn properties(&self, kind: &str, i: usize) -> PathBuf {
        self.folder.join(format!("{kind}-{}.properties", i + 1))
    }

    fn write_properties(&self, kind: &str, i: usize, data: &Path) -> anyhow::Result<PathBuf> {
        let path = self.properties(kind, i);
        let text = run(SCRIPT, &[kind, &(i + 1).to_string(), &data.display().to_string()])?;
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }
}
