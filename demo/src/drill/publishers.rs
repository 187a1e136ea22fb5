//! Publisher adapters: one, or a group of which one publishes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::bail;
use understudy_demo::process::Process;
use understudy_demo::stages;

use super::cluster::Cluster;
use super::member::start_adapter;
use super::options::DrillOptions;
use super::{URL_IN, transport_config, wall_millis};

/// The name that publishers of one source share.
const GROUP: &str = "drill";
/// How long a publisher that was started again may take until it stands by.
const GROUP_PATIENCE: Duration = Duration::from_secs(30);
/// How often its log is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How publishers are started.
pub(crate) struct PublisherRecipe {
    daemon: PathBuf,
    folder: PathBuf,
    settings: Vec<String>,
    config: String,
    rate: u64,
}

/// What a publisher does at the end of its file.
#[derive(Clone, Copy)]
enum InputEnd {
    /// Waits for more.
    Grows,
    /// Ends, too.
    Ends,
}

impl PublisherRecipe {
    pub(crate) fn new(options: &DrillOptions, cluster: &Cluster, folder: &Path) -> anyhow::Result<Self> {
        let sas = match (options.publishers, cluster.zookeeper()) {
            (0 | 1, _) => String::new(),
            (_, Some(zookeeper)) => format!(
                "hotfailover = \"true\"\nfailovergroup = \"{GROUP}\"\nzookeeperhostport = \"{zookeeper}\"\nnumbufferedmsgs = \"2000\"\n"
            ),
            (_, None) => bail!("several publishers need a ZooKeeper: say --real"),
        };
        Ok(Self {
            daemon: options.daemon.clone(),
            folder: folder.to_owned(),
            settings: cluster.settings(&options.set),
            config: transport_config(folder, "kafkapub.cfg", cluster, &sas)?,
            rate: options.rate,
        })
    }

    fn start(&self, name: &str, end: InputEnd) -> anyhow::Result<Process> {
        let words = format!(
            "type=pub,url={URL_IN},fsname={},fstype=csv,header=1,rate={},growinginputfile={},transport=kafka,transportconfigfile={}",
            self.folder.join("input.csv").display(),
            self.rate,
            matches!(end, InputEnd::Grows),
            self.config,
        );
        start_adapter(name, &self.daemon, &words, &self.settings, &self.folder)
    }
}

/// All publishers of the drill; they read the same file.
pub(crate) struct Publishers {
    recipe: PublisherRecipe,
    members: Vec<(String, Process)>,
}

impl Publishers {
    pub(crate) fn start(recipe: PublisherRecipe, count: u32) -> anyhow::Result<Self> {
        let name = |i| if count > 1 { format!("publisher-{i}") } else { "publisher".to_owned() };
        let members: anyhow::Result<_> = (1..=count.max(1))
            .map(|i| {
                let name = name(i);
                let process = recipe.start(&name, InputEnd::Grows)?;
                Ok((name, process))
            })
            .collect();
        Ok(Self { recipe, members: members? })
    }

    /// None ends before the input does.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        for (name, process) in &mut self.members {
            if let Some(status) = process.has_ended()? {
                bail!("{name} ended by itself ({status}); it said last:\n{}", process.last_words());
            }
        }
        Ok(())
    }

    /// Kills the one that publishes, and starts it again as a supervisor does; of a group another one goes on meanwhile.
    pub(crate) fn strike(&mut self) -> anyhow::Result<String> {
        let struck = self.members.iter().position(|(name, _)| self.is("active", name, 0)).unwrap_or(0);
        let started = wall_millis();
        let (name, process) = &mut self.members[struck];
        process.kill()?;
        *process = self.recipe.start(name, InputEnd::Grows)?;
        if self.members.len() == 1 {
            return Ok("started again, goes on in its file".to_owned());
        }
        let deadline = Instant::now() + GROUP_PATIENCE;
        while !self.is("standby", &self.members[struck].0, started) {
            if Instant::now() > deadline {
                bail!("{} did not come back to its group", self.members[struck].0);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(format!("another of the group goes on; {} is back", self.members[struck].0))
    }

    /// By its own log: its last stage, entered at `since` or later. A publisher without a group says nothing there.
    fn is(&self, stage: &str, name: &str, since: i64) -> bool {
        let lane = stages::read(&self.recipe.folder.join(format!("{name}.log")), name, &[], i64::MAX);
        let last = lane.ok().and_then(|lane| lane.stretches.last().cloned());
        last.is_some_and(|stretch| stretch.stage == stage && stretch.from >= since)
    }

    /// Replaces all by ones that end with the file, and waits for them.
    pub(crate) fn finish(&mut self, patience: Duration) -> anyhow::Result<()> {
        for (_, process) in &mut self.members {
            process.kill()?;
        }
        for (name, process) in &mut self.members {
            *process = self.recipe.start(name, InputEnd::Ends)?;
        }
        for (name, process) in &mut self.members {
            let status = process.wait(patience)?;
            if !status.success() {
                bail!("{name} failed:\n{}", process.last_words());
            }
        }
        Ok(())
    }
}
