//! A middleman for TCP connections that spoils what passes. It lives on a host of its own; packet rules of the struck host
//! send connections to it, so that nobody's settings change.

mod batches;
mod relay;
mod twist;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::chance::Chance;
use crate::host::Host;
use relay::Shared;
pub(crate) use twist::Twist;

/// How often a listener looks whether it should end.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running proxy; dropped, it ends all connections.
pub(crate) struct Proxy {
    ports: Vec<(SocketAddr, u16)>,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Listens on a port of its own for each target.
    pub(crate) fn start(host: &Host, targets: &[SocketAddr], twist: Twist, seed: u64) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::new(twist));
        let mut proxy = Self { ports: Vec::new(), shared };
        let mut chance = Chance::new(seed);
        for target in targets {
            let port = proxy.listen(host, *target, chance.next())?;
            proxy.ports.push((*target, port));
        }
        Ok(proxy)
    }

    /// Which port leads to which target.
    pub(crate) fn ports(&self) -> &[(SocketAddr, u16)] {
        &self.ports
    }

    fn listen(&self, host: &Host, target: SocketAddr, seed: u64) -> anyhow::Result<u16> {
        let shared = Arc::clone(&self.shared);
        let listening = || -> anyhow::Result<u16> {
            let listener = TcpListener::bind((host.address.as_str(), 0)).context("listening as a proxy")?;
            listener.set_nonblocking(true)?;
            let port = listener.local_addr()?.port();
            // A thread lives in the namespace of the one that starts it, and so do its connections.
            std::thread::Builder::new()
                .name(format!("proxy-{port}"))
                .spawn(move || accept(&listener, target, &shared, Chance::new(seed)))?;
            Ok(port)
        };
        host.namespace.inside(listening)?
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.end();
    }
}

fn accept(listener: &TcpListener, target: SocketAddr, shared: &Arc<Shared>, mut chance: Chance) {
    while !shared.has_ended() {
        match listener.accept() {
            Ok((client, _)) => relay_to(client, target, shared, &mut chance),
            // Nobody comes at the moment, or somebody gave up before being taken.
            Err(_) => std::thread::sleep(LOOK_EVERY),
        }
    }
}

/// A target that isn't there is told as the kernel would: the client's connection ends.
fn relay_to(client: TcpStream, target: SocketAddr, shared: &Arc<Shared>, chance: &mut Chance) {
    if let Ok(server) = TcpStream::connect_timeout(&target, relay::CONNECT_PATIENCE) {
        let _ = relay::start(client, server, shared, chance);
    }
}
