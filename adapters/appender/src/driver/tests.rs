//! A protocol that does what a test says, on real sockets of the loopback device.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::{ApiKey, ApiVersionsResponse, ListOffsetsResponse, ResponseHeader};
use kafka_protocol::protocol::Encodable;
use ports::coordinator::HostPort;
use ports::security::{Security, Tls};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use types::TopicName;

use super::*;
use crate::connection::LinkOptions;
use crate::link::{Effect, LinkDown, LinkEvent, LinkId, RequestTag};
use crate::wire::{OffsetQuery, Request};

/// Longer than anything here takes; only a failing test waits so long.
const LONG: Duration = Duration::from_secs(20);

/// Takes its effects from a channel and puts what it hears into another.
struct Puppet {
    effects: Receiver<Effect>,
    /// Taken with the command that was sent behind them: a link that fails at once must not be heard before that command.
    ready: VecDeque<Effect>,
    heard: Sender<Heard>,
    deadline: Option<Tick>,
}

#[derive(Debug, PartialEq)]
enum Heard {
    Command(String),
    Link(LinkId, LinkEvent),
    Deadline,
}

impl Protocol for Puppet {
    fn command(&mut self, command: OutputCommand, _: Tick) {
        self.heard.send(Heard::Command(format!("{command:?}"))).unwrap();
        self.ready.extend(self.effects.try_iter());
    }

    fn on_link(&mut self, link: LinkId, event: LinkEvent, _: Tick) {
        self.heard.send(Heard::Link(link, event)).unwrap();
    }

    fn on_deadline(&mut self, now: Tick) {
        assert!(self.deadline.take().is_some_and(|deadline| deadline <= now));
        self.heard.send(Heard::Deadline).unwrap();
    }

    fn poll(&mut self) -> Option<Effect> {
        self.ready.pop_front()
    }

    fn deadline(&self) -> Option<Tick> {
        self.deadline
    }
}

/// The test's end of a running driver.
struct Strings {
    effects: Sender<Effect>,
    heard: Receiver<Heard>,
    facts: Receiver<OutputFact>,
    handle: OutputHandle,
}

impl Strings {
    fn start(options: LinkOptions, deadline_after: Option<Duration>) -> Self {
        Self::secure(&Security::default(), options, deadline_after)
    }

    fn secure(security: &Security, options: LinkOptions, deadline_after: Option<Duration>) -> Self {
        let settings = Arc::new(LinkSettings::new(security, options).unwrap());
        let (effects, to_do) = unbounded();
        let (hears, heard) = unbounded();
        let (said, facts) = unbounded();
        let make = move |now| Puppet {
            effects: to_do,
            ready: VecDeque::new(),
            heard: hears,
            deadline: deadline_after.map(|after| now + after),
        };
        let sink = Box::new(move |fact| said.send(fact).unwrap());
        let handle = spawn("puppet", make, settings, Arc::default(), sink).unwrap();
        Self { effects, heard, facts, handle }
    }

    /// Lets the protocol do something.
    fn pull(&self, effect: Effect) {
        self.effects.send(effect).unwrap();
        self.handle.send(OutputCommand::Follow).unwrap();
        assert_eq!(self.hear(), Heard::Command("Follow".into()));
    }

    fn open(&self, link: u32, broker: HostPort) {
        self.pull(Effect::Open { link: LinkId(link), broker });
    }

    fn ask(&self, link: u32, tag: u64, timeout: Duration) {
        let request =
            Request::ListOffsets { topic: TopicName::from("t"), leader_epoch: None, which: OffsetQuery::Latest };
        self.pull(Effect::Request { link: LinkId(link), tag: RequestTag(tag), request, timeout });
    }

    fn hear(&self) -> Heard {
        self.heard.recv_timeout(LONG).unwrap()
    }

    fn hear_up(&self, link: u32) {
        let heard = self.hear();
        assert!(matches!(heard, Heard::Link(id, LinkEvent::Up { .. }) if id == LinkId(link)), "{heard:?}");
    }

    fn hear_down(&self, link: u32) -> LinkDown {
        match self.hear() {
            Heard::Link(id, LinkEvent::Down { reason }) if id == LinkId(link) => reason,
            heard @ (Heard::Command(_) | Heard::Link(..) | Heard::Deadline) => panic!("heard {heard:?}"),
        }
    }
}

fn start() -> Strings {
    Strings::start(LinkOptions::default(), None)
}

/// A broker's listening socket and its address.
fn listen() -> (TcpListener, HostPort) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().into();
    (listener, address)
}

/// Reads one request and gives what identifies it.
fn asked(stream: &mut impl Read) -> (ApiKey, i16, i32) {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).unwrap();
    let number = |at: usize| i16::from_be_bytes([frame[at], frame[at + 1]]);
    let correlation = i32::from_be_bytes(frame[4..8].try_into().unwrap());
    (ApiKey::try_from(number(0)).unwrap(), number(2), correlation)
}

fn answer(stream: &mut impl Write, (key, version, correlation): (ApiKey, i16, i32), body: &impl Encodable) {
    let mut frame = bytes::BytesMut::from([0; 4].as_slice());
    let header = ResponseHeader::default().with_correlation_id(correlation);
    header.encode(&mut frame, key.response_header_version(version)).unwrap();
    body.encode(&mut frame, version).unwrap();
    let length = (frame.len() - 4) as u32;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    stream.write_all(&frame).unwrap();
}

fn greet(stream: &mut (impl Read + Write)) {
    let request = asked(stream);
    assert_eq!(request.0, ApiKey::ApiVersions);
    let range = |key: ApiKey| ApiVersion::default().with_api_key(key as i16).with_max_version(13);
    let offered = [ApiKey::Produce, ApiKey::Fetch, ApiKey::Metadata, ApiKey::ListOffsets].map(range);
    answer(stream, request, &ApiVersionsResponse::default().with_api_keys(offered.to_vec()));
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    greet(&mut stream);
    stream
}

fn end_of_log() -> ListOffsetsResponse {
    let partition = ListOffsetsPartitionResponse::default().with_offset(5);
    ListOffsetsResponse::default()
        .with_topics(vec![ListOffsetsTopicResponse::default().with_partitions(vec![partition])])
}

#[test]
fn a_question_is_carried_there_and_its_answer_back() {
    let (listener, broker) = listen();
    let strings = start();
    strings.open(1, broker);
    let mut stream = accept(&listener);
    strings.hear_up(1);
    strings.ask(1, 9, LONG);
    let request = asked(&mut stream);
    answer(&mut stream, request, &end_of_log());
    let heard = strings.hear();
    assert!(matches!(heard, Heard::Link(LinkId(1), LinkEvent::Response { tag: RequestTag(9), .. })), "{heard:?}");
    strings.handle.stop().unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "stopping closes the connection");
}

#[test]
fn names_are_looked_up_and_their_addresses_tried_in_turn() {
    // Where the name also means ::1, nobody listens there.
    let (listener, broker) = listen();
    let strings = start();
    strings.open(1, HostPort { host: "localhost".into(), ..broker });
    accept(&listener);
    strings.hear_up(1);
}

#[test]
fn an_unknown_name_and_a_closed_port_are_unreachable() {
    let strings = start();
    // Longer than names may be: refused without asking the network.
    strings.open(1, HostPort { host: "x".repeat(300), port: 1 });
    assert!(matches!(strings.hear_down(1), LinkDown::Unreachable { .. }));
    // A port of the ephemeral range that was free a moment ago may be anybody's now, even the dialling socket's own.
    strings.open(2, HostPort { host: "127.0.0.1".to_owned(), port: 1 });
    assert!(matches!(strings.hear_down(2), LinkDown::Unreachable { .. }));
}

#[test]
fn a_broker_that_never_greets_times_out() {
    let (listener, broker) = listen();
    let strings =
        Strings::start(LinkOptions { connect_timeout: Duration::from_millis(50), ..LinkOptions::default() }, None);
    strings.open(1, broker);
    let _silent = listener.accept().unwrap();
    assert_eq!(strings.hear_down(1), LinkDown::TimedOut { what: "the broker's greeting" });
}

#[test]
fn an_overdue_answer_and_a_closed_connection_take_the_link_down() {
    let (listener, broker) = listen();
    let strings = start();
    strings.open(1, broker.clone());
    let _stream = accept(&listener);
    strings.hear_up(1);
    strings.ask(1, 1, Duration::from_millis(30));
    assert_eq!(strings.hear_down(1), LinkDown::TimedOut { what: "ListOffsets" });
    // Asking a link that is gone is not an error: its end may cross with the question.
    strings.ask(1, 2, LONG);

    strings.open(2, broker);
    let stream = accept(&listener);
    strings.hear_up(2);
    drop(stream);
    assert_eq!(strings.hear_down(2), LinkDown::Closed { reason: "end of file".into() });
}

#[test]
fn a_shut_link_is_closed_and_says_nothing_more() {
    let (listener, broker) = listen();
    let strings = start();
    strings.open(1, broker.clone());
    let mut stream = accept(&listener);
    strings.hear_up(1);
    strings.pull(Effect::Shut { link: LinkId(1) });
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    strings.open(2, broker);
    accept(&listener);
    strings.hear_up(2);
}

#[test]
fn a_batch_larger_than_the_socket_takes_arrives_whole() {
    let (listener, broker) = listen();
    let strings = start();
    strings.open(1, broker);
    let mut stream = accept(&listener);
    strings.hear_up(1);
    let request = Request::Produce {
        topic: TopicName::from("t"),
        topic_id: None,
        timeout: LONG,
        batch: vec![3; 20 << 20].into(),
    };
    strings.pull(Effect::Request { link: LinkId(1), tag: RequestTag(1), request, timeout: LONG });
    assert_eq!(asked(&mut stream).0, ApiKey::Produce);
    strings.ask(1, 2, LONG);
    assert_eq!(asked(&mut stream).0, ApiKey::ListOffsets);
}

#[test]
fn requests_and_answers_pass_through_tls() {
    let file = |name: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name);
    let tls = Tls { ca: Some(file("ca.pem")), skip_host_name_check: true, ..Tls::default() };
    let (listener, broker) = listen();
    let strings = Strings::secure(&Security { tls: Some(tls), sasl: None }, LinkOptions::default(), None);
    strings.open(1, broker);

    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let chain = vec![CertificateDer::from_pem_file(file("broker.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("broker.key")).unwrap();
    let session = ServerConnection::new(Arc::new(builder.with_single_cert(chain, key).unwrap())).unwrap();
    let mut stream = StreamOwned::new(session, listener.accept().unwrap().0);
    greet(&mut stream);
    strings.hear_up(1);
    for tag in 0..3 {
        strings.ask(1, tag, LONG);
        let request = asked(&mut stream);
        answer(&mut stream, request, &end_of_log());
        let heard = strings.hear();
        assert!(matches!(heard, Heard::Link(LinkId(1), LinkEvent::Response { .. })), "{heard:?}");
    }
}

#[test]
fn deadlines_are_kept_without_anything_else_happening() {
    let strings = Strings::start(LinkOptions::default(), Some(Duration::from_millis(20)));
    assert_eq!(strings.hear(), Heard::Deadline);
}

#[test]
fn facts_go_to_the_owner() {
    let strings = start();
    strings.pull(Effect::Fact(OutputFact::Drained));
    assert_eq!(strings.facts.recv_timeout(LONG), Ok(OutputFact::Drained));
}

#[test]
fn a_dropped_handle_stops_the_thread() {
    let Strings { effects: _effects, heard, facts, handle } = start();
    drop(handle);
    assert_eq!(heard.recv_timeout(LONG), Ok(Heard::Command("Stop".into())));
    // The sink is dropped with the thread.
    assert!(facts.recv_timeout(LONG).is_err_and(|error| error.is_disconnected()));
}

#[test]
fn commands_are_taken_in_order_however_many_there_are() {
    let strings = start();
    let count = COMMANDS_MAX * 2;
    for i in 0..count {
        strings.handle.send(if i % 2 == 0 { OutputCommand::Write } else { OutputCommand::Follow }).unwrap();
    }
    for i in 0..count {
        let expected = if i % 2 == 0 { "Write" } else { "Follow" };
        assert_eq!(strings.hear(), Heard::Command(expected.into()));
    }
}
