//! Machines, driver and sockets together against krafka's in-memory broker, with errors and delays at every request kind.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use understudy_adapter_appender as appender;

use appender::batch::Compression;
use appender::driver::{OutputHandle, spawn};
use appender::machine::{Bounds, Layout, Lifetimes, Machine, MachineConfig, Noted, Watch, producer_id};
use crossbeam_channel::{Receiver, unbounded};
use krafka::error::ErrorCode;
use krafka::testing::{ApiKey, Control, FakeBroker, RequestInfo};
use ports::coordinator::HostPort;
use ports::output::{OutputCommand, OutputFact, OutputProgress, WriterIdentity};
use support::settings;
use types::{Digest, Generation, MemberName, MessageId, OutputIndex, OutputKind, OutputRecord, Timestamp, TopicName};

const TOPIC: &str = "HA_1.p.cq.w.O";
const PATIENCE: Duration = Duration::from_secs(60);

struct House {
    broker: Arc<FakeBroker>,
    _runtime: tokio::runtime::Runtime,
}

impl House {
    fn open(brokers: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let broker = runtime.block_on(FakeBroker::start_cluster(brokers)).unwrap();
        assert!(broker.create_topic(TOPIC, 1));
        Self { broker: Arc::new(broker), _runtime: runtime }
    }

    /// What readers see, without the fence.
    fn payloads(&self) -> Vec<String> {
        let records = self.broker.all_records(TOPIC).unwrap();
        records.into_iter().filter_map(|record| Some(String::from_utf8_lossy(&record.value?).into_owned())).collect()
    }
}

struct Replica {
    handle: OutputHandle,
    watch: Watch,
    facts: Receiver<OutputFact>,
    heard: Vec<OutputFact>,
    digest: Digest,
    pushed: u64,
}

impl Replica {
    fn start(house: &House, name: &str, batch_records_max: usize) -> Self {
        let topic = TopicName::from(TOPIC);
        let bootstrap = house.broker.bootstrap_servers();
        let config = MachineConfig {
            producer_id: producer_id("HA_1", &topic, None),
            topic,
            identity: WriterIdentity {
                writer: format!("{name}.1"),
                member: MemberName::from(name),
                model: "00000000000000aa.1".to_owned(),
                generation: Generation(1),
            },
            layout: Layout::Sole,
            bootstrap: bootstrap.split(',').map(|text| HostPort::parse(text).unwrap()).collect(),
            noted: Noted::default(),
            bounds: Bounds { batch_records_max, request_timeout: Duration::from_millis(500), ..Bounds::default() },
            lifetimes: Lifetimes::default(),
            compression: Compression::Lz4,
        };
        let progress = Arc::new(OutputProgress::default());
        let watch = Watch::new(Arc::clone(&progress));
        let (said, facts) = unbounded();
        let own = watch.clone();
        let make = move |now| Machine::new(config, now, Timestamp::from_millis(1_700_000_000_000)).watched_by(own);
        let sink = Box::new(move |fact| said.send(fact).unwrap_or_default());
        let handle = spawn(name, make, settings(), progress, sink).unwrap();
        Self { handle, watch, facts, heard: Vec::new(), digest: Digest::default(), pushed: 0 }
    }

    fn push(&mut self, count: u64) {
        let records = (0..count).map(|_| self.next()).collect();
        self.handle.send(OutputCommand::Push(records)).unwrap();
    }

    fn next(&mut self) -> OutputRecord {
        let index = self.pushed;
        self.pushed += 1;
        let payload = format!("f({index})").into_bytes();
        self.digest = self.digest.extend(OutputKind::Data, MessageId(index), 0, &payload);
        OutputRecord {
            index: OutputIndex(index),
            id: MessageId(index),
            part: 0,
            time: Timestamp(0),
            kind: OutputKind::Data,
            payload,
            digest: self.digest,
        }
    }

    /// Waits until everything pushed is published.
    fn settle(&mut self) {
        let began = Instant::now();
        loop {
            let progress = self.watch.latest();
            if progress.published_end == OutputIndex(self.pushed) && progress.owed == 0 {
                return;
            }
            self.heard.extend(self.facts.try_iter());
            let blocked = self.heard.iter().find(|fact| matches!(fact, OutputFact::Blocked(_)));
            assert_eq!(blocked, None);
            assert!(began.elapsed() < PATIENCE, "not published: {progress:?}");
            std::thread::yield_now();
        }
    }
}

fn expected(n: u64) -> Vec<String> {
    (0..n).map(|index| format!("f({index})")).collect()
}

#[test]
fn outputs_are_appended_once_and_in_order() {
    let house = House::open(1);
    let mut a = Replica::start(&house, "a", 5_000);
    a.handle.send(OutputCommand::Write).unwrap();
    for count in [1, 10, 1_000, 3] {
        a.push(count);
        a.settle();
    }
    assert_eq!(house.payloads(), expected(1_014));
    a.handle.stop().unwrap();
}

#[test]
fn a_standby_takes_over_where_the_active_stopped() {
    let house = House::open(2);
    let mut a = Replica::start(&house, "a", 7);
    let mut b = Replica::start(&house, "b", 11);
    a.handle.send(OutputCommand::Write).unwrap();
    for replica in [&mut a, &mut b] {
        replica.push(500);
        replica.settle();
    }
    a.handle.stop().unwrap();
    b.push(100);
    b.handle.send(OutputCommand::Write).unwrap();
    b.settle();
    // The thread ends, so that everything it had to say is there.
    b.handle.stop().unwrap();
    let mut facts = b.heard.into_iter().chain(b.facts.try_iter());
    let took_over = facts.find(|fact| matches!(fact, OutputFact::TookOver { .. }));
    assert!(matches!(took_over, Some(OutputFact::TookOver { first: OutputIndex(500), .. })), "{took_over:?}");
    assert_eq!(house.payloads(), expected(600));
}

/// Trouble that comes with the number of the request, so that every kind of request meets every kind of trouble.
fn trouble(info: &RequestInfo) -> Control {
    let fault = info.api_call_index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58;
    match (fault, info.api_key) {
        (0, _) => Control::Disconnect,
        (1, _) => Control::Error(ErrorCode::NotLeaderForPartition),
        (2, ApiKey::Produce) => Control::Error(ErrorCode::NotEnoughReplicas),
        (3, ApiKey::Produce) => Control::Error(ErrorCode::OutOfOrderSequenceNumber),
        (4, ApiKey::Produce) => Control::ApplyThen(Box::new(Control::Error(ErrorCode::RequestTimedOut))),
        (5, _) => Control::ApplyThen(Box::new(Control::Disconnect)),
        (6, _) => Control::Delay(Duration::from_millis(15)),
        (7, ApiKey::Fetch) => Control::CorruptRecords,
        (8, ApiKey::Produce) => Control::Silence,
        (_, _) => Control::Pass,
    }
}

#[test]
fn errors_and_delays_at_every_request_kind_lose_and_repeat_nothing() {
    let house = House::open(2);
    for api in [ApiKey::Metadata, ApiKey::ListOffsets, ApiKey::Fetch, ApiKey::Produce] {
        house.broker.on(api, trouble);
    }
    let mut a = Replica::start(&house, "a", 3);
    let mut b = Replica::start(&house, "b", 4);
    // Both write: the broker decides.
    for replica in [&a, &b] {
        replica.handle.send(OutputCommand::Write).unwrap();
    }
    for round in 0..60 {
        a.push(7);
        b.push(7);
        if round % 20 == 10 {
            house.broker.bump_leader_epoch(TOPIC, 0);
        }
        if round % 20 == 15 {
            house.broker.set_leader(TOPIC, 0, (round / 20) % 2);
        }
        a.settle();
    }
    house.broker.clear_hooks();
    b.settle();
    assert_eq!(house.payloads(), expected(420));
    let counters = a.watch.latest().counters;
    assert!(counters.retries > 0 && counters.resyncs > 1, "there was trouble: {counters:?}");
}
