//! The sequenced append: what comes next is decided by the broker.

pub mod link;
pub mod wire;
