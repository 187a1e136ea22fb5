//! Control groups: the freezer, in which all threads of a process stand still and nobody outside is told, as when a virtual
//! machine pauses; and bounds that are too small: of processor time, threads, memory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::PREFIX;

/// Where control groups are mounted. In the first version each controller is a tree of its own below, in the second all are one.
const MOUNT: &str = "/sys/fs/cgroup";
/// Microseconds in which a share of processor time is counted; the kernel's own default.
const PERIOD_MICROS: u32 = 100_000;

/// What a group does to its processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// They stand still.
    Freeze,
    /// They get this part of one processor, in percent.
    Share(u32),
    /// They can start no further thread.
    Threads,
    /// They get next to no further memory; the kernel ends one that needs more.
    Memory,
}

const ALL: [Hold; 4] = [Hold::Freeze, Hold::Share(0), Hold::Threads, Hold::Memory];
/// Of what is asked for after the process has come into the group; what it had before isn't counted by the first version.
const MEMORY_BYTES: &str = "4194304";

/// A process held by a group.
#[derive(Debug)]
pub(crate) struct Group {
    folder: PathBuf,
    hold: Hold,
}

impl Group {
    /// Puts a process with all its threads into a group of its own.
    pub(crate) fn hold(name: &str, pid: u32, hold: Hold) -> anyhow::Result<Self> {
        let folder = root(hold).join(format!("{PREFIX}{name}"));
        fs::create_dir_all(&folder).with_context(|| format!("making the control group {}", folder.display()))?;
        write(&folder.join("cgroup.procs"), &pid.to_string())?;
        let group = Self { folder, hold };
        group.set(true)?;
        Ok(group)
    }

    /// Lets it run on as before.
    pub(crate) fn release(&self) -> anyhow::Result<()> {
        self.set(false)
    }

    fn set(&self, on: bool) -> anyhow::Result<()> {
        let (file, text) = match (self.hold, is_first(), on) {
            (Hold::Threads, _, true) => ("pids.max", "1".to_owned()),
            (Hold::Threads, _, false) => ("pids.max", "max".to_owned()),
            (Hold::Memory, true, true) => ("memory.limit_in_bytes", MEMORY_BYTES.to_owned()),
            (Hold::Memory, true, false) => ("memory.limit_in_bytes", "-1".to_owned()),
            (Hold::Memory, false, true) => ("memory.max", MEMORY_BYTES.to_owned()),
            (Hold::Memory, false, false) => ("memory.max", "max".to_owned()),
            (Hold::Freeze, true, true) => ("freezer.state", "FROZEN".to_owned()),
            (Hold::Freeze, true, false) => ("freezer.state", "THAWED".to_owned()),
            (Hold::Freeze, false, on) => ("cgroup.freeze", u8::from(on).to_string()),
            (Hold::Share(percent), true, true) => ("cpu.cfs_quota_us", (PERIOD_MICROS / 100 * percent).to_string()),
            (Hold::Share(_), true, false) => ("cpu.cfs_quota_us", "-1".to_owned()),
            (Hold::Share(percent), false, true) => {
                ("cpu.max", format!("{} {PERIOD_MICROS}", PERIOD_MICROS / 100 * percent))
            }
            (Hold::Share(_), false, false) => ("cpu.max", "max".to_owned()),
        };
        write(&self.folder.join(file), &text)
    }
}

/// Lets everything run that an earlier runner held, so that it can be ended.
pub(super) fn release_all() {
    for hold in ALL {
        for folder in ours(hold) {
            let _ = Group { folder, hold }.release();
        }
    }
}

/// Removes our control groups; those in use stay.
pub(super) fn remove_all() {
    for folder in ALL.into_iter().flat_map(ours) {
        let _ = fs::remove_dir(folder);
    }
}

fn ours(hold: Hold) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root(hold)) else { return Vec::new() };
    let ours = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    entries.flatten().map(|entry| entry.path()).filter(ours).collect()
}

fn root(hold: Hold) -> PathBuf {
    let mount = Path::new(MOUNT);
    match (is_first(), hold) {
        (false, _) => mount.to_owned(),
        (true, Hold::Freeze) => mount.join("freezer"),
        (true, Hold::Share(_)) => mount.join("cpu"),
        (true, Hold::Threads) => mount.join("pids"),
        (true, Hold::Memory) => mount.join("memory"),
    }
}

fn is_first() -> bool {
    Path::new(MOUNT).join("freezer").is_dir()
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("writing {text} to {}", path.display()))
}
