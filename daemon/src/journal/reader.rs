//! A thread that reads one log ahead, so that the engine's thread can wait for several at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use ports::input::{InboundBatch, InputError, InputLog, ReadBounds};
use types::Offset;

/// Batches that wait for the engine's thread; at the bound the reader waits, and Kafka keeps the rest.
const BATCHES_MAX: usize = 4;
/// Payload bytes of one batch.
const BATCH_BYTES_MAX: usize = 256 << 10;
/// How long one read waits; whether anybody still listens is looked at in between.
const READ_WAIT: Duration = Duration::from_millis(100);

/// The engine thread's end; when it is dropped the thread ends.
pub(super) struct Reader {
    pub(super) batches: Receiver<Result<InboundBatch, InputError>>,
    end: Arc<AtomicU64>,
}

impl Reader {
    /// Starts a thread that reads `records_max` records at a time.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(name: &str, mut log: Box<dyn InputLog>, records_max: usize) -> io::Result<Self> {
        let (send, batches) = crossbeam_channel::bounded(BATCHES_MAX);
        let end = Arc::new(AtomicU64::new(log.end().unwrap_or_default().0));
        let shown = Arc::downgrade(&end);
        let bounds = ReadBounds { records_max, bytes_max: BATCH_BYTES_MAX };
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Some(end) = shown.upgrade() {
                if !read(log.as_mut(), bounds, &end, &send) {
                    return;
                }
            }
        })?;
        Ok(Self { batches, end })
    }

    /// One past the newest record known of.
    pub(super) fn end(&self) -> Offset {
        Offset(self.end.load(Ordering::Relaxed))
    }
}

/// Reads once; false when there is nobody to read for, or nothing more to be read.
fn read(
    log: &mut dyn InputLog,
    bounds: ReadBounds,
    end: &AtomicU64,
    send: &Sender<Result<InboundBatch, InputError>>,
) -> bool {
    let mut batch = InboundBatch::default();
    let ended = log.read(&mut batch, bounds, READ_WAIT).err();
    if let Some(found) = log.end() {
        end.store(found.0, Ordering::Relaxed);
    }
    let heard = batch.heads.is_empty() || send.send(Ok(batch)).is_ok();
    match ended {
        None => heard,
        Some(error) => {
            // Whoever listened has gone: then nobody needs to know.
            let _ = send.send(Err(error));
            false
        }
    }
}
