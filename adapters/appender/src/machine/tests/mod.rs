//! The machine against a model of a Kafka partition: three brokers, their memory of producers, their elections.

mod broker;
mod chaos;
mod rules;
mod shared;
mod stories;
mod world;
