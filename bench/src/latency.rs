//! (e) Latency at a steady rate: from handing an inbound record to its publisher to the outbound record's arrival at a
//! reader, for the daemon and for a raw copy in turns. Publisher and reader live in this process, so one clock does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use adapter_kafka::KafkaInput;
use anyhow::bail;
use ports::input::{InboundBatch, InputLog as _, ReadBounds};
use types::Offset;

use crate::cluster::{Cluster, Topics};
use crate::feed::Feed;
use crate::measure::Rounds;
use crate::print;
use crate::subject::{Subject, written_bytes};

/// Records of the beginning that are not measured, at the same rate.
const LEAD_IN: Duration = Duration::from_secs(2);
/// How long the first output may take: start and election lie in it.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long the last outputs may take after the last input.
const END_PATIENCE: Duration = Duration::from_secs(30);
/// How long one read waits.
const READ_WAIT: Duration = Duration::from_millis(100);
/// Bounds of one read that are never met.
const ALL: ReadBounds = ReadBounds { records_max: usize::MAX, bytes_max: usize::MAX };
/// What is aimed at, in milliseconds above the raw copy.
const TARGET_P50_MS: f64 = 1.0;
const TARGET_P99_MS: f64 = 5.0;

pub(crate) fn run(per_second: u32, seconds: u32, rounds: u32) -> anyhow::Result<()> {
    print(&format!(
        "\n(e) latency at {per_second} records/s, real brokers, {rounds} rounds of {seconds} s each, \
         from the publisher's hand to the reader's, ms"
    ));
    let Some(cluster) = Cluster::find()? else { return Ok(()) };
    let (mut daemon, mut copy) = (Vec::new(), Vec::new());
    let mut written = 0;
    for round in 0..rounds {
        for subject in Subject::of_round(round) {
            let topics = Topics::create(&cluster, &format!("latency_{round}_{}", subject.name()))?;
            let millis = measure(&cluster, &topics, subject, written, per_second, Duration::from_secs(seconds.into()))?;
            print(&line(&format!("round {}  {:<6}", round + 1, subject.name()), &millis.iter().copied().collect()));
            match subject {
                Subject::Daemon => daemon.extend(millis),
                Subject::Copy => copy.extend(millis),
            }
            if written == 0 {
                written = written_bytes(&cluster, &topics, u64::from(per_second))?;
            }
        }
    }
    print(&summary(&daemon.into_iter().collect(), &copy.into_iter().collect()));
    Ok(())
}

fn line(what: &str, millis: &Rounds) -> String {
    let at = |share| millis.quantile(share).unwrap_or_default();
    format!("{what}  p50 {:>6.2}  p90 {:>6.2}  p99 {:>6.2}  max {:>7.2}", at(0.5), at(0.9), at(0.99), at(1.0))
}

fn summary(daemon: &Rounds, copy: &Rounds) -> String {
    let above = |share| daemon.quantile(share).unwrap_or_default() - copy.quantile(share).unwrap_or_default();
    format!(
        "{}\n{}\ndaemon above copy: p50 {:+.2} ms (target {TARGET_P50_MS}), p99 {:+.2} ms (target {TARGET_P99_MS})",
        line("all      daemon", daemon),
        line("all      copy  ", copy),
        above(0.5),
        above(0.99)
    )
}

/// Milliseconds of each record after the lead-in.
fn measure(
    cluster: &Cluster,
    topics: &Topics,
    subject: Subject,
    written: usize,
    per_second: u32,
    span: Duration,
) -> anyhow::Result<Vec<f64>> {
    let mut feed = Feed::open(cluster, topics)?;
    let mut program = subject.start(cluster, topics, written)?;
    let mut reader = Reader {
        input: KafkaInput::open(&cluster.settings, subject.writes(topics), Offset(0))?,
        batch: InboundBatch::default(),
        arrived: Vec::new(),
    };
    // The first record shows that somebody writes; ticks of an idle input have no output.
    feed.fill(1)?;
    let ready = Instant::now();
    while reader.arrived.is_empty() {
        reader.read()?;
        program.check()?;
        if ready.elapsed() > START_PATIENCE {
            bail!("no output within {START_PATIENCE:?}");
        }
    }
    let lead_in = (f64::from(per_second) * LEAD_IN.as_secs_f64()) as usize;
    let records = lead_in + (f64::from(per_second) * span.as_secs_f64()) as usize;
    let (sent, arrived) = exchange(&mut feed, reader, per_second, records)?;
    program.check()?;
    let millis = |(sent, arrived): (&Instant, &Instant)| arrived.duration_since(*sent).as_secs_f64() * 1e3;
    Ok(sent.iter().zip(&arrived[1..]).skip(lead_in).map(millis).collect())
}

/// When each record was handed over, and when each output arrived: the nth output is the nth record's, for every record
/// has just one.
fn exchange(
    feed: &mut Feed,
    mut reader: Reader,
    per_second: u32,
    records: usize,
) -> anyhow::Result<(Vec<Instant>, Vec<Instant>)> {
    let given_up = AtomicBool::new(false);
    thread::scope(|scope| {
        let reading = scope.spawn(|| {
            while reader.arrived.len() < records + 1 && !given_up.load(Ordering::Relaxed) {
                reader.read()?;
            }
            anyhow::Ok(reader.arrived)
        });
        let mut sent = Vec::with_capacity(records);
        let fed = feed.steady(per_second, || {
            let more = sent.len() < records;
            if more {
                sent.push(Instant::now());
            }
            more
        });
        let all_sent = Instant::now();
        while !reading.is_finished() && fed.is_ok() && all_sent.elapsed() < END_PATIENCE {
            thread::sleep(READ_WAIT);
        }
        given_up.store(true, Ordering::Relaxed);
        fed?;
        let Ok(arrived) = reading.join() else { bail!("the reader's thread has ended") };
        let arrived = arrived?;
        if arrived.len() != records + 1 {
            bail!("{} outputs of {} records", arrived.len(), records + 1);
        }
        Ok((sent, arrived))
    })
}

/// The outbound topic's reader.
struct Reader {
    input: KafkaInput,
    batch: InboundBatch,
    /// When each output was there.
    arrived: Vec<Instant>,
}

impl Reader {
    fn read(&mut self) -> anyhow::Result<()> {
        self.batch.clear();
        self.input.read(&mut self.batch, ALL, READ_WAIT)?;
        let now = Instant::now();
        // The fence and markers have no payload.
        self.arrived.extend(self.batch.heads.iter().filter(|head| head.payload.is_some()).map(|_| now));
        Ok(())
    }
}
