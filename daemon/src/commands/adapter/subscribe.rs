//! Outbound topic → file: each output once, also when the subscriber is killed and started again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_files::{Adopt, FileEnd, LogPosition, PositionedFile, RowWriter, Sink, SubscribeOptions};
use adapter_kafka::{Record, Start, Step, TopicReader};
use anyhow::{Context as _, bail};
use ports::headers;
use ports::notebook::{Constant, FenceKind};
use tracing::{info, warn};
use types::{Digest, EventBlock, Generation, MessageId, Offset, OutputIndex, OutputKind, Schema};

use super::Adapter;
use super::payloads::Payloads;
use crate::exit::Exit;

/// How long one step waits for a record.
const STEP_WAIT: Duration = Duration::from_millis(20);
/// Rows wait this long for their commit at most: every commit syncs the file twice.
const COMMIT_EVERY: Duration = Duration::from_millis(50);
/// Bytes after which rows are committed at once.
const COMMIT_BYTES: u64 = 1 << 20;

pub(super) fn run(adapter: &Adapter, options: &SubscribeOptions) -> anyhow::Result<Exit> {
    let noted = adapter.schema()?;
    let schema: Arc<Schema> =
        Arc::new(noted.schema.parse().with_context(|| format!("the noted schema of {}", noted.window))?);
    let (constant, kind) = constant(adapter, noted.generation)?;
    let rows = RowWriter::new(options, Arc::clone(&schema), adapter.transport.sas.date_format.as_deref())?;
    let header = rows.header();
    let sink = match &adapter.options.file {
        FileEnd::Standard => Sink::standard(header),
        FileEnd::Path(path) => {
            let adopt = if options.adopt { Adopt::Append } else { Adopt::Refuse };
            Sink::File(PositionedFile::open(path, adopt, &header)?)
        }
    };
    info!(guarantee = sink.guarantee(), "subscriber");
    let position = match sink.position() {
        Some(position) => position.clone(),
        None => LogPosition {
            topic_id: constant.topic_id.clone(),
            generation: noted.generation,
            next_index: OutputIndex(0),
            digest: Digest::default(),
        },
    };
    if !constant.topic_id.is_empty() && position.topic_id != constant.topic_id {
        bail!(
            "the file was written from another topic of this name (topic id {}, now {}).\n     Fix: move the file and its .position away, \
             and start again",
            position.topic_id,
            constant.topic_id
        );
    }
    let topic = adapter.url().outbound_topic();
    let start = start_of(adapter, &position, &constant, kind)?;
    let reader = TopicReader::open(&adapter.client, &topic, start)?;
    Subscriber {
        reader,
        sink,
        rows,
        payloads: Payloads::new(noted.payload.as_ref(), &schema)?,
        block: EventBlock::new(&schema),
        position,
        text: Vec::new(),
    }
    .run()
}

/// Where the generation begins in the topic: engines note it when they open the log.
fn constant(adapter: &Adapter, generation: Generation) -> anyhow::Result<(Constant, FenceKind)> {
    let (project, topic) = (adapter.url().project.clone(), adapter.url().outbound_topic());
    adapter.await_note("beginning", |ledger| {
        let known = ledger.project(&project)?;
        let accepted = known.generations().find(|accepted| accepted.proposal.generation == generation)?;
        Some((known.constant(generation, &topic)?.clone(), accepted.proposal.fence))
    })
}

/// The record of the next index, or the beginning of the log when the file is older than the noted generation.
///
/// With transactions an index doesn't tell its offset, commit markers take some too: then reading begins where the record
/// would stand without any, and passes over what is in the file already.
fn start_of(adapter: &Adapter, position: &LogPosition, constant: &Constant, kind: FenceKind) -> anyhow::Result<Start> {
    if position.generation != constant.generation {
        return Ok(Start::Earliest);
    }
    let wanted = Offset(constant.fence.0 + 1 + position.next_index.0);
    let marks = adapter_kafka::watermarks(&adapter.client, &adapter.url().outbound_topic())?;
    if kind == FenceKind::Transaction {
        return Ok(Start::At(wanted.max(marks.low)));
    }
    if wanted < marks.low {
        bail!(
            "outputs from index {} on were deleted before they could be read (next offset {wanted}, earliest kept {}).\n     Fix: raise the \
             retention of {}; to go on with a gap, move the file and its .position away",
            position.next_index,
            marks.low,
            adapter.url().outbound_topic()
        );
    }
    Ok(Start::At(wanted))
}

struct Subscriber {
    reader: TopicReader,
    sink: Sink,
    rows: RowWriter,
    payloads: Payloads,
    block: EventBlock,
    /// How far the rows kept so far reach.
    position: LogPosition,
    text: Vec<u8>,
}

impl Subscriber {
    fn run(mut self) -> anyhow::Result<Exit> {
        let mut uncommitted_since: Option<Instant> = None;
        let mut uncommitted_bytes = 0;
        loop {
            match self.reader.step(STEP_WAIT)? {
                Step::Record(record) => {
                    if self.take(&record)? {
                        uncommitted_since.get_or_insert_with(Instant::now);
                        uncommitted_bytes += self.text.len() as u64;
                    }
                }
                Step::End | Step::Idle => (),
            }
            let due = uncommitted_since.is_some_and(|since| since.elapsed() >= COMMIT_EVERY);
            if due || uncommitted_bytes >= COMMIT_BYTES {
                self.sink.commit(self.position.clone())?;
                (uncommitted_since, uncommitted_bytes) = (None, 0);
            }
        }
    }

    /// Whether the position moved.
    fn take(&mut self, record: &Record) -> anyhow::Result<bool> {
        self.text.clear();
        let Some(generation) = generation(record) else {
            warn!(offset = %record.offset, "a record of something else stands in the outbound topic; it is passed over");
            return Ok(false);
        };
        if generation < self.position.generation {
            return Ok(false);
        }
        if record.has_header(headers::FENCE) {
            return Ok(self.begin(generation));
        }
        if generation > self.position.generation {
            bail!("generation {generation} begins at offset {} without its fence record", record.offset);
        }
        let number = |name: &str| record.header_text(name).and_then(|text| text.parse::<u64>().ok());
        let index =
            OutputIndex(number(headers::INDEX).with_context(|| format!("offset {} has no index", record.offset))?);
        let next = self.position.next_index;
        if index < next {
            return Ok(false);
        }
        if index > next {
            bail!("a hole in {}: index {index} at offset {} where {next} belongs", record.offset, record.offset);
        }
        let id = MessageId(number(headers::ID).with_context(|| format!("offset {} has no id", record.offset))?);
        let part = number(headers::PART).and_then(|part| u32::try_from(part).ok()).unwrap_or_default();
        let kind = if record.has_header(headers::MARKER) { OutputKind::Marker } else { OutputKind::Data };
        let payload = record.payload.as_deref().unwrap_or_default();
        self.check_digest(record, self.position.digest.extend(kind, id, part, payload))?;
        if kind == OutputKind::Data {
            self.decode(record.offset, payload)?;
        }
        self.position.next_index = next.next();
        Ok(true)
    }

    fn begin(&mut self, generation: Generation) -> bool {
        if generation == self.position.generation {
            return false;
        }
        info!(%generation, "a new generation begins");
        self.position.generation = generation;
        self.position.next_index = OutputIndex(0);
        self.position.digest = Digest::default();
        true
    }

    /// The rolling digest covers every output before: one that fits proves that none was lost, repeated or changed.
    fn check_digest(&mut self, record: &Record, ours: Digest) -> anyhow::Result<()> {
        let theirs = record.header_text(headers::DIGEST).unwrap_or_default();
        if theirs != ours.to_string() {
            bail!(
                "offset {}: digest {theirs} in the log, {ours} from the records read; the file stays as it is",
                record.offset
            );
        }
        self.position.digest = ours;
        Ok(())
    }

    fn decode(&mut self, offset: Offset, payload: &[u8]) -> anyhow::Result<()> {
        self.block.clear();
        self.payloads.decode(payload, &mut self.block).with_context(|| format!("offset {offset}"))?;
        self.rows.rows(&self.block, 0..self.block.len(), &mut self.text);
        self.sink.append(&self.text);
        Ok(())
    }
}

fn generation(record: &Record) -> Option<Generation> {
    record.header_text(headers::MODEL)?.rsplit_once('.')?.1.parse().ok().map(Generation)
}
