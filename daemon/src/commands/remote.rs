//! Asking running replicas.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use crate::exit::Exit;

/// How long a replica is given to answer.
pub(super) const ANSWER_PATIENCE: Duration = Duration::from_secs(2);

/// Answers with an error status are answers too.
pub(super) fn agent(patience: Duration) -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(patience)).http_status_as_error(false).build().into()
}

/// What a replica says of itself.
pub(super) fn status_of(http: &str) -> anyhow::Result<Value> {
    document(http, "status")
}

/// A JSON document that a replica serves.
pub(super) fn document(http: &str, name: &str) -> anyhow::Result<Value> {
    let mut answer =
        agent(ANSWER_PATIENCE).get(format!("http://{http}/{name}")).call().with_context(|| format!("asking {http}"))?;
    let text = answer.body_mut().read_to_string().with_context(|| format!("asking {http}"))?;
    serde_json::from_str(&text).with_context(|| format!("{http} answers, but not as a replica does"))
}

/// What a replica answers to a request: its words, and whether it agrees.
pub(super) struct Reply {
    pub(super) agrees: bool,
    pub(super) words: String,
}

/// Asks for something to be done.
pub(super) fn request(http: &str, what: &str, patience: Duration) -> anyhow::Result<Reply> {
    let asked = agent(patience).post(format!("http://{http}/{what}")).send_empty();
    let mut answer = asked.with_context(|| format!("asking {http}"))?;
    let words = answer.body_mut().read_to_string().with_context(|| format!("asking {http}"))?;
    Ok(Reply { agrees: answer.status().is_success(), words: words.trim().to_owned() })
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
pub(super) struct Asked {
    /// Status documents by address, the active member's first; at least one.
    pub(super) found: Vec<(String, Value)>,
    /// Addresses that don't answer.
    pub(super) silent: Vec<String>,
}

impl Asked {
    /// Address and status of a member.
    pub(super) fn member(&self, name: &str) -> Option<&(String, Value)> {
        self.found.iter().find(|(_, status)| status["member"] == name)
    }

    /// Address and status of who is active by its own word.
    pub(super) fn active(&self) -> Option<&(String, Value)> {
        self.found.iter().find(|(_, status)| status["role"] == "active")
    }
}

/// Asks these addresses, and those of all members that they know of.
pub(super) fn ask_all(addresses: &[String]) -> anyhow::Result<Asked> {
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

/// The words of a JSON text, without its quotes.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
