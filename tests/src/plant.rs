//! The example project on real brokers, with topics of its own: its publisher, its subscriber, and what an engine that never
//! failed makes of the same rows.

use std::cell::Cell;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::engine::Engine;
use crate::example;
use crate::programs::{Background, root, understudy};

/// Heading lines of the file of events.
const HEADING: &str = "# Readings for a test\n# opcode,flags,reading,meter,kilowatt\n";
/// The whole output must come within this time after the last row went in.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(60);
/// How often the subscriber's file is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A project, its topics, its files; the topics go with it.
pub struct Plant {
    folder: TempDir,
    label: String,
    project: String,
    settings: Vec<String>,
    /// Rows in the file of events.
    rows: Cell<u64>,
}

impl Plant {
    /// Makes topics that begin with `<name>` and the time of day; starts the cluster when it isn't up.
    ///
    /// # Errors
    /// What didn't work, with the words of the program that failed.
    pub fn build(name: &str) -> anyhow::Result<Self> {
        let (bootstrap, zookeeper) = example::cluster()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let (label, folder) = (format!("{name}{now}_31415"), tempfile::tempdir()?);
        let brokers = "127.0.0.1:19091,127.0.0.1:19092,127.0.0.1:19093";
        for file in ["project.xml", "kafkapub.cfg", "kafkasub.cfg"] {
            let text = fs::read_to_string(root().join("examples/sum20").join(file)).with_context(|| file.to_owned())?;
            let text = text.replace(brokers, &bootstrap).replace("127.0.0.1:12181", &zookeeper);
            let text = text.replace("plant_31415", &label).replace("plant_meter_feed", &format!("{label}_feed"));
            fs::write(folder.path().join(file), text)?;
        }
        fs::write(folder.path().join("events.csv"), HEADING)?;
        let project = folder.path().join("project.xml").display().to_string();
        let settings = vec!["tick-step=200ms".to_owned()];
        let plant = Self { folder, label, project, settings, rows: Cell::new(0) };
        understudy(&["topics", "create", "-p", &plant.project])?;
        Ok(plant)
    }

    /// Where everything lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The project file.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The inbound topic.
    #[must_use]
    pub fn inbound(&self) -> String {
        format!("{}.sum20.plant.readings.I", self.label)
    }

    /// Starts a replica, or with other `words` whatever else `understudy run` can be.
    ///
    /// # Errors
    /// It can't be started.
    pub fn engine(&self, name: &str, words: &[&str]) -> anyhow::Result<Engine> {
        let mut all = vec!["-p", &self.project];
        for setting in &self.settings {
            all.extend(["--set", setting]);
        }
        all.extend(words);
        Engine::start(name, &all, self.folder())
    }

    /// So many rows more, all of them acknowledged.
    ///
    /// # Errors
    /// The publisher fails.
    pub fn publish(&self, rows: u64) -> anyhow::Result<()> {
        let path = self.folder().join("events.csv");
        let mut text = fs::read_to_string(&path)?;
        let begin = self.rows.replace(self.rows.get() + rows);
        for row in begin..self.rows.get() {
            writeln!(text, "i,n,,{},{}", 500 + row % 9, row * 7 % 1_000)?;
        }
        fs::write(&path, text)?;
        let options = format!(
            "type=pub,url={}/readings,fsname={},fstype=csv,header=2,blocksize=8,transport=kafka,transportconfigfile={}",
            self.url(),
            path.display(),
            self.folder().join("kafkapub.cfg").display()
        );
        understudy(&["adapter", "fs", "-C", &options]).map(drop)
    }

    /// Starts a subscriber that writes all output into a file.
    ///
    /// # Errors
    /// It can't be started.
    pub fn subscriber(&self) -> anyhow::Result<Background> {
        let options = format!(
            "type=sub,url={}/report,fsname={},fstype=csv,header=full,transport=kafka,transportconfigfile={}",
            self.url(),
            self.received().display(),
            self.folder().join("kafkasub.cfg").display()
        );
        Background::start(&["adapter", "fs", "-C", &options], &self.folder().join("subscriber.log"))
    }

    /// What an engine that never failed makes of all rows; it reads them from the file, so the topics may have lost them.
    ///
    /// # Errors
    /// It can't be run.
    pub fn expected(&self) -> anyhow::Result<String> {
        let rows = format!("plant/readings={}", self.folder().join("events.csv").display());
        let out = self.folder().join("expected");
        let folder = out.display().to_string();
        understudy(&["replay", "-p", &self.project, "--source", &rows, "--header", "2", "--out", &folder])?;
        Ok(fs::read_to_string(out.join("report.csv"))?)
    }

    /// Waits until the subscriber's file is as long as `expected`, and gives it back.
    ///
    /// # Errors
    /// It doesn't become so long in time.
    pub fn output(&self, expected: &str) -> anyhow::Result<String> {
        let deadline = Instant::now() + OUTPUT_PATIENCE;
        loop {
            let text = fs::read_to_string(self.received()).unwrap_or_default();
            if text.len() >= expected.len() {
                return Ok(text);
            }
            if Instant::now() > deadline {
                bail!("only {} of {} lines came out", text.lines().count(), expected.lines().count());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Deletes what the inbound topic holds below `offset`, as retention would in time.
    ///
    /// # Errors
    /// The brokers refuse.
    pub fn truncate_input(&self, offset: u64) -> anyhow::Result<()> {
        let script = root().join("kafka-scripts/truncate-topic.sh");
        let done = Command::new(script).args([&self.inbound(), &offset.to_string()]).output()?;
        if !done.status.success() {
            bail!("truncating {}: {}", self.inbound(), String::from_utf8_lossy(&done.stderr));
        }
        Ok(())
    }

    fn url(&self) -> String {
        format!("dfESP://{}/sum20/plant", self.label.replace('_', ":"))
    }

    fn received(&self) -> PathBuf {
        self.folder().join("received.csv")
    }
}

impl Drop for Plant {
    fn drop(&mut self) {
        // A test that fails has more important words; topics with the time in their names get in nobody's way.
        let _ = understudy(&["topics", "delete", "-p", &self.project, "--yes"]);
    }
}
