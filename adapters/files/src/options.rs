//! `understudy adapter fs -C …`: the settings of a file adapter, checked.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use proto::{CsvOptions, DateFormat, Format, JsonOptions, Shape};
use types::{Flags, SourceId};

use crate::error::ConfigFault;
use crate::keys::{Fate, Ignored, fate};
use crate::{Error, EspUrl, split_arguments};

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

impl FsAdapterOptions {
    /// Reads a `-C` argument.
    ///
    /// # Errors
    /// [`Error::Argument`] for the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        split_arguments(text)
            .and_then(Arguments::new)
            .and_then(|mut arguments| arguments.options())
            .map_err(|fault| Error::Argument { fault })
    }
}

/// Checks a pattern.
pub(crate) fn date_format(pattern: Option<&str>) -> Result<Option<DateFormat>, Error> {
    Ok(pattern.filter(|pattern| !pattern.is_empty()).map(DateFormat::new).transpose()?)
}

/// Keys that work, taken one by one.
struct Arguments {
    publishes: bool,
    pairs: Vec<(String, String)>,
    ignored: Vec<Ignored>,
}

impl Arguments {
    fn new(pairs: Vec<(String, String)>) -> Result<Self, ConfigFault> {
        let kind = pairs.iter().find(|(key, _)| key == "type").map(|(_, value)| value.as_str());
        let publishes = match kind {
            Some("pub" | "publish") => true,
            Some("sub" | "subscribe") => false,
            Some(other) => return Err(bad("type", other, "write pub or sub")),
            None => return Err(missing("type", "write type=pub or type=sub")),
        };
        let mut arguments = Self { publishes, pairs: Vec::new(), ignored: Vec::new() };
        for (key, value) in pairs {
            match fate(&key, publishes)? {
                Fate::Works => arguments.pairs.push((key, value)),
                Fate::NoEffect(reason) => arguments.ignored.push(Ignored { key, reason }),
                // false is what everybody has who doesn't have it.
                Fate::Refused(_) if value == "false" => {}
                Fate::Refused(reason) => return Err(ConfigFault::Refused { key, reason: reason.to_owned() }),
            }
        }
        Ok(arguments)
    }

    fn options(&mut self) -> Result<FsAdapterOptions, ConfigFault> {
        self.check_transport()?;
        let url = self.take("url").ok_or_else(|| missing("url", "write url=dfESP://host:port/project/query/window"))?;
        let url = EspUrl::parse(&url)?;
        let direction = if self.publishes {
            Direction::Publish(self.publish_options()?)
        } else {
            Direction::Subscribe(self.subscribe_options(&url)?)
        };
        Ok(FsAdapterOptions {
            url,
            file: self.file()?,
            transport_config: self
                .take("transportconfigfile")
                .map(PathBuf::from)
                .ok_or_else(|| missing("transportconfigfile", "it says where Kafka is"))?,
            log_level: self.take("loglevel"),
            direction,
            ignored: std::mem::take(&mut self.ignored),
        })
    }

    fn check_transport(&mut self) -> Result<(), ConfigFault> {
        let reason = "write transport=kafka: adapters reach the engines through Kafka only";
        match self.take("transport").as_deref() {
            Some("kafka") => Ok(()),
            Some(other) => Err(ConfigFault::Refused { key: format!("transport={other}"), reason: reason.to_owned() }),
            None => Err(missing("transport", reason)),
        }
    }

    fn file(&mut self) -> Result<FileEnd, ConfigFault> {
        let name = self.take("fsname").ok_or_else(|| missing("fsname", "it names the file; - is stdin or stdout"))?;
        let standard = if self.publishes { "/dev/stdin" } else { "/dev/stdout" };
        if name == "-" || name == standard {
            return Ok(FileEnd::Standard);
        }
        if is_socket(&name) && !Path::new(&name).exists() {
            let reason = "sockets aren't built yet; a pipe works: fsname=- with nc in front".to_owned();
            return Err(ConfigFault::Refused { key: format!("fsname={name}"), reason });
        }
        Ok(FileEnd::Path(PathBuf::from(name)))
    }

    fn format(&mut self) -> Result<RowFormat, ConfigFault> {
        Ok(match self.take("fstype").as_deref() {
            None | Some("csv") => RowFormat::Csv,
            Some("json") => RowFormat::Json,
            Some(known @ ("binary" | "xml" | "syslog" | "hdat" | "cef")) => {
                let reason = "this file format isn't built yet; csv and json are".to_owned();
                return Err(ConfigFault::Refused { key: format!("fstype={known}"), reason });
            }
            Some(other) => return Err(bad("fstype", other, "write csv or json")),
        })
    }

    fn publish_options(&mut self) -> Result<PublishOptions, ConfigFault> {
        let options = PublishOptions {
            format: self.format()?,
            header_lines: self.header_lines()?,
            growing: self.switch("growinginputfile")?,
            block_rows: self.number("blocksize")?.unwrap_or(NonZeroU32::MIN),
            rate: self.number("rate")?,
            events_max: self.number("maxevents")?,
            repeats: self.number("repeatcount")?.unwrap_or(0),
            date_format: self.take("dateformat"),
            delimiter: self.delimiter()?,
            no_autogen_field: self.switch("noautogenfield")?,
            add_opcode: self.switch("addcsvopcode")?,
            add_flags: self.add_flags()?,
            publish_with_upsert: self.switch("publishwithupsert")?,
            on_bad_row: self.on_bad_row()?,
            source_id: self.take("sourceid").filter(|id| !id.is_empty()).map(SourceId),
            payload: self.payload()?,
        };
        if options.growing && options.repeats > 0 {
            let reason = "a file that grows (growinginputfile=true) has no end to begin again after";
            return Err(bad("repeatcount", &options.repeats.to_string(), reason));
        }
        if options.block_rows.get() > BLOCK_ROWS_MAX {
            return Err(bad("blocksize", &options.block_rows.to_string(), "at most 65536 rows make a block"));
        }
        Ok(options)
    }

    fn subscribe_options(&mut self, url: &EspUrl) -> Result<SubscribeOptions, ConfigFault> {
        let asked_by_url = |name: &str| url.options.iter().any(|(key, value)| key == name && value == "true");
        let collapse = self.switch("collapse")? || asked_by_url("collapse");
        let drop_retention_deletes = self.switch("rmretdel")? || asked_by_url("rmretdel");
        Ok(SubscribeOptions {
            format: self.format()?,
            header: match self.take("header").as_deref() {
                None | Some("false" | "0") => HeaderLine::None,
                Some("true" | "1") => HeaderLine::Names,
                Some("full") => HeaderLine::Full,
                Some(other) => return Err(bad("header", other, "write true, full or false")),
            },
            date_format: self.take("dateformat"),
            shape: Shape { collapse, drop_retention_deletes },
            adopt: self.switch("adopt")?,
        })
    }

    fn header_lines(&mut self) -> Result<u64, ConfigFault> {
        let Some(text) = self.take("header") else { return Ok(0) };
        match text.as_str() {
            "false" => Ok(0),
            "true" => Ok(1),
            number => number.parse().map_err(|_| bad("header", &text, "write how many lines to pass over")),
        }
    }

    fn delimiter(&mut self) -> Result<u8, ConfigFault> {
        let Some(text) = self.take("csvfielddelimiter") else { return Ok(b',') };
        CsvOptions::parse_delimiter(&text)
            .map_err(|_| bad("csvfielddelimiter", &text, "write one character, not a quote or backslash"))
    }

    fn add_flags(&mut self) -> Result<Option<Flags>, ConfigFault> {
        Ok(match self.take("addcsvflags").as_deref() {
            None | Some("") => None,
            Some("normal") => Some(Flags::NORMAL),
            Some("partialupdate") => Some(Flags::PARTIAL),
            Some(other) => return Err(bad("addcsvflags", other, "write normal or partialupdate")),
        })
    }

    fn on_bad_row(&mut self) -> Result<OnBadRow, ConfigFault> {
        let ignores = self.switch("ignorecsvparseerrors")?;
        Ok(match self.take("on-bad-row").as_deref() {
            None if ignores => OnBadRow::Skip,
            None | Some("stop") => OnBadRow::Stop,
            Some("skip") => OnBadRow::Skip,
            Some(other) => return Err(bad("on-bad-row", other, "write stop or skip")),
        })
    }

    fn payload(&mut self) -> Result<Payload, ConfigFault> {
        Ok(match self.take("payload").as_deref() {
            None | Some("binary") => Payload::Binary,
            Some("csv") => Payload::Csv,
            Some("json") => Payload::Json,
            Some(other) => return Err(bad("payload", other, "write binary, csv or json")),
        })
    }

    fn take(&mut self, key: &str) -> Option<String> {
        let i = self.pairs.iter().position(|(name, _)| name == key)?;
        Some(self.pairs.swap_remove(i).1)
    }

    fn switch(&mut self, key: &str) -> Result<bool, ConfigFault> {
        match self.take(key).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(bad(key, other, "write true or false")),
        }
    }

    fn number<T: std::str::FromStr>(&mut self, key: &str) -> Result<Option<T>, ConfigFault> {
        let Some(text) = self.take(key) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| bad(key, &text, "write a whole number that fits"))
    }
}

/// `:port` or `host:port`.
fn is_socket(name: &str) -> bool {
    name.rsplit_once(':').is_some_and(|(host, port)| !host.contains('/') && port.parse::<u16>().is_ok())
}

fn bad(key: &str, value: &str, reason: &str) -> ConfigFault {
    ConfigFault::BadValue { key: key.to_owned(), value: value.to_owned(), reason: reason.to_owned() }
}

fn missing(key: &str, reason: &str) -> ConfigFault {
    ConfigFault::Missing { key: key.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
