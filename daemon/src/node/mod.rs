//! One replica: the threads that make it up, and how they are started.
//!
//! `input → pipeline` on the hot thread, one writer thread per outbound topic, one control thread where the replica
//! machine decides, one that waits for signals, a small runtime for HTTP; coordinator and peer links bring their own.

mod again;
mod buffer_advice;
mod control;
mod coordinator;
pub(crate) mod crash;
mod dead_file;
mod ending;
mod generation;
pub mod hands;
mod hot;
mod last_output;
pub(crate) mod limits;
pub(crate) mod opening;
mod outputs;
mod pace;
mod preconditions;
mod rejoin;
mod self_test;
mod shared;
mod show;
pub(crate) mod signals;
mod start;
pub mod status;
mod topic_ids;
mod translate;
mod wake;

pub use control::{Control, Heard, JournalSide, OutputSide, Watch};
pub(crate) use generation::{agreed_terms, origins};
pub use hot::{Hot, OutputFeed, Turn};
pub(crate) use outputs::sender;
pub use shared::Shared;
pub(crate) use show::members_of;
pub use start::run;
pub(crate) use start::{apply_overrides, client_settings, expectations, project_topics};
pub use wake::{OperatorRequest, Wake};
