//! From the `-C` argument to checked settings.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use proto::{CsvOptions, Shape};
use types::{Flags, SourceId};

use crate::error::ConfigFault;
use crate::keys::{Fate, Ignored, fate};
use crate::options::BLOCK_ROWS_MAX;
use crate::{
    Direction, Error, EspUrl, FileEnd, FsAdapterOptions, HeaderLine, OnBadRow, Payload, PublishOptions, RowFormat,
    SubscribeOptions, split_arguments,
};

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
#[path = "read_options_tests.rs"]
mod tests;
