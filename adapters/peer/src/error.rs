//! What can be wrong with the links as a whole; what happens to one peer is a fact.

use std::io;

use ports::coordinator::HostPort;
use types::MemberName;

use crate::config::NAME_BYTES_MAX;

/// Why links can't be started or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else listens at the address.
    #[error(
        "peer address {address} is in use: another engine or program listens there; choose a free port with --peer host:port"
    )]
    AddressInUse {
        /// As configured.
        address: HostPort,
        /// The system's words.
        source: io::Error,
    },
    /// The address can't be listened at for another reason.
    #[error("can't listen for peers at {address}")]
    Listen {
        /// As configured.
        address: HostPort,
        /// The system's words.
        source: io::Error,
    },
    /// The host's name has no address.
    #[error("peer address {address} has no network address")]
    Unresolved {
        /// As configured.
        address: HostPort,
        /// The resolver's words.
        source: io::Error,
    },
    /// Without a secret anybody could speak in a member's name.
    #[error(
        "peer address {address} isn't loopback: that needs --peer-secret-file with the same secret for all members"
    )]
    SecretNeeded {
        /// As configured.
        address: HostPort,
    },
    /// A hello with it would not fit.
    #[error("the name {name:?} is longer than {NAME_BYTES_MAX} bytes")]
    NameTooLong {
        /// As configured.
        name: String,
    },
    /// A secret that everybody knows.
    #[error("the peer secret is empty")]
    EmptySecret,
    /// No thread or no runtime for the links.
    #[error("the thread of the peer links can't be started")]
    Thread(#[source] io::Error),
    /// There is no link to that member now; nothing was sent.
    #[error("no link to {member}")]
    NotLinked {
        /// Who was meant.
        member: MemberName,
    },
    /// More messages wait for that member than it reads.
    #[error("{waiting} messages wait for {member}")]
    Backlog {
        /// Who was meant.
        member: MemberName,
        /// As many as may wait.
        waiting: usize,
    },
    /// The links were stopped.
    #[error("the peer links have stopped")]
    Stopped,
}
