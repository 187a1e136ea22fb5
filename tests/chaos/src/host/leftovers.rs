//! What a killed runner left behind: found by name, removed before the next one begins.

use std::fs::{self, File, TryLockError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::namespace::HANDLES;
use super::{PREFIX, groups, run};

/// One runner at a time: whoever holds this may remove everything with our prefix.
const LOCK: &str = "/run/uchaos.lock";
/// How long killed processes may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// The right to use our names; given back when the runner ends, however it ends.
pub(crate) struct Claim {
    _lock: File,
}

impl Claim {
    /// Takes it, or says that another runner lives.
    pub(crate) fn take() -> anyhow::Result<Self> {
        let lock = File::create(LOCK).with_context(|| format!("making {LOCK}; the chaos rows need root"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!("another chaos run is under way on this machine ({LOCK} is held)"),
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("locking {LOCK}")),
        }
    }
}

/// Ends every process in our namespaces and removes those and our control groups.
pub(crate) fn remove_all() -> anyhow::Result<()> {
    groups::release_all();
    for namespace in namespaces() {
        end_processes(&namespace)?;
        run("ip", &["netns", "del", &namespace])?;
    }
    groups::remove_all();
    crate::fault::unmount_all()
}

fn namespaces() -> Vec<String> {
    let Ok(entries) = fs::read_dir(HANDLES) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(PREFIX)).collect()
}

fn end_processes(namespace: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let pids = run("ip", &["netns", "pids", namespace])?;
        let pids: Vec<Pid> = pids.lines().filter_map(|line| Pid::from_raw(line.trim().parse().ok()?)).collect();
        // A killed child of this very runner stays in the list until its parent has waited for it.
        if pids.is_empty() || Instant::now() > deadline {
            return Ok(());
        }
        for pid in pids {
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
