//! `understudy capture` and `understudy tail`: a topic's records, readable.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::Duration;

use adapter_kafka::{ClientSettings, Notebook, Record, Start, Step, TopicReader};
use anyhow::Context as _;
use ports::headers;
use types::{Offset, Schema, TopicName};

use super::settings;
use crate::capture::{CaptureLine, RecordKind, Rows};
use crate::cli::{CaptureArgs, TailArgs};
use crate::deployment::{metadata_topic, window_topic};
use crate::exit::Exit;

/// How long one step waits for a record.
const STEP_WAIT: Duration = Duration::from_millis(500);

/// Writes a topic from its beginning to its present end.
///
/// # Errors
/// A topic that can't be read, a file that can't be written.
pub fn capture(args: &CaptureArgs) -> anyhow::Result<Exit> {
    let client = settings::client_of(&args.topic)?;
    let topic = TopicName(args.topic.topic.clone());
    let mut reader = TopicReader::open(&client, &topic, Start::Earliest)?;
    let mut describer = Describer::new(&client, &topic);
    let mut out: Box<dyn Write> = match &args.out {
        Some(path) => {
            Box::new(BufWriter::new(File::create(path).with_context(|| format!("making {}", path.display()))?))
        }
        None => Box::new(std::io::stdout().lock()),
    };
    loop {
        match reader.step(STEP_WAIT)? {
            Step::Record(record) => write_line(&mut out, &describer.describe(&record))?,
            Step::End => break,
            Step::Idle => (),
        }
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// Prints the last records, then follows.
///
/// # Errors
/// A topic that can't be read.
pub fn tail(args: &TailArgs) -> anyhow::Result<Exit> {
    let client = settings::client_of(&args.topic)?;
    let topic = TopicName(args.topic.topic.clone());
    let marks = adapter_kafka::watermarks(&client, &topic)?;
    let from = Offset(marks.high.0.saturating_sub(args.records).max(marks.low.0));
    let mut reader = TopicReader::open(&client, &topic, Start::At(from))?;
    let mut describer = Describer::new(&client, &topic);
    let mut out = std::io::stdout().lock();
    loop {
        match reader.step(STEP_WAIT)? {
            // A reader that went away (`| head`) ends the following.
            Step::Record(record) => {
                if write_line(&mut out, &describer.describe(&record)).is_err() {
                    return Ok(Exit::Done);
                }
            }
            Step::End | Step::Idle => out.flush()?,
        }
    }
}

fn write_line(out: &mut impl Write, line: &CaptureLine) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Makes records readable; knows the window's schema when the notebook has it.
struct Describer {
    rows: Option<Rows>,
}

impl Describer {
    fn new(client: &ClientSettings, topic: &TopicName) -> Self {
        Self { rows: schema_of(client, topic).and_then(Rows::new) }
    }

    fn describe(&mut self, record: &Record) -> CaptureLine {
        let text = |name: &str| record.header_text(name).map(str::to_owned);
        let number = |name: &str| record.header_text(name).and_then(|text| text.parse::<u64>().ok());
        let mut line = CaptureLine {
            offset: record.offset.0,
            kind: kind_of(record),
            timestamp: record.timestamp.as_millis(),
            index: number(headers::INDEX),
            id: number(headers::ID),
            part: number(headers::PART).and_then(|part| u32::try_from(part).ok()).unwrap_or_default(),
            digest: text(headers::DIGEST),
            model: text(headers::MODEL),
            writer: text(headers::WRITER),
            source: text(headers::SOURCE),
            text: None,
            hex: None,
            events: Vec::new(),
        };
        if let Some(payload) = &record.payload {
            line.set_payload(payload);
            line.events = self.rows.as_mut().map(|rows| rows.events(payload)).unwrap_or_default();
        }
        line
    }
}

fn kind_of(record: &Record) -> RecordKind {
    if record.has_header(headers::FENCE) {
        RecordKind::Fence
    } else if record.has_header(headers::MARKER) {
        RecordKind::Marker
    } else if record.has_header(headers::TICK) {
        RecordKind::Tick
    } else if record.has_header(headers::INDEX) || record.has_header(headers::SOURCE) {
        RecordKind::Data
    } else {
        RecordKind::Foreign
    }
}

/// A window topic's schema, from the notebook; without one payloads are shown as they are.
fn schema_of(client: &ClientSettings, topic: &TopicName) -> Option<Schema> {
    let about = window_topic(topic.as_str())?;
    let opened = Notebook::open(client, &metadata_topic(&about.label), |_| ()).ok()?;
    let schema = opened.ledger.project(&about.project)?.schema(&about.window)?;
    schema.schema.parse().ok()
}
