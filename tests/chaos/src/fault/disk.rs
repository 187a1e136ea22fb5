//! What happens to the folder where an engine keeps snapshots and dead letters.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Snapshot;
use crate::host::{PREFIX, run};
use crate::places::Place;

/// Less than any snapshot takes.
const TINY: &str = "size=64k";

/// A file system with next to no room over an engine's folder. What lies there is hidden, not lost.
pub(crate) struct TinyDisk {
    folder: PathBuf,
}

impl TinyDisk {
    pub(super) fn mount(folder: &Path, place: Place) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let name = format!("{PREFIX}{}", place.name());
        run("mount", &["-t", "tmpfs", "-o", TINY, &name, &folder.display().to_string()])?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Also while the engine has a file open there, which it then writes to nobody's disk.
    pub(super) fn unmount(&self) -> anyhow::Result<()> {
        run("umount", &["--lazy", &self.folder.display().to_string()]).map(|_| ())
    }
}

/// Takes away every disk of ours that a killed runner left mounted.
pub(crate) fn unmount_all() -> anyhow::Result<()> {
    let mounts = fs::read_to_string("/proc/mounts").context("reading /proc/mounts")?;
    for mount in mounts.lines().filter(|line| line.starts_with(PREFIX)) {
        if let Some(folder) = mount.split(' ').nth(1) {
            run("umount", &["--lazy", folder])?;
        }
    }
    Ok(())
}

/// Where each snapshot in an engine's folder goes on, and its file; the oldest first.
pub(crate) fn snapshots(folder: &Path) -> Vec<(u64, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(snapshots(&path));
        } else if path.extension().is_some_and(|end| end == "snapshot") {
            let offset = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            found.extend(offset.map(|offset| (offset, path)));
        }
    }
    found.sort();
    found
}

pub(super) fn spoil(folder: &Path, which: Snapshot) -> anyhow::Result<()> {
    let files = snapshots(folder);
    let spoiling = |path: &PathBuf| format!("spoiling {}", path.display());
    match which {
        Snapshot::Newest => {
            let Some((_, path)) = files.last() else { return Ok(()) };
            change_a_byte(path).with_context(|| spoiling(path))
        }
        Snapshot::All => files.iter().try_for_each(|(_, path)| cut_off(path).with_context(|| spoiling(path))),
    }
}

pub(super) fn wipe(folder: &Path) -> anyhow::Result<()> {
    fs::remove_dir_all(folder).with_context(|| format!("emptying {}", folder.display()))
}

fn change_a_byte(path: &Path) -> std::io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let middle = SeekFrom::Start(file.metadata()?.len() / 2);
    let mut byte = [0];
    file.seek(middle)?;
    file.read_exact(&mut byte)?;
    file.seek(middle)?;
    file.write_all(&[!byte[0]])
}

fn cut_off(path: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(file.metadata()?.len() / 2)
}
