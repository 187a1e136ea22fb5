//! SIGINT and SIGTERM: what the run has made is removed, then it ends. The journal says how far it came.

use anyhow::Context as _;
use nix::sys::signal::{SigSet, Signal};

use crate::host::remove_all;
use crate::screen::say;

/// What a shell says of a process that SIGINT ended.
const INTERRUPTED: i32 = 130;
/// The run goes on while it is being ended, and may start something in between.
const SWEEPS: usize = 2;

/// Holds the signals back on this thread and those it starts, and has one thread wait for them. Processes that are started
/// later don't inherit this: the standard library gives each of them an empty mask.
pub(crate) fn tidy_up_when_interrupted() -> anyhow::Result<()> {
    let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
    signals.thread_block().context("holding signals back")?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if signals.wait().is_ok() {
            say("\nchaos: interrupted; removing what was made, the same command goes on later\n");
            for _ in 0..SWEEPS {
                let _ = remove_all();
            }
            std::process::exit(INTERRUPTED);
        }
    })?;
    Ok(())
}
