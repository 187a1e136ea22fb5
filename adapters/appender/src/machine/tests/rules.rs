//! One test per rule of the sequenced append.

use std::time::Duration;

use ports::output::{OutputBlock, OutputCommand, OutputFact};
use types::{LeaderEpoch, MessageId, Offset, OutputIndex};

use super::super::{Bounds, Lifetimes, MachineConfig, Noted, Shifted};
use super::broker::Cluster;
use super::world::{World, config, output, output_of};
use crate::wire::{ErrorCode, TopicId};

const SOON: Duration = Duration::from_millis(50);
const LATER: Duration = Duration::from_secs(5);

/// A world with one machine that has opened an empty topic.
fn opened() -> (World, usize) {
    let mut world = World::new(1);
    let a = world.add(config("a", 1));
    world.run(SOON);
    assert!(has_opened(&world, a));
    (world, a)
}

/// The same, writing, with `n` outputs published.
fn written(n: u64) -> (World, usize) {
    let (mut world, a) = opened();
    world.command(a, OutputCommand::Write);
    world.compute(a, n);
    world.run(SOON);
    assert!(world.actors[a].is_done(n));
    (world, a)
}

fn has_opened(world: &World, actor: usize) -> bool {
    world.actors[actor].facts.iter().any(|fact| matches!(fact, OutputFact::Opened { .. }))
}

fn published(world: &World, actor: usize) -> u64 {
    world.actors[actor].machine.progress().published_end.0
}

fn owed(world: &World, actor: usize) -> usize {
    world.actors[actor].machine.progress().owed
}

fn blocked(world: &World, actor: usize) -> &OutputBlock {
    world.actors[actor].blocked().expect("the machine is blocked")
}

fn join(world: &mut World, name: &str) -> usize {
    let actor = world.add(config(name, 1));
    world.run(SOON);
    actor
}

fn produced(world: &mut World) -> usize {
    let trace = world.trace.take().unwrap_or_default();
    world.trace = Some(Vec::new());
    trace.iter().filter(|line| line.contains("Produce epoch")).count()
}

#[test]
fn r01_drop_only_what_is_committed() {
    let (mut world, a) = written(3);
    // The leader takes the batches, its followers don't copy them.
    world.replicating = false;
    world.compute(a, 6);
    world.run(Duration::from_secs(10));
    assert!(world.cluster.nodes[0].end() > 4, "the leader has them");
    assert_eq!((published(&world, a), owed(&world, a)), (3, 3));
    // Nor does a standby drop on what the leader remembers.
    let b = join(&mut world, "b");
    world.compute(b, 6);
    world.command(b, OutputCommand::Write);
    world.run(LATER);
    assert_eq!((published(&world, b), owed(&world, b)), (3, 3));
    world.replicating = true;
    world.run(LATER);
    assert!(world.actors[a].is_done(6) && world.actors[b].is_done(6));
    world.check_log(6).unwrap();
}

#[test]
fn r02_without_a_young_record_one_goes_alone() {
    let (mut world, a) = written(1);
    world.sleep(Duration::from_secs(7 * 3600));
    world.trace = Some(Vec::new());
    world.compute(a, 20);
    world.run(LATER);
    let trace = world.trace.take().unwrap();
    let first: Vec<&String> = trace.iter().filter(|line| line.contains("Produce epoch")).take(2).collect();
    assert!(first[0].contains("sequence 2 records 1"), "{first:?}");
    assert!(first[1].contains("sequence 3 records 18"), "{first:?}");
}

#[test]
fn r03_prime_on_a_settled_log_only() {
    let (mut world, a) = written(2);
    // An uncommitted tail, and a leader that forgot the producer.
    world.replicating = false;
    world.compute(a, 3);
    world.run(SOON);
    world.cluster.nodes[0].forget_producers();
    let b = join(&mut world, "b");
    world.compute(b, 3);
    (world.trace, world.traced) = (Some(Vec::new()), b);
    world.command(b, OutputCommand::Write);
    world.run(LATER);
    assert_eq!(produced(&mut world), 0, "the end of the log isn't committed: nothing may be sent");
    world.replicating = true;
    world.run(LATER);
    world.check_log(3).unwrap();
}

#[test]
fn r04_a_young_log_is_never_without_state() {
    let mut world = World::new(3);
    let (a, b) = (world.add(config("a", 1)), world.add(config("b", 1)));
    for actor in [a, b] {
        world.compute(actor, 5);
        world.command(actor, OutputCommand::Write);
    }
    world.run(LATER);
    let log = world.read_back();
    assert_eq!(log[0], (Offset(0), "fence".to_owned()));
    assert_eq!(log.iter().filter(|(_, text)| text == "fence").count(), 1, "two writers of a fence are one: {log:?}");
    world.check_log(5).unwrap();
}

#[test]
fn r05_ask_once_per_leader_epoch() {
    let (mut world, a) = written(2);
    // The next leader has lost its memory of us: that is met by asking, not by hoping, and before there is anything to send.
    world.cluster.nodes[1].forget_producers();
    world.trace = Some(Vec::new());
    world.cluster.elect(1, None);
    world.run(Duration::from_secs(1));
    let trace = world.trace.replace(Vec::new()).unwrap();
    assert_eq!(trace.iter().filter(|line| line.contains("DescribeProducers")).count(), 1, "{trace:?}");
    world.compute(a, 8);
    world.run(LATER);
    let trace = world.trace.take().unwrap();
    let primed = trace.iter().find(|line| line.contains("Produce epoch")).unwrap();
    assert!(primed.contains("records 1"), "{primed}");
    assert_eq!(world.actors[a].machine.progress().counters.states_lost, 1);
    world.check_log(8).unwrap();
}

#[test]
fn r05_a_larger_epoch_stops_us() {
    let (mut world, a) = written(2);
    let b = world.add(MachineConfig { ..config("b", 2) });
    world.run(SOON);
    assert!(has_opened(&world, b));
    world.compute(a, 3);
    world.run(SOON);
    assert_eq!(*blocked(&world, a), OutputBlock::Fenced { ours: types::Generation(1) });
}

#[test]
fn r06_ages_are_compared_before_every_send() {
    let mut world = World::new(1);
    world.cluster.expiry = Duration::from_secs(100);
    let lifetimes = Lifetimes { producer_expiry_min: Duration::from_secs(100), retention: None };
    let a = world.add(MachineConfig { lifetimes, ..config("a", 1) });
    world.run(SOON);
    world.command(a, OutputCommand::Write);
    world.compute(a, 5);
    world.run(SOON);
    // The broker forgets; the first thing after waking is a question, then one record.
    world.sleep(Duration::from_secs(101));
    world.trace = Some(Vec::new());
    world.compute(a, 9);
    let first: Vec<String> = world.trace.as_ref().unwrap().clone();
    assert!(!first.iter().any(|line| line.contains("Produce epoch")), "{first:?}");
    world.run(LATER);
    world.check_log(9).unwrap();
}

#[test]
fn r06_a_busy_writer_s_anchor_stays_young() {
    let mut world = World::new(1);
    let lifetimes = Lifetimes { producer_expiry_min: Duration::from_secs(40), retention: None };
    let a = world.add(MachineConfig { lifetimes, ..config("a", 1) });
    world.run(SOON);
    world.command(a, OutputCommand::Write);
    for end in 1..200 {
        world.compute(a, end);
        world.run(Duration::from_millis(300));
    }
    let progress = world.actors[a].machine.progress();
    assert!(progress.counters.resyncs <= 3, "a minute of writing never lost its anchor: {progress:?}");
}

#[test]
fn r07_a_silent_link_is_not_written_to_again() {
    let (mut world, a) = written(2);
    world.sleep(Duration::from_secs(61));
    world.trace = Some(Vec::new());
    world.compute(a, 3);
    let trace = world.trace.clone().unwrap();
    assert!(trace.iter().filter(|line| line.contains("Shut")).count() == 2, "{trace:?}");
    assert!(!trace.iter().any(|line| line.contains("Produce epoch")), "{trace:?}");
    world.run(LATER);
    world.check_log(3).unwrap();
}

#[test]
fn r08_a_log_that_lost_its_end_is_healed_from_the_ring() {
    let (mut world, a) = written(9);
    let b = join(&mut world, "b");
    world.compute(b, 9);
    world.run(SOON);
    world.cluster.lose_from(6);
    world.run(LATER);
    world.compute(a, 12);
    world.compute(b, 12);
    world.run(LATER);
    assert!(world.actors[a].is_done(12) && world.actors[b].is_done(12));
    world.check_log(12).unwrap();
}

#[test]
fn r08_a_log_that_lost_more_than_is_kept_blocks() {
    let mut world = World::new(1);
    let bounds = Bounds { kept_records_max: 2, batch_records_max: 1, ..Bounds::default() };
    let a = world.add(MachineConfig { bounds, ..config("a", 1) });
    world.run(SOON);
    world.command(a, OutputCommand::Write);
    world.compute(a, 9);
    world.run(SOON);
    world.cluster.lose_from(4);
    world.run(LATER);
    let block = OutputBlock::LogShortened { end: OutputIndex(3), dropped: OutputIndex(9) };
    assert_eq!(*blocked(&world, a), block);
}

#[test]
fn r08_a_snapshot_newer_than_the_log_is_refused() {
    let (mut world, _) = written(3);
    let b = join(&mut world, "b");
    world.command(b, OutputCommand::Push(vec![output(5)]));
    let block = OutputBlock::LogShortened { end: OutputIndex(3), dropped: OutputIndex(5) };
    assert_eq!(*blocked(&world, b), block);
}

#[test]
fn r09_a_new_generation_shuts_the_old_one_out() {
    let (mut world, a) = written(4);
    let b = world.add(config("b", 2));
    world.run(SOON);
    world.command(b, OutputCommand::Write);
    world.compute(b, 3);
    world.compute(a, 6);
    world.run(LATER);
    let log: Vec<String> = world.read_back().into_iter().map(|(_, text)| text).collect();
    assert_eq!(log, ["fence", "f(0)", "f(1)", "f(2)", "f(3)", "fence", "f(0)", "f(1)", "f(2)"]);
    assert_eq!(*blocked(&world, a), OutputBlock::Fenced { ours: types::Generation(1) });
    // And one that comes late sees at once that it is over.
    let c = join(&mut world, "c");
    assert_eq!(*blocked(&world, c), OutputBlock::Fenced { ours: types::Generation(1) });
}

#[test]
fn r10_everybody_compares() {
    let (mut world, a) = written(3);
    let b = join(&mut world, "b");
    // Computed before the tail shows it.
    world.compute_of(b, 6, |index| output_of(index, if index < 4 { "f" } else { "g" }));
    world.compute(a, 5);
    world.run(SOON);
    let OutputBlock::Diverged { index, mine, theirs, writer, .. } = blocked(&world, b) else { panic!("not diverged") };
    assert_eq!((*index, writer.as_str()), (OutputIndex(4), "a.1"));
    assert_eq!((*mine, *theirs), (output_of(4, "g").digest, output(4).digest));
    // Computed after the tail showed it.
    let c = join(&mut world, "c");
    world.compute_of(c, 5, |index| output_of(index, "h"));
    assert!(matches!(blocked(&world, c), OutputBlock::Diverged { index: OutputIndex(4), .. }));
    assert!(world.actors[a].blocked().is_none());
}

#[test]
fn r10_an_acknowledged_output_is_compared_too() {
    let (mut world, a) = written(3);
    // Another f writes first, with the very edges that the active uses: the broker takes the active's for a repeat.
    let z = join(&mut world, "z");
    world.command(z, OutputCommand::Write);
    world.compute_of(z, 4, |index| output_of(index, "g"));
    world.run(SOON);
    let _ = z;
    world.compute(a, 4);
    world.run(SOON);
    assert!(world.actors[a].blocked().is_some() || world.actors[z].blocked().is_some());
}

#[test]
fn r10_a_second_active_is_named_once() {
    let (mut world, a) = written(3);
    let b = join(&mut world, "b");
    world.command(b, OutputCommand::Write);
    for end in 4..30 {
        let (first, second) = if end % 2 == 0 { (a, b) } else { (b, a) };
        world.compute(first, end);
        world.run(Duration::from_millis(3));
        world.compute(second, end);
        world.run(Duration::from_millis(3));
    }
    world.run(LATER);
    world.check_log(29).unwrap();
    let named = |actor: usize| {
        let facts = world.actors[actor].facts.iter();
        facts.filter(|fact| matches!(fact, OutputFact::ForeignWriter { .. })).count()
    };
    assert_eq!((named(a), named(b)), (1, 1));
}

#[test]
fn r11_errors_prove_nothing() {
    for error in [
        ErrorCode::REQUEST_TIMED_OUT,
        ErrorCode::NOT_LEADER_OR_FOLLOWER,
        ErrorCode::NOT_ENOUGH_REPLICAS,
        ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        ErrorCode::CORRUPT_MESSAGE,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        ErrorCode::DUPLICATE_SEQUENCE_NUMBER,
        ErrorCode::UNKNOWN_PRODUCER_ID,
        ErrorCode::MESSAGE_TOO_LARGE,
        ErrorCode::UNKNOWN_TOPIC_ID,
        ErrorCode::KAFKA_STORAGE_ERROR,
        ErrorCode(999),
    ] {
        let (mut world, a) = written(3);
        world.cluster.refuse_produce = [error].into();
        world.compute(a, 9);
        assert_eq!((published(&world, a), owed(&world, a)), (3, 6), "{error}");
        world.run(LATER);
        assert!(world.actors[a].is_done(9), "{error}");
        world.check_log(9).unwrap();
    }
}

#[test]
fn r11_what_is_refused_for_good_blocks() {
    for error in [ErrorCode::TOPIC_AUTHORIZATION_FAILED, ErrorCode::INVALID_RECORD] {
        let (mut world, a) = written(3);
        world.cluster.refuse_produce = [error].into();
        world.compute(a, 9);
        world.run(SOON);
        assert_eq!(*blocked(&world, a), OutputBlock::Refused { reason: error.to_string() });
    }
}

#[test]
fn r11_a_batch_too_large_is_split_and_a_record_too_large_blocks() {
    let (mut world, a) = written(1);
    world.cluster.max_bytes = 1_000;
    world.compute(a, 40);
    world.run(LATER);
    assert!(world.actors[a].is_done(40), "{:?}", world.actors[a].machine.progress());
    world.check_log(40).unwrap();
    world.cluster.max_bytes = 100;
    world.compute(a, 41);
    world.run(LATER);
    assert!(matches!(blocked(&world, a), OutputBlock::RecordTooLarge { index: OutputIndex(40), .. }));
}

#[test]
fn r11_a_zombie_leader_is_not_believed() {
    let (mut world, a) = written(3);
    // Broker 0 doesn't hear that broker 1 leads now, and is out of sync.
    world.cluster.elect(1, Some(0));
    world.cluster.shrink(0);
    world.replicating = false;
    world.compute(a, 6);
    world.run(Duration::from_secs(10));
    assert_eq!(published(&world, a), 3, "what a zombie takes isn't committed");
    world.replicating = true;
    world.run(Duration::from_secs(10));
    assert!(world.actors[a].is_done(6));
    world.check_log(6).unwrap();
}

#[test]
fn r13_a_topic_made_anew_blocks() {
    let (mut world, a) = written(3);
    world.cluster.topic_id = TopicId(8);
    world.compute(a, 4);
    world.run(LATER);
    assert!(matches!(blocked(&world, a), OutputBlock::TopicReplaced { .. }));
    // The notebook remembers across restarts; old brokers carry no id, there Metadata is compared.
    let noted = Noted { fence: Some(Offset(0)), shifted: None, topic_id: Some(TopicId(7).to_string()) };
    let b = world.add(MachineConfig { noted, ..config("b", 1) });
    world.run(SOON);
    assert!(matches!(blocked(&world, b), OutputBlock::TopicReplaced { .. }));
    assert!(!has_opened(&world, b));
}

#[test]
fn r13_an_idle_writer_notices_too() {
    let (mut world, a) = written(3);
    world.cluster.topic_id = TopicId(8);
    world.run(Duration::from_secs(40));
    assert!(matches!(blocked(&world, a), OutputBlock::TopicReplaced { .. }));
}

#[test]
fn r14_ask_again() {
    let (mut world, a) = written(2);
    // Other edges than a's: the broker refuses instead of repeating.
    let bounds = Bounds { batch_records_max: 2, ..Bounds::default() };
    let b = world.add(MachineConfig { bounds, ..config("b", 1) });
    world.run(SOON);
    world.compute(a, 3);
    world.run(SOON);
    // A leader's word puts b behind records that are never committed: they die with that leader.
    world.replicating = false;
    world.compute(a, 6);
    world.run(SOON);
    world.actors[a].frozen = true;
    world.compute(b, 6);
    world.command(b, OutputCommand::Write);
    world.run(SOON);
    assert_eq!(world.actors[b].machine.progress().state, "writing", "it may write, there is only nothing left to send");
    (world.trace, world.traced) = (Some(Vec::new()), b);
    world.run(Duration::from_secs(1));
    assert_eq!(owed(&world, b), 3);
    let trace = world.trace.take().unwrap();
    let asked = trace.iter().filter(|line| line.contains("DescribeProducers")).count();
    assert!((5..=12).contains(&asked), "about every 100 ms: {asked}");
    world.cluster.crash(0);
    world.replicating = true;
    world.run(LATER);
    assert!(world.actors[b].is_done(6), "{:?}", world.actors[b].machine.progress());
    world.check_log(6).unwrap();
}

#[test]
fn r15_the_next_index_comes_from_offsets_and_the_sequence_checks_it() {
    let (mut world, a) = written(5);
    // Retention empties the log, then a rolling restart loses the memory: only offsets and the note are left.
    world.cluster.delete_below(6);
    world.cluster.nodes.iter_mut().for_each(super::broker::Node::forget_producers);
    let noted = Noted { fence: Some(Offset(0)), ..Noted::default() };
    world.restart(a, MachineConfig { noted, ..config("a", 1) });
    world.run(SOON);
    assert_eq!(published(&world, a), 5);
    world.compute(a, 8);
    world.command(a, OutputCommand::Write);
    world.run(LATER);
    let log: Vec<String> = world.read_back().into_iter().map(|(_, text)| text).collect();
    assert_eq!(log, ["f(5)", "f(6)", "f(7)"]);
}

#[test]
fn r15_offsets_alone_tell_the_next_index_behind_foreign_records_too() {
    let (mut world, a) = written(3);
    let now = world.tick();
    world.cluster.append_foreign(now);
    world.compute(a, 5);
    world.run(LATER);
    // Fence, 0, 1, 2, the foreign record, 3, 4: retention leaves nothing.
    world.cluster.delete_below(7);
    world.cluster.nodes.iter_mut().for_each(super::broker::Node::forget_producers);
    let shifted = Some(Shifted { fence: Offset(1), from: OutputIndex(3) });
    let noted = Noted { fence: Some(Offset(0)), shifted, topic_id: None };
    world.restart(a, MachineConfig { noted, ..config("a", 1) });
    world.run(SOON);
    assert_eq!(published(&world, a), 5);
}

#[test]
fn r15_a_foreign_record_alone_in_the_log_is_not_counted_as_ours() {
    let (mut world, a) = written(3);
    let now = world.tick();
    world.cluster.append_foreign(now);
    world.run(LATER);
    world.cluster.delete_below(4);
    world.cluster.nodes.iter_mut().for_each(super::broker::Node::forget_producers);
    let shifted = Some(Shifted { fence: Offset(1), from: OutputIndex(3) });
    let noted = Noted { fence: Some(Offset(0)), shifted, topic_id: None };
    world.restart(a, MachineConfig { noted, ..config("a", 1) });
    world.run(SOON);
    assert_eq!(published(&world, a), 3);
}

#[test]
fn r15_a_foreign_record_moves_offsets_and_is_said_once() {
    let (mut world, a) = written(3);
    let now = world.tick();
    world.cluster.append_foreign(now);
    world.compute(a, 6);
    world.run(LATER);
    assert!(world.actors[a].is_done(6));
    world.check_log(6).unwrap();
    let said: Vec<&OutputFact> =
        world.actors[a].facts.iter().filter(|fact| matches!(fact, OutputFact::ForeignRecord { .. })).collect();
    assert_eq!(said, [&OutputFact::ForeignRecord { offset: Offset(4), fence: Offset(1), from: OutputIndex(3) }]);
    // Whoever opens now finds the same place.
    let b = join(&mut world, "b");
    let last = Some((OutputIndex(5), MessageId(10), output(5).digest));
    let opened = OutputFact::Opened { published_end: OutputIndex(6), last, fence: Some(Offset(1)) };
    assert!(world.actors[b].facts.contains(&opened), "{:?}", world.actors[b].facts);
}

#[test]
fn r15_every_acknowledgement_s_place_is_checked() {
    // Before its place: an index is missing or repeated, whatever the tail will show.
    let (mut world, a) = written(3);
    (world.cluster.misplaced_by, world.cluster.hold_fetch) = (-1, true);
    world.compute(a, 4);
    world.run(SOON);
    let block = OutputBlock::LogForked { offset: Offset(3), found: OutputIndex(3), expected: OutputIndex(2) };
    assert_eq!(*blocked(&world, a), block);
    // Behind its place: somebody else's records may lie between; nothing more is sent before the tail has read them.
    let (mut world, a) = written(3);
    (world.cluster.misplaced_by, world.cluster.hold_fetch) = (1, true);
    world.compute(a, 4);
    world.run(SOON);
    assert_eq!(world.actors[a].machine.progress().state, "reading what came between");
    assert_eq!((published(&world, a), owed(&world, a)), (3, 1));
    (world.cluster.misplaced_by, world.cluster.hold_fetch) = (0, false);
    world.run(SOON);
    world.trace = Some(Vec::new());
    world.compute(a, 6);
    world.run(SOON);
    assert_eq!((produced(&mut world), owed(&world, a)), (0, 2));
    let now = world.tick();
    world.cluster.append_foreign(now);
    world.run(LATER);
    assert!(world.actors[a].is_done(6));
    world.check_log(6).unwrap();
}

#[test]
fn r15_a_missing_index_blocks() {
    let (mut world, a) = written(5);
    let b = join(&mut world, "b");
    // The memory is lost and somebody writes past a hole: what no rule of ours would do.
    for node in &mut world.cluster.nodes {
        node.forget_producers();
    }
    let mut encoder = crate::batch::BatchEncoder::new(crate::batch::Compression::None);
    let item = super::super::outputs::Item::Output(output(7));
    let zombie = config("z", 1);
    let batch = super::super::codec::outputs(
        &mut encoder,
        &zombie,
        OutputIndex(7),
        std::iter::once(&item),
        types::Timestamp(0),
    );
    let request = crate::wire::Request::Produce {
        topic: zombie.topic.clone(),
        topic_id: None,
        timeout: SOON,
        batch: batch.unwrap(),
    };
    let now = world.tick();
    world.cluster.serve(0, &request, now);
    world.run(LATER);
    let block = OutputBlock::LogForked { offset: Offset(6), found: OutputIndex(7), expected: OutputIndex(5) };
    assert_eq!((blocked(&world, a), blocked(&world, b)), (&block, &block));
}

#[test]
fn r16_nothing_is_dropped_while_replication_is_too_thin() {
    let (mut world, a) = written(3);
    world.command(a, OutputCommand::Hold(true));
    world.compute(a, 8);
    world.run(SOON);
    assert_eq!((published(&world, a), owed(&world, a)), (8, 5));
    assert_eq!(world.actors[a].machine.progress().kept_back, 5);
    // Even when the one copy is lost, everything is still owed.
    world.cluster.lose_from(4);
    world.run(LATER);
    world.command(a, OutputCommand::Hold(false));
    world.run(LATER);
    assert!(world.actors[a].is_done(8));
    world.check_log(8).unwrap();
}

#[test]
fn r16_what_was_published_before_a_replica_came_is_not_held() {
    let (mut world, _) = written(6);
    let b = world.add(config("b", 1));
    world.command(b, OutputCommand::Hold(true));
    world.compute(b, 3);
    world.run(SOON);
    assert_eq!((published(&world, b), owed(&world, b)), (6, 0));
    assert_eq!(world.actors[b].machine.progress().kept_back, 0);
}

#[test]
fn r16_shorter_memories_of_the_brokers_are_minded_at_once() {
    let (mut world, a) = written(3);
    world.run(Duration::from_secs(30));
    let asked = world.actors[a].machine.progress().counters.resyncs;
    world.command(a, OutputCommand::Lifetimes { producer_expiry: Some(Duration::from_secs(40)), retention: None });
    world.compute(a, 4);
    world.run(SOON);
    assert!(world.actors[a].is_done(4));
    assert!(world.actors[a].machine.progress().counters.resyncs > asked, "an anchor older than 10 s is none any more");
}

#[test]
fn leaders_are_said() {
    let (mut world, a) = written(1);
    world.cluster.elect(2, None);
    world.compute(a, 2);
    world.run(LATER);
    let leader = OutputFact::Leader { address: Cluster::address(2).to_string(), epoch: LeaderEpoch(1).0 };
    assert!(world.actors[a].facts.contains(&leader));
}
