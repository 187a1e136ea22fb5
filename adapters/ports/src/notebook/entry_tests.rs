use expect_test::{Expect, expect};

use super::*;

fn one_of_each() -> Vec<Entry> {
    let (project, name, incarnation) =
        ("p".to_owned(), MemberName::from("esp-1"), Incarnation(1_700_000_000_000_000_001));
    let generation = Generation(2);
    let place = Place { member: "esp-2".into(), incarnation, ticket: Offset(9) };
    vec![
        Entry::Proposal(Proposal {
            project: project.clone(),
            generation,
            fingerprint: Fingerprint(0xabc),
            origins: vec![Origin { topic: "in.I".into(), offset: Offset(17), topic_id: Some("Zx-0".to_owned()) }],
            marker_period: Duration::from_secs(60),
            tick_step: Duration::from_millis(1),
            clip_bound: Duration::from_secs(5),
            part_bytes_max: 1 << 20,
            digest_algorithm: "xxh3-128".to_owned(),
            semantics_version: 1,
            fence: FenceKind::Sequence,
            by: name.clone(),
        }),
        Entry::Member(Member {
            project: project.clone(),
            generation,
            name: name.clone(),
            incarnation,
            peer: "127.0.0.1:1".to_owned(),
            http: "127.0.0.1:2".to_owned(),
            version: "0.1.0".to_owned(),
            in_line: true,
        }),
        Entry::MemberLeft(MemberLeft {
            project: project.clone(),
            name: "esp-2".into(),
            incarnation,
            only_place: Some(place.clone()),
            by: name.clone(),
        }),
        Entry::Schema(WindowSchema {
            project: project.clone(),
            generation,
            window: "cq/trades".to_owned(),
            schema: "id*:int64".to_owned(),
            role: WindowRole::Source,
            generated_key: false,
            payload: None,
        }),
        Entry::Constant(Constant {
            project: project.clone(),
            generation,
            topic: "out.O".into(),
            fence: Offset(4),
            from: OutputIndex(9),
            topic_id: "Zx-1".to_owned(),
        }),
        Entry::Claim(Claim {
            project: project.clone(),
            term: Term(3),
            member: name.clone(),
            incarnation,
            displaced: Some(place),
            reason: "peer link closed".to_owned(),
        }),
        Entry::Reset(Reset { project: project.clone(), generation, reason: "model edited".to_owned() }),
        Entry::Failover(Failover {
            project,
            generation,
            term: Term(3),
            at: Timestamp(1_000_000),
            from: Some("esp-2".to_owned()),
            to: name,
            cause: "process died".to_owned(),
            phases: vec![Phase { name: "detect".to_owned(), took: Duration::from_micros(900) }],
            gap_us: Some(3_100),
            outputs: vec![Continued { topic: "HA_1.p.cq.w.O".into(), first: OutputIndex(42) }],
        }),
    ]
}

fn check(actual: &str, expected: &Expect) {
    expected.assert_eq(actual);
}

#[test]
fn the_form_on_disk_is_frozen() {
    let text: String = one_of_each()
        .iter()
        .map(|entry| format!("{} {}\n", entry.key(), String::from_utf8_lossy(&entry.to_json())))
        .collect();
    check(
        &text,
        &expect![[r#"
            p/2 {"kind":"proposal","project":"p","generation":2,"fingerprint":"0000000000000abc","origins":[{"topic":"in.I","offset":17,"topic_id":"Zx-0"}],"marker_period_us":60000000,"tick_step_us":1000,"clip_bound_us":5000000,"part_bytes_max":1048576,"digest_algorithm":"xxh3-128","semantics_version":1,"fence":"sequence","by":"esp-1"}
            p/2 {"kind":"member","project":"p","generation":2,"name":"esp-1","incarnation":1700000000000000001,"peer":"127.0.0.1:1","http":"127.0.0.1:2","version":"0.1.0","in_line":true}
            p {"kind":"member-left","project":"p","name":"esp-2","incarnation":1700000000000000001,"only_place":{"member":"esp-2","incarnation":1700000000000000001,"ticket":9},"by":"esp-1"}
            p/2 {"kind":"schema","project":"p","generation":2,"window":"cq/trades","schema":"id*:int64","role":"source"}
            p/2 {"kind":"constant","project":"p","generation":2,"topic":"out.O","fence":4,"from":9,"topic_id":"Zx-1"}
            p {"kind":"claim","project":"p","term":3,"member":"esp-1","incarnation":1700000000000000001,"displaced":{"member":"esp-2","incarnation":1700000000000000001,"ticket":9},"reason":"peer link closed"}
            p/2 {"kind":"reset","project":"p","generation":2,"reason":"model edited"}
            p/2 {"kind":"failover","project":"p","generation":2,"term":3,"at_us":1000000,"from":"esp-2","to":"esp-1","cause":"process died","phases":[{"name":"detect","us":900}],"gap_us":3100,"outputs":[{"topic":"HA_1.p.cq.w.O","first":42}]}
        "#]],
    );
}

#[test]
fn every_entry_survives_its_form() {
    for entry in one_of_each() {
        assert_eq!(Entry::parse(&entry.to_json()).expect("own form"), entry);
    }
}

#[test]
fn every_kind_is_in_the_list_of_kinds() {
    let kinds: Vec<String> = one_of_each()
        .iter()
        .map(|entry| serde_json::from_slice::<serde_json::Value>(&entry.to_json()).expect("json")["kind"].to_string())
        .collect();
    assert_eq!(kinds, KINDS.map(|kind| format!("\"{kind}\"")));
}

#[test]
fn a_newer_versions_fields_are_ignored_and_its_kinds_told_apart_from_nonsense() {
    let reset = br#"{"kind":"reset","project":"p","generation":1,"reason":"r","added-later":[1]}"#;
    assert!(matches!(Entry::parse(reset), Ok(Entry::Reset(_))));
    let later = br#"{"kind":"snapshot-offer","project":"p"}"#;
    assert!(matches!(Entry::parse(later), Err(EntryError::UnknownKind { kind }) if kind == "snapshot-offer"));
    for nonsense in
        [&b""[..], b"null", b"[]", b"{}", b"\xff\xfe", br#"{"kind":7}"#, br#"{"kind":"reset","generation":-1}"#]
    {
        assert!(matches!(Entry::parse(nonsense), Err(EntryError::Malformed { .. })), "{nonsense:?}");
    }
}
