//! Whole clusters in one thread, from one seed.
//!
//! N replicas of the real replica machine, engine, control loop and append protocol live in a world of modelled brokers,
//! ZooKeeper, links and clocks. A seed draws sizes ([`Options`]) and faults (`plan`), tells a story of sixty virtual
//! seconds, asks what must hold after each step, heals everything and asks whether the cluster healed too. The same seed
//! tells the same story, byte for byte. `docs/simulation.md` says what is real, what is modelled and what isn't covered.

mod chance;
mod clock;
mod invariants;
mod many;
mod model;
#[cfg(feature = "mutants")]
mod mutants;
mod options;
mod plan;
mod queue;
mod run;
mod shrink;
mod trace;
mod world;

pub use invariants::Violation;
pub use many::{Tally, tell_all};
#[cfg(feature = "mutants")]
pub use mutants::{Catch, hunt, rule};
pub use options::Options;
pub use plan::{Fault, Kind, draw};
pub use run::{Runner, Story};
pub use shrink::{Shrunk, shrink};
