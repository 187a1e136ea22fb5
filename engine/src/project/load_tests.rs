use std::path::Path;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::project::{Connector, Direction, IndexKind, RetentionKind, Window, WindowKind};

const SUM20: &str = include_str!("../../../examples/sum20/project.xml");

fn no_environment(_: &str) -> Option<String> {
    None
}

fn try_load(text: &str) -> Result<Loaded, Vec<Problem>> {
    load(text, "project.xml", &no_environment)
}

fn loaded(text: &str) -> Loaded {
    try_load(text).unwrap_or_else(|problems| panic!("{}", shown(&problems)))
}

fn shown(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

fn check(text: &str, expected: Expect) {
    let shown = match try_load(text) {
        Ok(_) => "loaded".to_owned(),
        Err(problems) => shown(&problems),
    };
    expected.assert_eq(&shown);
}

/// Our example with one piece of text replaced.
fn check_changed(from: &str, to: &str, expected: Expect) {
    assert!(SUM20.contains(from), "{from}");
    check(&SUM20.replacen(from, to, 1), expected);
}

/// A project of a source `in` with fields id (key), name, amount and what is given.
fn small(windows: &str, edges: &str) -> String {
    format!(
        "<project name='p'><contqueries><contquery name='q'><windows>\n\
         <window-source name='in'><schema-string>id*:int64,name:string,amount:double,at:stamp</schema-string></window-source>\n\
         {windows}</windows><edges>{edges}</edges></contquery></contqueries></project>"
    )
}

fn window<'l>(loaded: &'l Loaded, name: &str) -> &'l Window {
    loaded.project.contqueries[0].window(name).unwrap()
}

// What works.

#[test]
fn our_example_loads_as_it_is_meant() {
    let loaded = loaded(SUM20);
    assert_eq!(loaded.project.name, "sum20");
    assert_eq!(loaded.project.heartbeat_interval.as_secs(), 1);
    let query = &loaded.project.contqueries[0];
    let order: Vec<&str> = query.topological_order().into_iter().map(|at| query.windows[at].name.as_str()).collect();
    assert_eq!(order, ["readings", "half_hour", "numbered", "summed", "report"]);

    let half_hour = window(&loaded, "half_hour");
    assert_eq!(half_hour.schema.to_string(), "reading*:int64,meter:double,kilowatt:double");
    let WindowKind::Copy { retention: Some(retention) } = &half_hour.kind else { panic!("{half_hour:?}") };
    assert_eq!(retention.kind, RetentionKind::ByTimeSliding { limit: std::time::Duration::from_secs(1_800) });

    assert_eq!(window(&loaded, "readings").index, IndexKind::Empty);
    assert_eq!(window(&loaded, "report").index, IndexKind::Hash);
    let connector: &Connector = &window(&loaded, "report").connectors[0];
    assert_eq!(connector.direction, Direction::Subscribe);
    assert_eq!(connector.property("hotfailover"), Some("true"));
    assert_eq!(connector.property("type"), None);
}

#[test]
fn what_has_no_effect_is_told_once_each() {
    let notices: Vec<String> = loaded(SUM20).notices.iter().map(Notice::to_string).collect();
    expect![[r#"
        project.xml:3:23: attribute threads has no effect here: results never depend on the number of threads
        project.xml:3:35: attribute pubsub has no effect here: events enter and leave through connectors (3 times)
        project.xml:4:3: element description has no effect here: it is for readers of the file"#]]
    .assert_eq(&notices.join("\n"));
}

#[test]
fn both_examples_differ_in_retention_only() {
    let by_count = include_str!("../../../examples/sum20-count/project.xml");
    let by_count = loaded(by_count);
    let kinds = |loaded: &Loaded| {
        loaded.project.contqueries[0].windows.iter().map(|window| window.schema.clone()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&by_count), kinds(&loaded(SUM20)));
}

#[test]
fn an_index_is_inherited_from_the_nearest_that_names_one() {
    let text =
        small("<window-copy name='a' index='pi_EMPTY'/><window-copy name='b'/>", "<edge source='in' target='a b'/>");
    let with = |project: &str, query: &str| {
        let text =
            text.replace("name='p'", &format!("name='p' {project}")).replace("name='q'", &format!("name='q' {query}"));
        let loaded = loaded(&text);
        (window(&loaded, "a").index, window(&loaded, "b").index)
    };
    assert_eq!(with("", ""), (IndexKind::Empty, IndexKind::Hash));
    assert_eq!(with("index='pi_RBTREE'", ""), (IndexKind::Empty, IndexKind::RbTree));
    assert_eq!(with("index='pi_RBTREE'", "index='pi_CL_HASH'"), (IndexKind::Empty, IndexKind::ClHash));
}

#[test]
fn schemas_are_derived_through_chains_in_any_order() {
    let windows = "<window-copy name='c'/><window-copy name='b'/><window-filter name='a'><expression>1</expression></window-filter>\
                   <window-compute name='d'><schema copy='c'/><output><field-expr>name</field-expr><field-expr>1</field-expr>\
                   <field-expr>at</field-expr></output></window-compute>";
    let loaded = loaded(&small(
        windows,
        "<edge source='b' target='c'/><edge source='a' target='b'/><edge source='in' target='a d'/>",
    ));
    let schema = "id*:int64,name:string,amount:double,at:stamp";
    for name in ["a", "b", "c", "d"] {
        assert_eq!(window(&loaded, name).schema.to_string(), schema, "{name}");
    }
}

#[test]
fn tokens_come_from_the_project_then_from_the_environment() {
    let text = SUM20
        .replace(
            "<contqueries>",
            "<properties><property name='LABEL'>plant_@PORT@</property></properties><contqueries>",
        )
        .replace("plant_31415", "@LABEL@");
    let environment = |name: &str| match name {
        "PORT" => Some("4711".to_owned()),
        "LABEL" => Some("of the environment".to_owned()),
        _ => None,
    };
    let loaded = load(&text, "project.xml", &environment).unwrap();
    let report = &loaded.project.contqueries[0].window("report").unwrap().connectors[0];
    assert_eq!(report.property("urlhostport"), Some("plant_4711"));
    assert_eq!(report.property("kafkatopic"), Some("plant_4711.sum20.plant.report.O"));
}

#[test]
fn a_stray_quote_in_a_date_format_is_dropped() {
    let added =
        "<property name=\"dateformat\"><![CDATA['%Y-%m-%d %H:%M:%S]]></property><property name=\"useoffsetmsgid\">";
    let loaded = loaded(&SUM20.replacen("<property name=\"useoffsetmsgid\">", added, 1));
    assert_eq!(window(&loaded, "readings").connectors[0].property("dateformat"), Some("%Y-%m-%d %H:%M:%S"));
}

#[test]
fn a_type_may_be_an_attribute_and_an_empty_element_asks_for_nothing() {
    let text = SUM20
        .replacen(
            "<connector class=\"kafka\" name=\"report_to_kafka\">",
            "<connector class='kafka' type='subscribe'>",
            1,
        )
        .replacen("<property name=\"type\">sub</property>", "", 1)
        .replace("<contqueries>", "<project-connectors/><lua-modules> </lua-modules><contqueries>");
    let loaded = loaded(&text);
    let connector = &window(&loaded, "report").connectors[0];
    assert_eq!((connector.direction, connector.name.as_str()), (Direction::Subscribe, "kafka_1"));
}

#[test]
fn expressions_keep_their_place() {
    let loaded = loaded(SUM20);
    let WindowKind::Compute { field_exprs, .. } = &window(&loaded, "report").kind else { panic!() };
    let position = field_exprs[1].position;
    assert!(loaded.source.line(position.line).unwrap()[position.column as usize - 1..].starts_with("kilowatt<"));
}

// What does not.

#[test]
fn a_misspelt_attribute_is_told_with_what_was_meant() {
    check_changed(
        "heartbeat-interval",
        "heartbeat-intervall",
        expect![[r#"
        Unknown attribute "heartbeat-intervall" of project.  project.xml:3:49: a word that is not understood is never skipped.
              3 │ <project name="sum20" threads="2" pubsub="auto" heartbeat-intervall="1">
                │                                                 ^^^^^^^^^^^^^^^^^^^ did you mean "heartbeat-interval"?"#]],
    );
}

#[test]
fn a_window_that_is_not_built_is_named_and_what_hangs_on_it_is_left_alone() {
    let windows = "<window-join name='both'><join type='inner'/></window-join><window-copy name='after'/>";
    check(
        &small(windows, "<edge source='in' target='both'/><edge source='both' target='after'/>"),
        expect![[r#"
        Element window-join in windows is not built yet.  project.xml:3:1: it is part of the language, and leaving it out would change results.
              3 │ <window-join name='both'><join type='inner'/></window-join><window-copy name='after'/></windows><edges><edge source='in' target='both'/><edg…
                │ ^^^^^^^^^^^^
             Fix: remove it if the project does not depend on it."#]],
    );
}

#[test]
fn all_problems_are_told_in_the_order_of_the_file() {
    let text = SUM20
        .replacen("pi_EMPTY", "pi_EMTPY", 1)
        .replacen("int64", "int46", 1)
        .replacen("30 minutes", "half an hour", 1)
        .replacen("windowLength", "windowlength", 1)
        .replacen("target=\"report\"", "target=\"reprot\"", 1);
    check(
        &text,
        expect![[r#"
            Unknown index "pi_EMTPY".  project.xml:9:61: a word that is not understood is never skipped.
                  9 │         <window-source name="readings" pubsub="true" index="pi_EMTPY" insert-only="true" autogen-key="true">
                    │                                                             ^^^^^^^^ did you mean "pi_EMPTY"?
            Unknown field type "int46".  project.xml:12:43: a word that is not understood is never skipped.
                 12 │               <field name="reading" type="int46" key="true"/>
                    │                                           ^^^^^ did you mean "int64"?
            "half an hour" is no length of time.  project.xml:35:44: retention by time keeps rows for so long.
                 35 │           <retention type="bytime_sliding">half an hour</retention>
                    │                                            ^^^^^^^^^^^^
                 Fix: write a whole number from 1 on and one of milliseconds, seconds, minutes, hours, days.
            Unknown parameter of Summary "windowlength".  project.xml:66:31: a word that is not understood is never skipped.
                 66 │               <property name="windowlength">20</property>
                    │                               ^^^^^^^^^^^^ did you mean "windowLength"?
            There is no window "reprot".  project.xml:120:39: the continuous query has no window of that name.
                120 │         <edge source="summed" target="reprot"/>
                    │                                       ^^^^^^ did you mean "report"?"#]],
    );
}

#[test]
fn wrong_roots_are_refused() {
    check(
        "<model/>",
        expect![[r#"
        The file's root is "model".  project.xml:1:1: this is no project file.
              1 │ <model/>
                │ ^^^^^^
             Fix: begin with <project>, or with <engine><projects><project>."#]],
    );
    check(
        "<engine><projects><project name='a'/><project name='b'/></projects></engine>",
        expect![[r#"
        The file holds several projects.  project.xml:1:38: a project is loaded, replicated and failed over by itself.
              1 │ <engine><projects><project name='a'/><project name='b'/></projects></engine>
                │                                      ^^^^^^^^
             Fix: give each project a file of its own."#]],
    );
    check(
        "<engine port='1'><esp-routers><esp-router/></esp-routers></engine>",
        expect![[r#"
            Element engine has no projects.  project.xml:1:1: the project stands in it.
                  1 │ <engine port='1'><esp-routers><esp-router/></esp-routers></engine>
                    │ ^^^^^^^
                 Fix: add <projects>.
            Element esp-routers in engine is not built yet.  project.xml:1:18: it is part of the language, and leaving it out would change results.
                  1 │ <engine port='1'><esp-routers><esp-router/></esp-routers></engine>
                    │                  ^^^^^^^^^^^^
                 Fix: remove it if the project does not depend on it."#]],
    );
}

#[test]
fn broken_xml_is_told_with_its_place() {
    check(
        "<project name='p'>\n  <contqueries>\n</project>",
        expect![[r#"
        The file is no well-formed XML.  project.xml:3:1: expected 'contqueries' tag, not 'project'.
              3 │ </project>
                │ ^"#]],
    );
    check(
        "",
        expect![[r#"
        The file is no well-formed XML.  project.xml:1:1: the document does not have a root node.
              1 │ 
                │ ^"#]],
    );
    check(
        "<!DOCTYPE p [<!ENTITY a 'b'>]><project/>",
        expect![[r#"
        The file is no well-formed XML.  project.xml:1:1: XML with DTD detected.
              1 │ <!DOCTYPE p [<!ENTITY a 'b'>]><project/>
                │ ^"#]],
    );
}

#[test]
fn a_token_without_a_value_and_an_unfilled_template_are_told() {
    check_changed(
        "plant_31415<",
        "@LABEL@_{x}<",
        expect![[r#"
        @LABEL@ has no value.  project.xml:22:46: neither the project's properties nor the environment give it one.
             22 │                 <property name="urlhostport">@LABEL@_{x}</property>
                │                                              ^^^^^^^
             Fix: set LABEL in the environment, or add <property name="LABEL"> to the project's properties."#]],
    );
    check_changed(
        "30 minutes",
        "{{{retention}}}",
        expect![[r#"
        A template's tag is not filled in.  project.xml:35:44: {{{…}}} stands for a value that is missing.
             35 │           <retention type="bytime_sliding">{{{retention}}}</retention>
                │                                            ^^^
             Fix: fill in the template before it is loaded."#]],
    );
}

#[test]
fn a_compute_window_needs_one_expression_for_each_field_that_is_no_key() {
    check_changed(
        "<field-expr>number</field-expr>",
        "",
        expect![[r#"
        Window "report" has 3 field-expr for 4 fields.  project.xml:83:11: each field that is no key takes one, in the order of the schema, and key fields take none.
             83 │           <schema>
                │           ^^^^^^^
             Fix: write a field-expr for each of meter, kilowatt, number, last_twenty."#]],
    );
    check_changed(
        "<field-expr>number</field-expr>",
        "<field-expr>reading</field-expr><field-expr>number</field-expr>",
        expect![[r#"
            Window "report" has 5 field-expr for 4 fields.  project.xml:96:25: each field that is no key takes one, in the order of the schema, and key fields take none.
                 96 │             <field-expr>last_twenty</field-expr>
                    │                         ^^^^^^^^^^^
                 Fix: remove the surplus, or add fields to the schema."#]],
    );
}

#[test]
fn a_key_that_the_input_has_not_is_told() {
    let windows = "<window-compute name='c'><schema-string>key*:int64,id:int64</schema-string><output>\
                   <field-expr>id</field-expr></output></window-compute>\
                   <window-compute name='d'><schema-string>id*:int32</schema-string><output/></window-compute>";
    check(
        &small(windows, "<edge source='in' target='c d'/>"),
        expect![[r#"
        Field "key" of window "c" gets no value.  project.xml:3:26: key fields come from input fields of the same name.
              3 │ <window-compute name='c'><schema-string>key*:int64,id:int64</schema-string><output><field-expr>id</field-expr></output></window-compute><win…
                │                          ^^^^^^^
             Fix: rename or remove it; the input has id, name, amount, at.
        Field "id" of window "d" is int32, but int64 in the input.  project.xml:3:162: key fields come from input fields of the same name.
              3 │ …xpr>id</field-expr></output></window-compute><window-compute name='d'><schema-string>id*:int32</schema-string><output/></window-compute></wi…
                │                                                                        ^^^^^^^
             Fix: declare it as int64."#]],
    );
}

#[test]
fn a_made_up_key_needs_insert_only_and_one_key_of_a_fitting_type() {
    check_changed(
        "insert-only=\"true\" ",
        "",
        expect![[r#"
        Source window "readings" has autogen-key but not insert-only.  project.xml:9:9: an update or delete can't name a key that the window makes up.
              9 │         <window-source name="readings" pubsub="true" index="pi_EMPTY" autogen-key="true">
                │         ^^^^^^^^^^^^^^
             Fix: add insert-only="true"."#]],
    );
    check_changed(
        "<field name=\"meter\" type=\"double\"/>",
        "<field name=\"meter\" type=\"double\" key=\"true\"/>",
        expect![[r#"
            Source window "readings" can't make up its key (reading:int64, meter:double).  project.xml:10:11: autogen-key gives values to one key field.
                 10 │           <schema>
                    │           ^^^^^^^
                 Fix: have one key field, of type int64 or string."#]],
    );
}

#[test]
fn retention_needs_rows_a_time_field_and_a_limit() {
    let copy = |retention: &str| {
        small(
            &format!("<window-copy name='c'><retention {retention}</retention></window-copy>"),
            "<edge source='in' target='c'/>",
        )
    };
    check(&copy("type='bytime_sliding' field='at'>5 seconds"), expect!["loaded"]);
    check(&copy("type='bytime_jumping_lookback' unit='minute'>1 hour"), expect!["loaded"]);
    check(
        &copy("type='bytime_sliding' field='amount'>5 seconds"),
        expect![[r#"
        Retention goes by the field "amount" of type double.  project.xml:3:23: rows leave by the time in that field.
              3 │ <window-copy name='c'><retention type='bytime_sliding' field='amount'>5 seconds</retention></window-copy></windows><edges><edge source='in' …
                │                       ^^^^^^^^^^
             Fix: name a field of type stamp or date."#]],
    );
    check(
        &copy("type='bytime_sliding' field='att'>5 seconds"),
        expect![[r#"
        Retention goes by the field "att", which the window has not.  project.xml:3:23: rows leave by the time in that field.
              3 │ <window-copy name='c'><retention type='bytime_sliding' field='att'>5 seconds</retention></window-copy></windows><edges><edge source='in' tar…
                │                       ^^^^^^^^^^ did you mean "at"?"#]],
    );
    check(
        &copy("type='bycount_sliding' unit='minutes'>0"),
        expect![[r#"
        Retention bycount_sliding has no unit.  project.xml:3:63: unit is how far bytime_jumping_lookback looks back.
              3 │ <window-copy name='c'><retention type='bycount_sliding' unit='minutes'>0</retention></window-copy></windows><edges><edge source='in' target=…
                │                                                               ^^^^^^^
             Fix: write the unit behind the number, as in 30 minutes.
        "0" is no count.  project.xml:3:72: retention by count keeps so many rows.
              3 │ …window-copy name='c'><retention type='bycount_sliding' unit='minutes'>0</retention></window-copy></windows><edges><edge source='in' target='…
                │                                                                        ^
             Fix: write a whole number from 1 on."#]],
    );
    check(
        &copy("type='bytime_jumping_lookback'>1 hour"),
        expect![[r#"
        Retention bytime_jumping_lookback has no unit.  project.xml:3:23: it says how far to look back.
              3 │ <window-copy name='c'><retention type='bytime_jumping_lookback'>1 hour</retention></window-copy></windows><edges><edge source='in' target='c…
                │                       ^^^^^^^^^^
             Fix: add unit="…", such as unit="10 seconds"."#]],
    );
    check(
        &copy("type='bycount_sliding'>5").replace("name='c'", "name='c' index='pi_EMPTY'"),
        expect![[r#"
        Window "c" has retention but keeps no rows.  project.xml:3:40: its index is pi_EMPTY, its own or inherited.
              3 │ <window-copy name='c' index='pi_EMPTY'><retention type='bycount_sliding'>5</retention></window-copy></windows><edges><edge source='in' targe…
                │                                        ^^^^^^^^^^
             Fix: give the window another index, such as pi_HASH."#]],
    );
}

#[test]
fn edges_that_go_nowhere_or_round_are_told() {
    let copies = "<window-copy name='a'/><window-copy name='b'/>";
    check(
        &small(copies, "<edge source='in' target='a'/>"),
        expect![[r#"
            Window "b" has no input.  project.xml:3:24: it would never see an event.
                  3 │ <window-copy name='a'/><window-copy name='b'/></windows><edges><edge source='in' target='a'/></edges></contquery></contqueries></project>
                    │                        ^^^^^^^^^^^^
                 Fix: add <edge source="…" target="b"/>."#]],
    );
    check(
        &small(copies, "<edge source='a' target='b'/><edge source='b' target='a'/>"),
        expect![[r#"
        Edges go round: b -> a -> b.  project.xml:3:89: an event would come back to where it was for ever.
              3 │ …'a'/><window-copy name='b'/></windows><edges><edge source='a' target='b'/><edge source='b' target='a'/></edges></contquery></contqueries></p…
                │                                                                        ^
             Fix: remove one of the edges."#]],
    );
    check(
        &small(copies, "<edge source='in a' target='a'/><edge source='in' target='b'/>"),
        expect![[r#"
        Edges go round: a -> a.  project.xml:3:92: an event would come back to where it was for ever.
              3 │ …/><window-copy name='b'/></windows><edges><edge source='in a' target='a'/><edge source='in' target='b'/></edges></contquery></contqueries></…
                │                                                                        ^
             Fix: remove one of the edges.
        Window "a" has 2 inputs.  project.xml:3:92: a window of its kind takes one.
              3 │ …/><window-copy name='b'/></windows><edges><edge source='in a' target='a'/><edge source='in' target='b'/></edges></contquery></contqueries></…
                │                                                                        ^
             Fix: remove the edge."#]],
    );
    check(
        &small(copies, "<edge source='in' target='a b'/><edge source='a' target='b in'/>"),
        expect![[r#"
        Edges go round: a -> in -> a.  project.xml:3:90: an event would come back to where it was for ever.
              3 │ …a'/><window-copy name='b'/></windows><edges><edge source='in' target='a b'/><edge source='a' target='b in'/></edges></contquery></contquerie…
                │                                                                        ^
             Fix: remove one of the edges.
        Window "b" has 2 inputs.  project.xml:3:121: a window of its kind takes one.
              3 │ …ndows><edges><edge source='in' target='a b'/><edge source='a' target='b in'/></edges></contquery></contqueries></project>
                │                                                                        ^
             Fix: remove the edge.
        Source window "in" has an input.  project.xml:3:123: its events come from outside, through connectors.
              3 │ …ows><edges><edge source='in' target='a b'/><edge source='a' target='b in'/></edges></contquery></contqueries></project>
                │                                                                        ^^
             Fix: remove the edge."#]],
    );
    check(
        &small(copies, "<edge source='in' target='a b'/><edge source='in' target='a' role='left' slot='1'/>"),
        expect![[r#"
            A second edge from "in" to "a".  project.xml:3:122: the target would get each event twice.
                  3 │ …dows><edges><edge source='in' target='a b'/><edge source='in' target='a' role='left' slot='1'/></edges></contquery></contqueries></project>
                    │                                                                        ^
                 Fix: remove one of them.
            Edge role left is not built yet.  project.xml:3:131: it is part of the language, and leaving it out would change results.
                  3 │ …es><edge source='in' target='a b'/><edge source='in' target='a' role='left' slot='1'/></edges></contquery></contqueries></project>
                    │                                                                        ^^^^
                 Fix: remove it, or write data.
            Edge slot 1 is not built yet.  project.xml:3:143: windows do not split their events, so the target would get all of them.
                  3 │ …rce='in' target='a b'/><edge source='in' target='a' role='left' slot='1'/></edges></contquery></contqueries></project>
                    │                                                                        ^
                 Fix: remove slot if the target shall get all events."#]],
    );
}

#[test]
fn names_must_fit_topics_and_be_unique() {
    check(
        &small("<window-copy name='a.b'/><window-copy name='in'/>", "<edge source='in' target='a.b'/>"),
        expect![[r#"
            Name "a.b" can't be part of a topic's name.  project.xml:3:20: topics are called label.project.contquery.window.O, and are taken apart at the dots.
                  3 │ <window-copy name='a.b'/><window-copy name='in'/></windows><edges><edge source='in' target='a.b'/></edges></contquery></contqueries></projec…
                    │                    ^^^
                 Fix: use letters A–Z, digits, _ and -.
            Two windows are called "in".  project.xml:3:26: edges and topics name windows.
                  3 │ <window-copy name='a.b'/><window-copy name='in'/></windows><edges><edge source='in' target='a.b'/></edges></contquery></contqueries></projec…
                    │                          ^^^^^^^^^^^^
                 Fix: rename one of them."#]],
    );
}

#[test]
fn schemas_copied_in_a_circle_or_from_nowhere_are_told() {
    let functional = |name: &str, from: &str| {
        format!("<window-functional name='{name}'><schema copy='{from}'/></window-functional>")
    };
    let windows = functional("a", "b") + &functional("b", "a") + &functional("c", "inn");
    check(
        &small(&windows, "<edge source='in' target='a b c'/>"),
        expect![[r#"
        The schema of "a" is copied in a circle.  project.xml:3:43: nowhere are the fields written.
              3 │ <window-functional name='a'><schema copy='b'/></window-functional><window-functional name='b'><schema copy='a'/></window-functional><window-…
                │                                           ^
             Fix: declare the fields in one of the windows.
        The schema of "b" is copied in a circle.  project.xml:3:109: nowhere are the fields written.
              3 │ …py='b'/></window-functional><window-functional name='b'><schema copy='a'/></window-functional><window-functional name='c'><schema copy='inn'…
                │                                                                        ^
             Fix: declare the fields in one of the windows.
        There is no window "inn".  project.xml:3:175: the continuous query has no window of that name.
              3 │ …py='a'/></window-functional><window-functional name='c'><schema copy='inn'/></window-functional></windows><edges><edge source='in' target='a…
                │                                                                        ^^^ did you mean "in"?"#]],
    );
}

#[test]
fn connectors_are_checked_name_by_name() {
    check_changed(
        "kafkapartition",
        "kafkapartion",
        expect![[r#"
        Unknown connector property "kafkapartion".  project.xml:24:33: a word that is not understood is never skipped.
             24 │                 <property name="kafkapartion">0</property>
                │                                 ^^^^^^^^^^^^ did you mean "kafkapartition"?"#]],
    );
    check_changed(
        "useoffsetmsgid",
        "kafkaconsumergroupid",
        expect![[r#"
            Connector property kafkaconsumergroupid can't be used here.  project.xml:27:33: every replica reads every record, and a consumer group would share them out.
                 27 │                 <property name="kafkaconsumergroupid">true</property>
                    │                                 ^^^^^^^^^^^^^^^^^^^^
                 Fix: remove it if the project does not depend on it."#]],
    );
    check_changed(
        "<property name=\"type\">sub</property>",
        "<property name=\"type\">pub</property>",
        expect![[r#"
        Only a source window takes events from outside.  project.xml:101:39: other windows get their events through edges.
            101 │                 <property name="type">pub</property>
                │                                       ^^^
             Fix: move the connector to a source window, or make it type sub."#]],
    );
    check_changed(
        "class=\"kafka\"",
        "class=\"mqtt\"",
        expect![[r#"
        Connector class mqtt is not built yet.  project.xml:18:31: it is part of the language, and leaving it out would change results.
             18 │             <connector class="mqtt" name="readings_from_kafka">
                │                               ^^^^
             Fix: remove it, or write kafka."#]],
    );
}

#[test]
fn summary_needs_numbers_and_fields_that_exist() {
    check_changed(
        ">kilowatt</property>",
        ">kilowat</property>",
        expect![[r#"
        There is no field "kilowat" in the input.  project.xml:71:38: statistics are made of numbers.
             71 │               <property name="input">kilowat</property>
                │                                      ^^^^^^^ did you mean "kilowatt"?"#]],
    );
    check_changed(
        "name=\"sumOut\">last_twenty",
        "name=\"sumOut\">reading",
        expect![[r#"
        Field "last_twenty" of window "summed" gets no value.  project.xml:55:11: fields that take no statistic come from input fields of the same name.
             55 │           <schema>
                │           ^^^^^^^
             Fix: rename or remove it; the input has reading, meter, kilowatt, number.
        A statistic goes into the key field "reading".  project.xml:76:39: keys stay those of the input.
             76 │               <property name="sumOut">reading</property>
                │                                       ^^^^^^^
             Fix: name another field."#]],
    );
    check_changed(
        "algorithm=\"Summary\"",
        "algorithm=\"Correlation\"",
        expect![[r#"
        Algorithm Correlation is not built yet.  project.xml:54:52: it is part of the language, and leaving it out would change results.
             54 │         <window-calculate name="summed" algorithm="Correlation">
                │                                                    ^^^^^^^^^^^
             Fix: remove it, or write Summary."#]],
    );
}

#[test]
fn a_functional_field_without_function_or_input_is_told() {
    check_changed(
        "function name=\"number\"",
        "function name=\"numbre\"",
        expect![[r#"
        Field "number" of window "numbered" gets no value.  project.xml:39:11: fields without a function come from input fields of the same name.
             39 │           <schema>
                │           ^^^^^^^
             Fix: rename or remove it; the input has reading, meter, kilowatt."#]],
    );
}

#[test]
fn too_deep_and_too_large_files_are_refused() {
    let deep = "<project>".repeat(100) + &"</project>".repeat(100);
    let problems = try_load(&deep).unwrap_err();
    assert_eq!(problems[0].what, "Elements are nested too deeply.");
    let large = " ".repeat(FILE_BYTES_MAX + 1);
    assert_eq!(try_load(&large).unwrap_err()[0].what, "The file has 8388609 bytes.");
}

#[test]
fn an_element_with_a_flood_of_attributes_is_refused_before_the_parser_compares_them() {
    let attributes: String = (0..100_000).map(|i| format!(" a{i}=''")).collect();
    let problems = try_load(&format!("<project{attributes}/>")).unwrap_err();
    assert_eq!(problems[0].what, "An element has too many attributes.");
}

#[test]
fn problems_stay_short_whatever_they_quote() {
    let problems = try_load(&SUM20.replacen("pi_EMPTY", &"x".repeat(100_000), 1)).unwrap_err();
    assert!(shown(&problems).len() < 2_000);
}

#[test]
fn problems_are_bounded() {
    let windows = "<window-copy name='a' colour='red'/>".repeat(500);
    assert_eq!(try_load(&small(&windows, "")).unwrap_err().len(), 100);
}

// The third-party examples, where they are to be had.

#[test]
fn third_party_examples_load_or_are_refused_by_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/examples");
    if !folder.is_dir() {
        println!("the folder of third-party examples is absent: nothing was tested with them");
        return;
    }
    let verdict = |file: &str| {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        match try_load(&text) {
            Ok(_) => format!("{file}: loads"),
            Err(problems) => {
                let whats: Vec<_> = problems.iter().map(|problem| problem.what.as_str()).collect();
                format!("{file}: {}", whats.join(" "))
            }
        }
    };
    let files = [
        "kafka1/kafka1.xml",
        "copy/model.xml",
        "compute/model.xml",
        "filter_exp/modelfilterexp.xml",
        "union/model.xml",
        "splitter/model.xml",
        "removestate/model.xml",
        "geofence/model.xml",
        "join_exp/model.xml",
        "aggregate_exp/model.xml",
        "transpose_long/model.xml",
        "lua_module/model.xml",
        "lua_pattern/model.xml",
    ];
    expect![[r#"
        kafka1/kafka1.xml: loads
        copy/model.xml: loads
        compute/model.xml: loads
        filter_exp/modelfilterexp.xml: loads
        union/model.xml: Element window-union in windows is not built yet. Element project-connectors in project is not built yet.
        splitter/model.xml: Element splitter-expr in window-source is not built yet. Edge slot 0 is not built yet. Edge slot 1 is not built yet.
        removestate/model.xml: Element window-remove-state in windows is not built yet.
        geofence/model.xml: Element window-join in windows is not built yet. Element window-geofence in windows is not built yet. Attribute func of window-filter is not built yet. Element use in window-filter is not built yet. Element code in window-filter is not built yet. Element project-connectors in project is not built yet.
        join_exp/model.xml: Element window-join in windows is not built yet. Element project-connectors in project is not built yet.
        aggregate_exp/model.xml: Element window-aggregate in windows is not built yet.
        transpose_long/model.xml: Element window-transpose in windows is not built yet.
        lua_module/model.xml: Element lua-modules in project is not built yet. Element window-lua in windows is not built yet.
        lua_pattern/model.xml: Element window-pattern in windows is not built yet."#]].assert_eq(&files.map(verdict).join("\n"));
}

// Nothing a file says may stop the program.

/// Replaces, drops or doubles pieces of a good file, so that most of it still makes sense.
fn mutated(pieces: &[(usize, usize, String)]) -> String {
    let mut text: Vec<char> = SUM20.chars().collect();
    for (at, len, new) in pieces {
        let start = at % (text.len() + 1);
        let end = (start + len).min(text.len());
        text.splice(start..end, new.chars());
    }
    text.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        let _ = try_load(&text);
    }

    #[test]
    fn any_soup_of_words_is_answered(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "<project name='p'>", "<contqueries>", "<contquery name='q'>", "<windows>", "<edges>", "<schema>", "<fields>",
                "<window-source name='in'>", "<window-copy name='c'>", "<window-compute name='x'>", "<window-calculate name='s' algorithm='Summary'>",
                "<window-functional name='f'>", "<retention type='bytime_sliding' field=''>", "<field name='id' type='int64' key='true'/>",
                "<edge source='in c' target='c x s f'/>", "</windows>", "</edges>", "</schema>", "</fields>", "</window-source>",
                "</window-copy>", "</window-compute>", "</window-calculate>", "</window-functional>", "</retention>", "</contquery>",
                "</contqueries>", "</project>", "<schema copy='c'/>", "<schema-string>id*:int64</schema-string>", "5 seconds", "@X@", "<![CDATA[ü]]>", "&amp;",
            ]),
            0..40,
        )
    ) {
        for problem in try_load(&words.concat()).err().into_iter().flatten() {
            let _ = problem.to_string();
        }
    }

    #[test]
    fn any_change_of_a_good_file_is_answered(
        pieces in prop::collection::vec((any::<usize>(), 0_usize..40, "[<>/a-z0-9='\"@ \n\t\\[\\]!&;ü€-]{0,12}"), 1..6)
    ) {
        let text = mutated(&pieces);
        match try_load(&text) {
            Ok(loaded) => prop_assert!(!loaded.project.contqueries[0].topological_order().is_empty()),
            Err(problems) => prop_assert!(problems.iter().all(|problem| !problem.to_string().is_empty())),
        }
    }

    #[test]
    fn any_attribute_value_is_answered(which in any::<prop::sample::Index>(), value in "[^<&\"]{0,20}") {
        let quotes: Vec<usize> = SUM20.match_indices("=\"").map(|(at, _)| at + 2).collect();
        let start = quotes[which.index(quotes.len())];
        let end = start + SUM20[start..].find('"').unwrap();
        let _ = try_load(&format!("{}{value}{}", &SUM20[..start], &SUM20[end..]));
    }
}
