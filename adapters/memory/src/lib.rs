//! The outside world in memory, with faults on demand: brokers that answer the appender's own frames, a coordinator.
//!
//! Nothing here has a clock, chance or threads of its own: whoever drives it says what happens when. So a run can be
//! repeated byte for byte. What the models know of the real things, and what not, is written in `docs/simulation.md`.

pub mod brokers;
pub mod ensemble;
