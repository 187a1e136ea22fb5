//! Golden traces: what the machine does in the stories that matter most.

use std::time::Duration;

use expect_test::{Expect, expect};
use ports::output::OutputCommand;
use types::OutputIndex;

use super::super::MachineConfig;
use super::world::{World, config};
use crate::batch::RecordSet;
use crate::link::{Effect, LinkEvent, LinkId};
use crate::wire::{Body, Request, Response};

/// An effect as a golden line.
pub(super) fn effect_text(effect: &Effect) -> String {
    match effect {
        Effect::Open { link, broker } => format!("  {} Open {broker}", link_text(*link)),
        Effect::Request { link, request, .. } => format!("  {} {}", link_text(*link), request_text(request)),
        Effect::Shut { link } => format!("  {} Shut", link_text(*link)),
        Effect::Fact(fact) => format!("  {fact:?}"),
    }
}

/// What a machine hears, as a golden line.
pub(super) fn event_text(link: LinkId, event: &LinkEvent) -> String {
    match event {
        LinkEvent::Up { .. } => format!("{} up", link_text(link)),
        LinkEvent::Down { reason } => format!("{} down: {reason}", link_text(link)),
        LinkEvent::Response { response, .. } => format!("{} {}", link_text(link), response_text(response)),
    }
}

fn link_text(link: LinkId) -> String {
    format!("#{}", link.0)
}

fn request_text(request: &Request) -> String {
    match request {
        Request::Produce { batch, .. } => match RecordSet::new(batch).next_batch() {
            Ok(Some(batch)) => format!(
                "Produce epoch {} sequence {} records {}",
                batch.producer_epoch, batch.base_sequence, batch.count
            ),
            other => format!("Produce {other:?}"),
        },
        Request::Fetch { offset, .. } => format!("Fetch from {offset}"),
        Request::ListOffsets { which, .. } => format!("ListOffsets {which:?}"),
        request => request.name().to_owned(),
    }
}

fn response_text(response: &Response) -> String {
    if let Some(error) = response.error {
        return format!("-> {error}");
    }
    match &response.body {
        Body::Metadata(metadata) => {
            format!("-> leader {:?}", metadata.partition.as_ref().and_then(|partition| partition.leader).unwrap_or(-1))
        }
        Body::Producers(all) => {
            let all: Vec<String> = all
                .iter()
                .map(|state| format!("epoch {} last {}", state.epoch, state.last_sequence.unwrap_or(-1)))
                .collect();
            format!("-> producers [{}]", all.join(", "))
        }
        Body::Offset(answer) => format!("-> offset {}", answer.offset.unwrap_or_default()),
        Body::EpochEnd(answer) => format!("-> log end {}", answer.end.unwrap_or_default()),
        Body::Produced(produced) => format!("-> appended at {}", produced.base_offset.unwrap_or_default()),
        Body::Fetched(fetched) => {
            format!("-> {} bytes below {}", fetched.records.len(), fetched.high_watermark.unwrap_or_default())
        }
    }
}

fn check(world: &mut World, golden: Expect) {
    let trace = world.trace.take().unwrap_or_default();
    golden.assert_eq(&(trace.join("\n") + "\n"));
}

fn quiet(name: &str) -> MachineConfig {
    config(name, 1)
}

#[test]
fn the_first_open_of_an_empty_topic_writes_the_fence() {
    let mut world = World::new(1);
    world.faults.delay_max_us = 1;
    world.trace = Some(Vec::new());
    let a = world.add(quiet("a"));
    world.run(Duration::from_millis(20));
    world.compute(a, 3);
    world.command(a, OutputCommand::Write);
    world.run(Duration::from_millis(10));
    check(
        &mut world,
        expect![[r#"
              #1 Open b:0
            #1 up
              #1 Metadata
            #1 -> leader 0
              #1 Shut
              Identified { topic_id: "AAAAAAAAAAAAAAAAAAAABw" }
              Leader { address: "b:0", epoch: 0 }
              #2 Open b:0
              #3 Open b:0
            #2 up
            #3 up
              #3 OffsetForLeaderEpoch
              #3 ListOffsets Latest
              #3 ListOffsets Earliest
            #3 -> log end 0
            #3 -> offset 0
            #3 -> offset 0
              #2 OffsetForLeaderEpoch
              #2 ListOffsets Latest
              #2 DescribeProducers
            #2 -> log end 0
            #2 -> offset 0
            #2 -> producers []
              #2 Produce epoch 1 sequence 0 records 1
            #2 -> appended at 0
              #3 OffsetForLeaderEpoch
              #3 ListOffsets Latest
              #3 ListOffsets Earliest
            #3 -> log end 1
            #3 -> offset 1
            #3 -> offset 0
              #3 Fetch from 0
            #3 -> 124 bytes below 1
              Opened { published_end: OutputIndex(0), last: None, fence: Some(Offset(0)) }
              #2 OffsetForLeaderEpoch
              #2 ListOffsets Latest
              #2 DescribeProducers
              #3 Fetch from 1
            #2 -> log end 1
            #2 -> offset 1
            #2 -> producers [epoch 1 last 0]
            > Push 0..+3
            > Write
              #2 Produce epoch 1 sequence 1 records 3
              #2 OffsetForLeaderEpoch
              #2 ListOffsets Latest
              #2 DescribeProducers
            #2 -> appended at 1
              TookOver { first: OutputIndex(0), at: Tick(1000020127000) }
            #3 -> 457 bytes below 4
              #3 Fetch from 4
            #2 -> log end 4
            #2 -> offset 4
            #2 -> producers [epoch 1 last 3]
        "#]],
    );
}

/// A standby b beside an active a that has published three outputs; b has computed five.
fn understudy() -> (World, usize, usize) {
    let mut world = World::new(1);
    world.faults.delay_max_us = 1;
    let (a, b) = (world.add(quiet("a")), world.add(quiet("b")));
    world.run(Duration::from_millis(50));
    world.command(a, OutputCommand::Write);
    world.compute(a, 3);
    world.run(Duration::from_millis(50));
    (world, a, b)
}

#[test]
fn a_takeover_begins_with_the_append() {
    let (mut world, a, b) = understudy();
    world.compute(b, 5);
    world.actors[a].frozen = true;
    (world.trace, world.traced) = (Some(Vec::new()), b);
    world.command(b, OutputCommand::Write);
    world.run(Duration::from_millis(10));
    check(
        &mut world,
        expect![[r#"
            > Write
              #2 Produce epoch 1 sequence 4 records 2
              #2 OffsetForLeaderEpoch
              #2 ListOffsets Latest
              #2 DescribeProducers
            #2 -> appended at 4
              TookOver { first: OutputIndex(3), at: Tick(1000100757000) }
            #3 -> 325 bytes below 6
              #3 Fetch from 6
            #2 -> log end 6
            #2 -> offset 6
            #2 -> producers [epoch 1 last 5]
        "#]],
    );
}

#[test]
fn a_writer_that_ends_says_when_one_batch_is_left() {
    let (mut world, a, _) = understudy();
    (world.trace, world.traced) = (Some(Vec::new()), a);
    world.replicating = false;
    world.compute(a, 4);
    world.compute(a, 6);
    world.run(Duration::from_millis(5));
    world.command(a, OutputCommand::Follow);
    world.run(Duration::from_millis(5));
    world.replicating = true;
    world.run(Duration::from_millis(10));
    check(
        &mut world,
        expect![[r#"
        > Push 3..+1
          #2 Produce epoch 1 sequence 4 records 1
        > Push 4..+2
          #2 Produce epoch 1 sequence 5 records 2
        > Follow
        #2 -> appended at 4
          LastOnItsWay { next: OutputIndex(6) }
        #3 -> 193 bytes below 5
          #3 Fetch from 5
        #2 -> appended at 5
          Drained
        #3 -> 326 bytes below 7
          #3 Fetch from 7
    "#]],
    );
}

#[test]
fn a_writer_that_was_told_begins_behind_a_batch_on_its_way() {
    let (mut world, a, b) = understudy();
    world.replicating = false;
    world.compute(a, 4);
    world.command(a, OutputCommand::Follow);
    world.run(Duration::from_millis(5));
    world.compute(b, 6);
    (world.trace, world.traced) = (Some(Vec::new()), b);
    world.command(b, OutputCommand::WriteAt(OutputIndex(4)));
    world.run(Duration::from_millis(5));
    world.replicating = true;
    world.run(Duration::from_millis(10));
    check(
        &mut world,
        expect![[r#"
        > WriteAt(OutputIndex(4))
          #2 Produce epoch 1 sequence 5 records 2
        #2 -> appended at 5
          TookOver { first: OutputIndex(4), at: Tick(1000110759000) }
        #3 -> 519 bytes below 7
          #3 Fetch from 7
    "#]],
    );
    world.check_log(6).unwrap();
}

#[test]
fn a_writer_that_was_told_too_much_goes_back() {
    let (mut world, a, b) = understudy();
    world.command(a, OutputCommand::Follow);
    world.compute(b, 6);
    (world.trace, world.traced) = (Some(Vec::new()), b);
    world.command(b, OutputCommand::WriteAt(OutputIndex(5)));
    world.run(Duration::from_millis(10));
    check(
        &mut world,
        expect![[r#"
        > WriteAt(OutputIndex(5))
          #2 Produce epoch 1 sequence 6 records 1
        #2 -> OUT_OF_ORDER_SEQUENCE_NUMBER (45)
          #2 Produce epoch 1 sequence 6 records 1
          #2 OffsetForLeaderEpoch
          #2 ListOffsets Latest
          #2 DescribeProducers
        #2 -> OUT_OF_ORDER_SEQUENCE_NUMBER (45)
          Refused { index: OutputIndex(5) }
        #2 -> log end 4
        #2 -> offset 4
        #2 -> producers [epoch 1 last 3]
          #2 Produce epoch 1 sequence 4 records 3
          #2 OffsetForLeaderEpoch
          #2 ListOffsets Latest
          #2 DescribeProducers
        #2 -> appended at 4
          TookOver { first: OutputIndex(3), at: Tick(1000100757000) }
        #3 -> 458 bytes below 7
          #3 Fetch from 7
        #2 -> log end 7
        #2 -> offset 7
        #2 -> producers [epoch 1 last 6]
    "#]],
    );
    world.check_log(6).unwrap();
}

#[test]
fn a_refused_writer_asks_and_goes_on_behind_the_other() {
    let (mut world, a, b) = understudy();
    // The active's fourth output is in the leader's log, not committed, and the standby doesn't know it.
    world.replicating = false;
    world.compute(a, 4);
    world.run(Duration::from_millis(5));
    world.compute(b, 6);
    (world.trace, world.traced) = (Some(Vec::new()), b);
    world.command(b, OutputCommand::Write);
    world.run(Duration::from_millis(5));
    world.replicating = true;
    world.run(Duration::from_millis(10));
    check(
        &mut world,
        expect![[r#"
            > Write
              #2 Produce epoch 1 sequence 4 records 3
              #2 OffsetForLeaderEpoch
              #2 ListOffsets Latest
              #2 DescribeProducers
            #2 -> OUT_OF_ORDER_SEQUENCE_NUMBER (45)
              Refused { index: OutputIndex(3) }
            #2 -> log end 5
            #2 -> offset 4
            #2 -> producers [epoch 1 last 4]
              #2 Produce epoch 1 sequence 5 records 2
              #2 OffsetForLeaderEpoch
              #2 ListOffsets Latest
              #2 DescribeProducers
            #2 -> appended at 5
              TookOver { first: OutputIndex(4), at: Tick(1000110553000) }
            #3 -> 519 bytes below 7
              #3 Fetch from 7
            #2 -> log end 7
            #2 -> offset 7
            #2 -> producers [epoch 1 last 6]
        "#]],
    );
    world.check_log(6).unwrap();
}
