//! What a person sees while the drill runs.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use super::Verdict;

/// Width of a step's name with its dots.
const STEP_WIDTH: usize = 46;

/// Progress, line by line; plain text, so that it reads the same in a terminal and in a log.
pub(crate) struct Screen {
    step: u32,
    began: Instant,
}

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    // A closed pipe must not end the drill before it has tidied up.
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

impl Screen {
    pub(crate) fn new(real: bool) -> Self {
        let cluster = if real { "3 brokers · 1 zookeeper" } else { "broker in memory" };
        print(&format!(
            " hot failover demo · {cluster} · 3 engines · 1 publisher · 1 subscriber · stateful sum of the last 20\n"
        ));
        Self { step: 0, began: Instant::now() }
    }

    pub(crate) fn step(&mut self, what: &str) {
        self.step += 1;
        self.began = Instant::now();
        let dots = ".".repeat(STEP_WIDTH.saturating_sub(what.len() + 1));
        print(&format!(" [{}] {what} {dots} ", self.step));
    }

    pub(crate) fn done(&mut self, how: &str) {
        print(&format!("ok {:>5.1} s   {how}\n", self.began.elapsed().as_secs_f32()));
    }

    pub(crate) fn load(&mut self, rate: u64, kills: u32) {
        self.step += 1;
        print(&format!(" [{}] {rate} events/s, {kills} kills of the active and more\n", self.step));
    }

    pub(crate) fn fault(&mut self, fault: &str, active: &str) {
        self.began = Instant::now();
        print(&format!("     {fault:<32} ({active} was active) "));
    }

    pub(crate) fn survived(&mut self, after: &str) {
        print(&format!("✓ {after}   {:.1} s\n", self.began.elapsed().as_secs_f32()));
    }

    pub(crate) fn remark(&mut self, text: &str) {
        print(&format!("     {text}\n"));
    }

    pub(crate) fn result(&mut self, verdict: &Verdict, folder: &Path) {
        print(&verdict.to_string());
        print(&format!("   report: {}\n", folder.join("index.html").display()));
    }
}
