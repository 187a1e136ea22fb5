//! What the socket tests share: facts as they come, and a peer that does what it is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ports::coordinator::{Candidate, HostPort};
use ports::security::Secret;
use types::{Incarnation, MemberName};
use understudy_adapter_peer::{Config, HEARTBEAT_INTERVAL, PeerFact, PeerLinks};

/// No fact takes longer, however busy the machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A replica's links with its facts in order.
pub(crate) struct Replica {
    pub(crate) links: PeerLinks,
    facts: Receiver<(Instant, PeerFact)>,
}

impl Replica {
    pub(crate) fn start(member: &str, incarnation: u64) -> Self {
        Self::with(config(member, incarnation))
    }

    pub(crate) fn with(config: Config) -> Self {
        let (sender, facts) = channel();
        let links = PeerLinks::start(config, move |fact| {
            let _ = sender.send((Instant::now(), fact));
        });
        Self { links: links.unwrap(), facts }
    }

    /// The next fact that fits, and when it was told.
    pub(crate) fn await_fact(&self, fits: impl Fn(&PeerFact) -> bool) -> (Instant, PeerFact) {
        let deadline = Instant::now() + PATIENCE;
        let mut others = Vec::new();
        while let Ok((told, fact)) = self.facts.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if fits(&fact) {
                return (told, fact);
            }
            others.push(fact);
        }
        panic!("no such fact came, only {others:?}");
    }

    pub(crate) fn await_up(&self, member: &str) {
        self.await_fact(|fact| matches!(fact, PeerFact::Up { member: up, .. } if up.as_str() == member));
    }

    /// Everything told within a time, status apart.
    pub(crate) fn facts_within(&self, time: Duration) -> Vec<PeerFact> {
        let deadline = Instant::now() + time;
        let mut facts = Vec::new();
        loop {
            match self.facts.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok((_, PeerFact::Status { .. })) => (),
                Ok((_, fact)) => facts.push(fact),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return facts,
            }
        }
    }

    pub(crate) fn candidate(&self, member: &str, incarnation: u64) -> Candidate {
        candidate(member, incarnation, self.links.peer())
    }
}

pub(crate) fn config(member: &str, incarnation: u64) -> Config {
    Config {
        cluster: "label.project".to_owned(),
        member: MemberName::from(member),
        incarnation: Incarnation(incarnation),
        listen: HostPort { host: "127.0.0.1".to_owned(), port: 0 },
        advertise: None,
        secret: None,
        heartbeat: HEARTBEAT_INTERVAL,
    }
}

pub(crate) fn with_secret(mut config: Config, secret: &str) -> Config {
    config.secret = Some(Secret::new(secret.to_owned()));
    config
}

pub(crate) fn candidate(member: &str, incarnation: u64, peer: &str) -> Candidate {
    Candidate {
        member: MemberName::from(member),
        incarnation: Incarnation(incarnation),
        peer: peer.to_owned(),
        ticket: 1,
    }
}

/// A peer by hand: blocking sockets and frames of our own making.
pub(crate) struct Puppet {
    pub(crate) listener: TcpListener,
}

impl Puppet {
    pub(crate) fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { listener: TcpListener::bind(address).unwrap() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    pub(crate) fn accept(&self) -> TcpStream {
        self.listener.accept().unwrap().0
    }

    /// Accepts and says hello as this member, without a secret.
    pub(crate) fn welcome(&self, member: &str, incarnation: u64) -> TcpStream {
        let mut stream = self.accept();
        read_frame(&mut stream);
        write_frame(&mut stream, &hello(member, incarnation));
        read_frame(&mut stream);
        stream
    }
}

pub(crate) fn hello(member: &str, incarnation: u64) -> String {
    format!(
        r#"{{"understudy_peer":1,"cluster":"label.project","member":"{member}","incarnation":{incarnation},"peer":"127.0.0.1:1","nonce":"00"}}"#
    )
}

pub(crate) const BEAT: &str =
    r#"{"type":"beat","role":"standby","term":1,"eligible":true,"draining":false,"input":0,"outputs":[]}"#;

pub(crate) fn write_frame(stream: &mut TcpStream, json: &str) {
    let bytes = [&u32::try_from(json.len()).unwrap().to_be_bytes()[..], json.as_bytes()].concat();
    stream.write_all(&bytes).unwrap();
}

/// The next frame as text; empty at the end of the stream.
pub(crate) fn read_frame(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = [0; 4];
    if stream.read_exact(&mut head).is_err() {
        return String::new();
    }
    let mut contents = vec![0; u32::from_be_bytes(head) as usize];
    stream.read_exact(&mut contents).unwrap();
    String::from_utf8(contents).unwrap()
}
