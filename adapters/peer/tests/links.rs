//! Links over real sockets: death, silence, names, secrets, garbage.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod support;

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ports::coordinator::Candidate;
use rustix::process::{Pid, Signal, kill_process};
use support::{BEAT, Puppet, Replica, candidate, config, hello, read_frame, with_secret, write_frame};
use types::{Incarnation, MemberName, Offset, OutputIndex, Term, TopicName};
use understudy_adapter_peer::{Error, Evidence, OutputStatus, PeerFact, PeerLinks, PeerMessage, PeerRole, PeerStatus};

/// Where a child process of these tests reports its address.
const CHILD: &str = "UNDERSTUDY_TEST_PEER_CHILD";

fn is_dead(fact: &PeerFact) -> bool {
    matches!(fact, PeerFact::Dead { .. })
}

/// A replica `b` in a process of its own, run by this very test binary.
struct ChildReplica {
    process: Child,
    address: SocketAddr,
}

impl ChildReplica {
    fn start() -> Self {
        let unique = format!("understudy-peer-{}-{:?}", std::process::id(), thread::current().id());
        let report = std::env::temp_dir().join(unique);
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_replica_for_the_other_tests", "--ignored"])
            .env(CHILD, &report)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Made first, so that the process goes with it when waiting fails.
        let mut child = Self { process, address: SocketAddr::from(([0; 4], 0)) };
        child.address = reported_address(&report);
        std::fs::remove_file(&report).unwrap();
        child
    }

    fn candidate(&self) -> Candidate {
        candidate("b", 1, &self.address.to_string())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }
}

impl Drop for ChildReplica {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn reported_address(report: &Path) -> SocketAddr {
    let deadline = Instant::now() + support::PATIENCE;
    loop {
        if let Some(address) = std::fs::read_to_string(report).ok().and_then(|text| text.parse().ok()) {
            return address;
        }
        assert!(Instant::now() < deadline, "the child did not come up");
        thread::yield_now();
    }
}

#[test]
#[ignore = "runs as a child process of the tests that kill and freeze it"]
fn a_replica_for_the_other_tests() {
    let report = std::env::var_os(CHILD).unwrap();
    let replica = Replica::start("b", 1);
    let part = Path::new(&report).with_extension("part");
    std::fs::write(&part, replica.links.address().to_string()).unwrap();
    std::fs::rename(&part, &report).unwrap();
    loop {
        thread::park();
    }
}

#[test]
fn a_killed_process_is_dead_within_milliseconds() {
    let child = ChildReplica::start();
    let a = Replica::start("a", 1);
    a.links.set_members(vec![child.candidate()]);
    a.await_up("b");
    let killed = Instant::now();
    child.signal(Signal::KILL);
    let (told, fact) = a.await_fact(is_dead);
    let expected = PeerFact::Dead {
        member: MemberName::from("b"),
        incarnation: Incarnation(1),
        evidence: Evidence::ResetAndRefused,
    };
    assert_eq!(fact, expected);
    let took = told - killed;
    println!("kill -9 to the fact: {took:?}");
    // The target is 2 ms; silence alone would take 150. The bound leaves room for a machine with other work.
    assert!(took < Duration::from_millis(100), "took {took:?}");
}

#[test]
fn closed_sockets_are_told_in_two_milliseconds_at_the_median() {
    let mut took: Vec<Duration> = (1..=15)
        .map(|incarnation| {
            let (a, b) = (Replica::start("a", 1), Replica::start("b", incarnation));
            a.links.set_members(vec![b.candidate("b", incarnation)]);
            a.await_up("b");
            let closed = Instant::now();
            b.links.stop();
            a.await_fact(is_dead).0 - closed
        })
        .collect();
    took.sort();
    println!("closed socket to the fact: min {:?}, median {:?}, max {:?}", took[0], took[7], took[14]);
    assert!(took[7] < Duration::from_millis(2), "{took:?}");
}

#[test]
fn a_frozen_process_is_silent_in_time_and_heard_when_it_wakes() {
    let child = ChildReplica::start();
    let a = Replica::start("a", 1);
    a.links.set_members(vec![child.candidate()]);
    a.await_up("b");
    let frozen = Instant::now();
    child.signal(Signal::STOP);
    let (told, fact) = a.await_fact(|fact| matches!(fact, PeerFact::Silent { .. }));
    let took = told - frozen;
    println!("freeze to the fact: {took:?}, told as {fact:?}");
    assert!(took <= Duration::from_millis(400), "took {took:?}");
    child.signal(Signal::CONT);
    let (_, fact) = a.await_fact(|fact| !matches!(fact, PeerFact::Status { .. }));
    assert!(matches!(fact, PeerFact::Heard { .. }), "{fact:?}");
}

#[test]
fn who_accepts_but_never_speaks_is_silent_not_dead() {
    let puppet = Puppet::new();
    let a = Replica::start("a", 1);
    a.links.set_members(vec![candidate("b", 1, &puppet.address().to_string())]);
    let mute = puppet.accept();
    let (_, fact) = a.await_fact(|_| true);
    assert!(matches!(fact, PeerFact::Silent { .. }), "{fact:?}");
    // Its host answers, itself doesn't: two more dials come to nothing and change no verdict.
    let more = [puppet.accept(), puppet.accept()];
    assert_eq!(a.facts_within(Duration::ZERO), []);
    drop((mute, more));
}

#[test]
fn heartbeats_that_cease_over_a_standing_connection_are_silence() {
    let puppet = Puppet::new();
    let a = Replica::start("a", 1);
    a.links.set_members(vec![candidate("b", 1, &puppet.address().to_string())]);
    let mut stream = puppet.welcome("b", 1);
    for _ in 0..5 {
        write_frame(&mut stream, BEAT);
    }
    a.await_up("b");
    let (_, fact) = a.await_fact(|fact| matches!(fact, PeerFact::Silent { .. } | PeerFact::Dead { .. }));
    assert!(matches!(fact, PeerFact::Silent { .. }), "{fact:?}");
    // A new connection is tried, and heartbeats over it are a sign of life.
    let mut stream = puppet.welcome("b", 1);
    write_frame(&mut stream, BEAT);
    a.await_fact(|fact| matches!(fact, PeerFact::Heard { .. }));
}

#[test]
fn another_start_at_the_address_is_the_death_of_the_first() {
    let a = Replica::start("a", 1);
    let first = Replica::start("b", 1);
    let address = first.links.address();
    a.links.set_members(vec![first.candidate("b", 1)]);
    a.await_up("b");
    // The later start takes the port while `a` is busy redialing: it meets either a refusal or the new one.
    first.links.stop();
    let puppet = Puppet::at(address);
    let _stream = puppet.welcome("b", 2);
    let (_, dead) = a.await_fact(is_dead);
    assert!(matches!(dead, PeerFact::Dead { incarnation: Incarnation(1), .. }), "{dead:?}");
    a.await_fact(|fact| matches!(fact, PeerFact::Up { incarnation: Incarnation(2), .. }));
}

#[test]
fn a_dial_that_meets_another_start_tells_of_both() {
    let puppet = Puppet::new();
    let a = Replica::start("a", 1);
    a.links.set_members(vec![candidate("b", 1, &puppet.address().to_string())]);
    let _stream = puppet.welcome("b", 2);
    let (_, first) = a.await_fact(|_| true);
    assert!(
        matches!(first, PeerFact::Dead { incarnation: Incarnation(1), evidence: Evidence::OtherIncarnation, .. }),
        "{first:?}"
    );
    let (_, second) = a.await_fact(|_| true);
    assert!(matches!(second, PeerFact::Up { incarnation: Incarnation(2), .. }), "{second:?}");
}

#[test]
fn who_calls_is_called_back_without_being_listed() {
    let (a, b) = (Replica::start("a", 1), Replica::start("b", 1));
    a.links.set_members(vec![b.candidate("b", 1)]);
    a.await_up("b");
    b.await_up("a");
}

#[test]
fn status_and_messages_arrive() {
    let (a, b) = (Replica::start("a", 1), Replica::start("b", 1));
    a.links.set_members(vec![b.candidate("b", 1)]);
    a.await_up("b");
    let published = PeerStatus {
        role: PeerRole::Active,
        term: Term(4),
        eligible: true,
        draining: true,
        input: Offset(12),
        outputs: vec![OutputStatus {
            topic: TopicName::from("t.O"),
            computed: OutputIndex(5),
            published: OutputIndex(4),
        }],
    };
    b.links.publish_status(published.clone());
    a.await_fact(|fact| matches!(fact, PeerFact::Status { status, .. } if *status == published));
    let messages = [
        PeerMessage::HandOver { term: Term(4), next: vec![(TopicName::from("t.O"), OutputIndex(5))] },
        PeerMessage::StepAside { term: Term(4) },
        PeerMessage::Switchover { to: Some(MemberName::from("a")) },
    ];
    for sent in messages {
        a.links.send(&MemberName::from("b"), sent.clone()).unwrap();
        let (_, fact) = b.await_fact(|fact| matches!(fact, PeerFact::Message { .. }));
        let expected = PeerFact::Message { from: MemberName::from("a"), incarnation: Incarnation(1), message: sent };
        assert_eq!(fact, expected);
    }
    let nobody = a.links.send(&MemberName::from("c"), PeerMessage::StepAside { term: Term(4) });
    assert!(matches!(nobody, Err(Error::NotLinked { .. })), "{nobody:?}");
}

#[test]
fn the_same_secret_links_and_another_is_refused_and_counted() {
    let a = Replica::with(with_secret(config("a", 1), "tell nobody"));
    let b = Replica::with(with_secret(config("b", 1), "tell nobody"));
    let stranger = Replica::with(with_secret(config("c", 1), "tell somebody"));
    a.links.set_members(vec![b.candidate("b", 1), stranger.candidate("c", 1)]);
    a.await_up("b");
    b.await_up("a");
    stranger.links.set_members(vec![b.candidate("b", 1)]);
    let silent = |member: &'static str| move |fact: &PeerFact| matches!(fact, PeerFact::Silent { member: silent, .. } if silent.as_str() == member);
    a.await_fact(silent("c"));
    stranger.await_fact(silent("b"));
    assert!(a.links.refused() >= 1, "a hello from the stranger's side was believed");
    assert!(stranger.links.refused() >= 1, "the stranger believed somebody");
}

#[test]
fn a_caller_without_proof_gets_no_heartbeat_and_is_not_called_back() {
    let b = Replica::with(with_secret(config("b", 1), "tell nobody"));
    let mut forger = TcpStream::connect(b.links.address()).unwrap();
    write_frame(&mut forger, &hello("a", 1));
    read_frame(&mut forger);
    write_frame(&mut forger, r#"{"type":"proof","proof":"00"}"#);
    assert_eq!(read_frame(&mut forger), r#"{"type":"refusal","reason":"secret"}"#);
    assert_eq!(read_frame(&mut forger), "");
    assert_eq!(b.links.refused(), 1);
    assert_eq!(b.facts_within(Duration::ZERO), []);
}

#[test]
fn garbage_is_refused_and_counted_and_hurts_nobody() {
    let b = Replica::start("b", 1);
    let garbage: [&[u8]; 5] = [
        b"GET /healthz HTTP/1.1\r\n\r\n",
        &[0xff; 64],
        &[0, 0, 0, 2, b'{', b'}'],
        &[0, 0, 0, 3, 0xff, 0xfe, 0x00],
        &[0, 0, 0, 0],
    ];
    for (count, bytes) in (1..).zip(garbage) {
        let mut stream = TcpStream::connect(b.links.address()).unwrap();
        stream.write_all(bytes).unwrap();
        assert_eq!(read_frame(&mut stream), "", "garbage was answered");
        assert_eq!(b.links.refused(), count);
    }
    // Garbage after a good handshake ends that connection only.
    let mut stream = TcpStream::connect(b.links.address()).unwrap();
    write_frame(&mut stream, &hello("x", 1));
    read_frame(&mut stream);
    write_frame(&mut stream, r#"{"type":"proof","proof":null}"#);
    write_frame(&mut stream, "not json");
    while !read_frame(&mut stream).is_empty() {}
    let a = Replica::start("a", 1);
    a.links.set_members(vec![b.candidate("b", 1)]);
    a.await_up("b");
}

#[test]
fn an_unknown_version_and_a_foreign_cluster_are_refused_by_name() {
    let b = Replica::start("b", 1);
    let answer = |hello: &str| {
        let mut stream = TcpStream::connect(b.links.address()).unwrap();
        write_frame(&mut stream, hello);
        read_frame(&mut stream)
    };
    let newer = r#"{"understudy_peer":7,"anything":"else"}"#;
    assert_eq!(answer(newer), r#"{"type":"refusal","reason":"version","ours":1,"theirs":7}"#);
    let foreign = hello("a", 1).replace("label.project", "other.project");
    assert_eq!(answer(&foreign), r#"{"type":"refusal","reason":"cluster","ours":"label.project"}"#);
}

#[test]
fn a_name_that_is_already_alive_is_told_to_the_later_start() {
    let first = Replica::start("b", 1);
    let second = Replica::start("b", 2);
    second.links.set_members(vec![first.candidate("b", 1)]);
    let (_, fact) = second.await_fact(|_| true);
    let taken = PeerFact::NameTaken { incarnation: Incarnation(1), peer: first.links.peer().to_owned() };
    assert_eq!(fact, taken);
    let (_, fact) = first.await_fact(|_| true);
    let superseded = PeerFact::Superseded { incarnation: Incarnation(2), peer: second.links.peer().to_owned() };
    assert_eq!(fact, superseded);
}

#[test]
fn a_former_start_under_the_own_name_that_nobody_answers_for_is_dead() {
    let gone = Puppet::new().address();
    let b = Replica::start("b", 2);
    b.links.set_members(vec![candidate("b", 1, &gone.to_string())]);
    let (_, fact) = b.await_fact(|_| true);
    let dead =
        PeerFact::Dead { member: MemberName::from("b"), incarnation: Incarnation(1), evidence: Evidence::Refused };
    assert_eq!(fact, dead);
}

#[test]
fn a_busy_port_is_named_with_the_fix() {
    let busy = Replica::start("a", 1);
    let mut config = config("b", 1);
    config.listen.port = busy.links.address().port();
    let error = PeerLinks::start(config, |_| ()).unwrap_err();
    assert!(matches!(error, Error::AddressInUse { .. }), "{error:?}");
    let address = busy.links.address();
    assert_eq!(
        error.to_string(),
        format!(
            "peer address {address} is in use: another engine or program listens there; choose a free port with --peer host:port"
        )
    );
}

#[test]
fn links_may_be_started_from_inside_another_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { Replica::start("a", 1).links.stop() });
}

#[test]
fn without_a_secret_only_loopback_is_listened_on_and_called() {
    let mut open = config("a", 1);
    open.listen.host = "0.0.0.0".to_owned();
    let error = PeerLinks::start(open, |_| ()).unwrap_err();
    assert!(matches!(error, Error::SecretNeeded { .. }), "{error:?}");
    let a = Replica::start("a", 1);
    // An address of a documentation network: were it called, the dial would only time out.
    a.links.set_members(vec![candidate("b", 1, "192.0.2.1:31416")]);
    a.await_fact(|fact| matches!(fact, PeerFact::Silent { .. }));
    assert_eq!(a.links.refused(), 0);
}
