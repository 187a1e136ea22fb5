//! Who of the other replicas lives, as far as the links between replicas tell.

use alloc::vec::Vec;
use core::time::Duration;

use types::{Incarnation, MemberName, Tick};

use crate::{Candidate, Evidence, PeerReport};

/// Peers remembered at most; at the bound a new one takes the place of a dead one, else it is not judged and counts as alive.
pub const PEERS_MAX: usize = 64;

/// Each false suspicion doubles the patience with that peer, at most so often (×32).
pub const FALSE_SUSPICIONS_MAX: u32 = 5;

/// A peer that gave no cause for so long is treated like new.
pub const SUSPICION_MEMORY: Duration = Duration::from_secs(60);

/// What is known of one start of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing speaks against it.
    Alive,
    /// Silent or stuck.
    Suspected {
        /// Since when it is held so.
        since: Tick,
    },
    /// Proven.
    Dead {
        /// Since when that is known.
        since: Tick,
    },
}

impl Verdict {
    /// Since when it counts as gone.
    pub(crate) const fn since(self) -> Option<Tick> {
        match self {
            Self::Alive => None,
            Self::Suspected { since } | Self::Dead { since } => Some(since),
        }
    }
}

/// The newest start of one member that was heard of.
#[derive(Debug, Clone)]
struct Peer {
    member: MemberName,
    incarnation: Incarnation,
    /// When this start was first heard of: every earlier one is dead since then.
    known_since: Tick,
    verdict: Verdict,
    report: Option<PeerReport>,
    false_suspicions: u32,
    wronged_at: Tick,
}

/// All peers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peers {
    peers: Vec<Peer>,
}

impl Peers {
    /// What is known of a candidate; one never heard of counts as alive.
    pub(crate) fn verdict(&self, candidate: &Candidate) -> Verdict {
        match self.peers.iter().find(|peer| peer.member == candidate.member) {
            None => Verdict::Alive,
            Some(peer) if peer.incarnation > candidate.incarnation => Verdict::Dead { since: peer.known_since },
            Some(peer) if peer.incarnation < candidate.incarnation => Verdict::Alive,
            Some(peer) => peer.verdict,
        }
    }

    /// A candidate's last report, from the same start of it.
    pub(crate) fn report(&self, candidate: &Candidate) -> Option<&PeerReport> {
        let same = |peer: &&Peer| peer.member == candidate.member && peer.incarnation == candidate.incarnation;
        self.peers.iter().find(same).and_then(|peer| peer.report.as_ref())
    }

    /// The reports of the living.
    pub(crate) fn living_reports(&self) -> impl Iterator<Item = &PeerReport> {
        self.peers.iter().filter(|peer| peer.verdict == Verdict::Alive).filter_map(|peer| peer.report.as_ref())
    }

    /// A peer answers: whatever was held against this start of it was wrong.
    pub(crate) fn heard(&mut self, member: MemberName, incarnation: Incarnation, now: Tick) {
        if let Some(peer) = self.start_of(member, incarnation, now) {
            if peer.verdict != Verdict::Alive {
                peer.false_suspicions = (peer.false_suspicions + 1).min(FALSE_SUSPICIONS_MAX);
                peer.wronged_at = now;
            } else if now.since(peer.wronged_at) >= SUSPICION_MEMORY {
                peer.false_suspicions = 0;
            }
            peer.verdict = Verdict::Alive;
        }
    }

    /// A peer answers and says how it is.
    pub(crate) fn reported(&mut self, member: MemberName, incarnation: Incarnation, report: PeerReport, now: Tick) {
        self.heard(member.clone(), incarnation, now);
        if let Some(peer) = self.start_of(member, incarnation, now) {
            peer.report = Some(report);
        }
    }

    /// A peer's process is gone, or its link can't be made again.
    pub(crate) fn died(&mut self, member: MemberName, incarnation: Incarnation, evidence: Evidence, now: Tick) {
        let Some(peer) = self.start_of(member, incarnation, now) else { return };
        let since = peer.verdict.since().unwrap_or(now);
        peer.verdict = match (evidence, peer.verdict) {
            (Evidence::Refused | Evidence::OtherIncarnation, _) | (Evidence::Reset, Verdict::Dead { .. }) => {
                Verdict::Dead { since }
            }
            (Evidence::Reset, Verdict::Alive | Verdict::Suspected { .. }) => Verdict::Suspected { since },
        };
    }

    /// A sign against a peer lasts for `lasted`; whom we wronged before has more time.
    pub(crate) fn suspected(
        &mut self,
        member: MemberName,
        incarnation: Incarnation,
        lasted: Duration,
        patience: Duration,
        now: Tick,
    ) {
        let Some(peer) = self.start_of(member, incarnation, now) else { return };
        let patience = patience.saturating_mul(1 << peer.false_suspicions);
        if peer.verdict == Verdict::Alive && lasted >= patience {
            peer.verdict = Verdict::Suspected { since: now };
        }
    }

    /// The entry for this start of a member, made when it is new; `None` when a later start is known, or at the bound.
    fn start_of(&mut self, member: MemberName, incarnation: Incarnation, now: Tick) -> Option<&mut Peer> {
        let found = self.peers.iter().position(|peer| peer.member == member);
        if found.is_some_and(|i| self.peers[i].incarnation > incarnation) {
            return None;
        }
        if let Some(i) = found.filter(|&i| self.peers[i].incarnation == incarnation) {
            return Some(&mut self.peers[i]);
        }
        let free = found.or_else(|| self.free_place());
        let peer = Peer {
            member,
            incarnation,
            known_since: now,
            verdict: Verdict::Alive,
            report: None,
            false_suspicions: 0,
            wronged_at: Tick::default(),
        };
        match free {
            Some(i) => self.peers[i] = peer,
            None if self.peers.len() < PEERS_MAX => self.peers.push(peer),
            None => return None,
        }
        let i = free.unwrap_or(self.peers.len() - 1);
        self.peers.get_mut(i)
    }

    /// At the bound, the place of a dead peer.
    fn free_place(&self) -> Option<usize> {
        let full = self.peers.len() >= PEERS_MAX;
        let is_dead = |peer: &Peer| matches!(peer.verdict, Verdict::Dead { .. });
        if full { self.peers.iter().position(is_dead) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::Ticket;

    const PATIENCE: Duration = Duration::from_millis(300);

    fn candidate(member: &str, incarnation: u64) -> Candidate {
        Candidate { member: member.into(), incarnation: Incarnation(incarnation), ticket: Ticket(1) }
    }

    fn at(millis: u64) -> Tick {
        Tick(millis * 1_000_000)
    }

    fn suspect(peers: &mut Peers, millis: u64, now: u64) -> bool {
        peers.suspected("n1".into(), Incarnation(1), Duration::from_millis(millis), PATIENCE, at(now));
        peers.verdict(&candidate("n1", 1)) != Verdict::Alive
    }

    #[test]
    fn a_later_start_proves_the_earlier_one_dead_and_not_the_other_way_round() {
        let mut peers = Peers::default();
        peers.heard("n1".into(), Incarnation(2), at(5));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Dead { since: at(5) });
        assert_eq!(peers.verdict(&candidate("n1", 2)), Verdict::Alive);
        assert_eq!(peers.verdict(&candidate("n1", 3)), Verdict::Alive);
        peers.died("n1".into(), Incarnation(1), Evidence::Refused, at(6));
        assert_eq!(peers.verdict(&candidate("n1", 2)), Verdict::Alive, "news of the earlier start is old");
    }

    #[test]
    fn a_reset_is_a_suspicion_and_a_refusal_a_proof() {
        let mut peers = Peers::default();
        peers.died("n1".into(), Incarnation(1), Evidence::Reset, at(1));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Suspected { since: at(1) });
        peers.died("n1".into(), Incarnation(1), Evidence::Refused, at(2));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Dead { since: at(1) });
        peers.died("n1".into(), Incarnation(1), Evidence::Reset, at(3));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Dead { since: at(1) });
    }

    #[test]
    fn each_false_suspicion_doubles_the_patience_up_to_a_bound_and_is_forgotten_after_a_calm_minute() {
        let mut peers = Peers::default();
        let mut patience = 300;
        for round in 0..10 {
            assert!(!suspect(&mut peers, patience - 1, round), "round {round}");
            assert!(suspect(&mut peers, patience, round), "round {round}");
            peers.heard("n1".into(), Incarnation(1), at(round));
            patience = (patience * 2).min(300 << FALSE_SUSPICIONS_MAX);
        }
        peers.heard("n1".into(), Incarnation(1), at(70_000));
        assert!(suspect(&mut peers, 300, 70_000));
    }

    #[test]
    fn at_the_bound_a_new_peer_takes_the_place_of_a_dead_one_or_counts_as_alive() {
        let mut peers = Peers::default();
        for i in 0..PEERS_MAX {
            peers.heard(format!("p{i}").as_str().into(), Incarnation(1), at(0));
        }
        peers.died("n1".into(), Incarnation(1), Evidence::Refused, at(1));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Alive);
        peers.died("p7".into(), Incarnation(1), Evidence::Refused, at(2));
        peers.died("n1".into(), Incarnation(1), Evidence::Refused, at(3));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Dead { since: at(3) });
        assert_eq!(peers.peers.len(), PEERS_MAX);
    }
}
