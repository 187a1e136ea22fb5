//! A replica's ZooKeeper client: the real decisions of the adapter (`adapter_zookeeper::election`), carried out on the
//! modelled ensemble. The adapter's session loop itself lives in tokio and is modelled here.

use std::collections::VecDeque;

use adapter_zookeeper::election::{Me, Stance, Step, in_order, line_fact, next_step};
use adapter_zookeeper::{Badge, Entry, apply};
use daemon::node::Wake;
use ports::coordinator::{Candidate, CoordinatorCommand, CoordinatorFact};
use types::Term;
use types::mutation::{Mutation, mutated};

use super::{Event, MS, Who, World};

/// Steps towards what is wanted in a row, as in the adapter.
const STEPS_MAX: usize = 64;
/// Of a thousand operations so many fail while operations fail.
const FAILING_PER_MILLE: u64 = 400;
/// A client that lost its servers tries so often to find one.
const RECONNECT: u64 = 100 * MS;
/// Servers notice that a session is over at most so much later.
const EXPIRES_LATE: u64 = 100 * MS;

/// A replica's client.
pub(super) struct Client {
    badge: Badge,
    stance: Stance,
    dead: Vec<Candidate>,
    term: Term,
    session: Option<i64>,
    connected: bool,
    told: Option<CoordinatorFact>,
    /// Names of the nodes that are watched.
    watched: Vec<String>,
    /// A watch has fired.
    fired: bool,
    /// The next watch never fires.
    pub(super) deaf: bool,
    /// The answer to the next create is lost.
    pub(super) ambiguous: bool,
    pub(super) cut: u32,
    checked: u64,
    /// The newest state of the line that this session was shown.
    seen: u64,
    /// What was asked for and not done; one after the other, each followed by a look at the line.
    commands: VecDeque<CoordinatorCommand>,
    called: Option<u64>,
    /// Something may have changed in the line since it was read.
    looks: bool,
    closed: bool,
}

impl Client {
    pub(super) fn new(name: &str, life: u64) -> Self {
        Self {
            badge: Badge { member: name.to_owned(), incarnation: life, peer: format!("{name}:1") },
            stance: Stance::Out,
            dead: Vec::new(),
            term: Term(0),
            session: None,
            connected: false,
            told: None,
            watched: Vec::new(),
            fired: false,
            deaf: false,
            ambiguous: false,
            cut: 0,
            checked: 0,
            seen: 0,
            commands: VecDeque::new(),
            called: None,
            looks: true,
            closed: false,
        }
    }
}

impl Client {
    /// Connected, perhaps to another server: nothing known is kept, watches are gone.
    fn begin_anew(&mut self) {
        (self.told, self.watched) = (None, Vec::new());
        self.checked = 0;
    }
}

impl World<'_> {
    pub(super) fn coordinate(&mut self, who: Who, command: CoordinatorCommand) {
        self.trace.note(self.now, 16, who.0 as u64, || format!("n{} {command:?}", who.0 + 1));
        let Some(running) = self.running(who) else { return };
        if command == CoordinatorCommand::Close {
            running.client.closed = true;
            return self.close_session(who);
        }
        running.client.commands.push_back(command);
        let delay = self.delay();
        self.call_coordinator(who, delay);
    }

    fn call_coordinator(&mut self, who: Who, delay: u64) {
        let (at, life, now) = (self.now + delay, self.life(who), self.now);
        let Some(running) = self.running(who) else { return };
        if running.client.called.is_none_or(|due| at < due || due < now) {
            running.client.called = Some(at);
            self.queue.push(at, Event::Coordinator(who, life));
        }
    }

    /// One look: at the connection first, then at the line.
    pub(super) fn visit_ensemble(&mut self, who: Who) {
        let now = self.tick();
        let half_session = super::nanos(self.options.session) / 2;
        let away = self.ensemble_down > 0;
        let Some(running) = self.replicas[who.0].running.as_mut() else { return };
        let client = &mut running.client;
        if client.called.is_some_and(|due| due > now.0) || client.closed {
            return;
        }
        client.called = None;
        let mut facts = Vec::new();
        if away || client.cut > 0 {
            if client.connected {
                client.connected = false;
                facts.push(CoordinatorFact::Suspended { silent: std::time::Duration::ZERO });
            }
        } else {
            match client.session {
                Some(session) if self.ensemble.touch(session, now) => {
                    if !client.connected {
                        client.connected = true;
                        client.begin_anew();
                        facts.push(CoordinatorFact::Connected);
                    }
                }
                Some(_) => {
                    if client.connected {
                        facts.push(CoordinatorFact::Suspended { silent: std::time::Duration::ZERO });
                    }
                    client.session = None;
                    client.connected = false;
                    client.stance = Stance::Out;
                    client.dead.clear();
                    facts.push(CoordinatorFact::SessionLost);
                }
                None => {
                    client.session = Some(self.ensemble.open(now));
                    client.connected = true;
                    client.begin_anew();
                    facts.push(CoordinatorFact::Connected);
                }
            }
        }
        let thorough = if mutated(Mutation::WatchesOnce) {
            client.checked == 0
        } else {
            now.0.saturating_sub(client.checked) >= half_session
        };
        if client.connected && thorough {
            client.checked = now.0;
        }
        let connected = client.connected;
        // Without a connection commands are only noted; with one the line is read after each.
        while let Some(command) = client.commands.pop_front() {
            apply(command, &mut client.stance, &mut client.dead);
            client.looks = true;
            if connected {
                break;
            }
        }
        let looks = connected && (thorough || std::mem::take(&mut client.looks));
        let more = !client.commands.is_empty();
        for fact in facts {
            self.tell_coordination(who, fact);
        }
        if looks {
            self.read_line(who, thorough);
        }
        // A third of the session, as its clients do: one ping may be lost.
        let next = if connected { super::nanos(self.options.session) / 3 } else { RECONNECT };
        self.call_coordinator(who, if more { MS / 10 } else { next });
    }

    /// Reads the line and works towards what is wanted, as the adapter's session does.
    fn read_line(&mut self, who: Who, thorough: bool) {
        let lag = if thorough || self.ensemble_lag == 0 { 0 } else { 1 + self.chance.place(2) };
        let mut fact = None;
        let mut changed = false;
        for _ in 0..STEPS_MAX {
            if self.ensemble_fails > 0 && self.chance.happens(FAILING_PER_MILLE) {
                break;
            }
            let Some(running) = self.replicas[who.0].running.as_mut() else { return };
            let client = &mut running.client;
            let Some(session) = client.session.filter(|_| client.connected) else { break };
            let me = Me { badge: client.badge.clone(), session };
            // Who writes sees what it wrote; who catches up with the leader first sees everything.
            let seen = if thorough || changed { self.ensemble.version() } else { client.seen };
            let (seen, nodes) = self.ensemble.shown(lag, seen);
            client.seen = seen;
            let line = line(nodes);
            match next_step(&line, &me, client.stance, &client.dead) {
                Step::Remove(entry, _) => {
                    self.ensemble.remove(&entry.name);
                    changed = true;
                }
                Step::Enter => {
                    client.stance = Stance::Entering;
                    self.ensemble.create(session, me.badge.to_json());
                    changed = true;
                    if std::mem::take(&mut client.ambiguous) {
                        client.connected = false;
                        fact = Some(CoordinatorFact::Suspended { silent: std::time::Duration::ZERO });
                        break;
                    }
                }
                Step::NameTaken(_) | Step::Evicted => client.stance = Stance::Out,
                Step::Watch(watched) => {
                    if watched.own.is_some() {
                        client.stance = Stance::Standing;
                    }
                    client.dead.retain(|dead| line.iter().any(|entry| entry.candidate() == *dead));
                    let told = line_fact(&line, client.term);
                    if let CoordinatorFact::Line { term, .. } = &told {
                        client.term = *term;
                    }
                    if client.told.as_ref() != Some(&told) {
                        client.told = Some(told.clone());
                        fact = Some(told);
                    }
                    client.watched = [watched.own, watched.ahead].into_iter().flatten().collect();
                    let forgets = client.fired && mutated(Mutation::WatchesOnce);
                    if std::mem::take(&mut client.deaf) || forgets {
                        client.watched.clear();
                    }
                    break;
                }
            }
        }
        if let Some(fact) = fact {
            self.tell_coordination(who, fact);
        }
        if changed {
            self.fire_watches();
        }
    }

    fn tell_coordination(&mut self, who: Who, fact: CoordinatorFact) {
        self.trace.note(self.now, 17, who.0 as u64, || format!("n{} hears {fact:?}", who.0 + 1));
        self.wake_control(who, Wake::Coordinator(fact));
    }

    /// Whoever watches a node that is gone looks again. Those who watch nothing wait for their next check.
    pub(super) fn fire_watches(&mut self) {
        for place in 0..self.options.replicas {
            let Some(running) = &self.replicas[place].running else { continue };
            let gone = running.client.watched.iter().any(|name| !self.ensemble.exists(name));
            if gone {
                let delay = self.delay();
                if let Some(running) = self.running(Who(place)) {
                    running.client.looks = true;
                    running.client.fired = true;
                }
                self.call_coordinator(Who(place), delay);
            }
        }
    }

    pub(super) fn close_session(&mut self, who: Who) {
        let reached = self.ensemble_down == 0;
        let Some(running) = self.running(who) else { return };
        let client = &mut running.client;
        let reached = reached && client.cut == 0;
        if let Some(session) = client.session.take().filter(|_| reached) {
            self.ensemble.close(session);
            self.fire_watches();
        }
    }

    pub(super) fn expire_sessions(&mut self) {
        let now = self.tick();
        if self.ensemble_down > 0 {
            self.ensemble.forgive(now);
        } else if self.ensemble.expire(now) {
            self.trace.note(self.now, 18, 0, || "a session expires".to_owned());
            self.fire_watches();
        }
        self.expire_later();
    }

    /// Servers look for silent sessions when the first of them may have been silent for too long, and somewhat later than that.
    pub(super) fn expire_later(&mut self) {
        let wait = match self.ensemble.next_expiry() {
            _ if self.ensemble_down > 0 => EXPIRES_LATE,
            Some(due) => due.0.saturating_sub(self.now),
            None => super::nanos(self.options.session),
        };
        let late = self.chance.below(EXPIRES_LATE);
        self.later(wait + late, Event::Expire);
    }

    /// All sessions end at once.
    pub(super) fn end_all_sessions(&mut self) {
        for place in 0..self.options.replicas {
            let session = self.replicas[place].running.as_ref().and_then(|running| running.client.session);
            session.into_iter().for_each(|session| self.ensemble.close(session));
        }
        self.fire_watches();
    }

    pub(super) fn delete_node(&mut self, place: usize) {
        let nodes = self.ensemble.children();
        if let Some(name) = nodes.get(place % nodes.len().max(1)).map(|node| node.name.clone()) {
            self.ensemble.remove(&name);
            self.fire_watches();
        }
    }

    pub(crate) fn line_len(&self) -> usize {
        self.ensemble.children().len()
    }
}

fn line(nodes: &[adapter_memory::ensemble::Znode]) -> Vec<Entry> {
    let names = in_order(nodes.iter().map(|node| node.name.clone()).collect());
    let entry = |name: &String| {
        let node = nodes.iter().find(|node| node.name == *name)?;
        Some(Entry {
            name: node.name.clone(),
            badge: Badge::parse(&node.content),
            czxid: node.czxid,
            version: 0,
            owner: node.owner,
        })
    };
    names.iter().filter_map(entry).collect()
}
