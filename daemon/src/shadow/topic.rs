//! One outbound topic of a shadow: what the log shows, held to what is computed.

use std::time::Duration;

use adapter_kafka::{ClientSettings, Record, Start, Step, TopicReader};
use anyhow::{Context as _, bail};
use ports::headers;
use ports::notebook::Constant;
use types::{Digest, Generation, MessageId, Offset, OutputIndex, OutputKind, TopicName};

use super::compare::{Comparison, Difference, Theirs};
use super::report::{DifferenceReport, OutputReport, Value};
use crate::capture::{Rows, hex, printable};

/// Outputs of the log that wait for the engine at most; at the bound no more of the log is read.
const THEIRS_MAX: u64 = 1_024;
/// How long one look at the log waits.
const LOOK: Duration = Duration::ZERO;

/// A topic, its reader, its comparison.
pub(super) struct Topic {
    pub(super) name: TopicName,
    /// `cq/window`, or what else writes it.
    pub(super) window: String,
    pub(super) comparison: Comparison,
    /// `numbufferedmsgs`: at so many outputs that the log doesn't have, no input is read.
    pub(super) ahead_max: u64,
    generation: Generation,
    reader: TopicReader,
    /// How events of either side read.
    mine: Option<Rows>,
    theirs: Option<Rows>,
}

/// What a topic is made from.
pub(super) struct TopicRecipe<'a> {
    pub(super) client: &'a ClientSettings,
    pub(super) name: TopicName,
    pub(super) window: String,
    pub(super) generation: Generation,
    /// Where its indexes stand in the log.
    pub(super) constants: &'a [Constant],
    /// The first index that will be computed here.
    pub(super) first: OutputIndex,
    pub(super) ahead_max: u64,
    pub(super) mine: Option<Rows>,
    pub(super) theirs: Option<Rows>,
}

impl Topic {
    /// # Errors
    /// A topic of which the cluster has no beginning, or that can't be read.
    pub(super) fn open(recipe: TopicRecipe<'_>) -> anyhow::Result<Self> {
        let TopicRecipe { client, name, window, generation, constants, first, ahead_max, mine, theirs } = recipe;
        let constant = constants.iter().rev().find(|constant| constant.from <= first).with_context(|| {
            format!("generation {generation} of the cluster writes no topic {name}: this project has other outputs")
        })?;
        let low = adapter_kafka::watermarks(client, &name)?.low;
        // With transactions an index lies further on, never before.
        let from = Offset(constant.fence.0 + 1 + first.0).max(low);
        let reader = TopicReader::open(client, &name, Start::At(from))?;
        Ok(Self { name, window, comparison: Comparison::default(), ahead_max, generation, reader, mine, theirs })
    }

    /// How many more outputs may be computed.
    pub(super) fn room(&self) -> u64 {
        self.ahead_max.saturating_sub(self.comparison.ahead())
    }

    /// Reads what the log has, as far as somebody waits for it.
    pub(super) fn read(&mut self) -> anyhow::Result<()> {
        while self.comparison.behind() < THEIRS_MAX {
            match self.reader.step(LOOK)? {
                Step::Record(record) => self.take(&record)?,
                Step::End | Step::Idle => return Ok(()),
            }
        }
        Ok(())
    }

    /// Fences, older generations and what others wrote are no outputs.
    fn take(&mut self, record: &Record) -> anyhow::Result<()> {
        let generation = record.header_text(headers::MODEL).and_then(|model| model.rsplit_once('.')?.1.parse().ok());
        let Some(generation) = generation.map(Generation) else { return Ok(()) };
        if generation > self.generation {
            bail!("the cluster has begun generation {generation}; start the shadow again");
        }
        if generation < self.generation || record.has_header(headers::FENCE) {
            return Ok(());
        }
        let theirs = theirs(record).with_context(|| format!("{}: offset {} is no output", self.name, record.offset))?;
        self.comparison.push_theirs(theirs);
        Ok(())
    }

    /// Compares; after everything that `processed` says was computed.
    pub(super) fn compare(&mut self, processed: MessageId) -> Option<DifferenceReport> {
        self.comparison.advance(processed).map(|difference| self.tell(&difference))
    }

    fn tell(&mut self, difference: &Difference) -> DifferenceReport {
        let Difference { mine, theirs } = difference;
        let value = |id: MessageId, index: OutputIndex, digest: Digest, rows| Value {
            id: id.0,
            index: index.0,
            digest: digest.to_string(),
            rows,
        };
        DifferenceReport {
            topic: self.name.to_string(),
            window: self.window.clone(),
            id: theirs.id.0,
            index: theirs.index.0,
            mine: mine
                .as_ref()
                .map(|mine| value(mine.id, mine.index, mine.digest, readable(self.mine.as_mut(), &mine.payload))),
            theirs: value(theirs.id, theirs.index, theirs.digest, readable(self.theirs.as_mut(), &theirs.payload)),
            writer: theirs.writer.clone(),
            lies_before: difference.lies_before(),
        }
    }

    pub(super) fn report(&self) -> OutputReport {
        OutputReport {
            topic: self.name.to_string(),
            window: self.window.clone(),
            identical: self.comparison.identical(),
            not_compared: self.comparison.not_compared(),
            ahead: self.comparison.ahead(),
        }
    }
}

fn theirs(record: &Record) -> Option<Theirs> {
    let number = |name: &str| record.header_text(name).and_then(|text| text.parse::<u64>().ok());
    Some(Theirs {
        index: OutputIndex(number(headers::INDEX)?),
        id: MessageId(number(headers::ID)?),
        part: number(headers::PART).and_then(|part| u32::try_from(part).ok()).unwrap_or_default(),
        kind: if record.has_header(headers::MARKER) { OutputKind::Marker } else { OutputKind::Data },
        payload: record.payload.clone().unwrap_or_default(),
        digest: u128::from_str_radix(record.header_text(headers::DIGEST)?, 16).ok().map(Digest)?,
        writer: record.header_text(headers::WRITER).unwrap_or_default().to_owned(),
    })
}

/// A payload as people read it: its events, its text, or its bytes.
fn readable(rows: Option<&mut Rows>, payload: &[u8]) -> Vec<String> {
    let events = rows.map(|rows| rows.events(payload)).unwrap_or_default();
    if !events.is_empty() || payload.is_empty() {
        return events;
    }
    vec![printable(payload).map_or_else(|| hex(payload), str::to_owned)]
}
