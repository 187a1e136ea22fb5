//! What speaks for and against the others, and when it is enough.

use core::time::Duration;

use types::{Incarnation, MemberName, Tick};

use crate::buffer::Buffer;
use crate::peers::{Doubt, Verdict};
use crate::{Candidate, Evidence, Fencing, Machine, Sign};

impl Machine {
    pub(crate) fn on_peer_died(&mut self, member: MemberName, incarnation: Incarnation, evidence: Evidence, now: Tick) {
        match evidence {
            Evidence::OtherIncarnation => self.peers.died(member, incarnation, now),
            Evidence::Refused => self.peers.refused(member, incarnation, self.config().session_timeout, now),
            Evidence::NeverMet => {
                let doubt = Doubt::begun(Duration::ZERO, self.config().session_timeout, now);
                self.peers.suspected(member, incarnation, doubt, now);
            }
        }
    }

    /// The first in line can write from now on: what stood still before is not its fault.
    pub(crate) fn begin_office(&mut self, now: Tick) {
        self.in_office_since = now;
        self.peers.forget_stalls();
    }

    /// Whether the log hasn't moved since this replica last wrote: then the log is stuck, whoever writes.
    fn has_written_in_vain(&self) -> bool {
        let ends = self.buffers.iter().map(Buffer::published);
        !self.ends_at_stop.is_empty() && ends.eq(self.ends_at_stop.iter().copied())
    }

    pub(crate) fn on_peer_suspected(&mut self, member: MemberName, incarnation: Incarnation, sign: Sign, now: Tick) {
        match sign {
            Sign::Silent(silence) => {
                let doubt = Doubt::begun(silence, self.config().silence_max, now);
                self.peers.suspected(member, incarnation, doubt, now);
            }
            Sign::Stalled { lasting, unread } if unread < self.config().read_max => {
                let is_accused = |head: &Candidate| head.member == member && head.incarnation == incarnation;
                let fair = self.line.head().is_some_and(is_accused) && !self.is_failover_paused();
                if fair && !self.has_written_in_vain() {
                    let since = self.in_office_since.max(self.reading_since);
                    let doubt = Doubt::begun(lasting, self.config().owed_max, now).from(since);
                    self.peers.stalled(member, incarnation, doubt, now);
                }
            }
            // Cut off from the log, it stands still for this replica alone; what is seen later is judged from then on.
            Sign::Stalled { .. } => {
                self.reading_since = now;
                self.peers.forget_stalls();
            }
        }
    }

    /// What is known of a candidate; own entries other than the current one have nobody behind them.
    pub(crate) fn verdict(&self, candidate: &Candidate) -> Verdict {
        if self.line.is_own(candidate) {
            return Verdict::Dead { since: self.now };
        }
        self.peers.verdict(candidate)
    }

    /// Whether a candidate doesn't count any more. Without fencing a doubt is never enough.
    pub(crate) fn is_gone(&self, candidate: &Candidate) -> bool {
        let gone = match (self.verdict(candidate), self.config().fencing) {
            (Verdict::Alive, Fencing::Log | Fencing::None) | (Verdict::Doubted { .. }, Fencing::None) => false,
            (Verdict::Doubted { gone_at, .. }, Fencing::Log) => gone_at <= self.now,
            (Verdict::Dead { .. }, Fencing::Log | Fencing::None) => true,
        };
        gone || self.line.is_displaced(candidate.ticket)
    }

    /// When the first of these will count as gone, if doubts about it last.
    pub(crate) fn doubt_at<'a>(&self, candidates: impl Iterator<Item = &'a Candidate>) -> Option<Tick> {
        let gone_at = |candidate: &Candidate| match self.verdict(candidate) {
            Verdict::Doubted { gone_at, .. } if !self.is_unfenced() => Some(gone_at),
            Verdict::Alive | Verdict::Doubted { .. } | Verdict::Dead { .. } => None,
        };
        candidates.filter_map(gone_at).filter(|moment| *moment > self.now).min()
    }
}
