//! Source: where events enter, and where opcodes are checked against the rows that are there.

use types::{Column, EventBlock, MessageId, Opcode, Schema, Value};

use crate::index::{self, Key, KeyReader};
use crate::retention::Retention;
use crate::table::{self, Plan};
use crate::uuid;

use super::keeper::{Keeper, Keyed, Request};
use super::schedule::{Schedule, Turn};
use super::{Call, RejectionReason, State as Carried};

/// See the module's words.
#[derive(Debug)]
pub(crate) struct SourceWindow {
    insert_only: bool,
    autogen: Option<Autogen>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// `pi_EMPTY`: whatever opcode arrives goes on.
    Stateless(Plan),
    Stateful(Box<Keyed>),
}

/// Keys that the window gives to its events, in place of what the events bring.
#[derive(Debug)]
struct Autogen {
    field: usize,
    /// One per input row of the run at hand; what stands at a rejected row means nothing.
    keys: Column,
    /// Mixed into textual keys, so that two windows never give the same.
    salt: String,
    /// How many events have a key, which is the next integer key.
    given: i64,
    uuid: String,
    /// A textual key as the index compares it.
    bytes: Vec<u8>,
}

impl SourceWindow {
    /// `path` names the window among all of the project; `retention` comes with the position of its time field.
    pub(crate) fn new(
        schema: &Schema,
        path: &str,
        insert_only: bool,
        autogen_key: bool,
        stateless: bool,
        retention: Option<(Retention, Option<usize>)>,
    ) -> Self {
        let autogen = schema.keys().first().filter(|_| autogen_key).map(|&field| {
            let keys = Column::new(schema.fields()[field].field_type);
            Autogen { field, keys, salt: path.to_owned(), given: 0, uuid: String::new(), bytes: Vec::new() }
        });
        let state = if stateless {
            State::Stateless(Plan::default())
        } else {
            State::Stateful(Box::new(Keyed::new(schema, retention)))
        };
        Self { insert_only: insert_only || autogen_key, autogen, state }
    }

    pub(crate) fn process(&mut self, call: &mut Call<'_>) {
        if let Some(autogen) = &mut self.autogen {
            autogen.keys.clear();
        }
        match &mut self.state {
            State::Stateless(plan) => {
                pass(plan, self.insert_only, &mut self.autogen, call);
                let sources = sources(&self.autogen, call.input.block);
                table::pass_all(plan, sources, &mut call.out.block);
                plan.clear();
            }
            State::Stateful(keyed) => {
                let Keyed { keeper, keys } = &mut **keyed;
                keep(keeper, keys, self.insert_only, &mut self.autogen, call);
                let sources = sources(&self.autogen, call.input.block);
                keeper.finish(sources, &mut call.out.block);
            }
        }
    }

    pub(crate) fn state(&mut self) -> Carried<'_> {
        let kept = match &mut self.state {
            State::Stateless(_) => Carried::default(),
            State::Stateful(keyed) => keyed.keeper.state(),
        };
        Carried { autogen: self.autogen.as_mut().map(|autogen| &mut autogen.given), ..kept }
    }
}

/// Where the values of each field come from.
fn sources<'a>(autogen: &'a Option<Autogen>, block: &'a EventBlock) -> impl Fn(usize) -> &'a Column {
    move |field| match autogen {
        Some(autogen) if autogen.field == field => &autogen.keys,
        Some(_) | None => &block.columns[field],
    }
}

/// Plans a stateless source's output.
fn pass(plan: &mut Plan, insert_only: bool, autogen: &mut Option<Autogen>, call: &mut Call<'_>) {
    let block = call.input.block;
    let mut first = 0;
    for span in call.input.spans {
        let end = span.end as usize;
        for row in first..end {
            let opcode = block.opcodes[row];
            let key = call.records[span.moment.record as usize].id;
            if let Err(reason) = check_opcode(opcode, insert_only) {
                skip_key(autogen);
                call.reject(span.moment, first, row, reason);
                continue;
            }
            if let Some(autogen) = autogen {
                autogen.give(key, row - first);
            }
            plan.pass(u32::try_from(row).unwrap_or(u32::MAX), opcode, block.flags[row]);
        }
        first = end;
        call.out.close(span.moment, plan.rows());
    }
}

/// Plans a stateful source's output.
fn keep(
    keeper: &mut Keeper,
    keys: &mut KeyReader,
    insert_only: bool,
    autogen: &mut Option<Autogen>,
    call: &mut Call<'_>,
) {
    let block = call.input.block;
    let mut keys = keys.of(block);
    let mut schedule = Schedule::new(call.records, call.input);
    while let Some(turn) = schedule.next(keeper.heartbeat_due(schedule.until())) {
        let (moment, now, rows) = match turn {
            Turn::Heartbeat { moment, now } => {
                keeper.expire(call, now);
                keeper.close(call, moment);
                continue;
            }
            Turn::Events { moment, now, rows } => (moment, now, rows),
        };
        let id = call.records[moment.record as usize].id;
        for row in rows.clone() {
            let checked = check_opcode(block.opcodes[row], insert_only);
            let done = match (checked, &mut *autogen) {
                (Err(reason), autogen) => {
                    skip_key(autogen);
                    Err(reason)
                }
                (Ok(()), Some(autogen)) => {
                    let key = autogen.give(id, row - rows.start);
                    keeper.event(call, Request::Insert, key, row, now)
                }
                (Ok(()), None) => match keys.read(row) {
                    Some(key) => {
                        let request = Request::of(block.opcodes[row], block.flags[row]);
                        keeper.event(call, request, key, row, now)
                    }
                    None => Err(RejectionReason::NullKey),
                },
            };
            if let Err(reason) = done {
                call.reject(moment, rows.start, row, reason);
            }
        }
        keeper.close(call, moment);
    }
}

fn check_opcode(opcode: Opcode, insert_only: bool) -> Result<(), RejectionReason> {
    match opcode {
        Opcode::Insert => Ok(()),
        Opcode::UpdateBlock => Err(RejectionReason::UpdateBlockPublished),
        Opcode::Update | Opcode::Upsert | Opcode::Delete | Opcode::SafeDelete if insert_only => {
            Err(RejectionReason::NotAnInsert(opcode))
        }
        Opcode::Update | Opcode::Upsert | Opcode::Delete | Opcode::SafeDelete => Ok(()),
    }
}

/// Keeps the column of keys in step with the input.
fn skip_key(autogen: &mut Option<Autogen>) {
    if let Some(autogen) = autogen {
        // A null fits every column.
        let _ = autogen.keys.push(Value::Null);
    }
}

impl Autogen {
    /// Gives the next event its key: 0, 1, 2, …, or a UUID made from where the event stands.
    #[inline]
    fn give(&mut self, id: MessageId, row: usize) -> Key<'_> {
        let number = self.given;
        self.given += 1;
        match &mut self.keys {
            Column::Int64(keys) => {
                keys.push(Some(number));
                Key::Number(number)
            }
            Column::String(keys) => {
                uuid::derive(&mut self.uuid, id, row, &self.salt);
                keys.push(Some(self.uuid.as_bytes()));
                index::text_key(&mut self.bytes, &self.uuid)
            }
            Column::Int32(_)
            | Column::Double(_)
            | Column::Date(_)
            | Column::Stamp(_)
            | Column::Money(_)
            | Column::Blob(_) => panic!("generated keys are int64 or string: {:?}", self.keys.field_type()),
        }
    }
}
