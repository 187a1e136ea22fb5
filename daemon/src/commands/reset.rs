//! `understudy reset`: a new generation begins with the next start.

use std::time::Duration;

use adapter_kafka::Notebook;
use anyhow::Context as _;
use ports::coordinator::HostPort;
use ports::notebook::{Entry, Reset};

use super::{confirm, load_project, print, say, settings};
use crate::cli::ProjectArgs;
use crate::deployment::metadata_topic;
use crate::exit::Exit;
use crate::node::{apply_overrides, client_settings};

/// How long a member is asked whether it lives.
const ALIVE_PATIENCE: Duration = Duration::from_millis(500);
/// How long the notebook may take.
const NOTE_PATIENCE: Duration = Duration::from_secs(30);

/// Ends the generation in force, provided that no member lives.
///
/// # Errors
/// A project that can't run; a notebook that can't be read or written.
pub fn reset(target: &ProjectArgs, yes: bool) -> anyhow::Result<Exit> {
    let project = load_project(&target.project)?;
    let (mut deployment, _) = project.deployment()?;
    let config = settings::read(&target.settings, &target.settings.set)?;
    apply_overrides(&mut deployment, &config);
    let client = client_settings(&deployment, &config)?;
    let topic = metadata_topic(&deployment.label);
    let opened = Notebook::open(&client, &topic, |_| ()).with_context(|| format!("reading the notebook {topic}"))?;
    let known = opened.ledger.project(&deployment.project);
    let Some(accepted) = known.and_then(|known| known.generation()) else {
        print("nothing to reset: the next engine that starts begins a generation\n");
        return Ok(Exit::Done);
    };
    let generation = accepted.proposal.generation;
    let living: Vec<String> = known
        .into_iter()
        .flat_map(|known| known.members())
        .filter(|presence| presence.present && is_alive(&presence.member.http))
        .map(|presence| format!("{} at {}", presence.member.name, presence.member.http))
        .collect();
    if !living.is_empty() {
        say(&format!(
            "members live: {}.  Their output would be cut off.\n     Fix: stop them first",
            living.join(", ")
        ));
        return Ok(Exit::Refused);
    }
    let question = format!(
        "End generation {generation} of project {}? The next engine begins a new one, reading from the connector's initial offset.",
        deployment.project
    );
    if !confirm(&question, yes)? {
        return Ok(Exit::Refused);
    }
    let reset = Reset { project: deployment.project.clone(), generation, reason: "understudy reset".to_owned() };
    opened.notebook.append(&Entry::Reset(reset), NOTE_PATIENCE).context("writing the reset into the notebook")?;
    print(&format!(
        "generation {generation} is ended; the next engine that starts begins generation {}\n",
        generation.next()
    ));
    Ok(Exit::Done)
}

/// Whether somebody listens there; an address that doesn't resolve is nobody's.
fn is_alive(http: &str) -> bool {
    let Some(address) = HostPort::parse(http) else { return false };
    let Ok(mut addresses) = std::net::ToSocketAddrs::to_socket_addrs(&(address.host.as_str(), address.port)) else {
        return false;
    };
    addresses.any(|address| std::net::TcpStream::connect_timeout(&address, ALIVE_PATIENCE).is_ok())
}
