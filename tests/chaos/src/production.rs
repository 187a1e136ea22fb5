//! One project while it runs: three engines, a publisher, a subscriber, all on topics of their own.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use demo::input::Input;
use demo::process::Process;
use demo::status::{MemberStatus, ask, tell};
use rustix::process::Signal;

use crate::cluster;
use crate::host::Network;
use crate::places::{ENGINES, LOOKER, Place};

/// How long an engine is given to answer; a struck one never does.
const ANSWER_PATIENCE: Duration = Duration::from_millis(400);
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How long a command that only looks may take.
const LOOK_PATIENCE: Duration = Duration::from_secs(180);
/// Exit code of a process that may succeed when it is started again.
const TRY_AGAIN: i32 = 1;
/// Within one trial; a process that ends more often doesn't come back by being started.
const RESTARTS_MAX: usize = 30;
/// The label in the example project; every production has its own.
const EXAMPLE_LABEL: &str = "plant_31415";
const HTTP_PORT: u16 = 31_415;
const PEER_PORT: u16 = 31_416;
/// Standbys take snapshots so often: several within a lap, as in an hour of a true plant.
const SNAPSHOT_EVERY: &str = "snapshot-interval=3s";
/// Refused rows are written to the disk, too.
const DEAD_LETTERS: &str = "dead-letters=both";
/// Exit code of an engine that an operator must help.
const FOR_PEOPLE: i32 = 78;
/// A constant of the example's model, and another.
const MODEL: [&str; 2] = [r#"<property name="windowLength">20<"#, r#"<property name="windowLength">21<"#];

/// What a production is made of.
#[derive(Clone)]
pub(crate) struct Script {
    /// The `understudy` program.
    pub(crate) daemon: PathBuf,
    /// The example project, whose label is replaced.
    pub(crate) project: PathBuf,
    /// Events a second.
    pub(crate) rate: u64,
}

/// What a publisher does at the end of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputEnd {
    /// Waits for more.
    Grows,
    /// Ends, too.
    Ends,
}

/// The running project.
pub(crate) struct Production {
    script: Script,
    pub(crate) folder: PathBuf,
    label: String,
    project: PathBuf,
    settings: Vec<String>,
    engines: Vec<Option<Process>>,
    publisher: Option<Process>,
    subscriber: Option<Process>,
    input: Option<Input>,
    input_end: InputEnd,
    input_is_gone: bool,
    restarts: usize,
}

impl Production {
    /// Makes topics, starts engines, then adapters; returns when one engine is active and the others are in sync.
    pub(crate) fn start_all(network: &Network, script: &Script, folder: &Path, label: &str) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let text = fs::read_to_string(&script.project)
            .with_context(|| format!("reading {}", script.project.display()))?
            .replace(EXAMPLE_LABEL, &format!("{label}_31415"));
        let project = folder.join("project.xml");
        fs::write(&project, text).with_context(|| format!("writing {}", project.display()))?;
        fs::write(folder.join("peer-secret"), "chaos\n").context("writing the peer secret")?;
        let mut settings = cluster::settings(network)?;
        settings.push("tick-step=200ms".to_owned());
        let mut production = Self {
            script: script.clone(),
            folder: folder.to_owned(),
            label: label.to_owned(),
            project,
            settings,
            engines: (0..ENGINES).map(|_| None).collect(),
            publisher: None,
            subscriber: None,
            input: None,
            input_end: InputEnd::Grows,
            input_is_gone: false,
            restarts: 0,
        };
        production.topics_command(network, &["create"])?;
        for i in 0..ENGINES {
            production.start(network, Place::Engine(i))?;
        }
        production.settle(network, LOOK_PATIENCE)?;
        production.input = Some(Input::begin(&production.folder.join("input.csv"), script.rate)?);
        production.start(network, Place::Publisher)?;
        production.start(network, Place::Subscriber)?;
        production.wait_for_flow(network, Instant::now() + LOOK_PATIENCE)?;
        Ok(production)
    }

    pub(crate) fn process(&mut self, place: Place) -> anyhow::Result<&mut Option<Process>> {
        match place {
            Place::Engine(i) => self.engines.get_mut(i),
            Place::Publisher => Some(&mut self.publisher),
            Place::Subscriber => Some(&mut self.subscriber),
            Place::ZooKeeper(_) | Place::Broker(_) => None,
        }
        .with_context(|| format!("{} is no part of the project", place.name()))
    }

    pub(crate) fn start(&mut self, network: &Network, place: Place) -> anyhow::Result<()> {
        let process = self.launch(network, place, &place.name())?;
        *self.process(place)? = Some(process);
        Ok(())
    }

    /// A process as it belongs to a place, under any name in the logs.
    pub(crate) fn launch(&self, network: &Network, place: Place, log: &str) -> anyhow::Result<Process> {
        let host = network.host(&place.name())?;
        let mut command = match place {
            Place::Engine(_) => self.engine(place, &host.address, &self.project),
            Place::Publisher => self.adapter(&self.publisher_words(&self.folder.join("input.csv"), self.input_end)?),
            Place::Subscriber => self.adapter(&self.subscriber_words()?),
            Place::ZooKeeper(_) | Place::Broker(_) => bail!("{} is no part of the project", host.name),
        };
        host.namespace.inside(|| Process::start(log, &mut command, &self.folder))?
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.script.daemon);
        command.args(words);
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        command
    }

    fn engine(&self, place: Place, address: &str, project: &Path) -> Command {
        let mut command = self.command(&["run", "--name", &place.name(), "--http", &format!("{address}:{HTTP_PORT}")]);
        command.arg("-p").arg(project).arg("--peer-secret-file").arg(self.folder.join("peer-secret"));
        command.arg("--data").arg(self.data(place)).args(["--set", SNAPSHOT_EVERY, "--set", DEAD_LETTERS]);
        command.args(["--peer", &format!("{address}:{PEER_PORT}")]);
        command
    }

    fn adapter(&self, words: &str) -> Command {
        self.command(&["adapter", "fs", "-C", words])
    }

    /// An engine as it belongs to a place, but with another constant in its model.
    pub(crate) fn launch_with_another_model(&self, network: &Network, place: Place) -> anyhow::Result<Process> {
        let text = fs::read_to_string(&self.project).context("reading the project")?;
        if !text.contains(MODEL[0]) {
            bail!("the project has no {}", MODEL[0]);
        }
        let project = self.folder.join("other.xml");
        fs::write(&project, text.replace(MODEL[0], MODEL[1])).context("writing another model")?;
        let host = network.host(&place.name())?;
        let mut command = self.engine(place, &host.address, &project);
        host.namespace.inside(|| Process::start(&place.name(), &mut command, &self.folder))?
    }

    /// Publishes a file from beside the publisher; what the adapter said, which must not have been that all is well.
    pub(crate) fn publish_to_the_end(&self, network: &Network, file: &Path) -> anyhow::Result<String> {
        let host = network.host(&Place::Publisher.name())?;
        let mut command = self.adapter(&self.publisher_words(file, InputEnd::Ends)?);
        let mut process = host.namespace.inside(|| Process::start("beside", &mut command, &self.folder))??;
        let status = process.wait(LOOK_PATIENCE)?;
        if status.success() {
            bail!("the publisher of {} found nothing wrong", file.display());
        }
        Ok(process.last_words())
    }

    fn publisher_words(&self, file: &Path, end: InputEnd) -> anyhow::Result<String> {
        Ok(format!(
            "type=pub,url=dfESP://{}:31415/sum20/plant/readings,fsname={},fstype=csv,header=1,rate={},growinginputfile={},\
             transport=kafka,transportconfigfile={}",
            self.label,
            file.display(),
            self.script.rate,
            end == InputEnd::Grows,
            self.transport("kafkapub.cfg")?,
        ))
    }

    fn subscriber_words(&self) -> anyhow::Result<String> {
        Ok(format!(
            "type=sub,url=dfESP://{}:31415/sum20/plant/report,fsname={},fstype=csv,header=full,transport=kafka,\
             transportconfigfile={}",
            self.label,
            self.received().display(),
            self.transport("kafkasub.cfg")?,
        ))
    }

    fn transport(&self, name: &str) -> anyhow::Result<String> {
        let brokers = self.settings.iter().find_map(|setting| setting.strip_prefix("bootstrap="));
        let brokers = brokers.context("no brokers are set")?;
        let path = self.folder.join(name);
        let text = format!(
            "kafka\n{{\nhostport = \"{brokers}\"\npartition = \"0\"\ninitialoffset = \"smallest\"\n}}\nsas\n{{\n}}\n"
        );
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path.display().to_string())
    }

    /// What the subscriber writes.
    pub(crate) fn received(&self) -> PathBuf {
        self.folder.join("output.csv")
    }

    /// Where an engine keeps snapshots and dead letters.
    pub(crate) fn data(&self, place: Place) -> PathBuf {
        self.folder.join(format!("data-{}", place.name()))
    }

    /// All that a process has said.
    pub(crate) fn words_of(&self, place: Place) -> String {
        fs::read_to_string(self.folder.join(format!("{}.log", place.name()))).unwrap_or_default()
    }

    /// The inbound topic no longer has all that was published.
    pub(crate) fn input_is_gone(&mut self) {
        self.input_is_gone = true;
    }

    /// The inbound and the outbound topic.
    pub(crate) fn topics(&self) -> [String; 2] {
        ["readings.I", "report.O"].map(|end| format!("{}_31415.sum20.plant.{end}", self.label))
    }

    /// Where the engines stand in line in ZooKeeper.
    pub(crate) fn line(&self) -> String {
        format!("/ESP/{}_31415.sum20", self.label)
    }

    /// What an engine says of itself now.
    pub(crate) fn status(&self, network: &Network, i: usize) -> Option<MemberStatus> {
        let host = network.host(&Place::Engine(i).name()).ok()?;
        host.namespace.inside(|| ask(&format!("{}:{HTTP_PORT}", host.address), ANSWER_PATIENCE)).ok()?
    }

    /// Has an engine take the role, whoever holds it; whether it does.
    pub(crate) fn force(&self, network: &Network, i: usize) -> bool {
        let Ok(host) = network.host(&Place::Engine(i).name()) else { return false };
        let told = || tell(&format!("{}:{HTTP_PORT}", host.address), "/failover", ANSWER_PATIENCE);
        host.namespace.inside(told).unwrap_or(false)
    }

    /// Which engine says that it is active.
    pub(crate) fn active(&self, network: &Network) -> Option<usize> {
        (0..ENGINES).find(|&i| self.status(network, i).is_some_and(|status| status.role == "active"))
    }

    /// Waits until one engine is active and all others could take over.
    pub(crate) fn settle(&mut self, network: &Network, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let statuses: Vec<_> = (0..ENGINES).map(|i| self.status(network, i)).collect();
            let having = |role: &str| statuses.iter().flatten().filter(|s| s.role == role && s.eligible).count();
            if having("active") == 1 && having("standby") + 1 == ENGINES {
                return Ok(());
            }
            for (i, status) in statuses.iter().enumerate() {
                if let Some(reason) = status.as_ref().and_then(|status| status.reason.as_ref()) {
                    bail!("{} is blocked: {reason}", Place::Engine(i).name());
                }
            }
            self.supervise(network)?;
            if Instant::now() > deadline {
                bail!("the engines did not settle within {patience:?}: {statuses:?}");
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    /// Waits until every engine refuses to go on for one of these reasons, running or at its end.
    pub(crate) fn await_refusal(
        &mut self,
        network: &Network,
        reasons: &[&str],
        patience: Duration,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        for i in 0..ENGINES {
            while !self.refuses(network, i, reasons)? {
                if Instant::now() > deadline {
                    let status = self.status(network, i);
                    bail!("{} does not refuse with any of {reasons:?}: {status:?}", Place::Engine(i).name());
                }
                std::thread::sleep(ASK_EVERY);
            }
        }
        Ok(())
    }

    fn refuses(&mut self, network: &Network, i: usize, reasons: &[&str]) -> anyhow::Result<bool> {
        if let Some(said) = self.status(network, i).and_then(|status| status.reason) {
            return Ok(reasons.iter().any(|reason| said.contains(reason)));
        }
        let place = Place::Engine(i);
        let Some(process) = self.process(place)? else { bail!("{} isn't running", place.name()) };
        let Some(status) = process.has_ended()? else { return Ok(false) };
        match status.code() {
            Some(FOR_PEOPLE) => {
                let words = process.last_words();
                Ok(reasons.iter().any(|reason| words.contains(reason)))
            }
            Some(TRY_AGAIN) => {
                self.start(network, place)?;
                Ok(false)
            }
            _ => bail!("{} ended by itself ({status}); last words:\n{}", place.name(), process.last_words()),
        }
    }

    /// Waits until the subscriber's file grows: roles alone don't show that anything comes out.
    pub(crate) fn wait_for_flow(&mut self, network: &Network, deadline: Instant) -> anyhow::Result<()> {
        let length = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
        let (path, started) = (self.received(), Instant::now());
        let before = length(&path);
        while length(&path) <= before {
            if Instant::now() > deadline {
                bail!("nothing has come out for {:?}", started.elapsed());
            }
            self.supervise(network)?;
            std::thread::sleep(ASK_EVERY);
        }
        Ok(())
    }

    /// Does what a supervisor is told to do by exit codes: 1 means "start me again", anything else is for people.
    pub(crate) fn supervise(&mut self, network: &Network) -> anyhow::Result<()> {
        let engines = (0..ENGINES).map(Place::Engine);
        for place in engines.chain([Place::Publisher, Place::Subscriber]) {
            let Some(process) = self.process(place)? else { continue };
            let Some(status) = process.has_ended()? else { continue };
            let words = process.last_words();
            // The runner takes away what it kills itself: this was the kernel, short of memory.
            let again = status.code() == Some(TRY_AGAIN) || status.signal() == Some(Signal::KILL.as_raw());
            if !again || self.restarts >= RESTARTS_MAX {
                bail!("{} ended by itself ({status}); last words:\n{words}", place.name());
            }
            self.restarts += 1;
            self.start(network, place)?;
        }
        Ok(())
    }

    /// How often a supervisor had to start something since the last call.
    pub(crate) fn take_restarts(&mut self) -> usize {
        std::mem::take(&mut self.restarts)
    }

    /// The file ends, and so does who publishes it.
    pub(crate) fn stop_input(&mut self) -> anyhow::Result<()> {
        if let Some(input) = self.input.take() {
            input.end()?;
        }
        // It may have ended by itself, where the input topic was replaced.
        drop(self.publisher.take());
        Ok(())
    }

    /// The input ends; returns when all of it is in the log.
    pub(crate) fn end_input(&mut self, network: &Network) -> anyhow::Result<()> {
        self.stop_input()?;
        self.input_end = InputEnd::Ends;
        self.start(network, Place::Publisher)?;
        let mut publisher = self.publisher.take().context("the publisher has just been started")?;
        let status = publisher.wait(LOOK_PATIENCE)?;
        if !status.success() {
            bail!("the publisher failed ({status}); last words:\n{}", publisher.last_words());
        }
        Ok(())
    }

    /// What an engine without failover code writes for the same inbound topic; for the publisher's file, where the topic no
    /// longer has all of it.
    pub(crate) fn replay(&self, network: &Network) -> anyhow::Result<PathBuf> {
        if self.input_is_gone { self.replay_file(network) } else { self.replay_from(network, &["--topic"]) }
    }

    /// What an engine without failover code writes for the publisher's file.
    pub(crate) fn replay_file(&self, network: &Network) -> anyhow::Result<PathBuf> {
        let source = format!("plant/readings={}", self.folder.join("input.csv").display());
        self.replay_from(network, &["--header", "1", "--source", &source])
    }

    fn replay_from(&self, network: &Network, input: &[&str]) -> anyhow::Result<PathBuf> {
        let out = self.folder.join("expected");
        let (project, folder) = (self.project.display().to_string(), out.display().to_string());
        let words = [&["replay", "-p", &project, "--out", &folder], input].concat();
        self.look(network, &words)?;
        Ok(out.join("report.csv"))
    }

    /// The outbound log, as JSON lines.
    pub(crate) fn capture(&self, network: &Network) -> anyhow::Result<PathBuf> {
        let [_, outbound] = self.topics();
        let out = self.folder.join("outbound.jsonl");
        self.look(network, &["capture", "--topic", &outbound, "--out", &out.display().to_string()])?;
        Ok(out)
    }

    /// Ends all processes and removes the topics.
    pub(crate) fn end(&mut self, network: &Network) -> anyhow::Result<()> {
        for process in self.engines.iter_mut().chain([&mut self.publisher, &mut self.subscriber]) {
            drop(process.take());
        }
        self.topics_command(network, &["delete", "--yes"])
    }

    /// `understudy topics` with these words.
    pub(crate) fn topics_command(&self, network: &Network, words: &[&str]) -> anyhow::Result<()> {
        let project = self.project.display().to_string();
        let words: Vec<&str> = ["topics"].iter().chain(words).copied().chain(["-p", &project]).collect();
        self.look(network, &words)
    }

    fn look(&self, network: &Network, words: &[&str]) -> anyhow::Result<()> {
        let mut command = self.command(words);
        let host = network.host(LOOKER)?;
        let mut process = host.namespace.inside(|| Process::start("commands", &mut command, &self.folder))??;
        let status = process.wait(LOOK_PATIENCE)?;
        if !status.success() {
            bail!("understudy {} failed ({status}):\n{}", words.join(" "), process.last_words());
        }
        Ok(())
    }
}
