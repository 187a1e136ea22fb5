//! Child processes that end with the measurement, and the processor time they took.

use std::fs::File;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::cluster::{Cluster, LABEL_VARIABLE, Topics};
use crate::machine::TICKS_PER_SECOND;

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/project.xml");
/// Lines of a log that are shown when a program ended by itself.
const LAST_LINES: usize = 8;

/// A running program; killed when dropped.
pub(crate) struct Program {
    name: String,
    child: Child,
    log: PathBuf,
    _folder: TempDir,
}

impl Program {
    /// Its standard output can be read by [`Program::words`], what it says on standard error goes to a log.
    pub(crate) fn start(name: &str, command: &mut Command) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("making a folder for a log")?;
        let log = folder.path().join("log");
        let file = File::create(&log).with_context(|| format!("making {}", log.display()))?;
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self { name: name.to_owned(), child, log, _folder: folder })
    }

    /// This program again, as one of its hidden parts, which end when their standard input does.
    pub(crate) fn part(name: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("looking for this program")?;
        Self::start(name, Command::new(program).arg(name).args(arguments))
    }

    /// What it will print.
    pub(crate) fn words(&mut self) -> anyhow::Result<std::process::ChildStdout> {
        self.child.stdout.take().context("its words were taken already")
    }

    /// User and system time of all its threads so far, in seconds.
    pub(crate) fn processor_seconds(&self) -> anyhow::Result<f64> {
        let path = format!("/proc/{}/stat", self.child.id());
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        processor_seconds(&text).with_context(|| format!("{path} has another form than expected"))
    }

    /// Fails with its last words when it has ended by itself.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        let Some(status) = self.child.try_wait()? else { return Ok(()) };
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
        bail!("{} ended by itself ({status}); it said last:\n{last}", self.name);
    }

    /// Kills it as a power cut would, and waits until the kernel has forgotten it.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().with_context(|| format!("killing {}", self.name))?;
        self.child.wait().with_context(|| format!("waiting for {}", self.name))?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends this process when standard input does: with whoever started it.
pub(crate) fn end_with_input() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}

/// The daemon that lies beside this program, to be run on these topics.
pub(crate) fn daemon(cluster: &Cluster, topics: &Topics, name: &str, http: &str) -> anyhow::Result<Command> {
    let folder = std::env::current_exe().context("looking for this program")?;
    let program = folder.with_file_name("understudy");
    if !program.is_file() {
        bail!(
            "{} is not built; run: cargo build --workspace --bins, in the profile of this program",
            program.display()
        );
    }
    let mut command = Command::new(program);
    command.arg("run").args(["-p", PROJECT, "--name", name, "--http", http, "--peer", "127.0.0.1:0"]);
    command.arg("--set").arg(format!("bootstrap={}", cluster.bootstrap));
    command.arg("--set").arg(format!("zookeeper={}", cluster.zookeeper));
    command.env(LABEL_VARIABLE, &topics.label);
    Ok(command)
}

/// A free loopback address; taken again at once, so a clash is unlikely.
pub(crate) fn free_address() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr()?.to_string())
}

/// Fields 14 and 15; the second one, the program's name in brackets, may hold anything.
fn processor_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_program_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 99 1 1";
        assert_eq!(processor_seconds(stat), Some(3.0));
        assert_eq!(processor_seconds("7 (a) S 1"), None);
    }
}
