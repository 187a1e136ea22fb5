//! (f) Switchovers on real brokers: how long the output rests when the active engine is asked to hand over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;

use crate::cluster::{Cluster, Topics};
use crate::feed::Feed;
use crate::gaps::Gaps;
use crate::print;
use crate::replica::{PATIENCE, Replica, settle};
use crate::tail::Tail;

/// Steady work before each switchover.
const CALM: Duration = Duration::from_millis(200);
/// What is aimed at and what is promised, in milliseconds.
const TARGET_MS: f64 = 2.0;
const LIMIT_MS: f64 = 5.0;

pub(crate) fn run(switchovers: u32, per_second: u32) -> anyhow::Result<()> {
    print(&format!(
        "\n(f) {switchovers} switchovers on real brokers at {per_second} records/s, ms between the last record of the old and \
         the first of the new one"
    ));
    let Some(cluster) = Cluster::find()? else { return Ok(()) };
    let topics = Topics::create(&cluster, "switchovers")?;
    let [arrival, log] = measure(&cluster, &topics, switchovers, per_second)?;
    print(&arrival.table("at a reader", TARGET_MS, LIMIT_MS));
    print(&log.table("by the log's own times", TARGET_MS, LIMIT_MS));
    Ok(())
}

fn measure(cluster: &Cluster, topics: &Topics, switchovers: u32, per_second: u32) -> anyhow::Result<[Gaps; 2]> {
    let mut feed = Feed::open(cluster, topics)?;
    let tail = Tail::start(cluster, &topics.outbound)?;
    let mut pair = [Replica::start(cluster, topics, "esp-1")?, Replica::start(cluster, topics, "esp-2")?];
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let feeding = scope.spawn(|| feed.steady(per_second, || !ended.load(Ordering::Relaxed)));
        let gaps = (0..switchovers).try_fold([Gaps::default(), Gaps::default()], |[mut arrival, mut log], _| {
            let active = settle(&mut pair)?;
            thread::sleep(CALM);
            pair[active].hand_over()?;
            let successor = &pair[1 - active];
            let change = tail.wait_for(successor.name, PATIENCE)?;
            arrival.add(change.at.since(change.before), &successor.phases()?);
            log.add(change.in_log, &[]);
            anyhow::Ok([arrival, log])
        });
        ended.store(true, Ordering::Relaxed);
        feeding.join().ok().context("the publisher's thread has ended")??;
        gaps
    })
}
