//! An oracle that would notice: every way to spoil a good capture is found by `understudy check`, with its right name.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// A good capture: a generation with its fence, outputs of one and of two parts, a marker in between.
fn good() -> Vec<Value> {
    let mut lines = vec![json!({"offset": 0, "kind": "fence", "timestamp": 1_000, "model": "00000000000000aa.2"})];
    let mut index = 0;
    for id in 0..30_u64 {
        let parts = if id % 10 == 7 { 2 } else { 1 };
        for part in 0..parts {
            let kind = if id == 15 { "marker" } else { "data" };
            lines.push(json!({
                "offset": index + 1, "kind": kind, "timestamp": 1_000 + 10 * index, "index": index, "id": id, "part": part,
                "model": "00000000000000aa.2", "writer": format!("esp-{}.1", id / 10), "text": format!("I,N, {id},{part}"),
            }));
            index += 1;
        }
    }
    lines
}

fn write(path: &Path, lines: &[Value]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(path, text).expect("a temporary folder");
}

/// Exit code and verdict of `understudy check good spoilt`.
fn check(spoilt: &[Value]) -> (i32, Value) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (expected, received) = (folder.path().join("expected"), folder.path().join("received"));
    write(&expected, &good());
    write(&received, spoilt);
    let output = Command::new(env!("CARGO_BIN_EXE_understudy"))
        .arg("check")
        .args([&expected, &received])
        .args(["-o", "json", "--gap-max-ms", "100"])
        .output()
        .expect("understudy runs");
    let verdict = serde_json::from_slice(&output.stdout).expect("a verdict");
    (output.status.code().expect("an exit code"), verdict)
}

fn assert_found(name: &str, spoil: impl FnOnce(&mut Vec<Value>)) {
    let mut lines = good();
    spoil(&mut lines);
    let (code, verdict) = check(&lines);
    assert_eq!(code, 1, "{verdict}");
    assert!(verdict[name].as_u64().is_some_and(|count| count > 0), "{name} was not found: {verdict}");
    assert!(verdict["first"]["place"].is_string(), "{verdict}");
}

/// Position of the first line with this message id.
fn at(lines: &[Value], id: u64) -> usize {
    lines.iter().position(|line| line["id"] == id).expect("a line of the capture")
}

#[test]
fn a_good_capture_is_identical_to_itself() {
    let (code, verdict) = check(&good());
    assert_eq!(code, 0, "{verdict}");
    assert_eq!(verdict["expected"], 32, "markers and fences are no output");
    assert_eq!(verdict["first"], Value::Null);
}

#[test]
fn who_wrote_and_when_is_no_difference() {
    let mut lines = good();
    for line in &mut lines {
        line["writer"] = json!("esp-9.9");
        line["timestamp"] = json!(line["timestamp"].as_i64().unwrap_or_default() + 5);
    }
    assert_eq!(check(&lines).0, 0);
}

#[test]
fn a_lost_first_output_is_found() {
    assert_found("lost", |lines| drop(lines.remove(1)));
}

#[test]
fn a_lost_middle_output_is_found() {
    assert_found("lost", |lines| drop(lines.remove(at(lines, 12))));
}

#[test]
fn a_lost_last_output_is_found() {
    assert_found("lost", |lines| drop(lines.pop()));
}

#[test]
fn an_output_twice_in_a_row_is_found() {
    assert_found("duplicated", |lines| lines.insert(at(lines, 5), lines[at(lines, 5)].clone()));
}

#[test]
fn an_output_repeated_much_later_is_found() {
    assert_found("duplicated", |lines| lines.push(lines[at(lines, 3)].clone()));
}

#[test]
fn two_swapped_outputs_are_found() {
    assert_found("reordered", |lines| {
        let i = at(lines, 20);
        lines.swap(i, i + 1);
    });
}

#[test]
fn a_flipped_bit_is_found() {
    assert_found("different", |lines| {
        let i = at(lines, 9);
        lines[i]["text"] = json!("I,N, 8,0");
    });
}

#[test]
fn a_truncated_output_is_found() {
    assert_found("lost", |lines| lines.truncate(at(lines, 22)));
}

#[test]
fn an_output_that_nobody_computed_is_found() {
    assert_found("phantom", |lines| {
        let mut phantom = lines[at(lines, 29)].clone();
        (phantom["index"], phantom["id"], phantom["text"]) = (json!(999), json!(999), json!("I,N, 999,0"));
        lines.push(phantom);
    });
}

#[test]
fn a_write_of_an_older_generation_is_found() {
    assert_found("stale", |lines| {
        let i = at(lines, 18);
        lines[i]["model"] = json!("00000000000000aa.1");
    });
}

#[test]
fn half_of_an_output_of_two_parts_is_found() {
    assert_found("torn", |lines| drop(lines.remove(at(lines, 7) + 1)));
}

#[test]
fn a_pause_longer_than_allowed_is_found() {
    assert_found("gaps", |lines| {
        for line in lines.iter_mut().skip(25) {
            line["timestamp"] = json!(line["timestamp"].as_i64().unwrap_or_default() + 500);
        }
    });
}

#[test]
fn plain_files_are_compared_line_by_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = |expected: &str, received: &str| {
        fs::write(folder.path().join("a"), expected).expect("a temporary folder");
        fs::write(folder.path().join("b"), received).expect("a temporary folder");
        let output = Command::new(env!("CARGO_BIN_EXE_understudy"))
            .arg("check")
            .args([folder.path().join("a"), folder.path().join("b")])
            .args(["-o", "json"])
            .output()
            .expect("understudy runs");
        serde_json::from_slice::<Value>(&output.stdout).expect("a verdict")
    };
    assert_eq!(run("h\n1\n2\n2\n", "h\n1\n2\n2\n")["first"], Value::Null, "equal lines may repeat");
    assert_eq!(run("h\n1\n2\n3\n", "h\n1\n3\n")["lost"], 1);
    assert_eq!(run("h\n1\n2\n3\n", "h\n1\n2\n2\n3\n")["duplicated"], 1);
    assert_eq!(run("h\n1\n2\n3\n", "h\n2\n1\n3\n")["reordered"], 1);
    assert_eq!(run("h\n1\n2\n3\n", "h\n1\nx\n3\n")["different"], 1);
}

#[test]
fn a_file_that_is_not_there_is_usage_not_difference() {
    let output = Command::new(env!("CARGO_BIN_EXE_understudy"))
        .args(["check", "/nonexistent/a", "/nonexistent/b"])
        .output()
        .expect("understudy runs");
    assert_eq!(output.status.code(), Some(2));
}
