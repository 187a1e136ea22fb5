//! Election through ephemeral sequential znodes.
//!
//! [`ZooKeeperCoordinator`] speaks the protocol of [`ports::coordinator`]: commands in, facts out. The order of succession is
//! ZooKeeper's (`election`, pure); `session` carries it out with the operations of `znodes`, and `desk` keeps what outlives
//! a client. What comes out is a hint who should write: the log
//! decides what is true.

mod config;
mod coordinator;
mod desk;
pub mod election;
mod entry;
mod error;
mod grant;
mod paths;
mod session;
mod tls;
mod znodes;

pub use config::{Config, Ensemble, Login, SESSION_TIMEOUT, SESSION_TIMEOUT_MIN};
pub use coordinator::{COMMANDS_MAX, ZooKeeperCoordinator};
pub use desk::apply;
pub use entry::{Badge, Entry};
pub use error::Error;
pub use paths::ElectionPath;
pub use session::CLOSE_MAX;
pub use tls::{Identity, Tls};
