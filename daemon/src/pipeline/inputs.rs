//! The inbound topics: how each is decoded, where each is, and which message id a record has.

use std::sync::Arc;

use engine::{Engine, WindowId};
use proto::Decoder;
use types::{InputId, MessageId, Offset, RecordSpan, Run, Timestamp, TopicName};

use super::{Error, window};
use crate::deployment::Inbound;

/// Where the input goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Positions {
    /// Per inbound topic, the offset that comes next; `None` before its first record.
    pub inputs: Vec<Option<Offset>>,
    /// With several topics: from where the journal has to be read; `None` before its first decision.
    pub journal: Option<Offset>,
}

/// One inbound topic.
pub(super) struct Input {
    pub(super) topic: TopicName,
    /// `cq/window` of the source window.
    pub(super) path: String,
    pub(super) window: WindowId,
    pub(super) decoder: Decoder,
    /// What is processed together.
    pub(super) run: Run,
    /// Per span of the run, the record's place in the topic.
    pub(super) offsets: Vec<Offset>,
    next: Option<Offset>,
}

impl Input {
    pub(super) fn new(engine: &Engine, inbound: &Inbound) -> Result<Self, Error> {
        let window = window(engine, &inbound.window)?;
        let schema = Arc::new(engine.schema(window).clone());
        let decoder = Decoder::new(inbound.format.clone(), Arc::clone(&schema))
            .map_err(|source| Error::Codec { window: inbound.window.clone(), source })?;
        Ok(Self {
            topic: inbound.topic.clone(),
            path: inbound.window.clone(),
            window,
            decoder: if inbound.generated_key { decoder.with_generated_key() } else { decoder },
            run: Run::new(&schema),
            offsets: Vec::new(),
            next: None,
        })
    }

    /// A record is decoded into the run.
    pub(super) fn add(&mut self, id: MessageId, time: Timestamp, offset: Offset) {
        let end = u32::try_from(self.run.block.len()).unwrap_or(u32::MAX);
        self.run.spans.push(RecordSpan { id, time, end });
        self.offsets.push(offset);
    }
}

/// All inbound topics of a pipeline.
pub(super) struct Inputs {
    all: Vec<Input>,
    /// Sum of the offsets that come next, over the topics that have brought a record.
    passed: u64,
    journal: Option<Offset>,
}

impl Inputs {
    pub(super) fn new(all: Vec<Input>) -> Self {
        Self { all, passed: 0, journal: None }
    }

    pub(super) fn at(&self, input: InputId) -> &Input {
        &self.all[input.0]
    }

    pub(super) fn at_mut(&mut self, input: InputId) -> &mut Input {
        &mut self.all[input.0]
    }

    pub(super) fn are_several(&self) -> bool {
        self.all.len() > 1
    }

    /// Forgets what was processed together before.
    pub(super) fn begin(&mut self, input: InputId) {
        let input = self.at_mut(input);
        input.run.clear();
        input.offsets.clear();
    }

    /// The message id of the record that comes next: how far all topics are consumed with it, together. It grows with every
    /// record, and doesn't depend on how the input was cut. With one topic it is the offset.
    pub(super) fn pass(&mut self, input: InputId, offset: Offset) -> MessageId {
        let next = self.all[input.0].next.replace(offset.next()).unwrap_or_default();
        assert!(next <= offset, "input {input} went back: {offset} after {next}");
        self.passed += offset.next().0 - next.0;
        MessageId(self.passed - 1)
    }

    /// Decisions up to there are consumed, or at hand.
    pub(super) fn note_journal(&mut self, place: Option<Offset>) {
        self.journal = place.or(self.journal);
    }

    pub(super) fn positions(&self) -> Positions {
        Positions { inputs: self.all.iter().map(|input| input.next).collect(), journal: self.journal }
    }

    pub(super) fn go_on_from(&mut self, positions: Positions) {
        assert_eq!(positions.inputs.len(), self.all.len(), "positions of other topics");
        self.passed = positions.inputs.iter().flatten().map(|next| next.0).sum();
        self.journal = positions.journal;
        for (input, next) in self.all.iter_mut().zip(positions.inputs) {
            input.next = next;
        }
    }
}
