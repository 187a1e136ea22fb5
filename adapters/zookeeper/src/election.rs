//! Who stands where, and what to do about it next: pure, the session only carries it out.
//!
//! The line is ZooKeeper's order of creation. Whoever stands in it watches the one ahead of itself (no herd wakes when
//! one leaves) and its own node (an operator may delete it). One step at a time: after each change the line is read anew.

use ports::coordinator::{Candidate, CoordinatorFact};
use types::Term;

use crate::entry::{Badge, Entry, ticket};
use crate::paths::sequence_of;

/// Who decides here: own content, own session.
#[derive(Debug, Clone)]
pub struct Me {
    /// What the own nodes say.
    pub badge: Badge,
    /// The session that owns them.
    pub session: i64,
}

impl Me {
    /// Owner and content both: after a reconnect the same name could stand there for somebody else.
    fn owns(&self, entry: &Entry) -> bool {
        entry.owner == self.session && entry.badge.as_ref() == Some(&self.badge)
    }

    /// A node of this very process from a session it no longer holds, or of an earlier start of this member.
    fn owned_formerly(&self, entry: &Entry, stance: Stance) -> bool {
        let Some(badge) = entry.badge.as_ref().filter(|badge| badge.member == self.badge.member) else { return false };
        let same_start = badge.incarnation == self.badge.incarnation && entry.owner != self.session;
        // Only who enters may clear an earlier start away: before that, peers may still find it alive under our name.
        let enters = matches!(stance, Stance::Wanting | Stance::Entering);
        let earlier_start = badge.incarnation < self.badge.incarnation && enters;
        same_start || earlier_start
    }
}

/// Where this member wants to be, and whether it was seen there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// Not in line, and content with it.
    Out,
    /// Told to join. A node of ours that still stands is one that was left: whoever gave it up doesn't count it any more.
    Wanting,
    /// The own node was asked for; it isn't seen yet.
    Entering,
    /// The own node was seen. When it is gone, somebody removed it, and that counts.
    Standing,
}

/// Why a node goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A create that was answered twice, a former session, a former start.
    Stale,
    /// Told to leave.
    Left,
    /// Told that its owner is dead.
    Displaced,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Delete a node, provided that its version is still the same.
    Remove(Entry, Why),
    /// Make the own node; the stance is [`Stance::Entering`] from before it is asked for.
    Enter,
    /// A later start of this member stands in line: this one may not.
    NameTaken(Entry),
    /// The own node is gone though nobody here removed it.
    Evicted,
    /// Nothing to change: tell the line, watch these nodes.
    Watch(Watched),
}

/// The nodes whose change matters, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watched {
    /// The own one.
    pub own: Option<String>,
    /// The one ahead; for who doesn't stand in line, its last: the one that would be ahead.
    pub ahead: Option<String>,
}

/// The children that belong to the line, first to last.
#[must_use]
pub fn in_order(children: Vec<String>) -> Vec<String> {
    let mut numbered: Vec<(u32, String)> =
        children.into_iter().filter_map(|name| Some((sequence_of(&name)?.cast_unsigned(), name))).collect();
    // The i32 counter goes from its largest to its smallest value: as unsigned numbers these follow each other. Once more
    // around, from -1 to 0, the signed order is the right one; the line is never a quarter of the circle long.
    let near_the_end = numbered.iter().any(|(sequence, _)| *sequence > u32::MAX / 4 * 3);
    let near_the_start = numbered.iter().any(|(sequence, _)| *sequence < u32::MAX / 4);
    let turn = if near_the_end && near_the_start { 1 << 31 } else { 0 };
    numbered.sort_by_key(|(sequence, _)| sequence ^ turn);
    numbered.into_iter().map(|(_, name)| name).collect()
}

/// The next step towards what is wanted; `line` is in order.
#[must_use]
pub fn next_step(line: &[Entry], me: &Me, stance: Stance, dead: &[Candidate]) -> Step {
    let own = line.iter().position(|entry| me.owns(entry));
    if let Some(entry) = to_clear(line, me, stance, own) {
        return Step::Remove(entry.clone(), Why::Stale);
    }
    if let Some(entry) = line.iter().find(|entry| !me.owns(entry) && dead.contains(&entry.candidate())) {
        return Step::Remove(entry.clone(), Why::Displaced);
    }
    match (stance, own) {
        (Stance::Out | Stance::Wanting, Some(place)) => Step::Remove(line[place].clone(), Why::Left),
        (Stance::Wanting | Stance::Entering, None) => {
            successor(line, me).map_or(Step::Enter, |entry| Step::NameTaken(entry.clone()))
        }
        (Stance::Standing, None) => Step::Evicted,
        (Stance::Out, None) | (Stance::Entering | Stance::Standing, Some(_)) => Step::Watch(watched(line, own)),
    }
}

/// The fact that tells the line. The term is the head's transaction number, which grows from head to head; over an empty
/// line the last term goes on.
#[must_use]
pub fn line_fact(line: &[Entry], last_term: Term) -> CoordinatorFact {
    let term = line.first().map_or(last_term, |head| Term(ticket(head.czxid)));
    CoordinatorFact::Line { term, candidates: line.iter().map(Entry::candidate).collect() }
}

/// A node of our own that isn't the own one: made by an ambiguous create, or left over.
fn to_clear<'a>(line: &'a [Entry], me: &Me, stance: Stance, own: Option<usize>) -> Option<&'a Entry> {
    let twice = line.iter().enumerate().find(|(place, entry)| me.owns(entry) && Some(*place) != own);
    twice.map(|(_, entry)| entry).or_else(|| line.iter().find(|entry| me.owned_formerly(entry, stance)))
}

/// A later start of this member.
fn successor<'a>(line: &'a [Entry], me: &Me) -> Option<&'a Entry> {
    line.iter().find(|entry| {
        let badge = entry.badge.as_ref();
        badge.is_some_and(|badge| badge.member == me.badge.member && badge.incarnation > me.badge.incarnation)
    })
}

fn watched(line: &[Entry], own: Option<usize>) -> Watched {
    let ahead = &line[..own.unwrap_or(line.len())];
    Watched { own: own.map(|place| line[place].name.clone()), ahead: ahead.last().map(|entry| entry.name.clone()) }
}

#[cfg(test)]
#[path = "election_tests.rs"]
mod tests;
