//! Events per second through the chain that benches use, for `valgrind --tool=callgrind` and a quick look:
//! source (generated keys) → copy (the last 1000 rows) → functional (a counter) → summary (sum of 20) → compute.
//!
//! `throughput [events in all] [events per run] [events per record]`
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a tool for people, outside of the engine"
)]

use std::time::Instant;

use types::{Column, Flags, MessageId, Opcode, RecordSpan, Run, Timestamp};
use understudy_engine::Engine;
use understudy_engine::project::load;

const PROJECT: &str = r#"
<project name="chain" heartbeat-interval="1"><contqueries><contquery name="cq"><windows>
  <window-source name="in" index="pi_EMPTY" insert-only="true" autogen-key="true">
    <schema><fields><field name="id" type="int64" key="true"/><field name="user" type="double"/><field name="idl" type="double"/></fields></schema>
  </window-source>
  <window-copy name="last"><retention type="bycount_sliding">1000</retention></window-copy>
  <window-functional name="numbered">
    <schema><fields><field name="id" type="int64" key="true"/><field name="user" type="double"/><field name="idl" type="double"/><field name="number" type="int64"/></fields></schema>
    <function-context><functions><function name="number">eventCounter()</function></functions></function-context>
  </window-functional>
  <window-calculate name="summed" algorithm="Summary">
    <schema><fields><field name="id" type="int64" key="true"/><field name="user" type="double"/><field name="idl" type="double"/><field name="sum" type="int64"/><field name="number" type="int64"/></fields></schema>
    <parameters><properties><property name="windowLength">20</property></properties></parameters>
    <input-map><properties><property name="input">idl</property></properties></input-map>
    <output-map><properties><property name="sumOut">sum</property></properties></output-map>
  </window-calculate>
  <window-compute name="out">
    <schema><fields><field name="id" type="int64" key="true"/><field name="user" type="double"/><field name="idl" type="double"/><field name="number" type="int64"/><field name="sum" type="int64"/></fields></schema>
    <output><field-expr>user</field-expr><field-expr>idl</field-expr><field-expr>number</field-expr><field-expr>sum</field-expr></output>
  </window-compute>
</windows><edges>
  <edge source="in" target="last"/><edge source="last" target="numbered"/>
  <edge source="numbered" target="summed"/><edge source="summed" target="out"/>
</edges></contquery></contqueries></project>"#;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>().unwrap());
    let total = arguments.next().unwrap_or(3_000_000);
    let per_run = arguments.next().unwrap_or(256);
    let per_record = arguments.next().unwrap_or(per_run);

    let loaded = load(PROJECT, "chain.xml", &|_| None).unwrap();
    let mut engine = Engine::from_loaded(&loaded).unwrap();
    let (source, out) = (engine.window("cq/in").unwrap(), engine.window("cq/out").unwrap());
    engine.subscribe(out);
    let mut run = Run::new(engine.schema(source));
    for row in 0..per_run {
        run.block.opcodes.push(Opcode::Insert);
        run.block.flags.push(Flags::NORMAL);
        for (i, column) in run.block.columns.iter_mut().enumerate() {
            if let Column::Int64(values) = column {
                values.push(Some(0));
            } else if let Column::Double(values) = column {
                values.push(Some((row * 7 % 11 + i) as f64));
            }
        }
    }
    for record in 0..per_run / per_record {
        let end = u32::try_from((record + 1) * per_record).unwrap();
        run.spans.push(RecordSpan { id: MessageId(record as u64), time: Timestamp(0), end });
    }

    let mut emitted = 0;
    let start = Instant::now();
    for i in 0..total / per_run {
        let first = (i * run.spans.len()) as u64;
        for (id, span) in (first..).zip(&mut run.spans) {
            *span = RecordSpan { id: MessageId(id), time: Timestamp(id as i64), ..*span };
        }
        engine.process(source, &run);
        emitted += engine.output(out).block.len();
    }
    let seconds = start.elapsed().as_secs_f64();
    let events = total / per_run * per_run;
    println!(
        "{events} events in runs of {per_run}, records of {per_record}: {:.2} million/s, {:.0} ns each, {emitted} out",
        events as f64 / seconds / 1e6,
        seconds / events as f64 * 1e9
    );
}
