//! Who should write: a hint. The log decides what is true.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use types::{Incarnation, MemberName, Term};

/// One replica that stands in line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub member: MemberName,
    /// Which start of it.
    pub incarnation: Incarnation,
    /// Where its peers reach it; `host:port`.
    pub peer: String,
    /// Its place: grows with every entry into the line, never used twice.
    pub ticket: u64,
}

/// What a coordinator is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CoordinatorCommand {
    /// Enter the line at its end.
    Join,
    /// Leave the line, stay connected.
    Leave,
    /// Remove somebody who is dead, provided it is still the same entry.
    Displace(Candidate),
    /// Leave the line and close the session.
    Close,
}

/// What a coordinator reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CoordinatorFact {
    /// The session is up; whether the own entry survived is told by the next [`CoordinatorFact::Line`].
    Connected,
    /// The connection is lost; the session may still live. No conclusion may be drawn.
    Suspended {
        /// For how long the coordinator hasn't been heard, at least: a session is counted from then on.
        silent: Duration,
    },
    /// The session is gone and with it the own entry.
    SessionLost,
    /// The line as it stands; its first is active by role.
    Line {
        /// Grows with every change at the head.
        term: Term,
        /// In order of succession.
        candidates: Vec<Candidate>,
    },
    /// Something is wrong that somebody has to mend; it is tried again, and the next [`CoordinatorFact::Line`] says that it works.
    Failing {
        /// What, and what to do.
        reason: String,
    },
    /// It can't be used any more by this process, whatever is mended; nothing follows.
    Failed {
        /// What, and what to do.
        reason: String,
    },
}

/// Host and port as users write them; resolved when it is needed, since addresses may move.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl HostPort {
    /// Reads `host:port`, `[v6]:port`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.trim().rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then_some(Self { host: host.to_owned(), port: port.parse().ok()? })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}
