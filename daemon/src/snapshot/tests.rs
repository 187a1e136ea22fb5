//! Snapshots of a real project's pipeline: on disk, back, and refused.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::snapshot::BlockWriter;
use expect_test::expect;
use ports::input::{InboundBatch, InboundHead};
use proto::{Encoder, EncoderOptions, Format};
use types::{
    EventBlock, Flags, Generation, InputId, Offset, Opcode, OutputIndex, OutputRecord, Tick, Timestamp, Value,
};

use super::{Bounds, Report, Shelf, Subject, Taker, desk_at, restore};
use crate::commands::{LoadedProject, load_project};
use crate::deployment::Deployment;
use crate::node::Shared;
use crate::pipeline::{GenerationTerms, Pipeline};

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/sum20-count/project.xml");
const TERMS: GenerationTerms = GenerationTerms {
    clip_bound: Duration::from_secs(3_600),
    marker_period: Duration::from_secs(600),
    part_bytes_max: 1 << 19,
};
const BOUNDS: Bounds = Bounds { interval: Duration::ZERO, keep: 3, size_max: 1 << 30 };

/// The example, with what follows from it.
struct Stage {
    project: LoadedProject,
    deployment: Deployment,
    subject: Subject,
}

impl Stage {
    fn new() -> Self {
        let project = load_project(Path::new(PROJECT)).expect("the example is sound");
        let (deployment, _) = project.deployment().expect("the example can be deployed");
        let subject = Subject::new(&deployment, project.loaded.project.fingerprint(), Generation(2));
        Self { project, deployment, subject }
    }

    fn pipeline(&self) -> Pipeline {
        Pipeline::new(&self.project.loaded, &self.deployment, TERMS).expect("the example can be compiled")
    }

    /// Records `from..to` of an inbound topic, and what they cause.
    fn feed(&self, pipeline: &mut Pipeline, from: u64, to: u64) -> Vec<Vec<OutputRecord>> {
        let source = pipeline.engine().window(&self.deployment.inbound[0].window).expect("the source window");
        let schema = Arc::new(pipeline.engine().schema(source).clone());
        let mut encoder = Encoder::new(Format::Binary, Arc::clone(&schema), EncoderOptions::default()).expect("binary");
        let mut batch = InboundBatch::default();
        for offset in from..to {
            let mut block = EventBlock::new(&schema);
            block.opcodes.push(Opcode::Insert);
            block.flags.push(Flags::NORMAL);
            let values = [Value::Int64(0), Value::Double(7.0), Value::Double((offset * 7 % 1_000) as f64)];
            for (column, value) in block.columns.iter_mut().zip(values) {
                column.push(value).expect("the example's fields");
            }
            let start = batch.bytes.len();
            encoder.encode(&block, 0..1, &mut |part| batch.bytes.extend_from_slice(part));
            batch.heads.push(InboundHead {
                input: InputId(0),
                offset: Offset(offset),
                timestamp: Timestamp(offset.cast_signed() * 1_000),
                tick: false,
                source: None,
                payload: Some(start..batch.bytes.len()),
            });
        }
        let mut out = vec![Vec::new(); self.subject.outputs.len()];
        pipeline.feed(&batch, &mut out);
        out
    }

    /// A pipeline that has seen `records` records, and its snapshot.
    fn snapshot(&self, subject: &Subject, records: u64) -> (Pipeline, Vec<u8>) {
        let mut pipeline = self.pipeline();
        self.feed(&mut pipeline, 0, records);
        let mut out = BlockWriter::new();
        pipeline.freeze(subject, &mut out);
        assert!(pipeline.write_frozen(&mut out, usize::MAX >> 1));
        out.finish();
        (pipeline, out.take())
    }
}

fn shelf(data: &Path, keep: usize) -> Shelf {
    Shelf::open(data, "plant_31415.sum20_count", Generation(2), keep).expect("a temporary folder")
}

fn put(shelf: &Shelf, next: u64, bytes: &[u8]) {
    let mut draft = shelf.begin(Offset(next)).expect("a draft");
    draft.write(bytes, u64::MAX).expect("a disk with room");
    shelf.seal(draft).expect("a snapshot");
}

fn offsets(shelf: &Shelf) -> Vec<u64> {
    shelf.list().expect("a list").iter().map(|kept| kept.next.0).collect()
}

#[test]
fn a_pipeline_that_goes_on_from_a_snapshot_writes_the_same_records() {
    let stage = Stage::new();
    let (mut whole, bytes) = stage.snapshot(&stage.subject, 1_500);
    let mut later = stage.pipeline();
    let head = later.restore(&stage.subject, &bytes).expect("its own snapshot");
    assert_eq!((head.inputs[0].next, later.next(), later.counters()), (Offset(1_500), whole.next(), whole.counters()));
    let expected = stage.feed(&mut whole, 1_500, 3_000);
    assert!(expected[0].len() > 1_000, "the example's window emits");
    assert_eq!(stage.feed(&mut later, 1_500, 3_000), expected);
}

#[test]
fn unusable_snapshots_are_refused_by_reason_and_the_next_best_is_used() {
    let stage = Stage::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shelf = shelf(folder.path(), 10);
    let other_model = Subject { fingerprint: types::Fingerprint(1), ..stage.subject.clone() };
    let other_generation = Subject { generation: Generation(1), ..stage.subject.clone() };
    let (_, good) = stage.snapshot(&stage.subject, 100);
    let (ahead, ahead_bytes) = stage.snapshot(&stage.subject, 300);
    let mut damaged = ahead_bytes.clone();
    damaged[ahead_bytes.len() / 2] ^= 1;
    let mut newer = ahead_bytes.clone();
    newer[8] += 1;
    put(&shelf, 1_000, &newer);
    put(&shelf, 900, &damaged);
    put(&shelf, 800, &ahead_bytes[..ahead_bytes.len() - 1]);
    put(&shelf, 700, &stage.snapshot(&other_model, 5).1);
    put(&shelf, 600, &stage.snapshot(&other_generation, 5).1);
    put(&shelf, 500, b"PK");
    put(&shelf, 300, &ahead_bytes);
    put(&shelf, 100, &good);
    put(&shelf, 50, &stage.snapshot(&stage.subject, 50).1);

    let report = Report::default();
    let published = vec![OutputIndex(200); stage.subject.outputs.len()];
    let (pipeline, head) = restore(&shelf, &BOUNDS, &stage.subject, &published, &report, || stage.pipeline());
    assert_eq!((pipeline.next(), head.map(|head| head.inputs[0].next)), (Some(Offset(100)), Some(Offset(100))));
    assert_eq!(ahead.next(), Some(Offset(300)));
    let shown = report.shown();
    let refused: Vec<_> = shown.refused.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    expect![
        "ahead-of-log 1, corrupted 1, no-snapshot 1, other-format 1, other-generation 1, other-model 1, truncated 1"
    ]
    .assert_eq(&refused.join(", "));
    assert_eq!(shown.restored, Some(100));
    // What will be refused again is off the shelf, so that it neither counts as kept nor keeps a peer's from being fetched.
    assert_eq!(offsets(&shelf), [300, 100, 50]);
}

#[test]
fn a_refused_snapshot_makes_room_for_a_peers_older_one_and_goes_at_the_next_start() {
    let stage = Stage::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kept = shelf(folder.path(), 2);
    let (_, good) = stage.snapshot(&stage.subject, 100);
    for damaged in [200, 300] {
        put(&kept, damaged, &good[..good.len() / 2]);
    }
    let published = vec![OutputIndex(1_000); stage.subject.outputs.len()];
    let go_on = || restore(&kept, &BOUNDS, &stage.subject, &published, &Report::default(), || stage.pipeline());
    assert_eq!(go_on().0.next(), None);
    put(&kept, 100, &good);
    assert_eq!(go_on().0.next(), Some(Offset(100)));
    let files = || std::fs::read_dir(kept.folder()).expect("the folder").count();
    assert_eq!(files(), 3, "the refused ones are there to be looked at");
    shelf(folder.path(), 2);
    assert_eq!(files(), 1);
}

#[test]
fn without_a_usable_snapshot_a_replica_begins_afresh() {
    let stage = Stage::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shelf = shelf(folder.path(), 3);
    let small = Bounds { size_max: 4, ..BOUNDS };
    for bounds in [BOUNDS, small] {
        put(&shelf, 500, b"UNDSTATE");
        let report = Report::default();
        let published = vec![OutputIndex(200); stage.subject.outputs.len()];
        let (pipeline, head) = restore(&shelf, &bounds, &stage.subject, &published, &report, || stage.pipeline());
        assert_eq!((pipeline.next(), head, report.shown().restored), (None, None, None));
        let reason = if bounds == small { "too-large" } else { "truncated" };
        assert_eq!(report.shown().refused.keys().collect::<Vec<_>>(), [&reason]);
    }
}

#[test]
fn the_newest_few_stay_and_drafts_leave_nothing_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let first = shelf(folder.path(), 2);
    for next in [5, 100, 20, 1_000_000] {
        put(&first, next, b"x");
    }
    assert_eq!(offsets(&first), [1_000_000, 100]);
    let draft = first.begin(Offset(7)).expect("a draft");
    let path = first.folder().join("00000000000000000007.draft");
    assert!(path.exists());
    drop(draft);
    assert!(!path.exists(), "a draft that was given up is still there");
    let mut draft = first.begin(Offset(8)).expect("a draft");
    assert!(draft.write(b"12345", 4).is_err(), "more than the bound was written");
    // As after kill -9.
    std::mem::forget(draft);
    let again = shelf(folder.path(), 2);
    assert_eq!(std::fs::read_dir(again.folder()).expect("a folder").count(), 2);
    let next_generation = Shelf::open(folder.path(), "plant_31415.sum20_count", Generation(3), 2).expect("a folder");
    next_generation.remove_older_generations().expect("a folder that can be removed");
    assert!(!again.folder().exists() && next_generation.folder().exists());
}

/// A taker whose desk is a shelf's.
fn taker(stage: &Stage, shelf: &Shelf, shared: &Arc<Shared>) -> Taker {
    let desk = desk_at(shelf.clone(), &BOUNDS, shared.snapshots()).expect("a thread");
    Taker::new(stage.subject.clone(), BOUNDS, desk, Arc::clone(shared), None, Tick(0))
}

/// Turns until something is so; the disk's thread needs its time.
fn turn_until(taker: &mut Taker, pipeline: &mut Pipeline, published: u64, is_so: impl Fn() -> bool) {
    while !is_so() {
        taker.turn(pipeline, Tick(0), |_| OutputIndex(published));
        std::thread::yield_now();
    }
}

#[test]
fn what_is_condemned_goes_at_the_next_start_and_what_is_pardoned_stays() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let first = shelf(folder.path(), 3);
    put(&first, 5, b"x");
    first.condemn().expect("a mark");
    first.pardon().expect("no mark");
    let second = shelf(folder.path(), 3);
    assert_eq!(second.list().expect("a list").len(), 1);
    second.condemn().expect("a mark");
    // Whatever is still on its way when the process ends goes too.
    put(&second, 9, b"x");
    drop(second.resume(Offset(12)).expect("a part"));
    assert_eq!(shelf(folder.path(), 3).list().expect("a list"), []);
    assert_eq!(std::fs::read_dir(shelf(folder.path(), 3).folder()).expect("a folder").count(), 0, "nor the mark");
}

#[test]
fn a_snapshot_gets_its_name_only_behind_its_outputs() {
    let stage = Stage::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shelf = shelf(folder.path(), 3);
    let shared = Arc::new(Shared::new(stage.subject.outputs.len()));
    let report = Arc::clone(shared.snapshots());
    let mut taker = taker(&stage, &shelf, &shared);
    let mut pipeline = stage.pipeline();
    taker.turn(&mut pipeline, Tick(0), |_| OutputIndex(0));
    assert_eq!(std::fs::read_dir(shelf.folder()).expect("a folder").count(), 0, "nothing was read, nothing to keep");

    stage.feed(&mut pipeline, 0, 500);
    let is_drafted = || std::fs::read_dir(shelf.folder()).expect("a folder").count() == 1;
    turn_until(&mut taker, &mut pipeline, 0, is_drafted);
    for _ in 0..1_000 {
        taker.turn(&mut pipeline, Tick(0), |_| OutputIndex(10));
    }
    assert_eq!((offsets(&shelf), report.shown().taken), (vec![], 0), "outputs of it are still owed to the log");
    turn_until(&mut taker, &mut pipeline, 1_000_000, || report.shown().taken == 1);
    assert_eq!((offsets(&shelf), report.shown().newest), (vec![500], Some(500)));
}

#[test]
fn a_takeover_comes_first_and_a_lone_active_takes_snapshots() {
    let stage = Stage::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shelf = shelf(folder.path(), 3);
    let shared = Arc::new(Shared::new(stage.subject.outputs.len()));
    let report = Arc::clone(shared.snapshots());
    let mut taker = taker(&stage, &shelf, &shared);
    let mut pipeline = stage.pipeline();
    stage.feed(&mut pipeline, 0, 500);
    taker.turn(&mut pipeline, Tick(0), |_| OutputIndex(0));
    shared.set_writing(true);
    turn_until(&mut taker, &mut pipeline, 0, || report.shown().given_up == 1);
    shared.set_alone(true);
    turn_until(&mut taker, &mut pipeline, 1_000_000, || report.shown().taken == 1);
    assert_eq!(offsets(&shelf), [500]);
}
