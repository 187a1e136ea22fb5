//! What people and programs see of a replica.

use std::sync::Mutex;

use failover::{Health, LastFailover, Stage};
use ports::notebook::Failover;
use serde::Serialize;
use types::{Digest, MemberName, Tick};

use super::pace::Pace;
use super::shared::Shared;
use crate::budget::Limits;
use crate::snapshot::Shown;

/// What the control loop shows, made anew some times a second.
#[derive(Debug, Clone)]
pub struct View {
    pub(super) stage: Stage,
    pub(super) health: Health,
    pub(super) eligible: bool,
    pub(super) reason: Option<String>,
    pub(super) term: u64,
    pub(super) active: Option<String>,
    pub(super) paused: bool,
    pub(super) line: Vec<String>,
    pub(super) input_next: u64,
    /// `None` before the brokers have said it.
    pub(super) input_end: Option<u64>,
    pub(super) outputs: Vec<OutputView>,
    pub(super) last_failover: Option<LastFailover>,
}

/// One outbound topic of a view.
#[derive(Debug, Clone)]
pub struct OutputView {
    pub(super) topic: String,
    pub(super) computed: u64,
    pub(super) published: u64,
    pub(super) bound: u64,
    pub(super) id: u64,
    pub(super) digest: Digest,
    pub(super) leader: Option<String>,
    pub(super) precondition: Option<String>,
    pub(super) kept_back: u64,
}

/// Facts about a replica that don't change while it runs.
#[derive(Debug, Clone)]
pub struct Fixed {
    /// Its name.
    pub member: String,
    /// Which start of it.
    pub incarnation: u64,
    /// What it runs.
    pub project: String,
    /// `<label>.<project>`.
    pub cluster: String,
    /// Which generation of it.
    pub generation: u16,
    /// Of the model, as text.
    pub fingerprint: String,
    /// Who orders the replicas: `zookeeper` or `kafka`.
    pub coordinator: &'static str,
    /// What it reads.
    pub inbound_topic: String,
    /// Where peers reach it.
    pub peer: String,
    /// Where HTTP reaches it.
    pub http: String,
}

impl Fixed {
    /// This replica's name.
    #[must_use]
    pub fn member(&self) -> &str {
        &self.member
    }

    /// Which start of it.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }
}

/// Where the view hangs.
pub struct Board {
    fixed: Fixed,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    view: Option<View>,
    /// Who was last seen active by role, other than this replica.
    active_seen: Option<String>,
    /// The last takeover that was noted.
    noted: Option<Tick>,
    failovers: u64,
    members: Vec<MemberAddress>,
    history: Vec<Failover>,
    coordinator_trouble: Option<String>,
    findings: Vec<String>,
    limits: Limits,
    pace: Pace,
}

/// Where a member serves its status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberAddress {
    /// Its name.
    pub member: String,
    /// Its HTTP address.
    pub http: String,
}

impl Board {
    /// A board with nothing on it yet.
    #[must_use]
    pub fn new(fixed: Fixed) -> Self {
        Self { fixed, state: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn set(&self, now: Tick, view: View) {
        let mut state = self.state();
        if let Some(active) = view.active.as_ref().filter(|active| **active != self.fixed.member) {
            state.active_seen = Some(active.clone());
        }
        state.pace.look(now, view.input_next, view.input_end.unwrap_or(view.input_next));
        state.view = Some(view);
    }

    pub(super) fn set_members(&self, members: Vec<MemberAddress>) {
        self.state().members = members;
    }

    pub(super) fn set_history(&self, takeovers: Vec<Failover>) {
        self.state().history = takeovers;
    }

    /// The cluster's last takeovers, oldest first.
    #[must_use]
    pub fn history(&self) -> Vec<Failover> {
        self.state().history.clone()
    }

    /// What somebody has to mend before the coordinator works again; `None` when it works.
    pub(super) fn set_coordinator_trouble(&self, trouble: Option<String>) {
        self.state().coordinator_trouble = trouble;
    }

    /// What isn't as it should be with topics and brokers, worst first.
    pub(super) fn set_findings(&self, findings: Vec<String>) {
        self.state().findings = findings;
    }

    /// The bounds that this replica lives under.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.state().limits.clone()
    }

    pub(super) fn change_limits(&self, change: impl FnOnce(&mut Limits)) {
        change(&mut self.state().limits);
    }

    pub(super) fn active_seen(&self) -> Option<MemberName> {
        self.state().active_seen.clone().map(MemberName)
    }

    /// Whether this takeover was not asked about before.
    pub(super) fn is_new_failover(&self, decided: Tick) -> bool {
        let mut state = self.state();
        let is_new = state.noted != Some(decided);
        if is_new {
            state.noted = Some(decided);
            state.failovers += 1;
        }
        is_new
    }

    /// Whether this replica writes by role.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state().view.as_ref().is_some_and(|view| view.stage == Stage::Active)
    }

    /// Whether this replica could take over.
    #[must_use]
    pub fn is_standby(&self) -> bool {
        self.state().view.as_ref().is_some_and(|view| view.stage == Stage::Standby && view.eligible)
    }

    /// Whether a supervisor should leave this replica alone: it isn't blocked.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.state().view.as_ref().is_none_or(|view| !matches!(view.stage, Stage::Blocked | Stage::Stopped))
    }

    /// The facts that don't change.
    #[must_use]
    pub fn fixed(&self) -> &Fixed {
        &self.fixed
    }

    /// Takeovers of this process so far.
    #[must_use]
    pub fn failovers(&self) -> u64 {
        self.state().failovers
    }

    /// The whole status, as `/status` serves it.
    #[must_use]
    pub fn status(&self, shared: &Shared) -> Status {
        let state = self.state();
        let fixed = &self.fixed;
        let (records, events, rejected) = shared.counters();
        let view = state.view.as_ref();
        Status {
            api_version: "v1",
            version: env!("CARGO_PKG_VERSION"),
            member: fixed.member.clone(),
            incarnation: fixed.incarnation,
            project: fixed.project.clone(),
            cluster: fixed.cluster.clone(),
            role: view.map_or("starting", |view| role(view.stage)),
            state: view.map_or("starting", |view| view.health.name()),
            eligible: view.is_some_and(|view| view.eligible),
            reason: view.and_then(|view| view.reason.clone()),
            term: view.map_or(0, |view| view.term),
            generation: fixed.generation,
            fingerprint: fixed.fingerprint.clone(),
            coordinator: fixed.coordinator,
            coordinator_trouble: state.coordinator_trouble.clone(),
            findings: state.findings.clone(),
            paused: view.is_some_and(|view| view.paused),
            active: view.and_then(|view| view.active.clone()),
            line: view.map(|view| view.line.clone()).unwrap_or_default(),
            members: state.members.clone(),
            peer: fixed.peer.clone(),
            http: fixed.http.clone(),
            input: InputStatus {
                topic: fixed.inbound_topic.clone(),
                offset: view.map_or(0, |view| view.input_next),
                lag: view.and_then(|view| Some(view.input_end?.saturating_sub(view.input_next))),
                records,
                events,
                rejected,
                held_back_ms: shared.held_back_nanos() / 1_000_000,
                records_per_second: state.pace.records_per_second(),
                caught_up_in_ms: state.pace.time_left().map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
            },
            outputs: view.map(|view| view.outputs.iter().map(output_status).collect()).unwrap_or_default(),
            last_failover: view.and_then(|view| view.last_failover).map(failover_status),
            snapshots: shared.snapshots().shown(),
        }
    }
}

fn role(stage: Stage) -> &'static str {
    match stage {
        Stage::Starting => "starting",
        Stage::Restoring => "restoring",
        Stage::Standby => "standby",
        Stage::Active => "active",
        Stage::HandingOver => "handing-over",
        Stage::Blocked => "blocked",
        Stage::Stopped => "stopped",
    }
}

fn output_status(view: &OutputView) -> OutputState {
    OutputState {
        topic: view.topic.clone(),
        id: view.id,
        index: view.computed,
        published: view.published,
        buffer: view.computed.saturating_sub(view.published),
        bound: view.bound,
        digest: view.digest.to_string(),
        kept_back: view.kept_back,
        producer_state: view.precondition.clone().unwrap_or_else(|| "ok".to_owned()),
        leader: view.leader.clone(),
    }
}

fn failover_status(last: LastFailover) -> FailoverStatus {
    let millis = |from: Tick, to: Option<Tick>| to.map(|to| to.since(from).as_secs_f64() * 1e3);
    FailoverStatus {
        cause: last.cause.to_string(),
        term: last.term.0,
        phases_ms: PhasesMs {
            decide: millis(last.detected, Some(last.decided)),
            write: millis(last.decided, last.first_write),
            acknowledge: last.first_write.and_then(|write| millis(write, last.first_ack)),
        },
        gap_ms: millis(last.detected, last.first_ack),
    }
}

/// `/status`: its shape is an interface, changed only with `apiVersion`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Status {
    /// Version of this shape.
    #[serde(rename = "apiVersion")]
    pub api_version: &'static str,
    /// Of the program.
    pub version: &'static str,
    /// This replica.
    pub member: String,
    /// Which start of it, microseconds since 1970 UTC.
    pub incarnation: u64,
    /// The project it runs.
    pub project: String,
    /// `<label>.<project>`.
    pub cluster: String,
    /// starting, restoring, standby, active, handing-over, blocked or stopped.
    pub role: &'static str,
    /// The most serious thing to know.
    pub state: &'static str,
    /// Whether it could write now without computing first.
    pub eligible: bool,
    /// Why it is blocked.
    pub reason: Option<String>,
    /// Leadership, counted by the coordinator.
    pub term: u64,
    /// What all replicas agreed on goes by this number.
    pub generation: u16,
    /// Hash of the model.
    pub fingerprint: String,
    /// zookeeper or kafka.
    pub coordinator: &'static str,
    /// What somebody has to mend before the coordinator works again.
    pub coordinator_trouble: Option<String>,
    /// What isn't as it should be with topics and brokers, worst first, as messages with what to do.
    pub findings: Vec<String>,
    /// Whether automatic failover is frozen.
    pub paused: bool,
    /// Who is active by role, as this replica knows it.
    pub active: Option<String>,
    /// In order of succession.
    pub line: Vec<String>,
    /// Where all known members serve their status.
    pub members: Vec<MemberAddress>,
    /// Where peers reach it.
    pub peer: String,
    /// Where this is served.
    pub http: String,
    /// The inbound topic.
    pub input: InputStatus,
    /// The outbound topics, dead letters last.
    pub outputs: Vec<OutputState>,
    /// How this replica last became active.
    pub last_failover: Option<FailoverStatus>,
    /// What this process took, and went on from.
    pub snapshots: Shown,
}

/// The inbound topic.
#[derive(Debug, Clone, Serialize)]
pub struct InputStatus {
    /// Its name.
    pub topic: String,
    /// The next offset to process.
    pub offset: u64,
    /// Records in the log beyond that; none before the brokers have said where it ends.
    pub lag: Option<u64>,
    /// Records processed since start.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// Rows that became dead letters.
    pub rejected: u64,
    /// How long input was not read because a buffer was at its bound.
    pub held_back_ms: u64,
    /// Over the last seconds.
    pub records_per_second: Option<u64>,
    /// When the log's end will be reached at this pace; none when it is reached, or when the log grows as fast.
    pub caught_up_in_ms: Option<u64>,
}

/// One outbound topic.
#[derive(Debug, Clone, Serialize)]
pub struct OutputState {
    /// Its name.
    pub topic: String,
    /// Message id of the last output computed.
    pub id: u64,
    /// One past the last output computed.
    pub index: u64,
    /// One past the last output known to be in the log.
    pub published: u64,
    /// Computed and not published.
    pub buffer: u64,
    /// `numbufferedmsgs`.
    pub bound: u64,
    /// Rolling digest up to the last output computed.
    pub digest: String,
    /// Published and kept all the same, because the topic may lose what it acknowledged.
    pub kept_back: u64,
    /// `ok`, or which precondition of the promises doesn't hold.
    pub producer_state: String,
    /// The partition leader.
    pub leader: Option<String>,
}

/// A takeover.
#[derive(Debug, Clone, Serialize)]
pub struct FailoverStatus {
    /// What made this replica active.
    pub cause: String,
    /// The term before.
    pub term: u64,
    /// How long each step took.
    pub phases_ms: PhasesMs,
    /// From noticing to the first acknowledged output.
    pub gap_ms: Option<f64>,
}

/// Steps of a takeover, in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct PhasesMs {
    /// From noticing to deciding.
    pub decide: Option<f64>,
    /// From deciding to the first append on its way.
    pub write: Option<f64>,
    /// From there to its acknowledgement.
    pub acknowledge: Option<f64>,
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
