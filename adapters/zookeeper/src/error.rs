//! What can be wrong before the first connection; later troubles are facts.

use std::path::PathBuf;
use std::time::Duration;

/// Why a coordinator can't be started or told something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `zookeeperhostport` isn't `host:port,host:port/chroot`.
    #[error("zookeeperhostport {text:?}: {reason}; expected host:port[,host:port…][/chroot]")]
    BadEnsemble {
        /// As configured.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A znode path that ZooKeeper would refuse.
    #[error("election path {path:?}: {reason}")]
    BadPath {
        /// As configured.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Shorter than what survives ordinary scheduling hiccups.
    #[error("session timeout {session_timeout:?} is below {min:?}")]
    SessionTooShort {
        /// As configured.
        session_timeout: Duration,
        /// The least that is accepted.
        min: Duration,
    },
    /// A certificate or key file can't be used.
    #[error("{} can't be used: {reason}", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A server's certificate can't be checked, since what it is called by is neither a name nor an address.
    #[error("ZooKeeper server {host:?} is neither a host name nor an address, so its certificate can't be checked")]
    NoServerName {
        /// As configured.
        host: String,
    },
    /// No thread or no runtime for the session.
    #[error("the coordinator's thread can't be started")]
    Thread(#[source] std::io::Error),
    /// The coordinator was closed, or its login was refused, which it told.
    #[error("the coordinator has stopped")]
    Stopped,
    /// Commands wait since the session's thread doesn't come to them.
    #[error("{waiting} commands wait for the coordinator")]
    Backlog {
        /// As many as may wait.
        waiting: usize,
    },
}
