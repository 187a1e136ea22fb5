//! `understudy explain`: the longest gap that a failure could cause now; `explain E008`: the long text on a code, of which the
//! pages of `docs/errors` are the only source.

use std::time::Duration;

use anyhow::Context as _;
use ports::notebook::Failover;
use serde_json::{Value, json};

use super::form::show;
use super::remote::{Asked, ask_all, document};
use super::{print, say};
use crate::budget::{Case, Limits, Standing, cases};
use crate::cli::MemberArgs;
use crate::exit::Exit;

macro_rules! pages {
    ($($code:literal),* $(,)?) => {
        &[$(($code, include_str!(concat!("../../../docs/errors/", $code, ".md")))),*]
    };
}

/// Every code and its page.
const PAGES: &[(&str, &str)] = pages![
    "E001", "E002", "E003", "E004", "E005", "E006", "E007", "E008", "E009", "E010", "E011", "E012", "E013", "E014",
    "E015", "E016", "E017", "E018", "E019", "E020", "E021", "E022",
];

/// What stands for a list of all codes.
const ALL: &str = "codes";

/// Prints the page of a code, or all codes with their titles, or without either the worst gap of the running cluster.
///
/// # Errors
/// Nobody answers; an unknown code ends with [`Exit::Usage`].
pub fn explain(code: Option<&str>, member: &MemberArgs) -> anyhow::Result<Exit> {
    match code {
        None => explain_gap(member),
        Some(ALL) => {
            let titles: Vec<&str> = PAGES.iter().map(|(_, page)| title(page)).collect();
            print(&format!("{}\n", titles.join("\n")));
            Ok(Exit::Done)
        }
        Some(code) => match page(code) {
            Some(page) => {
                print(page);
                Ok(Exit::Done)
            }
            None => {
                say(&format!("there is no code \"{code}\"; all of them: understudy explain {ALL}"));
                Ok(Exit::Usage)
            }
        },
    }
}

fn explain_gap(member: &MemberArgs) -> anyhow::Result<Exit> {
    let asked = ask_all(std::slice::from_ref(&member.http))?;
    let (address, _) = asked.active().unwrap_or(&asked.found[0]);
    let limits: Limits = serde_json::from_value(document(address, "limits")?)
        .with_context(|| format!("{address} answers, but without its limits; is it an older version?"))?;
    let history: Vec<Failover> =
        serde_json::from_value(document(address, "history")?["items"].clone()).unwrap_or_default();
    let standby = standing(&asked);
    let cases = cases(&limits, standby, longest_takeover(&history));
    let document = json!({"apiVersion": "v1", "kind": "FailoverBudget", "limits": limits, "items": cases});
    show(member.output, &document, || table(&cases))?;
    Ok(if standby.is_some() { Exit::Done } else { Exit::Degraded })
}

/// How the best standby in sync stands.
fn standing(asked: &Asked) -> Option<Standing> {
    let fit = |(_, status): &&(String, Value)| status["role"] == "standby" && status["eligible"] == true;
    let standing = |(_, status): &(String, Value)| {
        let input = &status["input"];
        let lag = input["lag"].as_u64().unwrap_or(0);
        let pace = input["records_per_second"].as_u64().unwrap_or(0).max(1);
        let bound = |output: &Value| output["buffer"].as_u64() >= output["bound"].as_u64();
        // A record or two are always on their way.
        let catch_up = if lag <= 2 { Duration::ZERO } else { Duration::from_secs_f64(lag as f64 / pace as f64) };
        Standing { catch_up, is_held_back: status["outputs"].as_array().into_iter().flatten().any(bound) }
    };
    asked.found.iter().filter(fit).map(standing).min_by_key(|standing| standing.catch_up)
}

/// Deciding and appending, at its longest in the history.
fn longest_takeover(history: &[Failover]) -> Option<Duration> {
    history.iter().map(|takeover| takeover.phases.iter().skip(1).map(|phase| phase.took).sum()).max()
}

fn table(cases: &[Case]) -> String {
    if cases.is_empty() {
        return "no standby is in sync: whatever happens to the active one, output rests until somebody is\n"
            .to_owned();
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header([
        "WHAT HAPPENS",
        "WORST GAP",
        "MOST OF IT",
        "SHORTER BY",
    ]);
    for case in cases {
        let gap = case.worst_gap_ms.map_or_else(|| "not known".to_owned(), |gap| format!("{gap} ms"));
        table.add_row([case.what, &gap, case.dominated_by, case.knob]);
    }
    let known = cases.iter().filter_map(|case| Some((case.worst_gap_ms?, case))).max_by_key(|(gap, _)| *gap);
    let worst = known.map(|(gap, case)| format!("Worst    {gap} ms, when {}; shorter by: {}\n", case.what, case.knob));
    format!("{table}\n{}", worst.unwrap_or_default())
}

/// As people type it: `e8` is E008.
fn page(code: &str) -> Option<&'static str> {
    let number: u32 = code.trim().strip_prefix(['E', 'e'])?.parse().ok()?;
    let code = format!("E{number:03}");
    PAGES.iter().find(|(known, _)| *known == code).map(|(_, page)| *page)
}

fn title(page: &str) -> &str {
    page.lines().next().unwrap_or_default().trim_start_matches("# ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_page_of_the_docs_can_be_printed() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors");
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let written: BTreeSet<String> = names.filter_map(|name| name.strip_suffix(".md").map(str::to_owned)).collect();
        let known: BTreeSet<String> = PAGES.iter().map(|(code, _)| (*code).to_owned()).collect();
        assert_eq!(known, written);
        for (code, page) in PAGES {
            assert!(title(page).starts_with(&format!("{code}: ")), "{code} has no title: {}", title(page));
        }
    }

    #[test]
    fn a_code_is_found_as_people_type_it() {
        for typed in ["E008", "e008", "E8", " e8 "] {
            assert!(page(typed).is_some_and(|page| page.starts_with("# E008")), "{typed}");
        }
        for typed in ["", "E", "E000", "E999", "008", "E008.md"] {
            assert!(page(typed).is_none(), "{typed}");
        }
    }
}
