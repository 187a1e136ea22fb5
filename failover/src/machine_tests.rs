//! What the scenarios can't show: names used twice, phases, settings, words that come too late.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt::Write as _;

use expect_test::{Expect, expect};
use types::Incarnation;

use super::*;
use crate::{Evidence, Ticket};

fn config() -> Config {
    Config {
        member: "n1".into(),
        incarnation: Incarnation(2),
        outputs: 1,
        fencing: Fencing::Log,
        session_timeout: Duration::from_secs(1),
        buffered_outputs_max: 10,
        unacknowledged_outputs_max: 100,
        lag_max: Duration::from_millis(200),
        silence_max: Duration::from_millis(200),
        stall_max: Duration::from_secs(1),
        owed_max: Duration::from_secs(1),
        read_max: Duration::from_millis(200),
        rejoin_delay: Duration::from_millis(200),
        handover_timeout: Duration::from_secs(2),
    }
}

fn at(millis: u64) -> Tick {
    Tick(millis * 1_000_000)
}

fn candidate(member: &str, incarnation: u64, ticket: u64) -> Candidate {
    Candidate { member: member.into(), incarnation: Incarnation(incarnation), ticket: Ticket(ticket) }
}

fn line<const N: usize>(candidates: [Candidate; N]) -> Fact {
    Fact::LineChanged { term: Term(7), candidates: candidates.into() }
}

fn opened() -> Fact {
    Fact::OutputOpened { output: OutputId(0), published_end: OutputIndex(0) }
}

fn published(end: u64) -> Fact {
    Fact::Published { output: OutputId(0), end: OutputIndex(end) }
}

fn handed_over(next: &[u64]) -> Fact {
    Fact::HandedOver { from: "n2".into(), next: next.iter().copied().map(OutputIndex).collect() }
}

fn died(member: &str) -> Fact {
    Fact::PeerDied { member: member.into(), incarnation: Incarnation(1), evidence: Evidence::Refused }
}

fn blocked(cause: BlockCause) -> Fact {
    Fact::BlockMet(Block { cause, detail: String::new() })
}

/// Hands in a fact and gives back what follows.
fn tell(machine: &mut Machine, fact: Fact, now: Tick) -> String {
    let mut text = fact.to_string() + " ->";
    machine.handle(fact, now);
    while let Some(action) = machine.poll_action() {
        let _ = write!(text, " {action};");
    }
    text
}

/// A standby behind n2, at 0 ms.
fn standby() -> Machine {
    let mut machine = Machine::new(config()).unwrap();
    tell(&mut machine, opened(), at(0));
    tell(&mut machine, Fact::CoordinatorConnected, at(0));
    tell(&mut machine, line([candidate("n2", 1, 3), candidate("n1", 2, 5)]), at(0));
    assert_eq!(machine.stage(), Stage::Standby);
    machine
}

/// An active without anybody ahead or behind.
fn active() -> Machine {
    let mut machine = standby();
    tell(&mut machine, line([candidate("n1", 2, 5)]), at(0));
    assert_eq!(machine.stage(), Stage::Active);
    machine
}

fn check(mut machine: Machine, facts: impl IntoIterator<Item = Fact>, expected: &Expect) {
    let told: Vec<String> = facts.into_iter().map(|fact| tell(&mut machine, fact, at(0))).collect();
    expected.assert_eq(&told.join("\n"));
}

#[test]
fn an_old_start_blocks_when_a_later_one_stands_in_line() {
    let facts = [line([candidate("n1", 2, 5), candidate("n1", 3, 6)]), Fact::ShutdownAsked];
    check(
        active(),
        facts,
        &expect![[r#"
        line t7 [n1.2#5 n1.3#6] -> StopWriting; Announce blocked (blocked); LeaveLine; PauseInput;
        shutdown asked -> Announce stopped (shutdown asked); CloseSession; Exit blocked;"#]],
    );
}

#[test]
fn the_first_block_stays() {
    let mut machine = active();
    tell(&mut machine, blocked(BlockCause::Diverged), at(0));
    assert_eq!(tell(&mut machine, blocked(BlockCause::LogForked), at(0)), "block met (log-forked) ->");
    assert!(matches!(machine.role(), Role::Blocked(block) if block.cause == BlockCause::Diverged));
}

#[test]
fn a_blocked_replica_hears_everything_and_does_nothing() {
    let mut machine = standby();
    tell(&mut machine, blocked(BlockCause::Diverged), at(0));
    let facts = [
        line([candidate("n1", 2, 5)]),
        Fact::ForceAsked,
        handed_over(&[0]),
        Fact::SessionLost,
        Fact::CoordinatorConnected,
        line([]),
        Fact::DeadlinePassed,
    ];
    check(
        machine,
        facts,
        &expect![[r#"
        line t7 [n1.2#5] ->
        force asked ->
        n2 handed over at 0 ->
        session lost ->
        coordinator connected ->
        line t7 [] ->
        deadline passed ->"#]],
    );
}

#[test]
fn after_the_exit_facts_mean_nothing() {
    let facts =
        [Fact::ShutdownAsked, Fact::ShutdownAsked, blocked(BlockCause::Diverged), line([candidate("n1", 2, 9)])];
    check(
        standby(),
        facts,
        &expect![[r#"
        shutdown asked -> Announce stopped (shutdown asked); CloseSession; Exit clean;
        shutdown asked ->
        block met (diverged) ->
        line t7 [n1.2#9] ->"#]],
    );
}

#[test]
fn the_phases_of_a_takeover_are_kept() {
    let mut machine = standby();
    tell(&mut machine, Fact::PauseAsked, at(5));
    tell(&mut machine, died("n2"), at(10));
    tell(&mut machine, Fact::ResumeAsked, at(12));
    tell(&mut machine, Fact::WritingStarted, at(13));
    let took_over = Fact::TookOver { output: OutputId(0), first: OutputIndex(0), at: at(15) };
    tell(&mut machine, took_over, at(16));
    let expected = LastFailover {
        cause: Why::AheadDied,
        term: Term(7),
        detected: at(10),
        decided: at(12),
        first_write: Some(at(13)),
        first_ack: Some(at(15)),
    };
    assert_eq!(machine.last_failover(), Some(&expected));
}

#[test]
fn a_handover_that_the_log_has_passed_is_void() {
    check(
        standby(),
        [published(8), handed_over(&[7])],
        &expect![[r#"
        o0 published 8 ->
        n2 handed over at 7 ->"#]],
    );
}

#[test]
fn a_handover_to_one_that_is_late_is_not_taken() {
    let mut machine = standby();
    tell(&mut machine, published(8), at(0));
    let left = tell(&mut machine, Fact::DeadlinePassed, at(200));
    assert_eq!(left, "deadline passed -> LeaveLine;");
    assert_eq!(tell(&mut machine, handed_over(&[8]), at(201)), "n2 handed over at 8 ->");
}

#[test]
fn a_handover_with_too_few_indexes_does_no_harm() {
    let told = tell(&mut standby(), handed_over(&[]), at(0));
    assert_eq!(told, "n2 handed over at -> StartWriting at; Displace n2.1#3; Announce active (handed over);");
}

#[test]
fn a_refusal_deposes_nobody_whom_the_line_backs() {
    let refused = || Fact::WriterRefused { output: OutputId(0) };
    let foreign = || Fact::ForeignWriter { output: OutputId(0) };
    let facts = [refused(), foreign(), Fact::CoordinatorSuspended { heard: at(0) }, foreign()];
    check(
        active(),
        facts,
        &expect![[r#"
        o0 refused ->
        o0 foreign writer ->
        coordinator suspended ->
        o0 foreign writer -> StopWriting; Announce standby (refused);"#]],
    );
}

#[test]
fn an_answer_to_an_earlier_stop_drains_nothing() {
    let mut machine = active();
    tell(&mut machine, Fact::Drained { output: OutputId(0) }, at(0));
    assert_eq!(machine.on_its_way, [OnItsWay::Unknown]);
}

#[test]
fn asking_for_a_place_is_repeated_while_it_is_not_seen() {
    let mut machine = Machine::new(config()).unwrap();
    tell(&mut machine, opened(), at(0));
    let joined = tell(&mut machine, Fact::CoordinatorConnected, at(0));
    assert_eq!(joined, "coordinator connected -> JoinLine;");
    assert_eq!(machine.deadline(), Some(at(1_000)));
    assert_eq!(tell(&mut machine, Fact::DeadlinePassed, at(1_000)), "deadline passed -> JoinLine;");
    assert_eq!(machine.deadline(), Some(at(2_000)));
}

#[test]
fn time_does_not_go_back() {
    let mut machine = standby();
    tell(&mut machine, published(8), at(100));
    tell(&mut machine, published(9), at(50));
    assert_eq!(machine.deadline(), Some(at(300)));
}

#[test]
fn settings_that_do_not_fit_together_are_refused() {
    let refused = |change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        Machine::new(config).unwrap_err().to_string()
    };
    let told = [
        refused(|config| config.outputs = 0),
        refused(|config| config.buffered_outputs_max = 0),
        refused(|config| config.unacknowledged_outputs_max = 9),
        refused(|config| config.silence_max = Duration::ZERO),
    ];
    expect![[r#"
        0 outbound topics; 1 to 1024 can be served
        numbufferedmsgs is 0; a standby must hold at least one output
        an active would hold 9 unacknowledged outputs, less than the 10 of a standby
        the silence bound is 0"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
#[should_panic(expected = "actions of the fact before were not drained")]
fn actions_must_be_drained_before_the_next_fact() {
    let mut machine = Machine::new(config()).unwrap();
    machine.handle(opened(), at(0));
    machine.handle(opened(), at(0));
}
