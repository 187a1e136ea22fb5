//! One line of a capture.

use serde::{Deserialize, Serialize};

/// What a record of a topic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordKind {
    /// Carries events.
    Data,
    /// Shows that an idle topic lives.
    Marker,
    /// Opens a generation.
    Fence,
    /// Only advances time.
    Tick,
    /// Written by something else.
    Foreign,
}

/// One record of a topic, in the order of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureLine {
    /// Kafka's offset.
    pub offset: u64,
    /// What it is.
    pub kind: RecordKind,
    /// The broker's time, milliseconds since 1970 UTC.
    pub timestamp: i64,
    /// Header `esp-index`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub index: Option<u64>,
    /// Header `esp-id`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<u64>,
    /// Header `esp-part`, 0 when absent.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub part: u32,
    /// Header `esp-digest`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<String>,
    /// Header `esp-model`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model: Option<String>,
    /// Header `esp-writer`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub writer: Option<String>,
    /// Header `esp-source`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// The payload when it is text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
    /// The payload in hexadecimal when it isn't text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hex: Option<String>,
    /// The events of a binary payload as csv rows, when the schema is known.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub events: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(part: &u32) -> bool {
    *part == 0
}

impl CaptureLine {
    /// The generation, from header `esp-model`.
    #[must_use]
    pub fn generation(&self) -> Option<u64> {
        self.model.as_deref()?.rsplit_once('.')?.1.parse().ok()
    }

    /// Sets the payload in the form that fits it.
    pub fn set_payload(&mut self, payload: &[u8]) {
        match printable(payload) {
            Some(text) => self.text = Some(text.to_owned()),
            None => self.hex = Some(hex(payload)),
        }
    }
}

/// A payload that is text, without control characters other than those of lines.
#[must_use]
pub fn printable(payload: &[u8]) -> Option<&str> {
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    std::str::from_utf8(payload).ok().filter(|text| !text.chars().any(control))
}

/// Two digits a byte.
#[must_use]
pub fn hex(payload: &[u8]) -> String {
    payload.iter().map(|byte| format!("{byte:02x}")).collect()
}
