//! The machine against a model of a Kafka partition: three brokers, their memory of producers, their elections.

#![allow(clippy::wildcard_enum_match_arm, reason = "tests look for one case among many")]

mod broker;
mod chaos;
mod journal;
mod rules;
mod shared;
mod stories;
mod world;

pub(super) fn any_config() -> super::MachineConfig {
    world::config("a", 1)
}
