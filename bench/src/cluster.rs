//! The real cluster of `kafka-scripts`, when it is up, and topics of one's own on it.

use std::process::Command;

use adapter_kafka::{Admin, ClientSettings, CreateOutcome, Expectations, ProjectTopics, plan};
use anyhow::{Context as _, bail};
use types::TopicName;

use crate::print;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../kafka-scripts/cluster");

/// Three real brokers and a ZooKeeper.
pub(crate) struct Cluster {
    pub(crate) bootstrap: String,
    pub(crate) zookeeper: String,
    pub(crate) settings: ClientSettings,
}

impl Cluster {
    /// `None`, after a line that says so, when it isn't up: nothing is started behind the user's back.
    pub(crate) fn find() -> anyhow::Result<Option<Self>> {
        let said = Command::new(SCRIPT).arg("env").output().with_context(|| format!("running {SCRIPT} env"))?;
        let text = String::from_utf8_lossy(&said.stdout);
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let (true, Some(bootstrap), Some(zookeeper)) = (said.status.success(), value("BOOTSTRAP"), value("ZOOKEEPER"))
        else {
            print("not measured: no cluster is up; start one with: kafka-scripts/cluster up");
            return Ok(None);
        };
        let settings = ClientSettings::new(bootstrap, None, None)?;
        Ok(Some(Self { bootstrap: bootstrap.to_owned(), zookeeper: zookeeper.to_owned(), settings }))
    }
}

/// Topics of one measurement, deleted with it.
pub(crate) struct Topics {
    admin: Admin,
    /// First part of all names; `bench/project.xml` takes it from the environment.
    pub(crate) label: String,
    pub(crate) inbound: TopicName,
    /// Where the daemon writes.
    pub(crate) outbound: TopicName,
    /// Where the raw copy or the bare appender writes, made like the outbound topic.
    pub(crate) bare: TopicName,
    all: Vec<TopicName>,
}

/// The variable that `bench/project.xml` reads the label from.
pub(crate) const LABEL_VARIABLE: &str = "BENCH_LABEL";

impl Topics {
    /// Makes them with the settings that `understudy topics create` would give them.
    pub(crate) fn create(cluster: &Cluster, purpose: &str) -> anyhow::Result<Self> {
        let label = format!("bench_{}_{purpose}", std::process::id());
        let name = |rest: &str| TopicName(format!("{label}.{rest}"));
        let (inbound, outbound, bare) =
            (name("bench.plant.readings.I"), name("bench.plant.report.O"), name("bench.plant.bare.O"));
        let specs = plan(
            &ProjectTopics {
                inbound: vec![inbound.clone()],
                outbound: vec![outbound.clone(), bare.clone()],
                dead: Some(name("bench.dead")),
                journal: None,
                metadata: name("M"),
                adapter_metadata: Vec::new(),
                scratch: None,
            },
            &Expectations::default(),
        );
        let admin = Admin::open(&cluster.settings)?;
        let all = specs.iter().map(|spec| spec.name.clone()).collect();
        // From here on whatever was made is deleted again.
        let topics = Self { admin, label, inbound, outbound, bare, all };
        for created in topics.admin.create(&specs, false)? {
            if let CreateOutcome::Failed { reason } = created.outcome {
                bail!("making {}: {reason}", created.name);
            }
        }
        Ok(topics)
    }
}

impl Drop for Topics {
    fn drop(&mut self) {
        if let Err(error) = self.admin.delete(&self.all) {
            print(&format!("topics that begin with {} could not be deleted: {error}", self.label));
        }
    }
}
