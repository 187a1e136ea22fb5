//! A user's own files on real brokers: a project, two adapter configurations, events, and what must come out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::programs::{Background, root, understudy};

/// How long engines, adapters and brokers may take together.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a user has, with host names already those of the cluster.
pub struct Example {
    /// Project file.
    pub project: String,
    /// Publisher's transport configuration.
    pub publisher: String,
    /// Subscriber's transport configuration.
    pub subscriber: String,
    /// Content of the events file, heading lines included.
    pub events: String,
    /// How many heading lines.
    pub header: u32,
    /// `dfESP://host:port/project/query/window` of the source window.
    pub url_in: String,
    /// The same of the window that is subscribed.
    pub url_out: String,
    /// What must come out.
    pub expected: String,
}

/// Where the cluster of `kafka-scripts` is; starts it when it isn't up.
///
/// # Errors
/// It doesn't start.
pub fn cluster() -> anyhow::Result<(String, String)> {
    let script = root().join("kafka-scripts/cluster");
    let up = Command::new(&script).arg("up").output().context("starting the cluster")?;
    if !up.status.success() {
        bail!("the cluster did not start:\n{}", String::from_utf8_lossy(&up.stderr));
    }
    let output = Command::new(&script).arg("env").output().context("asking the cluster")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = |key: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=').map(str::to_owned));
        found.with_context(|| format!("cluster env says no {key}"))
    };
    Ok((value("BOOTSTRAP")?, value("ZOOKEEPER")?))
}

/// Runs the example with two engines, from fresh topics, and gives back what came out.
///
/// # Errors
/// Anything that didn't work, with the words of the program that failed.
pub fn run(example: &Example, folder: &Path) -> anyhow::Result<String> {
    let write = |name: &str, text: &str| -> anyhow::Result<PathBuf> {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    };
    let project = write("project.xml", &example.project)?.display().to_string();
    let publisher = write("kafkapub.cfg", &example.publisher)?.display().to_string();
    let subscriber = write("kafkasub.cfg", &example.subscriber)?.display().to_string();
    let events = write("events.csv", &example.events)?.display().to_string();
    let output = folder.join("output.csv");

    understudy(&["topics", "delete", "-p", &project, "--yes"])?;
    let deadline = Instant::now() + PATIENCE;
    // Brokers delete in the background, and refuse to make a topic of that name until it is over.
    while let Err(error) = understudy(&["topics", "create", "-p", &project]) {
        if Instant::now() > deadline {
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    let mut running = Vec::new();
    for name in ["esp-1", "esp-2"] {
        let words = ["run", "-p", &project, "--name", name, "--http", "127.0.0.1:0", "--peer", "127.0.0.1:0"];
        running.push(Background::start(&words, &folder.join(format!("{name}.log")))?);
    }
    let out = format!(
        "type=sub,url={},fsname={},fstype=csv,header=full,transport=kafka,transportconfigfile={subscriber}",
        example.url_out,
        output.display()
    );
    running.push(Background::start(&["adapter", "fs", "-C", &out], &folder.join("subscriber.log"))?);
    let input = format!(
        "type=pub,url={},fsname={events},fstype=csv,header={},transport=kafka,transportconfigfile={publisher}",
        example.url_in, example.header
    );
    understudy(&["adapter", "fs", "-C", &input])?;

    let wanted = example.expected.lines().count();
    loop {
        let text = fs::read_to_string(&output).unwrap_or_default();
        if text.lines().count() >= wanted {
            return Ok(text);
        }
        if Instant::now() > deadline + PATIENCE {
            let logs: Vec<String> = running.iter().map(Background::log).collect();
            bail!("only {} of {wanted} lines came out\n{}", text.lines().count(), logs.join("\n"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Compares as people do: numbers by value, the rest as text.
///
/// # Panics
/// At the first line that differs.
pub fn assert_same_events(expected: &str, received: &str) {
    let (expected, received): (Vec<_>, Vec<_>) = (expected.lines().collect(), received.lines().collect());
    assert_eq!(expected.len(), received.len(), "number of lines");
    for (i, (expected, received)) in expected.iter().zip(&received).enumerate() {
        let (a, b): (Vec<&str>, Vec<&str>) = (expected.split(',').collect(), received.split(',').collect());
        let same = a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| same_value(a.trim(), b.trim()));
        assert!(same, "line {}: expected {expected}, received {received}", i + 1);
    }
}

fn same_value(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= 1e-6,
        (_, _) => a == b,
    }
}
