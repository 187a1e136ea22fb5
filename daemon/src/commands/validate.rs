//! `understudy validate`: says what is wrong with a project, without side effects.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::{load_project, print};
use crate::exit::Exit;
use crate::pipeline::{GenerationTerms, Pipeline};

/// Prints the verdict.
///
/// # Errors
/// See [`load_project`].
pub fn validate(path: &Path) -> anyhow::Result<Exit> {
    let project = load_project(path)?;
    let model = &project.loaded.project;
    engine::Engine::from_loaded(&project.loaded).map_err(|problems| anyhow::anyhow!("{}", listed(&problems)))?;
    let mut text = String::new();
    let windows: usize = model.contqueries.iter().map(|contquery| contquery.windows.len()).sum();
    let _ = writeln!(
        text,
        "{}: project {} is sound: {} continuous quer{}, {windows} windows, fingerprint {}",
        project.file,
        model.name,
        model.contqueries.len(),
        if model.contqueries.len() == 1 { "y" } else { "ies" },
        model.fingerprint(),
    );
    for notice in &project.loaded.notices {
        let _ = writeln!(text, "note  {notice}");
    }
    print(&text);
    let nondeterministic = project.loaded.determinism_report();
    if !nondeterministic.is_empty() {
        print(&format!("{}\n", listed(&nondeterministic)));
        print("may run under hot failover: no, replicas could not stay identical\n");
        return Ok(Exit::Configuration);
    }
    let (deployment, notices) = project.deployment()?;
    // Codecs are checked against schemas as `run` would.
    let terms =
        GenerationTerms { clip_bound: Duration::ZERO, marker_period: Duration::MAX, part_bytes_max: usize::MAX };
    Pipeline::new(&project.loaded, &deployment, terms)?;
    let mut text = String::new();
    for notice in notices {
        let _ = writeln!(text, "note  {}:{notice}", project.file);
    }
    for inbound in &deployment.inbound {
        let _ = writeln!(text, "reads   {} → {}", inbound.topic, inbound.window);
    }
    if let Some(journal) = deployment.journal() {
        let _ = writeln!(text, "orders  its inbound topics by {journal}");
    }
    for outbound in &deployment.outbound {
        let _ = writeln!(
            text,
            "writes  {} → {} (a standby holds {} back)",
            outbound.window, outbound.topic, outbound.buffered_max
        );
    }
    let _ = writeln!(text, "may run under hot failover: yes");
    print(&text);
    Ok(Exit::Done)
}

fn listed(problems: &[engine::project::Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
