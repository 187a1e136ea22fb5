//! Retention in whole projects: hand-computed tables, one per kind.

mod support;

use expect_test::{Expect, expect};
use support::{project, run, source};

/// Seconds: events into `in`; what the copy window below puts out, `record | event`.
fn check(retention: &str, records: &str, expected: Expect) {
    let copy = format!("<window-copy name=\"out\">{retention}</window-copy>");
    let text = project(&format!("{}{copy}", source("", "id*:int32,at:stamp,v:string")), &[("in", "out")]);
    expected.assert_eq(&run(&text, records, "out"));
}

#[test]
fn sliding_by_count_deletes_the_oldest_after_the_new_event() {
    check(
        "<retention type=\"bycount_sliding\">2</retention>",
        "0: i,n,1,,a; i,n,2,,b; i,n,3,,c
         1: u,n,2,,B
         2: i,n,4,,d
         3: d,n,2
         4: i,n,5,,e",
        expect![[r#"
            0 | I,N,1,,a
            0 | I,N,2,,b
            0 | I,N,3,,c
            0 | D,R,1,,a
            1 | UB,N,2,,B
            1 | D,N,2,,b
            2 | I,N,4,,d
            2 | D,R,3,,c
            3 | D,N,2,,B
            4 | I,N,5,,e
        "#]],
    );
}

#[test]
fn jumping_by_count_keeps_the_newest_only() {
    check(
        "<retention type=\"bycount_jumping\">2</retention>",
        "0: i,n,1,,a; i,n,2,,b
         1: u,n,1,,A
         2: i,n,3,,c
         3: i,n,4,,d",
        expect![[r#"
            0 | I,N,1,,a
            0 | I,N,2,,b
            1 | UB,N,1,,A
            1 | D,N,1,,a
            2 | I,N,3,,c
            2 | D,R,2,,b
            2 | D,R,1,,A
            3 | I,N,4,,d
        "#]],
    );
}

#[test]
fn sliding_by_engine_time_deletes_at_heartbeats_before_the_record_that_makes_them_due() {
    // Row 1 arrives at 0.3 s: 2 s old at 2.3 s, so it goes at heartbeat 3. Row 2 is refreshed at 1.5 s, so it goes at 4.
    // The record at 9 s brings nothing but time.
    check(
        "<retention type=\"bytime_sliding\">2 seconds</retention>",
        "0.3: i,n,1,,a
         0.9: i,n,2,,b
         1.5: u,n,2,,B
         2.9: i,n,3,,c
         3.0: i,n,4,,d
         9:",
        expect![[r#"
            0 | I,N,1,,a
            1 | I,N,2,,b
            2 | UB,N,2,,B
            2 | D,N,2,,b
            3 | I,N,3,,c
            4 | D,R,1,,a
            4 | I,N,4,,d
            5 | D,R,2,,B
            5 | D,R,3,,c
            5 | D,R,4,,d
        "#]],
    );
}

#[test]
fn sliding_by_event_time_goes_by_the_newest_time_seen() {
    // 10 s are 10 000 000. The late row 3 is too old when it arrives, a null counts as the newest time.
    check(
        "<retention type=\"bytime_sliding\" field=\"at\">5 seconds</retention>",
        "0: i,n,1,10000000,a; i,n,2,12000000,b
         0: i,n,5,,e
         0: i,n,3,15000000,c
         0: i,n,4,9000000,d
         0: i,n,6,17000000,f",
        expect![[r#"
            0 | I,N,1,10000000,a
            0 | I,N,2,12000000,b
            1 | I,N,5,,e
            2 | I,N,3,15000000,c
            2 | D,R,1,10000000,a
            3 | I,N,4,9000000,d
            3 | D,R,4,9000000,d
            4 | I,N,6,17000000,f
            4 | D,R,2,12000000,b
            4 | D,R,5,,e
        "#]],
    );
}

#[test]
fn jumping_by_engine_time_deletes_everything_each_period_from_the_start() {
    // The first record starts the count at 0.5 s; jumps are due at 2.5 and 4.5 s and run at heartbeats 3 and 5.
    check(
        "<retention type=\"bytime_jumping\">2 seconds</retention>",
        "0.5: i,n,1,,a
         2.7: i,n,2,,b
         3.1: i,n,3,,c
         4.9:
         5:
         60: i,n,4,,d",
        expect![[r#"
            0 | I,N,1,,a
            1 | I,N,2,,b
            2 | D,R,1,,a
            2 | D,R,2,,b
            2 | I,N,3,,c
            4 | D,R,3,,c
            5 | I,N,4,,d
        "#]],
    );
}

#[test]
fn jumping_by_event_time_deletes_what_is_before_the_multiple_that_was_crossed() {
    // The first event is at 3 s, so the multiples are 13 s, 23 s, …
    check(
        "<retention type=\"bytime_jumping\" field=\"at\">10 seconds</retention>",
        "0: i,n,1,3000000,a; i,n,2,12000000,b
         0: i,n,3,14000000,c
         0: i,n,4,11000000,late
         0: i,n,5,45000000,e",
        expect![[r#"
            0 | I,N,1,3000000,a
            0 | I,N,2,12000000,b
            1 | I,N,3,14000000,c
            1 | D,R,1,3000000,a
            1 | D,R,2,12000000,b
            2 | I,N,4,11000000,late
            2 | D,R,4,11000000,late
            3 | I,N,5,45000000,e
            3 | D,R,3,14000000,c
        "#]],
    );
}

#[test]
fn a_look_back_keeps_the_rows_of_the_last_stretch() {
    check(
        "<retention type=\"bytime_jumping_lookback\" unit=\"1 second\">4 seconds</retention>",
        "0: i,n,1,,a
         3.5: i,n,2,,b
         4: i,n,3,,c
         8:",
        expect![[r#"
            0 | I,N,1,,a
            1 | I,N,2,,b
            2 | D,R,1,,a
            2 | I,N,3,,c
            3 | D,R,2,,b
            3 | D,R,3,,c
        "#]],
    );
}

#[test]
fn a_gap_of_years_costs_nothing() {
    let started = "0: i,n,1,,a\n4000000000: i,n,2,,b";
    check(
        "<retention type=\"bytime_jumping\">1 second</retention>",
        started,
        expect![[r#"
            0 | I,N,1,,a
            1 | D,R,1,,a
            1 | I,N,2,,b
        "#]],
    );
}

#[test]
fn two_windows_that_expire_at_the_same_heartbeat_take_turns_from_the_top() {
    // Both hold row 1; the upper one lets it go at 2, which empties the lower one quietly before its own time at 3.
    let windows = "<window-copy name=\"upper\"><retention type=\"bytime_sliding\">2 seconds</retention></window-copy>\
                   <window-copy name=\"out\"><retention type=\"bytime_sliding\">3 seconds</retention></window-copy>";
    let text = project(
        &format!("{}{windows}", source("", "id*:int32,at:stamp,v:string")),
        &[("in", "upper"), ("upper", "out")],
    );
    expect![[r#"
        0 | I,N,1,,a
        1 | D,R,1,,a
        1 | I,N,2,,b
    "#]]
    .assert_eq(&run(&text, "0: i,n,1,,a\n7: i,n,2,,b", "out"));
}

#[test]
fn a_source_may_let_rows_go_too() {
    let retention = "<retention type=\"bycount_sliding\">1</retention></window-source>";
    let text = project(&source("", "id*:int32,v:string").replace("</window-source>", retention), &[]);
    expect![[r#"
        0 | I,N,1,a
        1 | I,N,2,b
        1 | D,R,1,a
        2 | I,N,1,c
        2 | D,R,2,b
    "#]]
    .assert_eq(&run(&text, "0: i,n,1,a\n0: i,n,2,b\n0: i,n,1,c", "in"));
}
