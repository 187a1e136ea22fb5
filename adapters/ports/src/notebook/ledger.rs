//! The notebook's entries folded in log order: what is in force.

use std::collections::{BTreeMap, VecDeque};

use types::{Generation, MemberName, Offset, TopicName};

use super::entry::{Constant, Entry, Failover, Member, MemberLeft, Proposal, Reset, WindowSchema};
use super::line::{ClaimLine, MEMBERS_MAX};

/// Takeovers kept per project; the oldest is forgotten for a new one.
pub const FAILOVERS_KEPT: usize = 64;

/// Generations, schemas and constants kept per project; at the bound the oldest generation's are forgotten.
const GENERATIONS_KEPT: usize = 64;

/// Windows with a schema, and topics with a constant, per generation; further ones are void.
const NOTES_MAX: usize = 4_096;

/// Times that foreign records moved the indexes of a topic, per generation; further ones are void, and a topic with so many
/// writers needs an ACL.
const SHIFTS_MAX: usize = 1_024;

/// Projects of one notebook; entries of further ones are void.
const PROJECTS_MAX: usize = 256;

/// What folding an entry did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in force now.
    Noted,
    /// It says what was in force already.
    Repeated,
    /// It has no effect, for everybody alike.
    Void(Void),
}

/// Why an entry has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Void {
    /// Another proposal of this generation stands before it in the log.
    TooLate,
    /// A generation is open; only a reset makes room for the next.
    GenerationOpen,
    /// Not the generation that comes next, or not one that exists.
    OtherGeneration,
    /// A field holds what can't be: no origin, a period of zero, a generation above `i16::MAX`.
    Impossible,
    /// A newer start of that member is known.
    OlderIncarnation,
    /// Nobody of that name is known.
    UnknownMember,
    /// It is about another entry into the line than the one that stands.
    OtherPlace,
    /// The term isn't the one after the term in force: somebody else's claim came first.
    OtherTerm,
    /// The claimant doesn't stand in line.
    NotInLine,
    /// The claimant is active already.
    AlreadyFirst,
    /// A bound is reached.
    TooMany,
}

/// A proposal that won, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its place in the log.
    pub offset: Offset,
    /// What it fixes.
    pub proposal: Proposal,
    /// A reset ended it.
    pub ended: bool,
}

/// The newest known start of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Its newest entry.
    pub member: Member,
    /// Where that entry stands.
    pub offset: Offset,
    /// No [`MemberLeft`] has followed. It may be dead all the same.
    pub present: bool,
}

/// What the notebook says of one project.
#[derive(Debug, Clone, Default)]
pub struct ProjectLedger {
    generations: VecDeque<Accepted>,
    members: BTreeMap<MemberName, Presence>,
    line: ClaimLine,
    schemas: BTreeMap<(Generation, String), WindowSchema>,
    /// Never empty; `fence` grows, `from` never falls.
    constants: BTreeMap<(Generation, TopicName), Vec<Constant>>,
    failovers: VecDeque<Failover>,
}

/// What the notebook says, as far as it has been read.
///
/// The fold is total: a record that is no entry or has no effect is counted and skipped, by every reader alike.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    projects: BTreeMap<String, ProjectLedger>,
    next: Offset,
    unread: u64,
    void: u64,
}

impl Ledger {
    /// Folds one record's value.
    pub fn note_bytes(&mut self, offset: Offset, value: Option<&[u8]>) -> Option<Entry> {
        match value.map(Entry::parse) {
            Some(Ok(entry)) => {
                self.note(offset, &entry);
                Some(entry)
            }
            Some(Err(_)) | None => {
                self.skip(offset);
                None
            }
        }
    }

    /// Folds one entry. Offsets must grow; an entry that was folded before is a repeat.
    pub fn note(&mut self, offset: Offset, entry: &Entry) -> Outcome {
        if offset < self.next {
            return Outcome::Repeated;
        }
        self.next = offset.next();
        let outcome = match self.project_of(entry) {
            Some(project) => project.note(offset, entry),
            None => Outcome::Void(Void::TooMany),
        };
        self.void += u64::from(matches!(outcome, Outcome::Void(_)));
        outcome
    }

    /// Counts a record that is no entry.
    pub fn skip(&mut self, offset: Offset) {
        if offset >= self.next {
            self.next = offset.next();
            self.unread += 1;
        }
    }

    /// One past the last record folded.
    #[must_use]
    pub const fn next(&self) -> Offset {
        self.next
    }

    /// Records that were no entries.
    #[must_use]
    pub const fn unread(&self) -> u64 {
        self.unread
    }

    /// Entries without effect.
    #[must_use]
    pub const fn void(&self) -> u64 {
        self.void
    }

    /// What is known of a project.
    #[must_use]
    pub fn project(&self, name: &str) -> Option<&ProjectLedger> {
        self.projects.get(name)
    }

    /// All projects, by name.
    pub fn projects(&self) -> impl Iterator<Item = (&str, &ProjectLedger)> {
        self.projects.iter().map(|(name, project)| (name.as_str(), project))
    }

    fn project_of(&mut self, entry: &Entry) -> Option<&mut ProjectLedger> {
        let name = entry.project();
        if !self.projects.contains_key(name) {
            if self.projects.len() >= PROJECTS_MAX {
                return None;
            }
            self.projects.insert(name.to_owned(), ProjectLedger::default());
        }
        self.projects.get_mut(name)
    }
}

impl ProjectLedger {
    /// The generation in force; `None` before the first and after a reset.
    #[must_use]
    pub fn generation(&self) -> Option<&Accepted> {
        self.generations.back().filter(|accepted| !accepted.ended)
    }

    /// The number a proposal must carry to be valid now; `None` while a generation is open.
    #[must_use]
    pub fn next_generation(&self) -> Option<Generation> {
        match self.generations.back() {
            None => Some(Generation(1)),
            Some(last) => last.ended.then(|| last.proposal.generation.next()),
        }
    }

    /// All generations that are remembered, oldest first.
    pub fn generations(&self) -> impl Iterator<Item = &Accepted> {
        self.generations.iter()
    }

    /// Every known member's newest start, by name.
    pub fn members(&self) -> impl Iterator<Item = &Presence> {
        self.members.values()
    }

    /// A member's newest start.
    #[must_use]
    pub fn member(&self, name: &MemberName) -> Option<&Presence> {
        self.members.get(name)
    }

    /// The line of candidates (`coordination = kafka`).
    #[must_use]
    pub const fn line(&self) -> &ClaimLine {
        &self.line
    }

    /// The columns of a window (`contquery/window`) in the newest generation that has noted them.
    #[must_use]
    pub fn schema(&self, window: &str) -> Option<&WindowSchema> {
        self.schemas.iter().rev().find(|((_, name), _)| name == window).map(|(_, schema)| schema)
    }

    /// All schemas of a generation, by window.
    pub fn schemas(&self, generation: Generation) -> impl Iterator<Item = &WindowSchema> {
        self.schemas.values().filter(move |schema| schema.generation == generation)
    }

    /// How indexes and offsets of an outbound topic belong together at its end.
    #[must_use]
    pub fn constant(&self, generation: Generation, topic: &TopicName) -> Option<&Constant> {
        self.constants(generation, topic).last()
    }

    /// The same for every stretch of the topic, in order; the first says where the generation begins.
    #[must_use]
    pub fn constants(&self, generation: Generation, topic: &TopicName) -> &[Constant] {
        self.constants.get(&(generation, topic.clone())).map_or(&[], Vec::as_slice)
    }

    /// The last takeovers, oldest first.
    pub fn failovers(&self) -> impl Iterator<Item = &Failover> {
        self.failovers.iter()
    }

    fn note(&mut self, offset: Offset, entry: &Entry) -> Outcome {
        match entry {
            Entry::Proposal(proposal) => self.propose(offset, proposal),
            Entry::Member(member) => self.enter(offset, member),
            Entry::MemberLeft(left) => self.leave(left),
            Entry::Schema(schema) => self.describe(schema),
            Entry::Constant(constant) => self.fix(constant),
            Entry::Claim(claim) => self.line.claim(claim),
            Entry::Reset(reset) => self.reset(reset),
            Entry::Failover(failover) => self.remember(failover),
        }
    }

    fn propose(&mut self, offset: Offset, proposal: &Proposal) -> Outcome {
        if !is_possible(proposal) {
            return Outcome::Void(Void::Impossible);
        }
        if self.generations.iter().any(|accepted| accepted.proposal.generation == proposal.generation) {
            return Outcome::Void(Void::TooLate);
        }
        match self.next_generation() {
            None => Outcome::Void(Void::GenerationOpen),
            Some(next) if next != proposal.generation => Outcome::Void(Void::OtherGeneration),
            Some(_) => {
                self.generations.push_back(Accepted { offset, proposal: proposal.clone(), ended: false });
                self.forget_old_generations();
                Outcome::Noted
            }
        }
    }

    fn reset(&mut self, reset: &Reset) -> Outcome {
        match self.generations.back_mut().filter(|last| last.proposal.generation == reset.generation) {
            None => Outcome::Void(Void::OtherGeneration),
            Some(last) if last.ended => Outcome::Repeated,
            Some(last) => {
                last.ended = true;
                Outcome::Noted
            }
        }
    }

    fn enter(&mut self, offset: Offset, member: &Member) -> Outcome {
        let outcome = self.line.member(offset, member);
        if outcome == Outcome::Noted {
            if self.members.len() >= MEMBERS_MAX && !self.members.contains_key(&member.name) {
                self.forget_one_member();
            }
            self.members.insert(member.name.clone(), Presence { member: member.clone(), offset, present: true });
        }
        outcome
    }

    fn leave(&mut self, left: &MemberLeft) -> Outcome {
        let outcome = self.line.left(left);
        if outcome == Outcome::Noted
            && let Some(presence) = self.members.get_mut(&left.name)
        {
            presence.present = false;
            presence.member.in_line = false;
        }
        outcome
    }

    fn describe(&mut self, schema: &WindowSchema) -> Outcome {
        let key = (schema.generation, schema.window.clone());
        match self.schemas.get(&key) {
            Some(noted) if noted == schema => return Outcome::Repeated,
            Some(_) => return Outcome::Void(Void::TooLate),
            None => {}
        }
        if self.schemas(schema.generation).count() >= NOTES_MAX {
            return Outcome::Void(Void::TooMany);
        }
        self.within_a_generation(schema.generation, |ledger| {
            ledger.schemas.insert(key, schema.clone());
        })
    }

    fn fix(&mut self, constant: &Constant) -> Outcome {
        let key = (constant.generation, constant.topic.clone());
        if let Some(noted) = self.constants.get_mut(&key) {
            return shift(noted, constant);
        }
        if self.constants.keys().filter(|(generation, _)| *generation == constant.generation).count() >= NOTES_MAX {
            return Outcome::Void(Void::TooMany);
        }
        self.within_a_generation(constant.generation, |ledger| {
            ledger.constants.insert(key, vec![constant.clone()]);
        })
    }

    fn remember(&mut self, failover: &Failover) -> Outcome {
        if self.failovers.contains(failover) {
            return Outcome::Repeated;
        }
        if self.failovers.len() >= FAILOVERS_KEPT {
            self.failovers.pop_front();
        }
        self.failovers.push_back(failover.clone());
        Outcome::Noted
    }

    /// Schemas and constants belong to a generation that was agreed before them.
    fn within_a_generation(&mut self, generation: Generation, note: impl FnOnce(&mut Self)) -> Outcome {
        if !self.generations.iter().any(|accepted| accepted.proposal.generation == generation) {
            return Outcome::Void(Void::OtherGeneration);
        }
        note(self);
        Outcome::Noted
    }

    fn forget_old_generations(&mut self) {
        while self.generations.len() > GENERATIONS_KEPT {
            self.generations.pop_front();
        }
        let Some(oldest) = self.generations.front().map(|accepted| accepted.proposal.generation) else { return };
        self.schemas.retain(|(generation, _), _| *generation >= oldest);
        self.constants.retain(|(generation, _), _| *generation >= oldest);
    }

    /// Makes room by the member that has been gone, or else known, for longest.
    fn forget_one_member(&mut self) {
        let oldest = self.members.values().min_by_key(|presence| (presence.present, presence.offset));
        if let Some(name) = oldest.map(|presence| presence.member.name.clone()) {
            self.members.remove(&name);
        }
    }
}

/// Foreign records only ever move indexes on, and only from some index on: what says otherwise is old, or of another topic.
fn shift(noted: &mut Vec<Constant>, constant: &Constant) -> Outcome {
    if noted.contains(constant) {
        return Outcome::Repeated;
    }
    let follows = |last: &Constant| {
        constant.from >= last.from && constant.fence > last.fence && constant.topic_id == last.topic_id
    };
    if !noted.last().is_some_and(follows) {
        return Outcome::Void(Void::TooLate);
    }
    if noted.len() >= SHIFTS_MAX {
        return Outcome::Void(Void::TooMany);
    }
    noted.push(constant.clone());
    Outcome::Noted
}

/// Kafka's producer epoch is a signed 16-bit number, and periods of zero would never end.
fn is_possible(proposal: &Proposal) -> bool {
    let generation = proposal.generation.0;
    (1..=i16::MAX.unsigned_abs()).contains(&generation)
        && !proposal.origins.is_empty()
        && !proposal.marker_period.is_zero()
        && !proposal.tick_step.is_zero()
        && proposal.part_bytes_max > 0
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
