//! Output by transactions against a real broker, named by `UNDERSTUDY_TEST_BOOTSTRAP`; without it each test says so and passes.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ports::headers;
use ports::output::{OutputBlock, OutputCommand, OutputFact, WriterIdentity};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;
use support::Brokers;
use types::{
    Digest, Generation, MemberName, MessageId, OutputIndex, OutputKind, OutputRecord, Tick, Timestamp, TopicName,
};
use understudy_adapter_kafka::{
    Admin, ClientSettings, ProjectTopics, Record, Start, Step, TopicReader, TransactionalConfig, TransactionalOutput,
    plan,
};

const SOON: Duration = Duration::from_secs(60);

/// An outbound topic of its own; it goes with the test.
struct Stage {
    settings: ClientSettings,
    admin: Admin,
    topic: TopicName,
}

impl Stage {
    fn new(test: &str) -> Option<Self> {
        let Brokers { settings, admin, expected, label } = Brokers::of_the_environment(test)?;
        let topic = TopicName(format!("{label}.O"));
        let project = ProjectTopics {
            inbound: Vec::new(),
            outbound: vec![topic.clone()],
            dead: None,
            journal: None,
            metadata: TopicName(format!("{label}.M")),
            adapter_metadata: Vec::new(),
            scratch: None,
        };
        admin.create(&plan(&project, &expected), false).expect("made");
        Some(Self { settings, admin, topic })
    }

    fn replica(&self, name: &str, generation: u16) -> Replica {
        let (tell, facts) = channel();
        let config = TransactionalConfig {
            settings: self.settings.clone(),
            topic: self.topic.clone(),
            identity: WriterIdentity {
                writer: format!("{name}.1"),
                member: MemberName(name.to_owned()),
                model: format!("00000000000000aa.{generation}"),
                generation: Generation(generation),
            },
            fence: None,
            compression: "lz4",
            clock: || Tick(u64::try_from(now().as_nanos()).expect("fits")),
        };
        let output = TransactionalOutput::start(config, move |fact| drop(tell.send(fact))).expect("started");
        Replica { output, facts }
    }

    /// Every committed record.
    fn records(&self) -> Vec<Record> {
        let mut reader = TopicReader::open(&self.settings, &self.topic, Start::Earliest).expect("opened");
        let mut records = Vec::new();
        let deadline = Instant::now() + SOON;
        loop {
            assert!(Instant::now() < deadline, "the end did not come");
            match reader.step(Duration::from_millis(100)).expect("read") {
                Step::Record(record) => records.push(record),
                Step::End => return records,
                Step::Idle => {}
            }
        }
    }

    /// The log holds one fence record and then `count` outputs, each once and in order; who wrote each of them.
    fn assert_whole(&self, count: u64) -> Vec<String> {
        let records = self.records();
        let (first, outputs) = records.split_first().expect("records");
        assert!(first.has_header(headers::FENCE), "{first:?}");
        let indexes: Vec<u64> = outputs
            .iter()
            .map(|record| record.header_text(headers::INDEX).expect("one").parse().expect("one"))
            .collect();
        assert_eq!(indexes, (0..count).collect::<Vec<_>>());
        outputs.iter().map(|record| record.header_text(headers::WRITER).expect("one").to_owned()).collect()
    }

    fn raw_producer(&self) -> BaseProducer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.settings.bootstrap()).set("transactional.id", self.topic.as_str());
        config.create().expect("a producer")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let metadata = TopicName(self.topic.as_str().replace(".O", ".M"));
        let _ = self.admin.delete(&[self.topic.clone(), metadata]);
    }
}

struct Replica {
    output: TransactionalOutput,
    facts: Receiver<OutputFact>,
}

impl Replica {
    fn send(&self, command: OutputCommand) {
        assert!(self.output.send(command), "the thread has ended");
    }

    fn push(&self, indexes: std::ops::Range<u64>) {
        self.send(OutputCommand::Push(indexes.map(output).collect()));
    }

    /// Waits for a fact; those before it are passed over.
    fn hear(&self, what: &str, is: impl Fn(&OutputFact) -> bool) -> OutputFact {
        let deadline = Instant::now() + SOON;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let fact = self.facts.recv_timeout(left).unwrap_or_else(|error| panic!("{what} was not said: {error}"));
            if is(&fact) {
                return fact;
            }
        }
    }

    fn has_said(&self, is: impl Fn(&OutputFact) -> bool) -> bool {
        self.facts.try_iter().any(|fact| is(&fact))
    }

    fn wait_published(&self, end: u64) {
        let deadline = Instant::now() + SOON;
        while self.output.progress().published() < OutputIndex(end) {
            assert!(Instant::now() < deadline, "only {} published", self.output.progress().published());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970")
}

/// Every replica computes the same.
fn output(index: u64) -> OutputRecord {
    OutputRecord {
        index: OutputIndex(index),
        id: MessageId(index),
        part: 0,
        time: Timestamp(0),
        kind: if index % 7 == 3 { OutputKind::Marker } else { OutputKind::Data },
        payload: if index % 7 == 3 { Vec::new() } else { format!("payload {index}").into_bytes() },
        digest: Digest(u128::from(index) + 1),
    }
}

#[test]
fn a_second_writer_shuts_the_first_out_and_nothing_is_lost_or_repeated() {
    let Some(stage) = Stage::new("second") else { return };
    let (first, second) = (stage.replica("a", 1), stage.replica("b", 1));
    for replica in [&first, &second] {
        replica.hear("opened", |fact| matches!(fact, OutputFact::Opened { fence: None, .. }));
    }
    first.push(0..100);
    first.send(OutputCommand::Write);
    first.hear("took over", |fact| matches!(fact, OutputFact::TookOver { first: OutputIndex(0), .. }));
    first.wait_published(100);
    // The second is elected while the first, which doesn't know it, goes on writing; it learns it at its next transaction.
    second.push(0..100);
    second.send(OutputCommand::Write);
    let deadline = Instant::now() + SOON;
    let mut end = 100;
    while !first.has_said(|fact| matches!(fact, OutputFact::Refused { .. })) {
        assert!(Instant::now() < deadline, "the first was not shut out");
        first.push(end..end + 10);
        second.push(end..end + 10);
        end += 10;
        std::thread::sleep(Duration::from_millis(2));
    }
    first.send(OutputCommand::Follow);
    first.hear("drained", |fact| matches!(fact, OutputFact::Drained));
    // A standby's published end moves by what its own tail shows.
    first.wait_published(end);
    second.wait_published(end);
    let writers = stage.assert_whole(end);
    assert_eq!(writers.last().map(String::as_str), Some("b.1"));

    // Who comes later finds the end without reading all, behind commit markers.
    let third = stage.replica("c", 1);
    let opened = third.hear("opened", |fact| matches!(fact, OutputFact::Opened { .. }));
    let OutputFact::Opened { published_end, last, fence } = opened else { unreachable!("asked for") };
    assert_eq!((published_end, last.map(|(index, ..)| index)), (OutputIndex(end), Some(OutputIndex(end - 1))));
    assert!(fence.is_some());
}

#[test]
fn an_open_transaction_of_a_dead_writer_is_ended_by_its_successor() {
    let Some(stage) = Stage::new("dead") else { return };
    let dead = stage.raw_producer();
    dead.init_transactions(SOON).expect("taken");
    dead.begin_transaction().expect("begun");
    let uncommitted = BaseRecord::<(), str>::to(stage.topic.as_str()).partition(0).payload("never committed");
    dead.send(uncommitted).map_err(|(error, _)| error).expect("room");
    dead.flush(SOON).expect("in the log, uncommitted");

    let successor = stage.replica("b", 1);
    successor.push(0..20);
    successor.send(OutputCommand::Write);
    successor.wait_published(20);
    let writers = stage.assert_whole(20);
    assert!(writers.iter().all(|writer| writer == "b.1"), "{writers:?}");
    let late = dead.commit_transaction(SOON).expect_err("shut out");
    assert_eq!(late.rdkafka_error_code(), Some(RDKafkaErrorCode::Fenced), "{late}");
}

#[test]
fn a_replica_that_begins_finds_its_place_in_a_log_that_never_rests() {
    let Some(stage) = Stage::new("busy") else { return };
    let writer = stage.replica("a", 1);
    writer.send(OutputCommand::Write);
    writer.push(0..1);
    writer.wait_published(1);
    let (output, enough) = (&writer.output, AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for index in 1.. {
                if enough.load(Ordering::Relaxed) {
                    break;
                }
                assert!(output.send(OutputCommand::Push(vec![self::output(index)])), "the thread has ended");
                std::thread::sleep(Duration::from_micros(500));
            }
        });
        let beginner = stage.replica("b", 1);
        beginner.hear("where the log ends", |fact| matches!(fact, OutputFact::Opened { .. }));
        enough.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_newer_generation_ends_the_older_one() {
    let Some(stage) = Stage::new("newer") else { return };
    let old = stage.replica("a", 1);
    old.push(0..5);
    old.send(OutputCommand::Write);
    old.wait_published(5);
    let new = stage.replica("b", 2);
    new.push(0..3);
    new.send(OutputCommand::Write);
    new.wait_published(3);
    let blocked = old.hear("blocked", |fact| matches!(fact, OutputFact::Blocked(_)));
    assert_eq!(blocked, OutputFact::Blocked(OutputBlock::Fenced { ours: Generation(1) }));
    assert_eq!(stage.records().len(), 1 + 5 + 1 + 3);
}
