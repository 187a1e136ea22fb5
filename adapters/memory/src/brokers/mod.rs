//! A few brokers that hold replicated partitions, as far as a sequenced append can tell the difference.
//!
//! ```text
//! bytes ─► Session ─► Cluster::serve ─► Replica (log, memory of producers)     what one broker answers
//!            one       Cluster::replicate, learn, elect, fence, crash, restart   what goes on between them
//!         connection   (nothing happens by itself: the driver says when)
//! ```
//! Modelled from the brokers' measured answers: logs with leader epochs, followers that learn the high watermark one fetch
//! late, in-sync replicas, clean and unclean elections, leaders that don't know yet that they were replaced, the memory of
//! producers (five batches; one after a truncation or restart; none after expiry), retention, topic ids.

mod answers;
mod cluster;
mod frames;
mod producers;
mod replica;
mod serve;
mod session;

pub use cluster::{Cluster, NodeId, Partition, PartitionId, Settings};
pub use replica::{Belief, Replica, Stored};
pub use serve::{Outcome, Wait};
pub use session::Session;
