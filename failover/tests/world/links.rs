//! Links between the replicas of the toy world: heartbeats, silence, refusals.

use std::time::Duration;

use failover::{Evidence, Fact, Sign, Stage};
use types::MemberName;

use super::World;
use super::node::{Acquaintance, Life};

/// A link tells a silence once, after so long.
const SILENCE_TOLD_MS: u64 = 150;
/// A stall is worth telling after so long.
const STALL_TOLD_MS: u64 = 100;

impl World {
    pub(crate) fn is_linked(&self, i: usize, j: usize) -> bool {
        i != j && !self.cuts.contains(&(i.min(j), i.max(j)))
    }

    /// Every node has room for what it knows of node `i`, which begins to know the others anew.
    pub(crate) fn meet(&mut self, i: usize) {
        let nodes = self.nodes.len();
        for node in &mut self.nodes {
            node.acquaintances.resize(nodes, Acquaintance::Never);
        }
        self.nodes[i].acquaintances.clear();
    }

    /// Node `i` hears the others, or doesn't.
    pub(crate) fn listen(&mut self, i: usize) {
        let nodes = self.nodes.len();
        self.nodes[i].acquaintances.resize(nodes, Acquaintance::Never);
        for j in (0..nodes).filter(|j| *j != i) {
            if self.refusals.contains(&(i.min(j), i.max(j))) {
                self.find_closed(i, j);
                continue;
            }
            if !self.is_linked(i, j) {
                match self.nodes[i].acquaintances[j] {
                    Acquaintance::Never => self.never_meet(i, j),
                    Acquaintance::Refused | Acquaintance::Met { .. } | Acquaintance::Dead(_) => self.miss(i, j),
                }
                continue;
            }
            match self.nodes[j].life {
                Life::Up => self.hear(i, j),
                Life::Frozen => self.miss(i, j),
                Life::Down => self.find_nobody(i, j),
            }
        }
    }

    /// Connections between two are possible again: both begin to know each other anew.
    pub(crate) fn meet_again(&mut self, (one, other): (usize, usize)) {
        self.nodes[one].acquaintances[other] = Acquaintance::Never;
        self.nodes[other].acquaintances[one] = Acquaintance::Never;
    }

    /// A living peer's connection ended and new ones are refused, as when it were dead.
    fn find_closed(&mut self, i: usize, j: usize) {
        if let Acquaintance::Met { incarnation, .. } = self.nodes[i].acquaintances[j] {
            self.nodes[i].acquaintances[j] = Acquaintance::Dead(incarnation);
            let member = self.nodes[j].name.as_str().into();
            self.tell(i, Fact::PeerDied { member, incarnation, evidence: Evidence::Refused });
        }
    }

    fn hear(&mut self, i: usize, j: usize) {
        let (member, incarnation) = (MemberName::from(self.nodes[j].name.as_str()), self.nodes[j].incarnation);
        let report = self.nodes[j].machine().report();
        let changed = match &self.nodes[i].acquaintances[j] {
            Acquaintance::Never | Acquaintance::Refused => true,
            Acquaintance::Dead(dead) => *dead != incarnation,
            Acquaintance::Met { incarnation: met, report: before, told_silent, .. } => {
                *met != incarnation || *told_silent || before.as_ref() != Some(&report)
            }
        };
        if let Acquaintance::Met { incarnation: met, .. } = self.nodes[i].acquaintances[j]
            && met != incarnation
        {
            let evidence = Evidence::OtherIncarnation;
            self.tell(i, Fact::PeerDied { member: member.clone(), incarnation: met, evidence });
        }
        self.nodes[i].acquaintances[j] =
            Acquaintance::Met { incarnation, heard_at: self.now, report: Some(report.clone()), told_silent: false };
        if changed {
            self.tell(i, Fact::PeerReported { member, incarnation, report });
        }
    }

    /// Where a peer should be, nothing listens: a wrong address, or nobody there.
    fn never_meet(&mut self, i: usize, j: usize) {
        let (member, incarnation) = (self.nodes[j].name.as_str().into(), self.nodes[j].incarnation);
        self.nodes[i].acquaintances[j] = Acquaintance::Refused;
        self.tell(i, Fact::PeerDied { member, incarnation, evidence: Evidence::NeverMet });
    }

    fn miss(&mut self, i: usize, j: usize) {
        let (now, member) = (self.now, MemberName::from(self.nodes[j].name.as_str()));
        if let Acquaintance::Met { incarnation, heard_at, told_silent, .. } = &mut self.nodes[i].acquaintances[j]
            && !*told_silent
            && now - *heard_at >= SILENCE_TOLD_MS
        {
            *told_silent = true;
            let (incarnation, silence) = (*incarnation, Duration::from_millis(now - *heard_at));
            self.tell(i, Fact::PeerSuspected { member, incarnation, sign: Sign::Silent(silence) });
        }
    }

    /// What a standby holds doesn't appear in the log: it says so of whoever should write, again and again.
    pub(crate) fn accuse(&mut self, i: usize) {
        let node = &self.nodes[i];
        let moved_at = node.moved_at.iter().copied().min().unwrap_or(self.now);
        let stalled = self.now - moved_at;
        if node.machine().stage() != Stage::Standby || stalled < STALL_TOLD_MS {
            return;
        }
        let Some(member) = node.machine().active_member().cloned() else { return };
        if let Some(entry) = node.machine().candidates().iter().find(|entry| entry.member == member) {
            let incarnation = entry.incarnation;
            let read_at = node.read_at.iter().copied().min().unwrap_or(self.now);
            let (lasting, unread) = (Duration::from_millis(stalled), Duration::from_millis(self.now - read_at));
            let sign = Sign::Stalled { lasting, unread };
            self.tell(i, Fact::PeerSuspected { member, incarnation, sign });
        }
    }

    /// A dead process is refused to those who never met it; those who did were told, or its host vanished.
    fn find_nobody(&mut self, i: usize, j: usize) {
        match self.nodes[i].acquaintances[j] {
            Acquaintance::Never => self.never_meet(i, j),
            Acquaintance::Met { .. } => self.miss(i, j),
            Acquaintance::Refused | Acquaintance::Dead(_) => {}
        }
    }

    /// Links to a dead process close, and new ones are refused.
    pub(crate) fn tell_death(&mut self, j: usize) {
        for i in (0..self.nodes.len()).filter(|i| *i != j) {
            if !self.is_linked(i, j) || self.nodes[i].acquaintances.len() <= j {
                continue;
            }
            if let Acquaintance::Met { incarnation, .. } = self.nodes[i].acquaintances[j] {
                self.nodes[i].acquaintances[j] = Acquaintance::Dead(incarnation);
                let member = self.nodes[j].name.as_str().into();
                self.tell(i, Fact::PeerDied { member, incarnation, evidence: Evidence::Refused });
            }
        }
    }
}
