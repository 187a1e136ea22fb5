//! What each kind of window does to each opcode: hand-computed tables.

mod support;

use expect_test::{Expect, expect};
use support::{engine, fields, output, project, records, run, source};

const SCHEMA: &str = "id*:int32,x:double,v:string";

fn check(window: &str, records: &str, expected: Expect) {
    let text = project(&format!("{}{window}", source("", SCHEMA)), &[("in", "out")]);
    expected.assert_eq(&run(&text, records, "out"));
}

fn check_source(attributes: &str, schema: &str, records: &str, expected: Expect) {
    expected.assert_eq(&run(&project(&source(attributes, schema), &[]), records, "in"));
}

#[test]
fn a_stateful_source_checks_opcodes_against_its_rows() {
    check_source(
        "",
        SCHEMA,
        "0: i,n,1,1,a; i,n,1,2,b; u,n,9,1,z; d,n,9; sd,n,9
         1: p,n,2,5,p; p,n,2,6,P
         2: u,n,1,3,c
         3: d,n,1; sd,n,2
         4: i,n,1,7,again; i,n,,1,nokey; ub,n,1,1,x",
        expect![[r#"
            0 | I,N,1,1,a
            1 | I,N,2,5,p
            1 | UB,N,2,6,P
            1 | D,N,2,5,p
            2 | UB,N,1,3,c
            2 | D,N,1,1,a
            3 | D,N,1,3,c
            3 | D,N,2,6,P
            4 | I,N,1,7,again
            0 | cq/in rejects row 1: insert of a key that exists
            0 | cq/in rejects row 2: update or delete of a key that doesn't exist
            0 | cq/in rejects row 3: update or delete of a key that doesn't exist
            4 | cq/in rejects row 1: a key field is null
            4 | cq/in rejects row 2: update block from outside; publish an update or upsert
        "#]],
    );
}

#[test]
fn a_partial_update_keeps_what_it_leaves_empty() {
    check_source(
        "",
        SCHEMA,
        "0: i,n,1,1,a
         1: u,p,1,,b
         2: p,p,1,4,
         3: u,n,1,,",
        expect![[r#"
            0 | I,N,1,1,a
            1 | UB,N,1,1,b
            1 | D,N,1,1,a
            2 | UB,N,1,4,b
            2 | D,N,1,1,b
            3 | UB,N,1,,
            3 | D,N,1,4,b
        "#]],
    );
}

#[test]
fn a_stateless_source_hands_everything_on() {
    check_source(
        "index=\"pi_EMPTY\"",
        SCHEMA,
        "0: i,n,1,1,a; i,n,1,1,a; u,n,7,2,u; p,p,7,,p; d,n,8,,; sd,n,8,,",
        expect![[r#"
            0 | I,N,1,1,a
            0 | I,N,1,1,a
            0 | U,N,7,2,u
            0 | P,P,7,,p
            0 | D,N,8,,
            0 | SD,N,8,,
        "#]],
    );
}

#[test]
fn generated_keys_count_accepted_events_only() {
    for index in ["index=\"pi_EMPTY\"", "index=\"pi_HASH\""] {
        check_source(
            &format!("{index} insert-only=\"true\" autogen-key=\"true\""),
            "id*:int64,v:string",
            "0: i,n,77,a; u,n,0,b; i,n,,c
             1: d,n,0; i,n,5,d",
            expect![[r#"
                0 | I,N,0,a
                0 | I,N,1,c
                1 | I,N,2,d
                0 | cq/in rejects row 1: update where only inserts are taken
                1 | cq/in rejects row 0: delete where only inserts are taken
            "#]],
        );
    }
}

#[test]
fn generated_textual_keys_are_the_same_for_the_same_log() {
    check_source(
        "insert-only=\"true\" autogen-key=\"true\"",
        "id*:string,v:int32",
        "0: i,n,,1; i,n,,2\n0: i,n,,3",
        expect![[r#"
            0 | I,N,2a138908-ad6a-8dd5-9a2d-11bd3c83a250,1
            0 | I,N,cc8da1ee-a88f-8582-967c-b7fcb0022418,2
            1 | I,N,5db56f79-ac73-8c75-82df-243d4ed25549,3
        "#]],
    );
}

#[test]
fn keys_may_have_several_fields() {
    check_source(
        "",
        "a*:string,v:int32,b*:stamp",
        "0: i,n,m,1,10; i,n,m,2,20; u,n,m,3,10; d,n,m,,20",
        expect![[r#"
            0 | I,N,m,1,10
            0 | I,N,m,2,20
            0 | UB,N,m,3,10
            0 | D,N,m,1,10
            0 | D,N,m,2,20
        "#]],
    );
}

const FILTER: &str = "<window-filter name=\"out\"><expression>x &gt; 10</expression></window-filter>";

#[test]
fn a_filter_makes_the_left_half_of_an_update_whole() {
    check(
        FILTER,
        "0: i,n,1,20,a; i,n,2,5,b
         1: u,n,1,30,A
         2: u,n,1,7,B
         3: u,n,1,8,C
         4: u,n,1,11,D; d,n,1; d,n,2",
        expect![[r#"
            0 | I,N,1,20,a
            1 | UB,N,1,30,A
            1 | D,N,1,20,a
            2 | D,N,1,30,A
            4 | I,N,1,11,D
            4 | D,N,1,11,D
        "#]],
    );
}

#[test]
fn a_stateless_filter_decides_alike() {
    check(
        &FILTER.replace("name", "index=\"pi_EMPTY\" name"),
        "0: i,n,1,20,a
         1: u,n,1,30,A
         2: u,n,1,7,B
         3: u,n,1,11,D; d,n,1",
        expect![[r#"
            0 | I,N,1,20,a
            1 | UB,N,1,30,A
            1 | D,N,1,20,a
            2 | D,N,1,30,A
            3 | I,N,1,11,D
            3 | D,N,1,11,D
        "#]],
    );
}

#[test]
fn a_filter_on_the_opcode_lets_inserts_through_and_keeps_their_rows() {
    check(
        "<window-filter name=\"out\"><expression>ESP_OPCODE == 'I'</expression></window-filter>",
        "0: i,n,1,1,a
         1: u,n,1,2,b
         2: d,n,1
         3: i,n,1,3,c",
        expect![[r#"
            0 | I,N,1,1,a
            3 | UB,N,1,3,c
            3 | D,N,1,1,a
        "#]],
    );
}

#[test]
fn a_filter_on_flags_stops_what_retention_deletes() {
    let windows = "<window-copy name=\"last\"><retention type=\"bycount_sliding\">1</retention></window-copy>\
                   <window-filter name=\"out\"><expression>if instr(ESP_FLAGS,\"R\") then return 0 else return 1\
                   </expression></window-filter>";
    let text = project(&format!("{}{windows}", source("", SCHEMA)), &[("in", "last"), ("last", "out")]);
    expect![[r#"
        0 | I,N,1,1,a
        1 | I,N,2,2,b
        2 | D,N,2,2,b
    "#]]
    .assert_eq(&run(&text, "0: i,n,1,1,a\n0: i,n,2,2,b\n0: d,n,2", "out"));
}

#[test]
fn a_compute_window_takes_back_what_it_sent_before() {
    // The counter makes the computed value of each event another one; old rows come from the table all the same.
    let window = format!(
        "<window-compute name=\"out\"><expr-initialize><initializer type=\"integer\">integer c\nc = 0</initializer>\
         </expr-initialize>{}<output><field-expr>c = c + 1</field-expr><field-expr>x * c</field-expr></output>\
         </window-compute>",
        fields("id*:int32,n:int64,y:double")
    );
    check(
        &window,
        "0: i,n,1,10,a; i,n,2,20,b
         1: u,n,1,11,A
         2: d,n,1; d,n,2
         3: i,n,3,1,c",
        expect![[r#"
            0 | I,N,1,1,10
            0 | I,N,2,2,40
            1 | UB,N,1,3,33
            1 | D,N,1,1,10
            2 | D,N,1,3,33
            2 | D,N,2,2,40
            3 | I,N,3,4,4
        "#]],
    );
}

#[test]
fn a_stateless_compute_window_computes_each_half() {
    let window = format!(
        "<window-compute name=\"out\" index=\"pi_EMPTY\">{}<output><field-expr>x + 0.5</field-expr></output>\
         </window-compute>",
        fields("id*:int32,y:double")
    );
    check(
        &window,
        "0: i,n,1,10,a\n1: u,n,1,11,A\n2: d,n,1",
        expect![[r#"
            0 | I,N,1,10.5
            1 | UB,N,1,11.5
            1 | D,N,1,10.5
            2 | D,N,1,11.5
        "#]],
    );
}

#[test]
fn an_update_that_moves_a_row_to_another_key_is_a_delete_and_an_insert() {
    let window = format!(
        "<window-compute name=\"out\">{}<output><field-expr>x</field-expr></output></window-compute>",
        fields("v*:string,x:double")
    );
    check(
        &window,
        "0: i,n,1,1,a; i,n,2,2,b
         1: u,n,1,5,a
         2: u,n,1,6,c
         3: u,n,2,7,c
         4: d,n,1",
        expect![[r#"
            0 | I,N,a,1
            0 | I,N,b,2
            1 | UB,N,a,5
            1 | D,N,a,1
            2 | D,N,a,5
            2 | I,N,c,6
            3 | D,N,b,2
            4 | D,N,c,6
            3 | cq/out rejects row 0: insert of a key that exists
        "#]],
    );
}

#[test]
fn an_event_counter_counts_the_events_that_run_it() {
    let window = format!(
        "<window-functional name=\"out\">{}<function-context><functions>\
         <function name=\"n\">eventCounter()</function><function name=\"twice\">product($n,2)</function>\
         <function name=\"label\">string($v,'-',$twice)</function></functions></function-context></window-functional>",
        fields("id*:int32,n:int64,label:string,x:double")
    );
    check(
        &window,
        "0: i,n,1,10,a; i,n,2,20,b
         1: d,n,1; u,n,2,21,B
         2: i,n,3,30,c",
        expect![[r#"
            0 | I,N,1,0,a-0,10
            0 | I,N,2,1,b-2,20
            1 | D,N,1,0,a-0,10
            1 | UB,N,2,2,B-4,21
            1 | D,N,2,1,b-2,20
            2 | I,N,3,3,c-6,30
        "#]],
    );
}

#[test]
fn generate_decides_which_events_are_emitted() {
    let window = format!(
        "<window-functional name=\"out\">{}<function-context><functions><function name=\"y\">sum($x,1)</function>\
         </functions></function-context><generate>gt($x,10)</generate></window-functional>",
        fields("id*:int32,y:double")
    );
    check(
        &window,
        "0: i,n,1,20,a; i,n,2,5,b
         1: u,n,1,9,A
         2: u,n,2,15,B
         3: d,n,1; d,n,2",
        expect![[r#"
            0 | I,N,1,21
            1 | D,N,1,21
            2 | I,N,2,16
            3 | D,N,2,16
        "#]],
    );
}

#[test]
fn an_opcode_function_replaces_the_opcode() {
    let window = format!(
        "<window-functional name=\"out\">{}<function-context><functions><function name=\"y\">$x</function>\
         </functions></function-context><opcode>if(equals($v,'del'),'delete',if(equals($v,'?'),'no','upsert'))</opcode>\
         </window-functional>",
        fields("id*:int32,y:double")
    );
    let text = project(&format!("{}{window}", source("index=\"pi_EMPTY\"", SCHEMA)), &[("in", "out")]);
    expect![[r#"
        0 | I,N,1,1
        0 | UB,N,1,2
        0 | D,N,1,1
        0 | D,N,1,2
        0 | cq/out rejects row 3: the opcode function gave no opcode
    "#]]
    .assert_eq(&run(&text, "0: i,n,1,1,a; i,n,1,2,b; i,n,1,3,del; i,n,1,4,?", "out"));
}

#[test]
fn a_summary_slides_over_values_and_deletes_take_results_back() {
    let window = format!(
        "<window-calculate name=\"out\" algorithm=\"Summary\">{}\
         <parameters><properties><property name=\"windowLength\">2</property></properties></parameters>\
         <input-map><properties><property name=\"input\">x</property></properties></input-map>\
         <output-map><properties><property name=\"sumOut\">s</property><property name=\"nmissOut\">missing</property>\
         <property name=\"meanOut\">mean</property><property name=\"stdOut\">std</property></properties></output-map>\
         </window-calculate>",
        fields("id*:int32,s:int64,mean:double,missing:int32,std:double")
    );
    check(
        &window,
        "0: i,n,1,1.5,a; i,n,2,4.25,b; i,n,3,,c
         1: u,n,1,10,A
         2: d,n,2
         3: i,n,4,20,d",
        expect![[r#"
            0 | I,N,1,1,1.5,0,
            0 | I,N,2,5,2.875,0,1.9445436482630056
            0 | I,N,3,4,4.25,1,
            1 | UB,N,1,10,10,1,
            1 | D,N,1,1,1.5,0,
            2 | D,N,2,5,2.875,0,1.9445436482630056
            3 | I,N,4,30,15,0,7.0710678118654755
        "#]],
    );
}

#[test]
fn insert_only_output_hides_the_rest_and_keeps_the_state() {
    check(
        "<window-copy name=\"out\" output-insert-only=\"true\"/>",
        "0: i,n,1,1,a; u,n,1,2,b
         1: d,n,1
         2: i,n,1,3,c",
        expect![[r#"
            0 | I,N,1,1,a
            2 | I,N,1,3,c
        "#]],
    );
}

#[test]
fn collapsed_updates_leave_as_one_change_of_a_key_per_record() {
    check(
        "<window-copy name=\"out\" collapse-updates=\"true\"><retention type=\"bycount_sliding\">2</retention></window-copy>",
        "0: i,n,1,1,a; u,n,1,2,b; i,n,2,1,c
         1: u,n,1,3,d; u,n,1,4,e
         2: i,n,3,1,f; d,n,3
         3: u,n,1,5,g; d,n,1; i,n,1,6,h
         4: i,n,4,1,i; i,n,5,1,j",
        expect![[r#"
            0 | I,N,1,2,b
            0 | I,N,2,1,c
            1 | UB,N,1,4,e
            1 | D,N,1,2,b
            2 | D,R,2,1,c
            3 | UB,N,1,6,h
            3 | D,N,1,4,e
            4 | I,N,4,1,i
            4 | I,N,5,1,j
            4 | D,R,1,6,h
        "#]],
    );
}

#[test]
fn a_window_with_several_inputs_hears_them_per_moment_in_the_order_of_the_edges() {
    let windows = "<window-copy name=\"last\"><retention type=\"bytime_sliding\">2 seconds</retention></window-copy>\
                   <window-copy name=\"all\"/><window-copy name=\"out\" index=\"pi_EMPTY\"/>";
    let text = project(&format!("{}{windows}", source("", SCHEMA)), &[("in", "last"), ("in", "all"), ("all", "out")]);
    let mut project = match understudy_engine::project::load(&text, "test.xml", &|_| None) {
        Ok(loaded) => loaded.project,
        Err(problems) => panic!("{problems:?}"),
    };
    // The loader takes one input a window so far; the engine takes several.
    let mut second = project.contqueries[0].edges[2].clone();
    second.source = "last".to_owned();
    project.contqueries[0].edges.push(second);
    let Ok(mut engine) = understudy_engine::Engine::new(&project) else { panic!("it doesn't compile") };
    let (Some(source), Some(out)) = (engine.window("cq/in"), engine.window("cq/out")) else { panic!("no window") };
    engine.subscribe(out);
    let input = records(&engine.schema(source).clone(), "0: i,n,1,1,a; i,n,2,2,b\n1: d,n,2\n9: i,n,3,3,c");
    engine.process(source, &input);
    expect![[r#"
        0 | I,N,1,1,a
        0 | I,N,2,2,b
        0 | I,N,1,1,a
        0 | I,N,2,2,b
        1 | D,N,2,2,b
        1 | D,N,2,2,b
        2 | D,R,1,1,a
        2 | I,N,3,3,c
        2 | I,N,3,3,c
    "#]]
    .assert_eq(&output(&engine, out));
}

#[test]
fn a_window_that_nobody_asked_for_puts_out_nothing() {
    let text = project(&source("", SCHEMA), &[]);
    let loaded = understudy_engine::project::load(&text, "t.xml", &|_| None);
    let mut engine = understudy_engine::Engine::new(&loaded.map(|loaded| loaded.project).unwrap_or_else(|_| panic!()))
        .unwrap_or_else(|_| panic!());
    let window = engine.window("cq/in").unwrap_or_else(|| panic!());
    let input = records(&engine.schema(window).clone(), "5: i,n,1,1,a");
    engine.process(window, &input);
    assert_eq!(output(&engine, window), "");
    assert_eq!(engine.time().0, 5_000_000);
    engine.subscribe(window);
    engine.process(window, &records(&engine.schema(window).clone(), "1: d,n,1"));
    assert_eq!(output(&engine, window), "0 | D,N,1,1,a\n");
    assert_eq!(engine.time().0, 5_000_000, "time never goes back");
}

#[test]
fn outputs_are_those_of_the_last_call() {
    let mut engine = engine(&project(&source("", SCHEMA), &[]));
    let Some(window) = engine.window("cq/in") else { panic!("no window") };
    let schema = engine.schema(window).clone();
    engine.process(window, &records(&schema, "0: i,n,1,1,a; i,n,1,1,a"));
    assert_eq!((engine.output(window).block.len(), engine.rejections().len()), (1, 1));
    engine.process(window, &records(&schema, "1:"));
    assert_eq!((engine.output(window).block.len(), engine.rejections().len()), (0, 0));
}
