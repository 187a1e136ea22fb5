//! The fault matrix: one row says what is struck, for how long, and how long output may stand still.

use std::ops::RangeInclusive;

use crate::fault::Way::{Both, In, Out};
use crate::fault::Who::{
    Active, Broker, Brokers, Engines, InboundLeader, OutboundLeader, Publisher, Standby, Standbys, Subscriber,
    TwoBrokers, ZooKeeperFollower, ZooKeeperLeader, ZooKeeperMajority, ZooKeepers,
};
use crate::fault::{Fault, Who};

/// A fault of the matrix.
#[derive(Debug)]
pub(crate) struct Row {
    /// As in the matrix; a letter tells variants apart.
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) steps: &'static [Step],
    pub(crate) measure: Measure,
    /// What the 99th percentile of gaps must not exceed, in milliseconds; none where output stands still until the fault
    /// is taken back.
    pub(crate) gap_ms_max: Option<u32>,
}

/// What happens in a row, one after the other.
#[derive(Debug)]
pub(crate) enum Step {
    /// Begin a fault; it stays until taken back.
    Strike(Who, Fault),
    /// So many milliseconds.
    Wait(RangeInclusive<u64>),
    /// Take back everything that is in force, newest first.
    Heal,
    /// Wait until all is as before.
    Settle,
    /// The same places, on and off: times, milliseconds on and off.
    Flap(Who, Fault, u32, u64),
}

/// Which gap is the row's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// From the last output before the fault to the successor's first; all of the trial where nobody takes over.
    Takeover,
    /// The longest one of the trial.
    Whole,
}

use Fault::{Cut, DeleteEntry, Double, Freeze, Garbage, Kill, LinkDown, Lose, Narrow, Pause, Reset, Starve, Stop};
use Measure::{Takeover, Whole};
use Step::{Flap, Heal, Settle, Strike, Wait};

/// Longer than two sessions of 1.5 s: whoever is away that long has been replaced.
const LONG: RangeInclusive<u64> = 3_000..=5_000;
/// Longer than an output may stand still before the active role moves on (8 s, so that a broker's death doesn't move it).
const BEYOND_STALL: RangeInclusive<u64> = 11_000..=13_000;
/// A supervisor's pause before it starts a process again.
const RESTART: RangeInclusive<u64> = 800..=1_500;

const fn row(
    id: &'static str,
    what: &'static str,
    measure: Measure,
    gap_ms_max: Option<u32>,
    steps: &'static [Step],
) -> Row {
    Row { id, what, steps, measure, gap_ms_max }
}

/// All rows that are built.
pub(crate) const ROWS: &[Row] = &[
    row("F1", "active killed", Takeover, Some(20), &[Strike(Active, Kill), Wait(RESTART), Heal]),
    row("F2", "active asked to stop", Takeover, Some(5), &[Strike(Active, Stop), Wait(RESTART), Heal]),
    row("F3a", "active stopped for 0.3 sessions", Whole, Some(600), &[Strike(Active, Pause), Wait(450..=450), Heal]),
    row("F3b", "active stopped, wakes as a zombie", Takeover, Some(300), &[Strike(Active, Pause), Wait(LONG), Heal]),
    row("F3c", "active stopped for 20 s", Takeover, Some(300), &[Strike(Active, Pause), Wait(20_000..=20_000), Heal]),
    row("F4", "active frozen with all its threads", Takeover, Some(300), &[Strike(Active, Freeze), Wait(LONG), Heal]),
    row("F5", "active gets 3 % of a processor", Whole, None, &[Strike(Active, Starve(3)), Wait(LONG), Heal]),
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
    row("F18a", "a standby killed", Whole, Some(100), &[Strike(Standby, Kill), Wait(RESTART), Heal]),
    row("F18b", "a standby stopped, wakes", Whole, Some(100), &[Strike(Standby, Pause), Wait(LONG), Heal]),
    row("F18c", "a standby's host lost", Whole, Some(100), &[Strike(Standby, LinkDown), Wait(LONG), Heal]),
    row(
        "F19",
        "both standbys die, then the active",
        Whole,
        None,
        &[Strike(Standbys, Kill), Wait(500..=1_000), Strike(Active, Kill), Wait(RESTART), Heal],
    ),
    row("F20", "all engines killed", Whole, None, &[Strike(Engines, Kill), Wait(RESTART), Heal]),
    row(
        "F21",
        "everything killed: engines, brokers, ZooKeeper",
        Whole,
        None,
        &[Strike(Engines, Kill), Strike(Brokers, Kill), Strike(ZooKeepers, Kill), Wait(RESTART), Heal],
    ),
    row(
        "F22a",
        "broker that leads .O killed",
        Whole,
        Some(4_000),
        &[Strike(OutboundLeader, Kill), Wait(4_000..=6_000), Heal],
    ),
    row(
        "F22b",
        "broker that leads .I killed",
        Whole,
        Some(4_000),
        &[Strike(InboundLeader, Kill), Wait(4_000..=6_000), Heal],
    ),
    row(
        "F22c",
        "broker that leads .O cut from everybody",
        Whole,
        Some(8_000),
        &[Strike(OutboundLeader, LinkDown), Wait(6_000..=9_000), Heal],
    ),
    row(
        "F22d",
        "broker that leads .O stopped, wakes as a zombie leader",
        Whole,
        Some(8_000),
        &[Strike(OutboundLeader, Pause), Wait(6_000..=9_000), Heal],
    ),
    row(
        "F23",
        "leaders of .O rolled gracefully",
        Whole,
        Some(1_000),
        &[
            Strike(OutboundLeader, Stop),
            Wait(RESTART),
            Heal,
            Settle,
            Strike(OutboundLeader, Stop),
            Wait(RESTART),
            Heal,
            Settle,
            Strike(OutboundLeader, Stop),
            Wait(RESTART),
            Heal,
        ],
    ),
    row(
        "F26",
        "two of three brokers killed: too few copies",
        Whole,
        None,
        &[Strike(TwoBrokers, Kill), Wait(LONG), Heal],
    ),
    row("F29a", "ZooKeeper's leader killed", Whole, Some(300), &[Strike(ZooKeeperLeader, Kill), Wait(LONG), Heal]),
    row("F29b", "a ZooKeeper follower killed", Whole, Some(300), &[Strike(ZooKeeperFollower, Kill), Wait(LONG), Heal]),
    row(
        "F29c",
        "the whole ensemble stopped for 5 s",
        Whole,
        Some(300),
        &[Strike(ZooKeepers, Pause), Wait(5_000..=5_000), Heal],
    ),
    row(
        "F29d",
        "no ZooKeeper majority, then the active dies",
        Whole,
        None,
        &[Strike(ZooKeeperMajority, Kill), Wait(2_000..=3_000), Strike(Active, Kill), Wait(RESTART), Heal],
    ),
    row(
        "F30",
        "all sessions expire together, three times",
        Whole,
        Some(300),
        &[
            Strike(ZooKeepers, Freeze),
            Wait(4_500..=5_000),
            Heal,
            Wait(1_500..=2_500),
            Strike(ZooKeepers, Freeze),
            Wait(4_500..=5_000),
            Heal,
            Wait(1_500..=2_500),
            Strike(ZooKeepers, Freeze),
            Wait(4_500..=5_000),
            Heal,
        ],
    ),
    row(
        "F33",
        "first entry of the line deleted by hand",
        Whole,
        Some(2_500),
        &[Strike(Active, DeleteEntry), Wait(RESTART), Heal],
    ),
    row("F40", "records that nobody can decode", Whole, None, &[Strike(Active, Garbage), Wait(RESTART), Heal]),
    row("F44", "two publishers of one source at once", Whole, None, &[Strike(Publisher, Double), Wait(LONG), Heal]),
    row("F45", "publisher killed amid a block", Whole, None, &[Strike(Publisher, Kill), Wait(RESTART), Heal]),
    row("F47a", "subscriber killed", Whole, Some(100), &[Strike(Subscriber, Kill), Wait(RESTART), Heal]),
    row("F47b", "subscriber stopped, wakes", Whole, Some(100), &[Strike(Subscriber, Pause), Wait(LONG), Heal]),
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

/// The row with this name.
pub(crate) fn find(id: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.id.eq_ignore_ascii_case(id))
}

/// Rows by names; `F3` means all its variants. All rows when no name is given.
pub(crate) fn choose(names: &[String]) -> anyhow::Result<Vec<&'static Row>> {
    let mut chosen: Vec<&'static Row> = Vec::new();
    if names.is_empty() {
        return Ok(ROWS.iter().collect());
    }
    for name in names {
        let found: Vec<&'static Row> = match find(name) {
            Some(row) => vec![row],
            None => ROWS.iter().filter(|row| family(row.id).eq_ignore_ascii_case(name)).collect(),
        };
        if found.is_empty() {
            anyhow::bail!(
                "no row is called {name}; `cargo xtask chaos --list` prints all rows, built or not, with reasons"
            );
        }
        chosen.extend(found);
    }
    Ok(chosen)
}

/// `F3` for `F3b`.
fn family(id: &str) -> &str {
    id.trim_end_matches(|last: char| last.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_means_all_its_variants() {
        let ids = |names: &[&str]| -> Vec<&str> {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            choose(&names).map(|rows| rows.iter().map(|row| row.id).collect()).unwrap_or_default()
        };
        assert_eq!(ids(&["F1"]), ["F1"]);
        assert_eq!(ids(&["f3"]), ["F3a", "F3b", "F3c"]);
        assert_eq!(ids(&["F3b", "F7"]), ["F3b", "F7"]);
        assert!(ids(&["F99"]).is_empty());
    }

    #[test]
    fn every_strike_is_taken_back_by_its_row() {
        for row in ROWS {
            let last = row.steps.last();
            assert!(matches!(last, Some(Heal | Flap(..))), "{} ends with faults in force", row.id);
        }
    }
}
