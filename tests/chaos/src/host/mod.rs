//! What one Linux machine lends to the runner: network namespaces, packet rules, the freezer. All of it is named with
//! [`PREFIX`], so that whatever a killed runner left behind is found and removed.

mod command;
mod firewall;
mod groups;
mod leftovers;
mod limit;
mod namespace;
mod network;

pub(crate) use command::run;
pub(crate) use firewall::Rule;
pub(crate) use groups::{Group, Hold};
pub(crate) use leftovers::{Claim, remove_all};
pub(crate) use limit::DescriptorLimit;
pub(crate) use namespace::Namespace;
pub(crate) use network::{Host, INTERFACE, Network};

/// Begins the name of every namespace and control group of ours.
pub(crate) const PREFIX: &str = "uchaos-";

/// Says why this machine can't run the chaos rows; nothing when it can.
///
/// Tried, not guessed: a namespace is made and a rule put into it.
pub(crate) fn missing() -> Option<String> {
    let trial = || -> anyhow::Result<()> {
        let namespace = Namespace::make(&format!("probe-{}", std::process::id()))?;
        namespace.inside(|| run("iptables", &["-w", "-A", "OUTPUT", "-d", "10.77.0.1", "-j", "DROP"]))??;
        Ok(())
    };
    trial().err().map(|error| format!("{error:#}"))
}
