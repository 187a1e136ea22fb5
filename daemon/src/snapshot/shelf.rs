//! Snapshots of one project and generation in a folder.
//!
//! `<data>/snapshots/<label>.<project>/<generation>/<next inbound offset>.snapshot`. A snapshot is written under another name,
//! synced and renamed, so a name that ends in `.snapshot` is whole unless the disk lies, and then its checksums tell.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use types::{Generation, Offset};

/// How whole snapshots are named.
const SUFFIX: &str = ".snapshot";
/// How unfinished ones are named.
const DRAFT_SUFFIX: &str = ".draft";
/// How those are named that come from a peer; what has come stays.
const PART_SUFFIX: &str = ".part";
/// How those are named that were found to be of no use.
const REFUSED_SUFFIX: &str = ".refused";
/// Its presence says that everything on the shelf goes at the next start.
const CONDEMNED: &str = "condemned";
/// The folder of all snapshots within the data folder.
const FOLDER: &str = "snapshots";

/// Where snapshots of one project and generation lie.
#[derive(Debug, Clone)]
pub struct Shelf {
    folder: PathBuf,
    keep: usize,
}

/// A snapshot on the shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Where input goes on after it.
    pub next: Offset,
    /// Its file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
}

impl Shelf {
    /// Makes the folder, and removes what an earlier process left unfinished or put aside, or all when it was condemned. The
    /// newest `keep` snapshots stay, at least one.
    ///
    /// # Errors
    /// The folder can't be made or read.
    pub fn open(data: &Path, cluster: &str, generation: Generation, keep: usize) -> io::Result<Self> {
        let folder = data.join(FOLDER).join(cluster).join(generation.to_string());
        fs::create_dir_all(&folder)?;
        let mark = folder.join(CONDEMNED);
        let is_condemned = mark.try_exists()?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.to_string_lossy();
            let is_ours = [SUFFIX, PART_SUFFIX].iter().any(|suffix| name.ends_with(suffix));
            let is_useless = [DRAFT_SUFFIX, REFUSED_SUFFIX].iter().any(|suffix| name.ends_with(suffix));
            if is_useless || (is_condemned && is_ours) {
                fs::remove_file(path)?;
            }
        }
        // Last, so that an interrupted removal goes on at the next start.
        if is_condemned {
            fs::remove_file(mark)?;
        }
        Ok(Self { folder, keep: keep.max(1) })
    }

    /// Marks everything that lies here, and what may still be added by this process, to be removed at the next start.
    ///
    /// # Errors
    /// The mark can't be made.
    pub fn condemn(&self) -> io::Result<()> {
        File::create(self.folder.join(CONDEMNED))?;
        File::open(&self.folder)?.sync_all()
    }

    /// Takes that back.
    ///
    /// # Errors
    /// The mark can't be removed.
    pub fn pardon(&self) -> io::Result<()> {
        fs::remove_file(self.folder.join(CONDEMNED))
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is there, newest first; files of other names are left alone.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn list(&self) -> io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let next = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).and_then(|next| next.parse().ok());
            if let Some(next) = next {
                kept.push(Kept { next: Offset(next), path: entry.path(), bytes: entry.metadata()?.len() });
            }
        }
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.next));
        Ok(kept)
    }

    /// Takes a useless snapshot off the shelf, or it would count as one of the newest few, and a peer's older one as not needed.
    /// The file stays until the next start, for whoever wants to know what happened to it.
    ///
    /// # Errors
    /// It can't be renamed.
    pub fn put_aside(&self, useless: &Kept) -> io::Result<()> {
        fs::rename(&useless.path, useless.path.with_extension(&REFUSED_SUFFIX[1..]))
    }

    /// Begins a snapshot that input goes on from at `next`.
    ///
    /// # Errors
    /// The file can't be made.
    pub fn begin(&self, next: Offset) -> io::Result<Draft> {
        let path = self.folder.join(format!("{next:020}{DRAFT_SUFFIX}"));
        Ok(Draft { file: File::create(&path)?, path: Some(path), next, bytes: 0, stays: false })
    }

    /// Goes on with a snapshot that comes from elsewhere; parts of other ones are removed.
    ///
    /// # Errors
    /// The file can't be made, or another one not removed.
    pub fn resume(&self, next: Offset) -> io::Result<Draft> {
        let path = self.folder.join(format!("{next:020}{PART_SUFFIX}"));
        for entry in fs::read_dir(&self.folder)? {
            let other = entry?.path();
            if other != path && other.to_string_lossy().ends_with(PART_SUFFIX) {
                fs::remove_file(other)?;
            }
        }
        let file = File::options().create(true).append(true).open(&path)?;
        let bytes = file.metadata()?.len();
        Ok(Draft { file, path: Some(path), next, bytes, stays: true })
    }

    /// Keeps a draft under its name and lets the oldest ones go; gives its size.
    ///
    /// # Errors
    /// It can't be synced or renamed; nothing is kept then.
    pub fn seal(&self, mut draft: Draft) -> io::Result<u64> {
        draft.file.sync_all()?;
        let Some(path) = draft.path.as_ref() else { return Ok(0) };
        fs::rename(path, self.folder.join(format!("{:020}{SUFFIX}", draft.next)))?;
        draft.path = None;
        // The new name itself must survive a power loss before older ones go.
        File::open(&self.folder)?.sync_all()?;
        for old in self.list()?.into_iter().skip(self.keep) {
            fs::remove_file(old.path)?;
        }
        Ok(draft.bytes)
    }

    /// Removes the snapshots of generations before this one: nobody can go on from them.
    ///
    /// # Errors
    /// A folder can't be read or removed.
    pub fn remove_older_generations(&self) -> io::Result<()> {
        let number = |path: &Path| path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        let (Some(ours), Some(parent)) = (number(&self.folder), self.folder.parent()) else { return Ok(()) };
        let ours: u16 = ours;
        for entry in fs::read_dir(parent)? {
            let path = entry?.path();
            if number(&path).is_some_and(|theirs| theirs < ours) {
                fs::remove_dir_all(path)?;
            }
        }
        Ok(())
    }
}

/// A snapshot that is being written; dropped unsealed, it leaves nothing behind, unless the rest may come later.
#[derive(Debug)]
pub struct Draft {
    file: File,
    /// `None` once it has its name.
    path: Option<PathBuf>,
    next: Offset,
    bytes: u64,
    /// Dropped unsealed, it stays as it is: the rest comes later.
    stays: bool,
}

impl Draft {
    /// Where input goes on after it.
    #[must_use]
    pub const fn next(&self) -> Offset {
        self.next
    }

    /// What is there.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// The disk's; or more than `size_max` bytes in all.
    pub fn write(&mut self, bytes: &[u8], size_max: u64) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        if self.bytes > size_max {
            let words = format!("it would pass snapshot-size-max = {size_max} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, words));
        }
        self.file.write_all(bytes)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = self.path.as_ref().filter(|_| !self.stays) {
            // What stays is removed at the next start.
            let _ = fs::remove_file(path);
        }
    }
}
