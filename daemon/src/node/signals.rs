//! SIGTERM and SIGINT: one thread waits for them, and no other ever runs a handler.
//!
//! A handler would run on whichever thread the kernel picks and wake the others through a pipe. The peer links' thread has
//! a descriptor table of its own, in which the number of such a pipe means nothing, or something else; so does whatever a
//! runtime with a signal driver does there. Waiting needs neither handler nor pipe.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use crossbeam_channel::Sender;
use nix::sys::signal::{SigSet, Signal};
use tracing::info;

use super::Wake;

/// What a shell says of a process that SIGTERM ended.
const ENDED_BY_SIGTERM: i32 = 143;

/// Signals that ask this process to stop, held back from all threads that are started after [`StopSignals::hold_back`].
pub(crate) struct StopSignals {
    signals: SigSet,
    /// Somebody takes [`Wake::Terminate`] and hands over; until then there is nothing to hand over.
    heard: Arc<AtomicBool>,
}

impl StopSignals {
    /// Holds them back on this thread and those it starts: to be called before there is any other.
    pub(crate) fn hold_back() -> anyhow::Result<Self> {
        let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
        signals.thread_block().context("holding signals back")?;
        Ok(Self { signals, heard: Arc::default() })
    }

    /// Starts the thread that waits for them. Before [`StopSignals::now_heard`] one of them ends the process at once.
    pub(crate) fn listen(&self, wakes: Sender<Wake>) -> anyhow::Result<()> {
        let (signals, heard) = (self.signals, Arc::clone(&self.heard));
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            while signals.wait().is_ok() {
                info!("asked to stop");
                if !heard.load(Ordering::Acquire) {
                    std::process::exit(ENDED_BY_SIGTERM);
                }
                let _ = wakes.send(Wake::Terminate);
            }
        })?;
        Ok(())
    }

    /// From here on they are the control loop's matter.
    pub(crate) fn now_heard(&self) {
        self.heard.store(true, Ordering::Release);
    }
}
