//! Who may import whom. Cargo can't say this, so a table does, and the check reads the manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// What a room may build on: other rooms by their folders, and vendors that only it may name.
struct Room {
    folder: &'static str,
    rooms: &'static [&'static str],
    vendors: &'static [&'static str],
}

const fn room(folder: &'static str, rooms: &'static [&'static str], vendors: &'static [&'static str]) -> Room {
    Room { folder, rooms, vendors }
}

/// Imports point one way: types ← proto, engine, failover, ports ← adapters ← daemon ← tests.
const ROOMS: &[Room] = &[
    room("types", &[], &[]),
    room("proto", &["types"], &["prost"]),
    room("engine", &["types"], &["roxmltree"]),
    room("failover", &["types"], &[]),
    room("adapters/ports", &["types"], &[]),
    room("adapters/kafka", &["adapters/ports", "types", "proto"], &["rdkafka"]),
    room("adapters/appender", &["adapters/ports", "types"], &["kafka-protocol"]),
    room("adapters/zookeeper", &["adapters/ports", "types"], &["zookeeper-client"]),
    room("adapters/peer", &["adapters/ports", "types"], &[]),
    room("adapters/files", &["adapters/ports", "types", "proto"], &[]),
    room("adapters/memory", &["adapters/ports", "adapters/appender", "types"], &["kafka-protocol"]),
    room("daemon", &["types", "proto", "engine", "failover", "adapters/*"], &["axum", "clap"]),
    room("tests", &["types", "proto", "engine", "failover", "adapters/*", "daemon"], &["clap"]),
    room("tests/chaos", &["demo"], &["clap"]),
    room("tests/simulation", &["types", "engine", "failover", "adapters/*", "daemon"], &["clap"]),
    room("demo", &["daemon", "types"], &["krafka", "clap"]),
    room("bench", &["types", "proto", "engine", "adapters/*", "daemon"], &["clap"]),
    room("xtask", &[], &["clap"]),
];

/// Vendors that live in one street only; a test dependency is free, the product isn't.
const FENCED_VENDORS: &[&str] =
    &["rdkafka", "kafka-protocol", "zookeeper-client", "prost", "krafka", "axum", "roxmltree", "clap"];

/// Rooms that know no clock, no thread, no runtime and no wire format.
const PURE: &[&str] = &["types", "engine", "failover"];
/// What a pure room must not even be able to name.
const IMPURE_VENDORS: &[&str] =
    &["tokio", "mio", "rustix", "libc", "socket2", "serde_json", "tracing", "crossbeam-channel"];
/// Rooms that the standard library can't tempt.
const NO_STD: &[&str] = &["types", "failover"];

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Reads every manifest against the table.
pub(crate) fn check() -> anyhow::Result<()> {
    let manifest = read(&root().join("Cargo.toml"))?;
    let members = members(&manifest);
    let folders: BTreeMap<String, String> = workspace_paths(&manifest);
    let mut faults = Vec::new();
    for member in &members {
        let Some(room) = ROOMS.iter().find(|room| room.folder == member) else {
            faults.push(format!("{member} is in no row of the table in xtask/src/layers.rs"));
            continue;
        };
        faults.extend(faults_of(room, &read(&root().join(member).join("Cargo.toml"))?, &folders));
        faults.extend(no_std_fault(room)?);
    }
    if !faults.is_empty() {
        bail!("layers:\n  {}", faults.join("\n  "));
    }
    say(&format!("layers: {} rooms, imports point one way", members.len()));
    Ok(())
}

fn faults_of(room: &Room, manifest: &toml::Table, folders: &BTreeMap<String, String>) -> Vec<String> {
    let dependencies: BTreeSet<String> = manifest
        .get("dependencies")
        .and_then(toml::Value::as_table)
        .map(|table| table.keys().cloned().collect())
        .unwrap_or_default();
    let mut faults = Vec::new();
    for name in &dependencies {
        if let Some(folder) = folders.get(name) {
            let allowed = room.rooms.iter().any(|allowed| match allowed.strip_suffix('*') {
                Some(street) => folder.starts_with(street),
                None => allowed == folder,
            });
            if !allowed {
                faults.push(format!("{} must not build on {folder}", room.folder));
            }
        } else if FENCED_VENDORS.contains(&name.as_str()) && !room.vendors.contains(&name.as_str()) {
            faults.push(format!("{} must not name the vendor {name}", room.folder));
        } else if PURE.contains(&room.folder) && IMPURE_VENDORS.contains(&name.as_str()) {
            faults.push(format!("{} is pure and must not be able to name {name}", room.folder));
        }
    }
    faults
}

fn no_std_fault(room: &Room) -> anyhow::Result<Option<String>> {
    if !NO_STD.contains(&room.folder) {
        return Ok(None);
    }
    let path = root().join(room.folder).join("src/lib.rs");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok((!text.contains("#![no_std]")).then(|| format!("{} must be #![no_std]", room.folder)))
}

fn read(path: &Path) -> anyhow::Result<toml::Table> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    text.parse().with_context(|| format!("reading {}", path.display()))
}

fn members(manifest: &toml::Table) -> Vec<String> {
    let members = manifest.get("workspace").and_then(|workspace| workspace.get("members"));
    let members = members.and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    members.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect()
}

/// What a workspace dependency is called ⇒ the folder it lies in.
fn workspace_paths(manifest: &toml::Table) -> BTreeMap<String, String> {
    let dependencies = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(toml::Value::as_table)
        .cloned()
        .unwrap_or_default();
    dependencies
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.get("path")?.as_str()?.to_owned())))
        .collect()
}

/// Talk goes to standard error.
pub(crate) fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}
