//! What the control loop shows: heartbeats, the board that HTTP reads, the history in the notebook.

use std::time::Duration;

use adapter_peer::OutputStatus;
use failover::{PeerReport, Role};
use ports::notebook::{Continued, Entry, Failover, Ledger, Phase};
use tracing::info;
use types::{Offset, Tick, Timestamp};

use super::control::{Control, OutputSide};
use super::limits;
use super::status::{MemberAddress, OutputView, View};
use super::translate;
use crate::clock;

/// How often the status that people see is made anew.
const STATUS_EVERY: Duration = Duration::from_millis(50);

impl Control {
    /// Makes heartbeats and status say what is so now.
    pub(super) fn show(&mut self, now: Tick) {
        if now.since(self.heard.shown) < STATUS_EVERY && self.heard.shown != Tick::default() {
            return;
        }
        self.heard.shown = now;
        let report: PeerReport = self.machine.report();
        let (input_next, input_end) = self.shared.input();
        let outputs = self.outputs.iter().map(|output| OutputStatus {
            topic: output.topic.clone(),
            computed: output.progress.computed(),
            published: output.progress.published(),
        });
        let status = translate::status(&report, self.heard.term, Offset(input_next), outputs.collect());
        self.peers.publish_status(status);
        let last_computed = self.shared.last_computed();
        let outputs = self.outputs.iter().zip(last_computed).map(|(output, last)| OutputView {
            topic: output.topic.to_string(),
            computed: output.progress.computed().0,
            published: output.progress.published().0,
            bound: output.buffered_max,
            id: last.id.0,
            digest: last.digest,
            leader: output.watch.leader.clone(),
            precondition: output.watch.precondition.clone(),
            kept_back: output.progress.kept_back(),
        });
        let view = View {
            stage: self.machine.role().stage(),
            health: self.machine.health(),
            eligible: self.machine.is_eligible(),
            reason: blocked_reason(self.machine.role()),
            term: self.heard.term.0,
            active: self.machine.active_member().map(ToString::to_string),
            paused: self.machine.is_failover_paused(),
            line: self.heard.line.iter().map(|candidate| candidate.member.to_string()).collect(),
            input_next,
            input_end,
            outputs: outputs.collect(),
            last_failover: self.machine.last_failover().copied(),
        };
        self.board.set(now, view);
        let session = self.coordinator.session_granted().map(limits::millis);
        self.board.change_limits(|limits| limits.session_granted_ms = session);
        self.note_failover();
    }

    /// Each takeover leaves a record in the notebook, once it is complete.
    fn note_failover(&mut self) {
        let Some(last) = self.machine.last_failover().copied() else { return };
        let Some(first_ack) = last.first_ack else { return };
        if !self.board.is_new_failover(last.decided) {
            return;
        }
        let mut phases = vec![Phase { name: "decide".to_owned(), took: last.decided.since(last.detected) }];
        if let Some(first_write) = last.first_write {
            phases.push(Phase { name: "write".to_owned(), took: first_write.since(last.decided) });
            phases.push(Phase { name: "acknowledge".to_owned(), took: first_ack.since(first_write) });
        }
        let gap = first_ack.since(last.detected);
        info!(cause = %last.cause, elapsed_us = gap.as_micros(), "took over: the first own output is acknowledged");
        let wall = i64::try_from(clock::wall_micros()).unwrap_or(i64::MAX);
        self.post(&Entry::Failover(Failover {
            project: self.project.clone(),
            generation: self.generation,
            term: last.term,
            at: Timestamp(wall),
            from: self.heard.previous.as_ref().map(ToString::to_string),
            to: self.member.clone(),
            cause: last.cause.to_string(),
            phases,
            gap_us: u64::try_from(gap.as_micros()).ok(),
            outputs: self.outputs.iter().filter_map(continued).collect(),
        }));
    }
}

/// Where all members that the notebook knows serve their status.
pub(super) fn member_addresses(ledger: &Ledger, project: &str) -> Vec<MemberAddress> {
    let known = ledger.project(project).into_iter().flat_map(|known| known.members());
    let present = known.filter(|presence| presence.present).map(|presence| &presence.member);
    present.map(|member| MemberAddress { member: member.name.to_string(), http: member.http.clone() }).collect()
}

/// Their addresses alone.
pub(crate) fn members_of(ledger: &Ledger, project: &str) -> Vec<String> {
    member_addresses(ledger, project).into_iter().map(|member| member.http).collect()
}

/// Where everybody but this member serves.
pub(super) fn others(members: &[MemberAddress], me: &str) -> Vec<String> {
    members.iter().filter(|other| other.member != me).map(|other| other.http.clone()).collect()
}

/// The takeovers that the notebook tells of, oldest first.
pub(super) fn takeovers(ledger: &Ledger, project: &str) -> Vec<Failover> {
    ledger.project(project).into_iter().flat_map(|known| known.failovers()).cloned().collect()
}

fn continued(output: &OutputSide) -> Option<Continued> {
    output.watch.first_own.map(|first| Continued { topic: output.topic.clone(), first })
}

fn blocked_reason(role: &Role) -> Option<String> {
    match role {
        Role::Blocked(block) => Some(block.to_string()),
        Role::Starting
        | Role::Restoring
        | Role::Standby
        | Role::Active { .. }
        | Role::HandingOver(_)
        | Role::Stopped => None,
    }
}
