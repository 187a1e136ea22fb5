//! `understudy switchover` and `failover`: another active, with the consent of the one that is, or without.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::form::show;
use super::remote::{Asked, ask_all, request, status_of, text};
use super::{confirm, say};
use crate::cli::{FailoverArgs, OutputForm, SwitchoverArgs};
use crate::exit::Exit;

/// A switchover is over within this time or given up.
const SWITCHOVER_PATIENCE: Duration = Duration::from_secs(35);
/// How often the new active is asked whether it writes.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// Asks the active replica to hand over; any member knows which that is.
///
/// # Errors
/// Nobody answers.
pub fn switchover(args: &SwitchoverArgs) -> anyhow::Result<Exit> {
    let asked = ask_all(std::slice::from_ref(&args.member.http))?;
    let Some((address, active)) = asked.active() else {
        return Ok(nobody_is_active(&asked));
    };
    let query = args.to.as_ref().map(|to| format!("?to={to}")).unwrap_or_default();
    let reply = request(address, &format!("switchover{query}"), SWITCHOVER_PATIENCE)?;
    let from = text(&active["member"]);
    if !reply.agrees {
        return refused("Switchover", &from, &reply.words, args.member.output);
    }
    let change = Change { kind: "Switchover", from: Some(from), to: reply.words };
    finish(&change, &asked, args.wait.then_some(args.timeout), args.member.output)
}

/// Makes a standby active without asking the one that is: for one that doesn't answer, or doesn't let go.
///
/// # Errors
/// Nobody answers, or nobody is there to confirm.
pub fn failover(args: &FailoverArgs) -> anyhow::Result<Exit> {
    let asked = ask_all(std::slice::from_ref(&args.member.http))?;
    let chosen = match &args.to {
        Some(name) => asked.member(name),
        None => fittest(&asked),
    };
    let Some((address, status)) = chosen else {
        let wanted = args.to.as_deref().unwrap_or("any standby in sync");
        say(&format!(
            "{wanted} is not among the members that answer; look with: understudy status --http {}",
            args.member.http
        ));
        return Ok(Exit::Refused);
    };
    let to = text(&status["member"]);
    let from = status["active"].as_str().map(str::to_owned);
    let question = format!(
        "Make {to} active{}? Nothing is lost or repeated; with its consent it is quicker: understudy switchover.",
        from.as_ref().map(|from| format!(" in place of {from}, without asking {from}")).unwrap_or_default()
    );
    if !confirm(&question, args.yes)? {
        return Ok(Exit::Refused);
    }
    let reply = request(address, "failover", SWITCHOVER_PATIENCE)?;
    if !reply.agrees {
        return refused("Failover", &to, &reply.words, args.member.output);
    }
    let change = Change { kind: "Failover", from, to };
    finish(&change, &asked, Some(args.timeout), args.member.output)
}

/// The eligible standby that is first in the line, as most members see it: the one that would take over by itself.
fn fittest(asked: &Asked) -> Option<&(String, Value)> {
    let fit = |name: &Value| {
        let (_, status) = asked.member(name.as_str()?)?;
        (status["role"] == "standby" && status["eligible"] == true).then_some(())?;
        asked.member(name.as_str()?)
    };
    let in_line = asked.found.iter().filter_map(|(_, status)| status["line"].as_array()).flatten().find_map(fit);
    // Without a coordinator there is no line.
    in_line.or_else(|| {
        let fit = |(_, status): &&(String, Value)| status["role"] == "standby" && status["eligible"] == true;
        asked.found.iter().filter(fit).min_by_key(|(_, status)| status["input"]["lag"].as_u64().unwrap_or(u64::MAX))
    })
}

fn nobody_is_active(asked: &Asked) -> Exit {
    if let Some(name) = asked.found.iter().find_map(|(_, status)| status["active"].as_str()) {
        say(&format!(
            "{name} is active, but doesn't answer where it is known.  Ask it itself: understudy switchover --http <its address>; \
             or make another one active without it: understudy failover"
        ));
        return Exit::Unreachable;
    }
    match fittest(asked) {
        Some((http, status)) => say(&format!(
            "nobody is active now, so nobody can hand over.  In sync is {}: understudy failover --to {0} --http {http}",
            text(&status["member"])
        )),
        None => say("nobody is active now, and no standby is in sync; look with: understudy status"),
    }
    Exit::NoActive
}

fn refused(kind: &str, by: &str, words: &str, form: OutputForm) -> anyhow::Result<Exit> {
    say(&format!("{by} refuses: {words}"));
    if form != OutputForm::Table {
        let document = json!({"apiVersion": "v1", "kind": kind, "refused": words, "by": by});
        show(form, &document, String::new)?;
    }
    Ok(Exit::Refused)
}

/// Who was active, who is to be.
struct Change {
    kind: &'static str,
    from: Option<String>,
    to: String,
}

/// Waits for the new active's first output when that is wanted, and says how it went.
fn finish(change: &Change, asked: &Asked, wait: Option<Duration>, form: OutputForm) -> anyhow::Result<Exit> {
    let taken_over = match (wait, asked.member(&change.to)) {
        (None, _) => None,
        (Some(patience), Some((address, before))) => match await_active(address, before, patience) {
            Some(status) => Some(status),
            None => {
                say(&format!("{} is not active after {patience:?}; look with: understudy status", change.to));
                return Ok(Exit::Failed);
            }
        },
        (Some(_), None) => {
            say(&format!("{} is to be active, but its address isn't known; look with: understudy status", change.to));
            None
        }
    };
    let gap = taken_over.as_ref().and_then(|status| status["last_failover"]["gap_ms"].as_f64());
    let document = json!({
        "apiVersion": "v1",
        "kind": change.kind,
        "from": change.from,
        "to": change.to,
        "waited": taken_over.is_some(),
        "gap_ms": gap,
        "phases_ms": taken_over.as_ref().map(|status| status["last_failover"]["phases_ms"].clone()),
    });
    show(form, &document, || words(change, taken_over.is_some(), gap))?;
    Ok(Exit::Done)
}

fn words(change: &Change, waited: bool, gap: Option<f64>) -> String {
    let Change { from, to, .. } = change;
    match (waited, gap, from) {
        (true, Some(gap), _) => format!("{to} is active; from noticing to its first output {gap:.1} ms\n"),
        (true, None, _) => format!("{to} is active; there was no output yet\n"),
        (false, _, Some(from)) => format!("{from} handed over to {to}\n"),
        (false, _, None) => format!("{to} is to be active\n"),
    }
}

/// The status of a member that has become active since `before`. Its first output may take as long as the input rests.
fn await_active(http: &str, before: &Value, patience: Duration) -> Option<Value> {
    let deadline = Instant::now() + patience;
    let mut active = None;
    while Instant::now() < deadline {
        let status = status_of(http).unwrap_or_default();
        if status["role"] == "active" {
            let is_new = status["last_failover"] != before["last_failover"];
            let owes = status["outputs"].as_array().into_iter().flatten().any(|output| output["buffer"] != 0);
            if is_new && (status["last_failover"]["gap_ms"].is_number() || !owes) {
                return Some(status);
            }
            active = Some(status);
        }
        std::thread::sleep(ASK_EVERY);
    }
    active
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, role: &str, eligible: bool, line: &[&str]) -> (String, Value) {
        let status = json!({
            "member": name, "role": role, "eligible": eligible, "line": line, "input": {"lag": name.len()},
        });
        (format!("{name}:1"), status)
    }

    #[test]
    fn a_failover_goes_to_whoever_would_take_over_by_itself() {
        let line = ["esp-1", "esp-2", "esp-3"];
        let found = vec![
            member("esp-1", "active", true, &line),
            member("esp-2", "standby", false, &line),
            member("esp-3", "standby", true, &line),
        ];
        let mut asked = Asked { found, silent: Vec::new() };
        assert_eq!(fittest(&asked).map(|(http, _)| http.as_str()), Some("esp-3:1"));
        asked.found = vec![member("esp-10", "standby", true, &[]), member("esp-2", "standby", true, &[])];
        assert_eq!(fittest(&asked).map(|(http, _)| http.as_str()), Some("esp-2:1"), "without a line the least behind");
        asked.found = vec![member("esp-2", "restoring", true, &["esp-2"])];
        assert!(fittest(&asked).is_none());
    }

    #[test]
    fn what_is_said_is_what_is_known() {
        let change = Change { kind: "Switchover", from: Some("esp-1".to_owned()), to: "esp-2".to_owned() };
        assert_eq!(words(&change, false, None), "esp-1 handed over to esp-2\n");
        assert_eq!(words(&change, true, Some(1.84)), "esp-2 is active; from noticing to its first output 1.8 ms\n");
        assert_eq!(words(&change, true, None), "esp-2 is active; there was no output yet\n");
    }
}
