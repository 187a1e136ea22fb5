//! (d) on real brokers: `kill -9` of whoever writes, two replicas of the daemon and two bare appenders, one after the
//! other, in one run. The clock runs from the signal to the successor's first record at a reader in this process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use crossbeam_channel::Receiver;
use daemon::clock;
use serde_json::Value;
use types::Tick;

use crate::cluster::{Cluster, Topics};
use crate::feed::Feed;
use crate::measure::Rounds;
use crate::print;
use crate::process::{Program, daemon, free_address};
use crate::rival::{self, Word};
use crate::tail::Tail;

/// How long replicas may take to settle, or one to take over.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a replica may take to answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);
/// How often replicas are asked while something is waited for.
const ASK_EVERY: Duration = Duration::from_millis(25);
/// Steady work before each kill.
const CALM: Duration = Duration::from_millis(700);
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
    let whole = replicas(&cluster, &topics, kills, per_second)?;
    print(&whole.table("daemon"));
    let bare = rivals(&cluster, &topics, kills, per_second)?;
    print(&bare.table("bare appender"));
    let ratio = |share| whole.gaps.quantile(share).unwrap_or_default() / bare.gaps.quantile(share).unwrap_or(f64::NAN);
    print(&format!("daemon ÷ bare appender: p50 {:.1}, p99 {:.1}", ratio(0.5), ratio(0.99)));
    Ok(())
}

/// What all takeovers of a kind took.
#[derive(Default)]
struct Takeovers {
    gaps: Rounds,
    phases: Vec<(&'static str, Rounds)>,
}

impl Takeovers {
    fn add(&mut self, gap: Duration, phases: &[(&'static str, f64)]) {
        self.gaps.add(gap.as_secs_f64() * 1e3);
        for (i, (name, millis)) in phases.iter().enumerate() {
            if self.phases.len() <= i {
                self.phases.push((name, Rounds::default()));
            }
            self.phases[i].1.add(*millis);
        }
    }

    fn table(&self, who: &str) -> String {
        let row = |name: &str, rounds: &Rounds| {
            let at = |share| rounds.quantile(share).unwrap_or_default();
            format!(
                "{name:<34} p50 {:>6.1}  p90 {:>6.1}  p99 {:>6.1}  least {:>5.1}",
                at(0.5),
                at(0.9),
                at(0.99),
                at(0.0)
            )
        };
        let mut lines = vec![row(who, &self.gaps)];
        lines.extend(self.phases.iter().map(|(name, rounds)| row(&format!("  {name}"), rounds)));
        let targets = format!("  target: p50 {TARGET_P50_MS}, p99 {TARGET_P99_MS}; output without a hole or a repeat");
        lines.push(targets);
        lines.join("\n")
    }
}

/// The daemon's replicas, with input at a steady rate.
fn replicas(cluster: &Cluster, topics: &Topics, kills: u32, per_second: u32) -> anyhow::Result<Takeovers> {
    let mut feed = Feed::open(cluster, topics)?;
    let tail = Tail::start(cluster, &topics.outbound)?;
    let mut pair = [Replica::start(cluster, topics, "esp-1")?, Replica::start(cluster, topics, "esp-2")?];
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let feeding = scope.spawn(|| feed.steady(per_second, || !ended.load(Ordering::Relaxed)));
        let killed = (0..kills).try_fold(Takeovers::default(), |mut takeovers, _| {
            let active = settle(&mut pair)?;
            thread::sleep(CALM);
            let signalled = clock::now();
            pair[active].program.kill()?;
            let successor = &pair[1 - active];
            let arrived = tail.wait_for(successor.name, PATIENCE)?;
            takeovers.add(arrived.since(signalled), &successor.phases()?);
            pair[active] = Replica::start(cluster, topics, pair[active].name)?;
            anyhow::Ok(takeovers)
        });
        ended.store(true, Ordering::Relaxed);
        feeding.join().ok().context("the publisher's thread has ended")??;
        killed
    })
}

/// One replica of the daemon.
struct Replica {
    name: &'static str,
    http: String,
    program: Program,
}

impl Replica {
    fn start(cluster: &Cluster, topics: &Topics, name: &'static str) -> anyhow::Result<Self> {
        let http = free_address()?;
        let program = Program::start(name, &mut daemon(cluster, topics, name, &http)?)?;
        Ok(Self { name, http, program })
    }

    /// `None` while it doesn't answer.
    fn status(&self) -> Option<Value> {
        let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(ANSWER_PATIENCE)).build().into();
        let mut answer = agent.get(format!("http://{}/status", self.http)).call().ok()?;
        serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()
    }

    /// How long each step of its takeover took, as it says itself once its first append is acknowledged.
    fn phases(&self) -> anyhow::Result<Vec<(&'static str, f64)>> {
        const STEPS: [(&str, &str); 3] = [
            ("decide", "noticed → decided"),
            ("write", "decided → first append sent"),
            ("acknowledge", "sent → acknowledged"),
        ];
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let status = self.status().unwrap_or_default();
            let millis = |step: &str| status["last_failover"]["phases_ms"][step].as_f64();
            if millis("acknowledge").is_some() {
                return Ok(STEPS.iter().filter_map(|(step, name)| Some((*name, millis(step)?))).collect());
            }
            thread::sleep(ASK_EVERY);
        }
        bail!("{} doesn't say how its takeover went", self.name)
    }
}

/// Waits until one is active and the other could take over; which one is active.
fn settle(pair: &mut [Replica; 2]) -> anyhow::Result<usize> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = pair.each_ref().map(|replica| replica.status().unwrap_or_default());
        for active in 0..2 {
            let other = &seen[1 - active];
            if seen[active]["role"] == "active" && other["role"] == "standby" && other["eligible"] == true {
                return Ok(active);
            }
        }
        for replica in pair.iter_mut() {
            replica.program.check()?;
        }
        if Instant::now() > deadline {
            let said = seen
                .each_ref()
                .map(|status| [&status["role"], &status["eligible"], &status["input"]].map(Value::to_string));
            bail!("the replicas did not settle within {PATIENCE:?}; role, eligible and input of each: {said:?}");
        }
        thread::sleep(ASK_EVERY);
    }
}

/// Bare appenders: whoever survives is followed by a fresh one.
fn rivals(cluster: &Cluster, topics: &Topics, kills: u32, per_second: u32) -> anyhow::Result<Takeovers> {
    let tail = Tail::start(cluster, &topics.bare)?;
    let zero = clock::now();
    let start = |number: u32, active: Option<&str>| {
        let mut program = rival::start(cluster, topics, &format!("rival-{number}."), per_second, zero, active)?;
        let words = rival::words(&mut program)?;
        let address = wait(&words, |word| match word {
            Word::Ready { address } => Some(address),
            Word::Noticed(_) | Word::TookOver(_) => None,
        })?;
        anyhow::Ok(Rival { program, words, address })
    };
    let mut active = start(0, None)?;
    tail.wait_for("rival-0.", PATIENCE)?;
    let mut takeovers = Takeovers::default();
    for number in 1..=kills {
        let standby = start(number, Some(&active.address))?;
        thread::sleep(CALM);
        let signalled = clock::now();
        active.program.kill()?;
        let arrived = tail.wait_for(&format!("rival-{number}."), PATIENCE)?;
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
