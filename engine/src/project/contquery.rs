//! The project element and its continuous queries.

use core::time::Duration;
use std::collections::BTreeSet;

use roxmltree::Node;

use super::graph::{self, Drafts, EdgeDraft};
use super::lists;
use super::properties;
use super::reader::Reader;
use super::window;
use super::{ContQuery, EdgeRole, IndexKind, Located, Project};

/// Windows of a continuous query at most; at the bound the project is refused.
const WINDOWS_MAX: usize = 4_096;
/// Edges of a continuous query at most, lists of names counted out; at the bound the project is refused.
const EDGES_MAX: usize = 65_536;
const HEARTBEAT_DEFAULT: Duration = Duration::from_secs(1);
const HEARTBEAT_MIN: Duration = Duration::from_millis(1);
const HEARTBEAT_MAX: Duration = Duration::from_secs(86_400);

/// Reads a project; what comes back counts only if there were no problems.
pub(super) fn read(reader: &mut Reader<'_>, node: Node<'_, '_>) -> Option<Project> {
    read_tokens(reader, node);
    reader.enter(node, &lists::PROJECT);
    let name = read_name(reader, node);
    let heartbeat_interval = heartbeat_interval(reader, node);
    let index = window::index(reader, node, IndexKind::default());
    let parent = reader.required_child(node, "contqueries", "without a continuous query there is nothing to do")?;
    reader.enter(parent, &lists::CONTQUERIES);

    let mut names = BTreeSet::new();
    let mut contqueries = Vec::new();
    for child in Reader::children(parent, "contquery") {
        let Some(name) = read_name(reader, child) else { continue };
        if !names.insert(name.clone()) {
            let what = format!("Two continuous queries are called \"{name}\".");
            reader.add(reader.problem_at_element(child, what, "topics are named after them").fix("rename one of them"));
        }
        contqueries.extend(read_contquery(reader, child, name, index));
    }
    if Reader::children(parent, "contquery").next().is_none() {
        let problem = reader.problem_at_element(
            parent,
            "Element contqueries is empty.".to_owned(),
            "without a continuous query there is nothing to do",
        );
        reader.add(problem.fix("add <contquery name=\"…\">"));
    }
    Some(Project { name: name?, heartbeat_interval, contqueries })
}

/// The project's own properties, which stand for tokens; a value may use the environment and properties above it.
fn read_tokens(reader: &mut Reader<'_>, project: Node<'_, '_>) {
    for entry in properties::read(reader, project) {
        let value = entry.value.map(|value| value.value).unwrap_or_default();
        reader.tokens.define(entry.name.value, value);
    }
}

/// The name of a project, continuous query or window.
fn read_name(reader: &mut Reader<'_>, node: Node<'_, '_>) -> Option<String> {
    let name = reader.required_attribute(node, "name", "topics are named after it")?;
    let fits = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '-';
    if !name.value.chars().all(fits) {
        let what = format!("Name \"{}\" can't be part of a topic's name.", name.value);
        let why = "topics are called label.project.contquery.window.O, and are taken apart at the dots";
        reader.add(reader.problem_at_value(&name, what, why).fix("use letters A–Z, digits, _ and -"));
    }
    Some(name.value)
}

fn heartbeat_interval(reader: &mut Reader<'_>, node: Node<'_, '_>) -> Duration {
    let Some(text) = reader.attribute(node, "heartbeat-interval") else { return HEARTBEAT_DEFAULT };
    let interval = parse_seconds(&text.value).filter(|interval| (HEARTBEAT_MIN..=HEARTBEAT_MAX).contains(interval));
    interval.unwrap_or_else(|| {
        let what = format!("heartbeat-interval \"{}\" can't be used.", text.value);
        let why = "work that time drives runs on this grid";
        let problem = reader.problem_at_value(&text, what, why);
        reader.add(problem.fix("write seconds between 0.001 and 86400, such as 1"));
        HEARTBEAT_DEFAULT
    })
}

/// Seconds with up to six decimals.
fn parse_seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let micros: u32 = format!("{fraction:0<6}").parse().ok()?;
    Some(Duration::new(whole.parse().ok()?, micros * 1_000))
}

fn read_contquery(
    reader: &mut Reader<'_>,
    node: Node<'_, '_>,
    name: String,
    inherited: IndexKind,
) -> Option<ContQuery> {
    reader.enter(node, &lists::CONTQUERY);
    let index = window::index(reader, node, inherited);
    let windows = reader.required_child(node, "windows", "a continuous query is made of windows")?;
    let mut drafts = read_windows(reader, windows, index)?;
    if let Some(edges) = reader.child(node, "edges") {
        drafts.edges = read_edges(reader, edges)?;
    }
    let (windows, edges) = graph::check(reader, drafts);
    Some(ContQuery { name, windows, edges, position: reader.position(node) })
}

fn read_windows(reader: &mut Reader<'_>, node: Node<'_, '_>, inherited: IndexKind) -> Option<Drafts> {
    reader.enter(node, &lists::WINDOWS);
    let elements: Vec<_> = node.children().filter(|child| child.tag_name().name().starts_with("window-")).collect();
    if elements.is_empty() {
        let problem = reader.problem_at_element(
            node,
            "Element windows is empty.".to_owned(),
            "a continuous query is made of windows",
        );
        reader.add(problem.fix("add a <window-source name=\"…\">"));
        return None;
    }
    if elements.len() > WINDOWS_MAX {
        let what = format!("{} windows are too many.", elements.len());
        let why = format!("a continuous query has {WINDOWS_MAX} at most");
        reader.add(reader.problem_at_element(node, what, &why));
        return None;
    }
    let mut drafts = Drafts { windows: Vec::new(), unusable: BTreeSet::new(), edges: Vec::new() };
    let mut names = BTreeSet::new();
    for element in elements {
        let Some(name) = read_name(reader, element) else { continue };
        if !names.insert(name.clone()) {
            let what = format!("Two windows are called \"{name}\".");
            reader.add(
                reader.problem_at_element(element, what, "edges and topics name windows").fix("rename one of them"),
            );
            continue;
        }
        match window::read(reader, element, name.clone(), inherited) {
            Some(draft) => drafts.windows.push(draft),
            None => _ = drafts.unusable.insert(name),
        }
    }
    Some(drafts)
}

fn read_edges(reader: &mut Reader<'_>, node: Node<'_, '_>) -> Option<Vec<EdgeDraft>> {
    reader.enter(node, &lists::EDGES);
    let mut edges = Vec::new();
    for edge in Reader::children(node, "edge") {
        reader.enter(edge, &lists::EDGE);
        let source = reader.required_attribute(edge, "source", "events come from there");
        let target = reader.required_attribute(edge, "target", "events go there");
        check_role(reader, edge);
        check_slot(reader, edge);
        let (Some(source), Some(target)) = (source, target) else { continue };
        let (sources, targets) = (listed(&source), listed(&target));
        if edges.len() + sources.len().saturating_mul(targets.len()) > EDGES_MAX {
            let why = format!("a continuous query has {EDGES_MAX} at most");
            reader.add(reader.problem_at_element(edge, "Too many edges.".to_owned(), &why));
            return None;
        }
        for source in &sources {
            edges.extend(targets.iter().map(|target| EdgeDraft {
                source: source.clone(),
                target: target.clone(),
                role: EdgeRole::Data,
                position: reader.position(edge),
            }));
        }
    }
    Some(edges)
}

/// The names of a blank-separated list, each with its place.
fn listed(list: &Located<String>) -> Vec<Located<String>> {
    let start = list.value.as_ptr() as usize;
    let name =
        |word: &str| Located { value: word.to_owned(), position: list.position_of(word.as_ptr() as usize - start) };
    list.value.split_whitespace().map(name).collect()
}

fn check_role(reader: &mut Reader<'_>, edge: Node<'_, '_>) {
    if let Some(role) = reader.attribute(edge, "role") {
        reader.works(&role, "edge role", &lists::EDGE_ROLES);
    }
}

/// Slot −1 stands for all events, as no slot does.
fn check_slot(reader: &mut Reader<'_>, edge: Node<'_, '_>) {
    let Some(slot) = reader.attribute(edge, "slot").filter(|slot| slot.value != "-1") else { return };
    let what = format!("Edge slot {} is not built yet.", slot.value);
    let why = "windows do not split their events, so the target would get all of them";
    reader.add(reader.problem_at_value(&slot, what, why).fix("remove slot if the target shall get all events"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_up_to_six_decimals() {
        assert_eq!(parse_seconds("1"), Some(Duration::from_secs(1)));
        assert_eq!(parse_seconds("0.25"), Some(Duration::from_millis(250)));
        assert_eq!(parse_seconds("2.000001"), Some(Duration::from_micros(2_000_001)));
        for text in ["", "-1", "+1", "1.", ".5", "1.0000001", "1e3", "ü", "99999999999999999999"] {
            assert_eq!(parse_seconds(text), None, "{text}");
        }
    }
}
