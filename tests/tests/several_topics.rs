//! Several topics in, several topics out, one project behind another: nothing lost, repeated or changed by kills.
//!
//! On the cluster of `kafka-scripts`, with topics of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use adapter_kafka::{ClientSettings, watermarks};
use understudy_tests::engines::Engines;
use understudy_tests::example;
use understudy_tests::feed::Feed;
use understudy_tests::programs::{Background, root, understudy};

/// Rows that each source publishes.
const ROWS: usize = 6_000;
/// Rows a second and source, so that faults strike while rows come.
const RATE: u32 = 600;
/// Brokers, engines, adapters and a busy machine together.
const PATIENCE: Duration = Duration::from_secs(90);

/// A cluster, a folder, and names that nobody else uses.
struct Stage {
    folder: tempfile::TempDir,
    bootstrap: String,
    zookeeper: String,
    label: String,
}

impl Stage {
    fn new(name: &str) -> Self {
        let (bootstrap, zookeeper) = example::cluster().expect("a cluster");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { folder, bootstrap, zookeeper, label: format!("{name}{now}_31415") }
    }

    fn at_cluster(&self, text: &str) -> String {
        text.replace("127.0.0.1:19091,127.0.0.1:19092,127.0.0.1:19093", &self.bootstrap)
            .replace("127.0.0.1:12181", &self.zookeeper)
            .replace("plant_31415", &self.label)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("written");
        path
    }

    /// An example's project with topics of this test.
    fn project(&self, example: &str) -> PathBuf {
        let text = fs::read_to_string(root().join("examples").join(example).join("project.xml")).expect("an example");
        let project = self.write(&format!("{example}.xml"), &self.at_cluster(&text));
        understudy(&["topics", "create", "-p", &project.display().to_string()]).expect("topics");
        project
    }

    fn transport(&self, name: &str) -> String {
        let text = fs::read_to_string(root().join("examples/sum20/kafkapub.cfg")).expect("a file of the example");
        let text = self.at_cluster(&text).replace("plant_meter_feed", &format!("{}_{name}", self.label));
        self.write(&format!("{name}.cfg"), &text).display().to_string()
    }

    fn url(&self, window: &str) -> String {
        format!("dfESP://{}/{window}", self.label.replace('_', ":"))
    }

    /// A publisher adapter that takes its time.
    fn publisher(&self, window: &str, rows: &str) -> Background {
        let name = window.replace('/', "_");
        let file = self.write(&format!("{name}.csv"), rows);
        let options = format!(
            "type=pub,url={},fsname={},fstype=csv,rate={RATE},blocksize=1,transport=kafka,transportconfigfile={}",
            self.url(window),
            file.display(),
            self.transport(&name)
        );
        Background::start(&["adapter", "fs", "-C", &options], &self.folder.path().join(format!("{name}.log")))
            .expect("a publisher")
    }

    fn subscriber(&self, window: &str) -> (Background, PathBuf) {
        let name = format!("{}_received", window.replace('/', "_"));
        let file = self.folder.path().join(format!("{name}.csv"));
        let options = format!(
            "type=sub,url={},fsname={},fstype=csv,header=full,transport=kafka,transportconfigfile={}",
            self.url(window),
            file.display(),
            self.transport(&name)
        );
        let log = self.folder.path().join(format!("{name}.log"));
        (Background::start(&["adapter", "fs", "-C", &options], &log).expect("a subscriber"), file)
    }

    /// How far the inbound topics reach together.
    fn ends(&self, topics: &[&str]) -> u64 {
        let settings = ClientSettings::new(&self.bootstrap, None, None).expect("host:port");
        let topics = topics.iter().map(|topic| format!("{}.{topic}", self.label));
        topics.map(|topic| watermarks(&settings, &topic.as_str().into()).expect("its ends").high.0).sum()
    }

    /// What an engine that never failed writes.
    fn replay(&self, project: &Path) -> PathBuf {
        let out = self.folder.path().join(format!("{}.replayed", project.display()).replace('/', "_"));
        let (project, folder) = (project.display().to_string(), out.display().to_string());
        understudy(&["replay", "-p", &project, "--topic", "--out", &folder]).expect("a replay");
        out
    }

    fn assert_identical(&self, expected: &Path, received: &Path) {
        let lines = |path: &Path| fs::read_to_string(path).unwrap_or_default().lines().count();
        let (wanted, deadline) = (lines(expected), Instant::now() + PATIENCE);
        assert!(wanted > 1, "{} is empty: nothing was compared", expected.display());
        while lines(received) < wanted {
            assert!(Instant::now() < deadline, "only {} of {wanted} lines of {}", lines(received), received.display());
            std::thread::sleep(Duration::from_millis(100));
        }
        let words = [expected, received].map(|path| path.display().to_string());
        understudy(&["check", &words[0], &words[1]]).expect("identical");
    }

    fn delete(&self, project: &Path) {
        understudy(&["topics", "delete", "-p", &project.display().to_string(), "--yes"]).expect("deleted");
    }
}

fn readings(meter: usize) -> String {
    (0..ROWS).map(|row| format!("i,n,,{meter},{}\n", (row * 7 + meter) % 101)).collect()
}

/// Rows of the south come as text from a producer of their own.
fn feed_south(stage: &Stage) -> std::thread::JoinHandle<()> {
    let topic = format!("{}.two_feeds.plant.south.I", stage.label);
    let mut feed = Feed::open(&stage.bootstrap, &stage.label, &topic, "south").expect("the south's topic");
    std::thread::spawn(move || {
        let begun = Instant::now();
        for row in 0..ROWS {
            feed.push(&format!("502,{}", (row * 11) % 97)).expect("a writer");
            std::thread::sleep(
                (begun + Duration::from_secs(1) / RATE * row as u32).saturating_duration_since(Instant::now()),
            );
        }
        feed.finish().expect("all rows of the south");
    })
}

#[test]
fn three_inbound_topics_and_two_outbound_ones_survive_kills_of_the_active() {
    let stage = Stage::new("feeds");
    let project = stage.project("two-feeds");
    let mut engines = Engines::start(&project, "esp", 3, &[], stage.folder.path()).expect("engines");
    let (_reports, reports) = stage.subscriber("two_feeds/plant/report");
    let (_limits, limits) = stage.subscriber("two_feeds/plant/limits_in_force");
    let rows: String = (0..ROWS).map(|row| format!("p,n,{},{}\n", row % 40, row % 13 * 100)).collect();
    let publishers =
        [stage.publisher("two_feeds/plant/readings", &readings(501)), stage.publisher("two_feeds/plant/limits", &rows)];
    let south = feed_south(&stage);
    for _ in 0..4 {
        std::thread::sleep(Duration::from_secs(1));
        println!("killed the active: {}", engines.kill_active().expect("a successor"));
    }
    publishers.into_iter().for_each(|publisher| publisher.finish().expect("published"));
    south.join().expect("the south is published");
    let topics = ["readings", "south", "limits"].map(|window| format!("two_feeds.plant.{window}.I"));
    engines.drained(stage.ends(&topics.each_ref().map(String::as_str))).expect("everything consumed");

    let expected = stage.replay(&project);
    stage.assert_identical(&expected.join("report.csv"), &reports);
    stage.assert_identical(&expected.join("limits_in_force.csv"), &limits);
    let rows = fs::read_to_string(&reports).expect("received");
    assert_eq!(rows.lines().count() - 1, 2 * ROWS, "each reading of both plants, once");
    let rows: Vec<&str> = rows.lines().collect();
    let south_first = rows.iter().position(|row| row.contains(",502.")).expect("readings of the south");
    let north_last = rows.iter().rposition(|row| row.contains(",501.")).expect("readings of the north");
    assert!(south_first < north_last, "the topics were consumed side by side");
    drop(engines);
    stage.delete(&project);
}

#[test]
fn a_project_behind_a_project_repeats_and_loses_nothing_when_both_actives_are_killed() {
    let stage = Stage::new("cascade");
    let (first, second) = (stage.project("sum20"), stage.project("cascade"));
    let mut upstream = Engines::start(&first, "up", 2, &[], stage.folder.path()).expect("engines");
    let mut downstream = Engines::start(&second, "down", 2, &[], stage.folder.path()).expect("engines");
    let (_counted, counted) = stage.subscriber("cascade/plant/counted");
    let publisher = stage.publisher("sum20/plant/readings", &readings(501));
    for _ in 0..3 {
        std::thread::sleep(Duration::from_secs(1));
        println!("killed upstream: {}", upstream.kill_active().expect("a successor"));
        println!("killed downstream: {}", downstream.kill_active().expect("a successor"));
    }
    publisher.finish().expect("published");
    upstream.drained(stage.ends(&["sum20.plant.readings.I"])).expect("everything consumed");
    downstream.drained(stage.ends(&["sum20.plant.report.O"])).expect("everything consumed");

    let expected = stage.replay(&second);
    stage.assert_identical(&expected.join("counted.csv"), &counted);
    let rows = fs::read_to_string(&counted).expect("received");
    assert_eq!(rows.lines().count() - 1, ROWS, "each reading once, through two stages");
    // The last column counts what came: without a hole and without a repeat it is the first one, the upstream's key.
    for (i, row) in rows.lines().skip(1).enumerate() {
        let columns: Vec<&str> = row.split(',').map(str::trim).collect();
        assert_eq!((columns[2], columns[columns.len() - 1]), (i.to_string().as_str(), i.to_string().as_str()), "{row}");
    }
    drop((upstream, downstream));
    stage.delete(&second);
    stage.delete(&first);
}
