use std::time::Duration;

use types::{Fingerprint, Incarnation, OutputIndex, Term, Timestamp};

use super::*;
use crate::notebook::{FenceKind, Origin, WindowRole};

fn proposal(generation: u16, fingerprint: u64) -> Proposal {
    Proposal {
        project: "p".to_owned(),
        generation: Generation(generation),
        fingerprint: Fingerprint(fingerprint),
        origins: vec![Origin { topic: "in.I".into(), offset: Offset(5), topic_id: None }],
        marker_period: Duration::from_secs(60),
        tick_step: Duration::from_millis(1),
        clip_bound: Duration::from_secs(5),
        part_bytes_max: 1 << 20,
        digest_algorithm: "xxh3-128".to_owned(),
        semantics_version: 1,
        fence: FenceKind::Sequence,
        by: "esp-1".into(),
    }
}

fn reset(generation: u16) -> Entry {
    Entry::Reset(Reset { project: "p".to_owned(), generation: Generation(generation), reason: "test".to_owned() })
}

fn constant(generation: u16, fence: u64) -> Entry {
    shifted(generation, fence, 0, "id")
}

fn shifted(generation: u16, fence: u64, from: u64, topic_id: &str) -> Entry {
    Entry::Constant(Constant {
        project: "p".to_owned(),
        generation: Generation(generation),
        topic: "out.O".into(),
        fence: Offset(fence),
        from: OutputIndex(from),
        topic_id: topic_id.to_owned(),
    })
}

fn failover(term: u64) -> Entry {
    Entry::Failover(Failover {
        project: "p".to_owned(),
        generation: Generation(1),
        term: Term(term),
        at: Timestamp(0),
        from: None,
        to: "esp-1".into(),
        cause: "test".to_owned(),
        phases: Vec::new(),
        gap_us: None,
        outputs: Vec::new(),
    })
}

/// Folds entries from offset 0 on.
fn fold(entries: &[Entry]) -> (Ledger, Vec<Outcome>) {
    let mut ledger = Ledger::default();
    let outcomes = (0..).map(Offset).zip(entries).map(|(offset, entry)| ledger.note(offset, entry)).collect();
    (ledger, outcomes)
}

#[test]
fn the_first_proposal_in_the_log_wins() {
    let (ledger, outcomes) = fold(&[Entry::Proposal(proposal(1, 0xa)), Entry::Proposal(proposal(1, 0xb))]);
    assert_eq!(outcomes, [Outcome::Noted, Outcome::Void(Void::TooLate)]);
    let accepted = ledger.project("p").and_then(ProjectLedger::generation).expect("one is in force");
    assert_eq!((accepted.offset, accepted.proposal.fingerprint), (Offset(0), Fingerprint(0xa)));
}

#[test]
fn the_next_generation_needs_a_reset() {
    let (ledger, outcomes) = fold(&[
        Entry::Proposal(proposal(2, 0xa)),
        Entry::Proposal(proposal(1, 0xa)),
        Entry::Proposal(proposal(2, 0xb)),
        reset(2),
        reset(1),
        reset(1),
        Entry::Proposal(proposal(1, 0xb)),
        Entry::Proposal(proposal(3, 0xb)),
        Entry::Proposal(proposal(2, 0xb)),
    ]);
    assert_eq!(
        outcomes,
        [
            Outcome::Void(Void::OtherGeneration),
            Outcome::Noted,
            Outcome::Void(Void::GenerationOpen),
            Outcome::Void(Void::OtherGeneration),
            Outcome::Noted,
            Outcome::Repeated,
            Outcome::Void(Void::TooLate),
            Outcome::Void(Void::OtherGeneration),
            Outcome::Noted,
        ]
    );
    let project = ledger.project("p").expect("known");
    assert_eq!(project.generation().map(|accepted| accepted.proposal.generation), Some(Generation(2)));
    assert_eq!(project.next_generation(), None);
    assert_eq!(ledger.void(), 5);
}

#[test]
fn after_a_reset_no_generation_is_in_force_and_the_next_number_is_known() {
    let (ledger, _) = fold(&[Entry::Proposal(proposal(1, 0xa)), reset(1)]);
    let project = ledger.project("p").expect("known");
    assert_eq!((project.generation(), project.next_generation()), (None, Some(Generation(2))));
}

#[test]
fn a_proposal_that_cannot_be_is_void_for_everybody() {
    let broken: [fn(&mut Proposal); 5] = [
        |p| p.origins.clear(),
        |p| p.marker_period = Duration::ZERO,
        |p| p.tick_step = Duration::ZERO,
        |p| p.part_bytes_max = 0,
        |p| p.generation = Generation(0x8000),
    ];
    for break_it in broken {
        let mut bad = proposal(1, 0xa);
        break_it(&mut bad);
        let (ledger, outcomes) = fold(&[Entry::Proposal(bad), Entry::Proposal(proposal(1, 0xb))]);
        assert_eq!(outcomes, [Outcome::Void(Void::Impossible), Outcome::Noted]);
        let accepted = ledger.project("p").and_then(ProjectLedger::generation).expect("the good one");
        assert_eq!(accepted.proposal.fingerprint, Fingerprint(0xb));
    }
}

#[test]
fn reading_the_log_twice_changes_nothing() {
    let entries = [Entry::Proposal(proposal(1, 0xa)), constant(1, 0), failover(1)];
    let (mut ledger, _) = fold(&entries);
    let once = format!("{ledger:?}");
    for (offset, entry) in (0..).map(Offset).zip(&entries) {
        assert_eq!(ledger.note(offset, entry), Outcome::Repeated);
    }
    assert_eq!(format!("{ledger:?}"), once);
}

#[test]
fn a_constant_is_noted_once_and_only_within_its_generation() {
    let (ledger, outcomes) =
        fold(&[constant(1, 3), Entry::Proposal(proposal(1, 0xa)), constant(1, 3), constant(1, 2), constant(1, 3)]);
    assert_eq!(
        outcomes,
        [
            Outcome::Void(Void::OtherGeneration),
            Outcome::Noted,
            Outcome::Noted,
            Outcome::Void(Void::TooLate),
            Outcome::Repeated
        ]
    );
    let noted = ledger.project("p").and_then(|p| p.constant(Generation(1), &"out.O".into())).expect("noted");
    assert_eq!(noted.fence, Offset(3));
}

#[test]
fn every_shift_of_the_indexes_is_kept_in_order_and_old_news_of_it_is_void() {
    let entries = [
        Entry::Proposal(proposal(1, 0xa)),
        constant(1, 3),
        shifted(1, 5, 10, "id"),
        // A slower replica says what it sees there; a second foreign record behind the first; news of another topic.
        constant(1, 3),
        shifted(1, 4, 10, "id"),
        shifted(1, 6, 10, "id"),
        shifted(1, 9, 4, "id"),
        shifted(1, 9, 20, "other"),
        shifted(1, 9, 20, "id"),
    ];
    let (ledger, outcomes) = fold(&entries);
    let void = Outcome::Void(Void::TooLate);
    let [noted, repeated] = [Outcome::Noted, Outcome::Repeated];
    assert_eq!(outcomes, [noted, noted, noted, repeated, void, noted, void, void, noted]);
    let project = ledger.project("p").expect("noted");
    let stretches: Vec<(u64, u64)> = project
        .constants(Generation(1), &"out.O".into())
        .iter()
        .map(|constant| (constant.from.0, constant.fence.0))
        .collect();
    assert_eq!(stretches, [(0, 3), (10, 5), (10, 6), (20, 9)]);
    assert_eq!(project.constant(Generation(1), &"out.O".into()).map(|last| last.fence), Some(Offset(9)));
}

#[test]
fn adapters_find_the_newest_generations_schema() {
    let schema = |generation, text: &str| {
        Entry::Schema(WindowSchema {
            project: "p".to_owned(),
            generation: Generation(generation),
            window: "cq/trades".to_owned(),
            schema: text.to_owned(),
            role: WindowRole::Source,
            generated_key: false,
            payload: None,
        })
    };
    let (ledger, _) = fold(&[
        Entry::Proposal(proposal(1, 0xa)),
        schema(1, "id*:int64"),
        reset(1),
        Entry::Proposal(proposal(2, 0xb)),
        schema(2, "id*:string"),
    ]);
    let project = ledger.project("p").expect("known");
    assert_eq!(project.schema("cq/trades").map(|s| s.schema.as_str()), Some("id*:string"));
    assert_eq!(project.schema("cq/other"), None);
}

#[test]
fn the_newest_start_of_a_member_counts_and_leaving_is_seen() {
    let member = |incarnation| {
        Entry::Member(Member {
            project: "p".to_owned(),
            generation: Generation(1),
            name: "esp-1".into(),
            incarnation: Incarnation(incarnation),
            peer: String::new(),
            http: format!("http-{incarnation}"),
            version: String::new(),
            in_line: false,
        })
    };
    let left = |incarnation| {
        Entry::MemberLeft(MemberLeft {
            project: "p".to_owned(),
            name: "esp-1".into(),
            incarnation: Incarnation(incarnation),
            only_place: None,
            by: "esp-1".into(),
        })
    };
    let (ledger, outcomes) = fold(&[member(2), member(1), left(1)]);
    assert_eq!(outcomes[1..], [Outcome::Void(Void::OlderIncarnation), Outcome::Void(Void::OlderIncarnation)]);
    let presence = ledger.project("p").and_then(|p| p.member(&"esp-1".into())).expect("known");
    assert!(presence.present && presence.member.http == "http-2");
    let (ledger, _) = fold(&[member(2), left(2)]);
    assert!(ledger.project("p").and_then(|p| p.member(&"esp-1".into())).is_some_and(|presence| !presence.present));
}

#[test]
fn history_is_bounded_and_keeps_the_newest() {
    let entries: Vec<Entry> = (0..FAILOVERS_KEPT as u64 + 10).map(failover).collect();
    let (ledger, _) = fold(&entries);
    let terms: Vec<u64> = ledger.project("p").expect("known").failovers().map(|f| f.term.0).collect();
    assert_eq!(terms, (10..FAILOVERS_KEPT as u64 + 10).collect::<Vec<_>>());
}

#[test]
fn nonsense_is_counted_and_skipped() {
    let mut ledger = Ledger::default();
    assert!(ledger.note_bytes(Offset(0), None).is_none());
    assert!(ledger.note_bytes(Offset(1), Some(b"{")).is_none());
    assert!(ledger.note_bytes(Offset(2), Some(br#"{"kind":"from-the-future"}"#)).is_none());
    assert!(ledger.note_bytes(Offset(3), Some(&reset(1).to_json())).is_some());
    assert_eq!((ledger.unread(), ledger.void(), ledger.next()), (3, 1, Offset(4)));
}
