//! Status, health, metrics and the operator's few commands, on loopback unless told otherwise.

mod metrics;
mod routes;
mod snapshots;

use std::net::{TcpListener, ToSocketAddrs as _};

use anyhow::Context as _;
use tracing::info;

pub(crate) use routes::Served;
pub(crate) use snapshots::Offers;

/// A bound port that doesn't answer yet: a busy one is noticed before anything else is started.
pub(crate) struct Listener {
    listener: TcpListener,
    /// As bound, for others to reach it.
    address: String,
}

impl Listener {
    pub(crate) fn bind(wanted: &str) -> anyhow::Result<Self> {
        let mut addresses =
            wanted.to_socket_addrs().with_context(|| format!("setting http = \"{wanted}\": write host:port"))?;
        let address = addresses.next().with_context(|| format!("setting http = \"{wanted}\": no such address"))?;
        let listener = TcpListener::bind(address).with_context(|| {
            format!("listening at {address} for HTTP; is another replica running here? take another port with --http 127.0.0.1:0")
        })?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?.to_string();
        Ok(Self { listener, address })
    }

    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// Whether it is bound to all addresses, so that the bound one is no address to ask at.
    pub(crate) fn is_everywhere(&self) -> bool {
        self.listener.local_addr().is_ok_and(|address| address.ip().is_unspecified())
    }

    /// Whether only this machine can reach it.
    pub(crate) fn is_on_loopback(&self) -> bool {
        self.listener.local_addr().is_ok_and(|address| address.ip().is_loopback())
    }

    /// Serves a member's routes; `offers` are snapshots for peers.
    pub(crate) fn serve(self, served: Served, offers: Option<Offers>) -> anyhow::Result<()> {
        let offers = offers.map(snapshots::router).unwrap_or_default();
        self.serve_router(routes::router(served).merge(offers))
    }

    /// Serves on a thread of its own.
    pub(crate) fn serve_router(self, router: axum::Router) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        info!("starting HTTP server on port {}, type=admin", self.listener.local_addr()?.port());
        std::thread::Builder::new().name("http".to_owned()).spawn(move || {
            runtime.block_on(async move {
                if let Err(error) = serve(self.listener, router).await {
                    tracing::error!(%error, "HTTP server ended");
                }
            });
        })?;
        Ok(())
    }
}

async fn serve(listener: TcpListener, router: axum::Router) -> std::io::Result<()> {
    axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await
}
