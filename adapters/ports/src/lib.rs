//! What the daemon asks of the outside world: input log, output log, coordinator, notebook.
//!
//! Only nouns and traits that adapters and the daemon share; no vendor is named here.

pub mod checkpoints;
pub mod coordinator;
pub mod headers;
pub mod input;
pub mod notebook;
pub mod output;
pub mod security;
