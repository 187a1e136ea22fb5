//! An engine that goes on from a snapshot computes what one computes that never stopped.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod support;

use proptest::prelude::*;
use support::random::{Record, as_run, cut, projects, records};
use support::{engine, event, fields, project, source};
use types::{Flags, MessageId, Opcode, RecordSpan, Run, Timestamp, Value};
use understudy_engine::Engine;
use understudy_engine::snapshot::{BlockWriter, Blocks, Error};

/// The engine's whole state, written in one go.
fn snapshot(engine: &mut Engine) -> Vec<u8> {
    let mut out = BlockWriter::new();
    engine.freeze(&mut out);
    assert!(engine.write_frozen(&mut out, usize::MAX >> 1));
    out.finish();
    out.take()
}

/// An engine for the project that goes on from there.
fn restored(text: &str, bytes: &[u8]) -> Result<Engine, Error> {
    let mut fresh = engine(text);
    let mut blocks = Blocks::open(bytes)?;
    fresh.restore(&mut blocks)?;
    blocks.finish()?;
    Ok(fresh)
}

/// What all windows put out and reject for one run.
fn process(engine: &mut Engine, run: &Run) -> Vec<String> {
    let source = engine.window("cq/in").unwrap();
    engine.process(source, run);
    let mut lines = Vec::new();
    for window in engine.windows() {
        let output = engine.output(window);
        for (span, rows) in output.records() {
            lines.push(format!("{} {} at {}", engine.path(window), span.id, span.time));
            lines.extend(rows.map(|row| event(output, row)));
        }
    }
    lines.extend(engine.rejections().iter().map(|rejection| format!("{rejection:?}")));
    lines
}

/// Processes records `from..to` in one run.
fn process_cut(engine: &mut Engine, records: &[Record], from: usize, to: usize) -> Vec<String> {
    let schema = engine.schema(engine.window("cq/in").unwrap()).clone();
    process(engine, &cut(&schema, &as_run(&schema, records), from, to))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn an_engine_that_goes_on_from_a_snapshot_computes_the_same(
        text in projects(),
        records in records(),
        at in 0..60_usize,
        earlier in 0..60_usize,
    ) {
        let at = at.min(records.len());
        let mut whole = engine(&text);
        process_cut(&mut whole, &records, 0, at);
        let bytes = snapshot(&mut whole);

        let mut other = engine(&text);
        process_cut(&mut other, &records, 0, earlier.min(at));
        process_cut(&mut other, &records, earlier.min(at), at);
        prop_assert!(snapshot(&mut other) == bytes, "another way to cut the input gives another snapshot");

        let mut later = restored(&text, &bytes).unwrap();
        prop_assert!(snapshot(&mut later) == bytes, "a restored engine gives another snapshot");
        prop_assert_eq!(later.time(), whole.time());
        let (expected, found) =
            (process_cut(&mut whole, &records, at, records.len()), process_cut(&mut later, &records, at, records.len()));
        prop_assert_eq!(expected, found);
        prop_assert!(snapshot(&mut whole) == snapshot(&mut later), "states differ in the end");
    }
}

/// A table with rows of every type, whose rows leave by `retention`, and windows below it that keep rows of their own.
fn large(retention: &str) -> String {
    const SCHEMA: &str = "id*:int64,at:stamp,x:double,name:string,n:int32,m:money,d:date,b:blob";
    let below = format!(
        "<window-filter name=\"some\"><expression>x &gt; 100</expression></window-filter>\
         <window-copy name=\"names\"><retention type=\"bycount_sliding\">700</retention></window-copy>\
         <window-functional name=\"keyed\">{}<function-context><functions><function name=\"name\">toUpper($name)</function>\
         </functions></function-context></window-functional>",
        fields("name*:string,id*:int64,x:double")
    );
    let source = source("", SCHEMA).replace("</window-source>", &format!("{retention}</window-source>"));
    project(&(source + &below), &[("in", "some"), ("some", "names"), ("in", "keyed")])
}

/// Numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    /// A run of inserts, updates and deletes on 6000 keys.
    fn run(&mut self, engine: &Engine, first: u64, records: u64) -> Run {
        let mut run = Run::new(engine.schema(engine.window("cq/in").unwrap()));
        for id in first..first + records {
            let opcode = [Opcode::Upsert, Opcode::Upsert, Opcode::Upsert, Opcode::SafeDelete][self.roll(4) as usize];
            run.block.opcodes.push(opcode);
            run.block.flags.push(if self.roll(5) == 0 { Flags::PARTIAL } else { Flags::NORMAL });
            let name = "x".repeat(self.roll(9) as usize);
            let some = self.roll(10) > 0;
            let nullable = |value| if some { value } else { Value::Null };
            let values = [
                Value::Int64(self.roll(6_000) as i64),
                nullable(Value::Stamp(self.roll(1_000_000_000) as i64)),
                nullable(Value::Double(self.roll(1_000) as f64 / 3.0)),
                Value::String(&name),
                nullable(Value::Int32(self.roll(1_000) as i32)),
                nullable(Value::Money(self.roll(1_000) as i64)),
                Value::Date(self.roll(1_000) as i64),
                nullable(Value::Blob(name.as_bytes())),
            ];
            for (column, value) in run.block.columns.iter_mut().zip(values) {
                column.push(value).unwrap();
            }
            let end = u32::try_from(run.block.len()).unwrap();
            run.spans.push(RecordSpan { id: MessageId(id), time: Timestamp(id as i64 * 1_000), end });
        }
        run
    }
}

#[test]
fn a_state_that_is_written_while_it_changes_is_that_of_the_freeze() {
    for retention in [
        "",
        "<retention type=\"bycount_sliding\">4000</retention>",
        "<retention type=\"bytime_sliding\">6 seconds</retention>",
        "<retention type=\"bytime_sliding\" field=\"at\">900 seconds</retention>",
    ] {
        let text = large(retention);
        let (mut busy, mut dice) = (engine(&text), Dice(88_172_645_463_325_252));
        let filled = dice.run(&busy, 0, 12_000);
        process(&mut busy, &filled);
        let expected = snapshot(&mut busy);

        let mut out = BlockWriter::new();
        busy.freeze(&mut out);
        let (mut slices, mut next, mut lines) = (0, 12_000, Vec::new());
        while !busy.write_frozen(&mut out, 1) {
            slices += 1;
            let run = dice.run(&busy, next, 500);
            lines.push((process(&mut busy, &run), run));
            next += 500;
        }
        out.finish();
        assert!(slices > 8, "{slices} slices");
        let bytes = out.take();
        assert!(bytes == expected, "{retention}: the bytes are of another moment");

        let mut later = restored(&text, &bytes).unwrap();
        for (expected, run) in lines {
            assert_eq!(process(&mut later, &run), expected, "{retention}");
        }
        assert!(snapshot(&mut later) == snapshot(&mut busy), "{retention}: states differ in the end");
    }
}

#[test]
fn a_freeze_that_is_given_up_leaves_no_trace() {
    let text = large("<retention type=\"bycount_sliding\">4000</retention>");
    let (mut busy, mut dice) = (engine(&text), Dice(7));
    let (first, second) = (dice.run(&busy, 0, 5_000), dice.run(&busy, 5_000, 5_000));
    process(&mut busy, &first);
    let mut undisturbed = restored(&text, &snapshot(&mut busy)).unwrap();
    let mut out = BlockWriter::new();
    busy.freeze(&mut out);
    busy.write_frozen(&mut out, 1);
    process(&mut busy, &second);
    busy.thaw();
    process(&mut undisturbed, &second);
    assert!(snapshot(&mut busy) == snapshot(&mut undisturbed));
}

#[test]
fn every_flipped_byte_and_every_cut_is_refused() {
    let text = large("<retention type=\"bycount_sliding\">3</retention>");
    let (mut small, mut dice) = (engine(&text), Dice(3));
    let run = dice.run(&small, 0, 20);
    process(&mut small, &run);
    let bytes = snapshot(&mut small);
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            assert!(Blocks::open(&damaged).is_err(), "byte {at} of {} flipped by {flip}", bytes.len());
        }
        assert!(Blocks::open(&bytes[..at]).is_err(), "cut after {at} bytes");
    }
}

#[test]
fn refusals_say_why() {
    let text = large("");
    let bytes = snapshot(&mut engine(&text));
    let refusal = |bytes: &[u8]| restored(&text, bytes).unwrap_err().to_string();
    let mut newer = bytes.clone();
    newer[8] = 9;
    let mut damaged = bytes.clone();
    damaged[40] ^= 4;
    let other_project = snapshot(&mut engine(&large("<retention type=\"bycount_sliding\">3</retention>")));
    let found = [
        refusal(b"PK\x03\x04 something else"),
        refusal(&newer),
        refusal(&bytes[..100]),
        refusal(&damaged),
        refusal(&other_project),
    ];
    expect_test::expect![[r#"
        it is no snapshot
        it has format 9, this program reads format 2
        it is cut off after 100 bytes
        it is damaged at byte 26 or shortly after
        its contents don't fit: a window keeps other things"#]]
    .assert_eq(&found.join("\n"));
}
