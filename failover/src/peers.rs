//! Who of the other replicas lives, as far as the links between replicas tell.

use alloc::vec::Vec;
use core::time::Duration;

use types::{Incarnation, MemberName, Tick};

use crate::{Candidate, PeerReport};

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
    /// Silent, stuck, or not to be reached.
    Doubted {
        /// Since when.
        since: Tick,
        /// When it counts as gone, unless it is heard before.
        gone_at: Tick,
    },
    /// Proven.
    Dead {
        /// Since when that is known.
        since: Tick,
    },
}

impl Verdict {
    /// Of two doubts the earliest end counts.
    fn with(self, doubt: Option<Doubt>) -> Self {
        match (self, doubt) {
            (Self::Alive, Some(doubt)) => Self::Doubted { since: doubt.since, gone_at: doubt.gone_at() },
            (Self::Doubted { since, gone_at }, Some(doubt)) => {
                Self::Doubted { since: since.min(doubt.since), gone_at: gone_at.min(doubt.gone_at()) }
            }
            (Self::Alive | Self::Doubted { .. }, None) | (Self::Dead { .. }, _) => self,
        }
    }

    /// Since when something speaks against it.
    pub(crate) const fn since(self) -> Option<Tick> {
        match self {
            Self::Alive => None,
            Self::Doubted { since, .. } | Self::Dead { since } => Some(since),
        }
    }
}

/// What speaks against a peer without proving anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Doubt {
    since: Tick,
    patience: Duration,
}

impl Doubt {
    /// It began `lasted` ago and is enough after `patience`.
    pub(crate) fn begun(lasted: Duration, patience: Duration, now: Tick) -> Self {
        let since = Tick(now.0.saturating_sub(u64::try_from(lasted.as_nanos()).unwrap_or(u64::MAX)));
        Self { since, patience }
    }

    /// The same, but nothing before `moment` is held against it.
    pub(crate) fn from(self, moment: Tick) -> Self {
        Self { since: self.since.max(moment), ..self }
    }

    fn gone_at(self) -> Tick {
        self.since + self.patience
    }
}

/// The newest start of one member that was heard of.
#[derive(Debug, Clone)]
struct Peer {
    member: MemberName,
    incarnation: Incarnation,
    /// When this start was first heard of: every earlier one is dead since then.
    known_since: Tick,
    /// What is known through links.
    verdict: Verdict,
    /// It owes outputs; what is known through the log.
    stall: Option<Doubt>,
    /// Of the doubt through links, when there is one.
    patience: Duration,
    report: Option<PeerReport>,
    false_suspicions: u32,
    wronged_at: Tick,
    /// It wrote after its links had been refused.
    refusals_lie: bool,
}

/// All peers.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    peers: Vec<Peer>,
    session_timeout: Duration,
}

impl Peers {
    /// Nobody is known. A peer that was not heard for longer than `session_timeout` had lost its place in the line by the
    /// coordinator's measure as well: it was not wronged.
    pub(crate) const fn new(session_timeout: Duration) -> Self {
        Self { peers: Vec::new(), session_timeout }
    }

    /// What is known of a candidate; one never heard of counts as alive.
    pub(crate) fn verdict(&self, candidate: &Candidate) -> Verdict {
        match self.peers.iter().find(|peer| peer.member == candidate.member) {
            None => Verdict::Alive,
            Some(peer) if peer.incarnation > candidate.incarnation => Verdict::Dead { since: peer.known_since },
            Some(peer) if peer.incarnation < candidate.incarnation => Verdict::Alive,
            Some(peer) => peer.verdict.with(peer.stall),
        }
    }

    /// A candidate's last report, from the same start of it.
    pub(crate) fn report(&self, candidate: &Candidate) -> Option<&PeerReport> {
        let same = |peer: &&Peer| peer.member == candidate.member && peer.incarnation == candidate.incarnation;
        self.peers.iter().find(same).and_then(|peer| peer.report.as_ref())
    }

    /// The reports of those whom nothing speaks against.
    pub(crate) fn living_reports(&self) -> impl Iterator<Item = &PeerReport> {
        self.peers.iter().filter(|peer| peer.verdict == Verdict::Alive).filter_map(|peer| peer.report.as_ref())
    }

    /// A peer answers: whatever was held against this start of it was wrong.
    pub(crate) fn heard(&mut self, member: MemberName, incarnation: Incarnation, now: Tick) {
        if let Some(peer) = self.lives(member, incarnation, now) {
            peer.refusals_lie = false;
        }
    }

    fn lives(&mut self, member: MemberName, incarnation: Incarnation, now: Tick) -> Option<&mut Peer> {
        let excused_max = self.session_timeout;
        let peer = self.start_of(member, incarnation, now)?;
        let wronged = match peer.verdict {
            Verdict::Alive => false,
            Verdict::Doubted { since, gone_at } => gone_at <= now && now.since(since) <= excused_max,
            Verdict::Dead { .. } => true,
        };
        if wronged {
            peer.false_suspicions = (peer.false_suspicions + 1).min(FALSE_SUSPICIONS_MAX);
            peer.wronged_at = now;
        } else if now.since(peer.wronged_at) >= SUSPICION_MEMORY {
            peer.false_suspicions = 0;
        }
        peer.verdict = Verdict::Alive;
        Some(peer)
    }

    /// A peer entered the line: whoever does that isn't stuck, though no link says so. Against a proof it says nothing,
    /// the entry may be older than the death.
    pub(crate) fn entered(&mut self, candidate: &Candidate, now: Tick) {
        if matches!(self.verdict(candidate), Verdict::Doubted { .. }) {
            self.lives(candidate.member.clone(), candidate.incarnation, now);
            self.forget_stalls();
        }
    }

    /// A peer answers and says how it is.
    pub(crate) fn reported(&mut self, member: MemberName, incarnation: Incarnation, report: PeerReport, now: Tick) {
        if let Some(peer) = self.lives(member, incarnation, now) {
            peer.refusals_lie = false;
            peer.report = Some(report);
        }
    }

    /// A peer's process is gone.
    pub(crate) fn died(&mut self, member: MemberName, incarnation: Incarnation, now: Tick) {
        if let Some(peer) = self.start_of(member, incarnation, now) {
            peer.verdict = Verdict::Dead { since: peer.verdict.since().unwrap_or(now) };
        }
    }

    /// Where a peer listened nobody does any more. That proves its death, unless refusals were wrong about this start of it
    /// before (a firewall that answers for it): then they are a doubt as any other.
    pub(crate) fn refused(&mut self, member: MemberName, incarnation: Incarnation, patience: Duration, now: Tick) {
        match self.start_of(member.clone(), incarnation, now) {
            Some(peer) if peer.refusals_lie => {
                self.suspected(member, incarnation, Doubt { since: now, patience }, now);
            }
            Some(_) => self.died(member, incarnation, now),
            None => {}
        }
    }

    /// A peer's appends are seen though its death was proven: the proof was wrong. Its links say nothing until they are heard
    /// again; `patience` is how long it may be silent in the log as well.
    pub(crate) fn wrote(&mut self, member: MemberName, incarnation: Incarnation, patience: Duration, now: Tick) {
        let Some(peer) = self.start_of(member, incarnation, now) else { return };
        if let Verdict::Dead { .. } = peer.verdict {
            peer.refusals_lie = true;
            peer.patience = patience;
            peer.verdict = Verdict::Alive.with(Some(Doubt { since: now, patience }));
        }
    }

    /// Something speaks against a peer; whom we wronged before has more time. Of several doubts the earliest end counts.
    pub(crate) fn suspected(&mut self, member: MemberName, incarnation: Incarnation, doubt: Doubt, now: Tick) {
        let Some(peer) = self.start_of(member, incarnation, now) else { return };
        let doubt = Doubt { patience: doubt.patience.saturating_mul(1 << peer.false_suspicions), ..doubt };
        peer.patience = match peer.verdict {
            Verdict::Doubted { .. } => peer.patience.min(doubt.patience),
            Verdict::Alive | Verdict::Dead { .. } => doubt.patience,
        };
        peer.verdict = peer.verdict.with(Some(doubt));
    }

    /// A peer owes outputs; said again it changes nothing.
    pub(crate) fn stalled(&mut self, member: MemberName, incarnation: Incarnation, doubt: Doubt, now: Tick) {
        if let Some(peer) = self.start_of(member, incarnation, now) {
            peer.stall.get_or_insert(doubt);
        }
    }

    /// Nobody owes anything any more, or it isn't his fault.
    pub(crate) fn forget_stalls(&mut self) {
        for peer in &mut self.peers {
            peer.stall = None;
        }
    }

    /// Somebody publishes, perhaps one of those that can't be heard: the clock of every other doubt begins anew.
    pub(crate) fn log_moved(&mut self, now: Tick) {
        self.forget_stalls();
        self.doubt_anew(now);
    }

    /// Whatever silence there was may have been the own host's: whom it speaks against is given the whole time once more.
    pub(crate) fn doubt_anew(&mut self, now: Tick) {
        for peer in &mut self.peers {
            if let Verdict::Doubted { gone_at, .. } = &mut peer.verdict {
                *gone_at = now + peer.patience;
            }
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
            stall: None,
            patience: Duration::ZERO,
            report: None,
            false_suspicions: 0,
            wronged_at: Tick::default(),
            refusals_lie: false,
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
    const SESSION: Duration = Duration::from_secs(20);

    fn candidate(member: &str, incarnation: u64) -> Candidate {
        Candidate { member: member.into(), incarnation: Incarnation(incarnation), ticket: Ticket(1) }
    }

    fn at(millis: u64) -> Tick {
        Tick(millis * 1_000_000)
    }

    /// Whether n1 counts as gone at `now` when it has been silent for `millis` then.
    fn suspect(peers: &mut Peers, millis: u64, now: u64) -> bool {
        let doubt = Doubt::begun(Duration::from_millis(millis), PATIENCE, at(now));
        peers.suspected("n1".into(), Incarnation(1), doubt, at(now));
        match peers.verdict(&candidate("n1", 1)) {
            Verdict::Alive => false,
            Verdict::Doubted { gone_at, .. } => gone_at <= at(now),
            Verdict::Dead { .. } => true,
        }
    }

    #[test]
    fn a_peer_that_writes_after_its_death_was_proven_is_believed_no_refusal_until_it_is_heard() {
        let mut peers = Peers::new(SESSION);
        let (n1, patience) = (MemberName::from("n1"), Duration::from_millis(100));
        peers.refused(n1.clone(), Incarnation(1), patience, at(1));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Dead { since: at(1) });
        peers.wrote(n1.clone(), Incarnation(1), patience, at(5));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Doubted { since: at(5), gone_at: at(105) });
        // The firewall answers again, the log moves again.
        peers.refused(n1.clone(), Incarnation(1), patience, at(6));
        peers.log_moved(at(50));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Doubted { since: at(5), gone_at: at(150) });
        peers.heard(n1.clone(), Incarnation(1), at(60));
        peers.refused(n1, Incarnation(1), patience, at(61));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Dead { since: at(61) });
    }

    #[test]
    fn a_later_start_proves_the_earlier_one_dead_and_not_the_other_way_round() {
        let mut peers = Peers::new(SESSION);
        peers.heard("n1".into(), Incarnation(2), at(5));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Dead { since: at(5) });
        assert_eq!(peers.verdict(&candidate("n1", 2)), Verdict::Alive);
        assert_eq!(peers.verdict(&candidate("n1", 3)), Verdict::Alive);
        peers.died("n1".into(), Incarnation(1), at(6));
        assert_eq!(peers.verdict(&candidate("n1", 2)), Verdict::Alive, "news of the earlier start is old");
    }

    #[test]
    fn death_is_dated_from_the_first_doubt() {
        let mut peers = Peers::new(SESSION);
        peers.suspected("n1".into(), Incarnation(1), Doubt::begun(Duration::ZERO, PATIENCE, at(1)), at(1));
        peers.died("n1".into(), Incarnation(1), at(2));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Dead { since: at(1) });
    }

    #[test]
    fn a_silence_told_once_becomes_enough_by_the_passing_of_time() {
        let mut peers = Peers::new(SESSION);
        assert!(!suspect(&mut peers, 200, 1_000));
        let doubted = Verdict::Doubted { since: at(800), gone_at: at(1_100) };
        assert_eq!(peers.verdict(&candidate("n1", 1)), doubted);
        peers.heard("n1".into(), Incarnation(1), at(1_050));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Alive);
    }

    #[test]
    fn a_moving_log_speaks_for_those_that_cannot_be_heard() {
        let mut peers = Peers::new(SESSION);
        suspect(&mut peers, 200, 1_000);
        peers.log_moved(at(1_050));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Doubted { since: at(800), gone_at: at(1_350) });
    }

    #[test]
    fn a_stall_is_over_when_the_log_moves_and_not_when_a_heartbeat_comes() {
        let mut peers = Peers::new(SESSION);
        let doubt = Doubt::begun(Duration::from_millis(900), PATIENCE, at(1_000)).from(at(800));
        peers.stalled("n1".into(), Incarnation(1), doubt, at(1_000));
        peers.heard("n1".into(), Incarnation(1), at(1_001));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Doubted { since: at(800), gone_at: at(1_100) });
        peers.log_moved(at(1_002));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Alive);
    }

    #[test]
    fn a_new_entry_into_the_line_takes_back_a_doubt_but_no_proof() {
        let mut peers = Peers::new(SESSION);
        assert!(suspect(&mut peers, 300, 1_000));
        peers.entered(&candidate("n1", 1), at(1_001));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Alive);
        peers.died("n1".into(), Incarnation(1), at(1_002));
        peers.entered(&candidate("n1", 1), at(1_003));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Dead { since: at(1_002) });
    }

    #[test]
    fn each_false_suspicion_doubles_the_patience_up_to_a_bound_and_is_forgotten_after_a_calm_minute() {
        let mut peers = Peers::new(SESSION);
        let mut patience = 300;
        for round in 1..10 {
            let now = 20_000 * round;
            assert!(!suspect(&mut peers, patience - 1, now), "round {round}");
            peers.heard("n1".into(), Incarnation(1), at(now));
            assert!(suspect(&mut peers, patience, now), "round {round}");
            peers.heard("n1".into(), Incarnation(1), at(now));
            patience = (patience * 2).min(300 << FALSE_SUSPICIONS_MAX);
        }
        peers.heard("n1".into(), Incarnation(1), at(240_000));
        assert!(suspect(&mut peers, 300, 240_000));
    }

    #[test]
    fn who_was_away_for_longer_than_a_session_was_not_wronged() {
        let mut peers = Peers::new(SESSION);
        for round in 1..4 {
            let now = 30_000 * round;
            assert!(suspect(&mut peers, 300, now), "round {round}");
            peers.heard("n1".into(), Incarnation(1), at(now + 19_701));
        }
        assert!(suspect(&mut peers, 300, 150_000));
    }

    #[test]
    fn after_an_absence_of_its_own_a_replica_doubts_anew_but_keeps_proofs() {
        let mut peers = Peers::new(SESSION);
        assert!(suspect(&mut peers, 300, 1_000));
        peers.died("n2".into(), Incarnation(1), at(1_000));
        peers.doubt_anew(at(4_000));
        assert!(matches!(peers.verdict(&candidate("n1", 1)), Verdict::Doubted { gone_at, .. } if gone_at == at(4_300)));
        assert_eq!(peers.verdict(&candidate("n2", 1)), Verdict::Dead { since: at(1_000) });
    }

    #[test]
    fn at_the_bound_a_new_peer_takes_the_place_of_a_dead_one_or_counts_as_alive() {
        let mut peers = Peers::new(SESSION);
        for i in 0..PEERS_MAX {
            peers.heard(format!("p{i}").as_str().into(), Incarnation(1), at(0));
        }
        peers.died("n1".into(), Incarnation(1), at(1));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Alive);
        peers.died("p7".into(), Incarnation(1), at(2));
        peers.died("n1".into(), Incarnation(1), at(3));
        assert_eq!(peers.verdict(&candidate("n1", 1)), Verdict::Dead { since: at(3) });
        assert_eq!(peers.peers.len(), PEERS_MAX);
    }
}
