//! Where the figures come from: without it they say nothing.

use std::fmt::Write as _;
use std::fs;

/// Clock ticks of files in `/proc` in a second: fixed for programs on Linux, whatever the kernel counts in.
pub(crate) const TICKS_PER_SECOND: f64 = 100.0;

/// The machine, and how this program was built.
pub(crate) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let mut text = format!("machine: {cores} cores, {}", processor().unwrap_or_else(|| "processor unknown".to_owned()));
    let system = rustix::system::uname();
    let _ = write!(
        text,
        "\nkernel:  {} {} {}",
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy(),
        system.machine().to_string_lossy()
    );
    let _ = write!(text, "\nload:    {}", load().unwrap_or_else(|| "unknown".to_owned()));
    let _ = write!(text, "\nprofile: {}", profile());
    text
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Processes that want a core, over 1, 5 and 15 minutes, before this run began.
fn load() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    Some(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}

const fn profile() -> &'static str {
    if cfg!(debug_assertions) {
        "development (checks on, no link-time optimisation): the targets are for release"
    } else {
        "release"
    }
}

/// Seconds that all cores together have spent on anything at all since the machine's start.
pub(crate) fn busy_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let mut fields = text.lines().next()?.split_whitespace().skip(1);
    let mut next = || fields.next()?.parse::<f64>().ok();
    let (user, nice, system) = (next()?, next()?, next()?);
    let (_idle, _waiting) = (next()?, next()?);
    let (interrupts, soft_interrupts) = (next()?, next()?);
    Some((user + nice + system + interrupts + soft_interrupts) / TICKS_PER_SECOND)
}
