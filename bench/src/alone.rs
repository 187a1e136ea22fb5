//! (a) The engine alone, without Kafka: events a second on one core.
//!
//! The same input three ways in one run: its payloads copied and nothing else, the engine with events that are decoded
//! already, and all that a replica computes between reading and writing (intake, decoder, engine, encoder, digest).

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use daemon::commands::LoadedProject;
use daemon::deployment::Deployment;
use daemon::pipeline::{GenerationTerms, Pipeline};
use engine::{Engine, WindowId};
use types::{MessageId, OutputRecord, RecordSpan, Run, Schema, Timestamp};

use crate::measure::{Rounds, thread_nanos};
use crate::model::{self, Feed, Form};
use crate::print;

/// Rounds of each kind; they take turns, so that a busy moment of the machine hits all kinds alike.
const ROUNDS: usize = 5;
/// Events before the first round: windows are full, buffers have their size.
const WARM_UP_EVENTS: usize = 100_000;
/// What is aimed at, in million events a second.
const TARGET_MILLIONS: f64 = 3.0;

const FORMS: [Form; 3] =
    [Form { records: 1, events: 256 }, Form { records: 256, events: 1 }, Form { records: 1, events: 1 }];

/// The daemon's defaults.
const TERMS: GenerationTerms = GenerationTerms {
    clip_bound: Duration::from_secs(3_600),
    marker_period: Duration::from_secs(600),
    part_bytes_max: 512 << 10,
};

pub(crate) fn run(round_events: u32) -> anyhow::Result<()> {
    let project = model::load()?;
    let (deployment, _) = project.deployment()?;
    print(&format!(
        "\n(a) engine alone, sum20-count, {round_events} events a round, best of {ROUNDS} (median in brackets), million events/s \
         of one core's time; target {TARGET_MILLIONS} with digest"
    ));
    print(
        "records/run  events/record        with digest        engine only    copy only   digest/engine  copies' time  bytes in  bytes out",
    );
    for form in FORMS {
        let mut kinds = Kinds::new(&project, &deployment, form)?;
        print(&kinds.compare(round_events as usize));
    }
    Ok(())
}

/// The three kinds side by side.
struct Kinds {
    form: Form,
    copy: Copy,
    alone: Alone,
    whole: Whole,
}

impl Kinds {
    fn new(project: &LoadedProject, deployment: &Deployment, form: Form) -> anyhow::Result<Self> {
        let alone = Alone::new(project, deployment, form)?;
        let feed = || Feed::new(&alone.schema, form);
        let copy = Copy { feed: feed()?, copied: Vec::new() };
        let whole = Whole::new(project, deployment, feed()?)?;
        Ok(Self { form, copy, alone, whole })
    }

    fn compare(&mut self, round_events: usize) -> String {
        let each = self.form.run_events();
        let runs = round_events.div_ceil(each);
        for _ in 0..WARM_UP_EVENTS / each {
            self.copy.step();
            self.alone.step();
            self.whole.step();
        }
        let events = (runs * each) as f64;
        let (mut copy, mut alone, mut whole) = (Rounds::default(), Rounds::default(), Rounds::default());
        self.whole.bytes = 0;
        for _ in 0..ROUNDS {
            copy.add(cost(runs, || self.copy.step()) / events);
            alone.add(cost(runs, || self.alone.step()) / events);
            whole.add(cost(runs, || self.whole.step()) / events);
        }
        let inbound = self.copy.feed.batch.bytes.len() as f64 / each as f64;
        let outbound = self.whole.bytes as f64 / (events * ROUNDS as f64);
        format!(
            "{:>11}  {:>13}  {:>17}  {:>17}  {:>11.1}  {:>14.2}  {:>12.0}  {inbound:>8.1}  {outbound:>9.1}",
            self.form.records,
            self.form.events,
            millions(&whole),
            millions(&alone),
            1e3 / copy.least(),
            alone.least() / whole.least(),
            whole.least() / copy.least(),
        )
    }
}

/// Nanoseconds of the thread's own time.
fn cost(runs: usize, mut step: impl FnMut()) -> f64 {
    let start = thread_nanos();
    (0..runs).for_each(|_| step());
    thread_nanos() - start
}

/// Million events a second, from nanoseconds an event.
fn millions(nanos: &Rounds) -> String {
    format!("{:.2} ({:.2})", 1e3 / nanos.least(), 1e3 / nanos.median())
}

/// Every payload into a buffer that is used again: what no program that takes part can save.
struct Copy {
    feed: Feed,
    copied: Vec<u8>,
}

impl Copy {
    fn step(&mut self) {
        self.feed.advance();
        self.copied.clear();
        for head in &self.feed.batch.heads {
            self.copied.extend_from_slice(self.feed.batch.payload(head).unwrap_or_default());
        }
        black_box(&self.copied);
    }
}

/// Windows only.
struct Alone {
    engine: Engine,
    schema: Arc<Schema>,
    source: WindowId,
    out: WindowId,
    run: Run,
    next: u64,
}

impl Alone {
    fn new(project: &LoadedProject, deployment: &Deployment, form: Form) -> anyhow::Result<Self> {
        let mut engine =
            Engine::from_loaded(&project.loaded).ok().context("the project's expressions can't be compiled")?;
        let source = engine.window(&deployment.inbound[0].window).context("no source window")?;
        let outbound = deployment.outbound.first().context("no outbound topic")?;
        let out = engine.window(&outbound.window).context("no outbound window")?;
        engine.subscribe(out);
        let schema = Arc::new(engine.schema(source).clone());
        let mut run = Run::new(&schema);
        run.block = model::readings(&schema, form.run_events())?;
        for record in 1..=form.records {
            let end = u32::try_from(record * form.events)?;
            run.spans.push(RecordSpan { id: MessageId(0), time: Timestamp(0), end });
        }
        Ok(Self { engine, schema, source, out, run, next: 0 })
    }

    fn step(&mut self) {
        for span in &mut self.run.spans {
            span.id = MessageId(self.next);
            self.next += 1;
        }
        self.engine.process(self.source, &self.run);
        black_box(self.engine.output(self.out));
    }
}

/// What a replica computes; whoever takes the outputs drops them at once.
struct Whole {
    pipeline: Pipeline,
    feed: Feed,
    out: Vec<Vec<OutputRecord>>,
    /// Payload bytes that came out.
    bytes: usize,
}

impl Whole {
    fn new(project: &LoadedProject, deployment: &Deployment, feed: Feed) -> anyhow::Result<Self> {
        let pipeline = Pipeline::new(&project.loaded, deployment, TERMS)?;
        let out = Pipeline::topics(deployment).iter().map(|_| Vec::new()).collect();
        Ok(Self { pipeline, feed, out, bytes: 0 })
    }

    fn step(&mut self) {
        self.feed.advance();
        self.pipeline.feed(&self.feed.batch, &mut self.out);
        for records in &mut self.out {
            self.bytes += records.iter().map(|record| record.payload.len()).sum::<usize>();
            records.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_sees_the_same_input_and_the_whole_refuses_none_of_it() {
        let project = model::load().unwrap();
        let (deployment, _) = project.deployment().unwrap();
        for form in FORMS {
            let mut kinds = Kinds::new(&project, &deployment, form).unwrap();
            for _ in 0..3 {
                kinds.copy.step();
                kinds.alone.step();
                kinds.whole.step();
            }
            let counters = kinds.whole.pipeline.counters();
            let expected = 3 * form.run_events() as u64;
            assert_eq!((counters.records, counters.events, counters.rejected), (3 * form.records as u64, expected, 0));
            assert_eq!(kinds.copy.copied, kinds.whole.feed.batch.bytes);
            assert_eq!(kinds.alone.run.block.len(), form.run_events());
            assert_eq!(
                kinds.alone.engine.output(kinds.alone.out).block.len(),
                kinds.whole.pipeline.engine().output(kinds.alone.out).block.len()
            );
            assert!(kinds.whole.bytes > 0);
        }
    }
}
