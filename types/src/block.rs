//! Blocks and runs: how events travel.

use alloc::vec::Vec;

use crate::{Column, Flags, MessageId, Opcode, Schema, Timestamp};

/// Events of one window, by column; every column, `opcodes` and `flags` have one entry per event.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventBlock {
    /// One per event.
    pub opcodes: Vec<Opcode>,
    /// One per event.
    pub flags: Vec<Flags>,
    /// In schema order.
    pub columns: Vec<Column>,
}

impl EventBlock {
    /// An empty block with the schema's columns.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        Self {
            opcodes: Vec::new(),
            flags: Vec::new(),
            columns: schema.fields().iter().map(|field| Column::new(field.field_type)).collect(),
        }
    }

    /// How many events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.opcodes.len()
    }

    /// Whether there is no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.opcodes.is_empty()
    }

    /// Keeps the first `len` events; columns that a failed row had filled further are cut as well.
    pub fn truncate(&mut self, len: usize) {
        self.opcodes.truncate(len);
        self.flags.truncate(len);
        self.columns.iter_mut().for_each(|column| column.truncate(len));
    }

    /// Forgets all events, keeps the memory.
    pub fn clear(&mut self) {
        self.opcodes.clear();
        self.flags.clear();
        self.columns.iter_mut().for_each(Column::clear);
    }
}

/// Which events of a run belong to one inbound record: those from the previous span's end to this one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordSpan {
    /// The inbound record's id.
    pub id: MessageId,
    /// The engine's time at that record.
    pub time: Timestamp,
    /// One past the record's last event in the block.
    pub end: u32,
}

/// Many small records as one block, with the boundaries that ids, netting and retention go by.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Run {
    /// The events of all records, in order.
    pub block: EventBlock,
    /// One per record that has events here, ids ascending (several spans may share an id: a tick's outputs, then the record's).
    pub spans: Vec<RecordSpan>,
}

impl Run {
    /// An empty run with the schema's columns.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        Self { block: EventBlock::new(schema), spans: Vec::new() }
    }

    /// Each span with the range of its events.
    pub fn records(&self) -> impl Iterator<Item = (RecordSpan, core::ops::Range<usize>)> + '_ {
        let starts = core::iter::once(0).chain(self.spans.iter().map(|span| span.end as usize));
        self.spans.iter().zip(starts).map(|(span, start)| (*span, start..span.end as usize))
    }

    /// Forgets all events and records, keeps the memory.
    pub fn clear(&mut self) {
        self.block.clear();
        self.spans.clear();
    }
}
