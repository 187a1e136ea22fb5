//! `understudy upgrade`: a rolling change of version, guided.
//!
//! Members are processes that a supervisor or a person starts, so this command stops and starts none: it looks, says what to
//! do next, waits until it is done, and does the one thing that it can, the switchover.

mod plan;

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::form::show;
use super::remote::{Asked, ask_all, request, status_of, text};
use super::{confirm, say};
use crate::cli::UpgradeArgs;
use crate::exit::Exit;
use plan::{Build, Member, Seen, Shadow, Step};

/// How often members and shadow are asked.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// A switchover is over within this time or given up.
const SWITCHOVER_PATIENCE: Duration = Duration::from_secs(35);

/// Walks through the steps until all members run the version of the shadow.
///
/// # Errors
/// Nobody answers, or nobody is there to confirm the switchover.
pub fn upgrade(args: &UpgradeArgs) -> anyhow::Result<Exit> {
    let asked = ask_all(std::slice::from_ref(&args.member.http))?;
    // Restarted members may come back at other addresses; those that stay tell of them.
    let mut addresses: Vec<String> = asked.found.iter().map(|(address, _)| address.clone()).collect();
    let expected = args.members.unwrap_or(asked.found.len());
    let mut said = None;
    let mut done = Vec::new();
    let mut since = Instant::now();
    loop {
        let seen = look(args, &mut addresses, expected);
        let step = plan::next(&seen, args.outputs);
        if said.as_ref() != Some(&step) {
            say(&words(&step, args));
            if matters(&step) {
                done.push(words(&step, args));
            }
            since = Instant::now();
            said = Some(step.clone());
        }
        match step {
            Step::Done => return finish(args, Exit::Done, &done),
            Step::Refuse(_) => return finish(args, Exit::Refused, &done),
            Step::Switchover { to } => {
                if !switch_over(args, &addresses, &to)? {
                    return finish(args, Exit::Refused, &done);
                }
            }
            Step::StartShadow | Step::AwaitProof { .. } | Step::AwaitMembers { .. } | Step::Replace { .. } => {}
        }
        if since.elapsed() >= args.timeout {
            say("nothing has happened for too long; the upgrade goes on where it is when this command is run again");
            return finish(args, Exit::Failed, &done);
        }
        thread::sleep(ASK_EVERY);
    }
}

/// Steps that are worth telling afterwards: what waits and counts is only shown meanwhile.
fn matters(step: &Step) -> bool {
    match step {
        Step::Refuse(_) | Step::Replace { .. } | Step::Switchover { .. } | Step::Done => true,
        Step::StartShadow | Step::AwaitProof { .. } | Step::AwaitMembers { .. } => false,
    }
}

fn finish(args: &UpgradeArgs, exit: Exit, done: &[String]) -> anyhow::Result<Exit> {
    let document = json!({"apiVersion": "v1", "kind": "Upgrade", "done": exit == Exit::Done, "steps": done});
    // People have read it as it happened.
    show(args.member.output, &document, String::new)?;
    Ok(exit)
}

/// What members and shadow say now.
fn look(args: &UpgradeArgs, addresses: &mut Vec<String>, expected: usize) -> Seen {
    let asked = ask_all(addresses).unwrap_or(Asked { found: Vec::new(), silent: Vec::new() });
    for (address, _) in &asked.found {
        if !addresses.contains(address) {
            addresses.push(address.clone());
        }
    }
    let is_member = |(_, status): &&(String, Value)| status["role"] != "shadow";
    let shadow = status_of(&args.shadow).ok().filter(|status| status["role"] == "shadow");
    Seen {
        members: asked.found.iter().filter(is_member).map(|(_, status)| member(status)).collect(),
        shadow: shadow.as_ref().map(self::shadow),
        expected,
    }
}

fn build(status: &Value) -> Build {
    Build { version: text(&status["version"]), fingerprint: text(&status["fingerprint"]) }
}

fn member(status: &Value) -> Member {
    Member {
        name: text(&status["member"]),
        build: build(status),
        is_active: status["role"] == "active",
        is_in_sync: status["role"] == "standby" && status["eligible"] == true,
    }
}

fn shadow(status: &Value) -> Shadow {
    let difference = &status["difference"];
    let rows = |side: &Value| match side["rows"].as_array() {
        Some(rows) => rows.iter().map(text).collect::<Vec<_>>().join(" | "),
        None => "nothing".to_owned(),
    };
    Shadow {
        build: build(status),
        same_model: status["same_model"] == true,
        identical: status["identical"].as_u64().unwrap_or(0),
        is_there: status["state"] != "catching-up",
        difference: difference.is_object().then(|| {
            format!(
                "the shadow's outputs differ, first at message id {} of window {}: the cluster has {}, the shadow {}",
                difference["id"],
                text(&difference["window"]),
                rows(&difference["theirs"]),
                rows(&difference["mine"]),
            )
        }),
    }
}

/// Whether the active member has handed over.
fn switch_over(args: &UpgradeArgs, addresses: &[String], to: &str) -> anyhow::Result<bool> {
    if !confirm(&format!("Hand the active role over to {to}?"), args.yes)? {
        return Ok(false);
    }
    let asked = ask_all(addresses)?;
    let Some((address, _)) = asked.active() else { return Ok(true) };
    let reply = request(address, &format!("switchover?to={to}"), SWITCHOVER_PATIENCE)?;
    if !reply.agrees {
        say(&format!("  refused: {}; looking again", reply.words));
    }
    Ok(true)
}

fn words(step: &Step, args: &UpgradeArgs) -> String {
    match step {
        Step::StartShadow => format!(
            "· no shadow answers at {0}.  Start the new version beside the cluster:\n    understudy run --shadow -p <project file> \
             --name shadow --http {0}",
            args.shadow
        ),
        Step::AwaitProof { identical } => {
            format!("· the shadow has found {identical} of {} outputs identical", args.outputs)
        }
        Step::Refuse(why) => format!("✗ not this version: {why}"),
        Step::AwaitMembers { waiting_for } => format!("· waiting: {waiting_for}"),
        Step::Replace { member } => {
            format!("→ stop {member} (SIGTERM) and start the new version in its place, with the same name and settings")
        }
        Step::Switchover { to } => format!("→ switching over to {to}"),
        Step::Done => "✓ all members run the new version; the shadow can be stopped".to_owned(),
    }
}
