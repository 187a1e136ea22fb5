//! TLS and logins against a real ZooKeeper that speaks TLS.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod support;

use std::io::Write;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ports::coordinator::{CoordinatorCommand, CoordinatorFact};
use ports::security::Secret;
use support::{Clients, Operator, PATIENCE, Replica, Servers, certificate, config};
use understudy_adapter_zookeeper::{Config, Error, Identity, Login, Tls, ZooKeeperCoordinator};
use zookeeper_client::{Acls, CreateMode, Error as ZkError};

const TICK: Duration = Duration::from_millis(500);
/// A handshake on a busy machine must fit.
const SESSION: Duration = Duration::from_secs(5);

/// What all tests of this file log, the client's own words included; their servers run one at a time.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    log
});

#[derive(Clone, Default)]
struct Log(Arc<(Mutex<String>, Condvar)>);

impl Log {
    /// Begins to listen; what was logged before is forgotten.
    fn clear(&self) {
        self.text().clear();
    }

    /// Also after a test that failed while it looked.
    fn text(&self) -> MutexGuard<'_, String> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn await_line(&self, part: &str) {
        let waited = self.0.1.wait_timeout_while(self.text(), PATIENCE, |text| !text.contains(part));
        let (text, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "never logged: {part}, only:\n{text}");
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.text().push_str(&String::from_utf8_lossy(bytes));
        self.0.1.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn encrypted(servers: &Servers, member: &str, tls: Tls) -> Config {
    Config { tls: Some(tls), ..config(&servers.secure_address(), member, 1, SESSION) }
}

fn trusting(ca: &str) -> Tls {
    Tls { ca: certificate(ca), identity: None }
}

fn login() -> Login {
    Login { user: "esp".to_owned(), password: Secret::new("tell nobody".to_owned()) }
}

#[test]
fn a_line_stands_behind_tls_and_a_login() {
    let Some(servers) = Servers::secure(TICK, Clients::Anybody) else { return };
    LOG.clear();
    let member = |name| Config { login: Some(login()), ..encrypted(&servers, name, trusting("ca.pem")) };
    let a = Replica::join(member("a"));
    let _b = Replica::join(member("b"));
    a.await_line(&["a", "b"]);
    let operator = Operator::new(&servers);
    assert_eq!(operator.delete("/ESP/HAtopic.project"), Err(ZkError::NoAuth));
    assert!(!LOG.text().contains("tell nobody"), "the password stands in the log");
}

#[test]
fn a_server_that_asks_for_a_certificate_is_shown_one() {
    let Some(servers) = Servers::secure(TICK, Clients::WithCertificate) else { return };
    LOG.clear();
    let identity = Identity { certificate: certificate("client.pem"), key: certificate("client.key") };
    let a = Replica::start(encrypted(&servers, "a", Tls { identity: Some(identity), ..trusting("ca.pem") }));
    a.say(CoordinatorCommand::Join);
    let stranger = Replica::start(encrypted(&servers, "b", trusting("ca.pem")));
    LOG.await_line("AlertReceived");
    assert_eq!(stranger.facts(), []);
    a.await_line(&["a"]);
}

#[test]
fn nobody_is_trusted_who_is_not_the_one_called() {
    let Some(servers) = Servers::secure(TICK, Clients::Anybody) else { return };
    LOG.clear();
    let unknown_authority = Replica::start(encrypted(&servers, "a", trusting("stranger.pem")));
    LOG.await_line("UnknownIssuer");
    let by_name = servers.secure_address().replace("127.0.0.1", "localhost");
    let other_name = Config { tls: Some(trusting("ca.pem")), ..config(&by_name, "b", 1, SESSION) };
    let other_name = Replica::start(other_name);
    LOG.await_line("NotValidForName");
    for refused in [unknown_authority, other_name] {
        assert_eq!(refused.facts(), [], "a connection came up that must not");
    }
}

#[test]
fn wrong_files_are_named_before_anything_is_connected() {
    let started = |tls| {
        let config = Config { tls: Some(tls), ..config("127.0.0.1:1", "a", 1, SESSION) };
        ZooKeeperCoordinator::start(config, |_: CoordinatorFact| ()).map(drop).unwrap_err().to_string()
    };
    assert!(started(trusting("nowhere.pem")).contains("nowhere.pem can't be used"));
    assert!(started(trusting("README.md")).contains("README.md can't be used"));
    let identity = Identity { certificate: certificate("client.pem"), key: certificate("ca.pem") };
    assert!(started(Tls { identity: Some(identity), ..trusting("ca.pem") }).contains("client.pem can't be used"));
    let config = Config { tls: Some(trusting("ca.pem")), ..config("no name:1", "a", 1, SESSION) };
    let refused = ZooKeeperCoordinator::start(config, |_: CoordinatorFact| ()).map(drop).unwrap_err();
    assert!(matches!(refused, Error::NoServerName { host } if host == "no name"));
}

#[test]
fn a_folder_from_before_the_login_is_warned_of() {
    let Some(servers) = Servers::standalone(TICK) else { return };
    LOG.clear();
    let operator = Operator::new(&servers);
    operator.make("/ESP", CreateMode::Persistent, Acls::anyone_all());
    operator.make("/ESP/HAtopic.project", CreateMode::Persistent, Acls::anyone_all());
    let _a = Replica::join(Config { login: Some(login()), ..servers.config("a", 1, SESSION) });
    LOG.await_line("everybody may remove entries of the line");
}
