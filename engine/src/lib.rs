//! The deterministic engine: event blocks in, event blocks out.

mod batch;
mod calendar;
mod engine;
mod expression;
mod function;
mod graph;
mod index;
pub mod intake;
pub mod project;
mod retention;
pub mod snapshot;
mod statistics;
mod table;
mod uuid;
mod window;

pub use engine::Engine;
pub use window::{Rejection, RejectionReason, WindowId};
