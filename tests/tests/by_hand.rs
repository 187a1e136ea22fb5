//! What an operator does by hand, on real brokers, and a shadow beside it all; the output stays that of an engine that never
//! failed.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;
use understudy_tests::engine::{Engine, await_all};
use understudy_tests::plant::Plant;
use understudy_tests::programs::ask;

/// How long a shadow may take for its proof.
const PROOF_PATIENCE: Duration = Duration::from_secs(60);

fn is_ready(status: &Value) -> bool {
    let in_line = status["line"].as_array().is_some_and(|line| line.len() == 2);
    let fit = status["role"] == "active" || (status["role"] == "standby" && status["eligible"] == true);
    in_line && fit && status["input"]["lag"] == 0
}

/// Waits until both are ready; the active one first.
fn settle(engines: &mut [Engine]) {
    let first = await_all(engines, "one active, one in sync", |statuses| {
        let active: Vec<usize> = (0..statuses.len()).filter(|&i| statuses[i]["role"] == "active").collect();
        active.first().copied().filter(|_| active.len() == 1 && statuses.iter().all(is_ready))
    });
    engines.swap(0, first);
}

/// Runs a command and gives its exit code, what it printed as JSON, and what it said.
fn command(words: &[&str]) -> (Option<i32>, Value, String) {
    let output = ask(words).expect("understudy runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default(), said)
}

fn start(plant: &Plant, name: &str) -> Engine {
    let data = plant.folder().join("data").join(name).display().to_string();
    plant.engine(name, &["--data", &data, "--set", "snapshot-interval=300ms"]).expect("an engine")
}

#[test]
fn an_operator_may_do_anything_and_nothing_is_lost_or_repeated() {
    let plant = Plant::build("byhand").expect("topics");
    let _subscriber = plant.subscriber().expect("a subscriber");
    let mut engines = vec![start(&plant, "esp-1"), start(&plant, "esp-2")];
    settle(&mut engines);
    plant.publish(2_000).expect("published");
    settle(&mut engines);

    hands_over_and_waits(&mut engines);
    plant.publish(500).expect("published");
    settle(&mut engines);
    takes_over_without_consent(&mut engines);
    plant.publish(500).expect("published");
    settle(&mut engines);
    begins_again(&mut engines);
    explains_and_remembers(&engines[0]);
    a_shadow_proves_its_own_version(&plant, &engines[0]);
    a_shadow_of_another_model_shows_the_first_difference(&plant);

    plant.publish(500).expect("published");
    let expected = plant.expected().expect("an oracle");
    assert!(plant.output(&expected).expect("all output") == expected, "not what an engine that never failed writes");
}

fn hands_over_and_waits(engines: &mut [Engine]) {
    let (http, to) = (engines[0].http().to_owned(), engines[1].name.clone());
    let (code, document, said) = command(&["switchover", "--http", &http, "--to", &to, "--wait", "-o", "json"]);
    assert_eq!((code, &document["to"], &document["waited"]), (Some(0), &Value::from(to), &Value::from(true)), "{said}");
    settle(engines);
    let refused = command(&["switchover", "--http", &http, "--to", "nobody", "-o", "json"]);
    assert_eq!((refused.0, &refused.1["refused"]), (Some(6), &Value::from("nobody is not in line")), "{}", refused.2);
}

/// Asked at the standby alone; the active one learns it from the line.
fn takes_over_without_consent(engines: &mut [Engine]) {
    let (http, to) = (engines[1].http().to_owned(), engines[1].name.clone());
    let (code, document, said) = command(&["failover", "--http", &http, "--to", &to, "--yes", "-o", "json"]);
    assert_eq!((code, &document["to"]), (Some(0), &Value::from(to.as_str())), "{said}");
    settle(engines);
    assert_eq!(engines[0].name, to);
    let refused = command(&["failover", "--http", &http, "--to", &to, "--yes"]);
    assert!(refused.0 == Some(6) && refused.2.contains("already active"), "{refused:?}");
}

/// The snapshots go, the name, the address and the process stay.
fn begins_again(engines: &mut [Engine]) {
    let (http, name) = (engines[1].http().to_owned(), engines[1].name.clone());
    let kept = |status: &Value| status["snapshots"]["taken"].as_u64() > Some(0);
    let before = engines[1].await_status("with a snapshot", kept);
    let (code, document, said) = command(&["reinit", &name, "--http", &http, "--yes", "--wait", "-o", "json"]);
    assert_eq!((code, &document["member"]), (Some(0), &Value::from(name.as_str())), "{said}");
    let after = &document["status"];
    assert!(after["incarnation"].as_u64() > before["incarnation"].as_u64(), "{document:#}");
    let from_a_peer = engines[1].process.log().contains("snapshot fetched from a peer");
    assert!(after["snapshots"]["restored"].is_null() || from_a_peer, "its own are gone: {document:#}");
    let active = engines[0].name.clone();
    let refused = command(&["reinit", &active, "--http", &http, "--yes"]);
    assert!(refused.0 == Some(6) && refused.2.contains("hand over first"), "{refused:?}");
    settle(engines);
}

fn explains_and_remembers(engine: &Engine) {
    let (code, document, said) = command(&["explain", "--http", engine.http(), "-o", "json"]);
    let cases = document["items"].as_array().expect("cases");
    assert!(code == Some(0) && cases.len() >= 5, "{document:#} {said}");
    assert_eq!(document["limits"]["session_granted_ms"], 1_500, "{document:#}");
    assert!(cases.iter().all(|case| case["worst_gap_ms"].is_u64()), "{document:#}");
    let (code, document, said) = command(&["history", "--http", engine.http(), "-o", "json"]);
    let causes: Vec<&str> =
        document["items"].as_array().expect("takeovers").iter().filter_map(|t| t["cause"].as_str()).collect();
    assert!(
        code == Some(0) && causes.contains(&"handed over") && causes.contains(&"failover asked"),
        "{causes:?} {said}"
    );
}

fn a_shadow_proves_its_own_version(plant: &Plant, member: &Engine) {
    let shadow = plant.engine("shadow", &["--shadow"]).expect("a shadow");
    let proven = |status: &Value| status["identical"].as_u64() >= Some(300) && status["state"] == "identical";
    let status = shadow.await_status("proven", proven);
    assert_eq!((&status["difference"], &status["same_model"]), (&Value::Null, &Value::from(true)));
    let words = ["upgrade", "--shadow", shadow.http(), "--http", member.http(), "--outputs", "300", "-o", "json"];
    let (code, document, said) = command(&words);
    assert_eq!((code, &document["done"]), (Some(0), &Value::from(true)), "{said}");
    let mut ends = plant.engine("prover", &["--shadow", "--prove", "300"]).expect("a shadow");
    assert_eq!(end_of(&mut ends), Some(0), "{}", ends.process.log());
}

/// One reading less in the sum: equal until the sum has more readings than that.
fn a_shadow_of_another_model_shows_the_first_difference(plant: &Plant) {
    let text = fs::read_to_string(plant.project()).expect("the project");
    let other = plant.folder().join("other.xml");
    let (from, to) = (r#"<property name="windowLength">20<"#, r#"<property name="windowLength">19<"#);
    assert!(text.contains(from));
    fs::write(&other, text.replace(from, to)).expect("written");
    let other = other.display().to_string();
    let shadow = Engine::start("other", &["-p", &other, "--shadow"], plant.folder()).expect("a shadow");
    let status = shadow.await_status("different", |status| status["state"] == "different");
    let difference = &status["difference"];
    assert_eq!((&difference["window"], &status["same_model"]), (&Value::from("plant/report"), &Value::from(false)));
    let row = |side: &str| {
        difference[side]["rows"].as_array().expect("rows").iter().map(Value::to_string).collect::<String>()
    };
    assert!(row("mine") != row("theirs") && row("theirs").contains("I,N"), "{difference:#}");
    assert!(difference["id"].is_u64() && difference["lies_before"] == false, "{difference:#}");
    let words = ["upgrade", "--shadow", shadow.http(), "--http", shadow.http(), "--outputs", "1"];
    let (code, _, said) = command(&words);
    assert!(code == Some(6) && said.contains("the shadow's outputs differ"), "{code:?} {said}");
    let mut ends =
        Engine::start("judge", &["-p", &other, "--shadow", "--prove", "300"], plant.folder()).expect("a shadow");
    assert_eq!(end_of(&mut ends), Some(1), "{}", ends.process.log());
}

fn end_of(engine: &mut Engine) -> Option<i32> {
    let deadline = Instant::now() + PROOF_PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = engine.process.ended().expect("a process") {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}
