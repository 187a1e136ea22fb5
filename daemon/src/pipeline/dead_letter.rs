//! A row that was not taken, as a record that people can read; the same on every replica.

use engine::Rejection;
use proto::Rejected;
use serde::Serialize;
use types::MessageId;

/// One rejected row. No host names, no times: equal on all replicas.
#[derive(Debug, Serialize)]
pub(super) struct DeadLetter<'a> {
    /// Message id of the inbound record: its offset where there is one inbound topic.
    offset: u64,
    /// Where it is to be found where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<Origin<'a>>,
    /// `cq/window` that refused it.
    window: &'a str,
    /// Row of the record, from 0.
    row: u32,
    /// Field by position, from 1, and name.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// The beginning of the offending text.
    #[serde(skip_serializing_if = "str::is_empty")]
    text: &'a str,
    /// Why.
    reason: String,
}

/// A record's place, where its message id isn't its offset.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Origin<'a> {
    /// Of the inbound topic.
    pub(super) topic: &'a str,
    /// In it.
    pub(super) offset: u64,
}

impl<'a> DeadLetter<'a> {
    /// The decoder couldn't read it.
    pub(super) fn undecodable(id: MessageId, window: &'a str, rejected: &'a Rejected) -> Self {
        Self {
            offset: id.0,
            origin: None,
            window,
            row: rejected.row,
            column: rejected.place.as_ref().map(|place| place.column),
            field: rejected.place.as_ref().map(|place| place.name.as_str()),
            text: &rejected.text,
            reason: rejected.reason.to_string(),
        }
    }

    /// A window refused it.
    pub(super) fn refused(rejection: &Rejection, window: &'a str) -> Self {
        Self {
            offset: rejection.id.0,
            origin: None,
            window,
            row: rejection.row,
            column: None,
            field: None,
            text: "",
            reason: rejection.reason.to_string(),
        }
    }

    /// Says where its record is to be found.
    pub(super) fn from(self, origin: Option<Origin<'a>>) -> Self {
        Self { origin, ..self }
    }

    /// As JSON into a buffer that is used again.
    pub(super) fn write<'b>(&self, buffer: &'b mut Vec<u8>) -> &'b [u8] {
        buffer.clear();
        let written = serde_json::to_writer(&mut *buffer, self);
        assert!(written.is_ok(), "a dead letter is plain data and always has a JSON form");
        buffer
    }
}
