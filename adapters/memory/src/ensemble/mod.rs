//! ZooKeeper as far as an election can tell: sessions, ephemeral sequential nodes under one parent, servers that lag.
//!
//! Watches are the client's business: it is told when to look. Nothing expires unless the driver says what time it is.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use types::Tick;

/// Earlier states that a lagging server may still show; older ones are forgotten.
const HISTORY_MAX: usize = 16;

/// A node of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Znode {
    /// The child's name, with its sequence number.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
    /// The transaction that made it.
    pub czxid: i64,
    /// The session it lives with.
    pub owner: i64,
}

/// All servers together.
#[derive(Debug, Clone)]
pub struct Ensemble {
    session_timeout: Duration,
    /// When each session was last heard.
    sessions: BTreeMap<i64, Tick>,
    nodes: Vec<Znode>,
    /// The states before the present one, newest last.
    history: VecDeque<Vec<Znode>>,
    zxid: i64,
    sequence: u32,
    /// How often the nodes changed.
    version: u64,
}

impl Ensemble {
    /// Without sessions and nodes.
    #[must_use]
    pub const fn new(session_timeout: Duration) -> Self {
        Self {
            session_timeout,
            sessions: BTreeMap::new(),
            nodes: Vec::new(),
            history: VecDeque::new(),
            zxid: 0,
            sequence: 0,
            version: 0,
        }
    }

    /// A new session.
    pub fn open(&mut self, now: Tick) -> i64 {
        self.zxid += 1;
        self.sessions.insert(self.zxid, now);
        self.zxid
    }

    /// A session is heard; false when it is over.
    pub fn touch(&mut self, session: i64, now: Tick) -> bool {
        self.sessions.get_mut(&session).is_some_and(|heard| {
            *heard = now.max(*heard);
            true
        })
    }

    /// Ends a session and removes its nodes.
    pub fn close(&mut self, session: i64) {
        if self.sessions.remove(&session).is_some() {
            self.change(|nodes| nodes.retain(|node| node.owner != session));
        }
    }

    /// Ends all sessions that were not heard for a session's time; tells whether there were any.
    pub fn expire(&mut self, now: Tick) -> bool {
        let timeout = self.session_timeout;
        let over = self.sessions.iter().filter(|(_, heard)| now.since(**heard) >= timeout);
        let over: Vec<i64> = over.map(|(session, _)| *session).collect();
        over.iter().for_each(|session| self.close(*session));
        !over.is_empty()
    }

    /// When the next session ends if it isn't heard before; `None` without sessions.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Tick> {
        self.sessions.values().min().map(|heard| *heard + self.session_timeout)
    }

    /// Time stood still for the servers: nobody's silence before `now` counts.
    pub fn forgive(&mut self, now: Tick) {
        self.sessions.values_mut().for_each(|heard| *heard = now);
    }

    /// An ephemeral sequential node; false when the session is over.
    pub fn create(&mut self, session: i64, content: Vec<u8>) -> bool {
        if !self.sessions.contains_key(&session) {
            return false;
        }
        self.zxid += 1;
        let node = Znode { name: format!("server-n_{:010}", self.sequence), content, czxid: self.zxid, owner: session };
        self.sequence += 1;
        self.change(|nodes| nodes.push(node));
        true
    }

    /// Deletes a node; false when it is gone already.
    pub fn remove(&mut self, name: &str) -> bool {
        let exists = self.exists(name);
        if exists {
            self.zxid += 1;
            self.change(|nodes| nodes.retain(|node| node.name != name));
        }
        exists
    }

    /// Whether a node stands.
    #[must_use]
    pub fn exists(&self, name: &str) -> bool {
        self.nodes.iter().any(|node| node.name == name)
    }

    /// All nodes in order of creation.
    #[must_use]
    pub fn children(&self) -> &[Znode] {
        &self.nodes
    }

    /// How often the nodes changed so far.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The nodes as a server shows them that is `lag` changes behind, and of which version that is. A session is never
    /// shown anything older than what it has `seen` before.
    #[must_use]
    pub fn shown(&self, lag: usize, seen: u64) -> (u64, &[Znode]) {
        let newer = usize::try_from(self.version.saturating_sub(seen)).unwrap_or(usize::MAX);
        let lag = lag.min(newer).min(self.history.len());
        let place = self.history.len() - lag;
        (self.version - lag as u64, self.history.get(place).unwrap_or(&self.nodes))
    }

    fn change(&mut self, change: impl FnOnce(&mut Vec<Znode>)) {
        let before = self.nodes.clone();
        change(&mut self.nodes);
        if before != self.nodes {
            self.version += 1;
            self.history.push_back(before);
            if self.history.len() > HISTORY_MAX {
                self.history.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ensemble: &Ensemble, lag: usize) -> Vec<&str> {
        ensemble.shown(lag, 0).1.iter().map(|node| node.name.as_str()).collect()
    }

    #[test]
    fn nodes_go_with_their_session_and_numbers_are_never_used_twice() {
        let mut ensemble = Ensemble::new(Duration::from_secs(1));
        let (first, second) = (ensemble.open(Tick(0)), ensemble.open(Tick(900_000_000)));
        assert!(ensemble.create(first, Vec::new()) && ensemble.create(second, Vec::new()));
        assert!(ensemble.expire(Tick(1_000_000_000)));
        assert_eq!(names(&ensemble, 0), ["server-n_0000000001"]);
        assert!(!ensemble.create(first, Vec::new()));
        assert!(ensemble.create(second, Vec::new()));
        assert_eq!(names(&ensemble, 0), ["server-n_0000000001", "server-n_0000000002"]);
    }

    #[test]
    fn a_lagging_server_shows_the_past() {
        let mut ensemble = Ensemble::new(Duration::from_secs(1));
        let session = ensemble.open(Tick(0));
        assert!(ensemble.create(session, Vec::new()) && ensemble.create(session, Vec::new()));
        assert_eq!(names(&ensemble, 1), ["server-n_0000000000"]);
        assert_eq!(names(&ensemble, 9).len(), 0, "the oldest that is known");
        let (version, nodes) = ensemble.shown(1, ensemble.version());
        assert_eq!((version, nodes.len()), (2, 2), "time doesn't go back for a session");
    }
}
