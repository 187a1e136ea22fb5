//! `status`, `switchover`, `pause`, `resume`, `health`: commands that ask running replicas.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::{print, say};
use crate::cli::OutputForm;
use crate::exit::Exit;

/// How long a replica is given to answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// A switchover is over within this time or given up.
const SWITCHOVER_PATIENCE: Duration = Duration::from_secs(35);

fn agent(patience: Duration) -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(patience)).http_status_as_error(false).build().into()
}

fn status_of(http: &str) -> anyhow::Result<Value> {
    document(http, "status")
}

/// A JSON document that a replica serves.
pub(super) fn document(http: &str, name: &str) -> anyhow::Result<Value> {
    let mut answer =
        agent(ANSWER_PATIENCE).get(format!("http://{http}/{name}")).call().with_context(|| format!("asking {http}"))?;
    let text = answer.body_mut().read_to_string().with_context(|| format!("asking {http}"))?;
    serde_json::from_str(&text).with_context(|| format!("{http} answers, but not as a replica does"))
}

/// Exit 0 when the replica is healthy.
///
/// # Errors
/// Nobody answers.
pub fn health(http: &str) -> anyhow::Result<Exit> {
    let answer = agent(ANSWER_PATIENCE)
        .get(format!("http://{http}/healthz"))
        .call()
        .with_context(|| format!("asking {http}"))?;
    Ok(if answer.status().is_success() { Exit::Done } else { Exit::Failed })
}

/// What all members say, those first asked and those they know of.
struct Asked {
    /// Status documents by address; at least one.
    found: Vec<(String, Value)>,
    /// Addresses that don't answer.
    silent: Vec<String>,
}

fn ask_all(addresses: &[String]) -> anyhow::Result<Asked> {
    let mut found: Vec<(String, Value)> = Vec::new();
    let mut asked: Vec<String> = Vec::new();
    let mut silent: Vec<String> = Vec::new();
    let mut waiting: Vec<String> = addresses.to_vec();
    let mut failure = None;
    while let Some(address) = waiting.pop() {
        if asked.contains(&address) {
            continue;
        }
        asked.push(address.clone());
        match status_of(&address) {
            Ok(status) => {
                let members = status["members"].as_array().cloned().unwrap_or_default();
                waiting.extend(members.iter().filter_map(|member| member["http"].as_str().map(str::to_owned)));
                found.push((address, status));
            }
            Err(error) => {
                silent.push(address);
                failure = Some(error);
            }
        }
    }
    if found.is_empty() {
        return Err(failure.unwrap_or_else(|| anyhow::anyhow!("no address to ask")));
    }
    // A member may have been asked at two addresses.
    found.sort_by_key(|(_, status)| (status["role"] != "active", status["member"].to_string()));
    found.dedup_by_key(|(_, status)| (status["member"].to_string(), status["incarnation"].to_string()));
    Ok(Asked { found, silent })
}

/// Prints what all members say.
///
/// # Errors
/// None of the addresses answers.
pub fn status(addresses: &[String], form: OutputForm) -> anyhow::Result<Exit> {
    let Asked { found, silent } = ask_all(addresses)?;
    let found: Vec<Value> = found.into_iter().map(|(_, status)| status).collect();
    match form {
        OutputForm::Json => {
            let all =
                serde_json::json!({"apiVersion": "v1", "kind": "ClusterStatus", "items": found, "silent": silent});
            print(&format!("{}\n", serde_json::to_string_pretty(&all)?));
        }
        OutputForm::Table => print(&table(&found, &silent)),
    }
    Ok(verdict(&found))
}

fn verdict(found: &[Value]) -> Exit {
    let active = found.iter().any(|status| status["role"] == "active");
    let standby = found.iter().any(|status| status["role"] == "standby" && status["eligible"] == true);
    match (active, standby) {
        (true, true) => Exit::Done,
        (true, false) => Exit::Degraded,
        (false, _) => Exit::NoActive,
    }
}

fn table(found: &[Value], silent: &[String]) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let first = &found[0];
    let mut out = format!(
        "Cluster {}   project {}   term {}   generation {}   coordinator {}\n",
        text(&first["cluster"]),
        text(&first["project"]),
        first["term"],
        first["generation"],
        text(&first["coordinator"]),
    );
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header([
        "MEMBER",
        "ADDRESS",
        "ROLE",
        "STATE",
        "INPUT OFFSET",
        "LAG",
        "OUTPUT ID",
        "INDEX",
        "BUFFER",
        "DIGEST",
    ]);
    for status in found {
        let output = &status["outputs"][0];
        let digest = text(&output["digest"]);
        let role = text(&status["role"]);
        table.add_row([
            text(&status["member"]),
            text(&status["http"]),
            if role == "active" { "ACTIVE".to_owned() } else { role },
            text(&status["state"]),
            status["input"]["offset"].to_string(),
            status["input"]["lag"].to_string(),
            output["id"].to_string(),
            output["index"].to_string(),
            format!("{}/{}", output["buffer"], output["bound"]),
            format!("{}…{}", digest.get(..4).unwrap_or_default(), digest.get(30..).unwrap_or_default()),
        ]);
    }
    out.push_str(&format!("{table}\n"));
    let standby = found.iter().find(|status| status["role"] == "standby" && status["eligible"] == true);
    out.push_str(&match standby {
        Some(status) => format!("Failover would succeed now: yes, {}\n", text(&status["member"])),
        None => "Failover would succeed now: NO, no standby is in sync\n".to_owned(),
    });
    for status in found.iter().filter(|status| !status["reason"].is_null()) {
        out.push_str(&format!("Blocked {}: {}\n", text(&status["member"]), text(&status["reason"])));
    }
    for address in silent {
        out.push_str(&format!("Silent  {address} does not answer\n"));
    }
    out
}

/// Asks the active replica to hand over; any member knows which that is.
///
/// # Errors
/// Nobody answers, or the answer is no.
pub fn switchover(http: &str, to: Option<&str>) -> anyhow::Result<Exit> {
    let status = status_of(http)?;
    let active = status["active"].as_str().context("nobody is active now")?;
    let members = status["members"].as_array().cloned().unwrap_or_default();
    let address = if status["member"] == active {
        http.to_owned()
    } else {
        let member = members.iter().find(|member| member["member"] == active);
        let address = member.and_then(|member| member["http"].as_str()).map(str::to_owned);
        address
            .with_context(|| format!("{active} is active, but its address isn't known; ask it itself with --http"))?
    };
    let query = to.map(|to| format!("?to={to}")).unwrap_or_default();
    let mut answer = agent(SWITCHOVER_PATIENCE)
        .post(format!("http://{address}/switchover{query}"))
        .send_empty()
        .with_context(|| format!("asking {active} at {address}"))?;
    let words = answer.body_mut().read_to_string()?;
    if answer.status().is_success() {
        print(&format!("{} handed over to {}\n", active, words.trim()));
        return Ok(Exit::Done);
    }
    say(&format!("{active} refuses: {}", words.trim()));
    Ok(Exit::Refused)
}

/// What is asked of all members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freeze {
    /// No automatic failover until it is resumed.
    Pause,
    /// As before.
    Resume,
}

impl Freeze {
    const fn path(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Pause => "automatic failover is paused",
            Self::Resume => "automatic failover is on",
        }
    }
}

/// Freezes automatic failover at every member, or ends that; exit 1 when one of them could not be told.
///
/// # Errors
/// Nobody answers.
pub fn freeze(http: &str, freeze: Freeze) -> anyhow::Result<Exit> {
    let Asked { found, silent } = ask_all(&[http.to_owned()])?;
    let mut exit = Exit::Done;
    for (address, status) in &found {
        let member = status["member"].as_str().unwrap_or(address);
        let asked = agent(ANSWER_PATIENCE).post(format!("http://{address}/{}", freeze.path())).send_empty();
        match asked {
            Ok(answer) if answer.status().is_success() => print(&format!("{member}: {}\n", freeze.done())),
            Ok(answer) => {
                say(&format!("{member} refuses: {}", answer.status()));
                exit = Exit::Failed;
            }
            Err(error) => {
                say(&format!("{member} at {address} does not answer: {error}"));
                exit = Exit::Failed;
            }
        }
    }
    for address in &silent {
        say(&format!(
            "{address} does not answer; if it lives, ask it again: understudy {} --http {address}",
            freeze.path()
        ));
        exit = Exit::Failed;
    }
    Ok(exit)
}
