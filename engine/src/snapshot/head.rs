//! What a snapshot says about itself: of which model, and where input and outputs stand.

use types::{Digest, Fingerprint, Generation, MessageId, Offset, OutputIndex, Timestamp, TopicName};

use super::{BlockWriter, Blocks, Body, Error, Kind, Put};

/// A snapshot's first block. Nothing in it says who took it, when, or why: replicas' snapshots can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Of the model.
    pub fingerprint: Fingerprint,
    /// In force when it was taken.
    pub generation: Generation,
    /// Every inbound topic that has brought a record, in the generation's order; then, where there are several, the journal:
    /// from where it has to be read.
    pub inputs: Vec<InputPosition>,
    /// Every outbound topic, in the order of the pipeline.
    pub outputs: Vec<OutputPosition>,
    /// Inbound records, events and rejected rows since the origin.
    pub counts: [u64; 3],
}

/// How far an inbound topic is processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputPosition {
    /// Its name.
    pub topic: TopicName,
    /// The first record that isn't in the state.
    pub next: Offset,
}

/// What an outbound topic's next record follows on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPosition {
    /// Its name.
    pub topic: TopicName,
    /// The next record's index.
    pub next: OutputIndex,
    /// Rolling digest up to the last one.
    pub digest: Digest,
    /// Id and part of the last one.
    pub last: Option<(MessageId, u32)>,
    /// When the topic last got a record, in input time.
    pub last_time: Option<Timestamp>,
}

impl Head {
    /// Writes it; it must be the first block.
    pub fn write(&self, out: &mut BlockWriter) {
        out.block(Kind::Head, |body| {
            body.put_u64(self.fingerprint.0);
            body.put_u16(self.generation.0);
            body.put_len(self.inputs.len());
            for input in &self.inputs {
                body.put_text(input.topic.as_str());
                body.put_u64(input.next.0);
            }
            body.put_len(self.outputs.len());
            self.outputs.iter().for_each(|output| output.write(body));
            self.counts.iter().for_each(|&count| body.put_u64(count));
        });
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`Error::Misfit`].
    pub fn read(blocks: &mut Blocks<'_>) -> Result<Self, Error> {
        let mut body = blocks.next(Kind::Head)?;
        let fingerprint = Fingerprint(body.u64()?);
        let generation = Generation(body.u16()?);
        let inputs = (0..body.len(1)?)
            .map(|_| Ok(InputPosition { topic: body.text()?.into(), next: Offset(body.u64()?) }))
            .collect::<Result<_, Error>>()?;
        let outputs = (0..body.len(1)?).map(|_| OutputPosition::read(&mut body)).collect::<Result<_, Error>>()?;
        let counts = [body.u64()?, body.u64()?, body.u64()?];
        body.end()?;
        Ok(Self { fingerprint, generation, inputs, outputs, counts })
    }

    /// Whether a replica of this model and generation may go on from here.
    ///
    /// # Errors
    /// [`Error::OtherModel`], [`Error::OtherGeneration`].
    pub fn check(&self, fingerprint: Fingerprint, generation: Generation) -> Result<(), Error> {
        if self.fingerprint != fingerprint {
            return Err(Error::OtherModel { found: self.fingerprint, expected: fingerprint });
        }
        if self.generation != generation {
            return Err(Error::OtherGeneration { found: self.generation, expected: generation });
        }
        Ok(())
    }
}

impl OutputPosition {
    fn write(&self, body: &mut Vec<u8>) {
        body.put_text(self.topic.as_str());
        body.put_u64(self.next.0);
        body.put_u128(self.digest.0);
        body.put_option(self.last, |body, (id, part)| {
            body.put_u64(id.0);
            body.put_u32(part);
        });
        body.put_option(self.last_time, |body, time| body.put_i64(time.0));
    }

    fn read(body: &mut Body<'_>) -> Result<Self, Error> {
        Ok(Self {
            topic: body.text()?.into(),
            next: OutputIndex(body.u64()?),
            digest: Digest(body.u128()?),
            last: body.option(|body| Ok((MessageId(body.u64()?), body.u32()?)))?,
            last_time: body.option(|body| body.i64().map(Timestamp))?,
        })
    }
}
