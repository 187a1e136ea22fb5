//! A toy world for machines: a log that takes only what comes next, a coordinator with sessions, links, and a clock that
//! moves when it is told to. Everything happens in a fixed order, so a run can be repeated.
#![allow(dead_code, reason = "each test file compiles this module for itself and uses a part of it")]

mod coordinator;
mod links;
mod node;
pub(crate) mod script;
mod tale;
mod work;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use failover::{Action, Announcement, Exit, Fact, Fencing, Machine, OutputId, Stage, Why};
use types::{Incarnation, OutputIndex, Tick};

use coordinator::Coordinator;
pub(crate) use node::{Life, Node};
use tale::is_always_told;

/// How far the clock moves at once.
const STEP_MS: u64 = 10;
/// Facts that may follow from one cause; more would be a loop.
const FACTS_MAX: usize = 10_000;

pub(crate) const SESSION_MS: u64 = 1_000;
const STALL_MS: u64 = 1_000;
const READ_MS: u64 = 200;

/// What all replicas of a world have in common.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) outputs: usize,
    pub(crate) buffered: u64,
    pub(crate) unacknowledged: u64,
    pub(crate) fencing: Fencing,
    /// Records that an engine computes in one step.
    pub(crate) speed: u64,
    /// Records that a writer appends in one step.
    pub(crate) rate: u64,
    /// Whether the coordinator ends sessions that it doesn't hear.
    pub(crate) expiry: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            outputs: 1,
            buffered: 100,
            unacknowledged: 1_000,
            fencing: Fencing::Log,
            speed: 50,
            rate: 50,
            expiry: true,
        }
    }
}

/// An outbound topic: takes index `end` next and nothing else.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    pub(crate) end: u64,
    pub(crate) down: bool,
    /// Who wrote from where on.
    writers: Vec<(String, u64)>,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    /// Milliseconds.
    pub(crate) now: u64,
    /// Records in the inbound topic; each causes one output in every log.
    pub(crate) input: u64,
    pub(crate) logs: Vec<Log>,
    pub(crate) coordinator: Coordinator,
    pub(crate) nodes: Vec<Node>,
    /// Pairs of nodes without a link.
    pub(crate) cuts: BTreeSet<(usize, usize)>,
    /// Pairs whose connections somebody else refuses in the other's name.
    pub(crate) refusals: BTreeSet<(usize, usize)>,
    /// What happened, a line per fact; not filled while `None`.
    pub(crate) story: Option<String>,
    pub(crate) seen: BTreeSet<(Stage, Stage, Why)>,
}

impl World {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            logs: vec![Log::default(); settings.outputs],
            settings,
            now: 0,
            input: 0,
            coordinator: Coordinator::default(),
            nodes: Vec::new(),
            cuts: BTreeSet::new(),
            refusals: BTreeSet::new(),
            story: None,
            seen: BTreeSet::new(),
        }
    }

    pub(crate) fn tick(&self) -> Tick {
        Tick(0) + Duration::from_millis(self.now)
    }

    /// Starts a node anew: it remembers nothing.
    pub(crate) fn start(&mut self, name: &str) {
        let found = self.nodes.iter().position(|node| node.name == name);
        let i = found.unwrap_or(self.nodes.len());
        if found.is_none() {
            self.nodes.push(Node::new(name, &self.settings));
        }
        self.meet(i);
        self.nodes[i].start(&self.settings);
        self.note(&format!("{name} starts"));
        for output in 0..self.settings.outputs {
            self.open(i, output);
        }
        self.connect(i);
        self.pump();
    }

    /// A log that can't be reached opens later.
    fn open(&mut self, i: usize, output: usize) {
        if self.reaches_log(i, output) && !self.nodes[i].opened[output] {
            let end = self.logs[output].end;
            self.nodes[i].opened[output] = true;
            self.nodes[i].told[output] = end;
            self.tell(i, Fact::OutputOpened { output: OutputId(output), published_end: OutputIndex(end) });
        }
    }

    /// Lets `ms` pass.
    pub(crate) fn advance(&mut self, ms: u64) {
        let end = self.now + ms;
        while self.now < end {
            self.now = (self.now + STEP_MS).min(end);
            for i in 0..self.nodes.len() {
                if self.nodes[i].life == Life::Up {
                    self.work(i);
                    self.pump();
                }
            }
            self.expire_sessions();
            self.pump();
        }
    }

    pub(crate) fn reaches_log(&self, i: usize, output: usize) -> bool {
        !self.logs[output].down && self.nodes[i].reaches_logs
    }

    pub(crate) fn freeze(&mut self, i: usize) {
        if self.nodes[i].life == Life::Up {
            self.nodes[i].life = Life::Frozen;
            self.nodes[i].frozen_at = self.now;
        }
    }

    /// A zombie wakes: its coordinator's client sees by its own clock that it was away too long, its writer goes on, and
    /// only then comes the news.
    pub(crate) fn thaw(&mut self, i: usize) {
        if self.nodes[i].life != Life::Frozen {
            return;
        }
        self.nodes[i].life = Life::Up;
        let news = std::mem::take(&mut self.nodes[i].inbox);
        if self.now - self.nodes[i].frozen_at >= SESSION_MS * 2 / 5 {
            self.suspend(i);
        }
        self.compute(i);
        for output in 0..self.settings.outputs {
            self.write(i, output);
            self.tail(i, output);
        }
        self.nodes[i].inbox.extend(news);
        self.pump();
        self.catch_up_with_line(i);
        self.pump();
    }

    /// The process is gone; its kernel says so to whoever asks.
    pub(crate) fn kill(&mut self, i: usize) {
        if self.nodes[i].life != Life::Down {
            self.nodes[i].end();
            self.tell_death(i);
            self.pump();
        }
    }

    /// The host is gone; nobody says anything.
    pub(crate) fn vanish(&mut self, i: usize) {
        self.nodes[i].end();
    }

    pub(crate) fn tell(&mut self, i: usize, fact: Fact) {
        if self.nodes[i].life != Life::Down {
            self.nodes[i].inbox.push_back(fact);
        }
    }

    /// Hands in facts until there are none.
    pub(crate) fn pump(&mut self) {
        for _ in 0..FACTS_MAX {
            let ready = |node: &Node| node.life == Life::Up && !node.inbox.is_empty();
            let Some(i) = self.nodes.iter().position(ready) else { return };
            if let Some(fact) = self.nodes[i].inbox.pop_front() {
                self.hand_in(i, fact);
            }
        }
        panic!("facts go on and on; the last words were\n{}", self.story.as_deref().unwrap_or("(not told)"));
    }

    fn hand_in(&mut self, i: usize, fact: Fact) {
        let now = self.tick();
        let told = is_always_told(&fact);
        let mut line = format!("{} {fact} ->", self.nodes[i].name);
        let before = self.nodes[i].machine().stage();
        self.nodes[i].machine_mut().handle(fact, now);
        let mut actions = Vec::new();
        while let Some(action) = self.nodes[i].machine_mut().poll_action() {
            actions.push(action);
        }
        assert!(before != Stage::Stopped || actions.is_empty(), "{line} after it stopped");
        for (n, action) in actions.iter().enumerate() {
            let _ = write!(line, "{} {action}", if n == 0 { "" } else { "," });
        }
        if told || !actions.is_empty() {
            self.note(&line);
        }
        for action in actions {
            self.execute(i, action);
        }
        self.check(i);
    }

    /// What must hold after every fact.
    fn check(&self, i: usize) {
        let node = &self.nodes[i];
        if node.life == Life::Down {
            return;
        }
        let (name, machine) = (&node.name, node.machine());
        assert_eq!(node.writing, machine.is_writing(), "{name} writes other than its machine thinks");
        assert_eq!(node.input_open, !machine.is_input_paused(), "{name} reads other than its machine thinks");
        let mut again = machine.clone();
        again.handle(Fact::DeadlinePassed, self.tick());
        assert_eq!(again.poll_action(), None, "{name} ({}) had more to do", machine.stage());
        let due = machine.deadline().filter(|deadline| *deadline <= self.tick());
        assert_eq!(due, None, "{name} ({}) leaves a deadline due", machine.stage());
    }

    fn execute(&mut self, i: usize, action: Action) {
        match action {
            Action::JoinLine | Action::LeaveLine | Action::Displace(_) => self.command(i, action),
            Action::StartWriting => {
                let next = self.nodes[i].told.clone();
                self.start_writing(i, next);
            }
            Action::StartWritingAt(next) => self.start_writing(i, next.iter().map(|index| index.0).collect()),
            Action::StopWriting => {
                self.nodes[i].writing = false;
                self.nodes[i].draining.fill(true);
                (0..self.settings.outputs).for_each(|output| self.tail(i, output));
            }
            Action::PauseInput => self.nodes[i].input_open = false,
            Action::ResumeInput => self.nodes[i].input_open = true,
            Action::HandOver { to, next } => {
                let from = self.nodes[i].name.as_str().into();
                let linked = |j: &usize| self.nodes[*j].name == to.as_str() && self.is_linked(i, *j);
                if let Some(j) = (0..self.nodes.len()).find(linked) {
                    self.tell(j, Fact::HandedOver { from, next });
                }
            }
            Action::Announce(Announcement { from, to, why, .. }) => {
                self.seen.insert((from, to, why));
            }
            Action::Answer(_) => {}
            Action::CloseSession => self.close_session(i),
            Action::Exit(Exit::Clean | Exit::Undrained | Exit::Blocked) => self.exit(i),
        }
    }

    fn start_writing(&mut self, i: usize, next: Vec<u64>) {
        let node = &mut self.nodes[i];
        let machine = node.machine();
        assert_eq!(machine.stage(), Stage::Active, "{} writes as {}", node.name, machine.stage());
        node.writing = true;
        node.draining.fill(false);
        node.took_over.fill(false);
        node.next = next;
        node.stuck_since.fill(self.now);
        self.tell(i, Fact::WritingStarted);
    }

    /// Nothing may follow an exit, whatever happens.
    fn exit(&mut self, i: usize) {
        let now = self.tick();
        for fact in [Fact::DeadlinePassed, Fact::ForceAsked, Fact::CoordinatorConnected, Fact::ShutdownAsked] {
            self.nodes[i].machine_mut().handle(fact, now);
            assert_eq!(self.nodes[i].machine_mut().poll_action(), None, "{} acts after its exit", self.nodes[i].name);
        }
        self.nodes[i].end();
        self.tell_death(i);
    }

    pub(crate) fn note(&mut self, line: &str) {
        if let Some(story) = &mut self.story {
            let _ = writeln!(story, "{:>6} {line}", self.now);
        }
    }

    pub(crate) fn node(&self, name: &str) -> usize {
        self.nodes.iter().position(|node| node.name == name).unwrap_or_else(|| panic!("no node is called {name}"))
    }
}

impl Node {
    fn start(&mut self, settings: &Settings) {
        let incarnation = Incarnation(self.incarnation.0 + 1);
        *self = Self { incarnation, life: Life::Up, ..Self::new(&self.name, settings) };
        self.machine = Some(Machine::new(self.config(settings)).expect("the settings of the toy world fit together"));
    }
}
