//! `understudy pause` and `resume`: automatic failover frozen at all members, or on again.

use serde_json::json;

use super::form::show;
use super::remote::{ANSWER_PATIENCE, Asked, ask_all, request};
use super::say;
use crate::cli::OutputForm;
use crate::exit::Exit;

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
pub fn freeze(http: &str, freeze: Freeze, form: OutputForm) -> anyhow::Result<Exit> {
    let Asked { found, silent } = ask_all(&[http.to_owned()])?;
    let mut told = Vec::new();
    let mut failed = silent.clone();
    for (address, status) in &found {
        let member = status["member"].as_str().unwrap_or(address).to_owned();
        match request(address, freeze.path(), ANSWER_PATIENCE) {
            Ok(reply) if reply.agrees => told.push(member),
            Ok(reply) => {
                say(&format!("{member} refuses: {}", reply.words));
                failed.push(member);
            }
            Err(error) => {
                say(&format!("{member} at {address} does not answer: {error}"));
                failed.push(member);
            }
        }
    }
    for address in &silent {
        say(&format!(
            "{address} does not answer; if it lives, ask it again: understudy {} --http {address}",
            freeze.path()
        ));
    }
    let document = json!({
        "apiVersion": "v1", "kind": "AutomaticFailover", "paused": freeze == Freeze::Pause, "told": told, "failed": failed,
    });
    show(form, &document, || told.iter().map(|member| format!("{member}: {}\n", freeze.done())).collect())?;
    Ok(if failed.is_empty() { Exit::Done } else { Exit::Failed })
}
