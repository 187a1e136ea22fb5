//! The rows of a source or copy window, with the policy that lets them go.

use types::{Column, EventBlock, Flags, Opcode, Schema, Timestamp};

use crate::batch::Moment;
use crate::index::{Key, KeyReader, Placed, Slot};
use crate::retention::Retention;
use crate::table::{Plan, Table};

use super::{Call, RejectionReason, State};

/// A table whose rows may leave by themselves.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) table: Table,
    retention: Option<Retention>,
    /// The input field with the rows' own times.
    time_field: Option<usize>,
    pub(crate) plan: Plan,
}

/// A keeper, and how it reads its keys.
#[derive(Debug)]
pub(crate) struct Keyed {
    pub(crate) keeper: Keeper,
    pub(crate) keys: KeyReader,
}

impl Keyed {
    /// A keeper whose keys are the schema's. `retention` comes with the position of its time field.
    pub(crate) fn new(schema: &Schema, retention: Option<(Retention, Option<usize>)>) -> Self {
        Self { keeper: Keeper::new(schema, retention), keys: KeyReader::new(schema.keys().to_vec()) }
    }
}

/// What an event asks of a keyed table. An update block counts as an update, its old half is not an event of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    Insert,
    Update { partial: bool },
    Upsert { partial: bool },
    Delete { flags: Flags },
    SafeDelete { flags: Flags },
}

impl Request {
    pub(crate) fn of(opcode: Opcode, flags: Flags) -> Self {
        let partial = flags.contains(Flags::PARTIAL);
        match opcode {
            Opcode::Insert => Self::Insert,
            Opcode::Update => Self::Update { partial },
            Opcode::UpdateBlock => Self::Update { partial: false },
            Opcode::Upsert => Self::Upsert { partial },
            Opcode::Delete => Self::Delete { flags },
            Opcode::SafeDelete => Self::SafeDelete { flags },
        }
    }
}

/// Does to the table what an event asks for, and plans the output. Gives the row that it touched or removed.
#[inline]
pub(crate) fn apply(
    table: &mut Table,
    plan: &mut Plan,
    request: Request,
    key: Key<'_>,
    row: u32,
) -> Result<Applied, RejectionReason> {
    Ok(match request {
        Request::Insert => match table.index.place(key) {
            Placed::New(slot) => {
                plan.insert(row, slot);
                Applied::Touched(slot)
            }
            Placed::Present(_) => return Err(RejectionReason::KeyExists),
        },
        Request::Update { partial } => {
            let slot = table.index.find(key).ok_or(RejectionReason::KeyMissing)?;
            plan.update(row, slot, partial);
            Applied::Touched(slot)
        }
        Request::Upsert { partial } => match table.index.place(key) {
            Placed::New(slot) => {
                plan.insert(row, slot);
                Applied::Touched(slot)
            }
            Placed::Present(slot) => {
                plan.update(row, slot, partial);
                Applied::Touched(slot)
            }
        },
        Request::Delete { flags } => {
            let slot = table.index.remove(key).ok_or(RejectionReason::KeyMissing)?;
            plan.delete(slot, flags);
            Applied::Removed(slot)
        }
        Request::SafeDelete { flags } => match table.index.remove(key) {
            Some(slot) => {
                plan.delete(slot, flags);
                Applied::Removed(slot)
            }
            None => Applied::Nothing,
        },
    })
}

/// What became of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// The row is new or has new values.
    Touched(Slot),
    /// The row has left.
    Removed(Slot),
    Nothing,
}

impl Keeper {
    fn new(schema: &Schema, retention: Option<(Retention, Option<usize>)>) -> Self {
        let (retention, time_field) = retention.map_or((None, None), |(retention, field)| (Some(retention), field));
        Self { table: Table::new(schema), retention, time_field, plan: Plan::default() }
    }

    pub(crate) fn state(&mut self) -> State<'_> {
        State { table: Some(&mut self.table), retention: self.retention.as_mut(), ..State::default() }
    }

    /// The next heartbeat not later than `until` at which a row goes.
    #[inline]
    pub(crate) fn heartbeat_due(&self, until: Timestamp) -> Option<Timestamp> {
        self.retention.as_ref()?.heartbeat_due(until)
    }

    /// Lets the rows go that are too old at the heartbeat `now`.
    pub(crate) fn expire(&mut self, call: &mut Call<'_>, now: Timestamp) {
        let Some(retention) = &mut self.retention else { return };
        while let Some(slot) = retention.expired_at(now, call.start) {
            self.table.index.remove_slot(slot);
            self.plan.delete(slot, Flags::RETENTION);
        }
    }

    /// One event, and the rows that must go because of it.
    ///
    /// # Errors
    /// The reason why the table can't take it; nothing has changed then.
    #[inline]
    pub(crate) fn event(
        &mut self,
        call: &mut Call<'_>,
        request: Request,
        key: Key<'_>,
        row: usize,
        now: Timestamp,
    ) -> Result<(), RejectionReason> {
        let place = u32::try_from(row).unwrap_or(u32::MAX);
        let applied = apply(&mut self.table, &mut self.plan, request, key, place)?;
        let Some(retention) = &mut self.retention else { return Ok(()) };
        match applied {
            Applied::Touched(slot) => {
                let event_time = self.time_field.and_then(|field| micros_of(&call.input.block.columns[field], row));
                retention.touched(slot, now, call.start, event_time);
                while let Some(slot) = retention.overdue() {
                    self.table.index.remove_slot(slot);
                    self.plan.delete(slot, Flags::RETENTION);
                }
            }
            Applied::Removed(slot) => retention.removed(slot),
            Applied::Nothing => {}
        }
        Ok(())
    }

    /// Ends a moment: what was planned so far belongs to it or to earlier ones.
    #[inline]
    pub(crate) fn close(&self, call: &mut Call<'_>, moment: Moment) {
        call.out.close(moment, self.plan.rows());
    }

    /// Fills the output with the planned rows' values.
    pub(crate) fn finish<'a>(&mut self, sources: impl Fn(usize) -> &'a Column, out: &mut EventBlock) {
        self.table.carry(&self.plan, sources, out);
        self.plan.clear();
    }
}

/// A date or stamp in microseconds; `None` when it is null.
fn micros_of(column: &Column, row: usize) -> Option<i64> {
    match column {
        Column::Stamp(column) => column.get(row),
        Column::Date(column) => column.get(row).map(|seconds| seconds.saturating_mul(1_000_000)),
        Column::Int32(_)
        | Column::Int64(_)
        | Column::Double(_)
        | Column::String(_)
        | Column::Money(_)
        | Column::Blob(_) => None,
    }
}

/// Whether row `row` is an update block followed, before `end`, by the delete with the old values.
#[inline]
pub(crate) fn is_pair(block: &EventBlock, row: usize, end: usize) -> bool {
    block.opcodes[row] == Opcode::UpdateBlock && row + 1 < end && block.opcodes[row + 1] == Opcode::Delete
}
