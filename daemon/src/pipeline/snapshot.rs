//! A pipeline's state as bytes: what the engine carries, what the gate remembers, where each output stands.

use engine::intake::IntakeState;
use engine::snapshot::{BlockWriter, Blocks, Error, Head, InputPosition, OutputPosition};
use types::mutation::{Mutation, mutated};
use types::{OutputIndex, TopicName};

use super::{Pipeline, PipelineCounters, Positions};
use crate::snapshot::Subject;

impl Pipeline {
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
            inputs: input_positions(subject, self.positions()),
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

    /// Goes on behind the last output of each topic with the input that is left: state begins empty, and what is computed of
    /// outputs that are in the log is passed over.
    pub fn go_on_after(&mut self, positions: &[OutputPosition]) {
        let sequencers = self.outputs.iter_mut().map(|output| &mut output.sequencer).chain([&mut self.dead]);
        for (sequencer, position) in sequencers.zip(positions) {
            sequencer.go_on_after(position);
        }
    }

    /// Takes over the state of a snapshot.
    ///
    /// # Errors
    /// Why it is of no use; this pipeline is of none either then, make a new one.
    pub fn restore(&mut self, subject: &Subject, bytes: &[u8]) -> Result<Head, Error> {
        let mut blocks = Blocks::open(bytes)?;
        let head = Head::read(&mut blocks)?;
        head.check(subject.fingerprint, subject.generation)?;
        let other_topics = || Error::Misfit { what: "it is of other topics".to_owned() };
        if !head.outputs.iter().map(|output| &output.topic).eq(&subject.outputs) {
            return Err(other_topics());
        }
        self.inputs.go_on_from(read_positions(subject, &head.inputs).ok_or_else(other_topics)?);
        let mut intake = IntakeState::read(&mut blocks)?;
        if mutated(Mutation::RestoresNoSources) {
            intake.sources.clear();
        }
        self.intake.go_on_from(intake);
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

/// The topics that have brought a record, then the journal.
fn input_positions(subject: &Subject, positions: Positions) -> Vec<InputPosition> {
    let inputs = subject.inputs.iter().zip(positions.inputs);
    let journal = subject.journal.iter().zip([positions.journal]);
    let noted = inputs.chain(journal).filter_map(|(topic, next)| Some((topic.clone(), next?)));
    noted.map(|(topic, next)| InputPosition { topic, next }).collect()
}

/// The same the other way round; `None` when they are of other topics, or the journal's place is missing.
fn read_positions(subject: &Subject, noted: &[InputPosition]) -> Option<Positions> {
    let known = |position: &InputPosition| {
        subject.inputs.contains(&position.topic) || subject.journal.as_ref() == Some(&position.topic)
    };
    let place =
        |topic: &TopicName| noted.iter().find(|position| position.topic == *topic).map(|position| position.next);
    let journal = subject.journal.as_ref().and_then(place);
    let all = noted.iter().all(known) && subject.journal.is_some() == journal.is_some();
    all.then(|| Positions { inputs: subject.inputs.iter().map(place).collect(), journal })
}
