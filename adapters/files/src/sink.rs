//! An output file whose content and position never disagree, whenever the process or the machine dies.
//!
//! Rows are written and synced first; then the position is written beside the old one, synced, and put in its place by
//! a rename; then the folder is synced. Before the rename the old position stands, and what the file has more than it
//! is cut off at the next start. After it the new one does, and all of its rows are on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::Error;
use crate::sidecar::{FilePosition, LogPosition, path_of, temporary_path_of};

/// What happens to a file that has content but no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Adopt {
    /// It is refused.
    #[default]
    Refuse,
    /// Rows are appended behind its content (`adopt=true`).
    Append,
}

/// The steps of a commit, in order; a crash may come before, in or after each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CommitStep {
    WriteRows,
    SyncFile,
    WritePosition,
    SyncPosition,
    RenamePosition,
    SyncFolder,
}

const COMMIT_STEPS: [CommitStep; 6] = [
    CommitStep::WriteRows,
    CommitStep::SyncFile,
    CommitStep::WritePosition,
    CommitStep::SyncPosition,
    CommitStep::RenamePosition,
    CommitStep::SyncFolder,
];

/// An output file with its position beside it; one process at a time.
#[derive(Debug)]
pub struct PositionedFile {
    path: PathBuf,
    /// Locked as long as it is open, and at its end.
    file: File,
    position: FilePosition,
    /// Rows since the last commit.
    pending: Vec<u8>,
    failed: bool,
}

impl PositionedFile {
    /// Opens or creates a file and cuts it to its position. `header` becomes the first line of a new one.
    ///
    /// # Errors
    /// [`Error::Busy`] while another process has it, [`Error::NoPosition`], [`Error::OutputShortened`],
    /// [`Error::PositionUnreadable`], [`Error::Io`].
    pub fn open(path: &Path, adopt: Adopt, header: &[u8]) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let mut file = file.map_err(Error::io("opening", path))?;
        lock(&file, path)?;
        let length = file.metadata().map_err(Error::io("looking at", path))?.len();
        let position_path = path_of(path);
        let (position, is_new) = match read_position(&position_path)? {
            Some(position) if length < position.bytes => {
                let (file, expected) = (path.to_owned(), position.bytes);
                return Err(Error::OutputShortened { file, position: position_path, found: length, expected });
            }
            Some(position) => (position, false),
            None if length > 0 && adopt == Adopt::Refuse => {
                return Err(Error::NoPosition { file: path.to_owned(), position: position_path });
            }
            None => (FilePosition { bytes: length, log: None }, true),
        };
        let mut pending = Vec::new();
        if position.bytes == 0 {
            pending.extend_from_slice(header);
        } else if is_new && !ends_with_line_end(&mut file).map_err(Error::io("reading", path))? {
            // Adopted rows must not run into ours.
            pending.push(b'\n');
        }
        if length > position.bytes {
            file.set_len(position.bytes).map_err(Error::io("cutting", path))?;
        }
        file.seek(SeekFrom::Start(position.bytes)).map_err(Error::io("looking at", path))?;
        let mut this = Self { path: path.to_owned(), file, position, pending, failed: false };
        if is_new {
            // Before the first row: a file with rows always has a position.
            let fresh = this.position.clone();
            for step in &COMMIT_STEPS[1..] {
                this.step(*step, &fresh)?;
            }
        }
        Ok(this)
    }

    /// How far the file is written for good: where to go on.
    #[must_use]
    pub const fn position(&self) -> &FilePosition {
        &self.position
    }

    /// Keeps rows, each with its line end, for the next commit.
    pub fn append(&mut self, rows: &[u8]) {
        self.pending.extend_from_slice(rows);
    }

    /// Bytes that wait for a commit.
    #[must_use]
    pub const fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Writes the rows kept so far, for good, together with the place in the log that they reach to.
    ///
    /// # Errors
    /// [`Error::Io`]: the file must be opened again, then it stands where the last commit left it, or where this one
    /// would have; [`Error::Failed`] when that wasn't done.
    pub fn commit(&mut self, log: LogPosition) -> Result<(), Error> {
        if self.failed {
            return Err(Error::Failed { file: self.path.clone() });
        }
        let next = self.next_position(log);
        self.failed = true;
        for step in COMMIT_STEPS {
            self.step(step, &next)?;
        }
        self.failed = false;
        self.finish(next);
        Ok(())
    }

    fn next_position(&self, log: LogPosition) -> FilePosition {
        FilePosition { bytes: self.position.bytes + self.pending.len() as u64, log: Some(log) }
    }

    fn finish(&mut self, next: FilePosition) {
        self.position = next;
        self.pending.clear();
    }

    fn step(&mut self, step: CommitStep, next: &FilePosition) -> Result<(), Error> {
        let (position, temporary) = (path_of(&self.path), temporary_path_of(&self.path));
        match step {
            CommitStep::WriteRows => self.file.write_all(&self.pending).map_err(Error::io("writing", &self.path)),
            CommitStep::SyncFile => self.file.sync_data().map_err(Error::io("syncing", &self.path)),
            CommitStep::WritePosition => {
                fs::write(&temporary, next.to_text()).map_err(Error::io("writing", &temporary))
            }
            CommitStep::SyncPosition => {
                let synced = File::open(&temporary).and_then(|file| file.sync_all());
                synced.map_err(Error::io("syncing", &temporary))
            }
            CommitStep::RenamePosition => fs::rename(&temporary, &position).map_err(Error::io("writing", &position)),
            CommitStep::SyncFolder => {
                let folder = folder_of(&self.path);
                File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("syncing", folder))
            }
        }
    }
}

fn lock(file: &File, path: &Path) -> Result<(), Error> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(Errno::WOULDBLOCK) => Err(Error::Busy { file: path.to_owned() }),
        Err(errno) => Err(Error::io("locking", path)(errno.into())),
    }
}

fn read_position(path: &Path) -> Result<Option<FilePosition>, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("reading", path)(error)),
    };
    let unreadable = |reason| Error::PositionUnreadable { position: path.to_owned(), reason };
    FilePosition::parse(&text).map(Some).map_err(unreadable)
}

fn ends_with_line_end(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == [b'\n'])
}

fn folder_of(path: &Path) -> &Path {
    let parent = path.parent().unwrap_or(path);
    if parent.as_os_str().is_empty() { Path::new(".") } else { parent }
}

/// Where a subscriber writes to.
#[derive(Debug)]
pub enum Sink {
    /// Each output once.
    File(PositionedFile),
    /// At least once: nobody can take back what was printed before a crash.
    Standard {
        /// Rows since the last commit, the header first.
        pending: Vec<u8>,
    },
}

impl Sink {
    /// Standard output; `header` is printed with the first rows.
    #[must_use]
    pub fn standard(header: Vec<u8>) -> Self {
        Self::Standard { pending: header }
    }

    /// What a reader may rely on, for the log.
    #[must_use]
    pub const fn guarantee(&self) -> &'static str {
        match self {
            Self::File(_) => "each output is written once, also after a crash",
            Self::Standard { .. } => "standard output has no position: after a restart outputs are printed again",
        }
    }

    /// How far it is written for good; standard output never knows.
    #[must_use]
    pub const fn position(&self) -> Option<&LogPosition> {
        match self {
            Self::File(file) => file.position().log.as_ref(),
            Self::Standard { .. } => None,
        }
    }

    /// Keeps rows for the next commit.
    pub fn append(&mut self, rows: &[u8]) {
        match self {
            Self::File(file) => file.append(rows),
            Self::Standard { pending } => pending.extend_from_slice(rows),
        }
    }

    /// Writes the rows kept so far; see [`PositionedFile::commit`].
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Failed`].
    pub fn commit(&mut self, log: LogPosition) -> Result<(), Error> {
        match self {
            Self::File(file) => file.commit(log),
            Self::Standard { pending } => {
                let mut stdout = io::stdout().lock();
                let written = stdout.write_all(pending).and_then(|()| stdout.flush());
                pending.clear();
                written.map_err(Error::io("writing", "standard output"))
            }
        }
    }
}

#[cfg(test)]
#[path = "sink_tests.rs"]
mod tests;
