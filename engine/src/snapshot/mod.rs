//! Snapshots: the whole state of an engine as bytes, and back.
//!
//! # What they hold
//! Blocks, each with its length and a checksum ([`BlockWriter`], [`Blocks`]): a [`Head`] that says of which model and
//! generation the state is and where input and outputs stand; the gate's memory; one block of small things per window;
//! then the windows' rows, a fixed number of slots per block; a last block with a checksum over everything before it.
//!
//! # The same state gives the same bytes
//! Whatever a state holds follows from the input alone, slots and the order in which they will be used again included, so
//! two replicas' snapshots at one offset are equal byte for byte. That is a check on all that never leaves an engine.
//!
//! # Taking one without standing still
//! [`Engine::freeze`] writes what is small and marks the rest; [`Engine::write_frozen`] writes it in bounded slices
//! between runs. A row that a run changes before it was written is put aside as it was (`Table`'s and the retention
//! lists' own hooks), so the bytes are those of the moment of the freeze.
//!

mod blocks;
mod bytes;
mod column;
mod error;
mod head;
mod intake;
mod window;

use types::Timestamp;

use crate::Engine;
use crate::engine::Times;

pub use blocks::{BlockWriter, Blocks, FORMAT};
pub use error::Error;
pub use head::{Head, InputPosition, OutputPosition};

pub(crate) use bytes::{Body, Put};

/// Slots of a table whose rows share a block; part of the format, since bytes must not depend on how slices were cut.
const SLOTS_PER_BLOCK: u32 = 1_024;

/// What a block is; its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Head = 1,
    Intake = 2,
    Engine = 3,
    Window = 4,
    Rows = 5,
    End = 6,
}

/// How far the writing of a frozen state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    node: usize,
    /// The first slot that isn't written.
    slot: u32,
}

impl Engine {
    /// Notes the state as it is now: what is small is written at once, the rows wait for [`Engine::write_frozen`].
    ///
    /// It costs about a microsecond per window, and a copy of each list of free slots and of each sliding window of values.
    /// An earlier freeze that was not written to its end is forgotten.
    pub fn freeze(&mut self, out: &mut BlockWriter) {
        self.thaw();
        out.block(Kind::Engine, |body| {
            body.put_u32(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
            body.put_option(self.times, |body, times| {
                body.put_i64(times.start.0);
                body.put_i64(times.now.0);
            });
        });
        for node in &mut self.nodes {
            out.block(Kind::Window, |body| window::freeze(node, body));
        }
        self.frozen = Some(Cursor { node: 0, slot: 0 });
    }

    /// Writes about `bytes` more of what was frozen, at least one block; true once all of it is written.
    ///
    /// Nothing happens, and the answer is true, when nothing is frozen.
    pub fn write_frozen(&mut self, out: &mut BlockWriter, bytes: usize) -> bool {
        let enough = out.len() + bytes as u64;
        while let Some(cursor) = self.frozen {
            let Some(node) = self.nodes.get_mut(cursor.node) else {
                self.frozen = None;
                break;
            };
            if cursor.slot >= window::frozen_slots(node) {
                window::thaw(node);
                self.frozen = Some(Cursor { node: cursor.node + 1, slot: 0 });
                continue;
            }
            if out.len() >= enough {
                return false;
            }
            let until = cursor.slot.saturating_add(SLOTS_PER_BLOCK);
            out.block(Kind::Rows, |body| window::write_rows(node, cursor.slot..until, body));
            self.frozen = Some(Cursor { slot: until, ..cursor });
        }
        true
    }

    /// Gives up what was frozen and not written.
    pub fn thaw(&mut self) {
        if self.frozen.take().is_some() {
            self.nodes.iter_mut().for_each(window::thaw);
        }
    }

    /// Takes over the state that [`Engine::freeze`] and [`Engine::write_frozen`] wrote.
    ///
    /// # Errors
    /// [`Error::Misfit`] when the bytes are of another project; this engine is of no use then, make a new one.
    pub fn restore(&mut self, blocks: &mut Blocks<'_>) -> Result<(), Error> {
        let mut body = blocks.next(Kind::Engine)?;
        if body.u32()? as usize != self.nodes.len() {
            return Err(Error::misfit("another number of windows"));
        }
        self.times = body.option(|body| Ok(Times { start: Timestamp(body.i64()?), now: Timestamp(body.i64()?) }))?;
        body.end()?;
        let mut layouts = Vec::with_capacity(self.nodes.len());
        for node in &mut self.nodes {
            layouts.push(window::restore(node, blocks.next(Kind::Window)?)?);
        }
        for (node, layout) in self.nodes.iter_mut().zip(&layouts) {
            let mut slot = 0;
            while slot < layout.slots() {
                let until = slot.saturating_add(SLOTS_PER_BLOCK);
                window::restore_rows(node, layout, slot..until, blocks.next(Kind::Rows)?)?;
                slot = until;
            }
        }
        Ok(())
    }
}
