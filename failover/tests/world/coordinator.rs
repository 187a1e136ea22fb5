//! The coordinator of the toy world: sessions, tickets, one line.

use std::time::Duration;

use failover::{Action, Candidate, Fact, Ticket};
use types::{Term, Tick};

use super::node::Life;
use super::{SESSION_MS, World};

/// One node's session.
#[derive(Debug, Clone, PartialEq)]
enum Session {
    /// There was none, or it is over.
    None,
    Live {
        last_contact: u64,
        /// The client knows that it isn't connected.
        suspended: bool,
        /// What the client wants done when it is connected again.
        pending: Vec<Action>,
    },
    /// Over, and the client doesn't know.
    Expired {
        last_contact: u64,
        /// The client knows that it isn't connected.
        suspended: bool,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Coordinator {
    pub(crate) down: bool,
    sessions: Vec<Session>,
    /// With the node that owns it.
    line: Vec<(usize, Candidate)>,
    tickets: u64,
    term: u64,
    head: Option<Ticket>,
}

impl Coordinator {
    pub(crate) fn line(&self) -> Vec<Candidate> {
        self.line.iter().map(|(_, candidate)| candidate.clone()).collect()
    }

    pub(crate) const fn term(&self) -> u64 {
        self.term
    }

    fn session(&mut self, i: usize) -> &mut Session {
        if self.sessions.len() <= i {
            self.sessions.resize(i + 1, Session::None);
        }
        &mut self.sessions[i]
    }

    fn settle_head(&mut self) {
        let head = self.line.first().map(|(_, candidate)| candidate.ticket);
        if head.is_some() && head != self.head {
            self.term += 1;
            self.head = head;
        }
    }
}

impl World {
    fn reaches_coordinator(&self, i: usize) -> bool {
        !self.coordinator.down && self.nodes[i].reaches_coordinator && self.nodes[i].life == Life::Up
    }

    /// A new session. The entries of the node's earlier sessions stay until those expire.
    pub(crate) fn connect(&mut self, i: usize) {
        if !self.reaches_coordinator(i) {
            *self.coordinator.session(i) = Session::None;
            return;
        }
        let last_contact = self.now;
        *self.coordinator.session(i) = Session::Live { last_contact, suspended: false, pending: Vec::new() };
        self.tell(i, Fact::CoordinatorConnected);
        self.show_line_to(i);
    }

    fn show_line_to(&mut self, i: usize) {
        let (term, candidates) = (Term(self.coordinator.term), self.coordinator.line());
        self.tell(i, Fact::LineChanged { term, candidates });
    }

    fn show_line(&mut self) {
        self.coordinator.settle_head();
        for i in 0..self.nodes.len() {
            let live = matches!(self.coordinator.session(i), Session::Live { suspended: false, .. });
            if live && self.reaches_coordinator(i) {
                self.show_line_to(i);
            }
        }
    }

    /// Done now, or when the connection is back, or never when the session is over.
    pub(crate) fn command(&mut self, i: usize, action: Action) {
        let reached = self.reaches_coordinator(i);
        match self.coordinator.session(i) {
            Session::Live { suspended: false, .. } if reached => self.obey(i, &action),
            Session::Live { pending, .. } => pending.push(action),
            Session::None | Session::Expired { .. } => {}
        }
    }

    fn obey(&mut self, i: usize, action: &Action) {
        let before = self.coordinator.line();
        let incarnation = self.nodes[i].incarnation;
        let is_own = |(owner, candidate): &(usize, Candidate)| *owner == i && candidate.incarnation == incarnation;
        match action {
            Action::JoinLine => {
                if !self.coordinator.line.iter().any(is_own) {
                    self.coordinator.tickets += 1;
                    let ticket = Ticket(self.coordinator.tickets);
                    let member = self.nodes[i].name.as_str().into();
                    self.coordinator.line.push((i, Candidate { member, incarnation, ticket }));
                }
            }
            Action::LeaveLine => self.coordinator.line.retain(|entry| !is_own(entry)),
            Action::Displace(dead) => self.coordinator.line.retain(|(_, candidate)| candidate != dead),
            Action::StartWriting
            | Action::StartWritingAt(_)
            | Action::StopWriting
            | Action::PauseInput
            | Action::ResumeInput
            | Action::HandOver { .. }
            | Action::Announce(_)
            | Action::Answer(_)
            | Action::CloseSession
            | Action::Exit(_) => unreachable!("{action} is nothing for a coordinator"),
        }
        if before != self.coordinator.line() {
            self.show_line();
        }
    }

    pub(crate) fn close_session(&mut self, i: usize) {
        if self.reaches_coordinator(i) {
            *self.coordinator.session(i) = Session::None;
            self.remove_entries(i);
        }
    }

    /// Nothing of the coordinator is heard any more; the node's entry stays.
    pub(crate) fn forget_session(&mut self, i: usize) {
        self.nodes[i].reaches_coordinator = false;
        *self.coordinator.session(i) = Session::None;
    }

    /// An operator removes a node's entry.
    pub(crate) fn remove_entries(&mut self, i: usize) {
        let before = self.coordinator.line.len();
        self.coordinator.line.retain(|(owner, _)| *owner != i);
        if before != self.coordinator.line.len() {
            self.show_line();
        }
    }

    /// Connections break or come back; call it when something changed.
    pub(crate) fn settle_connections(&mut self) {
        for i in 0..self.nodes.len() {
            if self.nodes[i].life != Life::Up {
                continue;
            }
            if self.reaches_coordinator(i) { self.resume_session(i) } else { self.suspend(i) }
        }
        self.pump();
    }

    pub(crate) fn suspend(&mut self, i: usize) {
        let now = self.now;
        let (news, heard) = match self.coordinator.session(i) {
            Session::Live { suspended, last_contact, .. } => (!std::mem::replace(suspended, true), *last_contact),
            Session::Expired { suspended, last_contact } => (!std::mem::replace(suspended, true), *last_contact),
            Session::None => (false, now),
        };
        if news {
            self.tell(i, Fact::CoordinatorSuspended { heard: Tick(0) + Duration::from_millis(heard) });
        }
    }

    /// A client that was away while its session lived on reads the line anew.
    pub(crate) fn catch_up_with_line(&mut self, i: usize) {
        let connected = matches!(self.coordinator.session(i), Session::Live { suspended: false, .. });
        if connected && self.reaches_coordinator(i) {
            self.show_line_to(i);
        }
        self.resume_session(i);
    }

    /// A client that was away learns what became of its session.
    pub(crate) fn resume_session(&mut self, i: usize) {
        if !self.reaches_coordinator(i) {
            self.suspend(i);
            return;
        }
        let now = self.now;
        match self.coordinator.session(i) {
            Session::Live { suspended: false, last_contact, .. } => *last_contact = now,
            Session::Live { suspended, last_contact, pending } => {
                *suspended = false;
                *last_contact = now;
                let pending = std::mem::take(pending);
                self.tell(i, Fact::CoordinatorConnected);
                self.show_line_to(i);
                pending.iter().for_each(|action| self.obey(i, action));
            }
            Session::Expired { .. } => {
                self.tell(i, Fact::SessionLost);
                self.connect(i);
            }
            Session::None => self.connect(i),
        }
    }

    /// The coordinator forgets whom it didn't hear for a session's time; while it is down itself, time stands still.
    pub(crate) fn expire_sessions(&mut self) {
        let now = self.now;
        for i in 0..self.nodes.len() {
            let reached = self.reaches_coordinator(i);
            let down = self.coordinator.down;
            let Session::Live { last_contact, suspended, .. } = self.coordinator.session(i) else { continue };
            let (suspended, contact) = (*suspended, *last_contact);
            if reached || down || !self.settings.expiry {
                *last_contact = now;
            } else if now - *last_contact >= SESSION_MS {
                *self.coordinator.session(i) = Session::Expired { last_contact: contact, suspended };
                self.note(&format!("session of {} expires", self.nodes[i].name));
                self.remove_entries(i);
            }
        }
    }

    /// The sessions of these nodes end at the same moment; they come back in the order given.
    pub(crate) fn lose_sessions(&mut self, nodes: &[usize]) {
        for &i in nodes {
            self.coordinator.line.retain(|(owner, _)| *owner != i);
            *self.coordinator.session(i) = Session::None;
            self.tell(i, Fact::SessionLost);
        }
        self.coordinator.settle_head();
        self.pump();
        for &i in nodes {
            if self.nodes[i].life == Life::Up {
                self.connect(i);
                self.pump();
            }
        }
    }
}
