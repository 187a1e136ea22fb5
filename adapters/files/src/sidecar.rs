//! `<file>.position`: how far an output file and the log it is written from have come, together.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use types::{Digest, Generation, OutputIndex};

/// The only format so far.
const FORMAT: u32 = 1;

/// How far the log is written to the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPosition {
    /// Kafka's id of the topic: another one under the same name is another log.
    pub topic_id: String,
    /// Which of the topic's generations.
    pub generation: Generation,
    /// The first output that isn't in the file.
    pub next_index: OutputIndex,
    /// Rolling digest of the last output that is.
    pub digest: Digest,
}

/// How far the file is written for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePosition {
    /// Its length.
    pub bytes: u64,
    /// Which outputs that is; `None` before the first.
    pub log: Option<LogPosition>,
}

/// `<file>.position`.
pub(crate) fn path_of(file: &Path) -> PathBuf {
    beside(file, ".position")
}

/// What becomes the position file once it is complete.
pub(crate) fn temporary_path_of(file: &Path) -> PathBuf {
    beside(file, ".position.new")
}

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(end);
    path.into()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    format: u32,
    bytes: u64,
    log: Option<RawLog>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLog {
    topic_id: String,
    generation: u16,
    next_index: u64,
    digest: String,
}

impl FilePosition {
    /// As JSON.
    pub(crate) fn to_text(&self) -> String {
        let log = self.log.as_ref().map(|log| RawLog {
            topic_id: log.topic_id.clone(),
            generation: log.generation.0,
            next_index: log.next_index.0,
            digest: log.digest.to_string(),
        });
        let text = serde_json::to_string_pretty(&Raw { format: FORMAT, bytes: self.bytes, log });
        assert!(text.is_ok(), "numbers and texts are always json");
        text.unwrap_or_default() + "\n"
    }

    /// From JSON; the error says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let raw: Raw = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if raw.format != FORMAT {
            return Err(format!("it has format {}, this program reads {FORMAT}", raw.format));
        }
        let log = raw.log.map(|log| {
            let digest = u128::from_str_radix(&log.digest, 16).map_err(|error| format!("digest: {error}"))?;
            Ok::<_, String>(LogPosition {
                topic_id: log.topic_id,
                generation: Generation(log.generation),
                next_index: OutputIndex(log.next_index),
                digest: Digest(digest),
            })
        });
        Ok(Self { bytes: raw.bytes, log: log.transpose()? })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_position_survives_its_text() {
        let log = LogPosition {
            topic_id: "q1Sh-9_ISia_zwGINzRvyQ".to_owned(),
            generation: Generation(3),
            next_index: OutputIndex(120),
            digest: Digest(0xabc),
        };
        let position = FilePosition { bytes: 4_567, log: Some(log) };
        expect![[r#"
            {
              "format": 1,
              "bytes": 4567,
              "log": {
                "topic_id": "q1Sh-9_ISia_zwGINzRvyQ",
                "generation": 3,
                "next_index": 120,
                "digest": "00000000000000000000000000000abc"
              }
            }
        "#]]
        .assert_eq(&position.to_text());
        assert_eq!(FilePosition::parse(&position.to_text()), Ok(position));
        let fresh = FilePosition { bytes: 0, log: None };
        assert_eq!(FilePosition::parse(&fresh.to_text()), Ok(fresh));
    }

    #[test]
    fn what_is_no_position_is_said() {
        for text in ["", "{", "{\"format\":2,\"bytes\":0,\"log\":null}", "{\"format\":1,\"bytes\":-1,\"log\":null}"] {
            assert!(FilePosition::parse(text).is_err(), "{text}");
        }
    }
}
