//! (g) Catching up on real brokers: a replica without a snapshot begins at the origin while records go on coming.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::cluster::{Cluster, Topics};
use crate::feed::Feed;
use crate::measure::Rounds;
use crate::print;
use crate::replica::{PATIENCE, Replica};

/// Records a second that come meanwhile.
const LIVE_PER_SECOND: u32 = 20_000;
/// So many times faster than they come is aimed at.
const TARGET_RATIO: f64 = 10.0;
/// How often the replica is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub(crate) fn run(backlog: u32, rounds: u32) -> anyhow::Result<()> {
    print(&format!(
        "\n(g) catch-up on real brokers: a second replica begins {backlog} records behind, without a snapshot, while \
         {LIVE_PER_SECOND} records/s come; {rounds} rounds"
    ));
    let Some(cluster) = Cluster::find()? else { return Ok(()) };
    let topics = Topics::create(&cluster, "catch_up")?;
    let mut feed = Feed::open(&cluster, &topics)?;
    feed.fill(u64::from(backlog))?;
    let mut first = Replica::start(&cluster, &topics, "esp-1")?;
    reach(&mut first, |status| status["outputs"][0]["published"].as_u64() >= Some(u64::from(backlog)))?;
    let ended = AtomicBool::new(false);
    let rates = thread::scope(|scope| {
        let feeding = scope.spawn(|| feed.steady(LIVE_PER_SECOND, || !ended.load(Ordering::Relaxed)));
        let rates = (0..rounds).map(|_| catch_up(&cluster, &topics)).collect::<anyhow::Result<Rounds>>();
        ended.store(true, Ordering::Relaxed);
        feeding.join().ok().context("the publisher's thread has ended")??;
        rates
    })?;
    let live = f64::from(LIVE_PER_SECOND);
    print(&format!(
        "median {:.0} records/s (best {:.0}): {:.1} times the rate at which they come, target {TARGET_RATIO}",
        rates.median(),
        rates.most(),
        rates.median() / live,
    ));
    Ok(())
}

/// Records a second from the first one seen to have been read until the replica could take over.
fn catch_up(cluster: &Cluster, topics: &Topics) -> anyhow::Result<f64> {
    let mut replica = Replica::start(cluster, topics, "esp-2")?;
    let (began, before) = reach(&mut replica, |status| status["input"]["records"].as_u64() > Some(0))?;
    let (done, after) = reach(&mut replica, |status| status["eligible"] == true)?;
    let seconds = done.duration_since(began).as_secs_f64();
    let per_second = (after - before) as f64 / seconds;
    print(&format!("{:>8} records in {seconds:>6.2} s: {per_second:>9.0} records/s", after - before));
    Ok(per_second)
}

/// Waits until the replica's status is such; when that was, and how many records it had processed.
fn reach(replica: &mut Replica, is_there: impl Fn(&serde_json::Value) -> bool) -> anyhow::Result<(Instant, u64)> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = replica.status().unwrap_or_default();
        if is_there(&status) {
            let records = status["input"]["records"].as_u64().context("a status without records")?;
            return Ok((Instant::now(), records));
        }
        replica.program.check()?;
        if Instant::now() > deadline {
            bail!("{} is not there within {PATIENCE:?}: {}", replica.name, status["input"]);
        }
        thread::sleep(LOOK_EVERY);
    }
}
