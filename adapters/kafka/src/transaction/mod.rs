//! `fencing = transaction`: the output appended by Kafka's transactions, under one transactional id that all replicas share.
//!
//! For brokers and security set-ups where raw sequencing is not possible. Whoever takes the id shuts everybody else out and
//! ends what they left open; then it reads the log to its end and goes on from there. Three threads a topic: one decides
//! ([`machine`]), one reads the tail, one makes the producer's calls, which wait for brokers.

mod codec;
mod driver;
mod fate;
mod machine;
#[cfg(test)]
mod machine_tests;
mod outputs;
mod producer;
mod tail;

pub use driver::{TransactionalConfig, TransactionalOutput};
