//! `coordination = kafka`: who should write, decided by the order of claims in the notebook.
//!
//! The rule is [`ports::notebook::ClaimLine`]; here is only the shell that speaks the coordinator's protocol. Being
//! first in line is a hint as with ZooKeeper: the log protects itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ports::coordinator::{Candidate, CoordinatorCommand, CoordinatorFact};
use ports::notebook::{Claim, Entry, Ledger, Member, MemberLeft, Place};
use tracing::info;
use types::{Offset, Term};

use crate::error::Error;
use crate::notebook::{Notebook, NotebookFact};

/// Where entries are handed over: the notebook, or a test's list.
pub trait Notes: Send + Sync {
    /// Hands an entry over and returns at once.
    ///
    /// # Errors
    /// [`Error::NotWritten`].
    fn post(&self, entry: &Entry) -> Result<(), Error>;
}

impl Notes for Notebook {
    fn post(&self, entry: &Entry) -> Result<(), Error> {
        Self::post(self, entry)
    }
}

impl<N: Notes> Notes for Arc<N> {
    fn post(&self, entry: &Entry) -> Result<(), Error> {
        N::post(self, entry)
    }
}

/// The coordinator of one replica. Commands come from the replica's loop, facts of the notebook from its thread.
pub struct ClaimCoordinator<N> {
    notes: N,
    me: Member,
    state: Mutex<State>,
}

struct State {
    ledger: Ledger,
    tell: Box<dyn FnMut(CoordinatorFact) + Send>,
    told: Option<(Term, Vec<Candidate>)>,
}

impl<N: Notes> ClaimCoordinator<N> {
    /// Tells [`CoordinatorFact::Connected`] and the line as `ledger` has it. `me.in_line` doesn't matter: joining is a command.
    ///
    /// `tell` is called under a lock: it must hand the fact on, not call back.
    pub fn start(notes: N, me: Member, ledger: Ledger, tell: impl FnMut(CoordinatorFact) + Send + 'static) -> Self {
        let mut state = State { ledger, tell: Box::new(tell), told: None };
        (state.tell)(CoordinatorFact::Connected);
        state.tell_line(&me.project);
        Self { notes, me, state: Mutex::new(state) }
    }

    /// Does what it is told, by writing an entry. What comes of it is learnt by reading.
    ///
    /// # Errors
    /// [`Error::NotWritten`]: nothing was handed over.
    pub fn handle(&self, command: CoordinatorCommand) -> Result<(), Error> {
        match command {
            CoordinatorCommand::Join => self.notes.post(&Entry::Member(Member { in_line: true, ..self.me.clone() })),
            CoordinatorCommand::Leave => self.notes.post(&Entry::Member(Member { in_line: false, ..self.me.clone() })),
            CoordinatorCommand::Close => self.notes.post(&self.farewell()),
            CoordinatorCommand::Displace(candidate) => match self.displacement(&candidate) {
                Some(entry) => self.notes.post(&entry),
                None => Ok(()),
            },
        }
    }

    /// Hears what following the notebook brings; facts must come in order.
    pub fn observe(&self, fact: &NotebookFact) {
        let mut state = self.state();
        match fact {
            NotebookFact::Noted(noted) => {
                state.ledger.note(noted.offset, &noted.entry);
                state.tell_line(&self.me.project);
            }
            NotebookFact::Suspended { silent } => (state.tell)(CoordinatorFact::Suspended { silent: *silent }),
            NotebookFact::Resumed => {
                (state.tell)(CoordinatorFact::Connected);
                state.told = None;
                state.tell_line(&self.me.project);
            }
            NotebookFact::Failed(error) => (state.tell)(CoordinatorFact::Failed { reason: error.to_string() }),
        }
    }

    fn farewell(&self) -> Entry {
        Entry::MemberLeft(MemberLeft {
            project: self.me.project.clone(),
            name: self.me.name.clone(),
            incarnation: self.me.incarnation,
            only_place: None,
            by: self.me.name.clone(),
        })
    }

    /// How a dead candidate is removed: the first in line by a claim on its term, anybody else by saying that it is
    /// gone. Nothing to do when that entry doesn't stand in line any more.
    fn displacement(&self, dead: &Candidate) -> Option<Entry> {
        let place = Place { member: dead.member.clone(), incarnation: dead.incarnation, ticket: Offset(dead.ticket) };
        let state = self.state();
        let line = state.ledger.project(&self.me.project)?.line();
        if line.place(&dead.member).as_ref() != Some(&place) {
            return None;
        }
        if line.head() != Some(&place) {
            info!(member = %dead.member, incarnation = %dead.incarnation, "telling that a member in line is gone");
            return Some(Entry::MemberLeft(MemberLeft {
                project: self.me.project.clone(),
                name: dead.member.clone(),
                incarnation: dead.incarnation,
                only_place: Some(place),
                by: self.me.name.clone(),
            }));
        }
        let term = line.term().next();
        info!(%term, member = %dead.member, incarnation = %dead.incarnation, "claiming the place of a dead member");
        Some(Entry::Claim(Claim {
            project: self.me.project.clone(),
            term,
            member: self.me.name.clone(),
            incarnation: self.me.incarnation,
            displaced: Some(place),
            reason: format!("{} is gone", dead.member),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Folding an entry either happens or doesn't, so what a panicking thread left behind is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells the line when it isn't the one told last.
    fn tell_line(&mut self, project: &str) {
        let line = self.ledger.project(project).map(|project| (project.line().term(), project.line().candidates()));
        let (term, candidates) = line.unwrap_or_default();
        if self.told.as_ref() == Some(&(term, candidates.clone())) {
            return;
        }
        self.told = Some((term, candidates.clone()));
        (self.tell)(CoordinatorFact::Line { term, candidates });
    }
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
