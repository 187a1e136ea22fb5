//! Whom a replica speaks to: its peers, the coordinator, and those who ask for its status.

use adapter_kafka::{ClaimCoordinator, Notebook};
use adapter_peer::PeerLinks;
use adapter_zookeeper::{ElectionPath, Ensemble, ZooKeeperCoordinator};
use anyhow::Context as _;
use crossbeam_channel::Sender;
use ports::coordinator::HostPort;
use ports::notebook::{Ledger, Member};
use std::sync::Arc;
use tracing::warn;
use types::MemberName;

use super::super::coordinator::Coordinator;
use super::super::wake::Wake;
use super::Starter;
use crate::config::Coordination;
use crate::http;

impl Starter<'_> {
    pub(super) fn start_peers(&self, wakes: Sender<Wake>) -> anyhow::Result<PeerLinks> {
        let address = |key: &str, text: &str| {
            HostPort::parse(text).with_context(|| format!("setting {key} = \"{text}\": write host:port"))
        };
        let advertise =
            self.config.peer_advertise.as_deref().map(|text| address("peer-advertise", text)).transpose()?;
        let links = PeerLinks::start(
            adapter_peer::Config {
                cluster: self.deployment.cluster(),
                member: MemberName(self.config.name.clone()),
                incarnation: self.incarnation,
                listen: address("peer", &self.config.peer)?,
                advertise,
                secret: self.config.peer_secret.clone(),
                heartbeat: self.config.peer_heartbeat,
            },
            move |fact| {
                let _ = wakes.send(Wake::Peer(fact));
            },
        )?;
        Ok(links)
    }

    /// Where others are told to ask for this replica's status.
    pub(super) fn http_address(&self, listener: &http::Listener) -> anyhow::Result<String> {
        let Some(advertise) = &self.config.http_advertise else {
            if listener.is_everywhere() {
                warn!(http = listener.address(), "others can't ask for status at this address; set http-advertise");
            }
            return Ok(listener.address());
        };
        let address = HostPort::parse(advertise)
            .with_context(|| format!("setting http-advertise = \"{advertise}\": write host:port"))?;
        Ok(address.to_string())
    }

    pub(super) fn start_coordinator(
        &self,
        notebook: &Arc<Notebook>,
        me: &Member,
        ledger: &Ledger,
        wakes: Sender<Wake>,
    ) -> anyhow::Result<Coordinator> {
        let tell = move |fact| {
            let _ = wakes.send(Wake::Coordinator(fact));
        };
        match self.config.coordination {
            Coordination::Kafka => {
                let coordinator = ClaimCoordinator::start(Arc::clone(notebook), me.clone(), ledger.clone(), tell);
                Ok(Coordinator::Kafka(Box::new(coordinator)))
            }
            Coordination::ZooKeeper => {
                let ensemble = self.deployment.zookeeper.as_deref().context(
                    "no zookeeperhostport in the project; add the property to the subscriber connector, or set \
                     zookeeper = host:port, or set coordination = kafka",
                )?;
                let path = match &self.config.zookeeper_path {
                    Some(path) => ElectionPath::parse(path)?,
                    None => ElectionPath::namespaced(&self.deployment.label, &self.deployment.project)?,
                };
                let coordinator = ZooKeeperCoordinator::start(
                    adapter_zookeeper::Config {
                        ensemble: Ensemble::parse(ensemble)?,
                        path,
                        session_timeout: self.config.session_timeout,
                        login: self.config.zookeeper_access.login.clone(),
                        tls: self.config.zookeeper_access.tls.clone(),
                        member: me.name.clone(),
                        incarnation: me.incarnation,
                        peer: me.peer.clone(),
                    },
                    tell,
                )?;
                Ok(Coordinator::ZooKeeper(coordinator))
            }
        }
    }
}
