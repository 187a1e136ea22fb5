//! What windows do with a run.
//!
//! Every window hears the moments of a run in order and makes a [`Batch`]. Which rows it keeps and what happens to them is
//! decided here from keys and opcodes; their values follow by column ([`crate::table`]).

mod calculate;
mod compute;
mod copy;
mod decide;
mod derive;
mod filter;
mod functional;
mod keeper;
mod schedule;
mod shape;
mod source;
mod state;

use std::fmt;

use types::{MessageId, Opcode, Timestamp};

use crate::batch::{Batch, Input, Moment, Record};

pub(crate) use calculate::SummaryWindow;
pub(crate) use compute::ComputeWindow;
pub(crate) use copy::CopyWindow;
pub(crate) use derive::{FieldSource, KeyFields};
pub(crate) use filter::FilterWindow;
pub(crate) use functional::FunctionalWindow;
pub(crate) use shape::Shape;
pub(crate) use source::SourceWindow;
pub(crate) use state::State;

/// A window of an engine: small, cheap to compare, in the order in which windows run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowId(pub(crate) u32);

impl WindowId {
    pub(crate) const fn at(self) -> usize {
        self.0 as usize
    }
}

/// An event that a window could not take; every replica rejects the same ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejection {
    /// The inbound record's id.
    pub id: MessageId,
    /// Who rejected it.
    pub window: WindowId,
    /// Its number among the events which the record brought to that window, from 0.
    pub row: u32,
    /// Why.
    pub reason: RejectionReason,
}

/// Why a window could not take an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectionReason {
    /// Insert, but a row with its key is there.
    KeyExists,
    /// Update or delete, but no row with its key is there.
    KeyMissing,
    /// A key field is null.
    NullKey,
    /// The window takes inserts only.
    NotAnInsert(Opcode),
    /// Update blocks are made by windows; publishers send updates.
    UpdateBlockPublished,
    /// The function that gives the opcode gave no opcode's word.
    UnknownOpcode,
}

impl fmt::Display for RejectionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyExists => f.write_str("insert of a key that exists"),
            Self::KeyMissing => f.write_str("update or delete of a key that doesn't exist"),
            Self::NullKey => f.write_str("a key field is null"),
            Self::NotAnInsert(opcode) => write!(f, "{} where only inserts are taken", opcode.word()),
            Self::UpdateBlockPublished => f.write_str("update block from outside; publish an update or upsert"),
            Self::UnknownOpcode => f.write_str("the opcode function gave no opcode"),
        }
    }
}

/// One call of a window: what it reads and where it writes.
pub(crate) struct Call<'a> {
    /// All records of the run, those without events for this window included.
    pub(crate) records: &'a [Record],
    /// The engine's time at its very first record.
    pub(crate) start: Timestamp,
    pub(crate) input: Input<'a>,
    pub(crate) out: &'a mut Batch,
    pub(crate) rejections: &'a mut Rejections,
}

/// Rejections of the run at hand, as one window adds to them.
#[derive(Debug)]
pub(crate) struct Rejections {
    pub(crate) list: Vec<Rejection>,
    pub(crate) window: WindowId,
}

impl Call<'_> {
    /// Notes that row `row` of the input, `first` being the first of its span, could not be taken.
    #[cold]
    pub(crate) fn reject(&mut self, moment: Moment, first: usize, row: usize, reason: RejectionReason) {
        let id = self.records[moment.record as usize].id;
        let row = u32::try_from(row - first).unwrap_or(u32::MAX);
        let window = self.rejections.window;
        self.rejections.list.push(Rejection { id, window, row, reason });
    }
}
