//! What goes in: meter readings, the same row by row in every drill, written into a file that grows while faults happen.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// The file is this far ahead of the publisher's rate, so that the publisher's pace alone is what brokers see.
const AHEAD: Duration = Duration::from_secs(2);
/// How often the file grows.
const GROW_EVERY: Duration = Duration::from_millis(100);

/// A file of readings that grows with time: however long the faults take, events go on coming.
pub struct Input {
    stop: Sender<()>,
    writer: JoinHandle<std::io::Result<u64>>,
}

impl Input {
    /// Begins to write `rate` rows a second behind one heading line.
    ///
    /// # Errors
    /// A file that can't be written.
    pub fn begin(path: &Path, rate: u64) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("making {}", path.display()))?;
        let mut out = BufWriter::new(file);
        writeln!(out, "opcode,flags,reading,meter,kilowatt")?;
        // The publisher finds rows when it starts.
        let rows = write_until(&mut out, 0, rows_after(AHEAD, rate))?;
        let (stop, stopped) = channel();
        let writer = std::thread::Builder::new().name("input".to_owned()).spawn(move || {
            let began = Instant::now();
            let mut written = rows;
            while stopped.recv_timeout(GROW_EVERY) == Err(RecvTimeoutError::Timeout) {
                written = write_until(&mut out, written, rows_after(began.elapsed() + AHEAD, rate))?;
            }
            Ok(written)
        })?;
        Ok(Self { stop, writer })
    }

    /// Lets the file be; how many rows it has.
    ///
    /// # Errors
    /// A file that couldn't be written.
    pub fn end(self) -> anyhow::Result<u64> {
        drop(self.stop);
        self.writer
            .join()
            .map_err(|_| anyhow::anyhow!("the writer of the input panicked"))?
            .context("writing the input")
    }
}

fn rows_after(time: Duration, rate: u64) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).saturating_mul(rate) / 1_000
}

/// Writes rows `from..until`; how many there are then.
fn write_until(out: &mut BufWriter<File>, from: u64, until: u64) -> std::io::Result<u64> {
    for row in from..until {
        // Any numbers do, as long as neighbours differ: a lost or repeated one then changes every sum after it.
        let kilowatt = row.wrapping_mul(2_654_435_761) % 1_000;
        writeln!(out, "i,n,,{},{kilowatt}", 100 + row % 7)?;
    }
    out.flush()?;
    Ok(until.max(from))
}
