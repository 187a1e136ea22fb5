//! What encoding and decoding cost, in nanoseconds an event: `cargo run --release --example throughput -p understudy-proto`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for a person")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use types::{EventBlock, Flags, Opcode, Schema, Value};
use understudy_proto::{CsvFraming, CsvOptions, Decoder, Encoder, EncoderOptions, Format, JsonOptions};

/// Samples of a figure; the best counts, so that other work on the machine disturbs little.
const SAMPLES: usize = 200;
/// Length of a sample: shorter than what a scheduler gives at once.
const SAMPLE: Duration = Duration::from_micros(500);

/// Five numbers and a short text, as in the figures this is compared with.
fn block(schema: &Schema, events: i64) -> EventBlock {
    let mut block = EventBlock::new(schema);
    for i in 0..events {
        block.opcodes.push(Opcode::Insert);
        block.flags.push(Flags::NORMAL);
        let values = [
            Value::Int64(1_000_000 + i),
            Value::Stamp(1_700_000_000_000_000 + i * 250),
            Value::Int32((i % 7_919) as i32),
            Value::Double(100.0 + i as f64 / 64.0),
            Value::Int64(i * 31 % 1_009),
            Value::String(["IBM", "SAP", "SAS", "ORCL", "GOOG"][(i % 5) as usize]),
        ];
        for (column, value) in block.columns.iter_mut().zip(values) {
            column.push(value).unwrap();
        }
    }
    block
}

/// Nanoseconds for one call.
fn cost(mut call: impl FnMut()) -> f64 {
    let (start, mut calls) = (Instant::now(), 0_u32);
    while start.elapsed() < SAMPLE {
        call();
        calls += 1;
    }
    let mut sample = || {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed().as_nanos() as f64 / f64::from(calls)
    };
    (0..SAMPLES).map(|_| sample()).fold(f64::INFINITY, f64::min)
}

fn main() {
    let text = "id*:int64,at:stamp,small:int32,price:double,count:int64,name:string";
    let schema: Arc<Schema> = Arc::new(text.parse().unwrap());
    let csv = CsvOptions { framing: CsvFraming::PerBlock, ..CsvOptions::default() };
    let formats =
        [("binary", Format::Binary), ("csv", Format::Csv(csv)), ("json", Format::Json(JsonOptions::default()))];
    println!("format  events   encode ns/event   decode ns/event   bytes/event");
    for (name, format) in formats {
        for events in [1, 64, 512] {
            let block = block(&schema, events);
            let mut encoder = Encoder::new(format.clone(), Arc::clone(&schema), EncoderOptions::default()).unwrap();
            let mut payload = Vec::new();
            encoder.encode(&block, 0..block.len(), &mut |part| payload.extend_from_slice(part));
            let encode = cost(|| encoder.encode(black_box(&block), 0..block.len(), &mut |part| _ = black_box(part)));
            let mut decoder = Decoder::new(format.clone(), Arc::clone(&schema)).unwrap();
            let (mut read, mut rejects) = (EventBlock::new(&schema), Vec::new());
            let decode = cost(|| {
                read.clear();
                decoder.decode(black_box(&payload), &mut read, &mut rejects);
            });
            assert_eq!((read.len(), rejects.len()), (block.len(), 0));
            let each = events as f64;
            let bytes = payload.len() as f64 / each;
            println!("{name:7} {events:6} {:17.1} {:17.1} {bytes:13.1}", encode / each, decode / each);
        }
    }
}
