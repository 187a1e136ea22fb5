//! Between the vocabularies: what adapters report ⇄ what the replica machine hears.

use std::time::Duration;

use adapter_peer::{Evidence as PeerEvidence, OutputStatus, PeerRole, PeerStatus};
use failover::{Block, BlockCause, Candidate, Evidence, PeerReport, Stage, Ticket};
use ports::coordinator;
use ports::input::InputError;
use ports::output::OutputBlock;
use types::{Incarnation, MemberName, Offset, OutputIndex, Term, Tick, TopicName};

/// A candidate as the machine knows it; addresses stay with the shell.
pub(super) fn candidate(candidate: &coordinator::Candidate) -> Candidate {
    Candidate { member: candidate.member.clone(), incarnation: candidate.incarnation, ticket: Ticket(candidate.ticket) }
}

/// The moment that lies so long before `now`.
pub(super) fn ago(span: Duration, now: Tick) -> Tick {
    Tick(now.0.saturating_sub(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
}

/// Whom a record's `esp-writer` names: `<member>.<incarnation>`; names may hold dots.
pub(super) fn writer(text: &str) -> Option<(MemberName, Incarnation)> {
    let (member, incarnation) = text.rsplit_once('.')?;
    Some((member.into(), Incarnation(incarnation.parse().ok()?)))
}

/// An address that never answered may just be wrong, so only a link that was cut proves a death at once.
pub(super) fn evidence(evidence: PeerEvidence) -> Evidence {
    match evidence {
        PeerEvidence::ResetAndRefused => Evidence::Refused,
        PeerEvidence::OtherIncarnation => Evidence::OtherIncarnation,
        PeerEvidence::Refused => Evidence::NeverMet,
    }
}

/// What a peer's heartbeat says, in the order of the own outputs.
pub(super) fn report(status: &PeerStatus, topics: &[TopicName]) -> PeerReport {
    let stage = match status.role {
        PeerRole::Starting => Stage::Starting,
        PeerRole::Restoring => Stage::Restoring,
        PeerRole::Standby => Stage::Standby,
        PeerRole::Active if status.draining => Stage::HandingOver,
        PeerRole::Active => Stage::Active,
        PeerRole::Blocked => Stage::Blocked,
        PeerRole::Stopped => Stage::Stopped,
    };
    let computed = |topic: &TopicName| status.outputs.iter().find(|output| &output.topic == topic);
    let computed = topics.iter().map(|topic| computed(topic).map_or(OutputIndex(0), |output| output.computed));
    PeerReport { stage, eligible: status.eligible, computed: computed.collect() }
}

/// What the own heartbeats say.
pub(super) fn status(report: &PeerReport, term: Term, input: Offset, outputs: Vec<OutputStatus>) -> PeerStatus {
    let role = match report.stage {
        Stage::Starting => PeerRole::Starting,
        Stage::Restoring => PeerRole::Restoring,
        Stage::Standby => PeerRole::Standby,
        Stage::Active | Stage::HandingOver => PeerRole::Active,
        Stage::Blocked => PeerRole::Blocked,
        Stage::Stopped => PeerRole::Stopped,
    };
    let draining = report.stage == Stage::HandingOver;
    PeerStatus { role, term, eligible: report.eligible, draining, input, outputs }
}

/// Why an outbound topic stops a replica.
pub(super) fn output_block(block: &OutputBlock) -> Block {
    let cause = match block {
        OutputBlock::Diverged { .. } => BlockCause::Diverged,
        OutputBlock::LogForked { .. } => BlockCause::LogForked,
        OutputBlock::LogShortened { .. } => BlockCause::LogShortened,
        OutputBlock::Fenced { .. } => BlockCause::GenerationReplaced,
        OutputBlock::TopicReplaced { .. } => BlockCause::TopicReplaced,
        OutputBlock::RecordTooLarge { .. } => BlockCause::RecordTooLarge,
        OutputBlock::SourceDeleted { .. } | OutputBlock::Refused { .. } => BlockCause::OutputRefused,
    };
    Block { cause, detail: block.to_string() }
}

/// Why the input stops a replica.
pub(super) fn input_block(error: &InputError) -> Block {
    let (cause, detail) = match error {
        InputError::Truncated { .. } => (BlockCause::InputTruncated, truncated(error)),
        InputError::Shortened { .. } => (BlockCause::InputShortened, error.to_string()),
        InputError::Failed { .. } => (BlockCause::InputFailed, error.to_string()),
    };
    Block { cause, detail }
}

/// E004, as it is met: what happened, why it matters, what helps.
fn truncated(error: &InputError) -> String {
    format!(
        "E004 Input was deleted before it could be read: {error}.  This replica can't become identical and will not take over.\n     \
         Fix: keep the inbound topic longer (retention.ms, retention.bytes); while others live: understudy reinit <member> takes a \
         snapshot of theirs; when nobody has one: understudy reset -p <project file>, or allow-partial-replay for a model \
         that needs no more than what is left"
    )
}
