//! Seeded bugs, and the stories that find them.

use std::time::Duration;

use types::mutation::{Mutation, mutate, mutated};

use crate::invariants::Violation;
use crate::options::Options;
use crate::plan::{Fault, Kind, draw};
use crate::run::{Runner, Story};

/// Rows so near each other that most faults meet one on its way.
const OFTEN: Duration = Duration::from_millis(33);

/// How a seeded bug was found.
#[derive(Debug, Clone)]
pub struct Catch {
    /// How many stories it took.
    pub stories: u64,
    /// The seed of the story that found it.
    pub seed: u64,
    /// The promise that fell.
    pub violation: Violation,
}

/// Tells stories from the seed `first` on with a bug turned on until a promise falls that holds without the bug; `None` after
/// `stories_max`.
#[must_use]
pub fn hunt(runner: &Runner, bug: Mutation, first: u64, stories_max: u64) -> Option<Catch> {
    (first..first + stories_max).find_map(|seed| {
        let violation = with(bug, || tell(runner, bug, seed)).violation?;
        let fails_anyway = tell(runner, bug, seed).violation.is_some();
        (!fails_anyway).then_some(Catch { stories: seed - first + 1, seed, violation })
    })
}

/// The rule of the sequenced append that a bug breaks, where it breaks one.
#[must_use]
pub const fn rule(bug: Mutation) -> &'static str {
    match bug {
        Mutation::DropsWhatTheLeaderNames
        | Mutation::DropsWhatWasRefused
        | Mutation::DropsWhatWasHandedOver
        | Mutation::AcknowledgesEarly => "R1",
        Mutation::AnchorsByAnyRecord => "R2",
        Mutation::WritesUnprimed => "R3",
        Mutation::SkipsGenesis => "R4",
        Mutation::AsksOnceATerm => "R5",
        Mutation::AnchorsNeverAge => "R6",
        Mutation::RequestsOutliveMemory => "R7",
        Mutation::OverlooksShortenedLogs => "R8",
        Mutation::KeepsTheEpoch => "R9",
        Mutation::ComparesNothing => "R10",
        Mutation::NextNeverGoesBack => "R11",
        Mutation::CountsRepeats => "R12",
        Mutation::TakesAnyTopic => "R13",
        Mutation::DropsAlthoughHeld => "R16",
        Mutation::RestoresAheadOfLog
        | Mutation::RestoresNoSources
        | Mutation::ResumesOneLate
        | Mutation::DropsInputAtBound
        | Mutation::MarksByRun
        | Mutation::TakesOwnClock
        | Mutation::WritesInHashOrder
        | Mutation::WatchesOnce
        | Mutation::KeepsTheLeftNode
        | Mutation::MissesDeadlines
        | Mutation::KeepsPositionsToItself
        | Mutation::ForgetsToWrite
        | Mutation::ForgetsConstants
        | Mutation::LeavesItsNode => "",
    }
}

/// Does something while a bug is on.
fn with<T>(bug: Mutation, what: impl FnOnce() -> T) -> T {
    mutate(Some(bug));
    let result = what();
    mutate(None);
    result
}

/// The story in which a bug is looked for: a seed's own, or a scenario where what it needs is drawn never or hardly ever.
fn tell(runner: &Runner, bug: Mutation, seed: u64) -> Story {
    let own = Options::of(seed);
    let (options, faults) = match scenario(bug) {
        Scenario::Drawn => {
            let faults = draw(seed, &own);
            (own, faults)
        }
        Scenario::Garbled => (calm(own), garbled()),
        Scenario::Recreated => (calm(own), recreated()),
        Scenario::Held => (Options { held_in_time: true, kept_max: 2, pause: OFTEN, ..calm(own) }, held()),
        Scenario::Forgotten => (forgetful(own), forgotten(false)),
        Scenario::HeldBack => (forgetful(own), forgotten(true)),
        Scenario::Emptied => {
            let retention = Some(Duration::from_secs(5));
            (Options { retention, marker_period: Duration::from_secs(1), ..calm(own) }, emptied())
        }
        Scenario::Hesitating => {
            (Options { pause: OFTEN, run_max: 1, session: Duration::from_secs(4), ..calm(own) }, hesitating(seed))
        }
        Scenario::Repeated => (Options { snapshots: Some(Duration::from_millis(700)), ..calm(own) }, repeated()),
        Scenario::AheadOfLog => (Options { snapshots: Some(Duration::from_millis(700)), ..calm(own) }, ahead_of_log()),
        Scenario::Bare => (Options { pause: OFTEN, batch_max: 3, ..calm(own) }, bare()),
    };
    runner.tell(seed, options, faults, false)
}

/// Where a bug is looked for.
enum Scenario {
    /// Whatever a seed draws.
    Drawn,
    /// Two engines read another record than stands in the log; the third, which is active, dies later.
    Garbled,
    /// A topic is deleted and made anew; a new generation begins in it.
    Recreated,
    /// All that Kafka loses was held by everybody.
    Held,
    /// The active is frozen, its successors write and die, the brokers forget, the first one goes on.
    Forgotten,
    /// The same, and its last request arrives after that.
    HeldBack,
    /// Retention leaves nothing of a topic while nobody writes; then all engines start anew.
    Emptied,
    /// An engine that is too slow for a moment leaves the line and comes back, while ZooKeeper refuses now and then.
    Hesitating,
    /// Standbys start from their snapshots while nobody publishes; then the last row comes a second time.
    Repeated,
    /// The log loses its end while all engines stand still; then all of them die and start from their snapshots.
    AheadOfLog,
    /// Followers lose what they knew of producers; one of them becomes leader without the last batch.
    Bare,
}

fn scenario(bug: Mutation) -> Scenario {
    match bug {
        Mutation::ComparesNothing => Scenario::Garbled,
        Mutation::TakesAnyTopic => Scenario::Recreated,
        Mutation::DropsAlthoughHeld => Scenario::Held,
        Mutation::AnchorsByAnyRecord | Mutation::AnchorsNeverAge | Mutation::WritesUnprimed => Scenario::Forgotten,
        Mutation::RequestsOutliveMemory if mutated(bug) => Scenario::HeldBack,
        Mutation::RequestsOutliveMemory => Scenario::Forgotten,
        Mutation::AsksOnceATerm => Scenario::Bare,
        Mutation::RestoresNoSources => Scenario::Repeated,
        Mutation::RestoresAheadOfLog => Scenario::AheadOfLog,
        Mutation::ForgetsConstants => Scenario::Emptied,
        Mutation::KeepsTheLeftNode => Scenario::Hesitating,
        Mutation::DropsWhatTheLeaderNames
        | Mutation::DropsWhatWasRefused
        | Mutation::DropsWhatWasHandedOver
        | Mutation::AcknowledgesEarly
        | Mutation::SkipsGenesis
        | Mutation::OverlooksShortenedLogs
        | Mutation::KeepsTheEpoch
        | Mutation::NextNeverGoesBack
        | Mutation::CountsRepeats
        | Mutation::ResumesOneLate
        | Mutation::DropsInputAtBound
        | Mutation::MarksByRun
        | Mutation::TakesOwnClock
        | Mutation::WritesInHashOrder
        | Mutation::WatchesOnce
        | Mutation::MissesDeadlines
        | Mutation::KeepsPositionsToItself
        | Mutation::ForgetsToWrite
        | Mutation::LeavesItsNode => Scenario::Drawn,
    }
}

// Replicas are taken in the order of their start, which is mostly that of the line.

fn garbled() -> Vec<Fault> {
    vec![fault(6, 1, Kind::Garble, 1, 0), fault(6, 1, Kind::Garble, 2, 0), fault(10, 8, Kind::Kill, 0, 0)]
}

fn recreated() -> Vec<Fault> {
    vec![fault(6, 1, Kind::Recreate, 0, 0), fault(16, 1, Kind::Reset, 0, 0)]
}

fn held() -> Vec<Fault> {
    vec![fault(4, 14, Kind::Endanger, 0, 0), fault(14, 1, Kind::LosePower, 0, 11)]
}

/// The first outbound topic is led by broker 1; 4 means what goes there and not what comes back.
fn forgotten(held_back: bool) -> Vec<Fault> {
    let cut = held_back.then(|| fault(5, 18, Kind::CutBroker, 0, 4));
    let freeze = fault(6, 18, Kind::Freeze, 0, 0);
    let dead = [1, 2].map(|who| fault(9, 20, Kind::Kill, who, 0));
    cut.into_iter().chain([freeze]).chain(dead).collect()
}

fn emptied() -> Vec<Fault> {
    let freeze = fault(8, 11, Kind::FreezeAll, 0, 0);
    let retain = millis(17_500, 20, Kind::Retain, 0, 0);
    let kills = [0, 1, 2].map(|who| millis(17_600, 1_000, Kind::Kill, who, 0));
    [freeze, retain].into_iter().chain(kills).collect()
}

fn repeated() -> Vec<Fault> {
    let quiet = fault(9, 8, Kind::Quiet, 0, 0);
    let kills = [1, 2].map(|who| fault(12, 1, Kind::Kill, who, 0));
    [quiet].into_iter().chain(kills).chain([fault(14, 1, Kind::Repeat, 0, 0)]).collect()
}

fn ahead_of_log() -> Vec<Fault> {
    let freeze = fault(12, 3, Kind::FreezeAll, 0, 0);
    let lost = millis(12_200, 20, Kind::LosePower, 0, 11);
    let kills = [0, 1, 2].map(|who| millis(13_000, 1_000, Kind::Kill, who, 0));
    [freeze, lost].into_iter().chain(kills).collect()
}

/// How slow for how long is chance: it is over soon after it was too long.
fn hesitating(seed: u64) -> Vec<Fault> {
    let slow = |at: u64, whom: usize| millis(at, 2_200 + seed % 16 * 100, Kind::Slow, whom, 0);
    vec![fault(5, 18, Kind::FailingZooKeeper, 0, 0), slow(6_000, 1), slow(11_000, 2), slow(16_000, 1)]
}

/// Nobody writes while the followers come back, so they know nothing; what is written then they copy too late.
fn bare() -> Vec<Fault> {
    let quiet = millis(7_000, 2_000, Kind::Quiet, 0, 0);
    let restarts = [0, 2].map(|node| millis(8_000 + 300 * node as u64 / 2, 20, Kind::KillBrokerBare, 0, node));
    let lags = [0, 2].map(|node| millis(8_900, 1_500, Kind::LagBroker, 0, node));
    let dies = millis(9_250, 2_500, Kind::KillBroker, 0, 1);
    [quiet].into_iter().chain(restarts).chain(lags).chain([dies]).collect()
}

fn fault(at: u64, lasts: u64, kind: Kind, whom: usize, other: usize) -> Fault {
    millis(at * 1_000, lasts * 1_000, kind, whom, other)
}

fn millis(at: u64, lasts: u64, kind: Kind, whom: usize, other: usize) -> Fault {
    Fault { at: Duration::from_millis(at), lasts: Duration::from_millis(lasts), kind, whom, other }
}

/// A cluster in which only the scenario's own faults happen, and input comes often enough for them to be met.
fn calm(options: Options) -> Options {
    Options {
        replicas: 3,
        pause: Duration::from_millis(100),
        burst: 0,
        producer_expiry: Duration::from_secs(24 * 3600),
        retention: None,
        marker_period: Duration::from_secs(4),
        buffered_max: 10_000,
        batch_max: 500,
        delay_max: Duration::from_millis(5),
        drift_ppm: 0,
        snapshots: None,
        kinds: Vec::new(),
        ..options
    }
}

/// The same with brokers that soon forget.
fn forgetful(options: Options) -> Options {
    Options { producer_expiry: Duration::from_secs(8), marker_period: Duration::from_secs(2), ..calm(options) }
}
