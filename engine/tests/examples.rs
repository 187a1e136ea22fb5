//! Public example projects with known output; each test says so when they are not there.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod support;

use support::{event, example, push_event};
use types::{MessageId, RecordSpan, Run, Timestamp};
use understudy_engine::Engine;
use understudy_engine::project::load;

/// Runs an example's input, one event per record and second, through one of its windows.
fn check(project: &str, (source, input): (&str, &str), rows: usize, (window, expected): (&str, &str)) {
    let (Some(project), Some(input), Some(expected)) = (example(project), example(input), example(expected)) else {
        return;
    };
    let environment = |name: &str| name.starts_with("ESP_").then(|| "/data".to_owned());
    let loaded = match load(&without_files(&project), "example.xml", &environment) {
        Ok(loaded) => loaded,
        Err(problems) => panic!("{}", problems.iter().map(|problem| format!("{problem}\n")).collect::<String>()),
    };
    let mut engine = Engine::from_loaded(&loaded).unwrap();
    let (source, window) = (engine.window(source).unwrap(), engine.window(window).unwrap());
    engine.subscribe(window);

    let schema = engine.schema(source).clone();
    let mut run = Run::new(&schema);
    let lines = input.lines().filter(|line| !line.trim().is_empty()).take(rows);
    for (i, line) in lines.enumerate() {
        push_event(&schema, line, &mut run);
        // All at the same time: no retention by the engine's time may fire.
        run.spans.push(RecordSpan { id: MessageId(i as u64), time: Timestamp(0), end: run.block.len() as u32 });
    }
    engine.process(source, &run);
    assert_eq!(engine.rejections(), []);

    let got = engine.output(window);
    let lines: Vec<String> = (0..got.block.len()).map(|row| event(got, row)).collect();
    let expected: Vec<&str> = expected.lines().skip(1).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, expected);
}

/// The project without its `fs` connectors, which are adapters' business here.
fn without_files(project: &str) -> String {
    let mut text = project.to_owned();
    while let Some(start) = text.find("<connectors>") {
        let end = text[start..].find("</connectors>").unwrap() + "</connectors>".len();
        text.replace_range(start..start + end, "");
    }
    text
}

const ALL: usize = usize::MAX;

#[test]
fn kafka1_gives_its_expected_output() {
    check(
        "kafka1/kafka1.xml",
        ("cq1/kafka_incoming", "kafka1/input/events.csv"),
        ALL,
        ("cq1/kafka_outgoing", "kafka1/expected/kafka_outgoing.csv"),
    );
}

#[test]
fn compute_gives_its_expected_output() {
    check(
        "compute/model.xml",
        ("contQuery/sourceWindow", "compute/input/input-compute.csv"),
        ALL,
        ("contQuery/computeWindow", "compute/expected/computeWindow.csv"),
    );
}

#[test]
fn filter_gives_its_expected_output() {
    check(
        "filter_exp/modelfilterexp.xml",
        ("contQuery/sourceWindow", "filter_exp/input/input.csv"),
        ALL,
        ("contQuery/filterWindow", "filter_exp/expected/filterWindow.csv"),
    );
}

#[test]
fn copy_by_count_and_by_event_time_gives_its_expected_output() {
    for window in ["Copy_Count_Sliding", "Copy_Count_Jumping", "Copy_EventTime_Sliding"] {
        let expected = format!("copy/expected/{window}.csv");
        // The connector publishes that many rows.
        check("copy/model.xml", ("cq1/Source", "copy/input/input.csv"), 11, (&format!("cq1/{window}"), &expected));
    }
}
