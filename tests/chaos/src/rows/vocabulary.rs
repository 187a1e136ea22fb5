//! The words in which rows are written.

use std::ops::RangeInclusive;

pub(super) use super::Ending::{InputGone, Refused};
pub(super) use super::Measure::{Takeover, Whole};
pub(super) use super::Sight::{OneEntryEach, Says, Snapshots};
pub(super) use super::Step::{Await, Flap, Heal, HealNewest, Settle, Strike, Wait};
pub(super) use super::{Row, row};
pub(super) use crate::fault::Entry::{First, Second};
pub(super) use crate::fault::Fault::{
    Cut, DeleteEntry, Double, FillDisk, Freeze, Garbage, Kill, Lead, Limit, LinkDown, Lose, Narrow, OtherModel,
    Oversized, Pause, Replace, Reset, Spoil, Starve, Stop, Truncate, Wipe, WrongType,
};
pub(super) use crate::fault::Resource::{Descriptors, Memory, Threads};
pub(super) use crate::fault::Snapshot::{All, Newest};
pub(super) use crate::fault::Topic::{Inbound, Outbound};
pub(super) use crate::fault::Way::{Both, In, Out};
pub(super) use crate::fault::Who::{
    Active, Broker, Brokers, Engines, InboundLeader, OutboundLeader, Publisher, Same, Standby, Standbys, Subscriber,
    TwoBrokers, ZooKeeperFollower, ZooKeeperLeader, ZooKeeperMajority, ZooKeepers,
};
pub(super) use crate::proxy::Twist;

/// Longer than two sessions of 1.5 s: whoever is away that long has been replaced.
pub(super) const LONG: RangeInclusive<u64> = 3_000..=5_000;
/// Longer than an output may stand still before the active role moves on (8 s, so that a broker's death doesn't move it).
pub(super) const BEYOND_STALL: RangeInclusive<u64> = 9_000..=10_000;
/// Thousands of frames pass a proxy meanwhile.
pub(super) const LED: RangeInclusive<u64> = 6_000..=8_000;
/// A supervisor's pause before it starts a process again.
pub(super) const RESTART: RangeInclusive<u64> = 800..=1_500;
/// Two snapshots are taken, or fail, meanwhile.
pub(super) const TWO_SNAPSHOTS: RangeInclusive<u64> = 6_000..=7_000;
