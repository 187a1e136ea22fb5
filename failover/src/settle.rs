//! What follows from everything known so far, looked at after each fact: stage, lead, place, input, in this order.

use alloc::vec::Vec;

use types::Tick;

use crate::buffer::Buffer;
use crate::deadline::earliest;
use crate::line::{Coordination, Place};
use crate::peers::Verdict;
use crate::{Action, Block, BlockCause, Candidate, Fencing, Machine, Role, Stage, Step, Why};

/// Changes of stage that can follow from one fact, and one look more; nobody passes a stage twice on the way to rest.
const ROUNDS_MAX: usize = 2 * Stage::ALL.len();

impl Machine {
    /// Draws every conclusion; a change of stage may allow for the next one.
    pub(crate) fn settle(&mut self, now: Tick) {
        self.judge_buffers(now);
        for _ in 0..ROUNDS_MAX {
            let before = self.stage();
            self.settle_stage();
            self.settle_lead(now);
            self.settle_place(now);
            self.settle_input();
            if self.stage() == before {
                return;
            }
        }
        panic!("conclusions run in a circle at {}", self.stage());
    }

    /// Whether this replica could take over: it keeps up with every log.
    ///
    /// One that stopped reading at its buffer's bound is as far as it may be: when one log doesn't move, it would else
    /// be late on another for ever, and nobody could take over.
    #[must_use]
    pub fn is_eligible(&self) -> bool {
        match self.role() {
            Role::Starting | Role::Blocked(_) | Role::Stopped => false,
            Role::Restoring | Role::Standby | Role::Active { .. } | Role::HandingOver(_) => {
                self.is_at_bound() || !self.buffers.iter().any(Buffer::is_late)
            }
        }
    }

    pub(crate) fn judge_buffers(&mut self, now: Tick) {
        let (at_bound, lag_max) = (self.is_at_bound(), self.config().lag_max);
        for buffer in &mut self.buffers {
            if at_bound {
                buffer.forgive();
            } else {
                buffer.judge(now, lag_max);
            }
        }
    }

    fn settle_stage(&mut self) {
        if matches!(self.role(), Role::Starting) && self.buffers.iter().all(Buffer::is_open) {
            self.become_role(Role::Restoring, Why::OutputsOpened);
        }
        if matches!(self.role(), Role::Restoring) && self.is_eligible() {
            self.become_role(Role::Standby, Why::CaughtUp);
        }
        self.settle_coordinator();
    }

    /// Without a coordinator for good, a replica that doesn't write could never take over: that must be seen.
    fn settle_coordinator(&mut self) {
        match self.role() {
            Role::Starting | Role::Restoring | Role::Standby => {
                if let Some(detail) = self.coordinator_failure.clone() {
                    self.block(Block { cause: BlockCause::CoordinatorFailed, detail });
                }
            }
            Role::Active { .. } | Role::HandingOver(_) | Role::Blocked(_) | Role::Stopped => {}
        }
    }

    fn settle_lead(&mut self, now: Tick) {
        match self.role() {
            Role::Standby => {
                if let Some(why) = self.may_lead() {
                    self.promote(why, now);
                }
            }
            Role::Active { .. } => {
                if let Some(why) = self.must_yield(now) {
                    self.step_down(why);
                }
            }
            Role::HandingOver(handover) => {
                let handover = handover.clone();
                self.settle_handover(handover, now);
            }
            Role::Starting | Role::Restoring | Role::Blocked(_) | Role::Stopped => {}
        }
    }

    /// Why a standby should write now. Without fencing only the line itself is enough, so the dead are removed from it first.
    fn may_lead(&mut self) -> Option<Why> {
        if !self.is_eligible() || self.rest.is_some() {
            return None;
        }
        if self.forced {
            return Some(Why::Forced);
        }
        if self.is_failover_paused() || !self.line.is_current() || !matches!(self.line.place(), Place::In { .. }) {
            return None;
        }
        let ahead = self.line.ahead();
        if ahead.is_empty() {
            return Some(Why::FirstInLine);
        }
        if ahead.iter().any(|candidate| !self.is_gone(candidate)) {
            return None;
        }
        let all_dead = ahead.iter().all(|candidate| matches!(self.verdict(candidate), Verdict::Dead { .. }));
        match self.config().fencing {
            Fencing::Log => Some(if all_dead { Why::AheadDied } else { Why::AheadSuspected }),
            Fencing::None => {
                self.displace_ahead();
                None
            }
        }
    }

    /// Why an active should write no more.
    fn must_yield(&self, now: Tick) -> Option<Why> {
        if self.forced {
            return None;
        }
        if self.is_session_unsure(now) {
            return Some(Why::SessionUnsure);
        }
        if self.is_failover_paused() || !self.has_lost_office() {
            return None;
        }
        match self.line.place() {
            Place::In { .. } => Some(Why::AnotherLeads),
            Place::Out | Place::Joining { .. } => Some(Why::EntryLost),
        }
    }

    /// Whether the line shows somebody ahead who is neither proven dead nor being removed; without an own entry, anybody
    /// in it is ahead. A doubt is a reason to remove somebody, not to ignore the line. An empty line deposes nobody.
    pub(crate) fn has_lost_office(&self) -> bool {
        let counts = |candidate: &Candidate| match self.verdict(candidate) {
            Verdict::Alive | Verdict::Doubted { .. } => !self.line.is_displaced(candidate.ticket),
            Verdict::Dead { .. } => false,
        };
        self.line.is_current() && self.line.ahead().iter().any(counts)
    }

    /// Whether another living replica stands in line.
    pub(crate) fn has_living_others(&self) -> bool {
        self.line.others().any(|candidate| !self.is_gone(candidate))
    }

    /// Without fencing: whether the session is gone, or could be gone before the next look.
    pub(crate) fn is_session_unsure(&self, now: Tick) -> bool {
        match self.line.coordination() {
            Coordination::Away => self.is_unfenced(),
            Coordination::Suspended { heard } => self.is_unfenced() && heard + self.config().unfenced_patience() <= now,
            Coordination::Connected | Coordination::Current => false,
        }
    }

    fn settle_place(&mut self, now: Tick) {
        self.settle_rest();
        if self.wants_in() && self.line.is_current() {
            // Not before: until then the earlier start might be found alive, under a name used twice.
            let stale: Vec<Candidate> = self.line.own_stale().cloned().collect();
            self.displace(stale);
        }
        if self.wants_in() && self.line.may_join(now) {
            self.line.join(now + self.config().session_timeout);
            self.act(Action::JoinLine);
        }
        if self.wants_out() && self.line.is_reachable() && self.line.place() != Place::Out {
            self.line.leave();
            self.act(Action::LeaveLine);
        }
    }

    /// The rest of a stuck writer ends when its log moves, or when nobody else is left to try.
    fn settle_rest(&mut self) {
        if let Some(rest) = self.rest {
            let log_moved = self.buffers[rest.output.0].published() > rest.published;
            if log_moved || !self.has_living_others() {
                self.rest = None;
            }
        }
    }

    pub(crate) fn wants_in(&self) -> bool {
        match self.role() {
            Role::Standby => self.is_eligible() && self.rest.is_none(),
            Role::Active { .. } => true,
            Role::Starting | Role::Restoring | Role::HandingOver(_) | Role::Blocked(_) | Role::Stopped => false,
        }
    }

    fn wants_out(&self) -> bool {
        match self.role() {
            Role::Starting | Role::Restoring | Role::Blocked(_) => true,
            Role::Standby => !self.wants_in(),
            // One that hands over stays until its successor removes it: the head must not fall on anybody in between.
            Role::Active { .. } | Role::HandingOver(_) | Role::Stopped => false,
        }
    }

    fn settle_input(&mut self) {
        let pause = match self.role() {
            Role::Starting | Role::Blocked(_) => true,
            Role::Restoring | Role::Standby => self.is_at_bound(),
            Role::Active { .. } => self.is_active_at_bound(),
            Role::HandingOver(handover) => matches!(handover.step, Step::Finishing) || self.is_active_at_bound(),
            Role::Stopped => self.input_paused,
        };
        if pause != self.input_paused {
            self.input_paused = pause;
            self.act(if pause { Action::PauseInput } else { Action::ResumeInput });
        }
    }

    /// Whether a standby's buffer is full.
    fn is_at_bound(&self) -> bool {
        match self.role() {
            Role::Restoring | Role::Standby => {
                self.holds_at_least(self.config().buffered_outputs_max) || self.keeps_too_much()
            }
            Role::Starting | Role::Active { .. } | Role::HandingOver(_) | Role::Blocked(_) | Role::Stopped => false,
        }
    }

    /// Whether one that writes, or did until now, holds as much as it may.
    fn is_active_at_bound(&self) -> bool {
        self.holds_at_least(self.config().unacknowledged_outputs_max) || self.keeps_too_much()
    }

    /// Whether an endangered log has made this replica keep as much as it may: output rests until somebody mends the log.
    fn keeps_too_much(&self) -> bool {
        self.buffers.iter().any(|buffer| buffer.kept() >= self.config().unacknowledged_outputs_max)
    }

    fn holds_at_least(&self, bound: u64) -> bool {
        self.buffers.iter().any(|buffer| buffer.held() >= bound)
    }

    /// When this replica will be late unless it moves.
    pub(crate) fn late_at(&self) -> Option<Tick> {
        earliest(self.buffers.iter().map(|buffer| buffer.late_at(self.config().lag_max)))
    }
}
