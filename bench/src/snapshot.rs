//! (f) Snapshots of a large state: how long the engine stands still for one, and how long coming back from it takes.
//!
//! A table of a million rows whose rows are updated all over the place while its snapshot is written. Runs while a snapshot
//! is written stand beside runs of the same engine while none is.

use anyhow::{Context as _, ensure};
use engine::project::load;
use engine::snapshot::{BlockWriter, Blocks};
use engine::{Engine, WindowId};
use types::{Flags, MessageId, Opcode, RecordSpan, Run, Timestamp, Value};

use crate::measure::{Rounds, thread_nanos};
use crate::print;

/// Rows of the table.
const ROWS: u64 = 1_000_000;
/// Events of one run; each is a record of its own.
const RUN_EVENTS: u64 = 256;
/// As the daemon writes it.
const SLICE_BYTES: usize = 512 << 10;
/// Snapshots that are taken.
const SNAPSHOTS: usize = 5;

const PROJECT: &str = r#"<project name="p"><contqueries><contquery name="cq"><windows><window-source name="in">
    <schema><fields><field name="id" type="int64" key="true"/><field name="x" type="double"/><field name="y" type="double"/>
    <field name="at" type="stamp"/><field name="name" type="string"/></fields></schema>
    <retention type="bycount_sliding">1000000</retention></window-source></windows></contquery></contqueries></project>"#;

pub(crate) fn run() -> anyhow::Result<()> {
    let mut busy = Busy::new()?;
    (0..ROWS / RUN_EVENTS + 1).for_each(|_| busy.fill());
    let mut figures = Figures::default();
    let mut bytes = Vec::new();
    for _ in 0..SNAPSHOTS {
        (0..200).for_each(|_| figures.plain.add(busy.update()));
        bytes = snapshot(&mut busy, &mut figures);
    }
    print(&format!(
        "\n(f) snapshots of {ROWS} rows (int64, two doubles, stamp, string of 12 bytes; retention by count), updated at random \
         {RUN_EVENTS} at a time while they are written; thread's own time"
    ));
    let micros = |rounds: &Rounds, share| rounds.quantile(share).unwrap_or_default() / 1e3;
    print(&format!(
        "freeze {:.0} µs, slice of about {} KiB: p50 {:.0} µs, p99 {:.0} µs, max {:.0} µs; {} slices, {:.1} MB",
        micros(&figures.freeze, 1.0),
        SLICE_BYTES >> 10,
        micros(&figures.slice, 0.5),
        micros(&figures.slice, 0.99),
        micros(&figures.slice, 1.0),
        figures.slice.len() / SNAPSHOTS,
        bytes.len() as f64 / 1e6,
    ));
    print(&format!(
        "a run takes {:.0} µs (p50), while a snapshot is written {:.0} µs: {:.2} times",
        micros(&figures.plain, 0.5),
        micros(&figures.beside, 0.5),
        figures.beside.median() / figures.plain.median(),
    ));
    let begun = thread_nanos();
    let mut blocks = Blocks::open(&bytes)?;
    let checked = thread_nanos();
    let (mut fresh, _) = new_engine()?;
    fresh.restore(&mut blocks)?;
    blocks.finish()?;
    print(&format!(
        "coming back: checksums {:.0} ms, state {:.0} ms",
        (checked - begun) / 1e6,
        (thread_nanos() - checked) / 1e6
    ));
    ensure!(fresh.time() == busy.engine_time_at_freeze, "the restored engine is at another time");
    Ok(())
}

/// One snapshot, a slice and a run in turns.
fn snapshot(busy: &mut Busy, figures: &mut Figures) -> Vec<u8> {
    let mut out = BlockWriter::new();
    let mut bytes = Vec::new();
    busy.engine_time_at_freeze = busy.engine.time();
    let begun = thread_nanos();
    busy.engine.freeze(&mut out);
    figures.freeze.add(thread_nanos() - begun);
    loop {
        let begun = thread_nanos();
        let done = busy.engine.write_frozen(&mut out, SLICE_BYTES);
        figures.slice.add(thread_nanos() - begun);
        bytes.append(&mut out.take());
        if done {
            out.finish();
            bytes.append(&mut out.take());
            return bytes;
        }
        figures.beside.add(busy.update());
    }
}

#[derive(Default)]
struct Figures {
    freeze: Rounds,
    slice: Rounds,
    plain: Rounds,
    beside: Rounds,
}

/// An engine with a full table, and where its input is.
struct Busy {
    engine: Engine,
    source: WindowId,
    run: Run,
    next: u64,
    dice: u64,
    engine_time_at_freeze: Timestamp,
}

fn new_engine() -> anyhow::Result<(Engine, WindowId)> {
    let loaded = load(PROJECT, "bench", &|_| None).ok().context("the project is sound")?;
    let engine = Engine::from_loaded(&loaded).ok().context("the project can be compiled")?;
    let source = engine.window("cq/in").context("the source window")?;
    Ok((engine, source))
}

impl Busy {
    fn new() -> anyhow::Result<Self> {
        let (engine, source) = new_engine()?;
        let run = Run::new(engine.schema(source));
        let engine_time_at_freeze = engine.time();
        Ok(Self { engine, source, run, next: 0, dice: 88_172_645_463_325_252, engine_time_at_freeze })
    }

    /// New rows.
    fn fill(&mut self) {
        self.process(|_, next| next);
    }

    /// Rows that are there, all over the table; gives the time of the engine alone, in nanoseconds.
    fn update(&mut self) -> f64 {
        self.process(|dice, _| {
            *dice ^= *dice << 13;
            *dice ^= *dice >> 7;
            *dice ^= *dice << 17;
            *dice % ROWS
        })
    }

    fn process(&mut self, key: impl Fn(&mut u64, u64) -> u64) -> f64 {
        self.run.clear();
        for _ in 0..RUN_EVENTS {
            let id = key(&mut self.dice, self.next).cast_signed();
            self.run.block.opcodes.push(Opcode::Upsert);
            self.run.block.flags.push(Flags::NORMAL);
            let name = format!("meter-{:06}", id % 1_000_000);
            let values = [
                Value::Int64(id),
                Value::Double(self.next as f64),
                Value::Double(0.5),
                Value::Stamp(id),
                Value::String(&name),
            ];
            for (column, value) in self.run.block.columns.iter_mut().zip(values) {
                // Values are of the schema's types.
                let _ = column.push(value);
            }
            let end = u32::try_from(self.run.block.len()).unwrap_or(u32::MAX);
            let time = Timestamp(self.next.cast_signed() * 10);
            self.run.spans.push(RecordSpan { id: MessageId(self.next), time, end });
            self.next += 1;
        }
        let begun = thread_nanos();
        self.engine.process(self.source, &self.run);
        thread_nanos() - begun
    }
}
