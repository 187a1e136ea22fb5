//! The topics of a project: what they should be, what they are, and what to do about the difference.

mod admin;
mod finding;
mod judge;
mod plan;
mod watch;

pub use admin::{
    Admin, BrokerDescription, ClusterDescription, CreateOutcome, Created, PartitionDescription, TopicDescription,
    TopicState,
};
pub use finding::{Code, Finding, Severity};
pub use judge::{BrokerLimits, Report, check};
pub use plan::{Expectations, ProjectTopics, Replay, TopicRole, TopicSpec, plan};
pub use watch::{TopicNews, TopicWatch};
