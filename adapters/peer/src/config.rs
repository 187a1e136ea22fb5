//! Where to listen, who we are, what is shared.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use ports::coordinator::HostPort;
use ports::security::Secret;
use types::{Incarnation, MemberName};

use crate::Error;

/// Between two heartbeats: several of them fit below [`crate::SILENCE_FLOOR`], and 50 a second cost nothing.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(20);

/// The longest member or cluster name; a longer one is refused at start.
pub const NAME_BYTES_MAX: usize = 512;

/// Everything the links need; nothing has a default deeper down.
#[derive(Debug, Clone)]
pub struct Config {
    /// `<label>.<project>`: peers of another cluster are refused.
    pub cluster: String,
    /// Own name.
    pub member: MemberName,
    /// Own start.
    pub incarnation: Incarnation,
    /// Where to listen (`--peer`); port 0 takes a free one.
    pub listen: HostPort,
    /// Where others reach this replica (`--peer-advertise`); the listening address when absent.
    pub advertise: Option<HostPort>,
    /// What members prove to each other that they know; without it only loopback is spoken to.
    pub secret: Option<Secret>,
    /// Usually [`HEARTBEAT_INTERVAL`].
    pub heartbeat: Duration,
}

impl Config {
    /// The address to listen at.
    ///
    /// # Errors
    /// [`Error::Unresolved`], [`Error::SecretNeeded`], [`Error::EmptySecret`], [`Error::NameTooLong`].
    pub(crate) fn listen_address(&self) -> Result<SocketAddr, Error> {
        for name in [self.cluster.as_str(), self.member.as_str()] {
            if name.len() > NAME_BYTES_MAX {
                return Err(Error::NameTooLong { name: name.to_owned() });
            }
        }
        if self.secret.as_ref().is_some_and(|secret| secret.reveal().is_empty()) {
            return Err(Error::EmptySecret);
        }
        let unresolved = |source| Error::Unresolved { address: self.listen.clone(), source };
        let mut addresses = (self.listen.host.as_str(), self.listen.port).to_socket_addrs().map_err(unresolved)?;
        let Some(address) = addresses.next() else {
            return Err(unresolved(std::io::Error::from(std::io::ErrorKind::NotFound)));
        };
        if self.secret.is_none() && !address.ip().is_loopback() {
            return Err(Error::SecretNeeded { address: self.listen.clone() });
        }
        Ok(address)
    }
}
