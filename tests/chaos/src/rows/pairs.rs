//! Two faults at once.

use super::vocabulary::*;

pub(super) const ROWS: &[Row] = &[
    row(
        "P1",
        "active killed while a broker is down",
        Whole,
        Some(4_000),
        &[Strike(Broker, Kill), Wait(500..=4_000), Strike(Active, Kill), Wait(RESTART), Heal],
    ),
    row(
        "P2",
        "leader of .O killed, then the active at any moment of the election",
        Whole,
        Some(4_500),
        &[Strike(OutboundLeader, Kill), Wait(0..=3_000), Strike(Active, Kill), Wait(4_000..=5_000), Heal],
    ),
    row(
        "P3",
        "active frozen, its successor killed, the zombie wakes",
        Whole,
        None,
        &[Strike(Active, Freeze), Wait(600..=1_500), Strike(Active, Kill), Wait(100..=1_000), Heal],
    ),
    row(
        "P4",
        "active cut from Kafka's answers while ZooKeeper stands still",
        Whole,
        None,
        &[Strike(ZooKeepers, Pause), Wait(0..=2_000), Strike(Active, Cut(Brokers, In)), Wait(LONG), Heal],
    ),
    row(
        "P5",
        "leader of .O stopped and the active killed; both come back",
        Whole,
        None,
        &[Strike(OutboundLeader, Pause), Wait(0..=4_000), Strike(Active, Kill), Wait(3_000..=5_000), Heal],
    ),
];
