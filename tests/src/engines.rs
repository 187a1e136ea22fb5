//! Engines of a project as processes: started, killed, asked.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::Value;

use crate::engine::Engine;

/// Brokers, engines and a busy machine together.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two questions.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// One member.
struct Member {
    name: String,
    running: Option<Engine>,
}

/// The engines of a project.
pub struct Engines {
    project: String,
    settings: Vec<String>,
    folder: PathBuf,
    members: Vec<Member>,
}

impl Engines {
    /// Starts `count` engines called `<prefix>-1`, … and waits until one is active and the others are in sync.
    ///
    /// # Errors
    /// They don't start, or don't settle.
    pub fn start(project: &Path, prefix: &str, count: usize, settings: &[&str], folder: &Path) -> anyhow::Result<Self> {
        let member = |i| Member { name: format!("{prefix}-{i}"), running: None };
        let mut engines = Self {
            project: project.display().to_string(),
            settings: settings.iter().map(|setting| (*setting).to_owned()).collect(),
            folder: folder.to_owned(),
            members: (1..=count).map(member).collect(),
        };
        (0..count).try_for_each(|i| engines.restart(i))?;
        engines.settle()?;
        Ok(engines)
    }

    /// Starts a member that doesn't run.
    ///
    /// # Errors
    /// It can't be started.
    pub fn restart(&mut self, i: usize) -> anyhow::Result<()> {
        let member = &mut self.members[i];
        let data = self.folder.join("data").join(&member.name).display().to_string();
        let mut words = vec!["-p", &self.project, "--data", &data];
        for setting in &self.settings {
            words.extend(["--set", setting]);
        }
        member.running = Some(Engine::start(&member.name, &words, &self.folder)?);
        Ok(())
    }

    /// Ends a member as `kill -9` does.
    pub fn kill(&mut self, i: usize) {
        self.members[i].running = None;
    }

    /// Kills the active member, waits for another one, and starts the killed one again; how it went, in words.
    ///
    /// # Errors
    /// Nobody takes over.
    pub fn kill_active(&mut self) -> anyhow::Result<String> {
        let old = self.settle()?;
        self.kill(old);
        let new = self.wait("nobody took over", |engines| engines.active().filter(|active| *active != old))?;
        self.restart(old)?;
        self.settle()?;
        Ok(format!("{} → {}", self.members[old].name, self.members[new].name))
    }

    /// Waits until one member is active and all others are in sync; which one is active.
    ///
    /// # Errors
    /// They don't settle.
    pub fn settle(&self) -> anyhow::Result<usize> {
        self.wait("the engines did not settle", |engines| {
            let statuses: Vec<Value> = engines.members.iter().map(Member::status).collect();
            let ready = |status: &&Value| status["role"] == "standby" && status["eligible"] == true;
            let standbys = statuses.iter().filter(ready).count();
            engines.active().filter(|_| standbys + 1 == engines.members.len())
        })
    }

    /// Waits until the active member has consumed its input up to `offset` (of several topics: the sum) and published what
    /// follows from it.
    ///
    /// # Errors
    /// It doesn't.
    pub fn drained(&self, offset: u64) -> anyhow::Result<()> {
        self.wait("the input was not consumed", |engines| {
            let status = engines.members[engines.active()?].status();
            let outputs = status["outputs"].as_array()?;
            let all = outputs.iter().all(|output| output["buffer"] == 0);
            (status["input"]["offset"].as_u64()? >= offset && all).then_some(())
        })
    }

    fn active(&self) -> Option<usize> {
        self.members.iter().position(|member| member.running.is_some() && member.status()["role"] == "active")
    }

    fn wait<T>(&self, or_else: &str, mut look: impl FnMut(&Self) -> Option<T>) -> anyhow::Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look(self) {
                return Ok(found);
            }
            if Instant::now() > deadline {
                bail!("{or_else} within {PATIENCE:?}:\n{}", self.last_words());
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    fn last_words(&self) -> String {
        let words = |member: &Member| {
            let log = member.running.as_ref().map(|engine| engine.process.log()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(15)..].join("\n");
            format!("{}: {}\n{last}\n", member.name, member.status())
        };
        self.members.iter().map(words).collect()
    }
}

impl Member {
    /// `/status`, or null when it isn't served.
    fn status(&self) -> Value {
        self.running.as_ref().and_then(Engine::status).unwrap_or_default()
    }
}
