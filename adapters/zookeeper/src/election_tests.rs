//! The election by golden text: a line, a stance, the step that follows.

use expect_test::{Expect, expect};

use ports::coordinator::CoordinatorCommand;

use super::*;

const SESSION: i64 = 0x10;

fn me() -> Me {
    Me { badge: badge("me", 5), session: SESSION }
}

fn badge(member: &str, incarnation: u64) -> Badge {
    Badge { member: member.to_owned(), incarnation, peer: format!("{member}:1") }
}

/// `n<sequence>`, owner, czxid = 100 + sequence.
fn entry(sequence: i32, member: &str, incarnation: u64, owner: i64) -> Entry {
    let name = format!("server-n_{sequence:010}");
    Entry { name, badge: Some(badge(member, incarnation)), czxid: 100 + i64::from(sequence), version: 0, owner }
}

fn foreign(sequence: i32) -> Entry {
    Entry { badge: None, ..entry(sequence, "", 0, 0x99) }
}

fn check(line: &[Entry], stance: Stance, dead: &[Candidate], expected: Expect) {
    let shown = match next_step(line, &me(), stance, dead) {
        Step::Remove(entry, why) => format!("remove {} ({why:?})", entry.name),
        Step::Enter => "enter".to_owned(),
        Step::NameTaken(entry) => format!("name taken by {}", entry.name),
        Step::Evicted => "evicted".to_owned(),
        Step::Watch(Watched { own, ahead }) => format!("watch own {own:?} ahead {ahead:?}"),
    };
    expected.assert_eq(&shown);
}

#[test]
fn the_line_is_ordered_by_sequence_also_where_the_counter_turns_over() {
    let order = |sequences: &[i32]| {
        let children = sequences.iter().map(|sequence| format!("server-n_{sequence:010}")).collect();
        in_order(children).iter().filter_map(|name| sequence_of(name)).collect::<Vec<_>>()
    };
    assert_eq!(order(&[12, 3, 7]), [3, 7, 12]);
    assert_eq!(
        order(&[i32::MIN, i32::MAX, i32::MIN + 1, i32::MAX - 1]),
        [i32::MAX - 1, i32::MAX, i32::MIN, i32::MIN + 1]
    );
    assert_eq!(order(&[1, -1, 0, -2]), [-2, -1, 0, 1]);
    assert_eq!(in_order(vec!["lock".to_owned(), "server-n_0000000001".to_owned()]), ["server-n_0000000001"]);
}

#[test]
fn each_watches_itself_and_only_the_one_ahead() {
    let line = [entry(1, "a", 1, 1), entry(2, "b", 1, 2), entry(3, "me", 5, SESSION), entry(4, "c", 1, 3)];
    check(
        &line,
        Stance::Standing,
        &[],
        expect![[r#"watch own Some("server-n_0000000003") ahead Some("server-n_0000000002")"#]],
    );
    check(&line[2..], Stance::Standing, &[], expect![[r#"watch own Some("server-n_0000000003") ahead None"#]]);
    check(&line[..2], Stance::Out, &[], expect![[r#"watch own None ahead Some("server-n_0000000002")"#]]);
    check(&[], Stance::Out, &[], expect!["watch own None ahead None"]);
}

#[test]
fn an_ambiguous_create_leaves_one_node() {
    check(&[], Stance::Wanting, &[], expect!["enter"]);
    // The answer to the create was lost, but the node is there: it is ours by owner, no second one is made.
    let made = [entry(7, "me", 5, SESSION)];
    check(&made, Stance::Entering, &[], expect![[r#"watch own Some("server-n_0000000007") ahead None"#]]);
    let twice = [entry(7, "me", 5, SESSION), entry(8, "me", 5, SESSION)];
    check(&twice, Stance::Entering, &[], expect!["remove server-n_0000000008 (Stale)"]);
}

#[test]
fn a_restarted_member_clears_its_former_node_away_when_it_joins() {
    let line = [entry(1, "me", 4, 0x7), entry(2, "b", 1, 2)];
    check(&line, Stance::Out, &[], expect![[r#"watch own None ahead Some("server-n_0000000002")"#]]);
    check(&line, Stance::Wanting, &[], expect!["remove server-n_0000000001 (Stale)"]);
    check(&line, Stance::Entering, &[], expect!["remove server-n_0000000001 (Stale)"]);
    // A node of this very start under another session is a lost session's.
    check(&[entry(1, "me", 5, 0x7)], Stance::Out, &[], expect!["remove server-n_0000000001 (Stale)"]);
}

#[test]
fn a_later_start_of_the_same_name_keeps_the_place() {
    let line = [entry(1, "me", 6, 0x7)];
    check(&line, Stance::Wanting, &[], expect!["name taken by server-n_0000000001"]);
    check(&line, Stance::Standing, &[], expect!["evicted"]);
}

#[test]
fn only_the_very_entry_that_was_seen_dead_is_displaced() {
    let dead = entry(1, "a", 1, 1).candidate();
    let mine = entry(2, "me", 5, SESSION);
    check(
        &[entry(1, "a", 1, 1), mine.clone()],
        Stance::Standing,
        std::slice::from_ref(&dead),
        expect!["remove server-n_0000000001 (Displaced)"],
    );
    let newer_entry = Entry { czxid: 999, ..entry(1, "a", 1, 1) };
    let newer_start = entry(1, "a", 2, 1);
    for other in [newer_entry, newer_start] {
        check(
            &[other, mine.clone()],
            Stance::Standing,
            std::slice::from_ref(&dead),
            expect![[r#"watch own Some("server-n_0000000002") ahead Some("server-n_0000000001")"#]],
        );
    }
    // Nobody displaces itself.
    check(
        std::slice::from_ref(&mine),
        Stance::Standing,
        &[mine.candidate()],
        expect![[r#"watch own Some("server-n_0000000002") ahead None"#]],
    );
}

#[test]
fn leaving_removes_the_own_node_and_eviction_is_noticed() {
    check(&[entry(2, "me", 5, SESSION)], Stance::Out, &[], expect!["remove server-n_0000000002 (Left)"]);
    check(&[entry(3, "b", 1, 2)], Stance::Standing, &[], expect!["evicted"]);
}

#[test]
fn leaving_and_joining_between_two_looks_makes_a_new_entry() {
    // The look after the leave failed, so its node still stands when the join comes.
    let (mut stance, mut dead) = (Stance::Standing, Vec::new());
    for command in [CoordinatorCommand::Leave, CoordinatorCommand::Join] {
        assert!(crate::apply(command, &mut stance, &mut dead));
    }
    check(&[entry(2, "me", 5, SESSION)], stance, &[], expect!["remove server-n_0000000002 (Left)"]);
    check(&[], stance, &[], expect!["enter"]);
}

#[test]
fn a_node_that_is_not_ours_keeps_its_place_under_a_name_nobody_has() {
    let CoordinatorFact::Line { term, candidates } = line_fact(&[foreign(1), entry(2, "b", 1, 2)], Term(0)) else {
        panic!("a line was expected")
    };
    assert_eq!(term, Term(101));
    assert_eq!(candidates[0].member.as_str(), "?server-n_0000000001");
    assert_eq!((candidates[1].member.as_str(), candidates[1].ticket), ("b", 102));
}

#[test]
fn the_term_goes_on_over_an_empty_line() {
    assert_eq!(line_fact(&[], Term(77)), CoordinatorFact::Line { term: Term(77), candidates: Vec::new() });
}
