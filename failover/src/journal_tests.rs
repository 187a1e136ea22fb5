use alloc::format;
use alloc::string::String;
use alloc::vec;

use expect_test::{Expect, expect};

use super::*;

/// `input@time` words in offset order per topic, from offset 0 on.
fn lines(text: &str, inputs: usize) -> Vec<Vec<(Offset, Timestamp)>> {
    let mut lines = vec![Vec::new(); inputs];
    for word in text.split_whitespace() {
        let (input, time) = word.split_once('@').expect("input@time");
        let line: &mut Vec<_> = &mut lines[input.parse::<usize>().expect("a number")];
        line.push((Offset(line.len() as u64), Timestamp(time.parse().expect("a number"))));
    }
    lines
}

fn show(decision: &Decision) -> String {
    let runs: Vec<_> = decision.runs.iter().map(|run| format!("{}→{}", run.input, run.until)).collect();
    format!("#{} {}", decision.index, runs.join(" "))
}

fn decide(journal: &mut Journal, lines: &[Vec<(Offset, Timestamp)>]) -> Option<Decision> {
    let decided = journal.decided().to_vec();
    journal
        .decide(lines.iter().zip(decided).map(|(line, from)| line.iter().copied().filter(move |(at, _)| *at >= from)))
}

fn check(records: &str, expected: Expect) {
    let mut journal = Journal::new(vec![Offset(0), Offset(0)]);
    let decision = decide(&mut journal, &lines(records, 2));
    expected.assert_eq(&decision.as_ref().map_or_else(|| "nothing".into(), show));
}

fn decision(index: u64, from: [u64; 2], runs: &[(usize, u64)]) -> Decision {
    let runs = runs.iter().map(|&(input, until)| InputRun { input: InputId(input), until: Offset(until) }).collect();
    Decision { index: OutputIndex(index), from: from.map(Offset).to_vec(), runs }
}

#[test]
fn records_are_decided_on_by_time_and_equal_times_in_the_topics_order() {
    check("0@10 0@11 1@10 1@10 0@12 1@13", expect!["#0 0→1 1→2 0→3 1→3"]);
    check("1@5", expect!["#0 1→1"]);
    check("", expect!["nothing"]);
    // Whatever the clocks say, a topic's own order stands.
    check("0@20 0@3 1@10", expect!["#0 1→1 0→2"]);
}

#[test]
fn a_decision_counts_only_once_it_is_read_back() {
    let mut journal = Journal::new(vec![Offset(0), Offset(0)]);
    let lines = lines("0@1 1@2 0@3", 2);
    let decided = decide(&mut journal, &lines).expect("records wait");
    assert_eq!((journal.next_run(), journal.is_deciding()), (None, true));
    assert_eq!(decide(&mut journal, &lines), None, "one decision is on its way at most");
    assert_eq!(journal.read_back(Offset(1), &decided), Ok(ReadBack::Taken));
    let mut consumed = String::new();
    while let Some(run) = journal.next_run() {
        consumed += &format!("{}→{} ", run.input, run.until);
        journal.consumed(run.input, run.until);
    }
    assert_eq!((consumed.as_str(), journal.is_deciding()), ("0→1 1→1 0→2 ", false));
}

#[test]
fn of_two_decisions_the_one_that_stands_first_is_followed_and_the_loser_decides_anew_behind_it() {
    let mut journal = Journal::new(vec![Offset(0), Offset(0)]);
    let lines = lines("0@1 0@2 1@3", 2);
    let mine = decide(&mut journal, &lines).expect("records wait");
    let theirs = decision(0, [0, 0], &[(1, 1)]);
    assert_eq!(journal.read_back(Offset(1), &theirs), Ok(ReadBack::Taken));
    assert_eq!(journal.read_back(Offset(2), &mine), Ok(ReadBack::Void), "a repeat or a loser has no effect");
    assert_eq!(decide(&mut journal, &lines).as_ref().map(show), Some("#1 0→2".into()));
}

#[test]
fn what_can_not_be_followed_is_said() {
    let mut journal = Journal::new(vec![Offset(0), Offset(0)]);
    let mut read = |decision: &Decision| journal.read_back(Offset(1), decision).expect_err("a fault");
    assert_eq!(
        read(&decision(3, [0, 0], &[(0, 1)])),
        JournalFault::Missing { expected: OutputIndex(0), found: OutputIndex(3) }
    );
    assert_eq!(read(&decision(0, [1, 0], &[(0, 2)])), JournalFault::Unconnected { index: OutputIndex(0) });
    for impossible in [decision(0, [0, 0], &[]), decision(0, [0, 0], &[(2, 1)]), decision(0, [0, 0], &[(0, 0)])] {
        assert_eq!(read(&impossible), JournalFault::Impossible { index: OutputIndex(0) });
    }
}

#[test]
fn a_snapshot_in_the_middle_of_a_decision_goes_on_in_the_middle() {
    let mut journal = Journal::new(vec![Offset(5), Offset(0)]);
    let decisions = [decision(0, [5, 0], &[(0, 7)]), decision(1, [7, 0], &[(1, 2), (0, 9), (1, 4)])];
    for (decision, place) in decisions.iter().zip(1..) {
        assert_eq!(journal.read_back(Offset(place), decision), Ok(ReadBack::Taken));
    }
    for (input, next) in [(0, 7), (1, 2), (0, 8)] {
        journal.consumed(InputId(input), Offset(next));
    }
    let place = journal.place().expect("a decision is at hand");
    assert_eq!(place, Offset(2));
    let mut resumed = Journal::resume(journal.positions().to_vec());
    assert_eq!(resumed.read_back(place, &decisions[1]), Ok(ReadBack::Taken));
    assert_eq!(resumed.next_run(), journal.next_run());
    assert_eq!(resumed.decided(), journal.decided());
}

#[test]
fn a_snapshot_at_the_end_of_the_journal_knows_which_decision_comes_next() {
    let mut journal = Journal::new(vec![Offset(0), Offset(0)]);
    let last = decision(0, [0, 0], &[(0, 2)]);
    assert_eq!(journal.read_back(Offset(1), &last), Ok(ReadBack::Taken));
    journal.consumed(InputId(0), Offset(2));
    let mut resumed = Journal::resume(journal.positions().to_vec());
    let lines = lines("0@1 0@2 1@3", 2);
    assert_eq!(decide(&mut resumed, &lines), None, "its index isn't known yet");
    assert_eq!(resumed.read_back(journal.place().expect("one was read"), &last), Ok(ReadBack::Taken));
    assert_eq!(decide(&mut resumed, &lines).as_ref().map(show), Some("#1 1→1".into()));
    let mut elsewhere = Journal::resume(vec![Offset(9), Offset(0)]);
    assert_eq!(elsewhere.read_back(Offset(1), &last), Err(JournalFault::Unconnected { index: OutputIndex(0) }));
}

#[test]
fn a_decision_is_bounded_in_offsets_and_in_runs() {
    let mut journal = Journal::new(vec![Offset(0)]);
    let backlog = (0..2 * DECISION_OFFSETS_MAX).map(|at| (Offset(at), Timestamp(0)));
    let first = journal.decide([backlog]).expect("records wait");
    assert_eq!((first.offsets(), first.runs.len()), (DECISION_OFFSETS_MAX, 1));

    let mut journal = Journal::new(vec![Offset(0), Offset(0)]);
    let turns =
        |input: i64| (0..DECISION_RUNS_MAX as u64).map(move |at| (Offset(at), Timestamp(at as i64 * 2 + input)));
    let first = journal.decide([turns(0), turns(1)]).expect("records wait");
    assert_eq!((first.offsets(), first.runs.len()), (DECISION_RUNS_MAX as u64, DECISION_RUNS_MAX));

    // A record whose offset lies far ahead (markers of transactions take offsets too) is decided on all the same.
    let mut journal = Journal::new(vec![Offset(0)]);
    let far = journal.decide([[(Offset(1 << 40), Timestamp(0))].into_iter()]).expect("it waits");
    assert_eq!(far.runs, [InputRun { input: InputId(0), until: Offset((1 << 40) + 1) }]);
}
