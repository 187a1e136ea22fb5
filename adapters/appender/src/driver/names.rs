//! Names to addresses, off the driver's thread: the system's resolver may wait for seconds.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, unbounded};
use ports::coordinator::HostPort;

use super::alarm::Alarm;
use crate::link::LinkId;

/// Lookups under way at once; at the bound a link fails as unreachable, for then the resolver hangs anyway.
const LOOKUPS_MAX: usize = 8;

/// What a lookup found.
pub(super) type Addresses = io::Result<Vec<SocketAddr>>;

/// A lookup that came to its end.
type Finished = (LinkId, Addresses);

/// Lookups under way.
pub(super) struct Names {
    alarm: Arc<Alarm>,
    // Holds at most LOOKUPS_MAX results.
    finish: Sender<Finished>,
    finished: Receiver<Finished>,
    under_way: usize,
}

impl Names {
    pub(super) fn new(alarm: Arc<Alarm>) -> Self {
        let (finish, finished) = unbounded();
        Self { alarm, finish, finished, under_way: 0 }
    }

    /// The addresses at once where the host is one; else `None`, and they come by [`Names::poll`].
    pub(super) fn look_up(&mut self, link: LinkId, broker: &HostPort) -> Option<Addresses> {
        if let Ok(address) = broker.host.parse::<IpAddr>() {
            return Some(Ok(vec![SocketAddr::new(address, broker.port)]));
        }
        if self.under_way == LOOKUPS_MAX {
            return Some(Err(io::Error::other("the system's resolver doesn't answer")));
        }
        let (finish, alarm) = (self.finish.clone(), Arc::clone(&self.alarm));
        let HostPort { host, port } = broker.clone();
        let search = move || {
            let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
            let _ = finish.send((link, addresses));
            alarm.ring();
        };
        match thread::Builder::new().name("resolve".to_owned()).spawn(search) {
            Ok(_) => self.under_way += 1,
            Err(error) => return Some(Err(error)),
        }
        None
    }

    /// The next finished lookup.
    pub(super) fn poll(&mut self) -> Option<Finished> {
        let finished = self.finished.try_recv().ok()?;
        self.under_way -= 1;
        Some(finished)
    }
}
