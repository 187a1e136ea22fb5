//! Promises to users, kept on real processes and real brokers.
//!
//! Tests here start what users start: the programs and scripts of this very checkout. They run one after another, since
//! three brokers and three engines fill a small machine.

pub mod drill;
pub mod engine;
pub mod engines;
pub mod example;
pub mod feed;
pub mod plant;
pub mod programs;
pub mod schema;
