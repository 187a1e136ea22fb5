use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const CLIP_BOUND: Duration = Duration::from_secs(60);

/// One record as a test writes it: milliseconds, whether it is a tick, source and index.
#[derive(Debug, Clone)]
struct Record {
    millis: i64,
    tick: bool,
    source: Option<(SourceId, u64)>,
}

fn data(millis: i64) -> Record {
    Record { millis, tick: false, source: None }
}

fn tick(millis: i64) -> Record {
    Record { millis, tick: true, source: None }
}

fn from(source: &str, index: u64, millis: i64) -> Record {
    Record { millis, tick: false, source: Some((source.into(), index)) }
}

fn admit(intake: &mut Intake, offset: usize, record: &Record) -> Admission {
    let source = record
        .source
        .as_ref()
        .map(|(id, index)| (id, SourcePosition { index: *index, row: index * 10, byte: index * 100 }));
    intake.admit(InputId(0), MessageId(offset as u64), Timestamp::from_millis(record.millis), record.tick, source)
}

fn check(records: &[Record], expected: Expect) {
    let mut intake = Intake::new(CLIP_BOUND);
    let lines: Vec<String> = records
        .iter()
        .enumerate()
        .map(|(offset, record)| match admit(&mut intake, offset, record) {
            Admission::Process { time } => format!("{offset}: process at {} ms", time.as_millis()),
            Admission::DuplicateSource => format!("{offset}: duplicate"),
            Admission::StaleTick => format!("{offset}: stale tick"),
        })
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn the_first_record_sets_the_time_and_time_never_goes_back() {
    check(
        &[data(5_000), data(4_000), data(5_000), data(5_001)],
        expect![[r#"
            0: process at 5000 ms
            1: process at 5000 ms
            2: process at 5000 ms
            3: process at 5001 ms"#]],
    );
}

#[test]
fn a_jump_is_cut_to_the_clip_bound_and_counted() {
    check(
        &[data(1_000), data(61_000), data(121_001), data(i64::MAX)],
        expect![[r#"
            0: process at 1000 ms
            1: process at 61000 ms
            2: process at 121000 ms
            3: process at 181000 ms"#]],
    );
}

#[test]
fn a_record_without_a_timestamp_never_sets_the_first_time() {
    check(
        &[data(-1), data(1_800_000_000_000), data(-1), tick(-1)],
        expect![[r#"
            0: process at 0 ms
            1: process at 1800000000000 ms
            2: process at 1800000000000 ms
            3: stale tick"#]],
    );
}

#[test]
fn a_repeat_of_a_source_is_dropped_but_moves_time() {
    check(
        &[from("a", 0, 1_000), from("b", 0, 1_000), from("a", 0, 2_000), data(1_500), from("a", 3, 0), from("a", 2, 0)],
        expect![[r#"
            0: process at 1000 ms
            1: process at 1000 ms
            2: duplicate
            3: process at 2000 ms
            4: process at 2000 ms
            5: duplicate"#]],
    );
}

#[test]
fn only_a_later_tick_counts() {
    check(
        &[tick(1_000), tick(1_000), tick(1_001), data(3_000), tick(2_000), tick(3_000), tick(90_000)],
        expect![[r#"
            0: process at 1000 ms
            1: stale tick
            2: process at 1001 ms
            3: process at 3000 ms
            4: stale tick
            5: stale tick
            6: process at 63000 ms"#]],
    );
}

#[test]
fn decisions_are_counted() {
    let mut intake = Intake::new(CLIP_BOUND);
    let records = [data(-1), from("a", 1, 1_000), from("a", 1, 500), tick(900), data(1_000_000)];
    for (offset, record) in records.iter().enumerate() {
        admit(&mut intake, offset, record);
    }
    let expected = IntakeCounters {
        processed: 3,
        duplicate_source: 1,
        stale_tick: 1,
        clipped: 1,
        late: 2,
        untimed: 1,
        forgotten_sources: 0,
    };
    assert_eq!(intake.state().counters, expected);
}

#[test]
fn at_the_bound_the_most_silent_source_is_forgotten() {
    let mut intake = Intake::new(CLIP_BOUND);
    let name = |i: usize| format!("s{i}");
    for i in 0..SOURCES_MAX {
        admit(&mut intake, i, &from(&name(i), 7, 0));
    }
    admit(&mut intake, SOURCES_MAX, &from(&name(0), 7, 0));
    admit(&mut intake, SOURCES_MAX + 1, &from("one more", 0, 0));

    let state = intake.state();
    let sources = &state.sources[&InputId(0)];
    assert_eq!(sources.len(), SOURCES_MAX);
    assert_eq!(state.counters.forgotten_sources, 1);
    assert!(sources.contains_key(&SourceId::from("s0")), "a repeat is a sign of life");
    assert!(!sources.contains_key(&SourceId::from("s1")));
}

#[test]
#[should_panic(expected = "input went back: 5 then 5")]
fn the_same_record_twice_is_our_own_mistake() {
    let mut intake = Intake::new(CLIP_BOUND);
    admit(&mut intake, 5, &data(0));
    admit(&mut intake, 5, &data(0));
}

fn any_record() -> impl Strategy<Value = Record> {
    let millis = prop_oneof![0_i64..400_000, Just(-1), Just(i64::MAX), Just(i64::MIN)];
    let source = prop::option::of(("[abc]", 0_u64..8).prop_map(|(id, index)| (SourceId(id), index)));
    (millis, any::<bool>(), source).prop_map(|(millis, tick, source)| Record { millis, tick, source })
}

fn run(intake: &mut Intake, first_offset: usize, records: &[Record]) -> Vec<Admission> {
    records.iter().enumerate().map(|(i, record)| admit(intake, first_offset + i, record)).collect()
}

#[test]
fn a_source_that_publishes_into_two_topics_is_two_sources() {
    let mut intake = Intake::new(CLIP_BOUND);
    let (source, position) = (SourceId::from("a"), SourcePosition { index: 3, row: 30, byte: 300 });
    let mut admit =
        |input, id| intake.admit(InputId(input), MessageId(id), Timestamp(0), false, Some((&source, position)));
    assert_eq!(admit(0, 0), Admission::Process { time: Timestamp(0) });
    assert_eq!(admit(1, 1), Admission::Process { time: Timestamp(0) });
    assert_eq!(admit(1, 2), Admission::DuplicateSource);
}

proptest! {
    #[test]
    fn time_is_monotone_and_jumps_are_bounded(records in prop::collection::vec(any_record(), 0..60)) {
        let mut intake = Intake::new(CLIP_BOUND);
        let mut so_far = None;
        for (offset, record) in records.iter().enumerate() {
            admit(&mut intake, offset, record);
            let now = intake.state().time;
            prop_assert!(so_far <= now);
            if let (Some(Timestamp(earlier)), Some(Timestamp(later))) = (so_far, now) {
                prop_assert!(later - earlier <= CLIP_BOUND.as_micros() as i64);
            }
            so_far = now;
        }
    }

    #[test]
    fn admitted_positions_of_a_source_only_grow(records in prop::collection::vec(any_record(), 0..60)) {
        let mut intake = Intake::new(CLIP_BOUND);
        let mut last = BTreeMap::new();
        for (record, admission) in records.iter().zip(run(&mut Intake::new(CLIP_BOUND), 0, &records)) {
            let Some((id, index)) = &record.source else { continue };
            if matches!(admission, Admission::Process { .. }) {
                prop_assert!(last.insert(id.clone(), *index).is_none_or(|before| before < *index));
            }
        }
        run(&mut intake, 0, &records);
        for (id, index) in last {
            prop_assert!(intake.state().sources[&InputId(0)][&id].position.index >= index);
        }
    }

    #[test]
    fn cutting_the_input_differently_changes_nothing(
        records in prop::collection::vec(any_record(), 0..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut whole = Intake::new(CLIP_BOUND);
        let expected = run(&mut whole, 0, &records);

        let cut = cut.index(records.len() + 1);
        let mut before = Intake::new(CLIP_BOUND);
        let mut decisions = run(&mut before, 0, &records[..cut]);
        let mut after = Intake::restore(CLIP_BOUND, before.state().clone());
        decisions.extend(run(&mut after, cut, &records[cut..]));

        prop_assert_eq!(decisions, expected);
        prop_assert_eq!(after, whole);
    }
}
