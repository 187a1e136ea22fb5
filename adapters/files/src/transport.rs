//! The file behind `transportconfigfile=`: sections `kafka { … }` and `sas { … }` with `key = value` lines.
//!
//! Values may stand in double quotes, `#` begins a comment outside of them, blanks and the brace's place are free, and
//! a section may be empty. Sections of other transports are passed over unread.

use std::fs;
use std::path::Path;

use ports::coordinator::HostPort;
use types::Offset;

use crate::Error;
use crate::error::{ConfigFault, hint};

const KAFKA_KEYS: [&str; 6] = ["hostport", "globalconfig", "partition", "initialoffset", "groupid", "metatopic"];
const SAS_KEYS: [&str; 5] = ["hotfailover", "zookeeperhostport", "failovergroup", "numbufferedmsgs", "dateformat"];
/// Sections for transports that Understudy hasn't got: files with several are common.
const OTHER_SECTIONS: [&str; 3] = ["rabbitmq", "solace", "tervela"];

/// Where reading of a topic begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InitialOffset {
    /// With the oldest record that is kept.
    #[default]
    Smallest,
    /// Behind the newest record.
    Largest,
    /// With this record.
    At(Offset),
}

/// Section `kafka`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KafkaTransport {
    /// `hostport`: brokers; at least one in a checked configuration.
    pub brokers: Vec<HostPort>,
    /// `globalconfig`: settings for librdkafka, in order.
    pub global_config: Vec<(String, String)>,
    /// `initialoffset`.
    pub initial_offset: InitialOffset,
    /// `groupid`: read, though a consumer group has no part in Understudy's positions.
    pub group_id: Option<String>,
    /// `metatopic`: read, though Understudy's adapters need no topic of their own for metadata.
    pub meta_topic: Option<String>,
}

/// Section `sas`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SasTransport {
    /// `hotfailover`: several publishers of this group, one active.
    pub hot_failover: bool,
    /// `zookeeperhostport`: ensemble and optional chroot, as written.
    pub zookeeper: Option<String>,
    /// `failovergroup`: names the source that all publishers of the group read.
    pub failover_group: Option<String>,
    /// `numbufferedmsgs`.
    pub buffered_messages_max: Option<u32>,
    /// `dateformat`: checked where it is used.
    pub date_format: Option<String>,
}

/// A transport configuration file, read and checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransportConfig {
    /// How to reach the topics.
    pub kafka: KafkaTransport,
    /// How the adapter behaves.
    pub sas: SasTransport,
}

impl TransportConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Config`] with the line of the first fault.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(Error::io("reading transport configuration", path))?;
        Self::parse(&text, path)
    }

    /// Reads a text; `path` is for messages.
    ///
    /// # Errors
    /// [`Error::Config`] with the line of the first fault.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let config = parse(text).and_then(|entries| checked(&entries));
        config.map_err(|(line, fault)| Error::Config { file: path.to_owned(), line, fault })
    }
}

type Fault = (usize, ConfigFault);

/// One `key = value`, with its section and line.
struct Entry<'t> {
    section: &'t str,
    key: &'t str,
    value: &'t str,
    line: usize,
}

/// What a line holds once its comment is off.
enum Line<'t> {
    Nothing,
    Open,
    Close,
    Name(&'t str),
    Entry(&'t str, &'t str),
}

/// Between sections, behind a section's name, or inside of a section.
#[derive(Clone, Copy)]
enum Place<'t> {
    Outside,
    Named(&'t str, usize),
    Inside(&'t str, usize),
}

fn parse(text: &str) -> Result<Vec<Entry<'_>>, Fault> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut place = Place::Outside;
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
    for (line, raw) in (1..).zip(lines) {
        let code = without_comment(raw);
        for piece in pieces(code) {
            let no_entry = || (line, ConfigFault::NoEntry { text: raw.trim().to_owned() });
            place = match (place, read_piece(piece).map_err(|fault| (line, fault))?) {
                (place, Line::Nothing) => place,
                (Place::Outside, Line::Name(name)) => {
                    check_section(name).map_err(|fault| (line, fault))?;
                    Place::Named(name, line)
                }
                (Place::Named(name, line), Line::Open) => Place::Inside(name, line),
                (Place::Inside(_, _), Line::Close) => Place::Outside,
                (Place::Inside(section, opened), Line::Entry(key, value)) => {
                    if entries.iter().any(|entry| entry.section == section && entry.key == key) {
                        return Err((line, ConfigFault::Repeated { key: key.to_owned() }));
                    }
                    entries.push(Entry { section, key, value, line });
                    Place::Inside(section, opened)
                }
                (Place::Outside | Place::Named(_, _), Line::Entry(key, _)) => {
                    return Err((line, ConfigFault::OutsideSection { key: key.to_owned() }));
                }
                (Place::Named(_, _) | Place::Inside(_, _), Line::Name(_))
                | (Place::Outside | Place::Inside(_, _), Line::Open)
                | (Place::Outside | Place::Named(_, _), Line::Close) => return Err(no_entry()),
            };
        }
    }
    match place {
        Place::Outside => Ok(entries),
        Place::Named(name, line) | Place::Inside(name, line) => {
            Err((line, ConfigFault::SectionNotClosed { section: name.to_owned() }))
        }
    }
}

/// `#` begins a comment unless it stands in quotes.
fn without_comment(line: &str) -> &str {
    let mut in_quotes = false;
    for (i, byte) in line.bytes().enumerate() {
        match byte {
            b'"' => in_quotes = !in_quotes,
            b'#' if !in_quotes => return &line[..i],
            _ => {}
        }
    }
    line
}

/// Braces stand for themselves wherever they are outside of quotes, as in `sas {}`.
fn pieces(line: &str) -> Vec<&str> {
    let (mut pieces, mut start, mut in_quotes) = (Vec::new(), 0, false);
    for (i, byte) in line.bytes().enumerate() {
        match byte {
            b'"' => in_quotes = !in_quotes,
            b'{' | b'}' if !in_quotes => {
                pieces.extend([&line[start..i], &line[i..=i]]);
                start = i + 1;
            }
            _ => {}
        }
    }
    pieces.push(&line[start..]);
    pieces
}

fn read_piece(piece: &str) -> Result<Line<'_>, ConfigFault> {
    let piece = piece.trim();
    Ok(match (piece, piece.split_once('=')) {
        ("", _) => Line::Nothing,
        ("{", _) => Line::Open,
        ("}", _) => Line::Close,
        (_, Some((key, value))) => Line::Entry(key.trim(), unquoted(value.trim(), piece)?),
        (name, None) => Line::Name(name),
    })
}

fn unquoted<'t>(value: &'t str, piece: &str) -> Result<&'t str, ConfigFault> {
    let not_closed = || ConfigFault::QuoteNotClosed { text: piece.to_owned() };
    match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').filter(|inner| !inner.contains('"')).ok_or_else(not_closed),
        None if value.contains('"') => Err(not_closed()),
        None => Ok(value),
    }
}

fn check_section(name: &str) -> Result<(), ConfigFault> {
    let known = ["kafka", "sas"];
    if known.iter().chain(&OTHER_SECTIONS).any(|section| *section == name) {
        return Ok(());
    }
    Err(ConfigFault::UnknownSection { section: name.to_owned(), hint: hint(name, known) })
}

fn checked(entries: &[Entry<'_>]) -> Result<TransportConfig, Fault> {
    let mut config = TransportConfig::default();
    for entry in entries {
        let set = match entry.section {
            "kafka" => set_kafka(&mut config.kafka, entry),
            "sas" => set_sas(&mut config.sas, entry),
            _ => Ok(()),
        };
        set.map_err(|fault| (entry.line, fault))?;
    }
    Ok(config)
}

fn set_kafka(kafka: &mut KafkaTransport, entry: &Entry<'_>) -> Result<(), ConfigFault> {
    let value = entry.value;
    match entry.key {
        "hostport" => {
            let brokers = value.split(',').map(HostPort::parse).collect::<Option<Vec<_>>>();
            kafka.brokers = brokers.ok_or_else(|| bad(entry, "write host:port, or several with commas"))?;
        }
        "globalconfig" => kafka.global_config = pairs(entry)?,
        "partition" if value == "0" => {}
        "partition" => return Err(bad(entry, "order is kept inside one partition only, so it must be 0")),
        "initialoffset" => {
            kafka.initial_offset =
                initial_offset(value).ok_or_else(|| bad(entry, "write smallest, largest or an offset"))?;
        }
        "groupid" => kafka.group_id = text(value),
        "metatopic" => kafka.meta_topic = text(value),
        key => return Err(unknown(key, &KAFKA_KEYS)),
    }
    Ok(())
}

fn set_sas(sas: &mut SasTransport, entry: &Entry<'_>) -> Result<(), ConfigFault> {
    let value = entry.value;
    match entry.key {
        "hotfailover" => sas.hot_failover = value.parse().map_err(|_| bad(entry, "write true or false"))?,
        "zookeeperhostport" => sas.zookeeper = text(value),
        "failovergroup" => sas.failover_group = text(value),
        "numbufferedmsgs" => {
            let number = value.parse().ok().filter(|number| *number > 0);
            sas.buffered_messages_max = Some(number.ok_or_else(|| bad(entry, "write a number of messages above 0"))?);
        }
        "dateformat" => sas.date_format = text(value),
        key => return Err(unknown(key, &SAS_KEYS)),
    }
    Ok(())
}

fn initial_offset(value: &str) -> Option<InitialOffset> {
    match value {
        "smallest" => Some(InitialOffset::Smallest),
        "largest" => Some(InitialOffset::Largest),
        number => number.parse().ok().map(|offset| InitialOffset::At(Offset(offset))),
    }
}

/// `key=value;key=value`.
fn pairs(entry: &Entry<'_>) -> Result<Vec<(String, String)>, ConfigFault> {
    let pair = |text: &str| text.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
    let pairs = entry.value.split(';').filter(|text| !text.trim().is_empty()).map(pair).collect::<Option<_>>();
    pairs.ok_or_else(|| bad(entry, "write key=value;key=value"))
}

fn text(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

fn bad(entry: &Entry<'_>, reason: &str) -> ConfigFault {
    ConfigFault::BadValue { key: entry.key.to_owned(), value: entry.value.to_owned(), reason: reason.to_owned() }
}

fn unknown(key: &str, known: &[&'static str]) -> ConfigFault {
    ConfigFault::UnknownKey { key: key.to_owned(), hint: hint(key, known.iter().copied()) }
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
