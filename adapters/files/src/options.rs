//! `understudy adapter fs -C …`: the settings of a file adapter, checked.

use std::num::NonZeroU32;
use std::path::PathBuf;

use proto::{CsvOptions, DateFormat, Format, JsonOptions, Shape};
use types::{Flags, SourceId};

use crate::keys::Ignored;
use crate::{Error, EspUrl};

/// Rows of a block at most; a larger `blocksize` is refused, because a block must fit into one record.
pub(crate) const BLOCK_ROWS_MAX: u32 = 65_536;

/// Where rows come from or go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileEnd {
    /// A file.
    Path(PathBuf),
    /// Standard input or output: `-`, `/dev/stdin`, `/dev/stdout`.
    Standard,
}

/// How rows stand in a file (`fstype`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowFormat {
    /// One event a line.
    #[default]
    Csv,
    /// One json value a line.
    Json,
}

/// How a publisher encodes blocks (`payload`, our own key); it must be the publisher connector's `kafkatype`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Payload {
    /// Our event block.
    #[default]
    Binary,
    /// Rows with opcode and flags, whatever the file has.
    Csv,
    /// An array of flat objects.
    Json,
}

/// What a publisher does with a row that doesn't fit (`on-bad-row`, or `ignorecsvparseerrors=true`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnBadRow {
    /// It stops and says where (E008).
    #[default]
    Stop,
    /// It leaves the row out and counts it.
    Skip,
}

/// First line of an output file (`header`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderLine {
    /// `false`.
    #[default]
    None,
    /// `true`: field names.
    Names,
    /// `full`: opcode, flags and field names.
    Full,
}

/// Settings of a publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishOptions {
    /// `fstype`.
    pub format: RowFormat,
    /// `header`: lines passed over at the start of the file.
    pub header_lines: u64,
    /// `growinginputfile`: at the end, wait for more; only rows with a line end count.
    pub growing: bool,
    /// `blocksize`: rows of a block.
    pub block_rows: NonZeroU32,
    /// `rate`: events a second; as fast as possible when absent.
    pub rate: Option<NonZeroU32>,
    /// `maxevents`: rows after which to stop, over all passes.
    pub events_max: Option<u64>,
    /// `repeatcount`: further passes over the file.
    pub repeats: u32,
    /// `dateformat`; when absent the transport configuration's is used.
    pub date_format: Option<String>,
    /// `csvfielddelimiter`.
    pub delimiter: u8,
    /// `noautogenfield`.
    pub no_autogen_field: bool,
    /// `addcsvopcode`.
    pub add_opcode: bool,
    /// `addcsvflags`.
    pub add_flags: Option<Flags>,
    /// `publishwithupsert`.
    pub publish_with_upsert: bool,
    /// `on-bad-row`, `ignorecsvparseerrors`.
    pub on_bad_row: OnBadRow,
    /// `sourceid`: names the source; the file's path when absent.
    pub source_id: Option<SourceId>,
    /// `payload`.
    pub payload: Payload,
}

impl Default for PublishOptions {
    fn default() -> Self {
        Self {
            format: RowFormat::default(),
            header_lines: 0,
            growing: false,
            block_rows: NonZeroU32::MIN,
            rate: None,
            events_max: None,
            repeats: 0,
            date_format: None,
            delimiter: b',',
            no_autogen_field: false,
            add_opcode: false,
            add_flags: None,
            publish_with_upsert: false,
            on_bad_row: OnBadRow::default(),
            source_id: None,
            payload: Payload::default(),
        }
    }
}

impl PublishOptions {
    /// How the file's rows are read; `date_format` of the transport configuration steps in for a missing one.
    ///
    /// # Errors
    /// [`Error::Codec`] for a pattern that can't be used.
    pub fn row_format(&self, transport_date_format: Option<&str>) -> Result<Format, Error> {
        let date_format = date_format(self.date_format.as_deref().or(transport_date_format))?;
        let publish_with_upsert = self.publish_with_upsert;
        Ok(match self.format {
            RowFormat::Csv => Format::Csv(CsvOptions {
                delimiter: self.delimiter,
                date_format,
                add_opcode: self.add_opcode,
                add_flags: self.add_flags,
                no_autogen_field: self.no_autogen_field,
                publish_with_upsert,
                ..CsvOptions::default()
            }),
            RowFormat::Json => Format::Json(JsonOptions { date_format, publish_with_upsert, ..JsonOptions::default() }),
        })
    }
}

/// Settings of a subscriber.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscribeOptions {
    /// `fstype`.
    pub format: RowFormat,
    /// `header`.
    pub header: HeaderLine,
    /// `dateformat`; when absent the transport configuration's is used.
    pub date_format: Option<String>,
    /// `collapse`, `rmretdel`, also as options of the URL.
    pub shape: Shape,
    /// `adopt`: append to a file that has content but no position.
    pub adopt: bool,
}

/// What the adapter does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Direction {
    /// `type=pub`: file to inbound topic.
    Publish(PublishOptions),
    /// `type=sub`: outbound topic to file.
    Subscribe(SubscribeOptions),
}

/// A file adapter's settings, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FsAdapterOptions {
    /// `url`.
    pub url: EspUrl,
    /// `fsname`.
    pub file: FileEnd,
    /// `transportconfigfile`.
    pub transport_config: PathBuf,
    /// `loglevel`, as written.
    pub log_level: Option<String>,
    /// `type`, with what belongs to it.
    pub direction: Direction,
    /// What was given and changes nothing.
    pub ignored: Vec<Ignored>,
}

/// Checks a pattern.
pub(crate) fn date_format(pattern: Option<&str>) -> Result<Option<DateFormat>, Error> {
    Ok(pattern.filter(|pattern| !pattern.is_empty()).map(DateFormat::new).transpose()?)
}
