//! The gate's memory.

use types::{InputId, MessageId, SourceId, SourcePosition, Timestamp};

use crate::intake::{IntakeCounters, IntakeState, LastSeen};

use super::{BlockWriter, Blocks, Body, Error, Kind, Put};

impl IntakeState {
    /// Writes it.
    pub fn write(&self, out: &mut BlockWriter) {
        out.block(Kind::Intake, |body| {
            body.put_option(self.id, |body, id| body.put_u64(id.0));
            body.put_option(self.time, |body, time| body.put_i64(time.0));
            body.put_len(self.sources.len());
            for (input, sources) in &self.sources {
                body.put_u32(u32::try_from(input.0).unwrap_or(u32::MAX));
                body.put_len(sources.len());
                sources.iter().for_each(|(source, last)| last.write(source, body));
            }
            self.counters.as_list().into_iter().for_each(|count| body.put_u64(count));
        });
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`Error::Misfit`].
    pub fn read(blocks: &mut Blocks<'_>) -> Result<Self, Error> {
        let mut body = blocks.next(Kind::Intake)?;
        let id = body.option(|body| body.u64().map(MessageId))?;
        let time = body.option(|body| body.i64().map(Timestamp))?;
        let mut sources = std::collections::BTreeMap::new();
        for _ in 0..body.len(1)? {
            let input = InputId(body.u32()? as usize);
            let of_input = (0..body.len(1)?).map(|_| LastSeen::read(&mut body)).collect::<Result<_, Error>>()?;
            sources.insert(input, of_input);
        }
        let mut counts = [0; IntakeCounters::COUNT];
        for count in &mut counts {
            *count = body.u64()?;
        }
        body.end()?;
        Ok(Self { id, time, sources, counters: IntakeCounters::from_list(counts) })
    }
}

impl LastSeen {
    fn write(&self, source: &SourceId, body: &mut Vec<u8>) {
        body.put_text(source.as_str());
        let SourcePosition { index, row, byte } = self.position;
        [index, row, byte, self.id.0].into_iter().for_each(|number| body.put_u64(number));
    }

    fn read(body: &mut Body<'_>) -> Result<(SourceId, Self), Error> {
        let source = body.text()?.into();
        let position = SourcePosition { index: body.u64()?, row: body.u64()?, byte: body.u64()? };
        Ok((source, Self { position, id: MessageId(body.u64()?) }))
    }
}

impl IntakeCounters {
    const COUNT: usize = 7;

    fn as_list(self) -> [u64; Self::COUNT] {
        let Self { processed, duplicate_source, stale_tick, clipped, late, untimed, forgotten_sources } = self;
        [processed, duplicate_source, stale_tick, clipped, late, untimed, forgotten_sources]
    }

    fn from_list(counts: [u64; Self::COUNT]) -> Self {
        let [processed, duplicate_source, stale_tick, clipped, late, untimed, forgotten_sources] = counts;
        Self { processed, duplicate_source, stale_tick, clipped, late, untimed, forgotten_sources }
    }
}
