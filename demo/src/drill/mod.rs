//! The drill: a stateful project under load, faults, and the judgement of an oracle that saw none of them.

mod cluster;
mod member;
pub(crate) mod options;
mod plan;
mod publishers;
mod screen;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use understudy_demo::input::Input;
use understudy_demo::process::Process;
use understudy_demo::stages::Lane;
use understudy_demo::{capture, stages};

use crate::report;
use cluster::Cluster;
use member::{EngineRecipe, Engines, start_adapter};
use options::DrillOptions;
use plan::Fault;
use publishers::{PublisherRecipe, Publishers};
use screen::Screen;
pub(crate) use verdict::{Happening, Verdict};

const ENGINES: usize = 3;
/// How long engines may take until one is active and the others are in sync.
const SETTLE_PATIENCE: Duration = Duration::from_secs(60);
/// How long the output may take to be complete after the last event went in.
const DRAIN_PATIENCE: Duration = Duration::from_secs(60);
/// Longer than two sessions: whoever sleeps that long has been replaced.
const FREEZE: Duration = Duration::from_secs(3);
/// A woken zombie must be a standby in sync within this time.
const ZOMBIE_PATIENCE: Duration = Duration::from_secs(10);
/// A killed engine is started again after this time, as a supervisor does; its start is no part of the takeover.
const RESTART_AFTER: Duration = Duration::from_secs(1);
/// Undisturbed output between two faults.
const CALM: Duration = Duration::from_millis(1_500);

const PROJECT_TOPICS: [&str; 4] = [
    "plant_31415.sum20.plant.readings.I",
    "plant_31415.sum20.plant.report.O",
    "plant_31415.sum20.dead",
    "plant_31415.M",
];
const URL_IN: &str = "dfESP://plant:31415/sum20/plant/readings";
const URL_OUT: &str = "dfESP://plant:31415/sum20/plant/report";
const OUTBOUND: &str = PROJECT_TOPICS[1];

/// Runs a drill; true when the output is identical to that of an engine that never failed.
///
/// # Errors
/// Whatever kept the drill from coming to a judgement.
pub(crate) fn run(options: &DrillOptions) -> anyhow::Result<bool> {
    let _ = fs::remove_dir_all(&options.report);
    fs::create_dir_all(&options.report).with_context(|| format!("making {}", options.report.display()))?;
    let folder = options.report.canonicalize()?;
    let mut drill = Drill::start(options, folder)?;
    drill.inject()?;
    let verdict = drill.judge()?;
    report::write(&drill.folder, &verdict, &drill.outputs)?;
    drill.screen.result(&verdict, &drill.folder);
    Ok(verdict.is_identical())
}

struct Drill<'a> {
    options: &'a DrillOptions,
    folder: PathBuf,
    screen: Screen,
    cluster: Cluster,
    engines: Engines,
    input: Option<Input>,
    publishers: Publishers,
    subscriber: Process,
    happenings: Vec<Happening>,
    outputs: Vec<capture::Output>,
    active: usize,
    began: i64,
    began_at: Instant,
}

/// Milliseconds since 1970 UTC: compared with record timestamps on this very machine.
fn wall_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl<'a> Drill<'a> {
    fn start(options: &'a DrillOptions, folder: PathBuf) -> anyhow::Result<Self> {
        let mut screen = Screen::new(options.real.is_some());
        screen.step("start cluster");
        let cluster = match &options.real {
            None => Cluster::memory(&folder, &PROJECT_TOPICS.map(str::to_owned))?,
            Some(script) => Cluster::real(script)?,
        };
        screen.done(cluster.describe());

        screen.step("make topics");
        prepare_topics(options, &cluster, &folder)?;
        screen.done(if cluster.is_real() { "3 copies, 1 partition" } else { "1 partition" });

        screen.step("start engines");
        let recipe = EngineRecipe {
            daemon: options.daemon.clone(),
            project: options.project.clone(),
            settings: cluster.settings(&options.set),
            logs: folder.clone(),
            forced: false,
        };
        let mut engines = Engines::start(ENGINES, recipe)?;
        let active = engines.settle(SETTLE_PATIENCE)?;
        screen.done(&format!("{} ACTIVE, {} standbys in sync", engines.members[active].name, ENGINES - 1));

        let input = Input::begin(&folder.join("input.csv"), options.rate)?;
        let publishers = Publishers::start(PublisherRecipe::new(options, &cluster, &folder)?, options.publishers)?;
        let subscriber = start_subscriber(options, &cluster, &folder)?;
        screen.load(options.rate, options.kills);
        let began = wall_millis();
        Ok(Self {
            options,
            folder,
            screen,
            cluster,
            engines,
            input: Some(input),
            publishers,
            subscriber,
            happenings: Vec::new(),
            outputs: Vec::new(),
            active,
            began,
            began_at: Instant::now(),
        })
    }

    fn inject(&mut self) -> anyhow::Result<()> {
        let options = self.options;
        let real = |count: u32| if self.cluster.is_real() { count } else { 0 };
        let faults = plan::plan(
            options.kills,
            &[
                (Fault::FreezeActive, options.freezes),
                (Fault::KillLeader, real(options.broker_kills)),
                (Fault::KillPublisher, options.publisher_kills),
                (Fault::KillSubscriber, options.subscriber_kills),
                (Fault::RestartZooKeeper, real(options.zookeeper_restarts)),
                (Fault::TwoActives, u32::from(options.two_actives)),
            ],
        );
        for fault in faults {
            std::thread::sleep(CALM);
            self.strike(fault)?;
            self.publishers.check()?;
        }
        let rest = Duration::from_secs(options.seconds).saturating_sub(self.began_at.elapsed());
        std::thread::sleep(rest.max(CALM));
        Ok(())
    }

    fn strike(&mut self, fault: Fault) -> anyhow::Result<()> {
        let at = wall_millis();
        let active = self.engines.members[self.active].name.clone();
        self.screen.fault(fault.name(), &active);
        let struck = matches!(fault, Fault::KillActive | Fault::FreezeActive).then_some(active);
        let after = match fault {
            Fault::KillActive => self.kill_active()?,
            Fault::FreezeActive => self.freeze_active()?,
            Fault::KillLeader => self.kill_leader()?,
            Fault::KillPublisher => self.publishers.strike()?,
            Fault::KillSubscriber => {
                self.subscriber.kill()?;
                self.subscriber = start_subscriber(self.options, &self.cluster, &self.folder)?;
                "started again, goes on in its file".to_owned()
            }
            Fault::RestartZooKeeper => {
                self.cluster.script(&["restart", "zookeeper"])?;
                self.active = self.engines.settle(SETTLE_PATIENCE)?;
                format!("{} is active", self.engines.members[self.active].name)
            }
            Fault::TwoActives => self.force_two_actives()?,
        };
        self.screen.survived(&after);
        self.happenings.push(Happening { fault: fault.name(), kind: fault, at, struck, after });
        Ok(())
    }

    fn kill_active(&mut self) -> anyhow::Result<String> {
        let old = self.active;
        self.engines.members[old].kill()?;
        let killed = Instant::now();
        let new = self.engines.wait_for_successor(old, SETTLE_PATIENCE)?;
        std::thread::sleep(RESTART_AFTER.saturating_sub(killed.elapsed()));
        self.engines.restart(old)?;
        self.active = self.engines.settle(SETTLE_PATIENCE)?;
        let name = |i: usize| self.engines.members[i].name.clone();
        Ok(format!("{} → {}, {} is back in sync", name(old), name(new), name(old)))
    }

    /// The zombie keeps its state: it isn't restarted.
    fn freeze_active(&mut self) -> anyhow::Result<String> {
        let old = self.active;
        self.engines.members[old].freeze()?;
        let frozen = Instant::now();
        let new = self.engines.wait_for_successor(old, SETTLE_PATIENCE)?;
        std::thread::sleep(FREEZE.saturating_sub(frozen.elapsed()));
        self.engines.members[old].thaw()?;
        let woken = Instant::now();
        self.active = self.engines.settle(ZOMBIE_PATIENCE)?;
        let name = |i: usize| self.engines.members[i].name.clone();
        Ok(format!(
            "{} → {}; the zombie is a standby in sync {:.1} s after it woke",
            name(old),
            name(new),
            woken.elapsed().as_secs_f32()
        ))
    }

    fn kill_leader(&mut self) -> anyhow::Result<String> {
        let leader = self.engines.leader().context("no engine knows who leads the outbound topic")?;
        // The last digit of a broker's port is its number.
        let number =
            leader.chars().last().filter(char::is_ascii_digit).context("a broker's port ends in its number")?;
        let number = number.to_string();
        self.cluster.script(&["kill", &number])?;
        std::thread::sleep(CALM * 3);
        self.cluster.script(&["restart", &number])?;
        // All copies again: the next broker that dies must not be the second one that is missing.
        self.cluster.script(&["settle"])?;
        self.active = self.engines.settle(SETTLE_PATIENCE)?;
        Ok(format!("broker {number} is back; {} is active", self.engines.members[self.active].name))
    }

    /// Two more engines that write whatever the line says: the broker lets nobody fork or repeat the log.
    fn force_two_actives(&mut self) -> anyhow::Result<String> {
        let recipe = EngineRecipe { forced: true, ..self.engines.recipe.clone() };
        let mut forced = Vec::new();
        for name in ["forced-1", "forced-2"] {
            let mut member = member::Member::new(name.to_owned())?;
            member.start(&recipe)?;
            forced.push(member);
        }
        let deadline = Instant::now() + SETTLE_PATIENCE;
        while !forced.iter().all(|member| member.status().is_some_and(|status| status.role == "active")) {
            if Instant::now() > deadline {
                bail!("the forced engines did not become active");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        std::thread::sleep(FREEZE);
        for mut member in forced {
            member.kill()?;
        }
        Ok("two more actives wrote side by side for 3 s".to_owned())
    }

    /// The file grows no longer; the last publishers take it up where the ones before were, and end with it.
    fn end_input(&mut self) -> anyhow::Result<()> {
        if let Some(input) = self.input.take() {
            input.end()?;
        }
        self.publishers.finish(DRAIN_PATIENCE)
    }

    fn judge(&mut self) -> anyhow::Result<Verdict> {
        self.screen.step("drain");
        self.end_input()?;
        let expected = self.replay()?;
        let received = self.folder.join("output.csv");
        self.wait_for_lines(&received, lines(&expected)?)?;
        self.screen.done("everything that went in has come out");

        self.screen.step("compare with an engine that never failed");
        for member in &mut self.engines.members {
            member.stop(SETTLE_PATIENCE)?;
        }
        let capture = self.folder.join("outbound.jsonl");
        self.understudy(&["capture", "--topic", OUTBOUND, "--out", &capture.display().to_string()])?;
        self.outputs = capture::read(&capture)?;
        let lanes = self.lanes()?;
        let verdict = verdict::judge(
            &self.options.daemon,
            &expected,
            &received,
            std::mem::take(&mut self.happenings),
            lanes,
            &self.outputs,
            self.began,
        )?;
        self.screen.done(if verdict.is_identical() { "identical" } else { "DIFFERENT" });
        Ok(verdict)
    }

    /// What each engine was, and when.
    fn lanes(&self) -> anyhow::Result<Vec<Lane>> {
        let now = wall_millis();
        let lane = |member: &member::Member| {
            let killed = |happening: &&Happening| {
                happening.kind == Fault::KillActive && happening.struck.as_deref() == Some(&member.name)
            };
            let ends: Vec<i64> = self.happenings.iter().filter(killed).map(|happening| happening.at).collect();
            stages::read(&self.folder.join(format!("{}.log", member.name)), &member.name, &ends, now)
        };
        self.engines.members.iter().map(lane).collect()
    }

    /// What an engine that never failed writes: one engine, no failover code, over the very inbound topic.
    fn replay(&self) -> anyhow::Result<PathBuf> {
        let out = self.folder.join("expected");
        let project = self.options.project.display().to_string();
        self.understudy(&["replay", "-p", &project, "--topic", "--out", &out.display().to_string()])?;
        Ok(out.join("report.csv"))
    }

    fn understudy(&self, words: &[&str]) -> anyhow::Result<()> {
        understudy(self.options, &self.cluster, &self.folder, words)
    }

    fn wait_for_lines(&mut self, path: &Path, wanted: usize) -> anyhow::Result<()> {
        let deadline = Instant::now() + DRAIN_PATIENCE;
        loop {
            let found = lines(path).unwrap_or(0);
            if found >= wanted {
                return Ok(());
            }
            if let Some(status) = self.subscriber.has_ended()? {
                bail!("the subscriber ended ({status}):\n{}", self.subscriber.last_words());
            }
            if Instant::now() > deadline {
                self.screen.remark(&format!("only {found} of {wanted} lines came out within {DRAIN_PATIENCE:?}"));
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn lines(path: &Path) -> anyhow::Result<usize> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(bytes.iter().filter(|&&byte| byte == b'\n').count())
}

/// Real topics are made anew, so that a drill doesn't go on where the last one ended.
fn prepare_topics(options: &DrillOptions, cluster: &Cluster, folder: &Path) -> anyhow::Result<()> {
    if cluster.is_real() {
        let project = options.project.display().to_string();
        understudy(options, cluster, folder, &["topics", "delete", "-p", &project, "--yes"])?;
        // Brokers delete in the background; making a topic of the same name is refused until that is over.
        let deadline = Instant::now() + SETTLE_PATIENCE;
        while let Err(error) = understudy(options, cluster, folder, &["topics", "create", "-p", &project]) {
            if Instant::now() > deadline {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }
    Ok(())
}

fn understudy(options: &DrillOptions, cluster: &Cluster, folder: &Path, words: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new(&options.daemon);
    command.args(words);
    for setting in cluster.settings(&options.set) {
        command.args(["--set", &setting]);
    }
    let mut process = Process::start("commands", &mut command, folder)?;
    let status = process.wait(SETTLE_PATIENCE * 4)?;
    if !status.success() {
        bail!("understudy {} failed ({status}):\n{}", words.join(" "), process.last_words());
    }
    Ok(())
}

fn start_subscriber(options: &DrillOptions, cluster: &Cluster, folder: &Path) -> anyhow::Result<Process> {
    let cfg = transport_config(folder, "kafkasub.cfg", cluster, "")?;
    let words = format!(
        "type=sub,url={URL_OUT},fsname={},fstype=csv,header=full,transport=kafka,transportconfigfile={cfg}",
        folder.join("output.csv").display(),
    );
    start_adapter("subscriber", &options.daemon, &words, &cluster.settings(&options.set), folder)
}

/// Writes a transport configuration; `sas` are the lines of its second section.
fn transport_config(folder: &Path, name: &str, cluster: &Cluster, sas: &str) -> anyhow::Result<String> {
    let path = folder.join(name);
    let text = format!(
        "kafka\n{{\nhostport = \"{}\"\npartition = \"0\"\ninitialoffset = \"smallest\"\n}}\nsas\n{{\n{sas}}}\n",
        cluster.bootstrap()
    );
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    Ok(path.display().to_string())
}
