//! What a clumsy operator or a careless program does, with the tools of Kafka, ZooKeeper and this project.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::disk::snapshots;
use super::{Entry, Topic};
use crate::places::{ENGINES, LOOKER, Place};
use crate::world::World;

/// Records that no decoder takes: text in a topic of binary blocks.
const GARBAGE_RECORDS: usize = 25;
/// More than a broker takes as it is: its default bound is 1 MiB of what arrives.
const OVERSIZED_BYTES: usize = 11 << 20;
const OVERSIZED_RECORDS: usize = 2;
/// Within this time the brokers have forgotten a deleted topic.
const FORGET_PATIENCE: Duration = Duration::from_secs(60);

/// Writes text into the inbound topic, between the publisher's blocks.
pub(super) fn write_garbage(world: &World) -> anyhow::Result<()> {
    let lines: String = (0..GARBAGE_RECORDS).map(|i| format!("this is no block {i}\n")).collect();
    write_lines(world, &lines, &[])
}

/// Records of one letter, over and over: a thousandth of their size while they are on their way.
pub(super) fn write_oversized(world: &World) -> anyhow::Result<()> {
    let line = "a".repeat(OVERSIZED_BYTES) + "\n";
    let bound = format!("max.request.size={}", OVERSIZED_BYTES * 2);
    let words = ["--compression-codec", "zstd", "--request-timeout-ms", "20000", "--producer-property", &bound];
    write_lines(world, &line.repeat(OVERSIZED_RECORDS), &words)
}

fn write_lines(world: &World, lines: &str, words: &[&str]) -> anyhow::Result<()> {
    let production = world.production.as_ref().context("no project is running")?;
    let [inbound, _] = production.topics();
    let mut producer = world.cluster.kafka_tool(&world.network, "ConsoleProducer")?;
    producer.args(["--topic", &inbound]).args(words);
    let host = world.network.host(LOOKER)?;
    producer.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = host.namespace.inside(|| producer.spawn())??;
    let written = child.stdin.take().map(|mut input| std::io::Write::write_all(&mut input, lines.as_bytes()));
    written.context("the producer takes no input")??;
    // The tool ends well whatever became of a record.
    let said = child.wait_with_output()?;
    let words = String::from_utf8_lossy(&said.stderr);
    if !said.status.success() || words.contains("ERROR") {
        bail!("the records could not be written: {words}");
    }
    Ok(())
}

/// A publisher adapter refuses the file and says where it is wrong.
pub(super) fn publish_wrong_type(world: &World) -> anyhow::Result<()> {
    let production = world.production.as_ref().context("no project is running")?;
    let file = production.folder.join("wrong.csv");
    fs::write(&file, "opcode,flags,reading,meter,kilowatt\ni,n,,100,much\n").context("writing a wrong file")?;
    let words = production.publish_to_the_end(&world.network, &file)?;
    for said in ["E008", "wrong.csv:2", "kilowatt", "double"] {
        if !words.contains(said) {
            bail!("the publisher of a file with a wrong type does not say {said}:\n{words}");
        }
    }
    Ok(())
}

/// Another topic of the same name.
pub(super) fn replace(world: &mut World, topic: Topic) -> anyhow::Result<()> {
    let production = world.production.as_mut().context("no project is running")?;
    let [inbound, outbound] = production.topics();
    let name = match topic {
        Topic::Inbound => inbound,
        Topic::Outbound => outbound,
    };
    let production = world.production.as_ref().context("no project is running")?;
    let mut tool = world.cluster.kafka_tool(&world.network, "TopicCommand")?;
    called(world, tool.args(["--delete", "--topic", &name]))?;
    let deadline = Instant::now() + FORGET_PATIENCE;
    // The tool makes what is missing; while the brokers still know the old one, nothing is.
    loop {
        let made = production.topics_command(&world.network, &["create"]);
        match made {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => (),
        }
    }
}

/// As retention does in time: up to the oldest place where a standby's newest snapshot goes on.
pub(super) fn truncate_input(world: &mut World) -> anyhow::Result<()> {
    let production = world.production.as_mut().context("no project is running")?;
    production.input_is_gone();
    let newest = |i| snapshots(&production.data(Place::Engine(i))).last().map(|(offset, _)| *offset);
    let offset = (0..ENGINES).filter_map(newest).min().context("nobody has a snapshot")?;
    let [inbound, _] = production.topics();
    let plan = production.folder.join("truncate.json");
    let text = format!(r#"{{"version":1,"partitions":[{{"topic":"{inbound}","partition":0,"offset":{offset}}}]}}"#);
    fs::write(&plan, text).with_context(|| format!("writing {}", plan.display()))?;
    let mut tool = world.cluster.kafka_tool(&world.network, "DeleteRecordsCommand")?;
    let said = called(world, tool.arg("--offset-json-file").arg(&plan))?;
    // The tool ends well whatever the brokers say.
    if !said.contains("low_watermark") {
        bail!("{inbound} was not truncated: {said}");
    }
    Ok(())
}

/// Deletes an entry of the line; the one with the lowest number is the leader's.
pub(super) fn delete_entry(world: &World, entry: Entry) -> anyhow::Result<()> {
    let mut names = entries(world)?;
    names.sort();
    let name = match entry {
        Entry::First => names.first(),
        Entry::Second => names.get(1),
    };
    let name = name.with_context(|| format!("too few stand in the line: {names:?}"))?;
    let line = world.production.as_ref().context("no project is running")?.line();
    let mut client = world.cluster.zookeeper_client(&world.network)?;
    called(world, client.args(["delete", &format!("{line}/{name}")])).map(|_| ())
}

/// Names of those who stand in line.
pub(crate) fn entries(world: &World) -> anyhow::Result<Vec<String>> {
    let line = world.production.as_ref().context("no project is running")?.line();
    let mut client = world.cluster.zookeeper_client(&world.network)?;
    let listed = called(world, client.args(["ls", &line]))?;
    let names = listed.lines().find_map(|line| line.trim().strip_prefix('[')?.strip_suffix(']'));
    let names = names.with_context(|| format!("there is no line {line}: {listed}"))?;
    Ok(names.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// What a tool prints.
fn called(world: &World, tool: &mut Command) -> anyhow::Result<String> {
    let host = world.network.host(LOOKER)?;
    let output = host.namespace.inside(|| tool.output())??;
    if !output.status.success() {
        bail!("{tool:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
