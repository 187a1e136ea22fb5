//! One replica of the toy world: a machine and what a shell would keep around it.

use std::collections::VecDeque;
use std::time::Duration;

use failover::{Config, Fact, Machine, PeerReport};
use types::Incarnation;

use super::{READ_MS, SESSION_MS, STALL_MS, Settings};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Down,
    Up,
    /// Stopped in the middle of it; facts wait.
    Frozen,
}

/// What a node was last told about another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Acquaintance {
    Never,
    /// Told that nothing listens there.
    Refused,
    Met {
        incarnation: Incarnation,
        heard_at: u64,
        report: Option<PeerReport>,
        told_silent: bool,
    },
    Dead(Incarnation),
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) incarnation: Incarnation,
    pub(crate) life: Life,
    pub(crate) machine: Option<Machine>,
    pub(crate) inbox: VecDeque<Fact>,
    /// One past the last output computed, in every log.
    pub(crate) computed: u64,
    pub(crate) speed: u64,
    /// Its writer does nothing and notices nothing.
    pub(crate) hung: bool,
    pub(crate) frozen_at: u64,
    pub(crate) input_open: bool,
    pub(crate) writing: bool,
    pub(crate) reaches_logs: bool,
    pub(crate) reaches_coordinator: bool,
    /// Per log.
    pub(crate) opened: Vec<bool>,
    pub(crate) told: Vec<u64>,
    pub(crate) next: Vec<u64>,
    pub(crate) took_over: Vec<bool>,
    pub(crate) draining: Vec<bool>,
    pub(crate) stuck_since: Vec<u64>,
    /// When the log last moved, or nothing was due in it.
    pub(crate) moved_at: Vec<u64>,
    /// When the log's end was last read.
    pub(crate) read_at: Vec<u64>,
    /// Per other node.
    pub(crate) acquaintances: Vec<Acquaintance>,
}

impl Node {
    pub(crate) fn new(name: &str, settings: &Settings) -> Self {
        let outputs = settings.outputs;
        Self {
            name: name.to_owned(),
            incarnation: Incarnation(0),
            life: Life::Down,
            machine: None,
            inbox: VecDeque::new(),
            computed: 0,
            speed: settings.speed,
            hung: false,
            frozen_at: 0,
            input_open: false,
            writing: false,
            reaches_logs: true,
            reaches_coordinator: true,
            opened: vec![false; outputs],
            told: vec![0; outputs],
            next: vec![0; outputs],
            took_over: vec![false; outputs],
            draining: vec![false; outputs],
            stuck_since: vec![0; outputs],
            moved_at: vec![0; outputs],
            read_at: vec![0; outputs],
            acquaintances: Vec::new(),
        }
    }

    pub(crate) fn config(&self, settings: &Settings) -> Config {
        Config {
            member: self.name.as_str().into(),
            incarnation: self.incarnation,
            outputs: settings.outputs,
            fencing: settings.fencing,
            session_timeout: Duration::from_millis(SESSION_MS),
            buffered_outputs_max: settings.buffered,
            unacknowledged_outputs_max: settings.unacknowledged,
            lag_max: Duration::from_millis(200),
            silence_max: Duration::from_millis(200),
            stall_max: Duration::from_millis(STALL_MS),
            owed_max: Duration::from_millis(STALL_MS),
            read_max: Duration::from_millis(READ_MS),
            rejoin_delay: Duration::from_millis(200),
            handover_timeout: Duration::from_millis(2_000),
        }
    }

    pub(crate) fn machine(&self) -> &Machine {
        self.machine.as_ref().expect("a node that is up has a machine")
    }

    pub(crate) fn machine_mut(&mut self) -> &mut Machine {
        self.machine.as_mut().expect("a node that is up has a machine")
    }

    /// The process is gone.
    pub(crate) fn end(&mut self) {
        self.life = Life::Down;
        self.machine = None;
        self.inbox.clear();
        self.writing = false;
        self.input_open = false;
    }
}
