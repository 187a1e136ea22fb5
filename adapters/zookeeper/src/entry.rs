//! What a node of the line says about its owner.

use ports::coordinator::Candidate;
use serde::{Deserialize, Serialize};
use types::{Incarnation, MemberName};

use crate::Config;

/// A node's content: small JSON, so that any ZooKeeper shell shows who stands where. Unknown keys are skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Badge {
    pub(crate) member: String,
    pub(crate) incarnation: u64,
    pub(crate) peer: String,
}

impl Badge {
    pub(crate) fn of(config: &Config) -> Self {
        let Config { member, incarnation, peer, .. } = config;
        Self { member: member.as_str().to_owned(), incarnation: incarnation.0, peer: peer.clone() }
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// One node of the line, as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The child's name.
    pub(crate) name: String,
    /// Who stands there; `None` when the content isn't ours (another product's node, or an operator's).
    pub(crate) badge: Option<Badge>,
    /// The transaction that made it: never used twice, grows with every entry.
    pub(crate) czxid: i64,
    /// Version of the content, for checked deletes.
    pub(crate) version: i32,
    /// The session it lives with.
    pub(crate) owner: i64,
}

impl Entry {
    /// The entry as the other rooms know it. A node that isn't ours keeps its place under a name nobody can have.
    pub(crate) fn candidate(&self) -> Candidate {
        let (member, incarnation, peer) = match &self.badge {
            Some(badge) => (badge.member.clone(), badge.incarnation, badge.peer.clone()),
            None => (format!("?{}", self.name), 0, String::new()),
        };
        Candidate {
            member: MemberName(member),
            incarnation: Incarnation(incarnation),
            peer,
            ticket: ticket(self.czxid),
        }
    }
}

/// A transaction number as a ticket; ZooKeeper's are positive.
pub(crate) fn ticket(czxid: i64) -> u64 {
    u64::try_from(czxid).unwrap_or_default()
}
