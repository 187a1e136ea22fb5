//! Opening the input: one topic, or several in the order that the journal says.

use std::cell::Cell;
use std::sync::Arc;

use adapter_kafka::{ClientSettings, KafkaInput};
use failover::journal::Journal;
use ports::input::{InputError, InputLog};
use ports::notebook::Origin;
use ports::output::OutputCommand;
use tracing::error;
use types::{Generation, Offset, TopicName};

use super::shared::Shared;
use crate::journal::{JournaledInput, Parts};
use crate::pipeline::Positions;

/// Hands decisions to the journal's writer.
pub(crate) type Propose = Box<dyn Fn(OutputCommand) -> bool + Send>;

/// What is needed to open the input anywhere.
pub(crate) struct Opener {
    pub(crate) settings: ClientSettings,
    pub(crate) generation: Generation,
    /// Where the generation begins, in its order.
    pub(crate) inputs: Vec<Origin>,
    /// With several topics: the journal, and where the generation begins in it.
    pub(crate) journal: Option<(TopicName, Offset)>,
    /// For a replica that may decide.
    pub(crate) propose: Cell<Option<Propose>>,
    pub(crate) shared: Arc<Shared>,
}

impl Opener {
    /// The input behind what is consumed.
    ///
    /// # Errors
    /// [`InputError`]: what comes next isn't there, or can't be read.
    pub(crate) fn open(&self, positions: &Positions) -> Result<Box<dyn InputLog>, InputError> {
        if self.journal.is_some() {
            return Ok(Box::new(self.open_several(positions)?));
        }
        let Some(only) = self.inputs.first() else { return Err(failed("there is no inbound topic".to_owned())) };
        let next = positions.inputs.first().copied().flatten();
        open(&self.settings, &only.topic, next.unwrap_or(only.offset))
    }

    /// The same for several topics.
    ///
    /// # Errors
    /// As [`Opener::open`].
    pub(crate) fn open_several(&self, positions: &Positions) -> Result<JournaledInput, InputError> {
        let Some((journal, begin)) = &self.journal else { return Err(failed("there is no journal".to_owned())) };
        let places = self.inputs.iter().zip(&positions.inputs);
        let starts: Vec<Offset> = places.map(|(origin, next)| next.unwrap_or(origin.offset)).collect();
        let decisions = open(&self.settings, journal, positions.journal.unwrap_or(*begin))?;
        let mut inputs = Vec::new();
        for (origin, (start, next)) in self.inputs.iter().zip(starts.iter().zip(&positions.inputs)) {
            inputs.push((origin.topic.clone(), open(&self.settings, &origin.topic, *start)?, next.is_some()));
        }
        let journal = match positions.journal {
            None => Journal::new(starts),
            Some(_) => Journal::resume(starts),
        };
        let parts = Parts {
            journal,
            generation: self.generation,
            inputs,
            decisions,
            // Everything else is open by now, so it won't be wanted again.
            propose: self.propose.take().unwrap_or_else(|| Box::new(|_| false)),
            shared: Arc::clone(&self.shared),
        };
        JournaledInput::start(parts).map_err(|error| failed(format!("no thread to read it: {error}")))
    }
}

fn open(settings: &ClientSettings, topic: &TopicName, from: Offset) -> Result<Box<dyn InputLog>, InputError> {
    match KafkaInput::open(settings, topic, from).inspect_err(|error| error!(%topic, %error, "input can't be opened")) {
        Ok(input) => Ok(Box::new(input)),
        Err(adapter_kafka::Error::Read { source, .. }) => Err(source),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn failed(reason: String) -> InputError {
    InputError::Failed { reason }
}
