//! The replica machine: facts in, actions out.
//!
//! One [`Machine`] per replica decides when it stands in line, writes, pauses its input, hands over, blocks or exits. It
//! has no clock, no thread and no I/O: the shell translates what ports report into a [`Fact`], hands it in with the
//! time, and carries out every [`Action`] before the next fact:
//!
//! ```
//! # use core::time::Duration;
//! # use types::{Incarnation, OutputIndex, Tick};
//! use understudy_failover::{Config, Fact, Fencing, Machine, OutputId, Stage};
//! # let second = Duration::from_secs(1);
//! # let config = Config {
//! #     member: "esp-1".into(), incarnation: Incarnation(1), outputs: 1, fencing: Fencing::Log, session_timeout: second,
//! #     buffered_outputs_max: 100, unacknowledged_outputs_max: 1000, lag_max: second, silence_max: second, stall_max: second, owed_max: second,
//! #     read_max: second, rejoin_delay: second, handover_timeout: second,
//! # };
//! let mut machine = Machine::new(config)?;
//! machine.handle(Fact::OutputOpened { output: OutputId(0), published_end: OutputIndex(0) }, Tick(0));
//! while let Some(action) = machine.poll_action() {
//!     println!("{action}"); // the shell does it
//! }
//! assert_eq!(machine.stage(), Stage::Standby);
//! assert_eq!(machine.deadline(), None); // when to hand in Fact::DeadlinePassed
//! # Ok::<(), understudy_failover::ConfigError>(())
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
mod evidence;
mod fact;
mod handover;
pub mod journal;
mod line;
mod machine;
mod peers;
mod role;
mod settle;
mod status;

pub use action::{Action, Announcement, Exit, Refusal, SwitchoverAnswer};
pub use config::{Config, ConfigError, Fencing, OUTPUTS_MAX};
pub use fact::{Block, BlockCause, Candidate, Evidence, Fact, OutputId, PeerReport, Sign, Ticket};
pub use line::{Coordination, Place};
pub use machine::Machine;
pub use peers::{FALSE_SUSPICIONS_MAX, PEERS_MAX, SUSPICION_MEMORY};
pub use role::{Handover, Role, Stage, Step, TRANSITIONS, Then, Why};
pub use status::{Health, LastFailover};
