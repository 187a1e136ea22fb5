//! `understudy status`: all members at a glance.

use serde_json::{Value, json};

use super::form::show;
use super::remote::{Asked, ask_all, text};
use crate::cli::OutputForm;
use crate::exit::Exit;

/// Prints what all members say.
///
/// # Errors
/// None of the addresses answers.
pub fn status(addresses: &[String], form: OutputForm) -> anyhow::Result<Exit> {
    let Asked { found, silent } = ask_all(addresses)?;
    let found: Vec<Value> = found.into_iter().map(|(_, status)| status).collect();
    let document = json!({"apiVersion": "v1", "kind": "ClusterStatus", "items": found, "silent": silent});
    show(form, &document, || table(&found, &silent))?;
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
    found.iter().for_each(|status| _ = table.add_row(row(status)));
    out.push_str(&format!("{table}\n"));
    let standby = found.iter().find(|status| status["role"] == "standby" && status["eligible"] == true);
    out.push_str(&match standby {
        Some(status) => format!("Failover would succeed now: yes, {}\n", text(&status["member"])),
        None => "Failover would succeed now: NO, no standby is in sync\n".to_owned(),
    });
    for status in found {
        out.push_str(&progress(status).map_or_else(String::new, |words| format!("Coming  {words}\n")));
    }
    for status in found.iter().filter(|status| !status["reason"].is_null()) {
        out.push_str(&format!("Blocked {}: {}\n", text(&status["member"]), text(&status["reason"])));
    }
    for address in silent {
        out.push_str(&format!("Silent  {address} does not answer\n"));
    }
    out
}

fn row(status: &Value) -> [String; 10] {
    let output = &status["outputs"][0];
    let digest = text(&output["digest"]);
    let role = text(&status["role"]);
    [
        text(&status["member"]),
        text(&status["http"]),
        if role == "active" { "ACTIVE".to_owned() } else { role },
        text(&status["state"]),
        status["input"]["offset"].to_string(),
        status["input"]["lag"].as_u64().map_or_else(|| "?".to_owned(), |lag| lag.to_string()),
        output["id"].to_string(),
        output["index"].to_string(),
        format!("{}/{}", output["buffer"], output["bound"]),
        format!("{}…{}", digest.get(..4).unwrap_or_default(), digest.get(30..).unwrap_or_default()),
    ]
}

/// How far one is that isn't in sync yet.
fn progress(status: &Value) -> Option<String> {
    let member = text(&status["member"]);
    let fetching = &status["snapshots"]["fetching"];
    if let (Some(bytes), Some(of)) = (fetching["bytes"].as_u64(), fetching["of"].as_u64()) {
        return Some(format!("{member}: {} % of a peer's snapshot of {of} bytes", 100 * bytes / of.max(1)));
    }
    if status["eligible"] == true {
        return None;
    }
    let pace = status["input"]["records_per_second"].as_u64()?;
    let left = status["input"]["caught_up_in_ms"].as_u64()?;
    Some(format!(
        "{member}: {} records behind, {pace} records/s, there in {}.{} s",
        status["input"]["lag"],
        left / 1_000,
        left % 1_000 / 100
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_says_how_far_it_is() {
        let mut status = json!({
            "member": "esp-3",
            "eligible": false,
            "input": {"lag": 519_767, "records_per_second": 57_000, "caught_up_in_ms": 9_119},
            "snapshots": {"fetching": null},
        });
        let said = progress(&status).unwrap_or_default();
        assert_eq!(said, "esp-3: 519767 records behind, 57000 records/s, there in 9.1 s");
        status["snapshots"]["fetching"] = json!({"bytes": 25, "of": 100});
        assert_eq!(progress(&status).unwrap_or_default(), "esp-3: 25 % of a peer's snapshot of 100 bytes");
        status["snapshots"]["fetching"] = Value::Null;
        status["eligible"] = true.into();
        assert_eq!(progress(&status), None);
    }

    #[test]
    fn the_exit_code_says_whether_a_failover_would_succeed() {
        let member = |role: &str, eligible: bool| json!({"role": role, "eligible": eligible});
        assert_eq!(verdict(&[member("active", true), member("standby", true)]), Exit::Done);
        assert_eq!(verdict(&[member("active", true), member("standby", false)]), Exit::Degraded);
        assert_eq!(verdict(&[member("restoring", false), member("standby", true)]), Exit::NoActive);
    }
}
