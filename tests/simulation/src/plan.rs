//! The faults of a story, drawn before it begins, so that a story can be told again with fewer of them.

use std::fmt;
use std::time::Duration;

use types::mutation::{Mutation, mutated};

use crate::chance::Chance;
use crate::options::{FAULTS_LAST, Options};

/// How long a fault lasts at most.
const LASTS_MAX: Duration = Duration::from_secs(9);

/// What kind of thing goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An engine's process is killed; its kernel says so.
    Kill,
    /// An engine dies in the middle of what it does: after a few more of its effects.
    KillAmid,
    /// An engine's host is gone; nobody says anything.
    Vanish,
    /// An engine doesn't run for a while.
    Freeze,
    /// No engine runs for a while: longer than brokers remember producers, where they forget soon.
    FreezeAll,
    /// An engine computes slowly.
    Slow,
    /// An engine is asked to end.
    Shutdown,
    /// An operator asks for another active.
    Switchover,
    /// An operator freezes automatic failover for a while.
    Pause,
    /// Nothing goes from an engine to a broker, or back, or both.
    CutBroker,
    /// Nothing goes from one engine to another.
    CutPeer,
    /// An engine doesn't reach ZooKeeper.
    CutZooKeeper,
    /// ZooKeeper is away.
    ZooKeeperDown,
    /// All sessions end at once.
    SessionStorm,
    /// Somebody deletes a node of the line.
    DeleteNode,
    /// A watch never fires.
    LoseWatch,
    /// The answer to a create is lost.
    AmbiguousCreate,
    /// ZooKeeper's servers show the past.
    LaggingZooKeeper,
    /// What an engine asks of ZooKeeper fails now and then for a reason that passes.
    FailingZooKeeper,
    /// A broker is killed and comes back.
    KillBroker,
    /// A broker is killed and comes back without what it knew of producers.
    KillBrokerBare,
    /// A clean election.
    Elect,
    /// A clean election that the old leader doesn't hear of for a while.
    ElectUnheard,
    /// A broker copies nothing for a while.
    LagBroker,
    /// A broker falls out of sync.
    Shrink,
    /// Retention deletes old outputs.
    Retain,
    /// Nobody publishes for a while.
    Quiet,
    /// A publisher is killed and comes back.
    KillPublisher,
    /// A publisher doesn't run for a while.
    FreezePublisher,
    /// A publisher doesn't reach a broker.
    CutPublisher,
    /// A row of a source is published a second time, by somebody who doesn't know that it was.
    Repeat,
    /// All brokers lose power: the end of an outbound log is gone, committed or not.
    LosePower,
    /// A broker that isn't in sync leads an outbound log.
    ElectUnclean,
    /// The model is changed: a new generation begins while old processes may still run.
    Reset,
    /// One record reaches one engine altered. Only in scenarios: who computes it first may publish it.
    Garble,
    /// An outbound topic is deleted and made anew. Only in scenarios: it takes a new generation to go on.
    Recreate,
    /// What an outbound topic acknowledges may not last, and everybody is told.
    Endanger,
    /// An engine's host is gone, and comes back as a new one with an empty disk. Only where snapshots are kept.
    LoseDisk,
    /// An engine is killed, and a byte of its newest snapshot is another one. Only where snapshots are kept.
    SpoilDisk,
}

impl Kind {
    /// Every kind that a seed may draw.
    pub const DRAWN: [Self; 35] = [
        Self::Kill,
        Self::KillAmid,
        Self::Vanish,
        Self::Freeze,
        Self::FreezeAll,
        Self::Slow,
        Self::Shutdown,
        Self::Switchover,
        Self::Pause,
        Self::CutBroker,
        Self::CutPeer,
        Self::CutZooKeeper,
        Self::ZooKeeperDown,
        Self::SessionStorm,
        Self::DeleteNode,
        Self::LoseWatch,
        Self::AmbiguousCreate,
        Self::LaggingZooKeeper,
        Self::FailingZooKeeper,
        Self::KillBroker,
        Self::KillBrokerBare,
        Self::Elect,
        Self::ElectUnheard,
        Self::LagBroker,
        Self::Shrink,
        Self::Retain,
        Self::Quiet,
        Self::KillPublisher,
        Self::FreezePublisher,
        Self::CutPublisher,
        Self::Repeat,
        Self::LosePower,
        Self::ElectUnclean,
        Self::Reset,
        Self::Endanger,
    ];

    /// Whether Kafka itself breaks its word by it.
    #[must_use]
    pub const fn loses_committed(self) -> bool {
        matches!(self, Self::LosePower | Self::ElectUnclean)
    }

    /// Whether requests may wait until it ends, in the network or at a broker.
    const fn holds_requests(self) -> bool {
        matches!(
            self,
            Self::CutBroker
                | Self::CutPublisher
                | Self::KillBroker
                | Self::KillBrokerBare
                | Self::LagBroker
                | Self::ElectUnheard
        )
    }
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// When, since the beginning.
    pub at: Duration,
    /// For how long, where it lasts.
    pub lasts: Duration,
    /// What.
    pub kind: Kind,
    /// Whom; taken modulo however many there are.
    pub whom: usize,
    /// Whom else, which way, how far.
    pub other: usize,
}

/// As a scenario shows it.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, lasts, kind, whom, other } = self;
        write!(f, "at {at:?}  {kind:?} {whom} {other}  for {lasts:?}")
    }
}

/// The faults that a seed means, in order of time.
#[must_use]
pub fn draw(seed: u64, options: &Options) -> Vec<Fault> {
    let mut chance = Chance::new(seed, 2);
    if options.kinds.is_empty() {
        return Vec::new();
    }
    let last = u64::try_from(FAULTS_LAST.as_millis()).unwrap_or(u64::MAX);
    let mut faults: Vec<Fault> = (0..options.faults)
        .map(|_| {
            let kind = options.kinds[chance.place(options.kinds.len())];
            Fault {
                at: Duration::from_millis(chance.between(300, last)),
                lasts: Duration::from_millis(chance.between(20, longest(kind, options))),
                kind,
                whom: chance.place(12),
                other: chance.place(12),
            }
        })
        .collect();
    faults.sort_by_key(|fault| fault.at);
    faults
}

/// How long a fault lasts at most, in milliseconds. No request waits for as long as the brokers remember producers, for rule R7
/// asks for that; processes may stand still for longer.
fn longest(kind: Kind, options: &Options) -> u64 {
    let lifetime =
        options.retention.map_or(options.producer_expiry, |retention| retention.min(options.producer_expiry));
    let lasts = if kind.holds_requests() && !mutated(Mutation::RequestsOutliveMemory) {
        LASTS_MAX.min(lifetime / 8)
    } else if kind == Kind::FreezeAll {
        LASTS_MAX * 2
    } else {
        LASTS_MAX
    };
    u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX)
}
