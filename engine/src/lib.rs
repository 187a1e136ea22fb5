//! The deterministic engine: event blocks in, event blocks out.

pub mod intake;
pub mod project;
