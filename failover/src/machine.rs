//! One replica's decisions: what each fact means.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use types::{OutputIndex, Term, Tick};

use crate::buffer::Buffer;
use crate::line::{Coordination, Line, Place};
use crate::peers::{PEERS_MAX, Peers};
use crate::{
    Action, Announcement, Block, BlockCause, Candidate, Config, ConfigError, Fact, Fencing, LastFailover, OutputId,
    Role, Stage, Step, TRANSITIONS, Then, Why,
};

/// Actions that can follow from one fact; more would mean that conclusions run in a circle.
const ACTIONS_MAX: usize = 2 * PEERS_MAX + 32;

/// The machine of one replica.
#[derive(Debug, Clone)]
pub struct Machine {
    config: Config,
    role: Role,
    pub(crate) line: Line,
    pub(crate) peers: Peers,
    pub(crate) buffers: Vec<Buffer>,
    /// Per output: what of ours is on its way since writing stopped.
    pub(crate) on_its_way: Vec<OnItsWay>,
    pub(crate) input_paused: bool,
    pub(crate) failover_paused: bool,
    pub(crate) forced: bool,
    pub(crate) rest: Option<Rest>,
    /// Since when the first in line could write, as far as the coordinator and the operator are concerned.
    pub(crate) in_office_since: Tick,
    /// Since when this replica sees whether its logs move, as far as it ever didn't.
    pub(crate) reading_since: Tick,
    /// Why the coordinator can't be used any more.
    pub(crate) coordinator_failure: Option<String>,
    /// The logs' ends when this replica last stepped down; empty before.
    pub(crate) ends_at_stop: Vec<OutputIndex>,
    pub(crate) last_failover: Option<LastFailover>,
    actions: VecDeque<Action>,
    pub(crate) now: Tick,
}

/// After stepping aside for a stuck output: out of the line until that log is seen moving.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rest {
    pub(crate) output: OutputId,
    pub(crate) published: OutputIndex,
}

/// What of an output is on its way to the log after writing stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnItsWay {
    /// As much as there was.
    Unknown,
    /// One append, which the log takes before whatever is sent later.
    Last { next: OutputIndex },
    /// Nothing.
    Nothing,
}

impl Machine {
    /// A machine in [`Stage::Starting`], its input paused.
    ///
    /// # Errors
    /// [`ConfigError`]: settings that don't fit together.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            role: Role::Starting,
            line: Line::new(config.member.clone(), config.incarnation),
            peers: Peers::new(config.session_timeout),
            buffers: (0..config.outputs).map(|_| Buffer::new()).collect(),
            on_its_way: (0..config.outputs).map(|_| OnItsWay::Unknown).collect(),
            input_paused: true,
            failover_paused: false,
            forced: false,
            rest: None,
            in_office_since: Tick(0),
            reading_since: Tick(0),
            coordinator_failure: None,
            ends_at_stop: Vec::new(),
            last_failover: None,
            actions: VecDeque::new(),
            now: Tick::default(),
            config,
        })
    }

    /// Takes in one fact at the time `now`; drain [`Self::poll_action`] before the next.
    ///
    /// A time before the last one counts as the last one. After [`Action::Exit`] facts mean nothing.
    ///
    /// # Panics
    /// When actions of the fact before weren't drained, or an output id is out of range: mistakes of the shell.
    pub fn handle(&mut self, fact: Fact, now: Tick) {
        assert!(self.actions.is_empty(), "actions of the fact before were not drained");
        if matches!(self.role, Role::Stopped) {
            return;
        }
        self.now = self.now.max(now);
        self.apply(fact, self.now);
        self.settle(self.now);
        assert!(self.actions.len() <= ACTIONS_MAX, "{} actions follow from one fact", self.actions.len());
    }

    /// The next thing to do, in order.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The settings.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Where this replica is.
    #[must_use]
    pub const fn role(&self) -> &Role {
        &self.role
    }

    /// Where this replica is, without particulars.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.role.stage()
    }

    /// Whether appends are allowed now.
    #[must_use]
    pub const fn is_writing(&self) -> bool {
        match &self.role {
            Role::Active { .. } => true,
            Role::HandingOver(handover) => matches!(handover.step, Step::Finishing),
            Role::Starting | Role::Restoring | Role::Standby | Role::Blocked(_) | Role::Stopped => false,
        }
    }

    fn apply(&mut self, fact: Fact, now: Tick) {
        match fact {
            Fact::OutputOpened { output, published_end: end } | Fact::Published { output, end } => {
                self.on_published(output, end, now);
            }
            Fact::Computed { output, end } => self.buffer(output).set_computed(end),
            Fact::WritingStarted => self.on_writing_started(now),
            Fact::TookOver { at, .. } => self.on_took_over(at),
            Fact::LastOnItsWay { output, next } => self.on_left(output, OnItsWay::Last { next }),
            Fact::Drained { output } => self.on_left(output, OnItsWay::Nothing),
            Fact::WriterRefused { .. } | Fact::ForeignWriter { .. } => self.on_other_writer(),
            Fact::PeerWrote { member, incarnation } => {
                self.peers.wrote(member, incarnation, self.config.session_timeout, now);
            }
            Fact::OutputStalled { output, stalled } => self.on_output_stalled(output, stalled),
            Fact::OutputEndangered { output, endangered } => self.buffer(output).keep(endangered),
            Fact::BlockMet(block) => self.block(block),
            Fact::CoordinatorConnected => self.on_connected(now),
            Fact::CoordinatorSuspended { heard } => self.line.suspended(heard),
            Fact::SessionLost => self.line.lost(),
            Fact::CoordinatorFailed { detail } => {
                self.line.lost();
                self.coordinator_failure = Some(detail);
            }
            Fact::LineChanged { term, candidates } => self.on_line_changed(term, candidates, now),
            Fact::PeerHeard { member, incarnation } => self.peers.heard(member, incarnation, now),
            Fact::PeerReported { member, incarnation, report } => {
                self.peers.reported(member, incarnation, report, now);
            }
            Fact::PeerDied { member, incarnation, evidence } => self.on_peer_died(member, incarnation, evidence, now),
            Fact::PeerSuspected { member, incarnation, sign } => self.on_peer_suspected(member, incarnation, sign, now),
            Fact::HandedOver { next, .. } => self.on_handed_over(&next, now),
            Fact::SwitchoverAsked { to } => self.on_switchover_asked(to, now),
            Fact::FailoverAsked => self.on_failover_asked(now),
            Fact::PauseAsked => self.failover_paused = true,
            Fact::ResumeAsked => {
                self.failover_paused = false;
                self.begin_office(now);
            }
            Fact::ShutdownAsked => self.on_shutdown_asked(now),
            Fact::ForceAsked => self.forced = true,
            // Settling looks at the time.
            Fact::DeadlinePassed => {}
        }
    }

    /// A log that moves while this replica doesn't write is a sign of life of whoever can't be heard.
    fn on_published(&mut self, output: OutputId, end: OutputIndex, now: Tick) {
        let moved = self.buffer(output).set_published(end);
        if moved && !self.is_writing() {
            self.peers.log_moved(now);
        }
    }

    fn on_writing_started(&mut self, now: Tick) {
        if let Some(failover) = &mut self.last_failover {
            failover.first_write.get_or_insert(now);
        }
    }

    fn on_took_over(&mut self, at: Tick) {
        if let Some(failover) = &mut self.last_failover {
            failover.first_ack.get_or_insert(at);
        }
    }

    fn on_left(&mut self, output: OutputId, left: OnItsWay) {
        // An answer to an earlier stop may come after writing began again.
        if !self.is_writing() {
            self.on_its_way[output.0] = left;
        }
    }

    /// Somebody else writes: the coordinator's word decides who goes on; without its word, yield.
    fn on_other_writer(&mut self) {
        match self.role {
            Role::Active { .. } => {
                let backed = self.line.is_current() && !self.has_lost_office();
                if !self.forced && !backed {
                    self.step_down(Why::Refused);
                }
            }
            Role::Starting
            | Role::Restoring
            | Role::Standby
            | Role::HandingOver(_)
            | Role::Blocked(_)
            | Role::Stopped => {}
        }
    }

    /// A stuck active makes room, but only for somebody in sync, and only once: it rests until the log moves again.
    fn on_output_stalled(&mut self, output: OutputId, stalled: Duration) {
        match self.role {
            Role::Active { .. } => {
                let may = self.line.is_current() && !self.failover_paused && !self.forced;
                if may && stalled >= self.config.stall_max && self.successor().is_some() {
                    self.rest = Some(Rest { output, published: self.buffers[output.0].published() });
                    self.step_down(Why::Stalled);
                }
            }
            Role::Starting
            | Role::Restoring
            | Role::Standby
            | Role::HandingOver(_)
            | Role::Blocked(_)
            | Role::Stopped => {}
        }
    }

    /// When all sessions were lost at once, the active should come first in the new line too: nothing failed.
    fn on_connected(&mut self, now: Tick) {
        self.coordinator_failure = None;
        // Who was away from the coordinator may have been away from everybody.
        self.peers.doubt_anew(now);
        let session_is_new = self.line.coordination() == Coordination::Away;
        let somebody_writes = self.peers.living_reports().any(|report| report.stage == Stage::Active);
        let wait = match self.role {
            Role::Starting | Role::Restoring | Role::Standby => session_is_new && somebody_writes,
            Role::Active { .. } | Role::HandingOver(_) | Role::Blocked(_) | Role::Stopped => false,
        };
        self.line.connected(wait.then_some(self.config.rejoin_delay), now);
    }

    fn on_line_changed(&mut self, term: Term, candidates: Vec<Candidate>, now: Tick) {
        for candidate in self.line.newcomers(&candidates) {
            self.peers.entered(candidate, now);
        }
        let head_before = self.line.head().map(|head| head.ticket);
        let was_in = matches!(self.line.place(), Place::In { .. });
        self.line.changed(term, candidates);
        if self.line.head().map(|head| head.ticket) != head_before {
            self.begin_office(now);
        }
        let is_out = self.line.place() == Place::Out;
        if let Some(head) = self.line.candidates().first().filter(|_| was_in && is_out) {
            // Somebody removed the own entry: most likely the one who leads now, so that one lives.
            self.peers.entered(head, now);
        }
        if self.line.is_replaced() {
            let detail = "a later start of this member stands in line".into();
            self.block(Block { cause: BlockCause::NameTaken, detail });
        }
    }

    /// The first block stays; a writer stops, a process that was about to end does so.
    pub(crate) fn block(&mut self, block: Block) {
        match &self.role {
            Role::Blocked(_) | Role::Stopped => return,
            Role::Starting | Role::Restoring | Role::Standby | Role::Active { .. } | Role::HandingOver(_) => {}
        }
        if self.is_writing() {
            self.act(Action::StopWriting);
        }
        let ending = match &self.role {
            Role::HandingOver(handover) => self.abandon(handover.clone()),
            Role::Starting
            | Role::Restoring
            | Role::Standby
            | Role::Active { .. }
            | Role::Blocked(_)
            | Role::Stopped => false,
        };
        self.become_role(Role::Blocked(block), Why::Blocked);
        if ending {
            self.stop(crate::Exit::Blocked);
        }
    }

    /// Begins to write where the log ends.
    pub(crate) fn promote(&mut self, why: Why, now: Tick) {
        self.promote_by(Action::StartWriting, why, now);
    }

    /// Begins to write. The log decides what is true, so writing comes first and the line is put in order beside it.
    pub(crate) fn promote_by(&mut self, start: Action, why: Why, now: Tick) {
        let detected = self.line.ahead().first().and_then(|head| self.verdict(head).since());
        self.last_failover = Some(LastFailover {
            cause: why,
            term: self.line.term(),
            detected: detected.unwrap_or(now),
            decided: now,
            first_write: None,
            first_ack: None,
        });
        self.rest = None;
        self.act(start);
        self.displace_ahead();
        self.become_role(Role::Active { since: now }, why);
    }

    /// Stops writing and keeps everything else: a standby in sync.
    pub(crate) fn step_down(&mut self, why: Why) {
        self.act(Action::StopWriting);
        self.ends_at_stop = self.buffers.iter().map(Buffer::published).collect();
        self.become_role(Role::Standby, why);
    }

    /// Removes everybody ahead from the line, the head last, so that it never falls on one who is passed over.
    pub(crate) fn displace_ahead(&mut self) {
        if self.line.is_reachable() {
            let ahead: Vec<Candidate> = self.line.ahead().iter().rev().cloned().collect();
            self.displace(ahead);
        }
    }

    pub(crate) fn displace(&mut self, candidates: Vec<Candidate>) {
        for candidate in candidates {
            if !self.line.is_displaced(candidate.ticket) {
                self.line.set_displaced(candidate.ticket);
                self.act(Action::Displace(candidate));
            }
        }
    }

    pub(crate) fn become_role(&mut self, role: Role, why: Why) {
        let (from, to) = (self.role.stage(), role.stage());
        assert!(TRANSITIONS.contains(&(from, to, why)), "no way from {from} to {to} ({why})");
        self.role = role;
        self.act(Action::Announce(Announcement { from, to, why, term: self.line.term() }));
    }

    /// The next step of a handover that goes on.
    pub(crate) fn set_handover(&mut self, then: Then, step: Step) {
        if let Role::HandingOver(handover) = &mut self.role {
            handover.then = then;
            handover.step = step;
        }
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    pub(crate) const fn is_unfenced(&self) -> bool {
        matches!(self.config.fencing, Fencing::None)
    }

    fn buffer(&mut self, output: OutputId) -> &mut Buffer {
        assert!(output.0 < self.buffers.len(), "{output} is not one of {} outputs", self.buffers.len());
        &mut self.buffers[output.0]
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
