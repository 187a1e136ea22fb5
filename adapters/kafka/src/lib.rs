//! Kafka through librdkafka: input, topics, notebook, ticks, and output by transactions.
//!
//! Everything here *reads in order* or *writes what may be repeated*, but for `transaction`. The one thing that must never
//! be repeated, the output, is written by the appender, which speaks the protocol itself, or where that can't be, by
//! transactions.

mod attended;
mod claims;
mod config;
mod context;
mod cursor;
mod error;
mod headers;
mod input;
mod notebook;
mod reader;
mod ticks;
mod topics;
mod transaction;
mod watermarks;
mod writer;

pub use claims::{ClaimCoordinator, Notes};
pub use config::{ClientSettings, Refusal};
pub use error::Error;
pub use input::KafkaInput;
pub use notebook::{Notebook, NotebookFact, Noted, Opened};
pub use reader::{Header, Record, Start, Step, TopicReader};
pub use ticks::{TickOutcome, TickWriter};
pub use topics::{
    Admin, BrokerDescription, BrokerLimits, ClusterDescription, Code, CreateOutcome, Created, Expectations, Finding,
    PartitionDescription, ProjectTopics, Replay, Report, Severity, TopicDescription, TopicNews, TopicRole, TopicSpec,
    TopicState, TopicWatch, check, plan,
};
pub use transaction::{TransactionalConfig, TransactionalOutput};
pub use watermarks::{InitialOffset, Watermarks, resolve, watermarks};
