//! What can go wrong with files and their configuration.

use std::io;
use std::path::PathBuf;

use crate::BadRow;

/// What is wrong with a configuration text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigFault {
    /// A section is never closed.
    #[error("section \"{section}\" is not closed: a line with }} is missing")]
    SectionNotClosed {
        /// Its name.
        section: String,
    },
    /// A line that is neither section, entry nor comment.
    #[error("\"{text}\" is no \"key = value\", no section and no comment")]
    NoEntry {
        /// The line.
        text: String,
    },
    /// A part of an argument without `=`.
    #[error("\"{text}\" has no =: write key=value, and put values with commas in quotes")]
    NoPair {
        /// The part.
        text: String,
    },
    /// A quote without its partner.
    #[error("the quote in \"{text}\" isn't closed")]
    QuoteNotClosed {
        /// The line.
        text: String,
    },
    /// An entry before any section.
    #[error("\"{key}\" stands outside of a section: write kafka {{ … }} or sas {{ … }} around it")]
    OutsideSection {
        /// The key.
        key: String,
    },
    /// A section that doesn't exist.
    #[error("unknown section \"{section}\"{hint}")]
    UnknownSection {
        /// Its name.
        section: String,
        /// "; did you mean …", or nothing.
        hint: String,
    },
    /// A key that doesn't exist.
    #[error("unknown key \"{key}\"{hint}")]
    UnknownKey {
        /// As written.
        key: String,
        /// "; did you mean …", or nothing.
        hint: String,
    },
    /// A key that is given twice.
    #[error("\"{key}\" is given twice")]
    Repeated {
        /// The key.
        key: String,
    },
    /// A value that can't be.
    #[error("{key}={value} can't be: {reason}")]
    BadValue {
        /// The key.
        key: String,
        /// As written.
        value: String,
        /// What it should be.
        reason: String,
    },
    /// A key that is known and refused.
    #[error("{key} is refused: {reason}")]
    Refused {
        /// The key, with its value where that matters.
        key: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A key that has to be there.
    #[error("{key} is missing: {reason}")]
    Missing {
        /// The key.
        key: String,
        /// What it is for.
        reason: String,
    },
}

/// How a source differs from what was published of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceChange {
    /// It ends before the place up to which it is published.
    #[error("it has {bytes} bytes, published are {published}")]
    Shorter {
        /// Its length.
        bytes: u64,
        /// Bytes published.
        published: u64,
    },
    /// The row that was published last isn't there any more.
    #[error("line {line} is not the row that was published last")]
    OtherRow {
        /// Where that row should be.
        line: u64,
    },
    /// The row that was published last, then without a line end, has become longer.
    #[error("line {line} was published without its end and has become longer")]
    RowGrew {
        /// Which.
        line: u64,
    },
    /// The same rows were published in blocks of another size.
    #[error("it was published with blocksize={before}, now blocksize={now} is asked for")]
    OtherBlockSize {
        /// Then.
        before: u32,
        /// Now.
        now: u32,
    },
    /// Its path leads to another file since it was opened.
    #[error("it was replaced by another file while it was read")]
    Replaced,
}

/// Why a file can't be published or written, or a setting can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refuses.
    #[error("{doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Its words.
        source: io::Error,
    },
    /// A transport configuration file can't be used.
    #[error("{}:{line}: {fault}", file.display())]
    Config {
        /// Which file.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        fault: ConfigFault,
    },
    /// An adapter's `-C` argument can't be used.
    #[error("-C: {fault}")]
    Argument {
        /// What is wrong.
        fault: ConfigFault,
    },
    /// The source isn't the one that was published.
    #[error(
        "{source_name} changed since it was published: {change}\n     \
         To publish the rest of the old file, restore it. To publish this one from its start as a new source, give it \
         another sourceid=NAME (or failovergroup)."
    )]
    SourceChanged {
        /// The file.
        source_name: String,
        /// How.
        change: SourceChange,
    },
    /// A row doesn't fit the schema (E008).
    #[error(transparent)]
    BadRow(Box<BadRow>),
    /// A row is longer than anything that could be an event.
    #[error("{source_name}:{line}: the row is longer than {bytes_max} bytes")]
    RowTooLong {
        /// The file.
        source_name: String,
        /// From 1.
        line: u64,
        /// The bound.
        bytes_max: usize,
    },
    /// The rows of one block don't fit into one record.
    #[error(
        "{source_name}:{line}: a block of {rows} rows takes {bytes} bytes, a record holds {bytes_max}; lower blocksize"
    )]
    BlockTooLarge {
        /// The file.
        source_name: String,
        /// Line of its last row, from 1.
        line: u64,
        /// Rows of the block.
        rows: u32,
        /// Its encoded size.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// The output file has content, and nothing tells which outputs that is.
    #[error(
        "{} has content but no {}: appending could repeat or skip outputs. Move the file away, or set adopt=true to \
         append behind what is there", file.display(), position.display()
    )]
    NoPosition {
        /// The output file.
        file: PathBuf,
        /// The position file that should be beside it.
        position: PathBuf,
    },
    /// The output file lost bytes that were written for good.
    #[error(
        "{} has {found} bytes, {} says {expected}: it was cut or replaced. Restore it, or remove both files to write \
         all outputs again", file.display(), position.display()
    )]
    OutputShortened {
        /// The output file.
        file: PathBuf,
        /// Its position file.
        position: PathBuf,
        /// Its length.
        found: u64,
        /// Its length by the position file.
        expected: u64,
    },
    /// The position file isn't one.
    #[error("{} can't be read as a position file: {reason}", position.display())]
    PositionUnreadable {
        /// The position file.
        position: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another process writes the file.
    #[error("{} is being written by another process", file.display())]
    Busy {
        /// The output file.
        file: PathBuf,
    },
    /// The file failed before; what is in it isn't known until it is opened again.
    #[error("{} failed before: it must be opened again", file.display())]
    Failed {
        /// The output file.
        file: PathBuf,
    },
    /// A format's settings can't be used.
    #[error(transparent)]
    Codec(#[from] proto::Error),
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

/// `; did you mean "…"?`, or nothing.
pub(crate) fn hint<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let meant = types::nearest(written, names.into_iter());
    meant.map_or_else(String::new, |name| format!("; did you mean \"{name}\"?"))
}
