//! Copy: its input's events, kept, and let go by a retention policy.

use types::Schema;

use crate::retention::Retention;
use crate::table;

use super::keeper::{self, Keyed, Request};
use super::schedule::{Schedule, Turn};
use super::{Call, RejectionReason, State};

/// See the module's words.
#[derive(Debug)]
pub(crate) enum CopyWindow {
    /// `pi_EMPTY`: hands everything on.
    Stateless,
    Stateful(Box<Keyed>),
}

impl CopyWindow {
    /// `retention` comes with the position of its time field.
    pub(crate) fn new(schema: &Schema, retention: Option<(Retention, Option<usize>)>) -> Self {
        Self::Stateful(Box::new(Keyed::new(schema, retention)))
    }

    pub(crate) fn state(&mut self) -> State<'_> {
        match self {
            Self::Stateless => State::default(),
            Self::Stateful(keyed) => keyed.keeper.state(),
        }
    }

    pub(crate) fn process(&mut self, call: &mut Call<'_>) {
        match self {
            Self::Stateless => table::hand_on(call.input, call.out),
            Self::Stateful(keyed) => {
                let Keyed { keeper, keys } = &mut **keyed;
                let mut keys = keys.of(call.input.block);
                let mut schedule = Schedule::new(call.records, call.input);
                while let Some(turn) = schedule.next(keeper.heartbeat_due(schedule.until())) {
                    match turn {
                        Turn::Heartbeat { moment, now } => {
                            keeper.expire(call, now);
                            keeper.close(call, moment);
                        }
                        Turn::Events { moment, now, rows } => {
                            let block = call.input.block;
                            let mut row = rows.start;
                            while row < rows.end {
                                let request = Request::of(block.opcodes[row], block.flags[row]);
                                let done = match keys.read(row) {
                                    Some(key) => keeper.event(call, request, key, row, now),
                                    None => Err(RejectionReason::NullKey),
                                };
                                if let Err(reason) = done {
                                    call.reject(moment, rows.start, row, reason);
                                }
                                row += if keeper::is_pair(block, row, rows.end) { 2 } else { 1 };
                            }
                            keeper.close(call, moment);
                        }
                    }
                }
                let block = call.input.block;
                keeper.finish(|field| &block.columns[field], &mut call.out.block);
            }
        }
    }
}
