//! The adapter against a broker in memory that speaks Kafka's protocol over TCP.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use krafka::testing::{ApiKey, Control, FakeBroker};
use ports::coordinator::{Candidate, CoordinatorCommand, CoordinatorFact};
use ports::headers::{SOURCE, TICK};
use ports::input::{InboundBatch, InputError, InputLog as _, ReadBounds};
use ports::notebook::{Entry, Member, Reset};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use types::{Generation, Incarnation, Offset, SourcePosition, Term, TopicName};
use understudy_adapter_kafka::{
    Admin, ClaimCoordinator, ClientSettings, Code, CreateOutcome, Error, Expectations, InitialOffset, KafkaInput,
    Notebook, NotebookFact, ProjectTopics, Start, Step, TickOutcome, TickWriter, TopicReader, TopicState, check, plan,
    resolve, watermarks,
};

/// Nothing here takes so long; when it does the test has failed.
const SOON: Duration = Duration::from_secs(20);

const ALL: ReadBounds = ReadBounds { records_max: 1_000, bytes_max: 1 << 20 };

/// A broker and the runtime it lives in.
struct World {
    broker: FakeBroker,
    _runtime: tokio::runtime::Runtime,
}

impl World {
    fn new(topics: &[&str]) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime");
        let broker = runtime.block_on(FakeBroker::start()).expect("a port on loopback");
        for topic in topics {
            broker.create_topic(topic, 1);
        }
        Self { broker, _runtime: runtime }
    }

    fn settings(&self) -> ClientSettings {
        self.settings_with("")
    }

    fn settings_with(&self, config: &str) -> ClientSettings {
        ClientSettings::new(&self.broker.bootstrap_servers(), Some(config), None).expect("harmless settings")
    }

    /// Writes records as some user's producer would.
    fn write(&self, topic: &str, values: impl IntoIterator<Item = String>, headers: &OwnedHeaders) {
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", self.broker.bootstrap_servers()).create().expect("a producer");
        for value in values {
            let record = BaseRecord::<(), String>::to(topic).partition(0).payload(&value).headers(headers.clone());
            producer.send(record).map_err(|(error, _)| error).expect("room in the queue");
        }
        producer.flush(SOON).expect("written");
    }

    fn numbers(&self, topic: &str, numbers: std::ops::Range<u64>) {
        self.write(topic, numbers.map(|number| format!("record {number}")), &OwnedHeaders::new());
    }
}

/// Reads until `count` records are there.
fn read(input: &mut KafkaInput, count: usize) -> Result<InboundBatch, InputError> {
    let mut batch = InboundBatch::default();
    let deadline = Instant::now() + SOON;
    while batch.heads.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} records came", batch.heads.len());
        input.read(&mut batch, ALL, Duration::from_millis(50))?;
    }
    Ok(batch)
}

/// Reads on until it fails.
fn failure(input: &mut KafkaInput) -> InputError {
    let deadline = Instant::now() + SOON;
    let mut batch = InboundBatch::default();
    while Instant::now() < deadline {
        match input.read(&mut batch, ALL, Duration::from_millis(50)) {
            Ok(()) => assert!(batch.heads.is_empty(), "nothing could be read: {:?}", batch.heads),
            Err(error) => return error,
        }
    }
    panic!("reading went on");
}

fn topic(name: &str) -> TopicName {
    TopicName::from(name)
}

#[test]
fn input_is_read_in_order_from_the_offset_given() {
    let world = World::new(&["in.I"]);
    world.numbers("in.I", 0..500);
    let mut input = KafkaInput::open(&world.settings(), &topic("in.I"), Offset(100)).expect("opened");
    let batch = read(&mut input, 400).expect("readable");
    for (head, number) in batch.heads.iter().zip(100u64..) {
        assert_eq!(head.offset, Offset(number));
        assert_eq!(batch.payload(head), Some(format!("record {number}").as_bytes()));
    }
    assert_eq!(input.next(), Offset(500));
    world.numbers("in.I", 500..501);
    assert_eq!(read(&mut input, 1).expect("readable").heads[0].offset, Offset(500));
}

#[test]
fn one_read_brings_no_more_than_its_bounds() {
    let world = World::new(&["in.I"]);
    world.numbers("in.I", 0..100);
    let mut input = KafkaInput::open(&world.settings(), &topic("in.I"), Offset(0)).expect("opened");
    let mut batch = InboundBatch::default();
    input.read(&mut batch, ReadBounds { records_max: 7, bytes_max: 1 << 20 }, SOON).expect("readable");
    assert!((1..=7).contains(&batch.heads.len()));
    batch.clear();
    input.read(&mut batch, ReadBounds { records_max: 1_000, bytes_max: 1 }, SOON).expect("readable");
    assert_eq!(batch.heads.len(), 1);
}

#[test]
fn ticks_and_sources_are_told_apart_from_data() {
    let world = World::new(&["in.I"]);
    let source =
        OwnedHeaders::new().insert(Header { key: SOURCE, value: Some("3 40 900 00000000000000ff trades.csv") });
    world.write("in.I", ["rows".to_owned()], &source);
    let ticks = TickWriter::open(&world.settings(), &topic("in.I")).expect("a writer");
    assert_eq!(ticks.send(), TickOutcome::Sent);
    let mut input = KafkaInput::open(&world.settings(), &topic("in.I"), Offset(0)).expect("opened");
    let batch = read(&mut input, 2).expect("readable");
    let position = SourcePosition { index: 3, row: 40, byte: 900 };
    assert_eq!(batch.heads[0].source, Some(("trades.csv".into(), position)));
    assert!(!batch.heads[0].tick && batch.heads[0].timestamp.0 > 0);
    assert!(batch.heads[1].tick && batch.heads[1].payload.is_none() && batch.heads[1].source.is_none());
}

#[test]
fn a_tick_is_not_sent_before_the_last_one_is_acknowledged() {
    let world = World::new(&["in.I"]);
    let ticks = TickWriter::open(&world.settings(), &topic("in.I")).expect("a writer");
    world.broker.on_once(ApiKey::Produce, |_| Control::Delay(Duration::from_millis(300)));
    assert_eq!(ticks.send(), TickOutcome::Sent);
    assert_eq!(ticks.send(), TickOutcome::StillOnItsWay);
    let deadline = Instant::now() + SOON;
    while ticks.is_on_its_way() {
        assert!(Instant::now() < deadline, "no acknowledgement");
        std::thread::yield_now();
    }
    assert_eq!(ticks.send(), TickOutcome::Sent);
}

#[test]
fn an_origin_that_is_deleted_is_named_and_nothing_is_read() {
    let world = World::new(&["in.I"]);
    world.numbers("in.I", 0..10);
    world.broker.with_state(|state| state.partition_mut("in.I", 0).expect("created").log_start_offset = 4);
    let refused = KafkaInput::open(&world.settings(), &topic("in.I"), Offset(3)).err();
    let Some(Error::Read { source: InputError::Truncated { needed, earliest, .. }, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((needed, earliest), (Offset(3), Offset(4)));
    let refused = KafkaInput::open(&world.settings(), &topic("in.I"), Offset(11)).err();
    assert!(matches!(
        refused,
        Some(Error::Read { source: InputError::Shortened { needed: Offset(11), end: Offset(10) }, .. })
    ));
    KafkaInput::open(&world.settings(), &topic("in.I"), Offset(10)).expect("the end is a place to begin");
}

/// Three batches of one record, and one bit of the second that is another; called again, it is as it was.
fn flip(world: &World) {
    world.broker.with_state(|state| {
        let batch = &mut state.partition_mut("in.I", 0).expect("created").log[1];
        let mut bytes = batch.to_vec();
        *bytes.last_mut().expect("a record") ^= 1;
        *batch = bytes.into();
    });
}

#[test]
fn a_batch_that_came_damaged_is_read_again_and_nothing_behind_it_before() {
    let world = World::new(&["in.I"]);
    (0..3).for_each(|number| world.numbers("in.I", number..number + 1));
    flip(&world);
    let mut input = KafkaInput::open(&world.settings(), &topic("in.I"), Offset(0)).expect("opened");
    let first = read(&mut input, 1).expect("readable");
    assert_eq!(first.heads.len(), 1, "nothing behind the damage");
    let mut none = InboundBatch::default();
    input.read(&mut none, ALL, Duration::from_millis(100)).expect("damage may pass");
    assert!(none.heads.is_empty(), "the damaged record was left out: {:?}", none.heads);
    flip(&world);
    let offsets: Vec<u64> = read(&mut input, 2).expect("readable").heads.iter().map(|head| head.offset.0).collect();
    assert_eq!(offsets, [1, 2]);
}

#[test]
fn a_batch_that_lies_damaged_is_never_left_out() {
    let world = World::new(&["in.I"]);
    (0..3).for_each(|number| world.numbers("in.I", number..number + 1));
    flip(&world);
    let mut input = KafkaInput::open(&world.settings(), &topic("in.I"), Offset(1)).expect("opened");
    let error = failure(&mut input);
    assert!(matches!(error, InputError::Failed { .. }), "{error:?}");
}

#[test]
fn a_header_that_is_no_text_brings_nobody_down() {
    let world = World::new(&["in.I"]);
    let headers = OwnedHeaders::new()
        .insert(Header { key: "foreign-name", value: Some("x") })
        .insert(Header { key: TICK, value: None::<&str> });
    world.write("in.I", ["data".to_owned()], &headers);
    world.broker.with_state(|state| {
        let batch = &mut state.partition_mut("in.I", 0).expect("created").log[0];
        let mut bytes = batch.to_vec();
        let name = bytes.windows(12).position(|window| window == b"foreign-name").expect("written as it is");
        bytes[name] = 0xff;
        *batch = bytes.into();
    });
    // The checksum no longer fits, which isn't the point here.
    let settings = world.settings_with("check.crcs=false");
    let mut input = KafkaInput::open(&settings, &topic("in.I"), Offset(0)).expect("opened");
    let batch = read(&mut input, 1).expect("readable");
    assert!(batch.heads[0].tick, "the headers after it still count");
}

#[test]
fn input_goes_on_where_it_was_after_a_lost_connection() {
    let world = World::new(&["in.I"]);
    world.numbers("in.I", 0..10);
    let mut input = KafkaInput::open(&world.settings(), &topic("in.I"), Offset(0)).expect("opened");
    read(&mut input, 10).expect("readable");
    world.broker.crash(0);
    let mut batch = InboundBatch::default();
    input.read(&mut batch, ALL, Duration::from_millis(100)).expect("a lost connection passes by itself");
    world.broker.restart(0);
    world.numbers("in.I", 10..20);
    let offsets: Vec<u64> = read(&mut input, 10).expect("readable").heads.iter().map(|head| head.offset.0).collect();
    assert_eq!(offsets, (10..20).collect::<Vec<_>>());
}

#[test]
fn the_lag_is_known_without_asking() {
    let world = World::new(&["in.I"]);
    world.numbers("in.I", 0..50);
    let mut input = KafkaInput::open(&world.settings(), &topic("in.I"), Offset(0)).expect("opened");
    let mut batch = InboundBatch::default();
    let deadline = Instant::now() + SOON;
    while input.end() != Some(Offset(50)) {
        assert!(Instant::now() < deadline, "the end is {:?}", input.end());
        input
            .read(&mut batch, ReadBounds { records_max: 1, bytes_max: 1 }, Duration::from_millis(50))
            .expect("readable");
    }
}

#[test]
fn an_initial_offset_becomes_an_absolute_one() {
    let world = World::new(&["in.I"]);
    world.numbers("in.I", 0..10);
    world.broker.with_state(|state| state.partition_mut("in.I", 0).expect("created").log_start_offset = 4);
    let resolved = |initial| resolve(&world.settings(), &topic("in.I"), initial).expect("an answer");
    assert_eq!(resolved(InitialOffset::Smallest), Offset(4));
    assert_eq!(resolved(InitialOffset::Largest), Offset(10));
    assert_eq!(resolved(InitialOffset::At(Offset(7))), Offset(7));
    let missing = watermarks(&world.settings(), &topic("elsewhere.I"));
    assert!(matches!(missing, Err(Error::NoSuchTopic { .. })), "{missing:?}");
}

#[test]
fn a_reader_sees_everything_that_is_in_a_record_and_where_the_topic_ends() {
    let world = World::new(&["out.O"]);
    let headers = OwnedHeaders::new()
        .insert(Header { key: "esp-index", value: Some("0") })
        .insert(Header { key: "null", value: None::<&str> });
    world.write("out.O", ["payload".to_owned()], &headers);
    let mut reader = TopicReader::open(&world.settings(), &topic("out.O"), Start::Earliest).expect("opened");
    let mut steps = Vec::new();
    let deadline = Instant::now() + SOON;
    while !steps.contains(&Step::End) {
        assert!(Instant::now() < deadline, "no end: {steps:?}");
        steps.push(reader.step(Duration::from_millis(50)).expect("readable"));
    }
    let records: Vec<_> =
        steps.iter().filter_map(|step| if let Step::Record(record) = step { Some(record) } else { None }).collect();
    let [record] = records[..] else { panic!("{steps:?}") };
    assert_eq!(
        (record.offset, record.payload.as_deref(), record.key.as_deref()),
        (Offset(0), Some(&b"payload"[..]), None)
    );
    assert_eq!((record.header_text("esp-index"), record.header("null")), (Some("0"), None));
    assert!(record.has_header("null") && !record.has_header("other"));
}

fn reset(generation: u16) -> Entry {
    Entry::Reset(Reset { project: "p".to_owned(), generation: Generation(generation), reason: "test".to_owned() })
}

/// Waits for a fact that is an entry.
fn noted(facts: &Receiver<NotebookFact>) -> (Offset, Entry) {
    loop {
        match facts.recv_timeout(SOON).expect("a fact") {
            NotebookFact::Noted(noted) => return (noted.offset, noted.entry),
            NotebookFact::Suspended { .. } | NotebookFact::Resumed => {}
            NotebookFact::Failed(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_notebook_is_read_to_its_end_and_followed_after() {
    let world = World::new(&["L.M"]);
    world.write("L.M", ["nonsense".to_owned(), r#"{"kind":"from-the-future"}"#.to_owned()], &OwnedHeaders::new());
    let open = || {
        let (tell, facts) = channel();
        let opened = Notebook::open(&world.settings(), &topic("L.M"), move |fact| drop(tell.send(fact)));
        (opened.expect("opened"), facts)
    };
    let (first, first_facts) = open();
    assert_eq!((first.ledger.unread(), first.ledger.next(), first.earliest), (2, Offset(2), Offset(0)));
    assert_eq!(first.notebook.append(&reset(1), SOON).expect("acknowledged"), Some(Offset(2)));
    assert_eq!(noted(&first_facts), (Offset(2), reset(1)));
    let (second, second_facts) = open();
    assert_eq!(second.ledger.next(), Offset(3));
    for generation in 2..50 {
        second.notebook.post(&reset(generation)).expect("room");
    }
    for generation in 2..50 {
        let expected = (Offset(u64::from(generation) + 1), reset(generation));
        assert_eq!(noted(&first_facts), expected);
        assert_eq!(noted(&second_facts), expected);
    }
    assert!(second.notebook.drain(SOON));
}

#[test]
fn an_entry_whose_acknowledgement_was_lost_is_there_once() {
    let world = World::new(&["L.M"]);
    let (tell, facts) = channel();
    let opened = Notebook::open(&world.settings(), &topic("L.M"), move |fact| drop(tell.send(fact))).expect("opened");
    world.broker.on_once(ApiKey::Produce, |_| Control::ApplyThen(Box::new(Control::Disconnect)));
    opened.notebook.append(&reset(1), SOON).expect("acknowledged in the end");
    opened.notebook.append(&reset(2), SOON).expect("acknowledged");
    assert_eq!([noted(&facts), noted(&facts)], [(Offset(0), reset(1)), (Offset(1), reset(2))]);
}

#[test]
fn an_entry_nobody_acknowledges_is_told_as_unknown() {
    let world = World::new(&["L.M"]);
    let opened = Notebook::open(&world.settings(), &topic("L.M"), |_| {}).expect("opened");
    world.broker.on(ApiKey::Produce, |_| Control::Delay(Duration::from_secs(60)));
    let answer = opened.notebook.append(&reset(1), Duration::from_millis(100));
    assert!(matches!(answer, Err(Error::NotAcknowledged { .. })), "{answer:?}");
}

#[test]
fn a_notebook_without_brokers_is_suspended_until_they_are_back() {
    let world = World::new(&["L.M"]);
    let (tell, facts) = channel();
    let opened = Notebook::open(&world.settings(), &topic("L.M"), move |fact| drop(tell.send(fact))).expect("opened");
    world.broker.crash(0);
    assert!(matches!(facts.recv_timeout(SOON), Ok(NotebookFact::Suspended { .. })));
    world.broker.restart(0);
    assert!(matches!(facts.recv_timeout(SOON), Ok(NotebookFact::Resumed)));
    let member = Entry::Member(Member {
        project: "p".to_owned(),
        generation: Generation(1),
        name: "esp-1".into(),
        incarnation: Incarnation(1),
        peer: String::new(),
        http: String::new(),
        version: String::new(),
        in_line: true,
    });
    opened.notebook.append(&member, SOON).expect("acknowledged");
    assert_eq!(noted(&facts), (Offset(0), member));
}

#[test]
fn replicas_that_claim_at_once_agree_on_one() {
    let world = World::new(&["L.M"]);
    let names = ["a", "b", "c"];
    let replicas: Vec<_> = names.iter().map(|name| replica(&world, name)).collect();
    let agreed = |fits: &dyn Fn(Term, &[Candidate]) -> bool| {
        let seen: Vec<Line> = replicas.iter().map(|(_, lines)| line(lines, fits)).collect();
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
        seen[0].clone()
    };
    for (coordinator, _) in &replicas {
        coordinator.handle(CoordinatorCommand::Join).expect("room");
    }
    let (mut term, mut candidates) = agreed(&|_, line| line.len() == 3);
    for _ in 0..10 {
        // Whoever is first is called dead by the two others, at once; it comes back to the end of the line.
        let dead = candidates[0].clone();
        for (coordinator, _) in
            replicas.iter().zip(names).filter(|(_, name)| dead.member.as_str() != *name).map(|(r, _)| r)
        {
            coordinator.handle(CoordinatorCommand::Displace(dead.clone())).expect("room");
        }
        let (next, _) = agreed(&|next, line| next > term && line.len() == 2);
        assert_eq!(next, term.next(), "two claims make one term");
        let (back, _) =
            replicas.iter().zip(names).find(|(_, name)| dead.member.as_str() == *name).expect("one of us").0;
        back.handle(CoordinatorCommand::Join).expect("room");
        (term, candidates) = agreed(&|_, line| line.len() == 3);
        assert_eq!((term, &candidates[2].member), (next, &dead.member));
    }
}

type Line = (Term, Vec<Candidate>);
type Replica = (Arc<ClaimCoordinator<Notebook>>, Receiver<Line>);

/// A coordinator that follows the notebook, and the lines it tells.
fn replica(world: &World, name: &str) -> Replica {
    let (tell, facts) = channel();
    let opened = Notebook::open(&world.settings(), &topic("L.M"), move |fact| drop(tell.send(fact))).expect("opened");
    let me = Member {
        project: "p".to_owned(),
        generation: Generation(1),
        name: name.into(),
        incarnation: Incarnation(1),
        peer: String::new(),
        http: String::new(),
        version: String::new(),
        in_line: false,
    };
    let (tell, lines) = channel();
    let coordinator = ClaimCoordinator::start(opened.notebook, me, opened.ledger, move |fact| {
        if let CoordinatorFact::Line { term, candidates } = fact {
            drop(tell.send((term, candidates)));
        }
    });
    let coordinator = Arc::new(coordinator);
    let follower = Arc::downgrade(&coordinator);
    std::thread::spawn(move || {
        for fact in facts {
            let Some(coordinator) = follower.upgrade() else { return };
            coordinator.observe(&fact);
        }
    });
    (coordinator, lines)
}

/// The first line from now on that fits.
fn line(lines: &Receiver<Line>, fits: impl Fn(Term, &[Candidate]) -> bool) -> Line {
    loop {
        let (term, candidates) = lines.recv_timeout(SOON).expect("a line");
        if fits(term, &candidates) {
            return (term, candidates);
        }
    }
}

#[test]
fn topics_are_made_and_described() {
    let world = World::new(&[]);
    let project = ProjectTopics {
        inbound: vec!["L.p.cq.in.I".into()],
        outbound: vec!["L.p.cq.out.O".into()],
        dead: None,
        journal: None,
        metadata: "L.M".into(),
        adapter_metadata: Vec::new(),
        scratch: None,
    };
    let demo = Expectations { replication: 1, min_insync: 1, allow_unreplicated: true, ..Expectations::default() };
    let specs = plan(&project, &demo);
    let names: Vec<TopicName> = specs.iter().map(|spec| spec.name.clone()).collect();
    let admin = Admin::open(&world.settings()).expect("a client");
    let outcomes = |dry_run| -> Vec<CreateOutcome> {
        admin.create(&specs, dry_run).expect("answered").into_iter().map(|created| created.outcome).collect()
    };

    assert_eq!(outcomes(true), vec![CreateOutcome::Created; 3]);
    let missing = check(&admin, &specs, &demo).expect("answered");
    assert!(!missing.is_fit() && missing.findings.iter().filter(|finding| finding.code == Code::E011).count() == 3);

    assert_eq!(outcomes(false), vec![CreateOutcome::Created; 3]);
    assert_eq!(outcomes(false), vec![CreateOutcome::Existed; 3]);
    let described = admin.describe(&names).expect("answered");
    assert!(described.brokers.iter().all(|broker| broker.reachable));
    for description in described.topics {
        let TopicState::Present { partitions, configs } = description.state else { panic!("{description:?}") };
        assert_eq!((partitions.len(), configs), (1, None), "this broker tells no settings");
    }
    let report = check(&admin, &specs, &demo).expect("answered");
    assert!(
        report.is_fit() && report.findings.iter().all(|finding| finding.code == Code::E015),
        "{:?}",
        report.findings
    );
    let strict = check(&admin, &specs, &Expectations::default()).expect("answered");
    assert!(!strict.is_fit(), "an unreplicated topic that tells nothing is no home for output");
}
