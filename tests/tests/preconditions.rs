//! What operators change under running engines, on a real broker named by `UNDERSTUDY_TEST_BOOTSTRAP`; without it the test says
//! so and passes.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use adapter_kafka::{Admin, ClientSettings, TopicRole, TopicSpec, TopicState};
use serde_json::Value;
use types::TopicName;
use understudy_tests::programs::{program, root, understudy};

/// Brokers, engines and a busy machine together.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine that ends with the test, whatever happens to it.
struct Engine {
    child: Child,
    http: String,
    log: PathBuf,
}

impl Engine {
    fn start(project: &str, bootstrap: &str, log: &Path) -> Self {
        // Asked of the system and given back: free a moment later too, since nobody else is told of it.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let http = format!("127.0.0.1:{port}");
        let (path, log) = (log.to_owned(), fs::File::create(log).expect("a log file"));
        let child = Command::new(program("understudy"))
            .args(["run", "-p", project, "--name", "esp-1", "--http", &http, "--peer", "127.0.0.1:0"])
            .args(["--set", &format!("bootstrap={bootstrap}"), "--set", "coordination=kafka"])
            .args(["--set", "precondition-period=1s"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn()
            .expect("understudy starts");
        Self { child, http, log: path }
    }

    /// `/status`, unless it isn't served yet.
    fn status(&self) -> Option<Value> {
        let mut stream = TcpStream::connect(&self.http).ok()?;
        stream.write_all(b"GET /status HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// Waits until the status is as it should be.
    fn await_status(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status().unwrap_or_default();
            if fits(&status) {
                return status;
            }
            let log = || fs::read_to_string(&self.log).unwrap_or_default();
            assert!(Instant::now() < deadline, "not {what}: {status:#}\n{}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn min_insync(topic: &str, value: u16) -> TopicSpec {
    TopicSpec {
        name: TopicName(topic.to_owned()),
        role: TopicRole::Outbound,
        partitions: 1,
        replication: 3,
        configs: [("min.insync.replicas", value.to_string())].into(),
    }
}

fn publish(folder: &Path, label: &str, bootstrap: &str) {
    let config = fs::read_to_string(root().join("examples/sum20/kafkapub.cfg")).expect("a file of the example");
    let config = at(&config, label, bootstrap);
    let (path, events) = (folder.join("kafkapub.cfg"), root().join("examples/sum20/events.csv"));
    fs::write(&path, config).expect("written");
    let options = format!(
        "type=pub,url=dfESP://{}/sum20/plant/readings,fsname={},fstype=csv,header=2,transport=kafka,transportconfigfile={}",
        label.replace('_', ":"),
        events.display(),
        path.display()
    );
    understudy(&["adapter", "fs", "-C", &options]).expect("published");
}

/// The example's files for these brokers, with topics of their own.
fn at(text: &str, label: &str, bootstrap: &str) -> String {
    let brokers = "127.0.0.1:19091,127.0.0.1:19092,127.0.0.1:19093";
    text.replace(brokers, bootstrap).replace("plant_31415", label).replace("plant_meter_feed", &format!("{label}_feed"))
}

/// What the example's file of expected outputs holds, below its heading.
fn expected_outputs() -> u64 {
    let expected = fs::read_to_string(root().join("examples/sum20/expected.csv")).expect("a file of the example");
    expected.lines().count() as u64 - 1
}

/// The example on brokers of its own, up to the moment before an engine starts.
struct House {
    bootstrap: String,
    label: String,
    folder: tempfile::TempDir,
    project: String,
    admin: Admin,
}

impl House {
    /// `None` says that the test is skipped.
    fn open(name: &str) -> Option<Self> {
        let Ok(bootstrap) = std::env::var("UNDERSTUDY_TEST_BOOTSTRAP") else {
            eprintln!("skipped: UNDERSTUDY_TEST_BOOTSTRAP names no broker");
            return None;
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        let label = format!("{name}{now}_31415");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let project = folder.path().join("project.xml");
        let text = fs::read_to_string(root().join("examples/sum20/project.xml")).expect("a file of the example");
        fs::write(&project, at(&text, &label, &bootstrap)).expect("written");
        let settings = ClientSettings::new(&bootstrap, None, None).expect("host:port");
        let admin = Admin::open(&settings).expect("a client");
        let house = Self { bootstrap, label, folder, project: project.display().to_string(), admin };
        house.topics(&["create"]).expect("topics");
        Some(house)
    }

    fn topics(&self, words: &[&str]) -> anyhow::Result<Output> {
        let setting = format!("bootstrap={}", self.bootstrap);
        understudy(&[&["topics"], words, &["-p", &self.project, "--set", &setting]].concat())
    }

    /// Another topic of the same name; the brokers take their time to forget the first.
    fn replace(&self, topic: &TopicName) {
        self.admin.delete(std::slice::from_ref(topic)).expect("deleted");
        let deadline = Instant::now() + PATIENCE;
        let is_gone = || {
            let found = self.admin.describe(std::slice::from_ref(topic)).expect("brokers answer");
            found.topics[0].state == TopicState::Missing
        };
        while !is_gone() || self.topics(&["create"]).is_err() {
            assert!(Instant::now() < deadline, "{topic} can't be made again");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("engine.log")
    }

    fn engine(&self) -> Engine {
        Engine::start(&self.project, &self.bootstrap, &self.log())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // A cluster of tests is wiped anyway.
        let _ = self.topics(&["delete", "--yes"]);
    }
}

#[test]
fn an_inbound_topic_that_was_deleted_and_made_again_is_noticed_while_running_and_at_start() {
    let Some(house) = House::open("replaced") else { return };
    let engine = house.engine();
    engine.await_status("active", |status| status["role"] == "active");
    let inbound = TopicName(format!("{}.sum20.plant.readings.I", house.label));
    house.replace(&inbound);
    let status = engine.await_status("blocked", |status| status["role"] == "blocked");
    let said = status.to_string();
    assert!(said.contains("topic-replaced") && said.contains(inbound.as_str()), "{said}");
    drop(engine);

    let mut engine = house.engine();
    let status = engine.child.wait().expect("it ends");
    let log = fs::read_to_string(house.log()).expect("the engine's log");
    assert_eq!(status.code(), Some(78), "{log}");
    assert!(log.contains("E021") && log.contains("understudy reset"), "{log}");
}

#[test]
fn an_output_topic_that_could_lose_records_is_held_until_it_is_mended() {
    let Some(house) = House::open("held") else { return };
    let engine = house.engine();
    let status = engine.await_status("active", |status| status["role"] == "active" && status["findings"].is_array());
    let topic = status["outputs"][0]["topic"].as_str().expect("an output topic").to_owned();
    assert!(topic.starts_with(&house.label), "{topic} isn't this test's own");

    house.admin.repair(&min_insync(&topic, 1), false).expect("changed");
    let status = engine.await_status("held", |status| status["outputs"][0]["producer_state"] != "ok");
    let said = status["outputs"][0]["producer_state"].as_str().unwrap_or_default();
    assert!(said.contains("E003") && said.contains("min.insync.replicas=2"), "{said}");
    assert_eq!(status["role"], "active");
    publish(house.folder.path(), &house.label, &house.bootstrap);
    let kept = |status: &Value| status["outputs"][0]["kept_back"].as_u64().unwrap_or(0);
    let published = |status: &Value| status["outputs"][0]["published"].as_u64().unwrap_or(0);
    let status = engine.await_status("published and kept", |status| {
        published(status) == expected_outputs() && kept(status) == published(status)
    });

    house.admin.repair(&min_insync(&topic, 2), false).expect("changed");
    // The writer is told a moment after the status is.
    let mended = engine.await_status("mended and let go", |status| {
        status["outputs"][0]["producer_state"] == "ok" && kept(status) == 0
    });
    assert_eq!(published(&mended), published(&status));
    let log = fs::read_to_string(house.log()).expect("the engine's log");
    let times = |words: &str| log.matches(words).count();
    assert_eq!((times("a precondition is broken"), times("a precondition holds again")), (1, 1), "each is said once");
}
