//! Random projects and inputs for properties that must hold for all of them.

use proptest::prelude::*;
use types::{Flags, MessageId, Opcode, RecordSpan, Run, Schema, Timestamp, Value};

use super::{fields, project, source};

const SCHEMA: &str = "id*:int64,at:stamp,x:double,name:string";
const WITH_COUNTERS: &str = "id*:int64,at:stamp,x:double,name:string,n:int64,s:double";

/// What a source may be.
fn sources() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(source("", SCHEMA)),
        Just(source("index=\"pi_RBTREE\"", SCHEMA)),
        Just(source("index=\"pi_EMPTY\" insert-only=\"true\" autogen-key=\"true\"", SCHEMA)),
        Just(source("insert-only=\"true\"", SCHEMA)),
        retentions().prop_map(|retention| {
            source("", SCHEMA).replace("</window-source>", &format!("{retention}</window-source>"))
        }),
    ]
}

fn retentions() -> impl Strategy<Value = String> {
    let field = prop_oneof![Just(""), Just(" field=\"at\"")];
    prop_oneof![
        (1..6_u32).prop_map(|limit| format!("<retention type=\"bycount_sliding\">{limit}</retention>")),
        (1..6_u32).prop_map(|limit| format!("<retention type=\"bycount_jumping\">{limit}</retention>")),
        (1..9_u32, field.clone()).prop_map(|(limit, field)| format!(
            "<retention type=\"bytime_sliding\"{field}>{limit} seconds</retention>"
        )),
        (1..9_u32, field.clone()).prop_map(|(limit, field)| format!(
            "<retention type=\"bytime_jumping\"{field}>{limit} seconds</retention>"
        )),
        (3..9_u32, field).prop_map(|(limit, field)| format!(
            "<retention type=\"bytime_jumping_lookback\"{field} unit=\"2 seconds\">{limit} seconds</retention>"
        )),
    ]
}

/// A window between others, all with the same fields; `NAME` stands for its name.
fn middles() -> impl Strategy<Value = String> {
    let index = prop_oneof![3 => Just(""), 1 => Just(" index=\"pi_EMPTY\"")];
    prop_oneof![
        retentions().prop_map(|retention| format!("<window-copy name=\"NAME\">{retention}</window-copy>")),
        (retentions(), prop_oneof![Just("collapse-updates"), Just("output-insert-only")]).prop_map(
            |(retention, attribute)| format!(
                "<window-copy name=\"NAME\" {attribute}=\"true\">{retention}</window-copy>"
            )
        ),
        index.clone().prop_map(|index| format!(
            "<window-filter name=\"NAME\"{index}><expression>x &gt; 3 or name == 'b'</expression></window-filter>"
        )),
        index.clone().prop_map(|index| format!(
            "<window-filter name=\"NAME\"{index}><expression>not instr(ESP_FLAGS, 'R')</expression></window-filter>"
        )),
        index.clone().prop_map(|index| format!(
            "<window-compute name=\"NAME\"{index}>{}<output><field-expr>at</field-expr>\
             <field-expr>x * 2 - 1</field-expr><field-expr>upper(name)</field-expr></output></window-compute>",
            fields(SCHEMA)
        )),
        index.prop_map(|index| format!(
            "<window-compute name=\"NAME\"{index}><expr-initialize><initializer type=\"integer\">integer c\nc = 0\
             </initializer></expr-initialize>{}<output><field-expr>at</field-expr>\
             <field-expr>c = c + 1\nreturn x + c</field-expr><field-expr>name &amp; c</field-expr></output>\
             </window-compute>",
            fields(SCHEMA)
        )),
    ]
}

/// The end of a branch: an event counter with a random number, then sums.
fn ends(name: &str) -> String {
    format!(
        "<window-functional name=\"{name}\">{}<function-context><functions>\
         <function name=\"n\">eventCounter()</function>\
         <function name=\"s\">sum(random(0,1),timeCurrent())</function></functions></function-context>\
         </window-functional>\
         <window-calculate name=\"{name}_sum\" algorithm=\"Summary\">{}\
         <parameters><properties><property name=\"windowLength\">4</property></properties></parameters>\
         <input-map><properties><property name=\"input\">x</property></properties></input-map>\
         <output-map><properties><property name=\"sumOut\">s</property></properties></output-map></window-calculate>",
        fields(WITH_COUNTERS),
        fields(WITH_COUNTERS),
    )
}

/// A project with one or two branches below its source.
pub(crate) fn projects() -> impl Strategy<Value = String> {
    let branch = prop::collection::vec(middles(), 1..4);
    (sources(), prop::collection::vec(branch, 1..3)).prop_map(|(source, branches)| {
        let mut windows = source;
        let mut edges = Vec::new();
        for (b, branch) in branches.iter().enumerate() {
            let mut above = "in".to_owned();
            for (m, window) in branch.iter().enumerate() {
                let name = format!("w{b}{m}");
                windows.push_str(&window.replace("NAME", &name));
                edges.push((above, name.clone()));
                above = name;
            }
            let end = format!("end{b}");
            windows.push_str(&ends(&end));
            edges.push((above, end.clone()));
            edges.push((end.clone(), format!("{end}_sum")));
        }
        let edges: Vec<(&str, &str)> = edges.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        project(&windows, &edges)
    })
}

#[derive(Debug, Clone)]
pub(crate) struct Event {
    opcode: Opcode,
    partial: bool,
    id: Option<i64>,
    at: Option<i64>,
    x: Option<f64>,
    name: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// Milliseconds after the record before; some are negative.
    after: i64,
    events: Vec<Event>,
}

pub(crate) fn records() -> impl Strategy<Value = Vec<Record>> {
    let opcode = prop_oneof![
        6 => Just(Opcode::Insert),
        2 => Just(Opcode::Upsert),
        2 => Just(Opcode::Update),
        2 => Just(Opcode::Delete),
        1 => Just(Opcode::SafeDelete),
        1 => Just(Opcode::UpdateBlock),
    ];
    let event = (
        (opcode, prop::bool::weighted(0.2)),
        prop::option::weighted(0.97, 0..8_i64),
        prop::option::weighted(0.9, 0..40_000_000_i64),
        prop::option::weighted(0.9, (0..80_i32).prop_map(|x| f64::from(x) / 8.0)),
        prop::option::weighted(0.9, prop_oneof![Just("a"), Just("b"), Just("ccc")]),
    )
        .prop_map(|((opcode, partial), id, at, x, name)| Event { opcode, partial, id, at, x, name });
    let after = prop_oneof![8 => 0..900_i64, 4 => 900..5_000_i64, 1 => 5_000..100_000_000_i64, 1 => -2_000..0_i64];
    let record = (after, prop::collection::vec(event, 0..4)).prop_map(|(after, events)| Record { after, events });
    prop::collection::vec(record, 1..60)
}

/// The records as one run, ids from 100.
pub(crate) fn as_run(schema: &Schema, records: &[Record]) -> Run {
    let mut run = Run::new(schema);
    let mut millis = 1_000_000_250;
    for (id, record) in (100..).zip(records) {
        for event in &record.events {
            run.block.opcodes.push(event.opcode);
            run.block.flags.push(if event.partial { Flags::PARTIAL } else { Flags::NORMAL });
            let values = [
                event.id.map_or(Value::Null, Value::Int64),
                event.at.map_or(Value::Null, Value::Stamp),
                event.x.map_or(Value::Null, Value::Double),
                event.name.map_or(Value::Null, Value::String),
            ];
            for (column, value) in run.block.columns.iter_mut().zip(values) {
                column.push(value).unwrap();
            }
        }
        millis += record.after;
        let end = u32::try_from(run.block.len()).unwrap();
        run.spans.push(RecordSpan { id: MessageId(id), time: Timestamp::from_millis(millis), end });
    }
    run
}

/// Records `from..to` of a run as a run of their own.
pub(crate) fn cut(schema: &Schema, run: &Run, from: usize, to: usize) -> Run {
    let mut part = Run::new(schema);
    for (span, rows) in run.records().skip(from).take(to - from) {
        for row in rows {
            part.block.opcodes.push(run.block.opcodes[row]);
            part.block.flags.push(run.block.flags[row]);
            for (column, whole) in part.block.columns.iter_mut().zip(&run.block.columns) {
                column.push(whole.value(row)).unwrap();
            }
        }
        part.spans.push(RecordSpan { end: u32::try_from(part.block.len()).unwrap(), ..span });
    }
    part
}
