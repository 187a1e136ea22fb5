//! Who is active when no ZooKeeper says so: the line of candidates, folded from the notebook.

use std::collections::BTreeMap;

use types::{Incarnation, MemberName, Offset, Term};

use super::entry::{Claim, Member, MemberLeft, Place};
use super::ledger::{Outcome, Void};
use crate::coordinator::Candidate;

/// Member names kept per project. At the bound those that stand nowhere are forgotten; if that makes no room, entries of
/// further names are void: nobody runs that many replicas, a stray writer might.
pub const MEMBERS_MAX: usize = 256;

/// The line as the entries of one project make it, in log order; everybody who has read as far sees the same.
///
/// The first is active by role: the winner of the newest valid claim while it stays in line, else the longest in line.
/// The term counts the changes at the head, so a claim of "the term after the one I read" is a compare-and-set: of two
/// claims of one term the first in the log changes the head and thereby voids the other.
#[derive(Debug, Clone, Default)]
pub struct ClaimLine {
    term: Term,
    head: Option<Place>,
    members: BTreeMap<MemberName, Standing>,
}

/// The newest start of a member, and its place in line when it has one.
#[derive(Debug, Clone)]
struct Standing {
    incarnation: Incarnation,
    peer: String,
    ticket: Option<Offset>,
}

impl ClaimLine {
    /// Grows with every change at the head; 0 before anybody stood in line.
    #[must_use]
    pub const fn term(&self) -> Term {
        self.term
    }

    /// Who is active by role.
    #[must_use]
    pub fn head(&self) -> Option<&Place> {
        self.head.as_ref().filter(|head| self.stands(head))
    }

    /// The place of a member that stands in line.
    #[must_use]
    pub fn place(&self, name: &MemberName) -> Option<Place> {
        let standing = self.members.get(name)?;
        Some(Place { member: name.clone(), incarnation: standing.incarnation, ticket: standing.ticket? })
    }

    /// Everybody in line, in order of succession.
    #[must_use]
    pub fn candidates(&self) -> Vec<Candidate> {
        let mut line: Vec<Candidate> =
            self.members.iter().filter_map(|(name, standing)| standing.candidate(name)).collect();
        let head = self.head().map(|head| head.ticket.0);
        line.sort_by_key(|candidate| (Some(candidate.ticket) != head, candidate.ticket));
        line
    }

    pub(super) fn member(&mut self, offset: Offset, entry: &Member) -> Outcome {
        if self.members.len() >= MEMBERS_MAX && !self.members.contains_key(&entry.name) {
            self.members.retain(|_, standing| standing.ticket.is_some());
        }
        let before = self.members.get(&entry.name);
        if before.is_some_and(|before| before.incarnation > entry.incarnation) {
            return Outcome::Void(Void::OlderIncarnation);
        }
        if before.is_none() && self.members.len() >= MEMBERS_MAX {
            return Outcome::Void(Void::TooMany);
        }
        let kept = before.filter(|before| before.incarnation == entry.incarnation).and_then(|before| before.ticket);
        let ticket = entry.in_line.then(|| kept.unwrap_or(offset));
        let standing = Standing { incarnation: entry.incarnation, peer: entry.peer.clone(), ticket };
        self.members.insert(entry.name.clone(), standing);
        self.settle_head();
        Outcome::Noted
    }

    pub(super) fn left(&mut self, entry: &MemberLeft) -> Outcome {
        let Some(standing) = self.members.get_mut(&entry.name) else { return Outcome::Void(Void::UnknownMember) };
        if standing.incarnation != entry.incarnation {
            return Outcome::Void(Void::OlderIncarnation);
        }
        if entry.only_place.as_ref().is_some_and(|place| standing.ticket != Some(place.ticket)) {
            return Outcome::Void(Void::OtherPlace);
        }
        standing.ticket = None;
        self.settle_head();
        Outcome::Noted
    }

    pub(super) fn claim(&mut self, entry: &Claim) -> Outcome {
        if entry.term != self.term.next() {
            return Outcome::Void(Void::OtherTerm);
        }
        let Some(claimant) = self.place(&entry.member).filter(|place| place.incarnation == entry.incarnation) else {
            return Outcome::Void(Void::NotInLine);
        };
        if self.head() == Some(&claimant) {
            return Outcome::Void(Void::AlreadyFirst);
        }
        if let Some(displaced) = entry.displaced.as_ref().filter(|displaced| self.stands(displaced)) {
            // A claimant that displaces itself would win and be gone in one entry.
            if *displaced == claimant {
                return Outcome::Void(Void::OtherPlace);
            }
            if let Some(standing) = self.members.get_mut(&displaced.member) {
                standing.ticket = None;
            }
        }
        self.head = Some(claimant);
        self.term = entry.term;
        Outcome::Noted
    }

    fn stands(&self, place: &Place) -> bool {
        self.members
            .get(&place.member)
            .is_some_and(|standing| standing.ticket == Some(place.ticket) && standing.incarnation == place.incarnation)
    }

    /// The head stays first while it stands in line; when it doesn't, the longest in line follows under a new term.
    fn settle_head(&mut self) {
        if self.head().is_some() {
            return;
        }
        let longest = self.members.keys().filter_map(|name| self.place(name)).min_by_key(|place| place.ticket);
        if let Some(next) = longest {
            self.head = Some(next);
            self.term = self.term.next();
        }
    }
}

impl Standing {
    fn candidate(&self, name: &MemberName) -> Option<Candidate> {
        Some(Candidate {
            member: name.clone(),
            incarnation: self.incarnation,
            peer: self.peer.clone(),
            ticket: self.ticket?.0,
        })
    }
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
