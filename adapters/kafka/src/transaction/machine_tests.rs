//! The machine's promises; the text shows what it wants done after each thing it hears.

use expect_test::{Expect, expect};
use ports::output::{OutputCommand, OutputFact};
use types::{Digest, Generation, MessageId, Offset, OutputIndex, OutputKind, OutputRecord, Tick, Timestamp};

use super::codec::{Meaning, Seen, Shown};
use super::fate::Fate;
use super::machine::{Beginning, Effect, Job, Machine, ProducerNews, TailNews};

pub(super) fn output(index: u64) -> OutputRecord {
    OutputRecord {
        index: OutputIndex(index),
        id: MessageId(index * 10),
        part: 0,
        time: Timestamp(0),
        kind: OutputKind::Data,
        payload: vec![0; 100],
        digest: Digest(u128::from(index)),
    }
}

/// One thing that a machine hears.
enum Hears {
    Push(std::ops::Range<u64>),
    Command(OutputCommand),
    Tail(TailNews),
    Producer(ProducerNews),
    /// So many milliseconds pass.
    Waits(u64),
}
use Hears::{Command, Producer, Push, Tail, Waits};

fn shown_by(writer: &str, offset: u64, index: u64) -> Seen {
    let (index, id, digest) = (OutputIndex(index), MessageId(index * 10), Digest(u128::from(index)));
    Seen { offset: Offset(offset), meaning: Meaning::Output(Shown { index, id, digest, writer: writer.into() }) }
}

fn fence(offset: u64) -> Seen {
    Seen { offset: Offset(offset), meaning: Meaning::Fence }
}

/// The log's end shows `last`.
fn surveyed(last: Option<Seen>, position: u64) -> Hears {
    Tail(TailNews::Surveyed { last, newer: false, position: Offset(position) })
}

/// The log shows outputs of a writer from an offset on, then a commit marker.
fn reads(writer: &str, offset: u64, indexes: std::ops::Range<u64>) -> Hears {
    let seen: Vec<Seen> =
        indexes.enumerate().map(|(place, index)| shown_by(writer, offset + place as u64, index)).collect();
    let position = Offset(offset + seen.len() as u64 + 1);
    Tail(TailNews::Read { seen, position })
}

fn taken(end: u64) -> Hears {
    Producer(ProducerNews::Taken { end: Offset(end) })
}

fn committed() -> Hears {
    Producer(ProducerNews::Committed { unsure: false })
}

fn failed(fate: Fate) -> Hears {
    Producer(ProducerNews::Failed { fate, reason: "as the test wants".to_owned() })
}

fn beginning(fence: Option<u64>) -> Beginning {
    Beginning { generation: Generation(1), writer: "me.1".to_owned(), fence: fence.map(Offset) }
}

fn words(effect: &Effect) -> String {
    match effect {
        Effect::Job(Job::Take) => "take".to_owned(),
        Effect::Job(Job::Retire) => "retire".to_owned(),
        Effect::Job(Job::Append { fence, batch }) => {
            let indexes: Vec<u64> = batch.records().map(|record| record.index.0).collect();
            format!("append{} {indexes:?}", if *fence { " the fence and" } else { "" })
        }
        Effect::Fact(OutputFact::Blocked(block)) => format!("blocked: {block}"),
        Effect::Fact(fact) => format!("{fact:?}"),
    }
}

fn check(machine: Machine, story: impl IntoIterator<Item = Hears>, expected: Expect) {
    let mut machine = machine;
    let mut now = Tick(0);
    let mut told = String::new();
    for hears in story {
        let heard = match hears {
            Push(indexes) => {
                let heard = format!("push {indexes:?}");
                machine.command(OutputCommand::Push(indexes.map(output).collect()), now);
                heard
            }
            Command(command) => {
                let heard = format!("{command:?}").to_lowercase();
                machine.command(command, now);
                heard
            }
            Tail(news) => {
                let heard = match &news {
                    TailNews::Surveyed { .. } => "surveyed".to_owned(),
                    TailNews::Read { seen, .. } => format!("read {}", seen.len()),
                    TailNews::Leads { .. } | TailNews::Shortened | TailNews::Failed { .. } => format!("{news:?}"),
                };
                machine.on_tail(news, now);
                heard
            }
            Producer(news) => {
                let heard = match &news {
                    ProducerNews::Taken { .. } => "taken".to_owned(),
                    ProducerNews::Committed { unsure } => {
                        if *unsure { "committed, unsure" } else { "committed" }.to_owned()
                    }
                    ProducerNews::Failed { fate, .. } => format!("failed: {fate:?}"),
                };
                machine.on_producer(news, now);
                heard
            }
            Waits(millis) => {
                now = Tick(now.0 + millis * 1_000_000);
                machine.on_deadline(now);
                format!("{millis} ms later")
            }
        };
        let wants: Vec<String> = std::iter::from_fn(|| machine.poll()).map(|effect| words(&effect)).collect();
        told += &format!("{heard} -> {}; {} published\n", wants.join(", "), machine.published().0);
    }
    expected.assert_eq(&told);
}

#[test]
fn the_first_writer_opens_the_generation_and_appends_what_gathers() {
    let story = [
        surveyed(None, 0),
        Push(0..3),
        Command(OutputCommand::Write),
        taken(0),
        Push(3..5),
        committed(),
        Tail(TailNews::Read { seen: vec![fence(0)], position: Offset(1) }),
        reads("me.1", 1, 0..3),
        committed(),
        reads("me.1", 5, 3..5),
        Push(5..6),
    ];
    check(
        Machine::new(beginning(None)),
        story,
        expect![[r#"
        surveyed -> Opened { published_end: OutputIndex(0), last: None, fence: None }; 0 published
        push 0..3 -> ; 0 published
        write -> take; 0 published
        taken -> append the fence and [0, 1, 2]; 0 published
        push 3..5 -> ; 0 published
        committed -> TookOver { first: OutputIndex(0), at: Tick(0) }, append [3, 4]; 0 published
        read 1 -> Begun { fence: Offset(0) }; 0 published
        read 3 -> ; 3 published
        committed -> ; 3 published
        read 2 -> ; 5 published
        push 5..6 -> append [5]; 5 published
    "#]],
    );
}

#[test]
fn a_successor_reads_to_the_end_it_found_after_shutting_the_others_out() {
    let story = [
        surveyed(Some(shown_by("a.1", 4, 2)), 6),
        Push(0..7),
        Command(OutputCommand::Write),
        // What the dead one had committed meanwhile lies below this end, what it had open is ended.
        taken(9),
        reads("a.1", 6, 3..5),
        committed(),
        reads("me.1", 10, 5..7),
    ];
    check(
        Machine::new(beginning(Some(0))),
        story,
        expect![[r#"
        surveyed -> Opened { published_end: OutputIndex(3), last: Some((OutputIndex(2), MessageId(20), Digest(2))), fence: Some(Offset(0)) }; 3 published
        push 0..7 -> ; 3 published
        write -> take; 3 published
        taken -> ; 3 published
        read 2 -> append [5, 6]; 5 published
        committed -> TookOver { first: OutputIndex(5), at: Tick(0) }; 5 published
        read 2 -> ; 7 published
    "#]],
    );
}

#[test]
fn an_unknown_outcome_is_read_and_never_asked_again() {
    let opened = || [surveyed(Some(fence(0)), 2), Push(0..2), Command(OutputCommand::Write), taken(2)];
    // The commit had happened.
    let happened = [failed(Fate::Renew), Waits(10), taken(5), reads("me.1", 2, 0..2), Push(2..3)];
    check(
        Machine::new(beginning(Some(0))),
        opened().into_iter().chain(happened),
        expect![[r#"
        surveyed -> Opened { published_end: OutputIndex(0), last: None, fence: Some(Offset(0)) }; 0 published
        push 0..2 -> ; 0 published
        write -> take; 0 published
        taken -> append [0, 1]; 0 published
        failed: Renew -> ; 0 published
        10 ms later -> take; 0 published
        taken -> ; 0 published
        read 2 -> ; 2 published
        push 2..3 -> append [2]; 2 published
    "#]],
    );
    // It had not: aborted records and their marker take offsets, but are never shown.
    let aborted = Tail(TailNews::Read { seen: Vec::new(), position: Offset(5) });
    let not = [failed(Fate::Renew), Waits(10), taken(5), aborted, committed()];
    check(
        Machine::new(beginning(Some(0))),
        opened().into_iter().chain(not),
        expect![[r#"
        surveyed -> Opened { published_end: OutputIndex(0), last: None, fence: Some(Offset(0)) }; 0 published
        push 0..2 -> ; 0 published
        write -> take; 0 published
        taken -> append [0, 1]; 0 published
        failed: Renew -> ; 0 published
        10 ms later -> take; 0 published
        taken -> ; 0 published
        read 0 -> append [0, 1]; 0 published
        committed -> TookOver { first: OutputIndex(0), at: Tick(10000000) }; 0 published
    "#]],
    );
}

#[test]
fn a_commit_during_which_a_connection_broke_is_the_producers_last() {
    let story = [
        surveyed(Some(fence(0)), 2),
        Push(0..2),
        Command(OutputCommand::Write),
        taken(2),
        Push(2..3),
        Producer(ProducerNews::Committed { unsure: true }),
        taken(5),
        reads("me.1", 2, 0..2),
    ];
    check(
        Machine::new(beginning(Some(0))),
        story,
        expect![[r#"
        surveyed -> Opened { published_end: OutputIndex(0), last: None, fence: Some(Offset(0)) }; 0 published
        push 0..2 -> ; 0 published
        write -> take; 0 published
        taken -> append [0, 1]; 0 published
        push 2..3 -> ; 0 published
        committed, unsure -> TookOver { first: OutputIndex(0), at: Tick(0) }, take; 0 published
        taken -> ; 0 published
        read 2 -> append [2]; 2 published
    "#]],
    );
}

#[test]
fn who_is_shut_out_says_so_and_waits_before_it_tries_again() {
    let story = [
        surveyed(Some(fence(0)), 2),
        Push(0..2),
        Command(OutputCommand::Write),
        taken(2),
        failed(Fate::Fenced),
        reads("b.1", 2, 0..1),
        Waits(499),
        Waits(1),
        taken(4),
        committed(),
        // The line says that somebody else leads.
        Command(OutputCommand::Follow),
        reads("me.1", 4, 1..2),
    ];
    check(
        Machine::new(beginning(Some(0))),
        story,
        expect![[r#"
        surveyed -> Opened { published_end: OutputIndex(0), last: None, fence: Some(Offset(0)) }; 0 published
        push 0..2 -> ; 0 published
        write -> take; 0 published
        taken -> append [0, 1]; 0 published
        failed: Fenced -> Refused { index: OutputIndex(0) }; 0 published
        read 1 -> ; 1 published
        499 ms later -> ; 1 published
        1 ms later -> take; 1 published
        taken -> append [1]; 1 published
        committed -> TookOver { first: OutputIndex(1), at: Tick(500000000) }; 1 published
        follow -> ; 1 published
        read 1 -> retire, Drained; 2 published
    "#]],
    );
}

#[test]
fn a_log_that_moves_on_without_us_is_not_written_to() {
    let story =
        [surveyed(Some(fence(0)), 2), Command(OutputCommand::Write), taken(2), reads("b.1", 2, 0..1), Push(0..2)];
    check(
        Machine::new(beginning(Some(0))),
        story,
        expect![[r#"
        surveyed -> Opened { published_end: OutputIndex(0), last: None, fence: Some(Offset(0)) }; 0 published
        write -> take; 0 published
        taken -> ; 0 published
        read 1 -> retire, Refused { index: OutputIndex(0) }; 1 published
        push 0..2 -> ; 1 published
    "#]],
    );
}

#[test]
fn who_stops_waits_for_what_is_on_its_way() {
    let story = [
        surveyed(Some(fence(0)), 2),
        Push(0..2),
        Command(OutputCommand::Write),
        Command(OutputCommand::Follow),
        taken(2),
        Command(OutputCommand::Write),
        taken(2),
        Command(OutputCommand::Follow),
        Push(2..3),
        committed(),
        // A successor must not see more than was said here.
        reads("me.1", 2, 0..2),
        Command(OutputCommand::Follow),
    ];
    check(
        Machine::new(beginning(Some(0))),
        story,
        expect![[r#"
        surveyed -> Opened { published_end: OutputIndex(0), last: None, fence: Some(Offset(0)) }; 0 published
        push 0..2 -> ; 0 published
        write -> take; 0 published
        follow -> ; 0 published
        taken -> retire, Drained; 0 published
        write -> take; 0 published
        taken -> append [0, 1]; 0 published
        follow -> ; 0 published
        push 2..3 -> ; 0 published
        committed -> TookOver { first: OutputIndex(0), at: Tick(0) }; 0 published
        read 2 -> retire, Drained; 2 published
        follow -> Drained; 2 published
    "#]],
    );
}

#[test]
fn too_much_at_once_is_halved_until_one_record_alone_is_too_large() {
    let story = [
        surveyed(Some(fence(0)), 2),
        Push(0..3),
        Command(OutputCommand::Write),
        taken(2),
        failed(Fate::Split),
        taken(2),
        failed(Fate::Split),
    ];
    check(
        Machine::new(beginning(Some(0))),
        story,
        expect![[r#"
        surveyed -> Opened { published_end: OutputIndex(0), last: None, fence: Some(Offset(0)) }; 0 published
        push 0..3 -> ; 0 published
        write -> take; 0 published
        taken -> append [0, 1, 2]; 0 published
        failed: Split -> take; 0 published
        taken -> append [0]; 0 published
        failed: Split -> blocked: output 0 has 100 bytes; the topic's max.message.bytes is smaller, retire; 0 published
    "#]],
    );
}

#[test]
fn everybody_compares_whoever_comes_first() {
    let other = |offset, index| {
        let mut seen = shown_by("b.1", offset, index);
        if let Meaning::Output(shown) = &mut seen.meaning {
            shown.digest = Digest(99);
        }
        seen
    };
    let read = |seen| Tail(TailNews::Read { seen: vec![seen], position: Offset(9) });
    check(
        Machine::new(beginning(Some(0))),
        [surveyed(Some(fence(0)), 2), Push(0..2), read(other(2, 0))],
        expect![[r#"
            surveyed -> Opened { published_end: OutputIndex(0), last: None, fence: Some(Offset(0)) }; 0 published
            push 0..2 -> ; 0 published
            read 1 -> blocked: diverged at index 0 (message id 0): digest 00000000000000000000000000000063 in the log, 00000000000000000000000000000000 here, written by b.1, retire; 1 published
        "#]],
    );
    check(
        Machine::new(beginning(Some(0))),
        [surveyed(Some(fence(0)), 2), read(other(2, 0)), Push(0..2)],
        expect![[r#"
            surveyed -> Opened { published_end: OutputIndex(0), last: None, fence: Some(Offset(0)) }; 0 published
            read 1 -> ; 1 published
            push 0..2 -> blocked: diverged at index 0 (message id 0): digest 00000000000000000000000000000063 in the log, 00000000000000000000000000000000 here, written by b.1, retire; 1 published
        "#]],
    );
    // The last record before this replica began to read covers all before it.
    check(
        Machine::new(beginning(Some(0))),
        [surveyed(Some(other(4, 2)), 6), Push(0..2), Push(2..3)],
        expect![[r#"
        surveyed -> Opened { published_end: OutputIndex(3), last: Some((OutputIndex(2), MessageId(20), Digest(99))), fence: Some(Offset(0)) }; 3 published
        push 0..2 -> ; 3 published
        push 2..3 -> blocked: diverged at index 2 (message id 20): digest 00000000000000000000000000000063 in the log, 00000000000000000000000000000002 here, written by b.1, retire; 3 published
    "#]],
    );
}

#[test]
fn what_cannot_be_is_a_block() {
    let opened = || surveyed(Some(shown_by("b.1", 2, 0)), 4);
    let read = |seen| Tail(TailNews::Read { seen: vec![seen], position: Offset(9) });
    let newer = Seen { offset: Offset(5), meaning: Meaning::Newer };
    check(
        Machine::new(beginning(Some(0))),
        [opened(), read(shown_by("b.1", 5, 2))],
        expect![[r#"
        surveyed -> Opened { published_end: OutputIndex(1), last: Some((OutputIndex(0), MessageId(0), Digest(0))), fence: Some(Offset(0)) }; 1 published
        read 1 -> blocked: the log is forked at offset 5: index 2 where 1 belongs, retire; 1 published
    "#]],
    );
    check(
        Machine::new(beginning(Some(0))),
        [opened(), read(shown_by("b.1", 5, 0))],
        expect![[r#"
        surveyed -> Opened { published_end: OutputIndex(1), last: Some((OutputIndex(0), MessageId(0), Digest(0))), fence: Some(Offset(0)) }; 1 published
        read 1 -> blocked: the log is forked at offset 5: index 0 where 1 belongs, retire; 1 published
    "#]],
    );
    check(
        Machine::new(beginning(Some(0))),
        [opened(), read(newer), Push(0..1)],
        expect![[r#"
        surveyed -> Opened { published_end: OutputIndex(1), last: Some((OutputIndex(0), MessageId(0), Digest(0))), fence: Some(Offset(0)) }; 1 published
        read 1 -> blocked: fenced: generation 1 was replaced by a newer one, retire; 1 published
        push 0..1 -> ; 1 published
    "#]],
    );
    check(
        Machine::new(beginning(Some(0))),
        [opened(), Tail(TailNews::Shortened)],
        expect![[r#"
        surveyed -> Opened { published_end: OutputIndex(1), last: Some((OutputIndex(0), MessageId(0), Digest(0))), fence: Some(Offset(0)) }; 1 published
        Shortened -> blocked: the log was shortened: it ends before index 1, outputs up to 1 were published, retire; 1 published
    "#]],
    );
    check(
        Machine::new(beginning(Some(0))),
        [opened(), Push(5..6)],
        expect![[r#"
        surveyed -> Opened { published_end: OutputIndex(1), last: Some((OutputIndex(0), MessageId(0), Digest(0))), fence: Some(Offset(0)) }; 1 published
        push 5..6 -> blocked: the log was shortened: it ends before index 1, outputs up to 5 were published, retire; 1 published
    "#]],
    );
    // Retention has deleted every record of the generation.
    check(
        Machine::new(beginning(Some(0))),
        [surveyed(None, 9)],
        expect![[r#"
        surveyed -> blocked: the broker refuses for good: no record of generation 1 is left in the log: retention deleted it, and with it which output comes next; raise retention.ms of the topic above four marker periods, then understudy reset, retire; 0 published
    "#]],
    );
}
