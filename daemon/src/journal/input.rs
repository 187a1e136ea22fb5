//! The journaled input: several topics and the journal in, one order out.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Select, TryRecvError};
use failover::journal::{DECISIONS_AHEAD_MAX, Journal};
use ports::input::{InboundBatch, InputError, InputLog, ReadBounds};
use ports::output::OutputCommand;
use tracing::{debug, error};
use types::{Generation, Offset, Timestamp, TopicName};

use super::codec;
use super::queue::Queue;
use super::reader::Reader;
use crate::node::Shared;

/// Records of one topic that wait for their turn; at the bound the topic is read no further, Kafka keeps the rest.
const QUEUE_RECORDS_MAX: usize = 16_384;
/// Records that a reader brings at once.
const BATCH_RECORDS_MAX: usize = 2_048;
/// How often a standby looks whether it is to decide, while records wait that nobody has decided on: in a takeover nothing
/// else wakes it.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What a journaled input is made of.
pub struct Parts {
    /// Where it begins.
    pub journal: Journal,
    /// In force; decisions of another one are passed over.
    pub generation: Generation,
    /// The inbound topics in the generation's order, each opened where the journal begins, and whether it has brought a
    /// record before.
    pub inputs: Vec<(TopicName, Box<dyn InputLog>, bool)>,
    /// The journal, opened where it has to be read from.
    pub decisions: Box<dyn InputLog>,
    /// Hands decisions to the journal's writer.
    pub propose: Box<dyn Fn(OutputCommand) -> bool + Send>,
    /// Whether this replica decides: it does so while it writes.
    pub shared: Arc<Shared>,
}

/// Several inbound topics, in the order that the journal says. While this replica writes, it also decides.
pub struct JournaledInput {
    journal: Journal,
    generation: Generation,
    lines: Vec<Line>,
    decisions: Reader,
    propose: Box<dyn Fn(OutputCommand) -> bool + Send>,
    shared: Arc<Shared>,
    /// One past the last record of the journal that was looked at.
    looked: Offset,
    /// Decisions from there on are left unread.
    until: Offset,
    /// Of the records that were read.
    newest: Timestamp,
}

/// One inbound topic.
struct Line {
    topic: TopicName,
    reader: Reader,
    queue: Queue,
    /// It has brought a record, to this engine or to the one whose snapshot it goes on from.
    begun: bool,
}

impl JournaledInput {
    /// Starts a thread per topic, and one for the journal.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(parts: Parts) -> io::Result<Self> {
        let Parts { journal, generation, inputs, decisions, propose, shared } = parts;
        let line = |(i, (topic, log, begun)): (usize, (TopicName, Box<dyn InputLog>, bool))| {
            let reader = Reader::start(&format!("input-{i}"), log, BATCH_RECORDS_MAX)?;
            Ok(Line { topic, reader, queue: Queue::default(), begun })
        };
        Ok(Self {
            journal,
            generation,
            lines: inputs.into_iter().enumerate().map(line).collect::<io::Result<_>>()?,
            decisions: Reader::start("journal", decisions, DECISIONS_AHEAD_MAX)?,
            propose,
            shared,
            looked: Offset(0),
            until: Offset(u64::MAX),
            newest: Timestamp(0),
        })
    }

    /// Follows only the decisions that stand before `end` in the journal, for a replay that ends.
    #[must_use]
    pub fn until(self, end: Offset) -> Self {
        Self { until: end, ..self }
    }

    /// Whether all decisions that it follows are consumed.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.looked >= self.until && self.journal.next_run().is_none()
    }

    /// Takes in what the readers have brought, as far as there is room.
    fn listen(&mut self) -> Result<(), InputError> {
        for line in &mut self.lines {
            while line.queue.len() < QUEUE_RECORDS_MAX {
                let Some(batch) = taken(&line.reader).inspect_err(|error| say(&line.topic, error))? else { break };
                self.newest = batch.heads.iter().map(|head| head.timestamp).fold(self.newest, Timestamp::max);
                line.queue.push(batch);
            }
        }
        while self.journal.ahead() < DECISIONS_AHEAD_MAX {
            let Some(batch) = taken(&self.decisions)? else { break };
            for head in &batch.heads {
                self.read_back(head.offset, batch.payload(head))?;
            }
        }
        Ok(())
    }

    /// Fences have no payload; what isn't a decision of this generation is nothing to anybody.
    fn read_back(&mut self, place: Offset, payload: Option<&[u8]>) -> Result<(), InputError> {
        self.looked = place.next();
        if place >= self.until {
            return Ok(());
        }
        let Some(decision) = payload.and_then(|payload| codec::parse(payload, self.generation)) else { return Ok(()) };
        let read = self.journal.read_back(place, &decision);
        let read = read.map_err(|fault| failed(format!("the journal can't be followed at offset {place}: {fault}")))?;
        debug!(index = %decision.index, offsets = decision.offsets(), ?read, "decision read back");
        Ok(())
    }

    /// Decides on whatever waits, when this replica is the one to do so.
    fn decide(&mut self) {
        if !self.shared.is_writing() || self.journal.is_deciding() {
            return;
        }
        let decided = self.journal.decided().to_vec();
        let waiting = self.lines.iter().zip(decided).map(|(line, from)| line.queue.waiting(from));
        if let Some(decision) = self.journal.decide(waiting) {
            // A writer that is gone has said why to the control loop, which ends this thread.
            (self.propose)(OutputCommand::Push(vec![codec::record(&decision, self.generation, self.newest)]));
        }
    }

    fn hand_out(&mut self, batch: &mut InboundBatch, bounds: ReadBounds) -> Result<(), InputError> {
        while let Some(run) = self.journal.next_run() {
            let line = &mut self.lines[run.input.0];
            if let Some(next) = line.queue.take(run.input, run.until, batch, bounds) {
                line.begun = true;
                self.journal.consumed(run.input, next);
                continue;
            }
            return match line.queue.first() {
                // A decision ends with a record that its writer has read.
                Some(first) if first >= run.until => Err(failed(format!(
                    "the journal says that {} has records up to offset {}, but it goes on at {first}",
                    line.topic, run.until
                ))),
                Some(_) | None => Ok(()),
            };
        }
        Ok(())
    }

    /// Whether records wait that nobody has decided on, or whose decision isn't read back.
    fn is_undecided(&self) -> bool {
        let lines = self.lines.iter().zip(self.journal.decided());
        lines.into_iter().any(|(line, decided)| line.queue.waiting(*decided).next().is_some())
    }

    /// Waits until a reader has brought something that there is room for; false when it is too late.
    fn wait(&self, deadline: Instant) -> bool {
        let now = Instant::now();
        if now >= deadline {
            return false;
        }
        let mut select = Select::new();
        for line in self.lines.iter().filter(|line| line.queue.len() < QUEUE_RECORDS_MAX) {
            select.recv(&line.reader.batches);
        }
        if self.journal.ahead() < DECISIONS_AHEAD_MAX {
            select.recv(&self.decisions.batches);
        }
        let look = if self.is_undecided() { now + LOOK_EVERY } else { deadline };
        // Whether something came or it is only time to look: the caller looks.
        let _ = select.ready_deadline(deadline.min(look));
        true
    }
}

impl InputLog for JournaledInput {
    fn read(&mut self, batch: &mut InboundBatch, bounds: ReadBounds, wait: Duration) -> Result<(), InputError> {
        let deadline = Instant::now() + wait;
        loop {
            self.listen()?;
            self.decide();
            self.hand_out(batch, bounds)?;
            if !batch.heads.is_empty() || !self.wait(deadline) {
                batch.journal = self.journal.place();
                return Ok(());
            }
        }
    }

    /// One past the message id of the newest record known of, if it were consumed.
    fn end(&self) -> Option<Offset> {
        let lines = self.lines.iter().zip(self.journal.positions());
        let ends = lines.map(|(line, at)| {
            let passed = if line.begun { at.0 } else { 0 };
            passed + line.reader.end().0.saturating_sub(at.0)
        });
        Some(Offset(ends.sum()))
    }
}

/// What a reader has brought, without waiting.
fn taken(reader: &Reader) -> Result<Option<InboundBatch>, InputError> {
    match reader.batches.try_recv() {
        Ok(batch) => batch.map(Some),
        Err(TryRecvError::Empty) => Ok(None),
        Err(TryRecvError::Disconnected) => Err(failed("its reader has ended".to_owned())),
    }
}

/// The error itself doesn't name the topic, and there are several.
fn say(topic: &TopicName, error: &InputError) {
    error!(%topic, %error, "an inbound topic can't be read on");
}

fn failed(reason: String) -> InputError {
    InputError::Failed { reason }
}
