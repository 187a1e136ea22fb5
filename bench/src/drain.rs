//! (b) Kafka to Kafka: a backlog on real brokers, drained by the daemon and by a raw copy in turns.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::cluster::{Cluster, Topics};
use crate::feed::Feed;
use crate::log_end::LogEnd;
use crate::machine::busy_seconds;
use crate::measure::Rounds;
use crate::print;
use crate::process::Program;
use crate::subject::{Subject, written_bytes};

/// Part of the backlog that is not measured: start, election and full windows lie in it.
const LEAD_IN_SHARE: f64 = 0.1;
/// How often the end of the outbound topic is asked for.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// How long one drain may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// What is aimed at.
const TARGET_RATIO: f64 = 0.7;
const TARGET_PER_SECOND: f64 = 250_000.0;
const TARGET_PROCESSOR_SECONDS: f64 = 1.5;

pub(crate) fn run(records: u32, rounds: u32) -> anyhow::Result<()> {
    print(&format!("\n(b) kafka to kafka, real brokers, backlog of {records} records of one event, {rounds} rounds"));
    let Some(cluster) = Cluster::find()? else { return Ok(()) };
    let mut sums = Sums::default();
    for round in 0..rounds {
        sums.round(&cluster, round, u64::from(records))?;
    }
    print(&sums.summary());
    Ok(())
}

/// What one drain cost.
#[derive(Debug, Clone, Copy)]
struct Drain {
    per_second: f64,
    /// Of the program's own time, for a million records.
    processor_seconds: f64,
    /// Cores that were busy meanwhile, with whatever.
    busy_cores: f64,
}

#[derive(Default)]
struct Sums {
    /// Payload bytes that the daemon writes; known when it has run once.
    written: usize,
    daemon: Vec<Drain>,
    copy: Vec<Drain>,
}

impl Sums {
    fn round(&mut self, cluster: &Cluster, round: u32, records: u64) -> anyhow::Result<()> {
        let topics = Topics::create(cluster, &format!("drain_{round}"))?;
        let mut feed = Feed::open(cluster, &topics)?;
        feed.fill(records)?;
        for subject in Subject::of_round(round) {
            let drain = drain(cluster, &topics, subject, records, self.written)?;
            print(&format!(
                "round {}  {:<6}  {:>9.0} records/s  {:>5.2} s of its processor time a million  {:.1} cores busy",
                round + 1,
                subject.name(),
                drain.per_second,
                drain.processor_seconds,
                drain.busy_cores,
            ));
            match subject {
                Subject::Daemon => self.daemon.push(drain),
                Subject::Copy => self.copy.push(drain),
            }
            if self.written == 0 {
                self.written = written_bytes(cluster, &topics, records - 1)?;
                print(&format!("payload bytes: {} in, {} out", feed.payload_bytes(), self.written));
            }
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let rates = |drains: &[Drain]| drains.iter().map(|drain| drain.per_second).collect::<Rounds>();
        let costs = |drains: &[Drain]| drains.iter().map(|drain| drain.processor_seconds).collect::<Rounds>();
        // Neighbours of the same round met the same machine.
        let ratios: Rounds =
            self.daemon.iter().zip(&self.copy).map(|(daemon, copy)| daemon.per_second / copy.per_second).collect();
        let (daemon, copy) = (rates(&self.daemon), rates(&self.copy));
        let (cost, bare) = (costs(&self.daemon), costs(&self.copy));
        format!(
            "daemon {:.0} records/s (best {:.0}; target {TARGET_PER_SECOND:.0}), copy {:.0} (best {:.0}), medians\n\
             daemon ÷ copy: median of the rounds {:.2}, target {TARGET_RATIO}\n\
             processor time a million records: daemon {:.2} s (least {:.2}; target {TARGET_PROCESSOR_SECONDS}), copy {:.2} s",
            daemon.median(),
            daemon.most(),
            copy.median(),
            copy.most(),
            ratios.median(),
            cost.median(),
            cost.least(),
            bare.median(),
        )
    }
}

fn drain(cluster: &Cluster, topics: &Topics, subject: Subject, records: u64, written: usize) -> anyhow::Result<Drain> {
    let mut end = LogEnd::of(subject.writes(topics), &cluster.bootstrap)?;
    let mut program = subject.start(cluster, topics, written)?;
    let first = reach(&mut end, &mut program, (records as f64 * LEAD_IN_SHARE) as u64)?;
    // One more than the records: the fence.
    let last = reach(&mut end, &mut program, records + 1)?;
    let seconds = last.at.duration_since(first.at).as_secs_f64();
    let drained = (last.end - first.end) as f64;
    Ok(Drain {
        per_second: drained / seconds,
        processor_seconds: (last.own - first.own) / drained * 1e6,
        busy_cores: (last.busy - first.busy) / seconds,
    })
}

/// A moment on the way.
struct Moment {
    at: Instant,
    end: u64,
    own: f64,
    busy: f64,
}

/// Waits until the topic's end is there.
fn reach(end: &mut LogEnd, program: &mut Program, wanted: u64) -> anyhow::Result<Moment> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = end.read()?;
        if found >= wanted {
            let own = program.processor_seconds()?;
            return Ok(Moment { at: Instant::now(), end: found, own, busy: busy_seconds().unwrap_or_default() });
        }
        program.check()?;
        if Instant::now() > deadline {
            bail!("only {found} of {wanted} records were written within {PATIENCE:?}");
        }
        thread::sleep(LOOK_EVERY);
    }
}
