//! Where processes run: each on a host of its own.

/// A process's place; numbers from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    ZooKeeper(usize),
    Broker(usize),
    Engine(usize),
    Publisher,
    Subscriber,
}

/// Engines of the project.
pub(crate) const ENGINES: usize = 3;
/// The host of everything that only looks: replay, capture, topic commands.
pub(crate) const LOOKER: &str = "look";
/// The host of the proxy that spoils what engines and the cluster tell each other.
pub(crate) const PROXY: &str = "proxy";

impl Place {
    /// Name of the host, and of the process in logs and in the journal.
    pub(crate) fn name(self) -> String {
        match self {
            Self::ZooKeeper(i) => format!("zk{}", i + 1),
            Self::Broker(i) => format!("k{}", i + 1),
            Self::Engine(i) => format!("esp{}", i + 1),
            Self::Publisher => "pub1".to_owned(),
            Self::Subscriber => "sub1".to_owned(),
        }
    }
}

/// Names and last numbers of addresses, as `properties.sh` knows them.
pub(crate) const HOSTS: [(&str, u8); 13] = [
    ("zk1", 11),
    ("zk2", 12),
    ("zk3", 13),
    ("k1", 21),
    ("k2", 22),
    ("k3", 23),
    ("esp1", 31),
    ("esp2", 32),
    ("esp3", 33),
    ("pub1", 41),
    ("sub1", 51),
    (LOOKER, 61),
    (PROXY, 71),
];
