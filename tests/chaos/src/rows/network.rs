//! What the network does to the active engine.

use super::vocabulary::*;

pub(super) const ROWS: &[Row] = &[
    row("F7", "active's host lost: link down", Takeover, Some(300), &[Strike(Active, LinkDown), Wait(LONG), Heal]),
    row(
        "F8",
        "active cut from Kafka only",
        Takeover,
        Some(3_000),
        &[Strike(Active, Cut(Brokers, Both)), Wait(BEYOND_STALL), Heal],
    ),
    row(
        "F9",
        "active cut from ZooKeeper only",
        Whole,
        Some(300),
        &[Strike(Active, Cut(ZooKeepers, Both)), Wait(LONG), Heal],
    ),
    row(
        "F10a",
        "active hears nothing from Kafka, Kafka hears it",
        Takeover,
        Some(3_000),
        &[Strike(Active, Cut(Brokers, In)), Wait(BEYOND_STALL), Heal],
    ),
    row(
        "F10b",
        "active hears nothing from ZooKeeper, ZooKeeper hears it",
        Whole,
        Some(300),
        &[Strike(Active, Cut(ZooKeepers, In)), Wait(LONG), Heal],
    ),
    row(
        "F11a",
        "active and standbys cut from each other only",
        Whole,
        Some(300),
        &[Strike(Active, Cut(Engines, Both)), Wait(LONG), Heal],
    ),
    row(
        "F11b",
        "active's heartbeats are lost, theirs come",
        Whole,
        Some(300),
        &[Strike(Active, Cut(Engines, Out)), Wait(LONG), Heal],
    ),
    row(
        "F12",
        "active and standbys see different ZooKeeper nodes",
        Whole,
        Some(300),
        &[Strike(Active, Cut(ZooKeeperLeader, Both)), Strike(Standbys, Cut(ZooKeeperFollower, Both)), Wait(LONG), Heal],
    ),
    row("F13", "active's link flaps every 200 ms", Whole, Some(5_000), &[Flap(Active, LinkDown, 12, 200)]),
    row("F14a", "1 % of packets to the active lost", Whole, Some(5_000), &[Strike(Active, Lose(1)), Wait(LONG), Heal]),
    row("F14b", "10 % lost", Whole, Some(5_000), &[Strike(Active, Lose(10)), Wait(LONG), Heal]),
    row("F14c", "30 % lost", Whole, Some(5_000), &[Strike(Active, Lose(30)), Wait(LONG), Heal]),
    row("F15", "active's link passes 1 Mbit/s", Whole, None, &[Strike(Active, Narrow(1_000)), Wait(LONG), Heal]),
    row(
        "F16a",
        "active's connections to Kafka reset",
        Takeover,
        Some(3_000),
        &[Strike(Active, Reset(Brokers)), Wait(BEYOND_STALL), Heal],
    ),
    row(
        "F16b",
        "active's connections to ZooKeeper reset",
        Whole,
        Some(300),
        &[Strike(Active, Reset(ZooKeepers)), Wait(LONG), Heal],
    ),
    row(
        "F16c",
        "active's connections to other engines reset",
        Whole,
        Some(300),
        &[Strike(Active, Reset(Engines)), Wait(LONG), Heal],
    ),
];
