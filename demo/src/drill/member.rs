//! Engines: started, asked, killed, frozen.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::Signal;

use understudy_demo::process::Process;
use understudy_demo::status::{MemberStatus, ask};

/// How long a member is given to answer a status request; a frozen one never does.
const ANSWER_PATIENCE: Duration = Duration::from_millis(250);
/// How often the cluster is asked while something is waited for.
const ASK_EVERY: Duration = Duration::from_millis(25);

/// How engines are started.
#[derive(Clone)]
pub(crate) struct EngineRecipe {
    pub(crate) daemon: PathBuf,
    pub(crate) project: PathBuf,
    pub(crate) settings: Vec<String>,
    pub(crate) logs: PathBuf,
    /// Forced active by test switch.
    pub(crate) forced: bool,
}

/// One engine of the drill.
pub(crate) struct Member {
    pub(crate) name: String,
    http: String,
    peer: String,
    process: Option<Process>,
}

impl Member {
    pub(crate) fn new(name: String) -> anyhow::Result<Self> {
        Ok(Self { name, http: free_address()?, peer: free_address()?, process: None })
    }

    pub(crate) fn start(&mut self, recipe: &EngineRecipe) -> anyhow::Result<()> {
        let mut command = Command::new(&recipe.daemon);
        command.arg("run").arg("-p").arg(&recipe.project);
        command.args(["--name", &self.name, "--http", &self.http, "--peer", &self.peer]);
        for setting in &recipe.settings {
            command.args(["--set", setting]);
        }
        if recipe.forced {
            command.arg("--allow-test-switches").env("UNDERSTUDY_TEST_FORCE_ACTIVE", "1");
        }
        self.process = Some(Process::start(&self.name, &mut command, &recipe.logs)?);
        Ok(())
    }

    pub(crate) fn status(&self) -> Option<MemberStatus> {
        ask(&self.http, ANSWER_PATIENCE)
    }

    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        let mut process = self.process.take().context("the engine isn't running")?;
        process.kill()
    }

    pub(crate) fn freeze(&self) -> anyhow::Result<()> {
        self.process.as_ref().context("the engine isn't running")?.signal(Signal::STOP)
    }

    pub(crate) fn thaw(&self) -> anyhow::Result<()> {
        self.process.as_ref().context("the engine isn't running")?.signal(Signal::CONT)
    }

    /// Asks it to stop and waits for its end.
    pub(crate) fn stop(&mut self, patience: Duration) -> anyhow::Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        process.signal(Signal::TERM)?;
        process.wait(patience).map(|_| ())
    }

    fn has_ended(&mut self) -> anyhow::Result<bool> {
        match &mut self.process {
            Some(process) => Ok(process.has_ended()?.is_some()),
            None => Ok(true),
        }
    }

    fn last_words(&self) -> String {
        self.process.as_ref().map(Process::last_words).unwrap_or_default()
    }
}

/// All engines of the drill.
pub(crate) struct Engines {
    pub(crate) members: Vec<Member>,
    pub(crate) recipe: EngineRecipe,
}

impl Engines {
    pub(crate) fn start(count: usize, recipe: EngineRecipe) -> anyhow::Result<Self> {
        let mut members = Vec::new();
        for i in 1..=count {
            let mut member = Member::new(format!("esp-{i}"))?;
            member.start(&recipe)?;
            members.push(member);
        }
        Ok(Self { members, recipe })
    }

    /// Waits until one member is active and all others are in sync; which one is active.
    pub(crate) fn settle(&mut self, patience: Duration) -> anyhow::Result<usize> {
        let deadline = Instant::now() + patience;
        loop {
            let statuses: Vec<Option<MemberStatus>> = self.members.iter().map(Member::status).collect();
            let is = |role: &str, status: &Option<MemberStatus>| status.as_ref().is_some_and(|s| s.role == role);
            let active: Vec<usize> = (0..statuses.len()).filter(|&i| is("active", &statuses[i])).collect();
            let ready = statuses.iter().flatten().filter(|s| s.role == "standby" && s.eligible).count();
            if let [active] = active[..]
                && ready + 1 == statuses.len()
            {
                return Ok(active);
            }
            for (i, member) in self.members.iter_mut().enumerate() {
                if member.has_ended()? {
                    bail!("engine {} ended by itself; it said last:\n{}", member.name, member.last_words());
                }
                if let Some(reason) = statuses[i].as_ref().and_then(|status| status.reason.clone()) {
                    bail!("engine {} is blocked: {reason}", member.name);
                }
            }
            if Instant::now() > deadline {
                bail!("the engines did not settle within {patience:?}: {statuses:?}");
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    /// Waits until somebody other than `old` is active.
    pub(crate) fn wait_for_successor(&self, old: usize, patience: Duration) -> anyhow::Result<usize> {
        let deadline = Instant::now() + patience;
        loop {
            for (i, member) in self.members.iter().enumerate().filter(|(i, _)| *i != old) {
                if member.status().is_some_and(|status| status.role == "active") {
                    return Ok(i);
                }
            }
            if Instant::now() > deadline {
                bail!("nobody took over from {} within {patience:?}", self.members[old].name);
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    pub(crate) fn restart(&mut self, i: usize) -> anyhow::Result<()> {
        let recipe = self.recipe.clone();
        self.members[i].start(&recipe)
    }

    /// Port of the broker that leads the outbound topic.
    pub(crate) fn leader(&self) -> Option<String> {
        self.members.iter().find_map(|member| member.status()?.leader)
    }
}

/// A free loopback address; taken again at once, so a clash is unlikely.
fn free_address() -> anyhow::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr()?.to_string())
}

/// Starts `understudy adapter fs`.
pub(crate) fn start_adapter(
    name: &str,
    daemon: &Path,
    options: &str,
    settings: &[String],
    logs: &Path,
) -> anyhow::Result<Process> {
    let mut command = Command::new(daemon);
    command.args(["adapter", "fs", "-C", options]);
    for setting in settings {
        command.args(["--set", setting]);
    }
    Process::start(name, &mut command, logs)
}
