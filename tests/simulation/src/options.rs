//! What a seed turns on: each one its own subset of faults and sizes, so that rare combinations are met at all.

use std::fmt;
use std::time::Duration;

use crate::chance::Chance;
use crate::plan::Kind;

/// How long a story lasts: faults first, then everything heals.
pub(crate) const FAULTS_LAST: Duration = Duration::from_secs(25);
/// When everything must be well again.
pub(crate) const STORY_LASTS: Duration = Duration::from_secs(60);

/// What a seed turns on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Engines.
    pub replicas: usize,
    /// Publishers, each a source of its own in the same inbound topic.
    pub publishers: usize,
    /// A publisher's rows are about so far apart.
    pub pause: Duration,
    /// Around faults come so many rows at once, at most: what breaks, breaks what is on its way.
    pub burst: usize,
    /// Somebody without source headers writes into the inbound topic too.
    pub strangers: bool,
    /// `producer.id.expiration.ms`.
    pub producer_expiry: Duration,
    /// `retention.ms` of outbound topics.
    pub retention: Option<Duration>,
    /// How long an outbound topic may be silent before it gets a marker.
    pub marker_period: Duration,
    /// `numbufferedmsgs`.
    pub buffered_max: u64,
    /// Published outputs kept for a log that loses its end.
    pub kept_max: usize,
    /// Records of a batch at most.
    pub batch_max: usize,
    /// Batches in flight at most.
    pub in_flight_max: usize,
    /// Records of one run of the engine at most.
    pub run_max: usize,
    /// Longest delay of the network.
    pub delay_max: Duration,
    /// ZooKeeper's session timeout.
    pub session: Duration,
    /// Clocks go wrong by up to so many parts in a million.
    pub drift_ppm: u64,
    /// The writers' timeout for one request.
    pub request_timeout: Duration,
    /// Whatever Kafka loses was held in time: nobody needs a restart. Only in scenarios.
    pub held_in_time: bool,
    /// Engines keep snapshots, taken so often.
    pub snapshots: Option<Duration>,
    /// How many faults.
    pub faults: usize,
    /// Which.
    pub kinds: Vec<Kind>,
}

impl Options {
    /// What `seed` turns on.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed, 1);
        let chance = &mut chance;
        let mut disks = Chance::new(seed, 4);
        let snapshots = disks.happens(400).then(|| Duration::from_millis([700, 3_000][disks.place(2)]));
        let mut kinds: Vec<Kind> = Kind::DRAWN.into_iter().filter(|_| chance.happens(350)).collect();
        // Losing the committed end is the harshest: it has stories of its own.
        if !chance.happens(200) {
            kinds.retain(|kind| !kind.loses_committed());
        }
        // Logs that lose their beginning, and memory that ends within a story, make everybody ask brokers all the time.
        if !chance.happens(400) {
            kinds.retain(|kind| *kind != Kind::Retain);
        }
        if snapshots.is_some() {
            kinds.extend([Kind::LoseDisk, Kind::SpoilDisk].into_iter().filter(|_| disks.happens(500)));
        }
        let short = chance.happens(120);
        let producer_expiry = if short { Duration::from_secs(8) } else { Duration::from_secs(24 * 3600) };
        let retention = (kinds.contains(&Kind::Retain)).then(|| Duration::from_secs(chance.between(16, 24)));
        let lifetime = retention.map_or(producer_expiry, |retention| retention.min(producer_expiry));
        // Few have rows all the time, for each costs as much as a second of silence.
        let (pause, burst) = if chance.happens(60) {
            (100, 0)
        } else if chance.happens(500) {
            (3_000, 12)
        } else {
            (1_500, 4)
        };
        // One record at a time over a slow network would need longer than a story to catch up with many.
        let batches: &[usize] = if burst == 4 { &[1, 3, 500] } else { &[3, 500] };
        Self {
            replicas: if chance.happens(150) { 2 } else { 3 },
            publishers: chance.place(2) + 1,
            pause: Duration::from_millis(pause),
            burst,
            strangers: chance.happens(200),
            producer_expiry,
            retention,
            marker_period: (lifetime / 4).min(Duration::from_secs(4)),
            buffered_max: [4, 30, 10_000][chance.place(3)],
            kept_max: [2, 40, 20_000][chance.place(3)],
            batch_max: batches[chance.place(batches.len())],
            in_flight_max: chance.place(2) + 1,
            run_max: [1, 4, 64][chance.place(3)],
            delay_max: Duration::from_millis([1, 5, 40][chance.place(3)]),
            session: Duration::from_millis([1_000, 2_000, 4_000][chance.place(3)]),
            drift_ppm: [0, 200, 50_000][chance.place(3)],
            request_timeout: Duration::from_millis([600, 1_500, 3_000][chance.place(3)]),
            held_in_time: false,
            snapshots,
            faults: chance.place(14) + 1,
            kinds,
        }
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            replicas,
            publishers,
            pause,
            burst,
            strangers,
            buffered_max,
            kept_max,
            batch_max,
            in_flight_max,
            ..
        } = self;
        write!(f, "replicas={replicas} publishers={publishers} pause={pause:?} burst={burst} strangers={strangers}")?;
        write!(
            f,
            " expiry={:?} retention={:?} markers={:?}",
            self.producer_expiry, self.retention, self.marker_period
        )?;
        write!(f, " buffered={buffered_max} kept={kept_max} batch={batch_max} in-flight={in_flight_max}")?;
        write!(f, " run={} delay={:?} session={:?}", self.run_max, self.delay_max, self.session)?;
        write!(f, " snapshots={:?}", self.snapshots)?;
        write!(f, " drift={}ppm timeout={:?} kinds={:?}", self.drift_ppm, self.request_timeout, self.kinds)
    }
}
