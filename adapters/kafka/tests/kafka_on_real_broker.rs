//! The adapter against a real broker, named by `UNDERSTUDY_TEST_BOOTSTRAP`; without it each test says so and passes.

mod support;

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use ports::input::{InboundBatch, InputError, InputLog as _, ReadBounds};
use ports::notebook::{Claim, Entry, Reset};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use support::Brokers;
use types::{Generation, Incarnation, Offset, Term, TopicName};
use understudy_adapter_kafka::{
    Admin, ClientSettings, Code, CreateOutcome, Expectations, KafkaInput, Notebook, NotebookFact, ProjectTopics,
    Report, TickOutcome, TickWriter, TopicSpec, check, plan,
};

const SOON: Duration = Duration::from_secs(30);

/// A project of its own on the broker; its topics go with it.
struct Stage {
    settings: ClientSettings,
    admin: Admin,
    specs: Vec<TopicSpec>,
    expected: Expectations,
}

impl Stage {
    fn new(test: &str) -> Option<Self> {
        let Brokers { settings, admin, expected, label } = Brokers::of_the_environment(test)?;
        let project = ProjectTopics {
            inbound: vec![TopicName(format!("{label}.I"))],
            outbound: vec![TopicName(format!("{label}.O"))],
            dead: None,
            journal: None,
            metadata: TopicName(format!("{label}.M")),
            adapter_metadata: Vec::new(),
            scratch: None,
        };
        let specs = plan(&project, &expected);
        let stage = Self { settings, admin, specs, expected };
        for created in stage.admin.create(&stage.specs, false).expect("answered") {
            assert_eq!(created.outcome, CreateOutcome::Created, "{}", created.name);
        }
        Some(stage)
    }

    fn topic(&self, suffix: &str) -> &TopicName {
        let found = self.specs.iter().map(|spec| &spec.name).find(|name| name.as_str().ends_with(suffix));
        found.expect("planned")
    }

    /// Checks until the answer is as it should be: brokers learn of a change one after the other.
    fn checked(&self, expected: &Expectations, fits: impl Fn(&Report) -> bool) -> Report {
        let deadline = Instant::now() + SOON;
        loop {
            let report = check(&self.admin, &self.specs, expected).expect("answered");
            if fits(&report) {
                return report;
            }
            assert!(Instant::now() < deadline, "{:#?}", report.findings);
        }
    }

    fn write(&self, count: usize, bytes: usize) {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", self.settings.bootstrap())
            .set("queue.buffering.max.messages", "2000000")
            .create()
            .expect("a producer");
        let value = vec![b'x'; bytes];
        for _ in 0..count {
            let record = BaseRecord::<(), [u8]>::to(self.topic(".I").as_str()).partition(0).payload(&value);
            producer.send(record).map_err(|(error, _)| error).expect("room in the queue");
        }
        producer.flush(SOON).expect("written");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let names: Vec<TopicName> = self.specs.iter().map(|spec| spec.name.clone()).collect();
        let _ = self.admin.delete(&names);
    }
}

fn read(input: &mut KafkaInput, count: usize) -> Result<InboundBatch, InputError> {
    let mut batch = InboundBatch::default();
    let deadline = Instant::now() + SOON;
    while batch.heads.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} records came", batch.heads.len());
        input.read(&mut batch, ReadBounds { records_max: 4_096, bytes_max: 1 << 22 }, Duration::from_millis(50))?;
    }
    Ok(batch)
}

#[test]
fn topics_come_out_as_planned_and_what_is_changed_is_found_and_mended() {
    let Some(stage) = Stage::new("topics") else { return };
    let found = stage.checked(&stage.expected, Report::is_fit);
    assert!(found.limits.producer_id_expiration.is_some() && found.limits.connections_max_idle.is_some());

    let strict = Expectations { replication: 9, ..stage.expected.clone() };
    let has = |report: &Report, code| report.findings.iter().any(|finding| finding.code == code);
    let found = stage.checked(&strict, |report| has(report, Code::E003));
    assert!(!found.is_fit());

    // What a user's own scripts may have set: kept where we have no opinion, mended where we have one.
    let output = &stage.specs[1];
    let mut foreign = output.clone();
    foreign.configs =
        [("message.timestamp.type", "CreateTime".to_owned()), ("max.message.bytes", "2000000".to_owned())].into();
    stage.admin.repair(&foreign, false).expect("changed");
    stage.checked(&stage.expected, |report| has(report, Code::E014) && !report.is_fit());
    let planned = ["message.timestamp.type=LogAppendTime"];
    assert_eq!(stage.admin.repair(output, true).expect("answered"), planned);
    assert_eq!(stage.admin.repair(output, false).expect("answered"), planned);
    stage.checked(&stage.expected, Report::is_fit);
    assert_eq!(stage.admin.repair(output, false).expect("answered"), Vec::<String>::new());
    assert_eq!(stage.admin.repair(&foreign, true).expect("answered"), ["message.timestamp.type=CreateTime"]);
}

#[test]
fn input_is_read_in_order_and_dated_by_the_broker() {
    let Some(stage) = Stage::new("input") else { return };
    let ticks = TickWriter::open(&stage.settings, stage.topic(".I")).expect("a writer");
    assert_eq!(ticks.send(), TickOutcome::Sent);
    let mut input = KafkaInput::open(&stage.settings, stage.topic(".I"), Offset(0)).expect("opened");
    let batch = read(&mut input, 1).expect("readable");
    assert!(batch.heads[0].tick && batch.heads[0].payload.is_none() && batch.heads[0].timestamp.0 > 0);
    stage.write(200_000, 100);
    let began = Instant::now();
    let batch = read(&mut input, 200_000).expect("readable");
    println!("read 200000 records of 100 B in {:?}", began.elapsed());
    assert!(batch.heads.iter().zip(1..).all(|(head, offset)| head.offset == Offset(offset)));
}

#[test]
fn a_topic_that_was_made_again_stops_its_reader() {
    let Some(stage) = Stage::new("again") else { return };
    stage.write(100, 10);
    let mut input = KafkaInput::open(&stage.settings, stage.topic(".I"), Offset(0)).expect("opened");
    read(&mut input, 100).expect("readable");
    stage.admin.delete(&[stage.topic(".I").clone()]).expect("deleted");
    let inbound: Vec<TopicSpec> = stage.specs.iter().filter(|spec| spec.name == *stage.topic(".I")).cloned().collect();
    let deadline = Instant::now() + SOON;
    while stage.admin.create(&inbound, false).expect("answered")[0].outcome != CreateOutcome::Created {
        assert!(Instant::now() < deadline, "the old topic doesn't go");
    }
    let error = read(&mut input, 1).expect_err("another topic is not the same input");
    println!("the reader said: {error}");
    assert!(matches!(error, InputError::Shortened { needed: Offset(100), .. }), "{error:?}");
}

#[test]
fn a_claim_is_in_force_within_milliseconds() {
    let Some(stage) = Stage::new("notebook") else { return };
    let (tell, facts) = channel();
    let opened = Notebook::open(&stage.settings, stage.topic(".M"), move |fact| drop(tell.send(fact))).expect("opened");
    let reset = Entry::Reset(Reset { project: "p".to_owned(), generation: Generation(1), reason: String::new() });
    opened.notebook.append(&reset, SOON).expect("the first pays for the connection");
    let mut times = Vec::new();
    for term in 1..=200 {
        let claim = Entry::Claim(Claim {
            project: "p".to_owned(),
            term: Term(term),
            member: "esp-1".into(),
            incarnation: Incarnation(1),
            displaced: None,
            reason: "test".to_owned(),
        });
        let began = Instant::now();
        opened.notebook.post(&claim).expect("room");
        loop {
            match facts.recv_timeout(SOON).expect("a fact") {
                NotebookFact::Noted(noted) if noted.entry == claim => break,
                NotebookFact::Noted(_) | NotebookFact::Suspended { .. } | NotebookFact::Resumed => {}
                NotebookFact::Failed(error) => panic!("{error}"),
            }
        }
        times.push(began.elapsed());
    }
    times.sort_unstable();
    println!("from post to read: p50 {:?}, p99 {:?}, max {:?}", times[100], times[198], times[199]);
    // Bounds that catch a lost setting (100 ms polls, 500 ms back-offs), not a busy machine.
    assert!(times[100] < Duration::from_millis(50), "p50 {:?}", times[100]);
}
