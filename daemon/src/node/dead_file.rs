//! Dead letters as files of this replica, beside the topic: one JSON line each, the topic's own payloads.
//!
//! The files are keyed by the offset of the inbound record and the letter's place among those of that record. An engine that
//! starts again computes the same letters again; it writes those that come after the last line. Every replica writes every
//! letter, standby or not, so the lines of two replicas are the same.

use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ports::output::OutputCommand;
use serde::Deserialize;
use tracing::warn;
use types::{Generation, OutputKind, OutputRecord};

/// Bytes of one file; at the bound it is moved aside and a new one begins, never between two letters of one record.
pub(super) const FILE_BYTES_MAX: u64 = 16 << 20;
/// Files kept, the one being written included; at the bound the oldest goes. The topic has all of them.
pub(super) const FILES_KEPT: usize = 4;

/// Which letter: the offset of its inbound record, and how many letters of that record came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    offset: u64,
    part: u32,
}

/// `<project>.<generation>.dead.jsonl` and its predecessors `….dead.1.jsonl`, `….dead.2.jsonl`, …
pub(super) struct DeadLetterFile {
    folder: PathBuf,
    stem: String,
    bytes_max: u64,
    /// Closed after a failure; the next letter opens it again.
    file: Option<File>,
    /// Whole lines in the file; what stands behind them is the rest of a failed write.
    bytes: u64,
    last: Option<Key>,
    failing: bool,
    lines: Vec<u8>,
}

impl DeadLetterFile {
    /// Goes on behind the last whole line.
    ///
    /// # Errors
    /// The folder or a file can't be made or read: better heard at start than when the first row is refused.
    pub(super) fn open(folder: &Path, project: &str, generation: Generation, bytes_max: u64) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("making the data folder {}", folder.display()))?;
        let mut file = Self {
            folder: folder.to_owned(),
            stem: format!("{project}.{generation}.dead"),
            bytes_max,
            file: None,
            bytes: 0,
            last: None,
            failing: false,
            lines: Vec::new(),
        };
        file.resume()?;
        Ok(file)
    }

    fn resume(&mut self) -> anyhow::Result<()> {
        // Just rotated, the newest file may be empty or absent: the last line is then in the one before.
        for number in 0..FILES_KEPT {
            let path = self.path(number);
            let Some(content) = read_if_there(&path).with_context(|| format!("reading {}", path.display()))? else {
                continue;
            };
            let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            if number == 0 {
                self.bytes = whole as u64;
            }
            self.last = last_key(&content[..whole]);
            if self.last.is_some() {
                break;
            }
        }
        self.reopen().with_context(|| {
            format!("opening {}; does another replica write there? give each its own --data", self.path(0).display())
        })
    }

    /// Adds the letters among an output's records that aren't in the files yet. A disk that fails costs lines of this file,
    /// never the engine: the topic has every letter.
    pub(super) fn append(&mut self, records: &[OutputRecord]) {
        let letters = records.iter().filter(|record| record.kind == OutputKind::Data);
        for letter in letters {
            let key = Key { offset: letter.id.0, part: letter.part };
            if self.last.is_some_and(|last| key <= last) {
                continue;
            }
            self.last = Some(key);
            let length = letter.payload.len() as u64 + 1;
            if key.part == 0 && self.bytes + self.lines.len() as u64 + length > self.bytes_max {
                self.flush();
                self.told(Self::rotate);
            }
            self.lines.extend_from_slice(&letter.payload);
            self.lines.push(b'\n');
        }
        self.flush();
    }

    fn flush(&mut self) {
        if !self.lines.is_empty() {
            self.told(Self::write);
            self.lines.clear();
        }
    }

    /// Says a failure once, until something works again.
    fn told(&mut self, act: fn(&mut Self) -> std::io::Result<()>) {
        match act(self) {
            Ok(()) => self.failing = false,
            Err(error) => {
                self.file = None;
                if !self.failing {
                    let path = self.path(0);
                    warn!(%error, path = %path.display(), "dead letters can't be written to the file; the topic has them");
                }
                self.failing = true;
            }
        }
    }

    fn write(&mut self) -> std::io::Result<()> {
        if self.file.is_none() {
            self.reopen()?;
        }
        if let Some(file) = &mut self.file {
            file.write_all(&self.lines)?;
            self.bytes += self.lines.len() as u64;
        }
        Ok(())
    }

    /// Opens the newest file and cuts what isn't a whole line.
    fn reopen(&mut self) -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(self.path(0))?;
        // Two replicas of one machine would cut each other's lines.
        file.try_lock()?;
        file.set_len(self.bytes)?;
        file.seek(SeekFrom::End(0))?;
        self.file = Some(file);
        Ok(())
    }

    fn rotate(&mut self) -> std::io::Result<()> {
        if self.bytes == 0 {
            return Ok(());
        }
        self.file = None;
        for number in (0..FILES_KEPT - 1).rev() {
            let (from, to) = (self.path(number), self.path(number + 1));
            if from.exists() {
                fs::rename(from, to)?;
            }
        }
        self.bytes = 0;
        Ok(())
    }

    fn path(&self, number: usize) -> PathBuf {
        match number {
            0 => self.folder.join(format!("{}.jsonl", self.stem)),
            older => self.folder.join(format!("{}.{older}.jsonl", self.stem)),
        }
    }
}

/// Takes commands to the dead letters' writer; what it is given to write is written to the files as well.
pub(super) fn beside(
    file: DeadLetterFile,
    send: Box<dyn Fn(OutputCommand) -> bool + Send>,
) -> Box<dyn Fn(OutputCommand) -> bool + Send> {
    let file = RefCell::new(file);
    Box::new(move |command| {
        if let OutputCommand::Push(records) = &command {
            file.borrow_mut().append(records);
        }
        send(command)
    })
}

fn read_if_there(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The key of the last line: lines of one offset are counted back from the end, all of them stand in one file.
fn last_key(content: &[u8]) -> Option<Key> {
    #[derive(Deserialize)]
    struct Letter {
        offset: u64,
    }
    let mut offsets = content
        .rsplit(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice::<Letter>(line).ok().map(|letter| letter.offset));
    let offset = offsets.next()??;
    let before = offsets.take_while(|found| *found == Some(offset)).count();
    Some(Key { offset, part: u32::try_from(before).unwrap_or(u32::MAX) })
}

#[cfg(test)]
#[path = "dead_file_tests.rs"]
mod tests;
