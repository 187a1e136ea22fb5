//! The sequenced append: what comes next is decided by the broker.

pub mod batch;
pub mod connection;
mod error;
pub mod link;
mod sasl;
mod tls;
pub mod wire;

pub use error::Error;
pub use sasl::Nonce;
