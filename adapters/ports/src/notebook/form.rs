//! How the shared ids look in JSON; `types` knows no wire format.

use serde::{Deserialize, Serialize};
use types::{Generation, Incarnation, MemberName, Offset, OutputIndex, Term, Timestamp, TopicName};

#[derive(Serialize, Deserialize)]
#[serde(remote = "Offset")]
pub(super) struct OffsetForm(u64);

#[derive(Serialize, Deserialize)]
#[serde(remote = "OutputIndex")]
pub(super) struct OutputIndexForm(u64);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Generation")]
pub(super) struct GenerationForm(u16);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Term")]
pub(super) struct TermForm(u64);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Incarnation")]
pub(super) struct IncarnationForm(u64);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Timestamp")]
pub(super) struct TimestampForm(i64);

#[derive(Serialize, Deserialize)]
#[serde(remote = "MemberName")]
pub(super) struct MemberNameForm(String);

#[derive(Serialize, Deserialize)]
#[serde(remote = "TopicName")]
pub(super) struct TopicNameForm(String);

/// A fingerprint as people see it everywhere else: 16 hexadecimal digits.
pub(super) mod fingerprint {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};
    use types::Fingerprint;

    pub(in crate::notebook) fn serialize<S: Serializer>(
        fingerprint: &Fingerprint,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(fingerprint)
    }

    pub(in crate::notebook) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Fingerprint, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map(Fingerprint).map_err(D::Error::custom)
    }
}

/// A span of time as whole microseconds; the field's JSON name ends in `_us`.
pub(super) mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::notebook) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
    }

    pub(in crate::notebook) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_micros)
    }
}
