//! Who writes into the inbound topic: publishers with a source each (rule R12), a stranger, and the active's ticks.

use adapter_memory::brokers::NodeId;
use appender::batch::{BatchEncoder, BatchStart, Compression};
use appender::machine::{Layout, Noted};
use appender::wire::Request;
use ports::headers::{self, SourceHeader};
use ports::output::{OutputCommand, OutputFact, SourcedRecord};
use types::{Generation, SourceId, SourcePosition, Timestamp};

use super::writers::{Start, lock};
use super::{BROKERS, Event, INBOUND, MS, Who, World, WriterId};
use crate::model::Model;

/// Of a thousand faults so many begin, and end, amid a burst of rows.
const BURSTS_AT_BEGIN: u64 = 670;
const BURSTS_AT_END: u64 = 330;
/// A burst begins at most so long before the fault.
const BURST_BEFORE: u64 = 150 * MS;
/// Rows of a burst are at most so far apart.
const BURST_PAUSE: u64 = 40 * MS;

/// A source that is published row by row; its file never changes.
pub(super) struct Publisher {
    source: SourceId,
    writer: Option<WriterId>,
    /// The next row, once it is known how far the source is published.
    next: Option<u64>,
    /// Rows that the source has so far: it grows with time.
    rows: u64,
}

impl Publisher {
    pub(super) fn new(place: usize) -> Self {
        Self { source: SourceId(format!("source-{place}")), writer: None, next: None, rows: 0 }
    }
}

impl World<'_> {
    fn publisher(&self, who: Who) -> usize {
        who.0 - self.options.replicas
    }

    pub(super) fn start_publisher(&mut self, who: Who) {
        let process = &mut self.processes[who.0];
        process.life += 1;
        process.up = true;
        process.frozen = 0;
        process.stash.clear();
        let life = process.life;
        let place = self.publisher(who);
        let topic = self.cluster.partition(INBOUND).topic().clone();
        let writer = self.start_writer(Start {
            owner: who,
            output: 0,
            name: format!("p{place}"),
            generation: Generation(0),
            topic,
            layout: Layout::Shared { source: self.publishers[place].source.clone() },
            noted: Noted::default(),
        });
        lock(&self.writers[writer.0].inbox).push_back(OutputCommand::Write);
        let publisher = &mut self.publishers[place];
        (publisher.writer, publisher.next) = (Some(writer), None);
        let pause = self.chance.below(super::nanos(self.options.pause));
        self.later(MS + pause, Event::Row(who, life));
    }

    pub(super) fn publisher_died(&mut self, who: Who) {
        if who.0 >= self.options.replicas {
            let place = self.publisher(who);
            self.publishers[place].writer = None;
        }
    }

    pub(super) fn hear_publisher(&mut self, who: Who, fact: OutputFact) {
        let place = self.publisher(who);
        match fact {
            OutputFact::SourceAt { last } => {
                let next = last.map_or(0, |header| header.position.index + 1);
                self.publishers[place].next = Some(next);
                self.push_rows(who);
            }
            OutputFact::Blocked(block) => {
                let words = format!("publisher {place} is blocked: {block}");
                self.violation = Some(crate::invariants::Violation::new("blocks_are_loud", &words));
            }
            OutputFact::Identified { .. }
            | OutputFact::ForeignRecord { .. }
            | OutputFact::Opened { .. }
            | OutputFact::Begun { .. }
            | OutputFact::TookOver { .. }
            | OutputFact::LastOnItsWay { .. }
            | OutputFact::Drained
            | OutputFact::ForeignWriter { .. }
            | OutputFact::WroteBehindUs { .. }
            | OutputFact::Refused { .. }
            | OutputFact::Leader { .. } => {}
        }
    }

    /// The source has one more row.
    pub(super) fn next_row(&mut self, who: Who) {
        let place = self.publisher(who);
        if self.sources_are_complete() {
            return;
        }
        if self.quiet == 0 {
            self.publishers[place].rows += 1;
            self.push_rows(who);
        }
        let life = self.life(who);
        let pause = super::nanos(self.options.pause);
        let jitter = self.chance.below(pause);
        self.later(pause / 2 + jitter, Event::Row(who, life));
    }

    /// Rows come in bursts about when a fault begins, and less often about when it ends.
    pub(super) fn plan_bursts(&mut self, place: usize) {
        let (begins, ends) = (self.plan[place].at, self.plan[place].at + self.plan[place].lasts);
        for (at, often) in [(begins, BURSTS_AT_BEGIN), (ends, BURSTS_AT_END)] {
            if self.options.burst > 0 && self.chance.happens(often) {
                let who = Who(self.options.replicas + self.chance.place(self.options.publishers));
                let rows = 1 + self.chance.place(self.options.burst);
                let before = self.chance.below(BURST_BEFORE);
                self.queue.push(super::EPOCH + super::nanos(at).saturating_sub(before), Event::Burst(who, rows));
            }
        }
    }

    /// A source has one row of a burst more, whether or not its publisher lives.
    pub(super) fn burst(&mut self, who: Who, left: usize) {
        if self.quiet == 0 {
            let place = self.publisher(who);
            self.publishers[place].rows += 1;
            self.push_rows(who);
        }
        if left > 1 {
            let pause = self.chance.below(BURST_PAUSE);
            self.later(pause, Event::Burst(who, left - 1));
        }
    }

    /// After healing rows come for some seconds, and then no more.
    fn sources_are_complete(&self) -> bool {
        self.now > super::EPOCH + super::nanos(crate::options::FAULTS_LAST) + 12_000 * MS
    }

    fn push_rows(&mut self, who: Who) {
        let place = self.publisher(who);
        let publisher = &mut self.publishers[place];
        let (Some(next), Some(writer)) = (publisher.next, publisher.writer) else { return };
        let records: Vec<SourcedRecord> = (next..publisher.rows)
            .map(|index| SourcedRecord {
                source: SourceHeader {
                    id: publisher.source.clone(),
                    position: SourcePosition { index, row: index + 1, byte: (index + 1) * 20 },
                    last_row_hash: index,
                },
                payload: Model::row(place, index),
            })
            .collect();
        publisher.next = Some(publisher.rows.max(next));
        if !records.is_empty() {
            lock(&self.writers[writer.0].inbox).push_back(OutputCommand::PushSourced(records));
            self.ring_writer(writer);
        }
    }

    /// How many rows all sources have.
    pub(crate) fn rows(&self) -> Vec<(SourceId, u64)> {
        self.publishers.iter().map(|publisher| (publisher.source.clone(), publisher.rows)).collect()
    }

    pub(super) fn stranger_writes(&mut self) {
        if self.sources_are_complete() {
            return;
        }
        if self.quiet == 0 {
            let row = Model::row(9, self.now / MS % 1000);
            self.append_plain(Some(&row), &[]);
        }
        let pause = (100 + self.chance.below(900)) * MS;
        self.later(pause, Event::Stranger);
    }

    /// One of a source's newest rows is published again, past its publisher.
    pub(super) fn repeat_row(&mut self, who: Who, back: usize) {
        let place = self.publisher(who);
        let source = &self.publishers[place].source;
        let of_source = self.witness.inbound().iter().rev().filter(|record| {
            record.source.as_ref().is_some_and(|(known, _)| known == source) && record.payload.is_some()
        });
        let Some(record) = of_source.take(back + 1).last().cloned() else { return };
        let (Some((id, position)), Some(payload)) = (&record.source, &record.payload) else { return };
        let header = SourceHeader { id: id.clone(), position: *position, last_row_hash: position.index };
        self.append_plain(Some(payload), &[(headers::SOURCE, header.to_text().as_bytes())]);
    }

    /// In the last second none arrives, so that the end of the story finds nobody in the middle of something.
    pub(super) fn tick_arrives(&mut self, who: Who) {
        if self.now > super::EPOCH + super::nanos(crate::options::STORY_LASTS) - 1_000 * MS {
            return;
        }
        let reached = (0..BROKERS).map(NodeId).any(|node| {
            let leads = self.cluster.partition(INBOUND).truth().leader == Some(node.0);
            leads && !self.wires.is_cut(who, node, super::wires::Way::There)
        });
        if reached {
            self.append_plain(None, &[(headers::TICK, &[])]);
        }
    }

    /// What ordinary producers append, at whoever leads; lost when nobody does.
    fn append_plain(&mut self, value: Option<&[u8]>, headers: &[(&str, &[u8])]) {
        let Some(leader) = self.cluster.partition(INBOUND).truth().leader.map(NodeId) else { return };
        if !self.cluster.is_alive(leader) {
            return;
        }
        let mut encoder = BatchEncoder::new(Compression::None);
        let base_timestamp = Timestamp(0);
        encoder.begin(BatchStart { producer_id: -1, producer_epoch: -1, base_sequence: -1, base_timestamp });
        encoder.push(value, headers, 0);
        let Ok(batch) = encoder.finish() else { return };
        let topic = self.cluster.partition(INBOUND).topic().clone();
        let timeout = self.options.request_timeout;
        let now = self.tick();
        // Nobody waits for the answer.
        let _ = self.cluster.serve(leader, &Request::Produce { topic, topic_id: None, timeout, batch }, now);
        self.stir_appended();
    }
}
