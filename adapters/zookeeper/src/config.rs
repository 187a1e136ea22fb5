//! Where ZooKeeper is and who stands in line, checked.

use std::fmt;
use std::time::Duration;

use ports::coordinator::HostPort;
use ports::security::Secret;
use types::{Incarnation, MemberName};

use crate::paths::fault;
use crate::{ElectionPath, Error, Tls};

/// Two ticks of the advised `tickTime` 500: the shortest session such a server grants.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(1);
/// Below this, idle sessions were seen to expire under load (measured); a shorter setting is refused.
pub const SESSION_TIMEOUT_MIN: Duration = Duration::from_millis(100);
/// ZooKeeper's own default port.
const PORT: u16 = 2181;

/// Everything a coordinator needs; nothing has a default deeper down.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where ZooKeeper is.
    pub ensemble: Ensemble,
    /// Where the line stands, below the chroot.
    pub path: ElectionPath,
    /// What is asked for; the server clips it to 2–20 of its ticks.
    pub session_timeout: Duration,
    /// Name and password (scheme `digest`): every node made is then open to this login alone, else to everybody.
    pub login: Option<Login>,
    /// Encryption; in the clear when absent.
    pub tls: Option<Tls>,
    /// Own name.
    pub member: MemberName,
    /// Own start.
    pub incarnation: Incarnation,
    /// Where peers reach this member, `host:port`; stands in the node.
    pub peer: String,
}

impl Config {
    /// # Errors
    /// [`Error::SessionTooShort`] below [`SESSION_TIMEOUT_MIN`].
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.session_timeout < SESSION_TIMEOUT_MIN {
            let session_timeout = self.session_timeout;
            return Err(Error::SessionTooShort { session_timeout, min: SESSION_TIMEOUT_MIN });
        }
        Ok(())
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: String,
    /// Its password; it goes over the wire as it is, so without TLS everybody on the way can read it.
    pub password: Secret,
}

/// The servers of an ensemble and the chroot that all paths go below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ensemble {
    servers: Vec<HostPort>,
    chroot: Option<String>,
}

impl Ensemble {
    /// Reads `zookeeperhostport`: `host:port[,host:port…][/chroot]`, port 2181 where none is given.
    ///
    /// # Errors
    /// [`Error::BadEnsemble`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = |reason| Error::BadEnsemble { text: text.to_owned(), reason };
        let trimmed = text.trim();
        let (hosts, chroot) = match trimmed.find('/') {
            Some(slash) => (&trimmed[..slash], &trimmed[slash..]),
            None => (trimmed, ""),
        };
        let servers: Option<Vec<_>> = hosts.split(',').map(server).collect();
        let servers = servers.ok_or_else(|| bad("a server is not host:port"))?;
        let chroot = chroot.trim_end_matches('/');
        if let Some(reason) = (!chroot.is_empty()).then(|| fault(chroot)).flatten() {
            return Err(bad(reason));
        }
        Ok(Self { servers, chroot: (!chroot.is_empty()).then(|| chroot.to_owned()) })
    }

    /// In the order given.
    #[must_use]
    pub fn servers(&self) -> &[HostPort] {
        &self.servers
    }

    /// What all paths go below.
    #[must_use]
    pub fn chroot(&self) -> Option<&str> {
        self.chroot.as_deref()
    }

    /// The servers alone: the client is given absolute paths, since it can't make a missing chroot.
    pub(crate) fn connect_string(&self) -> String {
        self.servers.iter().map(HostPort::to_string).collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for Ensemble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.connect_string(), self.chroot().unwrap_or_default())
    }
}

fn server(text: &str) -> Option<HostPort> {
    let text = text.trim();
    let has_port = text.ends_with(|c: char| c.is_ascii_digit()) && text.rfind(':') > text.rfind(']');
    match has_port {
        true => HostPort::parse(text),
        false => HostPort::parse(&format!("{text}:{PORT}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = Ensemble::parse(text).map_or_else(|error| error.to_string(), |ensemble| ensemble.to_string());
        assert_eq!(shown, expected);
    }

    #[test]
    fn an_ensemble_may_be_a_list_with_a_chroot() {
        check("localhost:2181", "localhost:2181");
        check("zk1:2181,zk2:2182 , zk3:2183/kafka/esp", "zk1:2181,zk2:2182,zk3:2183/kafka/esp");
        check("zk1,zk2:99/", "zk1:2181,zk2:99");
        check("[::1]:2181,[::2]/a", "[::1]:2181,[::2]:2181/a");
    }

    #[test]
    fn a_bad_ensemble_names_its_fault() {
        let form = "; expected host:port[,host:port…][/chroot]";
        check("", &format!("zookeeperhostport \"\": a server is not host:port{form}"));
        check("a:1,,b:2", &format!("zookeeperhostport \"a:1,,b:2\": a server is not host:port{form}"));
        check("a:99999", &format!("zookeeperhostport \"a:99999\": a server is not host:port{form}"));
        check("a:1/x//y", &format!("zookeeperhostport \"a:1/x//y\": empty names can't be part of a path{form}"));
    }
}
