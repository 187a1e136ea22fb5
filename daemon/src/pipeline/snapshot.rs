//! A pipeline's state as bytes: what the engine carries, what the gate remembers, where each output stands.

use engine::intake::IntakeState;
use engine::snapshot::{BlockWriter, Blocks, Error, Head, InputPosition};
use types::{Offset, OutputIndex};

use super::{Pipeline, PipelineCounters};
use crate::snapshot::Subject;

impl Pipeline {
    /// The inbound offset that comes next; `None` before the first record.
    #[must_use]
    pub fn next(&self) -> Option<Offset> {
        self.intake.state().offset.map(Offset::next)
    }

    /// Notes the state as it is now and writes what is small of it; [`Pipeline::write_frozen`] writes the rest. Gives per
    /// output one past the last one that the state holds as done.
    pub fn freeze(&mut self, subject: &Subject, out: &mut BlockWriter) -> Vec<OutputIndex> {
        let sequencers = self.outputs.iter().map(|output| &output.sequencer).chain([&self.dead]);
        let outputs: Vec<_> = subject
            .outputs
            .iter()
            .zip(sequencers)
            .map(|(topic, sequencer)| sequencer.position(topic.clone()))
            .collect();
        let ends = outputs.iter().map(|output| output.next).collect();
        let PipelineCounters { records, events, rejected } = self.counters;
        let head = Head {
            fingerprint: subject.fingerprint,
            generation: subject.generation,
            inputs: vec![InputPosition { topic: subject.input.clone(), next: self.next().unwrap_or_default() }],
            outputs,
            counts: [records, events, rejected],
        };
        head.write(out);
        self.intake.state().write(out);
        self.engine.freeze(out);
        ends
    }

    /// Writes about `bytes` more of what was frozen; true once all of it is written.
    pub fn write_frozen(&mut self, out: &mut BlockWriter, bytes: usize) -> bool {
        self.engine.write_frozen(out, bytes)
    }

    /// Gives up what was frozen.
    pub fn thaw(&mut self) {
        self.engine.thaw();
    }

    /// Takes over the state of a snapshot.
    ///
    /// # Errors
    /// Why it is of no use; this pipeline is of none either then, make a new one.
    pub fn restore(&mut self, subject: &Subject, bytes: &[u8]) -> Result<Head, Error> {
        let mut blocks = Blocks::open(bytes)?;
        let head = Head::read(&mut blocks)?;
        head.check(subject.fingerprint, subject.generation)?;
        let same_topics = head.inputs.iter().map(|input| &input.topic).eq([&subject.input])
            && head.outputs.iter().map(|output| &output.topic).eq(&subject.outputs);
        if !same_topics {
            return Err(Error::Misfit { what: "it is of other topics".to_owned() });
        }
        self.intake.go_on_from(IntakeState::read(&mut blocks)?);
        self.engine.restore(&mut blocks)?;
        blocks.finish()?;
        let sequencers = self.outputs.iter_mut().map(|output| &mut output.sequencer).chain([&mut self.dead]);
        for (sequencer, position) in sequencers.zip(&head.outputs) {
            sequencer.go_on_from(position);
        }
        let [records, events, rejected] = head.counts;
        self.counters = PipelineCounters { records, events, rejected };
        Ok(head)
    }
}
