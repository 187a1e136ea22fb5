//! What stands in the frames, and how it becomes the nouns of the house.

use serde::{Deserialize, Serialize};
use types::{MemberName, Offset, OutputIndex, Term, TopicName};

use crate::{OutputStatus, PeerMessage, PeerRole, PeerStatus};

/// Raised by every change that an older reader would misunderstand; others are refused by name.
pub(crate) const VERSION: u32 = 1;

/// Outputs that a status or a hand-over tells; of more, the rest goes untold. Both are hints, the log has the truth.
pub const OUTPUTS_MAX: usize = 512;

/// The one thing that all versions must be able to read of a first frame.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Versioned {
    pub(crate) understudy_peer: u32,
}

/// First frame of either side: who speaks, and a number to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) understudy_peer: u32,
    pub(crate) cluster: String,
    pub(crate) member: String,
    pub(crate) incarnation: u64,
    pub(crate) peer: String,
    pub(crate) nonce: String,
    /// Only in the answer, and only where there is a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<String>,
}

/// Any other frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum Frame {
    /// The caller's last word of the handshake.
    Proof { proof: Option<String> },
    /// In place of any answer.
    Refusal(Refusal),
    /// A sign of life.
    Beat(Beat),
    /// A message.
    HandOver { term: u64, next: Vec<(String, u64)> },
    /// A message.
    StepAside { term: u64 },
    /// A message.
    Switchover { to: Option<String> },
}

/// Why a hello is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub(crate) enum Refusal {
    /// The two sides are too far apart.
    #[error("peer protocol {theirs} is spoken there, {ours} here")]
    Version {
        /// Of the one who refuses.
        ours: u32,
        /// Of the one who is refused.
        theirs: u32,
    },
    /// Another label or project.
    #[error("cluster {ours:?} is expected")]
    Cluster {
        /// Of the one who refuses.
        ours: String,
    },
    /// No proof, or a wrong one.
    #[error("the peer secrets differ")]
    Secret,
    /// Two live starts under one name.
    #[error("the name is in use by start {incarnation} at {peer}")]
    Name {
        /// Of the one who refuses.
        incarnation: u64,
        /// Of the one who refuses.
        peer: String,
    },
}

/// A status in numbers and names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Beat {
    role: Role,
    term: u64,
    eligible: bool,
    draining: bool,
    input: u64,
    /// Topic, computed end, published end.
    outputs: Vec<(String, u64, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Role {
    Starting,
    Restoring,
    Standby,
    Active,
    Blocked,
    Stopped,
}

impl From<&PeerStatus> for Beat {
    fn from(status: &PeerStatus) -> Self {
        let PeerStatus { role, term, eligible, draining, input, outputs } = status;
        let role = match role {
            PeerRole::Starting => Role::Starting,
            PeerRole::Restoring => Role::Restoring,
            PeerRole::Standby => Role::Standby,
            PeerRole::Active => Role::Active,
            PeerRole::Blocked => Role::Blocked,
            PeerRole::Stopped => Role::Stopped,
        };
        let output = |output: &OutputStatus| (output.topic.as_str().to_owned(), output.computed.0, output.published.0);
        let outputs = outputs.iter().take(OUTPUTS_MAX).map(output).collect();
        Self { role, term: term.0, eligible: *eligible, draining: *draining, input: input.0, outputs }
    }
}

impl From<Beat> for PeerStatus {
    fn from(beat: Beat) -> Self {
        let Beat { role, term, eligible, draining, input, outputs } = beat;
        let role = match role {
            Role::Starting => PeerRole::Starting,
            Role::Restoring => PeerRole::Restoring,
            Role::Standby => PeerRole::Standby,
            Role::Active => PeerRole::Active,
            Role::Blocked => PeerRole::Blocked,
            Role::Stopped => PeerRole::Stopped,
        };
        let output = |(topic, computed, published)| OutputStatus {
            topic: TopicName(topic),
            computed: OutputIndex(computed),
            published: OutputIndex(published),
        };
        let outputs = outputs.into_iter().map(output).collect();
        Self { role, term: Term(term), eligible, draining, input: Offset(input), outputs }
    }
}

impl From<PeerMessage> for Frame {
    fn from(message: PeerMessage) -> Self {
        match message {
            PeerMessage::HandOver { term, next } => {
                let next = next.into_iter().take(OUTPUTS_MAX).map(|(topic, index)| (topic.0, index.0)).collect();
                Self::HandOver { term: term.0, next }
            }
            PeerMessage::StepAside { term } => Self::StepAside { term: term.0 },
            PeerMessage::Switchover { to } => Self::Switchover { to: to.map(|member| member.0) },
        }
    }
}

impl Frame {
    /// The message in it; `None` for the frames of handshake and heartbeat.
    pub(crate) fn into_message(self) -> Option<PeerMessage> {
        match self {
            Self::HandOver { term, next } => {
                let next = next.into_iter().map(|(topic, index)| (TopicName(topic), OutputIndex(index))).collect();
                Some(PeerMessage::HandOver { term: Term(term), next })
            }
            Self::StepAside { term } => Some(PeerMessage::StepAside { term: Term(term) }),
            Self::Switchover { to } => Some(PeerMessage::Switchover { to: to.map(MemberName) }),
            Self::Proof { .. } | Self::Refusal(_) | Self::Beat(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(frame: Frame, expected: Expect) {
        let text = serde_json::to_string(&frame).unwrap();
        expected.assert_eq(&text);
        assert_eq!(serde_json::from_str::<Frame>(&text).unwrap(), frame);
    }

    #[test]
    fn a_status_survives_the_wire() {
        let status = PeerStatus {
            role: PeerRole::Active,
            term: Term(7),
            eligible: true,
            draining: false,
            input: Offset(100),
            outputs: vec![OutputStatus {
                topic: TopicName::from("t.O"),
                computed: OutputIndex(12),
                published: OutputIndex(9),
            }],
        };
        assert_eq!(PeerStatus::from(Beat::from(&status)), status);
        check(
            Frame::Beat(Beat::from(&status)),
            expect![[
                r#"{"type":"beat","role":"active","term":7,"eligible":true,"draining":false,"input":100,"outputs":[["t.O",12,9]]}"#
            ]],
        );
    }

    #[test]
    fn messages_survive_the_wire() {
        let hand_over = PeerMessage::HandOver { term: Term(3), next: vec![(TopicName::from("t.O"), OutputIndex(5))] };
        check(hand_over.clone().into(), expect![[r#"{"type":"hand-over","term":3,"next":[["t.O",5]]}"#]]);
        assert_eq!(Frame::from(hand_over.clone()).into_message(), Some(hand_over));
        check(PeerMessage::StepAside { term: Term(3) }.into(), expect![[r#"{"type":"step-aside","term":3}"#]]);
        check(PeerMessage::Switchover { to: None }.into(), expect![[r#"{"type":"switchover","to":null}"#]]);
    }

    #[test]
    fn a_refusal_names_its_reason() {
        check(
            Frame::Refusal(Refusal::Version { ours: 1, theirs: 9 }),
            expect![[r#"{"type":"refusal","reason":"version","ours":1,"theirs":9}"#]],
        );
    }
}
