//! The link by golden text: what happens, at which millisecond, and what it answers.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use types::Term;

use super::*;
use crate::PeerRole;

const BEAT: Duration = Duration::from_millis(20);

fn at(millis: u64) -> Tick {
    Tick(millis * 1_000_000)
}

fn opened(attempt: u64, incarnation: u64) -> LinkEvent {
    LinkEvent::Opened { attempt, incarnation: Incarnation(incarnation) }
}

fn heard(attempt: u64) -> LinkEvent {
    LinkEvent::Heard { attempt, status: PeerStatus::default() }
}

fn failed(attempt: u64, how: DialFailure) -> LinkEvent {
    LinkEvent::Failed { attempt, how }
}

fn closed(attempt: u64) -> LinkEvent {
    LinkEvent::Closed { attempt }
}

fn expected(incarnation: u64) -> LinkEvent {
    LinkEvent::Expected { incarnation: Incarnation(incarnation), peer: "b:1".to_owned() }
}

fn shown(action: LinkAction) -> String {
    match action {
        LinkAction::Dial { attempt, .. } => format!("Dial #{attempt}"),
        LinkAction::HangUp => "HangUp".to_owned(),
        LinkAction::Tell(fact) => match fact {
            PeerFact::Up { incarnation, .. } => format!("Up i{incarnation}"),
            PeerFact::Dead { incarnation, evidence, .. } => format!("Dead i{incarnation} {evidence:?}"),
            PeerFact::Silent { incarnation, lasting, .. } => format!("Silent i{incarnation} {lasting:?}"),
            PeerFact::Heard { incarnation, after, .. } => format!("Heard i{incarnation} {after:?}"),
            PeerFact::Status { status, .. } => format!("Status {:?} t{}", status.role, status.term),
            PeerFact::Message { .. } | PeerFact::NameTaken { .. } | PeerFact::Superseded { .. } => format!("{fact:?}"),
        },
    }
}

/// Runs a link to member `b`, start 1, from millisecond 0; deadlines that come in between are kept punctually.
fn check(story: impl IntoIterator<Item = (u64, LinkEvent)>, until: u64, golden: Expect) {
    let candidate =
        Candidate { member: MemberName::from("b"), incarnation: Incarnation(1), peer: "b:1".to_owned(), ticket: 0 };
    let mut link = Link::new(at(0), candidate, BEAT);
    let mut text = String::new();
    note(&mut text, 0, &mut link);
    for (millis, event) in story {
        keep_deadlines(&mut text, &mut link, at(millis));
        link.handle(at(millis), event);
        note(&mut text, millis, &mut link);
    }
    keep_deadlines(&mut text, &mut link, at(until));
    golden.assert_eq(&text);
}

fn keep_deadlines(text: &mut String, link: &mut Link, until: Tick) {
    while let Some(due) = link.deadline().filter(|due| *due < until) {
        link.handle(due, LinkEvent::Due);
        note(text, due.0 / 1_000_000, link);
    }
}

fn note(text: &mut String, millis: u64, link: &mut Link) {
    let actions: Vec<_> = std::iter::from_fn(|| link.poll_action()).map(shown).collect();
    if !actions.is_empty() {
        writeln!(text, "{millis}: {}", actions.join(", ")).unwrap();
    }
}

#[test]
fn end_of_file_and_a_refused_reconnect_are_death() {
    check(
        [(1, opened(1, 1)), (2, heard(1)), (10, closed(1)), (10, failed(2, DialFailure::Refused))],
        400,
        expect![[r#"
            0: Dial #1
            1: Up i1
            2: Status Starting t0
            10: Dial #2
            10: Dead i1 ResetAndRefused
        "#]],
    );
}

#[test]
fn a_dial_accepted_by_a_dying_process_is_repeated_at_once() {
    let cut = |attempt| (10, failed(attempt, DialFailure::Cut));
    check(
        [(1, opened(1, 1)), (10, closed(1)), cut(2), cut(3), (10, failed(4, DialFailure::Refused))],
        100,
        expect![[r#"
            0: Dial #1
            1: Up i1
            10: Dial #2
            10: Dial #3
            10: Dial #4
            10: Dead i1 ResetAndRefused
        "#]],
    );
}

#[test]
fn a_broken_connection_that_heals_is_not_worth_a_word() {
    check(
        [(1, opened(1, 1)), (10, closed(1)), (12, opened(2, 1)), (13, heard(2))],
        100,
        expect![[r#"
            0: Dial #1
            1: Up i1
            10: Dial #2
            13: Status Starting t0
        "#]],
    );
}

#[test]
fn a_reconnect_that_neither_succeeds_nor_is_refused_is_silence_not_death() {
    check(
        [(1, opened(1, 1)), (10, closed(1)), (1_010, failed(2, DialFailure::Unreachable))],
        1_500,
        expect![[r#"
            0: Dial #1
            1: Up i1
            10: Dial #2
            151: Silent i1 150ms
            1060: Dial #3
        "#]],
    );
}

#[test]
fn a_frozen_peer_is_silent_and_then_heard() {
    check(
        [(1, opened(1, 1)), (20, heard(1)), (1_170, failed(2, DialFailure::Unreachable)), (3_000, opened(3, 1))],
        3_100,
        expect![[r#"
            0: Dial #1
            1: Up i1
            20: Status Starting t0
            170: Silent i1 150ms, Dial #2
            1220: Dial #3
            3000: Heard i1 2.98s
        "#]],
    );
}

#[test]
fn a_host_that_came_back_without_the_process_turns_silence_into_death() {
    check(
        [(1, opened(1, 1)), (900, failed(2, DialFailure::Refused))],
        1_000,
        expect![[r#"
            0: Dial #1
            1: Up i1
            151: Silent i1 150ms, Dial #2
            900: Dead i1 ResetAndRefused
        "#]],
    );
}

#[test]
fn another_start_at_the_same_address_is_the_death_of_the_first() {
    check(
        [(1, opened(1, 1)), (10, closed(1)), (40, opened(2, 2))],
        100,
        expect![[r#"
            0: Dial #1
            1: Up i1
            10: Dial #2
            40: Dead i1 OtherIncarnation, Up i2
        "#]],
    );
}

#[test]
fn a_later_start_that_is_announced_is_called_at_once() {
    check(
        [(1, opened(1, 1)), (10, expected(2)), (11, opened(2, 2)), (12, expected(1))],
        100,
        expect![[r#"
            0: Dial #1
            1: Up i1
            10: Dead i1 OtherIncarnation, Dial #2
            11: Up i2
        "#]],
    );
}

#[test]
fn an_earlier_start_is_not_taken_for_the_announced_one() {
    check(
        [(1, expected(3)), (2, opened(2, 2))],
        300,
        expect![[r#"
            0: Dial #1
            1: Dead i1 OtherIncarnation, Dial #2
            2: HangUp
            151: Silent i3 150ms
        "#]],
    );
}

#[test]
fn a_refusal_without_a_link_before_is_told_as_the_weak_hint_it_is() {
    check(
        [
            (1, failed(1, DialFailure::Refused)),
            (600, failed(2, DialFailure::Refused)),
            (700, expected(1)),
            (701, opened(3, 1)),
        ],
        750,
        expect![[r#"
            0: Dial #1
            1: Dead i1 Refused
            501: Dial #2
            700: Dial #3
            701: Heard i1 701ms
        "#]],
    );
}

#[test]
fn somebody_who_is_no_peer_proves_nothing() {
    check(
        [(1, failed(1, DialFailure::Rejected))],
        1_100,
        expect![[r#"
            0: Dial #1
            150: Silent i1 150ms
            1001: Dial #2
        "#]],
    );
}

#[test]
fn news_of_a_connection_that_was_replaced_count_no_more() {
    check(
        [(1, opened(1, 1)), (10, closed(1)), (11, heard(1)), (12, closed(1)), (13, failed(1, DialFailure::Refused))],
        100,
        expect![[r#"
            0: Dial #1
            1: Up i1
            10: Dial #2
        "#]],
    );
}

#[test]
fn a_status_is_told_when_it_changes() {
    let status = PeerStatus { role: PeerRole::Active, term: Term(3), ..PeerStatus::default() };
    let active = |attempt| LinkEvent::Heard { attempt, status: status.clone() };
    check(
        [(1, opened(1, 1)), (20, heard(1)), (40, heard(1)), (60, active(1)), (80, active(1))],
        100,
        expect![[r#"
            0: Dial #1
            1: Up i1
            20: Status Starting t0
            60: Status Active t3
        "#]],
    );
}
