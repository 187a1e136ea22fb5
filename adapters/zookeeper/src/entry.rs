//! What a node of the line says about its owner.

use ports::coordinator::Candidate;
use serde::{Deserialize, Serialize};
use types::{Incarnation, MemberName};

use crate::Config;

/// A node's content: small JSON, so that any ZooKeeper shell shows who stands where. Unknown keys are skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Badge {
    /// Its name.
    pub member: String,
    /// Which start of it.
    pub incarnation: u64,
    /// Where its peers reach it.
    pub peer: String,
}

impl Badge {
    pub(crate) fn of(config: &Config) -> Self {
        let Config { member, incarnation, peer, .. } = config;
        Self { member: member.as_str().to_owned(), incarnation: incarnation.0, peer: peer.clone() }
    }

    /// The node's content.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a node's content; `None` when it isn't ours.
    #[must_use]
    pub fn parse(content: &[u8]) -> Option<Self> {
        serde_json::from_slice(content).ok()
    }
}

/// One node of the line, as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The child's name.
    pub name: String,
    /// Who stands there; `None` when the content isn't ours (another product's node, or an operator's).
    pub badge: Option<Badge>,
    /// The transaction that made it: never used twice, grows with every entry.
    pub czxid: i64,
    /// Version of the content, for checked deletes.
    pub version: i32,
    /// The session it lives with.
    pub owner: i64,
}

impl Entry {
    /// The entry as the other rooms know it. A node that isn't ours keeps its place under a name nobody can have.
    #[must_use]
    pub fn candidate(&self) -> Candidate {
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
