//! Links between replicas, at the level of what they tell: who is up, silent, dead, what they say.

use std::sync::Arc;
use std::time::Duration;

use adapter_peer::{Evidence, PeerFact, PeerMessage, PeerStatus};
use daemon::node::Wake;
use types::{Incarnation, MemberName, Tick};

use super::{Event, MS, Who, World};

/// How often links look at each other.
const LOOK: u64 = 50 * MS;
/// The least silence that is told, as in the adapter.
const SILENCE: u64 = 150 * MS;

/// What one replica's link to another knows.
#[derive(Debug, Clone, Default)]
struct Pair {
    /// The start that was last heard of, and whether it ever answered.
    incarnation: u64,
    linked: bool,
    heard: u64,
    verdict: Verdict,
    status: Option<Arc<PeerStatus>>,
    /// Of which own life all this is.
    own_life: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Verdict {
    #[default]
    Unknown,
    Alive,
    Silent,
    Dead,
}

/// All links, one for each direction, and which ways are cut.
pub(super) struct Pairs {
    replicas: usize,
    all: Vec<Pair>,
    cuts: Vec<u32>,
}

impl Pairs {
    pub(super) fn new(replicas: usize) -> Self {
        Self { replicas, all: vec![Pair::default(); replicas * replicas], cuts: vec![0; replicas * replicas] }
    }

    fn place(&self, from: Who, to: Who) -> usize {
        from.0 * self.replicas + to.0
    }

    pub(super) fn cut(&mut self, from: Who, to: Who) {
        let place = self.place(from, to);
        self.cuts[place] += 1;
    }

    pub(super) fn mend(&mut self, from: Who, to: Who) {
        let place = self.place(from, to);
        self.cuts[place] = self.cuts[place].saturating_sub(1);
    }

    pub(super) fn is_cut(&self, from: Who, to: Who) -> bool {
        self.cuts[self.place(from, to)] > 0
    }
}

impl World<'_> {
    pub(super) fn look_at_peers(&mut self) {
        for from in 0..self.options.replicas {
            for to in 0..self.options.replicas {
                let (from, to) = (Who(from), Who(to));
                if from != to && self.processes[from.0].up && self.processes[from.0].frozen == 0 {
                    self.look_at_peer(from, to);
                }
            }
        }
        self.later(LOOK, Event::Peers);
    }

    fn look_at_peer(&mut self, from: Who, to: Who) {
        let name = self.replicas[to.0].name.as_str();
        let Some(looking) = &self.replicas[from.0].running else { return };
        if !looking.members.iter().any(|candidate| candidate.member.as_str() == name) {
            return;
        }
        let place = self.pairs.place(from, to);
        let reach = !self.pairs.is_cut(from, to) && !self.pairs.is_cut(to, from);
        let (life, own_life) = (self.life(to), self.life(from));
        let up = self.processes[to.0].up;
        let answers = up && self.processes[to.0].frozen == 0 && reach;
        let host_answers = reach && !self.replicas[to.0].host_down;
        let status = self.replicas[to.0].running.as_ref().and_then(|running| running.status.as_ref());
        let now = self.now;
        let pair = &mut self.pairs.all[place];
        if pair.own_life != own_life {
            *pair = Pair { own_life, incarnation: life, heard: now, ..Pair::default() };
        }
        let mut facts = Vec::new();
        if answers {
            pair.hear(name, life, now, status, &mut facts);
        } else if !up && host_answers {
            pair.find_dead(name, &mut facts);
        } else {
            pair.miss(name, now, &mut facts);
        }
        for fact in facts {
            self.trace.note(self.now, 19, from.0 as u64, || format!("n{} hears {fact:?}", from.0 + 1));
            self.wake_control(from, Wake::Peer(fact));
        }
    }

    pub(super) fn send_message(&mut self, from: Who, to: &MemberName, message: PeerMessage) {
        let Some(place) = self.replicas.iter().position(|replica| replica.name == to.as_str()) else { return };
        let delay = self.delay();
        self.later(delay, Event::Message { from, to: Who(place), message: Box::new(message) });
    }

    /// A message is lost with its connection, never repeated.
    pub(super) fn deliver_message(&mut self, from: Who, to: Who, message: PeerMessage) {
        if self.pairs.is_cut(from, to) || !self.processes[to.0].up {
            return;
        }
        let incarnation = Incarnation(self.life(from));
        let from = self.member(from);
        self.trace.note(self.now, 20, to.0 as u64, || format!("n{} is told {message:?}", to.0 + 1));
        self.wake_control(to, Wake::Peer(PeerFact::Message { from, incarnation, message }));
    }
}

impl Pair {
    fn hear(&mut self, name: &str, life: u64, now: u64, status: Option<&Arc<PeerStatus>>, facts: &mut Vec<PeerFact>) {
        let after = Tick(now).since(Tick(self.heard));
        let member = || MemberName::from(name);
        let incarnation = Incarnation(life);
        if life != self.incarnation {
            if self.verdict != Verdict::Dead && self.linked {
                let before = Incarnation(self.incarnation);
                let evidence = Evidence::OtherIncarnation;
                facts.push(PeerFact::Dead { member: member(), incarnation: before, evidence });
            }
            *self = Self { own_life: self.own_life, incarnation: life, ..Self::default() };
        }
        self.heard = now;
        self.linked = true;
        match self.verdict {
            Verdict::Unknown => {
                facts.push(PeerFact::Up { member: member(), incarnation, peer: format!("{name}:1") });
            }
            Verdict::Silent | Verdict::Dead => facts.push(PeerFact::Heard { member: member(), incarnation, after }),
            Verdict::Alive => {}
        }
        self.verdict = Verdict::Alive;
        // One that is the same as before keeps its place.
        let told = |status: &Arc<PeerStatus>| self.status.as_ref().is_some_and(|told| Arc::ptr_eq(told, status));
        if let Some(status) = status.filter(|status| !told(status)) {
            self.status = Some(Arc::clone(status));
            facts.push(PeerFact::Status { member: member(), incarnation, status: (**status).clone() });
        }
    }

    /// The host says that nobody listens there any more.
    fn find_dead(&mut self, name: &str, facts: &mut Vec<PeerFact>) {
        if self.verdict != Verdict::Dead {
            self.verdict = Verdict::Dead;
            let evidence = if self.linked { Evidence::ResetAndRefused } else { Evidence::Refused };
            let (member, incarnation) = (MemberName::from(name), Incarnation(self.incarnation));
            facts.push(PeerFact::Dead { member, incarnation, evidence });
        }
    }

    fn miss(&mut self, name: &str, now: u64, facts: &mut Vec<PeerFact>) {
        let lasting: Duration = Tick(now).since(Tick(self.heard));
        let quiet = matches!(self.verdict, Verdict::Unknown | Verdict::Alive);
        if quiet && super::nanos(lasting) >= SILENCE {
            self.verdict = Verdict::Silent;
            let (member, incarnation) = (MemberName::from(name), Incarnation(self.incarnation));
            facts.push(PeerFact::Silent { member, incarnation, lasting });
        }
    }
}
