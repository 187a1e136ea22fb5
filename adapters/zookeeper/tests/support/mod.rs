//! What the tests against a real ZooKeeper share: servers, candidates, an operator.
#![allow(dead_code, reason = "each test file compiles this module for itself and uses a part of it")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ports::coordinator::{Candidate, CoordinatorCommand, CoordinatorFact};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use types::{Incarnation, MemberName, Term};
use understudy_adapter_zookeeper::{Config, ElectionPath, Ensemble, ZooKeeperCoordinator};
use zookeeper_client::{Client, CreateMode};

/// No fact takes longer, however busy the machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// No test causes more facts between two that are awaited.
const FACTS_MAX: usize = 100;
/// Where the jars of Kafka 3.9 are, ZooKeeper 3.8 among them.
const LIB: &str = "UNDERSTUDY_KAFKA_39_LIB";

/// The folder of jars, or a line that says what is missing.
pub(crate) fn jars() -> Option<PathBuf> {
    let cache = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/understudy/kafka-3.9.1/lib"));
    let found = std::env::var_os(LIB).map(PathBuf::from).or_else(cache).filter(|lib| lib.is_dir());
    if found.is_none() {
        eprintln!("skipped: no ZooKeeper; {LIB} names no folder and ~/.cache/understudy/kafka-3.9.1/lib is not there");
    }
    found
}

/// One test's servers at a time: the machine may be small.
static GATE: Mutex<()> = Mutex::new(());

/// A ZooKeeper server, or several as an ensemble.
pub(crate) struct Servers {
    jars: PathBuf,
    folder: TempDir,
    ports: Vec<u16>,
    secure_port: u16,
    processes: BTreeMap<usize, Child>,
    _gate: MutexGuard<'static, ()>,
}

impl Servers {
    /// One server with this tick; `None` where there are no jars.
    pub(crate) fn standalone(tick: Duration) -> Option<Self> {
        Self::start(tick, 1)
    }

    /// One server that speaks TLS at [`Self::secure_address`] and in the clear at [`Self::address`].
    pub(crate) fn secure(tick: Duration, clients: Clients) -> Option<Self> {
        Self::start_with(tick, 1, Some(clients))
    }

    pub(crate) fn start(tick: Duration, count: usize) -> Option<Self> {
        Self::start_with(tick, count, None)
    }

    fn start_with(tick: Duration, count: usize, secure: Option<Clients>) -> Option<Self> {
        let jars = jars()?;
        let gate = GATE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        // Client, peer and election port of each.
        let ports = free_ports(count * 3);
        for server in 0..count {
            write_config(folder.path(), server, tick, &ports, count);
        }
        // A lone server leaves its peer port free.
        let secure_port = ports[count];
        if let Some(clients) = secure {
            write_secure_config(folder.path(), secure_port, clients);
        }
        let ports = ports.into_iter().take(count).collect();
        let mut servers = Self { jars, folder, ports, secure_port, processes: BTreeMap::new(), _gate: gate };
        (0..count).for_each(|server| servers.run(server));
        (0..count).for_each(|server| servers.await_serving(server));
        Some(servers)
    }

    fn run(&mut self, server: usize) {
        let log = File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let process = Command::new("java")
            .args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg("-cp")
            .arg(self.jars.join("*"))
            .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
            .arg(self.folder.path().join(format!("zoo{server}.cfg")))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        self.processes.insert(server, process);
    }

    fn await_serving(&self, server: usize) {
        let deadline = Instant::now() + PATIENCE;
        while !self.says(server, "srvr").contains("Mode: ") {
            assert!(Instant::now() < deadline, "ZooKeeper did not come up: {}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The answer to a four letter word; empty when there is none.
    fn says(&self, server: usize, word: &str) -> String {
        let mut answer = String::new();
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.ports[server])) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
            let _ = stream.write_all(word.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
        }
        answer
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Which one leads.
    pub(crate) fn leader(&self) -> usize {
        (0..self.ports.len()).find(|server| self.says(*server, "srvr").contains("Mode: leader")).unwrap()
    }

    pub(crate) fn kill(&mut self, server: usize) {
        let mut process = self.processes.remove(&server).unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Starts a killed one again on its data.
    pub(crate) fn restart(&mut self, server: usize) {
        self.run(server);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        for process in self.processes.values() {
            kill_process(Pid::from_child(process), signal).unwrap();
        }
    }

    /// As in `zookeeperhostport`.
    pub(crate) fn address(&self) -> String {
        self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
    }

    /// The same, of the port that speaks TLS.
    pub(crate) fn secure_address(&self) -> String {
        format!("127.0.0.1:{}", self.secure_port)
    }

    pub(crate) fn config(&self, member: &str, incarnation: u64, session: Duration) -> Config {
        config(&self.address(), member, incarnation, session)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for process in self.processes.values_mut() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Ports below those that the system gives to callers: who dials such a port again and again while nobody listens would at
/// last be given it as its own, meet itself, and keep the server from coming back.
fn free_ports(count: usize) -> Vec<u16> {
    let first = 20_000 + u16::try_from(std::process::id() % 1_000).unwrap() * 10;
    let listeners = (first..32_000).filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok()).take(count);
    let listeners: Vec<_> = listeners.collect();
    assert_eq!(listeners.len(), count, "no free ports");
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

fn write_config(folder: &Path, server: usize, tick: Duration, ports: &[u16], count: usize) {
    let data = folder.join(format!("data{server}"));
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("myid"), server.to_string()).unwrap();
    let mut text = format!(
        "tickTime={}\ndataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n\
         initLimit=50\nsyncLimit=20\nmaxClientCnxns=0\n",
        tick.as_millis(),
        data.display(),
        ports[server],
    );
    if count > 1 {
        for peer in 0..count {
            text += &format!("server.{peer}=127.0.0.1:{}:{}\n", ports[count + peer], ports[2 * count + peer]);
        }
    }
    std::fs::write(folder.join(format!("zoo{server}.cfg")), text).unwrap();
}

/// Whether a server asks its clients who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clients {
    Anybody,
    WithCertificate,
}

/// A file of these tests' certificates.
pub(crate) fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)
}

fn write_secure_config(folder: &Path, port: u16, clients: Clients) {
    let mut file = File::options().append(true).open(folder.join("zoo0.cfg")).unwrap();
    let text = format!(
        "secureClientPort={port}\nserverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory\n\
         ssl.keyStore.location={}\nssl.trustStore.location={}\nssl.clientAuth={}\n",
        certificate("server.pem").display(),
        certificate("ca.pem").display(),
        if clients == Clients::WithCertificate { "need" } else { "none" },
    );
    file.write_all(text.as_bytes()).unwrap();
}

pub(crate) fn path() -> ElectionPath {
    ElectionPath::namespaced("HAtopic", "project").unwrap()
}

pub(crate) fn config(address: &str, member: &str, incarnation: u64, session: Duration) -> Config {
    Config {
        ensemble: Ensemble::parse(address).unwrap(),
        path: path(),
        session_timeout: session,
        login: None,
        tls: None,
        member: MemberName::from(member),
        incarnation: Incarnation(incarnation),
        peer: format!("{member}:1"),
    }
}

/// A coordinator with its facts in order.
pub(crate) struct Replica {
    pub(crate) coordinator: ZooKeeperCoordinator,
    facts: Receiver<(Instant, CoordinatorFact)>,
}

impl Replica {
    pub(crate) fn start(config: Config) -> Self {
        Self::start_with(config, |_| ())
    }

    /// `also` is called on the session's thread with each fact.
    pub(crate) fn start_with(config: Config, mut also: impl FnMut(&CoordinatorFact) + Send + 'static) -> Self {
        let (sender, facts) = channel();
        let coordinator = ZooKeeperCoordinator::start(config, move |fact| {
            let _ = sender.send((Instant::now(), fact.clone()));
            also(&fact);
        });
        Self { coordinator: coordinator.unwrap(), facts }
    }

    /// Starts and stands in line.
    pub(crate) fn join(config: Config) -> Self {
        let member = config.member.clone();
        let replica = Self::start(config);
        replica.say(CoordinatorCommand::Join);
        replica.await_fact(|fact| names(fact).iter().any(|name| *name == member.as_str()));
        replica
    }

    pub(crate) fn say(&self, command: CoordinatorCommand) {
        self.coordinator.send(command).unwrap();
    }

    /// The next fact that fits, when it was told, and what came before it.
    pub(crate) fn await_fact(
        &self,
        fits: impl Fn(&CoordinatorFact) -> bool,
    ) -> (Instant, CoordinatorFact, Vec<CoordinatorFact>) {
        let deadline = Instant::now() + PATIENCE;
        let mut before = Vec::new();
        while let Ok((told, fact)) = self.facts.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if fits(&fact) {
                return (told, fact, before);
            }
            before.push(fact);
            assert!(before.len() < FACTS_MAX, "a flood of facts: {before:?}");
        }
        panic!("no such fact came, only {before:?}");
    }

    /// Waits for this line; its candidates, and when it was told.
    pub(crate) fn await_line(&self, expected: &[&str]) -> (Instant, Term, Vec<Candidate>) {
        let (told, fact, _) = self.await_fact(|fact| is_line(fact) && names(fact) == expected);
        let CoordinatorFact::Line { term, candidates } = fact else { panic!("a line was awaited") };
        (told, term, candidates)
    }

    /// Facts that have come so far.
    pub(crate) fn facts(&self) -> Vec<CoordinatorFact> {
        self.facts.try_iter().map(|(_, fact)| fact).collect()
    }
}

pub(crate) fn is_line(fact: &CoordinatorFact) -> bool {
    matches!(fact, CoordinatorFact::Line { .. })
}

/// Who stands in a line; nobody in other facts.
pub(crate) fn names(fact: &CoordinatorFact) -> Vec<&str> {
    match fact {
        CoordinatorFact::Line { candidates, .. } => {
            candidates.iter().map(|candidate| candidate.member.as_str()).collect()
        }
        CoordinatorFact::Connected
        | CoordinatorFact::Suspended { .. }
        | CoordinatorFact::Failing { .. }
        | CoordinatorFact::SessionLost
        | CoordinatorFact::Failed { .. } => Vec::new(),
    }
}

/// Somebody with a ZooKeeper shell: a session for each thing done.
pub(crate) struct Operator {
    address: String,
}

impl Operator {
    pub(crate) fn new(servers: &Servers) -> Self {
        Self { address: servers.address() }
    }

    fn run<T>(&self, act: impl AsyncFnOnce(Client) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { act(Client::connect(&self.address).await.unwrap()).await })
    }

    pub(crate) fn children(&self, path: &str) -> Vec<String> {
        let mut names = self.run(async |client| client.list_children(path).await.unwrap());
        names.sort();
        names
    }

    pub(crate) fn content(&self, path: &str) -> String {
        let (content, _) = self.run(async |client| client.get_data(path).await.unwrap());
        String::from_utf8(content).unwrap()
    }

    pub(crate) fn delete(&self, path: &str) -> Result<(), zookeeper_client::Error> {
        self.run(async |client| client.delete(path, None).await)
    }

    pub(crate) fn make(&self, path: &str, mode: CreateMode, acls: zookeeper_client::Acls<'_>) {
        self.run(async |client| client.create(path, b"made by hand", &mode.with_acls(acls)).await.unwrap());
    }
}
