use expect_test::{Expect, expect};

use super::*;
use crate::notebook::{Entry, Ledger};

/// Entries in log order, from offset 0; each is told with the line that everybody sees after it.
fn check(entries: &[Entry], expected: &Expect) {
    let mut ledger = Ledger::default();
    let mut story = String::new();
    for (offset, entry) in (0..).map(Offset).zip(entries) {
        let outcome = ledger.note(offset, entry);
        let line = ledger.project("p").expect("all entries are about p").line();
        let names: Vec<String> =
            line.candidates().iter().map(|c| format!("{}.{}#{}", c.member, c.incarnation, c.ticket)).collect();
        story += &format!("{:<28} {outcome:?}: term {} [{}]\n", tell(entry), line.term(), names.join(" "));
    }
    expected.assert_eq(&story);
}

fn tell(entry: &Entry) -> String {
    match entry {
        Entry::Member(m) if m.in_line => format!("{}.{} joins", m.name, m.incarnation),
        Entry::Member(m) => format!("{}.{} is there", m.name, m.incarnation),
        Entry::MemberLeft(l) => format!("{} says {}.{} left", l.by, l.name, l.incarnation),
        Entry::Claim(c) => format!("{}.{} claims term {}", c.member, c.incarnation, c.term),
        Entry::Proposal(_) | Entry::Schema(_) | Entry::Constant(_) | Entry::Reset(_) | Entry::Failover(_) => {
            unreachable!("not part of these stories")
        }
    }
}

fn member(name: &str, incarnation: u64, in_line: bool) -> Entry {
    Entry::Member(Member {
        project: "p".to_owned(),
        generation: types::Generation(1),
        name: name.into(),
        incarnation: Incarnation(incarnation),
        peer: format!("{name}:1"),
        http: String::new(),
        version: String::new(),
        in_line,
    })
}

fn joins(name: &str, incarnation: u64) -> Entry {
    member(name, incarnation, true)
}

fn left(name: &str, incarnation: u64) -> Entry {
    Entry::MemberLeft(MemberLeft {
        project: "p".to_owned(),
        name: name.into(),
        incarnation: Incarnation(incarnation),
        only_place: None,
        by: name.into(),
    })
}

fn place(name: &str, incarnation: u64, ticket: u64) -> Place {
    Place { member: name.into(), incarnation: Incarnation(incarnation), ticket: Offset(ticket) }
}

fn removed(place: Place, by: &str) -> Entry {
    Entry::MemberLeft(MemberLeft {
        project: "p".to_owned(),
        name: place.member.clone(),
        incarnation: place.incarnation,
        only_place: Some(place),
        by: by.into(),
    })
}

fn claim(name: &str, incarnation: u64, term: u64, displaced: Place) -> Entry {
    Entry::Claim(Claim {
        project: "p".to_owned(),
        term: Term(term),
        member: name.into(),
        incarnation: Incarnation(incarnation),
        displaced: Some(displaced),
        reason: "test".to_owned(),
    })
}

#[test]
fn of_two_claims_of_one_term_the_first_in_the_log_wins_for_everybody() {
    check(
        &[
            joins("a", 1),
            joins("b", 1),
            joins("c", 1),
            claim("c", 1, 2, place("a", 1, 0)),
            claim("b", 1, 2, place("a", 1, 0)),
        ],
        &expect![[r#"
            a.1 joins                    Noted: term 1 [a.1#0]
            b.1 joins                    Noted: term 1 [a.1#0 b.1#1]
            c.1 joins                    Noted: term 1 [a.1#0 b.1#1 c.1#2]
            c.1 claims term 2            Noted: term 2 [c.1#2 b.1#1]
            b.1 claims term 2            Void(OtherTerm): term 2 [c.1#2 b.1#1]
        "#]],
    );
}

#[test]
fn the_longest_in_line_follows_a_head_that_leaves() {
    check(
        &[joins("a", 1), joins("b", 1), joins("c", 1), left("a", 1), left("b", 1), left("c", 1), joins("a", 1)],
        &expect![[r#"
            a.1 joins                    Noted: term 1 [a.1#0]
            b.1 joins                    Noted: term 1 [a.1#0 b.1#1]
            c.1 joins                    Noted: term 1 [a.1#0 b.1#1 c.1#2]
            a says a.1 left              Noted: term 2 [b.1#1 c.1#2]
            b says b.1 left              Noted: term 3 [c.1#2]
            c says c.1 left              Noted: term 3 []
            a.1 joins                    Noted: term 4 [a.1#6]
        "#]],
    );
}

#[test]
fn a_claim_that_was_on_its_way_when_the_head_left_is_void() {
    check(
        &[joins("a", 1), joins("b", 1), joins("c", 1), left("a", 1), claim("c", 1, 2, place("a", 1, 0))],
        &expect![[r#"
        a.1 joins                    Noted: term 1 [a.1#0]
        b.1 joins                    Noted: term 1 [a.1#0 b.1#1]
        c.1 joins                    Noted: term 1 [a.1#0 b.1#1 c.1#2]
        a says a.1 left              Noted: term 2 [b.1#1 c.1#2]
        c.1 claims term 2            Void(OtherTerm): term 2 [b.1#1 c.1#2]
    "#]],
    );
}

#[test]
fn a_member_that_starts_again_loses_its_place_and_its_term() {
    check(
        &[
            joins("a", 1),
            joins("b", 1),
            claim("b", 1, 2, place("a", 1, 0)),
            joins("a", 1),
            joins("b", 2),
            joins("b", 1),
        ],
        &expect![[r#"
            a.1 joins                    Noted: term 1 [a.1#0]
            b.1 joins                    Noted: term 1 [a.1#0 b.1#1]
            b.1 claims term 2            Noted: term 2 [b.1#1]
            a.1 joins                    Noted: term 2 [b.1#1 a.1#3]
            b.2 joins                    Noted: term 3 [a.1#3 b.2#4]
            b.1 joins                    Void(OlderIncarnation): term 3 [a.1#3 b.2#4]
        "#]],
    );
}

#[test]
fn a_zombie_wakes_to_find_itself_out_of_line() {
    check(
        &[
            joins("a", 1),
            joins("b", 1),
            claim("b", 1, 2, place("a", 1, 0)),
            claim("a", 1, 2, place("b", 1, 1)),
            joins("a", 1),
            removed(place("a", 1, 0), "b"),
            removed(place("a", 1, 4), "b"),
        ],
        &expect![[r#"
            a.1 joins                    Noted: term 1 [a.1#0]
            b.1 joins                    Noted: term 1 [a.1#0 b.1#1]
            b.1 claims term 2            Noted: term 2 [b.1#1]
            a.1 claims term 2            Void(OtherTerm): term 2 [b.1#1]
            a.1 joins                    Noted: term 2 [b.1#1 a.1#4]
            b says a.1 left              Void(OtherPlace): term 2 [b.1#1 a.1#4]
            b says a.1 left              Noted: term 2 [b.1#1]
        "#]],
    );
}

#[test]
fn only_who_stands_in_line_can_claim() {
    check(
        &[
            joins("a", 1),
            member("b", 1, false),
            claim("b", 1, 2, place("a", 1, 0)),
            claim("x", 1, 2, place("a", 1, 0)),
            claim("a", 1, 2, place("a", 1, 0)),
            joins("b", 2),
            claim("b", 1, 2, place("a", 1, 0)),
            claim("b", 2, 2, place("b", 2, 5)),
            claim("b", 2, 2, place("a", 1, 0)),
        ],
        &expect![[r#"
            a.1 joins                    Noted: term 1 [a.1#0]
            b.1 is there                 Noted: term 1 [a.1#0]
            b.1 claims term 2            Void(NotInLine): term 1 [a.1#0]
            x.1 claims term 2            Void(NotInLine): term 1 [a.1#0]
            a.1 claims term 2            Void(AlreadyFirst): term 1 [a.1#0]
            b.2 joins                    Noted: term 1 [a.1#0 b.2#5]
            b.1 claims term 2            Void(NotInLine): term 1 [a.1#0 b.2#5]
            b.2 claims term 2            Void(OtherPlace): term 1 [a.1#0 b.2#5]
            b.2 claims term 2            Noted: term 2 [b.2#5]
        "#]],
    );
}

#[test]
fn a_repeated_join_keeps_the_place_and_stepping_out_loses_it() {
    check(
        &[joins("a", 1), joins("b", 1), joins("a", 1), member("a", 1, false), joins("a", 1)],
        &expect![[r#"
        a.1 joins                    Noted: term 1 [a.1#0]
        b.1 joins                    Noted: term 1 [a.1#0 b.1#1]
        a.1 joins                    Noted: term 1 [a.1#0 b.1#1]
        a.1 is there                 Noted: term 2 [b.1#1]
        a.1 joins                    Noted: term 2 [b.1#1 a.1#4]
    "#]],
    );
}

#[test]
fn a_crowd_of_names_pushes_nobody_out_of_line() {
    let mut line = ClaimLine::default();
    let named = |name: &str, in_line| match member(name, 1, in_line) {
        Entry::Member(member) => member,
        Entry::Proposal(_)
        | Entry::MemberLeft(_)
        | Entry::Schema(_)
        | Entry::Constant(_)
        | Entry::Claim(_)
        | Entry::Reset(_)
        | Entry::Failover(_) => unreachable!("a member was made"),
    };
    assert_eq!(line.member(Offset(0), &named("a", true)), Outcome::Noted);
    for i in 1..=3 * MEMBERS_MAX as u64 {
        assert_eq!(line.member(Offset(i), &named(&format!("stray-{i}"), false)), Outcome::Noted);
        assert!(line.members.len() <= MEMBERS_MAX);
    }
    assert_eq!(line.head(), Some(&place("a", 1, 0)));
}
