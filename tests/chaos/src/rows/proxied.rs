//! What a bad middleman does to the connections that are led through it.

use super::vocabulary::*;

pub(super) const ROWS: &[Row] = &[
    row(
        "F14d",
        "Kafka's answers to the active come 50 to 300 ms late",
        Whole,
        Some(5_000),
        &[Strike(Active, Lead(Brokers, Twist::Late(In, 50, 300))), Wait(LED), Heal],
    ),
    row(
        "F14e",
        "the active's requests reach Kafka 50 to 300 ms late",
        Whole,
        Some(5_000),
        &[Strike(Active, Lead(Brokers, Twist::Late(Out, 50, 300))), Wait(LED), Heal],
    ),
    row(
        "F16d",
        "bits flip in record batches, to the active and from it",
        Whole,
        Some(5_000),
        &[Strike(Active, Lead(Brokers, Twist::FlipRecords { percent: 5 })), Wait(LED), Heal],
    ),
    row(
        "F16e",
        "bits flip in record batches that a standby reads",
        Whole,
        Some(100),
        &[Strike(Standby, Lead(Brokers, Twist::FlipRecords { percent: 5 })), Wait(LED), Heal],
    ),
    row(
        "F16f",
        "lengths of Kafka's answers to the active are wrong",
        Whole,
        Some(5_000),
        &[Strike(Active, Lead(Brokers, Twist::BreakLengths { percent: 2 })), Wait(LED), Heal],
    ),
    row(
        "F16g",
        "active's connections to Kafka half open",
        Whole,
        Some(5_000),
        &[Strike(Active, Lead(Brokers, Twist::HalfOpen { frames: 200 })), Wait(LED), Heal],
    ),
    row(
        "F16h",
        "active's connections to ZooKeeper half open",
        Whole,
        Some(300),
        &[Strike(Active, Lead(ZooKeepers, Twist::HalfOpen { frames: 10 })), Wait(LONG), Heal],
    ),
    row(
        "F31a",
        "ZooKeeper's notices to the standbys are lost, then the active dies",
        Whole,
        Some(2_000),
        &[
            Strike(Standbys, Lead(ZooKeepers, Twist::LoseNotices)),
            Wait(LONG),
            Strike(Active, Kill),
            Wait(LONG),
            Heal,
            Await(OneEntryEach),
        ],
    ),
    row(
        "F32",
        "a starting engine stands in line, but the answer is lost",
        Whole,
        Some(2_000),
        &[
            Strike(Standby, Lead(ZooKeepers, Twist::LoseCreated)),
            Strike(Same, Kill),
            Wait(RESTART),
            HealNewest,
            Settle,
            Await(OneEntryEach),
            Heal,
        ],
    ),
];
