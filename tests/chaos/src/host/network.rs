//! One bridge, and hosts on it. The bridge lives in a namespace as well, so the machine's own network isn't touched.

use super::{Namespace, run};

const BRIDGE: &str = "net";
/// The one interface of every host.
pub(crate) const INTERFACE: &str = "eth0";

/// A host: a namespace with an address on the bridge.
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) namespace: Namespace,
}

/// All hosts. Dropped before the bridge, which is declared behind them.
pub(crate) struct Network {
    pub(crate) hosts: Vec<Host>,
    _bridge: Namespace,
}

impl Network {
    /// Hosts by name and last number of their address.
    pub(crate) fn make(hosts: &[(&str, u8)]) -> anyhow::Result<Self> {
        let bridge = Namespace::make(BRIDGE)?;
        run("ip", &["-n", bridge.name(), "link", "add", "br0", "type", "bridge"])?;
        run("ip", &["-n", bridge.name(), "link", "set", "br0", "up"])?;
        let hosts = hosts.iter().map(|(name, number)| attach(&bridge, name, *number)).collect::<anyhow::Result<_>>()?;
        Ok(Self { hosts, _bridge: bridge })
    }

    pub(crate) fn host(&self, name: &str) -> anyhow::Result<&Host> {
        let found = self.hosts.iter().find(|host| host.name == name);
        found.ok_or_else(|| anyhow::anyhow!("no host is called {name}"))
    }
}

fn attach(bridge: &Namespace, name: &str, number: u8) -> anyhow::Result<Host> {
    let namespace = Namespace::make(name)?;
    let address = format!("10.77.0.{number}");
    let (inner, outer, port) = (namespace.name(), bridge.name(), format!("v{name}"));
    run("ip", &["link", "add", &port, "netns", outer, "type", "veth", "peer", "name", INTERFACE, "netns", inner])?;
    run("ip", &["-n", outer, "link", "set", &port, "master", "br0", "up"])?;
    run("ip", &["-n", inner, "addr", "add", &format!("{address}/24"), "dev", INTERFACE])?;
    run("ip", &["-n", inner, "link", "set", INTERFACE, "up"])?;
    Ok(Host { name: name.to_owned(), address, namespace })
}
