//! A network namespace: a host of its own, as far as packets can tell.

use std::fs::File;
use std::os::fd::AsFd as _;

use anyhow::{Context as _, anyhow};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{PREFIX, run};

/// Where `ip netns` keeps its handles.
pub(super) const HANDLES: &str = "/run/netns";

/// A namespace of ours; removed with this value.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one with nothing but a loopback.
    pub(crate) fn make(name: &str) -> anyhow::Result<Self> {
        let name = format!("{PREFIX}{name}");
        run("ip", &["netns", "add", &name])?;
        let made = Self { name };
        run("ip", &["-n", &made.name, "link", "set", "lo", "up"])?;
        Ok(made)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Does something on a thread that lives in this namespace; processes and connections it starts live there, too.
    pub(crate) fn inside<T: Send>(&self, what: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        let path = format!("{HANDLES}/{}", self.name);
        let handle = File::open(&path).with_context(|| format!("opening {path}"))?;
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                move_into_link_name_space(handle.as_fd(), Some(LinkNameSpaceType::Network))
                    .with_context(|| format!("entering {}", self.name))?;
                Ok(what())
            });
            thread.join().map_err(|_| anyhow!("a thread in {} panicked", self.name))?
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // What can't be removed now is removed by the next start.
        let _ = run("ip", &["netns", "del", &self.name]);
    }
}
