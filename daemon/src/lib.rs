//! The shell around the pure rooms: configuration, wiring, processes.

pub mod budget;
pub mod capture;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod deployment;
pub mod exit;
mod http;
pub mod journal;
pub mod node;
pub mod pipeline;
pub mod shadow;
pub mod snapshot;
pub mod telemetry;
