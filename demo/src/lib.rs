//! What drills are made of: processes that end with the drill, an input that grows, the captured output with its gaps, what
//! each engine was and when, and pictures of all that. Shared by the demonstration and the chaos runner.

pub mod capture;
pub mod input;
pub mod picture;
pub mod process;
pub mod stages;
pub mod status;
