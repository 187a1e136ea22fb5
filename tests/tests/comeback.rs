//! Coming back on real brokers: from the own disk, from a peer after the input was truncated, all at once, and not at all.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;
use understudy_tests::engine::{Engine, await_all};
use understudy_tests::plant::Plant;
use understudy_tests::programs::understudy;

const NAMES: [&str; 3] = ["esp-1", "esp-2", "esp-3"];

/// A standby in sync is known to be so within this time.
const HAND_OVER_PATIENCE: Duration = Duration::from_secs(10);

/// Keeps snapshots, takes none.
const NEVER: &str = "snapshot-interval=0s";
/// Some a second.
const OFTEN: &str = "snapshot-interval=300ms";

fn start(plant: &Plant, name: &str, interval: &str) -> Engine {
    let data = plant.folder().join("data").join(name).display().to_string();
    plant.engine(name, &["--data", &data, "--set", interval]).expect("an engine")
}

fn start_all(plant: &Plant) -> Vec<Engine> {
    NAMES.map(|name| start(plant, name, OFTEN)).into()
}

fn is_active(status: &Value) -> bool {
    status["role"] == "active"
}

/// Active or in sync, with all input read and all output published.
fn is_settled(status: &Value) -> bool {
    let ready = is_active(status) || (status["role"] == "standby" && status["eligible"] == true);
    let output = &status["outputs"][0];
    ready && status["active"].is_string() && status["input"]["lag"] == 0 && output["index"] == output["published"]
}

/// Waits until one is active and all are settled, and puts the one that is active first.
fn settle(engines: &mut [Engine]) {
    let first = await_all(engines, "one active and all settled", |statuses| {
        let active: Vec<usize> = (0..statuses.len()).filter(|&i| is_active(&statuses[i])).collect();
        active.first().copied().filter(|_| active.len() == 1 && statuses.iter().all(is_settled))
    });
    engines.swap(0, first);
}

/// Waits until there is a snapshot behind all that was read so far, and says where input goes on from it.
fn snapshot_of(engine: &Engine) -> u64 {
    let read = engine.status().and_then(|status| status["input"]["offset"].as_u64());
    let newest = |status: &Value| status["snapshots"]["newest"].as_u64();
    let covers = |status: &Value| read.is_some() && newest(status) >= read;
    newest(&engine.await_status("snapshotted", covers)).expect("a snapshot")
}

/// Where a settled engine went on from when it started.
fn restored(engine: &Engine) -> u64 {
    let status = engine.await_status("settled", is_settled);
    status["snapshots"]["restored"].as_u64().unwrap_or_else(|| panic!("{} replayed all: {status:#}", engine.name))
}

fn was_fetched(engine: &Engine) -> bool {
    engine.process.log().contains("snapshot fetched from a peer")
}

#[test]
fn replicas_come_back_from_disk_and_from_a_peer_though_the_input_was_truncated() {
    let plant = Plant::build("comeback").expect("topics");
    let _subscriber = plant.subscriber().expect("a subscriber");
    one_goes_on_from_its_own_disk(&plant);
    one_comes_back_from_a_peer_and_leads(&plant);
    all_come_back_at_once(&plant);
    let expected = plant.expected().expect("an oracle");
    assert!(plant.output(&expected).expect("all output") == expected, "not what an engine that never failed writes");
    nobody_comes_back_without_snapshots(&plant);
}

/// The other one has none to offer.
fn one_goes_on_from_its_own_disk(plant: &Plant) {
    let active = start(plant, NAMES[1], NEVER);
    active.await_status("active", is_active);
    plant.publish(4_000).expect("published");
    let standby = start(plant, NAMES[0], OFTEN);
    standby.await_status("settled", is_settled);
    let kept = snapshot_of(&standby);
    drop(standby);
    plant.publish(500).expect("published");
    let back = start(plant, NAMES[0], NEVER);
    assert!(restored(&back) >= kept, "went on from {}, {kept} was kept", restored(&back));
    assert!(!was_fetched(&back));
}

/// Its disk is empty, and the input that it would replay is gone.
fn one_comes_back_from_a_peer_and_leads(plant: &Plant) {
    let mut engines = start_all(plant);
    settle(&mut engines);
    let lost = engines.remove(1).name.clone();
    fs::remove_dir_all(plant.folder().join("data").join(&lost)).expect("its folder");
    let offered = snapshot_of(&engines[1]);
    truncate_below_newer_rows(plant, offered);
    let back = start(plant, &lost, OFTEN);
    assert!(restored(&back) >= offered, "went on from {}, {offered} was offered", restored(&back));
    assert!(was_fetched(&back));
    plant.publish(500).expect("published");
    back.await_status("settled", is_settled);
    hand_over(&engines[0], &lost);
    back.await_status("active", is_active);
    plant.publish(500).expect("published");
    engines.push(back);
    settle(&mut engines);
    // What the next ones find: snapshots of those who stood by, and an input without what is before.
    let kept = engines[1..].iter().map(snapshot_of).min().expect("two standbys");
    truncate_below_newer_rows(plant, kept);
}

/// Asks until it is done: that the standby is in sync reaches the active one by a heartbeat, and its place by the line.
fn hand_over(active: &Engine, to: &str) {
    let deadline = Instant::now() + HAND_OVER_PATIENCE;
    while let Err(error) = understudy(&["switchover", "--http", active.http(), "--to", to]) {
        assert!(Instant::now() < deadline, "{error:#}");
    }
}

/// As retention does: the newest records stay, or a publisher couldn't tell any more how far it was.
fn truncate_below_newer_rows(plant: &Plant, offset: u64) {
    plant.publish(500).expect("published");
    plant.truncate_input(offset).expect("truncated");
}

/// The one that led has none that is new enough, so it needs another's, who has only just started too.
fn all_come_back_at_once(plant: &Plant) {
    let mut engines = start_all(plant);
    settle(&mut engines);
    for engine in &engines {
        assert!(restored(engine) > 0);
    }
    plant.publish(500).expect("published");
    settle(&mut engines);
}

/// Blocked is better than different: the message says what would have helped.
fn nobody_comes_back_without_snapshots(plant: &Plant) {
    fs::remove_dir_all(plant.folder().join("data")).expect("all folders");
    let engine = start(plant, NAMES[0], OFTEN);
    let blocked = engine.await_status("blocked", |status| status["role"] == "blocked");
    let reason = blocked["reason"].as_str().expect("a reason");
    for said in ["input-truncated", "E004", "retention of about", "understudy reset"] {
        assert!(reason.contains(said), "{said} isn't said: {reason}");
    }
    drop(engine);
    one_goes_on_with_what_is_left(plant);
}

/// Its sums begin anew; its outputs go on behind the last one in the log, so nobody reads one twice.
fn one_goes_on_with_what_is_left(plant: &Plant) {
    let words = ["--set", "allow-partial-replay=true"];
    let engine = plant.engine("partial", &words).expect("an engine");
    let published = |status: &Value| status["outputs"][0]["published"].as_u64();
    let before = published(&engine.await_status("active", |status| is_active(status) && is_settled(status)));
    assert!(before > Some(0));
    plant.publish(80).expect("published");
    let more = |status: &Value| published(status) == before.map(|before| before + 10) && is_settled(status);
    engine.await_status("ten blocks further", more);
}
