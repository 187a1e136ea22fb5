//! Several inbound topics as one input: read side by side, consumed in the order that the journal says.
//!
//! [`failover::journal::Journal`] knows the order; here are the records that wait (`queue`), the threads that bring them
//! (`reader`), the decisions as bytes (`codec`), and [`JournaledInput`], which is an input log like any other.

mod codec;
mod input;
mod queue;
mod reader;

pub use input::{JournaledInput, Parts};

#[cfg(test)]
mod tests;
