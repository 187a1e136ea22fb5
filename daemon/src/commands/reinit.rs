//! `understudy reinit`: a member forgets its state and its snapshots and begins again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::form::show;
use super::remote::{ANSWER_PATIENCE, ask_all, request, status_of};
use super::{confirm, say};
use crate::cli::ReinitArgs;
use crate::exit::Exit;

/// How often the member is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// How long it may take to begin again, before it computes anything.
const BEGIN_PATIENCE: Duration = Duration::from_secs(15);

/// Makes a member drop its state and the snapshots on its disk, and rebuild both from a peer's snapshot or the input.
///
/// # Errors
/// Nobody answers, or nobody is there to confirm.
pub fn reinit(args: &ReinitArgs) -> anyhow::Result<Exit> {
    let asked = ask_all(std::slice::from_ref(&args.member.http))?;
    let Some((address, before)) = asked.member(&args.name) else {
        say(&format!(
            "{} is not among the members that answer; look with: understudy status --http {}",
            args.name, args.member.http
        ));
        return Ok(Exit::Refused);
    };
    let question = format!(
        "{} forgets its state and its snapshots and begins again from a peer's snapshot or the input; until it is in sync it can't \
         take over. Go on?",
        args.name
    );
    if !confirm(&question, args.yes)? {
        return Ok(Exit::Refused);
    }
    match request(address, "reinit", ANSWER_PATIENCE) {
        Ok(reply) if !reply.agrees => {
            say(&format!("{} refuses: {}", args.name, reply.words));
            return Ok(Exit::Refused);
        }
        // It may be gone before its answer is read; what counts is that another start of it appears.
        Ok(_) | Err(_) => {}
    }
    let patience = if args.wait { args.timeout } else { BEGIN_PATIENCE };
    let Some(status) = await_again(address, before, patience, args.wait) else {
        say(&format!("{} is not back after {patience:?}; look with: understudy status", args.name));
        return Ok(Exit::Failed);
    };
    let document = json!({"apiVersion": "v1", "kind": "Reinit", "member": args.name, "status": status});
    show(args.member.output, &document, || {
        let how = if args.wait { "is in sync again" } else { "begins again" };
        format!("{} {how}\n", args.name)
    })?;
    Ok(Exit::Done)
}

/// The status of another start of the member, in sync when that is wanted.
fn await_again(http: &str, before: &Value, patience: Duration, in_sync: bool) -> Option<Value> {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        let status = status_of(http).unwrap_or_default();
        let is_new = status["incarnation"].is_u64() && status["incarnation"] != before["incarnation"];
        let is_ready =
            !in_sync || status["role"] == "active" || (status["role"] == "standby" && status["eligible"] == true);
        if is_new && is_ready {
            return Some(status);
        }
        std::thread::sleep(ASK_EVERY);
    }
    None
}
