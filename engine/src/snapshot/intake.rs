//! The gate's memory.

use types::{Offset, SourceId, SourcePosition, Timestamp};

use crate::intake::{IntakeCounters, IntakeState, LastSeen};

use super::{BlockWriter, Blocks, Error, Kind, Put};

impl IntakeState {
    /// Writes it.
    pub fn write(&self, out: &mut BlockWriter) {
        out.block(Kind::Intake, |body| {
            body.put_option(self.offset, |body, offset| body.put_u64(offset.0));
            body.put_option(self.time, |body, time| body.put_i64(time.0));
            body.put_len(self.sources.len());
            for (id, last) in &self.sources {
                body.put_text(id.as_str());
                let SourcePosition { index, row, byte } = last.position;
                [index, row, byte, last.offset.0].into_iter().for_each(|number| body.put_u64(number));
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
        let offset = body.option(|body| body.u64().map(Offset))?;
        let time = body.option(|body| body.i64().map(Timestamp))?;
        let mut sources = std::collections::BTreeMap::new();
        for _ in 0..body.len(1)? {
            let id: SourceId = body.text()?.into();
            let position = SourcePosition { index: body.u64()?, row: body.u64()?, byte: body.u64()? };
            sources.insert(id, LastSeen { position, offset: Offset(body.u64()?) });
        }
        let mut counts = [0; IntakeCounters::COUNT];
        for count in &mut counts {
            *count = body.u64()?;
        }
        body.end()?;
        Ok(Self { offset, time, sources, counters: IntakeCounters::from_list(counts) })
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
