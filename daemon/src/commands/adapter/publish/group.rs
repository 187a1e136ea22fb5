//! Publishers of one group: all read the same source, one writes, and when it dies another goes on behind its last block.
//!
//! The same machine decides as for engines. What a standby has read beyond the log waits in its writer, up to
//! `numbufferedmsgs`; what it sees in the log leaves there. Its own source takes the place of the engine, the inbound
//! topic that of the outbound one.

use std::sync::Arc;
use std::thread;

use adapter_files::{FileEnd, SasTransport};
use adapter_kafka::NotebookFact;
use adapter_peer::PeerLinks;
use adapter_zookeeper::{ElectionPath, Ensemble, ZooKeeperCoordinator};
use anyhow::{Context as _, bail};
use crossbeam_channel::{Receiver, Sender, bounded};
use failover::{Machine, OutputId};
use ports::coordinator::{CoordinatorCommand, HostPort};
use ports::notebook::{Entry, Ledger};
use ports::output::OutputFact;
use tracing::info;
use types::{Generation, Incarnation, MemberName};

use super::log::Listener;
use super::{Publisher, Standing};
use crate::clock;
use crate::commands::adapter::Adapter;
use crate::config::Config;
use crate::exit::Exit;
use crate::node::crash::abort_on_panic;
use crate::node::hands::{Notes, Ordering};
use crate::node::signals::StopSignals;
use crate::node::status::{Board, Fixed};
use crate::node::{Control, Heard, OutputSide, Shared, Wake, Watch, limits, sender};

/// What the original takes when nothing is said.
const BUFFERED_MAX: u32 = 1_000;
/// The one log of a publisher.
const LOG: OutputId = OutputId(0);

/// A group as the transport configuration describes it.
pub(super) struct Group {
    pub(super) name: String,
    zookeeper: String,
    buffered_max: u64,
}

/// A member of a group that has begun: facts reach its control loop from here on.
pub(super) struct Seat {
    group: Group,
    config: Config,
    member: MemberName,
    incarnation: Incarnation,
    signals: StopSignals,
    wakes: Sender<Wake>,
    received: Receiver<Wake>,
}

impl Group {
    /// The group that the cfg file names, when it says `hotfailover = true`.
    pub(super) fn read(adapter: &Adapter) -> anyhow::Result<Option<Self>> {
        let file = adapter.options.transport_config.display();
        let group = Self::of(&adapter.transport.sas, adapter.config.zookeeper.as_deref());
        let group = group.map_err(|problem| anyhow::anyhow!("{file}: {problem}"))?;
        if group.is_some() && matches!(adapter.options.file, FileEnd::Standard) {
            bail!(
                "{file}: hotfailover = \"true\", but this publisher reads standard input; publishers of a group read \
                 the same source each on its own, so name a file with fsname=, or say hotfailover = \"false\""
            );
        }
        Ok(group)
    }

    fn of(sas: &SasTransport, zookeeper: Option<&str>) -> Result<Option<Self>, String> {
        if !sas.hot_failover {
            return Ok(None);
        }
        let needed = |key: &str, what: &str| {
            format!("hotfailover = \"true\" needs {key} in section sas: {what}; or say hotfailover = \"false\"")
        };
        let name = sas.failover_group.as_deref();
        let name = name.ok_or_else(|| needed("failovergroup", "a name that all publishers of this source share"))?;
        let zookeeper = zookeeper.or(sas.zookeeper.as_deref());
        let zookeeper = zookeeper.ok_or_else(|| needed("zookeeperhostport", "where they agree on who publishes"))?;
        let buffered_max = u64::from(sas.buffered_messages_max.unwrap_or(BUFFERED_MAX).max(1));
        Ok(Some(Self { name: name.to_owned(), zookeeper: zookeeper.to_owned(), buffered_max }))
    }

    /// Takes a seat; before any other thread is started.
    pub(super) fn sit(self, config: &Config, member: MemberName) -> anyhow::Result<Seat> {
        let signals = StopSignals::hold_back()?;
        abort_on_panic();
        let (wakes, received) = bounded(limits::WAKES_MAX);
        signals.listen(wakes.clone())?;
        let incarnation = Incarnation(clock::wall_micros());
        Ok(Seat { group: self, config: config.clone(), member, incarnation, signals, wakes, received })
    }
}

impl Seat {
    /// Takes the log's facts to the control loop.
    pub(super) fn listener(&self) -> Listener {
        let wakes = self.wakes.clone();
        Box::new(move |fact: OutputFact| {
            let _ = wakes.send(Wake::Output(LOG, fact));
        })
    }

    /// Reads the source on a thread of its own and publishes when it is this member's turn, until the source ends for the
    /// whole group or somebody asks this member to stop.
    pub(super) fn publish(self, mut publisher: Publisher) -> anyhow::Result<Exit> {
        let shared = Arc::new(Shared::new(1));
        publisher.standing = Standing::InGroup(Arc::clone(&shared));
        let control = self.control(&publisher, Arc::clone(&shared))?;
        let wakes = self.wakes.clone();
        let reader = thread::Builder::new().name("source".to_owned()).spawn(move || {
            let ended = publisher.run();
            let _ = wakes.send(Wake::Terminate);
            ended
        })?;
        self.signals.now_heard();
        let exit = control.run(Vec::new(), &self.received);
        shared.stop();
        info!(?exit, "stopped");
        reader.join().map_err(|_| anyhow::anyhow!("the source's thread panicked"))?
    }

    fn control(&self, publisher: &Publisher, shared: Arc<Shared>) -> anyhow::Result<Control> {
        let handle = publisher.log.handle();
        let peers = self.peers()?;
        let board = Board::new(self.fixed(publisher, peers.peer()));
        let coordinator = self.coordinator(peers.peer())?;
        let settings = limits::machine_config(
            &self.config,
            limits::Replica {
                member: self.member.clone(),
                incarnation: self.incarnation,
                outputs: 1,
                buffered_max: self.group.buffered_max,
            },
        );
        Ok(Control {
            machine: Machine::new(settings).map_err(|error| anyhow::anyhow!("{error}"))?,
            project: self.group.name.clone(),
            member: self.member.clone(),
            generation: Generation(0),
            outputs: vec![OutputSide {
                topic: publisher.log.topic().clone(),
                send: sender(handle),
                progress: Arc::clone(handle.progress()),
                buffered_max: self.group.buffered_max,
                watch: Watch::default(),
            }],
            journal: None,
            coordinator: Box::new(Line(coordinator)),
            peers: Box::new(peers),
            notebook: Box::new(NoNotebook),
            ledger: Ledger::default(),
            shared,
            board: Arc::new(board),
            heard: Heard::default(),
        })
    }

    fn peers(&self) -> anyhow::Result<PeerLinks> {
        let wakes = self.wakes.clone();
        // Several adapters and an engine share a machine: the engine's own default port isn't theirs.
        let listen = match self.config.peer.as_str() {
            limits::ENGINE_PEER => "127.0.0.1:0",
            other => other,
        };
        let address =
            |text: &str| HostPort::parse(text).with_context(|| format!("peer address \"{text}\": write host:port"));
        Ok(PeerLinks::start(
            adapter_peer::Config {
                cluster: format!("publishers.{}", self.group.name),
                member: self.member.clone(),
                incarnation: self.incarnation,
                listen: address(listen)?,
                advertise: self.config.peer_advertise.as_deref().map(address).transpose()?,
                secret: self.config.peer_secret.clone(),
                heartbeat: self.config.peer_heartbeat,
            },
            move |fact| {
                let _ = wakes.send(Wake::Peer(fact));
            },
        )?)
    }

    fn coordinator(&self, peer: &str) -> anyhow::Result<ZooKeeperCoordinator> {
        let wakes = self.wakes.clone();
        Ok(ZooKeeperCoordinator::start(
            adapter_zookeeper::Config {
                ensemble: Ensemble::parse(&self.group.zookeeper)?,
                path: ElectionPath::namespaced("publishers", &self.group.name)?,
                session_timeout: self.config.session_timeout,
                login: self.config.zookeeper_access.login.clone(),
                tls: self.config.zookeeper_access.tls.clone(),
                member: self.member.clone(),
                incarnation: self.incarnation,
                peer: peer.to_owned(),
            },
            move |fact| {
                let _ = wakes.send(Wake::Coordinator(fact));
            },
        )?)
    }

    fn fixed(&self, publisher: &Publisher, peer: &str) -> Fixed {
        Fixed {
            member: self.member.to_string(),
            incarnation: self.incarnation.0,
            project: self.group.name.clone(),
            cluster: format!("publishers.{}", self.group.name),
            generation: 0,
            fingerprint: String::new(),
            coordinator: "zookeeper",
            inbound_topic: publisher.log.topic().to_string(),
            peer: peer.to_owned(),
            http: String::new(),
        }
    }
}

/// The line in ZooKeeper; a group has no notebook that could hold claims.
struct Line(ZooKeeperCoordinator);

impl Ordering for Line {
    fn send(&self, command: CoordinatorCommand) -> anyhow::Result<()> {
        Ok(self.0.send(command)?)
    }

    fn observe(&self, _: &NotebookFact) {}
}

/// A publisher's takeovers stand in its log only: the notebook is the engines'.
struct NoNotebook;

impl Notes for NoNotebook {
    fn post(&self, _: &Entry) -> anyhow::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sas() -> SasTransport {
        SasTransport {
            hot_failover: true,
            zookeeper: Some("zoo:2181".to_owned()),
            failover_group: Some("meters".to_owned()),
            ..SasTransport::default()
        }
    }

    #[test]
    fn a_group_is_what_the_cfg_file_says() {
        let group = Group::of(&sas(), None).unwrap().unwrap();
        assert_eq!((group.name.as_str(), group.zookeeper.as_str(), group.buffered_max), ("meters", "zoo:2181", 1_000));
        let elsewhere = Group::of(&sas(), Some("other:2181")).unwrap().unwrap();
        assert_eq!(elsewhere.zookeeper, "other:2181", "a setting wins over the file");
        assert!(Group::of(&SasTransport { hot_failover: false, ..sas() }, None).unwrap().is_none());
    }

    #[test]
    fn what_a_group_needs_is_asked_for_by_name() {
        let without_name = Group::of(&SasTransport { failover_group: None, ..sas() }, None).err().unwrap();
        assert!(without_name.contains("needs failovergroup"), "{without_name}");
        let without_zookeeper = Group::of(&SasTransport { zookeeper: None, ..sas() }, None).err().unwrap();
        assert!(without_zookeeper.contains("needs zookeeperhostport"), "{without_zookeeper}");
    }
}
