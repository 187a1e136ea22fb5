//! Requests and responses as the rest of the crate knows them; only this folder names the codec.
//!
//! The partition is always 0: every topic of ours has one.

pub(crate) mod call;
pub(crate) mod decode;
pub(crate) mod encode;
mod error_code;
pub(crate) mod reader;
mod request;
mod response;

pub use error_code::ErrorCode;
pub use request::{OffsetQuery, Request, TopicId};
pub use response::{
    Body, Broker, EpochEnd, Fetched, LeaderHint, LogOffset, Metadata, PartitionMetadata, Produced, ProducerState,
    Response,
};

#[cfg(test)]
mod tests;
