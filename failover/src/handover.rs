//! The graceful ways to stop being active: shutdown and switchover.

use types::{MemberName, OutputIndex, Tick};

use crate::buffer::Buffer;
use crate::line::Place;
use crate::machine::OnItsWay;
use crate::{
    Action, Candidate, Exit, Fencing, Handover, Machine, Refusal, Role, Stage, Step, SwitchoverAnswer, Then, Why,
};

impl Machine {
    pub(crate) fn on_switchover_asked(&mut self, to: Option<MemberName>, now: Tick) {
        match self.choose(to) {
            Ok(to) => {
                self.act(Action::Answer(SwitchoverAnswer::Begun { to: to.clone() }));
                self.begin(Then::StandBy, Some(to), now);
            }
            Err(refusal) => self.act(Action::Answer(SwitchoverAnswer::Refused(refusal))),
        }
    }

    /// The operator's word counts as evidence against everybody ahead: this replica writes at once and removes their entries.
    /// Should the coordinator be away, its word decides when it is back.
    pub(crate) fn on_failover_asked(&mut self, now: Tick) {
        match self.may_be_made_active() {
            Ok(()) => {
                self.promote(Why::FailoverAsked, now);
                self.act(Action::Answer(SwitchoverAnswer::Done { to: self.config().member.clone() }));
            }
            Err(refusal) => self.act(Action::Answer(SwitchoverAnswer::Refused(refusal))),
        }
    }

    fn may_be_made_active(&self) -> Result<(), Refusal> {
        let not_in_sync = || Refusal::NotInSync { member: self.config().member.clone() };
        match (self.role(), self.config().fencing) {
            (Role::Active { .. }, _) => Err(Refusal::AlreadyActive),
            (Role::HandingOver(_), _) => Err(Refusal::Busy),
            (_, Fencing::None) => Err(Refusal::Unfenced),
            (Role::Standby, Fencing::Log) if self.is_eligible() => Ok(()),
            (Role::Starting | Role::Restoring | Role::Standby | Role::Blocked(_) | Role::Stopped, Fencing::Log) => {
                Err(not_in_sync())
            }
        }
    }

    pub(crate) fn on_shutdown_asked(&mut self, now: Tick) {
        match self.role() {
            Role::Starting | Role::Restoring | Role::Standby => self.stop(Exit::Clean),
            Role::Active { .. } => {
                let to = self.successor().map(|candidate| candidate.member.clone());
                self.begin(Then::Exit, to, now);
            }
            Role::HandingOver(handover) => {
                let handover = handover.clone();
                self.hasten(handover);
            }
            Role::Blocked(_) => self.stop(Exit::Blocked),
            Role::Stopped => {}
        }
    }

    /// The active named this replica: whoever stands between is passed over, whatever the coordinator's state.
    ///
    /// No mark stays of the word itself. One who gives up waiting and writes again stands ahead in the line unless its
    /// entry was removed, and then the line decides.
    pub(crate) fn on_handed_over(&mut self, next: &[OutputIndex], now: Tick) {
        match self.role() {
            Role::Standby => {}
            Role::Starting
            | Role::Restoring
            | Role::Active { .. }
            | Role::HandingOver(_)
            | Role::Blocked(_)
            | Role::Stopped => return,
        }
        // Somebody wrote since then: the word is old.
        if self.buffers.iter().zip(next).any(|(buffer, end)| buffer.published() > *end) {
            return;
        }
        self.judge_buffers(now);
        if !self.is_eligible() || !matches!(self.line.place(), Place::In { .. }) {
            return;
        }
        match self.config().fencing {
            // What lies below may not be committed yet: it leaves the buffer when the log shows it, as always.
            Fencing::Log => self.promote_by(Action::StartWritingAt(next.to_vec()), Why::HandedOver, now),
            // The one before may think it was not heard and write again: only the line is a proof.
            Fencing::None => self.displace_ahead(),
        }
    }

    /// The first in line that could take over.
    pub(crate) fn successor(&self) -> Option<&Candidate> {
        self.line.others().find(|candidate| self.is_in_sync(candidate))
    }

    fn choose(&self, to: Option<MemberName>) -> Result<MemberName, Refusal> {
        match self.role() {
            Role::Active { .. } => {}
            Role::HandingOver(_) => return Err(Refusal::Busy),
            Role::Starting | Role::Restoring | Role::Standby | Role::Blocked(_) | Role::Stopped => {
                return Err(Refusal::NotActive { active: self.active_member().cloned() });
            }
        }
        if !self.line.is_current() {
            return Err(Refusal::CoordinatorAway);
        }
        match to {
            None => self.successor().map(|candidate| candidate.member.clone()).ok_or(Refusal::NobodyInSync),
            Some(member) if member == self.config().member => Err(Refusal::AlreadyActive),
            Some(member) => {
                let mut entries = self.line.others().filter(|candidate| candidate.member == member).peekable();
                if entries.peek().is_none() {
                    Err(Refusal::NotInLine { member })
                } else if entries.any(|candidate| self.is_in_sync(candidate)) {
                    Ok(member)
                } else {
                    Err(Refusal::NotInSync { member })
                }
            }
        }
    }

    /// Whether a candidate lives, says that it could take over, and isn't further behind than a buffer holds.
    ///
    /// Its own word is not enough: one that doesn't see the log's end believes that it keeps up.
    fn is_in_sync(&self, candidate: &Candidate) -> bool {
        let keeps_up = |(buffer, computed): (&Buffer, &OutputIndex)| {
            buffer.published().0 <= computed.0.saturating_add(self.config().buffered_outputs_max)
        };
        let reported = self.peers.report(candidate).is_some_and(|report| {
            let complete = report.computed.len() == self.buffers.len();
            let fit = report.stage == Stage::Standby && report.eligible;
            fit && complete && self.buffers.iter().zip(&report.computed).all(keeps_up)
        });
        reported && !self.is_gone(candidate)
    }

    /// With a successor writing stops at once, it has the rest in its buffer; without one everything computed is published first.
    fn begin(&mut self, then: Then, to: Option<MemberName>, now: Tick) {
        let why = match then {
            Then::StandBy => Why::SwitchoverAsked,
            Then::Exit => Why::ShutdownAsked,
        };
        let step = match to {
            Some(to) => {
                self.act(Action::StopWriting);
                Step::Draining { to }
            }
            None => Step::Finishing,
        };
        self.on_its_way.fill(OnItsWay::Unknown);
        let until = now + self.config().handover_timeout;
        self.become_role(Role::HandingOver(Handover { then, step, until }), why);
    }

    /// Goes as far as the facts allow.
    pub(crate) fn settle_handover(&mut self, handover: Handover, now: Tick) {
        let due = handover.until <= now;
        match (handover.step, handover.then) {
            (Step::Finishing, Then::Exit | Then::StandBy) => {
                let settled = self.buffers.iter().all(Buffer::is_settled);
                if settled || due || self.is_session_unsure(now) {
                    self.act(Action::StopWriting);
                    self.stop(if settled { Exit::Clean } else { Exit::Undrained });
                }
            }
            (Step::Draining { to }, Then::StandBy) => {
                if self.has_lost_office() {
                    self.switched_over(to);
                } else if due || !self.is_member_in_sync(&to) {
                    self.give_up(to, now);
                } else if self.may_hand_over() {
                    self.hand_over(to.clone());
                    self.set_handover(Then::StandBy, Step::Offered { to });
                }
            }
            (Step::Draining { to }, Then::Exit) => {
                if due || self.may_hand_over() {
                    if let Some(to) = self.heir(&to) {
                        self.hand_over(to);
                    }
                    self.set_handover(Then::Exit, Step::Offered { to });
                    self.stop_when_drained(due);
                }
            }
            (Step::Offered { to }, Then::StandBy) => {
                if self.has_lost_office() {
                    self.switched_over(to);
                } else if due || !self.is_member_alive(&to) {
                    self.give_up(to, now);
                }
            }
            // The successor knows; nothing but the last append keeps this process.
            (Step::Offered { .. }, Then::Exit) => self.stop_when_drained(due),
        }
    }

    /// A shutdown during a handover: a switchover ends with the process, and a second wish to end is a wish to end now.
    fn hasten(&mut self, handover: Handover) {
        match handover.then {
            Then::StandBy => self.set_handover(Then::Exit, handover.step),
            Then::Exit => {
                if self.is_writing() {
                    self.act(Action::StopWriting);
                }
                self.stop(Exit::Undrained);
            }
        }
    }

    fn hand_over(&mut self, to: MemberName) {
        let end = |(left, buffer): (&OnItsWay, &Buffer)| match left {
            OnItsWay::Last { next } => buffer.published().max(*next),
            OnItsWay::Unknown | OnItsWay::Nothing => buffer.published(),
        };
        let next = self.on_its_way.iter().zip(&self.buffers).map(end).collect();
        self.act(Action::HandOver { to, next });
    }

    /// The successor may have died meanwhile; then the next one is told, or nobody.
    fn heir(&self, to: &MemberName) -> Option<MemberName> {
        if self.is_member_in_sync(to) {
            return Some(to.clone());
        }
        self.successor().map(|candidate| candidate.member.clone())
    }

    /// A process that ends takes a request with it that the broker hasn't read.
    fn stop_when_drained(&mut self, due: bool) {
        match self.is_drained() {
            true => self.stop(Exit::Clean),
            false if due => self.stop(Exit::Undrained),
            false => {}
        }
    }

    fn switched_over(&mut self, to: MemberName) {
        self.become_role(Role::Standby, Why::SwitchedOver);
        self.act(Action::Answer(SwitchoverAnswer::Done { to }));
    }

    /// Writes again, unless nothing but the line protects the log: then the line decides who does.
    fn give_up(&mut self, to: MemberName, now: Tick) {
        match self.config().fencing {
            Fencing::Log => {
                self.act(Action::StartWriting);
                self.become_role(Role::Active { since: now }, Why::GivenUp);
            }
            Fencing::None => self.become_role(Role::Standby, Why::GivenUp),
        }
        self.act(Action::Answer(SwitchoverAnswer::GivenUp { to }));
    }

    /// A block ends a handover; true when the process was to end.
    pub(crate) fn abandon(&mut self, handover: Handover) -> bool {
        match (handover.then, handover.step) {
            (Then::Exit, Step::Finishing | Step::Draining { .. } | Step::Offered { .. }) => true,
            (Then::StandBy, Step::Draining { to } | Step::Offered { to }) => {
                self.act(Action::Answer(SwitchoverAnswer::GivenUp { to }));
                false
            }
            (Then::StandBy, Step::Finishing) => false,
        }
    }

    /// Ends everything; the exit comes last.
    pub(crate) fn stop(&mut self, exit: Exit) {
        self.become_role(Role::Stopped, Why::ShutdownAsked);
        self.act(Action::CloseSession);
        self.act(Action::Exit(exit));
    }

    /// Nothing of ours is on its way: the output log said so, or everything there is is published.
    fn is_drained(&self) -> bool {
        let drained = |(left, buffer): (&OnItsWay, &Buffer)| *left == OnItsWay::Nothing || buffer.is_settled();
        self.on_its_way.iter().zip(&self.buffers).all(drained)
    }

    /// The successor may write: the log takes what of ours is on its way first, and would refuse what comes too early.
    /// Without fencing nothing of ours may be on its way.
    fn may_hand_over(&self) -> bool {
        let ends = |(left, buffer): (&OnItsWay, &Buffer)| match left {
            OnItsWay::Last { .. } | OnItsWay::Nothing => true,
            OnItsWay::Unknown => buffer.is_settled(),
        };
        match self.config().fencing {
            Fencing::Log => self.on_its_way.iter().zip(&self.buffers).all(ends),
            Fencing::None => self.is_drained(),
        }
    }

    fn is_member_in_sync(&self, member: &MemberName) -> bool {
        self.line.others().any(|candidate| candidate.member == *member && self.is_in_sync(candidate))
    }

    /// When the successor counts as gone if doubts about it last.
    pub(crate) fn successor_doubt_at(&self) -> Option<Tick> {
        match self.role() {
            Role::HandingOver(Handover { step: Step::Draining { to } | Step::Offered { to }, .. }) => {
                self.doubt_at(self.line.others().filter(|candidate| candidate.member == *to))
            }
            Role::Starting
            | Role::Restoring
            | Role::Standby
            | Role::Active { .. }
            | Role::HandingOver(Handover { step: Step::Finishing, .. })
            | Role::Blocked(_)
            | Role::Stopped => None,
        }
    }

    fn is_member_alive(&self, member: &MemberName) -> bool {
        self.line.others().any(|candidate| candidate.member == *member && !self.is_gone(candidate))
    }
}
