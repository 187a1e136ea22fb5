//! The replica machine: facts in, actions out.
//!
//! One [`Machine`] per replica decides when it stands in line, writes, pauses its input, hands over, blocks or exits. It
//! has no clock, no thread and no I/O: the shell translates what ports report into a [`Fact`], hands it in with the
//! time, and carries out every [`Action`] before the next fact:
//!
//! ```ignore
//! machine.handle(fact, now);
//! while let Some(action) = machine.poll_action() { execute(action); }
//! sleep_until(machine.deadline());   // then: machine.handle(Fact::DeadlinePassed, now)
//! ```
//!
//! The log protects the output: whoever doesn't come next is refused by the broker. So everything here is about who
//! *should* try first, and being wrong costs time, never correctness. `docs/failover.md` has the reasons,
//! `docs/failover.dot` the picture; a test holds the picture to [`TRANSITIONS`].
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod action;
mod buffer;
mod config;
mod deadline;
mod fact;
mod handover;
mod health;
mod line;
mod machine;
mod peers;
mod role;
mod settle;

pub use action::{Action, Announcement, Exit, Refusal, SwitchoverAnswer};
pub use config::{Config, ConfigError, Fencing, OUTPUTS_MAX};
pub use fact::{Block, BlockCause, Candidate, Evidence, Fact, OutputId, PeerReport, Sign, Ticket};
pub use health::{Health, LastFailover};
pub use line::{Coordination, Place};
pub use machine::Machine;
pub use peers::{FALSE_SUSPICIONS_MAX, PEERS_MAX, SUSPICION_MEMORY};
pub use role::{Handover, Role, Stage, Step, TRANSITIONS, Then, Why};
