//! (c) The binary format: nanoseconds an event, beside a copy of the same bytes.

use std::hint::black_box;
use std::sync::Arc;

use proto::{Decoder, Encoder, EncoderOptions, Format};
use types::{EventBlock, Schema};

use crate::measure::{Rounds, thread_nanos};
use crate::{model, print};

/// Samples of a figure.
const SAMPLES: usize = 200;
/// Length of a sample in nanoseconds: shorter than what a scheduler gives at once.
const SAMPLE_NANOS: f64 = 500_000.0;
/// Events of a payload.
const SIZES: [usize; 3] = [1, 64, 512];
/// What a meter's reading looks like when it leaves the project.
const SCHEMA: &str = "reading*:int64,meter:double,kilowatt:double";

pub(crate) fn run() -> anyhow::Result<()> {
    let schema: Arc<Schema> = Arc::new(SCHEMA.parse()?);
    print(&format!("\n(c) binary format, {SCHEMA}, best of {SAMPLES} (median in brackets), ns an event"));
    print("events         encode         decode    copy  encode/copy  decode/copy  bytes/event");
    for events in SIZES {
        print(&measure(&schema, events)?);
    }
    Ok(())
}

fn measure(schema: &Arc<Schema>, events: usize) -> anyhow::Result<String> {
    let block = model::readings(schema, events)?;
    let mut encoder = Encoder::new(Format::Binary, Arc::clone(schema), EncoderOptions::default())?;
    let mut payload = Vec::new();
    encoder.encode(&block, 0..events, &mut |part| payload.extend_from_slice(part));
    let encode = rounds(events, || {
        encoder.encode(black_box(&block), 0..events, &mut |part| _ = black_box(part));
    });

    let mut decoder = Decoder::new(Format::Binary, Arc::clone(schema))?;
    let (mut read, mut rejects) = (EventBlock::new(schema), Vec::new());
    let decode = rounds(events, || {
        read.clear();
        decoder.decode(black_box(&payload), &mut read, &mut rejects);
    });
    assert_eq!((read.len(), rejects.len()), (events, 0), "what was encoded can be decoded");

    let mut copied = Vec::new();
    let copy = rounds(events, || {
        copied.clear();
        copied.extend_from_slice(black_box(&payload));
        black_box(&copied);
    });
    Ok(format!(
        "{events:>6}  {:>13}  {:>13}  {:>6.2}  {:>11.1}  {:>11.1}  {:>11.1}",
        nanos(&encode),
        nanos(&decode),
        copy.least(),
        encode.least() / copy.least(),
        decode.least() / copy.least(),
        payload.len() as f64 / events as f64
    ))
}

fn nanos(rounds: &Rounds) -> String {
    format!("{:.1} ({:.1})", rounds.least(), rounds.median())
}

/// Nanoseconds an event, of samples that are long enough for the clock.
fn rounds(events: usize, mut call: impl FnMut()) -> Rounds {
    let (start, mut calls) = (thread_nanos(), 0_u32);
    while thread_nanos() - start < SAMPLE_NANOS {
        call();
        calls += 1;
    }
    let mut sample = || {
        let start = thread_nanos();
        (0..calls).for_each(|_| call());
        (thread_nanos() - start) / f64::from(calls) / events as f64
    };
    (0..SAMPLES).map(|_| sample()).collect()
}
