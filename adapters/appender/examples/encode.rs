//! How long a record takes to encode: `cargo run --release -p understudy-adapter-appender --example encode`.

#![allow(clippy::print_stdout, reason = "its only purpose")]

use std::hint::black_box;

use rustix::time::{ClockId, clock_gettime};
use types::Timestamp;
use understudy_adapter_appender::Error;
use understudy_adapter_appender::batch::{BatchEncoder, BatchStart, CommonHeaders, Compression};

const RECORDS: usize = 2_000_000;
const ROUNDS: usize = 5;

/// An output's headers as they are in the field.
const HEADERS: [(&str, &[u8]); 8] = [
    ("esp-id", b"12345678"),
    ("esp-index", b"12345679"),
    ("esp-part", b"1"),
    ("esp-time", b"1700000000123456"),
    ("esp-digest", b"0123456789abcdef0123456789abcdef"),
    ("esp-marker", b"1"),
    ("esp-model", b"0123456789abcdef.7"),
    ("esp-writer", b"esp-1.1700000000123"),
];

fn main() -> Result<(), Error> {
    for (records_per_batch, headers) in [(1, 8), (10, 8), (100, 8), (1_000, 8), (1_000, 0)] {
        for compression in [Compression::None, Compression::Lz4] {
            let best = (0..ROUNDS).map(|_| round(records_per_batch, &HEADERS[..headers], compression));
            let best = best.collect::<Result<Vec<f64>, _>>()?.into_iter().fold(f64::INFINITY, f64::min);
            println!(
                "{records_per_batch:>5} records a batch, {headers} headers, {compression:?}: {best:.1} ns a record"
            );
        }
    }
    Ok(())
}

/// Nanoseconds a record.
fn round(records_per_batch: usize, headers: &[(&str, &[u8])], compression: Compression) -> Result<f64, Error> {
    let value = [b'v'; 100];
    let mut encoder = BatchEncoder::new(compression);
    // Model and writer are the same for all records of a writer.
    let (own, common) = headers.split_at(headers.len().saturating_sub(2));
    let common = CommonHeaders::new(common);
    let start = cpu_nanos();
    for batch in 0..RECORDS / records_per_batch {
        encoder.begin(BatchStart {
            producer_id: 1 << 62,
            producer_epoch: 1,
            base_sequence: (batch * records_per_batch) as i32,
            base_timestamp: Timestamp(0),
        });
        for _ in 0..records_per_batch {
            encoder.push_with(Some(black_box(&value)), black_box(own), &common, 0);
        }
        black_box(encoder.finish()?);
    }
    Ok((cpu_nanos() - start) as f64 / RECORDS as f64)
}

/// The thread's own time, so that busy neighbours don't count.
fn cpu_nanos() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
