//! Election through ephemeral sequential znodes.
//!
//! [`ZooKeeperCoordinator`] speaks the protocol of [`ports::coordinator`]: commands in, facts out. The order of succession is
//! ZooKeeper's (`election`, pure); the session is kept in `session`. What comes out is a hint who should write: the log
//! decides what is true.

mod config;
mod coordinator;
mod election;
mod entry;
mod error;
mod paths;
mod session;

pub use config::{Config, Ensemble, Login, SESSION_TIMEOUT, SESSION_TIMEOUT_MIN};
pub use coordinator::{COMMANDS_MAX, ZooKeeperCoordinator};
pub use error::Error;
pub use paths::ElectionPath;
pub use session::CLOSE_MAX;
