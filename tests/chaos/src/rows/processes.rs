//! Processes that end, stand still or starve: engines, one or all of them.

use super::vocabulary::*;

pub(super) const ROWS: &[Row] = &[
    row("F1", "active killed", Takeover, Some(20), &[Strike(Active, Kill), Wait(RESTART), Heal]),
    row("F2", "active asked to stop", Takeover, Some(5), &[Strike(Active, Stop), Wait(RESTART), Heal]),
    row("F3a", "active stopped for 0.3 sessions", Whole, Some(600), &[Strike(Active, Pause), Wait(450..=450), Heal]),
    row("F3b", "active stopped, wakes as a zombie", Takeover, Some(300), &[Strike(Active, Pause), Wait(LONG), Heal]),
    row("F3c", "active stopped for 20 s", Takeover, Some(300), &[Strike(Active, Pause), Wait(20_000..=20_000), Heal]),
    row("F4", "active frozen with all its threads", Takeover, Some(300), &[Strike(Active, Freeze), Wait(LONG), Heal]),
    row("F5", "active gets 3 % of a processor", Whole, None, &[Strike(Active, Starve(3)), Wait(LONG), Heal]),
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
        "F54",
        "engines restarted one after another under load",
        Whole,
        Some(1_000),
        &[
            Strike(Standby, Stop),
            Wait(RESTART),
            Heal,
            Settle,
            Strike(Standby, Stop),
            Wait(RESTART),
            Heal,
            Settle,
            Strike(Active, Stop),
            Wait(RESTART),
            Heal,
        ],
    ),
];
