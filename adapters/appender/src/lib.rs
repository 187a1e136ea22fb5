//! The sequenced append: what comes next is decided by the broker.

pub mod batch;
pub mod client;
pub mod connection;
pub mod driver;
mod error;
pub mod link;
pub mod machine;
mod sasl;
pub mod self_test;
mod tls;
pub mod wire;

pub use error::Error;
pub use sasl::Nonce;
