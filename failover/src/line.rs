//! The line as the coordinator shows it, and the own place in it.

use alloc::vec::Vec;
use core::time::Duration;

use types::{Incarnation, MemberName, Term, Tick};

use crate::deadline::is_due;
use crate::{Candidate, Ticket};

/// How much the coordinator's word is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coordination {
    /// No session.
    Away,
    /// The connection is lost, the session may live: no conclusion may be drawn.
    Suspended {
        /// When the coordinator was last heard.
        heard: Tick,
    },
    /// The session is up, the line not yet read since then.
    Connected,
    /// The line is the coordinator's current word.
    Current,
}

/// The own place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// No entry.
    Out,
    /// Asked for, not seen yet.
    Joining {
        /// When to ask again.
        again_at: Tick,
    },
    /// Seen in the line.
    In {
        /// The entry.
        ticket: Ticket,
    },
}

/// What this replica knows of the line.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    member: MemberName,
    incarnation: Incarnation,
    coordination: Coordination,
    term: Term,
    candidates: Vec<Candidate>,
    place: Place,
    /// Own entries up to this one were left or lost; a line that still shows them is an old one.
    left: Option<Ticket>,
    /// All sessions may have been lost at once: don't join before.
    not_before: Option<Tick>,
    /// The newest entry ever shown, of whomever.
    newest: Option<Ticket>,
    /// Entries whose removal was asked for on this connection.
    displaced: Vec<Ticket>,
}

impl Line {
    /// Before the coordinator is heard.
    pub(crate) const fn new(member: MemberName, incarnation: Incarnation) -> Self {
        Self {
            member,
            incarnation,
            coordination: Coordination::Away,
            term: Term(0),
            candidates: Vec::new(),
            place: Place::Out,
            left: None,
            not_before: None,
            newest: None,
            displaced: Vec::new(),
        }
    }

    /// How much the coordinator's word is worth now.
    pub(crate) const fn coordination(&self) -> Coordination {
        self.coordination
    }

    /// Whether the line is the coordinator's current word.
    pub(crate) fn is_current(&self) -> bool {
        self.coordination == Coordination::Current
    }

    /// Whether commands reach the coordinator.
    pub(crate) const fn is_reachable(&self) -> bool {
        match self.coordination {
            Coordination::Connected | Coordination::Current => true,
            Coordination::Away | Coordination::Suspended { .. } => false,
        }
    }

    /// As last heard.
    pub(crate) const fn term(&self) -> Term {
        self.term
    }

    /// Who is active by role, as the coordinator says now.
    pub(crate) fn head(&self) -> Option<&Candidate> {
        self.candidates.first().filter(|_| self.is_current())
    }

    /// The own place.
    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    /// As last heard.
    pub(crate) fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Whether an entry belongs to this member, this start or another.
    pub(crate) fn is_own(&self, candidate: &Candidate) -> bool {
        candidate.member == self.member
    }

    /// Who stands before the own entry; everybody when there is none.
    pub(crate) fn ahead(&self) -> &[Candidate] {
        let own = match self.place {
            Place::In { ticket } => self.candidates.iter().position(|candidate| candidate.ticket == ticket),
            Place::Out | Place::Joining { .. } => None,
        };
        &self.candidates[..own.unwrap_or(self.candidates.len())]
    }

    /// Entries of other members.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(|candidate| !self.is_own(candidate))
    }

    /// Whether a later start of this member stands in line.
    pub(crate) fn is_replaced(&self) -> bool {
        self.candidates.iter().any(|candidate| self.is_own(candidate) && candidate.incarnation > self.incarnation)
    }

    /// Own entries that nobody stands behind: of earlier starts, or of this one before it joined anew.
    pub(crate) fn own_stale(&self) -> impl Iterator<Item = &Candidate> {
        let current = match self.place {
            Place::In { ticket } => Some(ticket),
            Place::Out | Place::Joining { .. } => None,
        };
        self.candidates.iter().filter(move |candidate| {
            let earlier_start = candidate.incarnation < self.incarnation;
            let earlier_entry = candidate.incarnation == self.incarnation && Some(candidate.ticket) < current;
            self.is_own(candidate) && (earlier_start || earlier_entry)
        })
    }

    /// Whether an entry's removal was asked for on this connection.
    pub(crate) fn is_displaced(&self, ticket: Ticket) -> bool {
        self.displaced.contains(&ticket)
    }

    /// An entry's removal is asked for.
    pub(crate) fn set_displaced(&mut self, ticket: Ticket) {
        self.displaced.push(ticket);
    }

    /// The session is up. `wait` is how long to let somebody else join first.
    pub(crate) fn connected(&mut self, wait: Option<Duration>, now: Tick) {
        self.coordination = Coordination::Connected;
        self.not_before = wait.map(|wait| now + wait);
    }

    /// What was asked for and not seen yet may be done or not; the next line tells.
    pub(crate) fn suspended(&mut self, heard: Tick) {
        self.coordination = Coordination::Suspended { heard };
        self.displaced.clear();
        self.left = None;
    }

    /// The own entry is gone with the session.
    pub(crate) fn lost(&mut self) {
        self.coordination = Coordination::Away;
        self.displaced.clear();
        self.leave();
    }

    /// The coordinator shows the line.
    pub(crate) fn changed(&mut self, term: Term, candidates: Vec<Candidate>) {
        self.coordination = Coordination::Current;
        self.term = self.term.max(term);
        self.candidates = candidates;
        let newest = self.candidates.iter().map(|candidate| candidate.ticket).max();
        self.newest = self.newest.max(newest.or(Some(Ticket(0))));
        let shown = |ticket: &Ticket| self.candidates.iter().any(|candidate| candidate.ticket == *ticket);
        self.displaced.retain(shown);
        if self.others().next().is_some() {
            self.not_before = None;
        }
        match (self.own_entry(), self.place) {
            (Some(ticket), _) => self.place = Place::In { ticket },
            (None, Place::In { .. }) => self.leave(),
            // A line read before the entry was made says nothing about it.
            (None, Place::Out | Place::Joining { .. }) => {}
        }
    }

    /// Entries in a new line that weren't made yet when the one before was read.
    pub(crate) fn newcomers<'a>(&self, candidates: &'a [Candidate]) -> impl Iterator<Item = &'a Candidate> + use<'a> {
        let newest = self.newest;
        candidates.iter().filter(move |candidate| newest.is_some_and(|newest| candidate.ticket > newest))
    }

    /// The newest own entry of this start that wasn't left.
    fn own_entry(&self) -> Option<Ticket> {
        let own = |candidate: &&Candidate| self.is_own(candidate) && candidate.incarnation == self.incarnation;
        let tickets = self.candidates.iter().filter(own).map(|candidate| candidate.ticket);
        tickets.filter(|ticket| Some(*ticket) > self.left).max()
    }

    /// An entry is asked for.
    pub(crate) fn join(&mut self, again_at: Tick) {
        self.place = Place::Joining { again_at };
    }

    /// The own entry is given up or gone.
    pub(crate) fn leave(&mut self) {
        if let Place::In { ticket } = self.place {
            self.left = self.left.max(Some(ticket));
        }
        self.place = Place::Out;
    }

    /// Whether it is time to ask for an entry.
    pub(crate) fn may_join(&self, now: Tick) -> bool {
        match self.place {
            Place::Out => self.is_reachable() && self.not_before.is_none_or(|moment| moment <= now),
            Place::Joining { again_at } => self.is_reachable() && is_due(Some(again_at), now),
            Place::In { .. } => false,
        }
    }

    /// When it will be time to ask for an entry.
    pub(crate) fn join_at(&self) -> Option<Tick> {
        match self.place {
            Place::Out if self.is_reachable() => self.not_before,
            Place::Joining { again_at } if self.is_reachable() => Some(again_at),
            Place::Out | Place::Joining { .. } | Place::In { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(member: &str, incarnation: u64, ticket: u64) -> Candidate {
        Candidate { member: member.into(), incarnation: Incarnation(incarnation), ticket: Ticket(ticket) }
    }

    /// n1, second start, standing behind n2.
    fn line() -> Line {
        let mut line = Line::new("n1".into(), Incarnation(2));
        line.connected(None, Tick(0));
        line.join(Tick(1));
        line.changed(Term(1), [candidate("n2", 1, 3), candidate("n1", 2, 5)].into());
        line
    }

    #[test]
    fn an_old_line_does_not_bring_back_an_entry_that_was_left() {
        let mut line = line();
        line.leave();
        line.changed(Term(1), [candidate("n2", 1, 3), candidate("n1", 2, 5)].into());
        assert_eq!(line.place(), Place::Out);
        line.join(Tick(2));
        line.changed(Term(1), [candidate("n2", 1, 3), candidate("n1", 2, 5)].into());
        assert_eq!(line.place(), Place::Joining { again_at: Tick(2) });
        line.changed(Term(1), [candidate("n2", 1, 3), candidate("n1", 2, 6)].into());
        assert_eq!(line.place(), Place::In { ticket: Ticket(6) });
    }

    #[test]
    fn after_a_lost_connection_the_line_tells_whether_leaving_was_heard() {
        let mut line = line();
        line.leave();
        line.suspended(Tick(2));
        line.connected(None, Tick(3));
        line.changed(Term(1), [candidate("n2", 1, 3), candidate("n1", 2, 5)].into());
        assert_eq!(line.place(), Place::In { ticket: Ticket(5) });
    }

    #[test]
    fn after_a_lost_connection_a_removal_must_be_asked_for_again() {
        let mut line = line();
        line.set_displaced(Ticket(3));
        assert!(line.is_displaced(Ticket(3)));
        line.suspended(Tick(2));
        assert!(!line.is_displaced(Ticket(3)));
    }

    #[test]
    fn removals_are_forgotten_when_the_entries_are_gone() {
        let mut line = line();
        line.set_displaced(Ticket(3));
        line.changed(Term(2), [candidate("n1", 2, 5)].into());
        assert_eq!(line.displaced, []);
    }

    #[test]
    fn a_line_read_before_the_entry_was_made_says_nothing_about_it() {
        let mut line = Line::new("n1".into(), Incarnation(1));
        line.connected(None, Tick(0));
        line.join(Tick(9));
        line.changed(Term(0), Vec::new());
        assert_eq!(line.place(), Place::Joining { again_at: Tick(9) });
    }

    #[test]
    fn own_entries_of_earlier_starts_and_earlier_entries_are_stale() {
        let mut line = line();
        let shown = [candidate("n1", 1, 1), candidate("n1", 2, 2), candidate("n2", 1, 3), candidate("n1", 2, 5)];
        line.changed(Term(1), shown.into());
        let stale: Vec<Ticket> = line.own_stale().map(|candidate| candidate.ticket).collect();
        assert_eq!(stale, [Ticket(1), Ticket(2)]);
    }

    #[test]
    fn the_order_is_the_coordinators_and_not_that_of_the_tickets() {
        let mut line = line();
        line.changed(Term(2), [candidate("n3", 1, 8), candidate("n2", 1, 3), candidate("n1", 2, 5)].into());
        assert_eq!(line.ahead(), [candidate("n3", 1, 8), candidate("n2", 1, 3)]);
    }
}
