use std::collections::BTreeSet;
use std::time::Duration;

use failover::Why;
use ports::notebook::Failover;
use serde_json::Value;
use types::{Digest, Term};

use super::*;

/// The checker of documents lives with the tests that read them from outside.
#[path = "../../../tests/src/schema.rs"]
#[allow(unreachable_pub, reason = "it is public where it lives")]
mod schema;

const SCHEMA: &str = include_str!("../../../docs/status.schema.json");

const STAGES: [Stage; 7] = [
    Stage::Starting,
    Stage::Restoring,
    Stage::Standby,
    Stage::Active,
    Stage::HandingOver,
    Stage::Blocked,
    Stage::Stopped,
];

const HEALTHS: [Health; 11] = [
    Health::Fine,
    Health::FailoverPaused,
    Health::NoStandby,
    Health::OutputEndangered,
    Health::Behind,
    Health::NoActive,
    Health::CoordinatorAway,
    Health::Starting,
    Health::Restoring,
    Health::Blocked,
    Health::Stopped,
];

fn board() -> Board {
    let board = Board::new(Fixed {
        member: "esp-1".to_owned(),
        incarnation: 1_700_000_000_000_000,
        project: "p".to_owned(),
        cluster: "HA_1.p".to_owned(),
        generation: 1,
        fingerprint: "0123456789abcdef".to_owned(),
        coordinator: "zookeeper",
        inbound_topic: "HA_1.p.cq.in.I".to_owned(),
        peer: "127.0.0.1:31416".to_owned(),
        http: "127.0.0.1:31415".to_owned(),
    });
    board.set_members(vec![MemberAddress { member: "esp-1".to_owned(), http: "127.0.0.1:31415".to_owned() }]);
    board.set_findings(vec!["E003 Topic is not replicated.".to_owned()]);
    board
}

fn view(stage: Stage, health: Health) -> View {
    let detected = Tick::default();
    let later = detected + Duration::from_millis(2);
    let failover = LastFailover {
        cause: Why::AheadDied,
        term: Term(3),
        detected,
        decided: detected,
        first_write: Some(later),
        first_ack: (stage == Stage::Active).then_some(later),
    };
    View {
        stage,
        health,
        eligible: stage == Stage::Standby,
        reason: (stage == Stage::Blocked).then(|| "diverged: message 7".to_owned()),
        term: 4,
        active: (stage != Stage::Starting).then(|| "esp-1".to_owned()),
        paused: health == Health::FailoverPaused,
        line: vec!["esp-1".to_owned(), "esp-2".to_owned()],
        input_next: 10,
        input_end: Some(12),
        outputs: vec![OutputView {
            topic: "HA_1.p.cq.out.O".to_owned(),
            computed: 5,
            published: 4,
            bound: 10_000,
            id: 9,
            digest: Digest::default(),
            leader: (stage == Stage::Active).then(|| "127.0.0.1:9092".to_owned()),
            precondition: None,
            kept_back: 0,
        }],
        last_failover: (stage != Stage::Starting).then_some(failover),
    }
}

fn document(board: &Board) -> Value {
    serde_json::to_value(board.status(&Shared::new(1))).unwrap()
}

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

#[test]
fn a_status_of_every_state_fits_the_schema() {
    let (schema, board) = (schema(), board());
    assert_eq!(schema::faults(&schema, &document(&board)), Vec::<String>::new(), "before the first view");
    for (stage, health) in STAGES.into_iter().flat_map(|stage| HEALTHS.map(|health| (stage, health))) {
        board.set(Tick(1), view(stage, health));
        assert_eq!(schema::faults(&schema, &document(&board)), Vec::<String>::new(), "{stage:?} {health:?}");
    }
}

/// A reader may rely on every name, so the schema must list no fewer and no more.
#[test]
fn the_schema_lists_exactly_the_roles_states_and_fields_there_are() {
    let schema = schema();
    let listed = |pointer: &str| -> BTreeSet<String> {
        let names = schema.pointer(pointer).and_then(Value::as_array).unwrap();
        names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let names = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    assert_eq!(listed("/properties/role/enum"), names(&STAGES.map(role)));
    assert_eq!(listed("/properties/state/enum"), names(&HEALTHS.map(Health::name)));
    let board = board();
    board.set(Tick(1), view(Stage::Active, Health::Fine));
    let document = document(&board);
    let fields = document.as_object().unwrap().keys().cloned().collect();
    assert_eq!(listed("/required"), fields);
}

#[test]
fn what_does_not_fit_the_schema_is_named_with_its_place() {
    let (schema, board) = (schema(), board());
    board.set(Tick(1), view(Stage::Active, Health::Fine));
    let mut document = document(&board);
    document["role"] = "king".into();
    document["input"]["offset"] = (-1).into();
    document["outputs"][0]["extra"] = true.into();
    document.as_object_mut().unwrap().remove("term");
    let mut faults = schema::faults(&schema, &document);
    faults.sort();
    let places: Vec<&str> = faults.iter().filter_map(|fault| fault.split(": ").next()).collect();
    assert_eq!(places, ["/", "/input/offset", "/outputs/0", "/role"], "{faults:?}");
}

#[test]
fn a_takeover_is_new_once() {
    let board = board();
    let (first, second) = (Tick::default(), Tick::default() + Duration::from_secs(1));
    assert_eq!([first, first, second].map(|decided| board.is_new_failover(decided)), [true, false, true]);
    assert_eq!(board.failovers(), 2);
    assert_eq!(board.history(), Vec::<Failover>::new());
}
