//! (d) on real brokers: `kill -9` of whoever writes, two replicas of the daemon and two bare appenders, one after the
//! other, in one run. The clock runs from the signal to the successor's first record at a reader in this process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use crossbeam_channel::Receiver;
use daemon::clock;
use types::Tick;

use crate::cluster::{Cluster, Topics};
use crate::feed::Feed;
use crate::gaps::Gaps;
use crate::print;
use crate::process::Program;
use crate::replica::{PATIENCE, Replica, settle};
use crate::rival::{self, Word};
use crate::tail::Tail;

/// Steady work before each kill.
const CALM: Duration = Duration::from_millis(700);
/// Payload bytes of a record that a bare appender writes: as large as the daemon's.
const PAYLOAD_BYTES: usize = 193;
/// What is aimed at, in milliseconds.
const TARGET_P50_MS: f64 = 10.0;
const TARGET_P99_MS: f64 = 50.0;

pub(crate) fn run(kills: u32, per_second: u32) -> anyhow::Result<()> {
    print(&format!(
        "\n(d) takeover on real brokers, {kills} times kill -9 of the writing one of two at {per_second} records/s, ms \
         from the signal to the successor's first record at a reader"
    ));
    let Some(cluster) = Cluster::find()? else { return Ok(()) };
    let topics = Topics::create(&cluster, "kills")?;
    let mut feed = Feed::open(&cluster, &topics)?;
    let whole = while_fed(&mut feed, per_second, || replicas(&cluster, &topics, kills))?;
    print(&whole.table("daemon", TARGET_P50_MS, TARGET_P99_MS));
    let bare = while_fed(&mut feed, per_second, || rivals(&cluster, &topics, kills))?;
    print(&bare.table("bare appender", TARGET_P50_MS, TARGET_P99_MS));
    let ratio = |share| whole.gaps.quantile(share).unwrap_or_default() / bare.gaps.quantile(share).unwrap_or(f64::NAN);
    print(&format!("daemon ÷ bare appender: p50 {:.1}, p99 {:.1}", ratio(0.5), ratio(0.99)));
    Ok(())
}

/// The daemon's replicas.
fn replicas(cluster: &Cluster, topics: &Topics, kills: u32) -> anyhow::Result<Gaps> {
    let tail = Tail::start(cluster, &topics.outbound)?;
    let mut pair = [Replica::start(cluster, topics, "esp-1")?, Replica::start(cluster, topics, "esp-2")?];
    (0..kills).try_fold(Gaps::default(), |mut takeovers, _| {
        let active = settle(&mut pair)?;
        thread::sleep(CALM);
        let signalled = clock::now();
        pair[active].program.kill()?;
        let successor = &pair[1 - active];
        let arrived = tail.wait_for(successor.name, PATIENCE)?.at;
        takeovers.add(arrived.since(signalled), &successor.phases()?);
        pair[active] = Replica::start(cluster, topics, pair[active].name)?;
        anyhow::Ok(takeovers)
    })
}

/// Does something while input comes at a steady rate.
fn while_fed<T>(feed: &mut Feed, per_second: u32, what: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let feeding = scope.spawn(|| feed.steady(per_second, || !ended.load(Ordering::Relaxed)));
        let done = what();
        ended.store(true, Ordering::Relaxed);
        feeding.join().ok().context("the publisher's thread has ended")??;
        done
    })
}

/// Bare appenders: whoever survives is followed by a fresh one.
fn rivals(cluster: &Cluster, topics: &Topics, kills: u32) -> anyhow::Result<Gaps> {
    let tail = Tail::start(cluster, &topics.bare)?;
    let start = |number: u32, active: Option<&str>| {
        let mut program = rival::start(cluster, topics, &format!("rival-{number}."), PAYLOAD_BYTES, active)?;
        let words = rival::words(&mut program)?;
        let address = wait(&words, |word| match word {
            Word::Ready { address } => Some(address),
            Word::Noticed(_) | Word::TookOver(_) => None,
        })?;
        anyhow::Ok(Rival { program, words, address })
    };
    let mut active = start(0, None)?;
    tail.wait_for("rival-0.", PATIENCE)?;
    let mut takeovers = Gaps::default();
    for number in 1..=kills {
        let standby = start(number, Some(&active.address))?;
        thread::sleep(CALM);
        let signalled = clock::now();
        active.program.kill()?;
        let arrived = tail.wait_for(&format!("rival-{number}."), PATIENCE)?.at;
        let (noticed, took_over) = (standby.noticed()?, standby.took_over()?);
        let millis = |from: Tick, to: Tick| to.since(from).as_secs_f64() * 1e3;
        let phases =
            [("signal → noticed", millis(signalled, noticed)), ("noticed → acknowledged", millis(noticed, took_over))];
        takeovers.add(arrived.since(signalled), &phases);
        active = standby;
    }
    Ok(takeovers)
}

/// One bare appender.
struct Rival {
    program: Program,
    words: Receiver<Word>,
    address: String,
}

impl Rival {
    fn noticed(&self) -> anyhow::Result<Tick> {
        wait(&self.words, |word| if let Word::Noticed(at) = word { Some(at) } else { None })
    }

    fn took_over(&self) -> anyhow::Result<Tick> {
        wait(&self.words, |word| if let Word::TookOver(at) = word { Some(at) } else { None })
    }
}

/// Waits for one word and passes over others.
fn wait<T>(words: &Receiver<Word>, wanted: impl Fn(Word) -> Option<T>) -> anyhow::Result<T> {
    loop {
        let word = words.recv_timeout(PATIENCE).context("a bare appender has nothing to say")?;
        if let Some(found) = wanted(word) {
            return Ok(found);
        }
    }
}
