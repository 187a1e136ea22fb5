//! Beginning again: the same command as a new start of this member, in the same process.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Replaces this program by another start of it, with the same words; nobody needs to supervise it for that. Gives the
/// reason when it can't be done.
///
/// The threads end with it, and all descriptors are closed: those of other programs are none of ours.
pub(super) fn begin() -> anyhow::Error {
    let mut words = std::env::args_os();
    // Not the running file: after an upgrade it may be gone, and its successor lies under the same name.
    let program = words.next().unwrap_or_default();
    let error = Command::new(&program).args(words).exec();
    anyhow::Error::new(error).context(format!("beginning again as {}", program.display()))
}
