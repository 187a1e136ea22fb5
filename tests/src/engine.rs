//! One engine, asked over HTTP.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;

use crate::programs::Background;

/// Brokers, engines and a busy machine together.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often an engine is asked while something is waited for.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// An engine that ends with the test: dropping it is `kill -9`.
pub struct Engine {
    /// The process.
    pub process: Background,
    /// Its name in the cluster.
    pub name: String,
    http: String,
}

impl Engine {
    /// Starts `understudy run` with these words more; its log is `<folder>/<name>.log`.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start(name: &str, words: &[&str], folder: &Path) -> anyhow::Result<Self> {
        let http = free_address()?;
        let named = ["run", "--name", name, "--http", &http, "--peer", "127.0.0.1:0"];
        let process = Background::start(&[&named, words].concat(), &folder.join(format!("{name}.log")))?;
        Ok(Self { process, name: name.to_owned(), http })
    }

    /// Where it is asked, `host:port`.
    #[must_use]
    pub fn http(&self) -> &str {
        &self.http
    }

    /// `/status`, unless it isn't served yet.
    #[must_use]
    pub fn status(&self) -> Option<Value> {
        let mut stream = TcpStream::connect(&self.http).ok()?;
        stream.write_all(b"GET /status HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// Waits until the status is as it should be, and gives it back.
    ///
    /// # Panics
    /// When it isn't in time; with the last status and the log.
    pub fn await_status(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status().unwrap_or_default();
            if fits(&status) {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "{} is not {what}: {status:#}\n{}",
                self.name,
                last_lines(&self.process.log())
            );
            std::thread::sleep(ASK_EVERY);
        }
    }
}

/// Waits until the statuses of all, in their order, are as they should be, and gives back what was found in them.
///
/// # Panics
/// When they aren't in time; with the last statuses.
pub fn await_all<T>(engines: &[Engine], what: &str, fits: impl Fn(&[Value]) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let statuses: Vec<Value> = engines.iter().map(|engine| engine.status().unwrap_or_default()).collect();
        if let Some(found) = fits(&statuses) {
            return found;
        }
        assert!(Instant::now() < deadline, "not {what}: {statuses:#?}");
        std::thread::sleep(ASK_EVERY);
    }
}

/// Asked of the system and given back: free a moment later too, since nobody else is told of it.
///
/// # Errors
/// The system has none.
pub fn free_address() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr()?.to_string())
}

fn last_lines(log: &str) -> String {
    const LINES: usize = 40;
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
