//! What every replica computes: inbound records in, outbound records out, equal to the byte.
//!
//! Composed of pure parts only (intake, decoder, engine, encoder, sequencer), so `run`, `replay` and the simulator share it.

mod dead_letter;
mod inputs;
mod sequencer;
mod snapshot;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use engine::intake::{Admission, Intake};
use engine::project::{Loaded, Problem};
use engine::{Engine, Rejection, WindowId};
use ports::input::{InboundBatch, InboundHead};
use proto::{Encoder, EncoderOptions, Rejected, Shape};
use types::mutation::{Mutation, mutated};
use types::{EventBlock, InputId, MessageId, Offset, OutputRecord, RecordSpan, Timestamp, TopicName};

use crate::deployment::{Deployment, dead_letter_topic, is_silent};
use dead_letter::{DeadLetter, Origin};
pub use inputs::Positions;
use inputs::{Input, Inputs};
use sequencer::Sequencer;

/// What a generation fixes for all replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenerationTerms {
    /// How far a record may push time ahead.
    pub clip_bound: Duration,
    /// How long an outbound topic may be silent, in input time.
    pub marker_period: Duration,
    /// A block encoded larger than this becomes several records.
    pub part_bytes_max: usize,
}

/// Why a project can't be compiled into a pipeline.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Found in the project's expressions.
    #[error("{}", listed(.0))]
    Model(Vec<Problem>),
    /// A connector's format doesn't fit its window.
    #[error("window {window}: {source}")]
    Codec {
        /// `cq/window`.
        window: String,
        /// Why.
        source: proto::Error,
    },
    /// The connectors name a window that the engine doesn't have.
    #[error("no window {window}")]
    UnknownWindow {
        /// `cq/window`.
        window: String,
    },
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn window(engine: &Engine, path: &str) -> Result<WindowId, Error> {
    engine.window(path).ok_or_else(|| Error::UnknownWindow { window: path.to_owned() })
}

/// One outbound topic of the pipeline.
struct Output {
    window: WindowId,
    encoder: Encoder,
    shape: Shape,
    /// Events as the shape wants them.
    shaped: EventBlock,
    sequencer: Sequencer,
}

/// What happened so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PipelineCounters {
    /// Inbound records, ticks and repeats included.
    pub records: u64,
    /// Events decoded.
    pub events: u64,
    /// Rows that became dead letters.
    pub rejected: u64,
}

/// The deterministic part of a replica.
pub struct Pipeline {
    intake: Intake,
    engine: Engine,
    inputs: Inputs,
    /// Rows that could not be decoded, with the record they came in.
    undecodable: Vec<(MessageId, Rejected)>,
    rejects: Vec<Rejected>,
    outputs: Vec<Output>,
    dead: Sequencer,
    dead_payload: Vec<u8>,
    counters: PipelineCounters,
}

impl Pipeline {
    /// Compiles a project into something that runs.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn new(loaded: &Loaded, deployment: &Deployment, terms: GenerationTerms) -> Result<Self, Error> {
        let mut engine = Engine::from_loaded(loaded).map_err(Error::Model)?;
        let inputs = deployment.inbound.iter().map(|inbound| Input::new(&engine, inbound));
        let inputs = Inputs::new(inputs.collect::<Result<_, _>>()?);
        let mut outputs = Vec::new();
        for outbound in &deployment.outbound {
            let window = window(&engine, &outbound.window)?;
            engine.subscribe(window);
            let schema = Arc::new(engine.schema(window).clone());
            let options = EncoderOptions { part_bytes_max: terms.part_bytes_max, ..EncoderOptions::default() };
            let encoder = Encoder::new(outbound.format.clone(), Arc::clone(&schema), options)
                .map_err(|source| Error::Codec { window: outbound.window.clone(), source })?;
            let shape = Shape { collapse: outbound.collapse, drop_retention_deletes: outbound.drop_retention_deletes };
            let shaped = EventBlock::new(&schema);
            outputs.push(Output { window, encoder, shape, shaped, sequencer: Sequencer::new(terms.marker_period) });
        }
        Ok(Self {
            intake: Intake::new(terms.clip_bound),
            engine,
            inputs,
            undecodable: Vec::new(),
            rejects: Vec::new(),
            outputs,
            dead: Sequencer::new(terms.marker_period),
            dead_payload: Vec::new(),
            counters: PipelineCounters::default(),
        })
    }

    /// The outbound topics of a deployment in the order that [`Pipeline::feed`] fills: the connectors', then the dead letters'.
    #[must_use]
    pub fn topics(deployment: &Deployment) -> Vec<TopicName> {
        let mut topics: Vec<TopicName> = deployment.outbound.iter().map(|outbound| outbound.topic.clone()).collect();
        topics.push(dead_letter_topic(&deployment.label, &deployment.project));
        topics
    }

    /// Processes records that directly follow those before, and adds what each outbound topic gets to `out`.
    ///
    /// # Panics
    /// When `out` hasn't one list per topic of [`Pipeline::topics`], or offsets go back.
    pub fn feed(&mut self, batch: &InboundBatch, out: &mut [Vec<OutputRecord>]) {
        self.feed_and_look(batch, out, |_| ());
    }

    /// The same, and shows the engine after each stretch of records that came by one topic.
    ///
    /// # Panics
    /// As [`Pipeline::feed`].
    pub fn feed_and_look(
        &mut self,
        batch: &InboundBatch,
        out: &mut [Vec<OutputRecord>],
        mut look: impl FnMut(&Engine),
    ) {
        assert_eq!(out.len(), self.outputs.len() + 1, "one list per outbound topic");
        for stretch in batch.heads.chunk_by(|a, b| a.input == b.input) {
            let Some(InboundHead { input, .. }) = stretch.first() else { continue };
            self.decode(*input, stretch, batch);
            let input = self.inputs.at(*input);
            self.engine.process(input.window, &input.run);
            for (output, records) in self.outputs.iter_mut().zip(out.iter_mut()) {
                output.sequence(&self.engine, &input.run.spans, records);
            }
            if let Some(records) = out.last_mut() {
                self.bury(stretch, records);
            }
            look(&self.engine);
        }
        self.inputs.note_journal(batch.journal);
    }

    fn decode(&mut self, from: InputId, stretch: &[InboundHead], batch: &InboundBatch) {
        self.inputs.begin(from);
        self.undecodable.clear();
        for head in stretch {
            self.counters.records += 1;
            let id = self.inputs.pass(from, head.offset);
            let source = head.source.as_ref().map(|(source, position)| (source, *position));
            let time = match self.intake.admit(from, id, head.timestamp, head.tick, source) {
                Admission::Process { time } => time,
                Admission::DuplicateSource | Admission::StaleTick => continue,
            };
            let input = self.inputs.at_mut(from);
            if let (false, Some(payload)) = (is_silent(head), batch.payload(head)) {
                input.decoder.decode(payload, &mut input.run.block, &mut self.rejects);
                self.undecodable.extend(self.rejects.drain(..).map(|rejected| (id, rejected)));
            }
            input.add(id, time, head.offset);
        }
        self.counters.events += self.inputs.at(from).run.block.len() as u64;
    }

    /// Dead letters are an ordinary sequenced output: each record's in the order decoder, engine.
    fn bury(&mut self, stretch: &[InboundHead], records: &mut Vec<OutputRecord>) {
        let Some(InboundHead { input, .. }) = stretch.first() else { return };
        let (several, input) = (self.inputs.are_several(), self.inputs.at(*input));
        let mut undecodable = self.undecodable.iter().peekable();
        // By window, then in order, as the engine says them; a topic's records go by message id.
        let mut refused: Vec<&Rejection> = self.engine.rejections().iter().collect();
        refused.sort_by_key(|rejection| rejection.id);
        let mut refused = refused.into_iter().peekable();
        for (span, offset) in input.run.spans.iter().zip(&input.offsets) {
            let origin = several.then(|| Origin { topic: input.topic.as_str(), offset: offset.0 });
            while let Some((_, rejected)) = undecodable.next_if(|(id, _)| *id == span.id) {
                let letter = DeadLetter::undecodable(span.id, &input.path, rejected).from(origin);
                self.counters.rejected += 1;
                self.dead.emit(*span, letter.write(&mut self.dead_payload), records);
            }
            while let Some(rejection) = refused.next_if(|rejection| rejection.id == span.id) {
                let letter = DeadLetter::refused(rejection, self.engine.path(rejection.window)).from(origin);
                self.counters.rejected += 1;
                self.dead.emit(*span, letter.write(&mut self.dead_payload), records);
            }
            self.dead.pass(*span, records);
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> PipelineCounters {
        self.counters
    }

    /// How far the input is consumed: one past the newest record's message id; `None` before the first record.
    #[must_use]
    pub fn next(&self) -> Option<Offset> {
        self.intake.state().id.map(|id| Offset(id.0 + 1))
    }

    /// Where each inbound topic goes on, and the journal.
    #[must_use]
    pub fn positions(&self) -> Positions {
        self.inputs.positions()
    }

    /// The gate's memory, for status and snapshots.
    #[must_use]
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// The engine's time.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.engine.time()
    }

    /// Keeps a window's output for [`Engine::output`] although no connector wants it.
    ///
    /// # Errors
    /// [`Error::UnknownWindow`].
    pub fn watch(&mut self, path: &str) -> Result<WindowId, Error> {
        let window = window(&self.engine, path)?;
        self.engine.subscribe(window);
        Ok(window)
    }

    /// The engine, for `replay`, which looks at windows.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl Output {
    /// Gives every event that the window emitted in this run its place in the topic.
    fn sequence(&mut self, engine: &Engine, inputs: &[RecordSpan], records: &mut Vec<OutputRecord>) {
        let emitted = engine.output(self.window);
        let mut spans = emitted.records().peekable();
        let last = inputs.last().map(|input| input.id);
        let mut hashed = if mutated(Mutation::WritesInHashOrder) { by_hash(emitted.records()) } else { Vec::new() };
        for input in inputs {
            while let Some((span, range)) = spans.next_if(|(span, _)| span.id == input.id) {
                self.emit(span, &emitted.block, hashed.pop().unwrap_or(range), records);
            }
            if Some(input.id) == last || !mutated(Mutation::MarksByRun) {
                self.sequencer.pass(*input, records);
            }
        }
        assert!(spans.next().is_none(), "the engine emitted for a record that wasn't put in");
    }

    fn emit(&mut self, span: RecordSpan, block: &EventBlock, range: Range<usize>, records: &mut Vec<OutputRecord>) {
        let sequencer = &mut self.sequencer;
        let mut part = |payload: &[u8]| sequencer.emit(span, payload, records);
        if self.shape.is_identity() {
            self.encoder.encode(block, range, &mut part);
            return;
        }
        self.shaped.clear();
        self.shape.apply(block, range, &mut self.shaped);
        if !self.shaped.is_empty() {
            self.encoder.encode(&self.shaped, 0..self.shaped.len(), &mut part);
        }
    }
}

/// The rows of a run as a seeded bug writes them: in an order that the run's length decides, as a hash map's capacity does.
fn by_hash(records: impl Iterator<Item = (RecordSpan, Range<usize>)>) -> Vec<Range<usize>> {
    let mut rows: Vec<Range<usize>> = records.map(|(_, range)| range).collect();
    rows.sort_by_key(|range| range.start.wrapping_mul(0x9e37_79b9).rotate_left(16));
    rows
}
