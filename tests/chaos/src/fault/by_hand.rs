//! What a clumsy operator does, with Kafka's and ZooKeeper's own tools.

use std::process::Stdio;

use anyhow::{Context as _, bail};

use crate::host::Host;
use crate::places::LOOKER;
use crate::world::World;

/// Records that no decoder takes: text in a topic of binary blocks.
const GARBAGE_RECORDS: usize = 25;

/// Writes text into the inbound topic, between the publisher's blocks.
pub(super) fn write_garbage(world: &World) -> anyhow::Result<()> {
    let production = world.production.as_ref().context("no project is running")?;
    let [inbound, _] = production.topics();
    let lines: String = (0..GARBAGE_RECORDS).map(|i| format!("this is no block {i}\n")).collect();
    let mut producer = world.cluster.producer(&world.network, &inbound)?;
    let host = world.network.host(LOOKER)?;
    let mut child = host.namespace.inside(|| producer.stdin(Stdio::piped()).stdout(Stdio::null()).spawn())??;
    let written = child.stdin.take().map(|mut input| std::io::Write::write_all(&mut input, lines.as_bytes()));
    written.context("the producer takes no input")??;
    if !child.wait()?.success() {
        bail!("the garbage could not be written");
    }
    Ok(())
}

/// Deletes the entry with the lowest number: that of the leader.
pub(super) fn delete_first_entry(world: &World) -> anyhow::Result<()> {
    let production = world.production.as_ref().context("no project is running")?;
    let line = production.line();
    let host = world.network.host(LOOKER)?;
    let listed = zookeeper(world, host, &["ls", &line])?;
    let names = listed.lines().find_map(|line| line.trim().strip_prefix('[')?.strip_suffix(']'));
    let first = names.and_then(|names| names.split(", ").min()).filter(|name| !name.is_empty());
    let first = first.with_context(|| format!("nobody stands in the line {line}: {listed}"))?;
    zookeeper(world, host, &["delete", &format!("{line}/{first}")]).map(|_| ())
}

fn zookeeper(world: &World, host: &Host, words: &[&str]) -> anyhow::Result<String> {
    let mut client = world.cluster.zookeeper_client(&world.network)?;
    let output = host.namespace.inside(|| client.args(words).output())??;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
