//! How many descriptors a running process may have.

use anyhow::Context as _;
use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

/// Fewer than any process of ours has: those it has stay, a further one is refused.
const FEW: u64 = 8;

/// A limit that was lowered.
pub(crate) struct DescriptorLimit {
    pid: Pid,
    before: Rlimit,
}

impl DescriptorLimit {
    /// Lowers it.
    pub(crate) fn set(pid: u32) -> anyhow::Result<Self> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("a process without a number")?;
        // A child has the hard limit of its parent, and it must stay to be raised to again.
        let few = Rlimit { current: Some(FEW), ..getrlimit(Resource::Nofile) };
        let before = prlimit(Some(pid), Resource::Nofile, few).context("lowering a limit of descriptors")?;
        Ok(Self { pid, before })
    }

    /// As it was; a process that has ended needs nothing.
    pub(crate) fn lift(&self) -> anyhow::Result<()> {
        match prlimit(Some(self.pid), Resource::Nofile, self.before) {
            Ok(_) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error).context("raising a limit of descriptors"),
        }
    }
}
