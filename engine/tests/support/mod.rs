//! Projects as text, events as CSV, output as CSV: how tests talk to an engine.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "each test binary uses a part; helpers of tests may panic"
)]

pub(crate) mod random;

use std::fmt::Write as _;
use std::path::PathBuf;

use types::{Column, Flags, MessageId, Opcode, RecordSpan, Run, Schema, Timestamp, Value};
use understudy_engine::project::load;
use understudy_engine::{Engine, WindowId};

/// A project file with one continuous query called `cq`.
pub(crate) fn project(windows: &str, edges: &[(&str, &str)]) -> String {
    let edges: String =
        edges.iter().map(|(source, target)| format!("<edge source=\"{source}\" target=\"{target}\"/>")).collect();
    format!(
        "<project name=\"p\" heartbeat-interval=\"1\"><contqueries><contquery name=\"cq\">\
         <windows>{windows}</windows><edges>{edges}</edges></contquery></contqueries></project>"
    )
}

/// A source window called `in`; `attributes` as in XML.
pub(crate) fn source(attributes: &str, schema: &str) -> String {
    format!("<window-source name=\"in\" {attributes}>{}</window-source>", fields(schema))
}

/// `<schema>` from `id*:int64,x:double`.
pub(crate) fn fields(schema: &str) -> String {
    let schema: Schema = schema.parse().unwrap();
    let fields: String = schema
        .fields()
        .iter()
        .map(|field| format!("<field name=\"{}\" type=\"{}\" key=\"{}\"/>", field.name, field.field_type, field.key))
        .collect();
    format!("<schema><fields>{fields}</fields></schema>")
}

/// An engine for a project's text, all windows subscribed.
pub(crate) fn engine(text: &str) -> Engine {
    let loaded = load(text, "test.xml", &|_| None).unwrap_or_else(|problems| panic!("{}", list(&problems)));
    let mut engine = Engine::from_loaded(&loaded).unwrap_or_else(|problems| panic!("{}", list(&problems)));
    for query in &loaded.project.contqueries {
        for window in &query.windows {
            let id = engine.window(&format!("{}/{}", query.name, window.name)).unwrap();
            engine.subscribe(id);
        }
    }
    engine
}

/// What is wrong with a project's text.
pub(crate) fn problems(text: &str) -> String {
    match load(text, "test.xml", &|_| None) {
        Err(problems) => list(&problems),
        Ok(loaded) => match Engine::from_loaded(&loaded) {
            Ok(_) => "nothing is wrong".to_owned(),
            Err(problems) => list(&problems),
        },
    }
}

fn list(problems: &[understudy_engine::project::Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// Records, one per line: `seconds: event; event; …`, an event being `opcode,flags,field,…`. Ids count from 0.
pub(crate) fn records(schema: &Schema, text: &str) -> Run {
    let mut run = Run::new(schema);
    for (id, line) in text.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        let (time, events) = line.split_once(':').unwrap();
        for event in events.split(';').map(str::trim).filter(|event| !event.is_empty()) {
            push_event(schema, event, &mut run);
        }
        let micros = (time.trim().parse::<f64>().unwrap() * 1e6) as i64;
        let end = run.block.len() as u32;
        run.spans.push(RecordSpan { id: MessageId(id as u64), time: Timestamp(micros), end });
    }
    run
}

/// One event, as in the files that users publish.
pub(crate) fn push_event(schema: &Schema, line: &str, run: &mut Run) {
    let mut parts = line.split(',').map(str::trim);
    let opcode = match parts.next().unwrap().to_lowercase().as_str() {
        "i" | "" => Opcode::Insert,
        "u" => Opcode::Update,
        "p" => Opcode::Upsert,
        "d" => Opcode::Delete,
        "sd" => Opcode::SafeDelete,
        "ub" => Opcode::UpdateBlock,
        other => panic!("{other} is no opcode"),
    };
    let flags = if parts.next().unwrap().eq_ignore_ascii_case("p") { Flags::PARTIAL } else { Flags::NORMAL };
    run.block.opcodes.push(opcode);
    run.block.flags.push(flags);
    for (field, column) in schema.fields().iter().zip(&mut run.block.columns) {
        let text = parts.next().unwrap_or_default();
        column.push(parse(column, text)).unwrap_or_else(|_| panic!("{}: {text}", field.name));
    }
}

fn parse<'t>(column: &Column, text: &'t str) -> Value<'t> {
    if text.is_empty() {
        return Value::Null;
    }
    match column {
        Column::Int32(_) => Value::Int32(text.parse().unwrap()),
        Column::Int64(_) => Value::Int64(text.parse().unwrap()),
        Column::Double(_) => Value::Double(text.parse().unwrap()),
        Column::String(_) => Value::String(text),
        Column::Date(_) => Value::Date(text.parse().unwrap()),
        Column::Stamp(_) => Value::Stamp(text.parse().unwrap()),
        Column::Money(_) => Value::Money((text.parse::<f64>().unwrap() * 10_000.0).round() as i64),
        Column::Blob(_) => Value::Blob(text.as_bytes()),
    }
}

/// Runs records through an engine in one call; the output of a window, one line per event: `id | opcode,flags,field,…`.
pub(crate) fn run(project: &str, records_text: &str, window: &str) -> String {
    let mut engine = engine(project);
    let source = engine.window("cq/in").unwrap();
    let input = records(&engine.schema(source).clone(), records_text);
    engine.process(source, &input);
    let window = engine.window(&format!("cq/{window}")).unwrap();
    output(&engine, window)
}

/// The last output of a window, and the rejections of the last call.
pub(crate) fn output(engine: &Engine, window: WindowId) -> String {
    let mut text = String::new();
    let run = engine.output(window);
    for (span, rows) in run.records() {
        for row in rows {
            writeln!(text, "{} | {}", span.id, event(run, row)).unwrap();
        }
    }
    for rejection in engine.rejections() {
        let path = engine.path(rejection.window);
        writeln!(text, "{} | {path} rejects row {}: {}", rejection.id, rejection.row, rejection.reason).unwrap();
    }
    text
}

/// One event as CSV.
pub(crate) fn event(run: &Run, row: usize) -> String {
    let mut text = format!("{},{}", run.block.opcodes[row], run.block.flags[row]);
    for column in &run.block.columns {
        text.push(',');
        match column.value(row) {
            Value::Null => {}
            Value::Int32(value) => write!(text, "{value}").unwrap(),
            Value::Int64(value) | Value::Date(value) | Value::Stamp(value) => write!(text, "{value}").unwrap(),
            Value::Double(value) => write!(text, "{value}").unwrap(),
            Value::Money(value) => write!(text, "{}", value as f64 / 10_000.0).unwrap(),
            Value::String(value) => text.push_str(value),
            Value::Blob(value) => text.push_str(&String::from_utf8_lossy(value)),
        }
    }
    text
}

/// A file of the shared examples; `None`, and a line that says so, when they are not there.
pub(crate) fn example(path: &str) -> Option<String> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/examples").join(path);
    match std::fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) => {
            println!("skipped, {} can't be read: {error}", file.display());
            None
        }
    }
}
