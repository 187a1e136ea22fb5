//! The decisions about each input row of a window whose output rows come from one input row each.

use types::{EventBlock, Flags, Opcode};

use crate::index::{BlockKeys, Key, Placed};
use crate::table::{Plan, Table};

use super::derive::{Gate, Opcodes};
use super::keeper::{self, Request};
use super::{Call, RejectionReason};

/// A stateless window's decisions, where not simply everything goes on.
pub(super) struct Passer<'a> {
    pub(super) plan: &'a mut Plan,
    pub(super) taken: &'a mut Vec<u32>,
    pub(super) gate: Gate<'a>,
    pub(super) opcodes: Opcodes<'a>,
}

impl Passer<'_> {
    pub(super) fn run(mut self, call: &mut Call<'_>) {
        let mut first = 0;
        for span in call.input.spans {
            let end = span.end as usize;
            let mut row = first;
            while row < end {
                row += match self.row(call.input.block, row, end) {
                    Ok(rows) => rows,
                    Err(reason) => {
                        call.reject(span.moment, first, row, reason);
                        1
                    }
                }
            }
            first = end;
            call.out.close(span.moment, self.plan.rows());
        }
    }

    /// Decides on a row, or on both halves of an update; how many rows that were.
    fn row(&mut self, block: &EventBlock, row: usize, end: usize) -> Result<usize, RejectionReason> {
        if let Some(opcodes) = self.opcodes {
            let opcode = opcodes[row].ok_or(RejectionReason::UnknownOpcode)?;
            if self.gate.lets_new(row) {
                self.pass(block, row, opcode);
            }
            return Ok(1);
        }
        if !keeper::is_pair(block, row, end) {
            if self.gate.lets_new(row) {
                self.pass(block, row, block.opcodes[row]);
            }
            return Ok(1);
        }
        // Without a table both halves are computed anyway, so the old one is asked for in any case. What is left of the pair
        // is made whole.
        match (self.gate.lets_new(row), self.gate.lets_new(row + 1)) {
            (true, true) => {
                self.pass(block, row, Opcode::UpdateBlock);
                self.pass(block, row + 1, Opcode::Delete);
            }
            (true, false) => self.pass(block, row, Opcode::Insert),
            (false, true) => self.pass(block, row + 1, Opcode::Delete),
            (false, false) => {}
        }
        Ok(2)
    }

    fn pass(&mut self, block: &EventBlock, row: usize, opcode: Opcode) {
        let place = u32::try_from(row).unwrap_or(u32::MAX);
        self.taken.push(place);
        self.plan.pass(place, opcode, block.flags[row]);
    }
}

/// A stateful window's decisions.
pub(super) struct Decider<'a> {
    pub(super) table: &'a mut Table,
    pub(super) plan: &'a mut Plan,
    pub(super) taken: &'a mut Vec<u32>,
    pub(super) gate: Gate<'a>,
    /// An update may move a row to another key.
    pub(super) keys_change: bool,
    pub(super) block: &'a EventBlock,
    /// Of the input, or of what functions made of it.
    pub(super) keys: BlockKeys<'a>,
}

impl Decider<'_> {
    pub(super) fn run(mut self, call: &mut Call<'_>, opcodes: Opcodes<'_>) {
        let mut first = 0;
        for span in call.input.spans {
            let end = span.end as usize;
            let mut row = first;
            while row < end {
                let pair = keeper::is_pair(self.block, row, end);
                let opcode = opcodes.map_or(Some(self.block.opcodes[row]), |opcodes| opcodes[row]);
                let done = match opcode {
                    Some(opcode) => self.row(opcode, row, pair),
                    None => Err(RejectionReason::UnknownOpcode),
                };
                if let Err(reason) = done {
                    call.reject(span.moment, first, row, reason);
                }
                row += if pair { 2 } else { 1 };
            }
            first = end;
            call.out.close(span.moment, self.plan.rows());
        }
    }

    /// Decides on a row; with `pair`, the one after it is the old half of an update.
    #[inline]
    fn row(&mut self, opcode: Opcode, row: usize, pair: bool) -> Result<(), RejectionReason> {
        let Self { table, plan, taken, gate, keys_change, block, keys } = self;
        let key = keys.read(row).ok_or(RejectionReason::NullKey)?;
        let mut rows = Rows { table, plan, taken, gate: *gate, block };
        match Request::of(opcode, block.flags[row]) {
            Request::Insert => rows.insert(key, row),
            Request::Update { .. } if pair && *keys_change => {
                let new = rows.table.index.find(key);
                let old_key = keys.read(row + 1).ok_or(RejectionReason::NullKey)?;
                let old = rows.table.index.find(old_key);
                if new == old {
                    return rows.update(old_key, row, true);
                }
                // Another key: the old row leaves, the new one is inserted.
                if let Some(slot) = old {
                    rows.table.index.remove_slot(slot);
                    rows.plan.delete(slot, Flags::NORMAL);
                }
                rows.insert(keys.read(row).ok_or(RejectionReason::NullKey)?, row)
            }
            Request::Update { .. } => rows.update(key, row, pair),
            Request::Upsert { .. } => match rows.table.index.find(key) {
                Some(_) => rows.update(key, row, false),
                None => rows.insert(key, row),
            },
            Request::Delete { flags } => rows.delete(key, row, flags, !gate.is_open()),
            Request::SafeDelete { flags } => rows.delete(key, row, flags, true),
        }
    }
}

/// What a decision may touch, apart from the key that it goes by.
struct Rows<'a> {
    table: &'a mut Table,
    plan: &'a mut Plan,
    taken: &'a mut Vec<u32>,
    gate: Gate<'a>,
    block: &'a EventBlock,
}

impl Rows<'_> {
    #[inline]
    fn insert(&mut self, key: Key<'_>, row: usize) -> Result<(), RejectionReason> {
        if !self.gate.lets_new(row) {
            return Ok(());
        }
        match self.table.index.place(key) {
            Placed::New(slot) => {
                let row = self.take(row);
                self.plan.insert(row, slot);
            }
            // A gate may have kept back the delete of an earlier row with this key.
            Placed::Present(slot) if !self.gate.is_open() => {
                let row = self.take(row);
                self.plan.update(row, slot, false);
            }
            Placed::Present(_) => return Err(RejectionReason::KeyExists),
        }
        Ok(())
    }

    fn update(&mut self, key: Key<'_>, row: usize, pair: bool) -> Result<(), RejectionReason> {
        let stored = self.table.index.find(key);
        match (self.gate.lets_new(row), stored) {
            (true, Some(slot)) => {
                let row = self.take(row);
                self.plan.update(row, slot, false);
                Ok(())
            }
            (true, None) if !self.gate.is_open() => self.insert(key, row),
            (true, None) => Err(RejectionReason::KeyMissing),
            (false, Some(_)) if !pair || self.gate.lets_old(row + 1) => self.delete(key, row, Flags::NORMAL, true),
            (false, Some(_) | None) => Ok(()),
        }
    }

    #[inline]
    fn delete(&mut self, key: Key<'_>, row: usize, flags: Flags, silent: bool) -> Result<(), RejectionReason> {
        let is_delete = matches!(self.block.opcodes[row], Opcode::Delete | Opcode::SafeDelete);
        if is_delete && !self.gate.lets_old(row) {
            return Ok(());
        }
        match self.table.index.remove(key) {
            Some(slot) => self.plan.delete(slot, flags),
            None if silent => {}
            None => return Err(RejectionReason::KeyMissing),
        }
        Ok(())
    }

    #[inline]
    fn take(&mut self, row: usize) -> u32 {
        let row = u32::try_from(row).unwrap_or(u32::MAX);
        self.taken.push(row);
        row
    }
}
