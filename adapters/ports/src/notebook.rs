//! The metadata topic: the notebook of a cluster.
//!
//! Whatever must be agreed is decided by order: everybody may propose, the first valid proposal in log order wins, and
//! everyone, the proposer too, learns it by reading. No compare-and-set is needed and a repeat is harmless.

mod entry;
mod form;
mod ledger;
mod line;

pub use entry::{
    Claim, Constant, Continued, Entry, EntryError, Failover, FenceKind, Member, MemberLeft, Origin, Payload, Phase,
    Place, Proposal, Reset, WindowRole, WindowSchema,
};
pub use ledger::{Accepted, FAILOVERS_KEPT, Ledger, Outcome, Presence, ProjectLedger, Void};
pub use line::{ClaimLine, MEMBERS_MAX};
