//! Nouns that two rooms share: ids, time, schema, event block, records.
//!
//! Order and `Display`, no other behaviour; and the one comparison of words behind every "did you mean". A type comes here only when two rooms that may not see each other both need
//! it; otherwise it stays with the room that uses it.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod block;
mod column;
mod event;
mod id;
pub mod mutation;
mod output;
mod schema;
mod time;
mod word;

pub use block::{EventBlock, RecordSpan, Run};
pub use column::{Column, NullMask, Texts, Value, Values, WrongType};
pub use event::{Flags, Opcode, UnknownOpcode};
pub use id::{
    Digest, Fingerprint, Generation, Incarnation, InputId, LeaderEpoch, MemberName, MessageId, Offset, OutputIndex,
    SourceId, SourcePosition, Term, TopicName,
};
pub use output::{OutputKind, OutputRecord};
pub use schema::{Field, FieldType, Schema, SchemaError};
pub use time::{Tick, Timestamp};
pub use word::nearest;
