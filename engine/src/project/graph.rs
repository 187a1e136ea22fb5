//! Checks that need all windows of a continuous query: edges, inputs, cycles; then schemas are given to those that derive them.

use std::collections::{BTreeMap, BTreeSet};

use super::fields;
use super::order::topological;
use super::reader::Reader;
use super::schema::SchemaPlan;
use super::window::Draft;
use super::{Edge, EdgeRole, IndexKind, Located, Position, Window, WindowKind};
use types::Schema;

/// An edge as it was read.
pub(super) struct EdgeDraft {
    pub source: Located<String>,
    pub target: Located<String>,
    pub role: EdgeRole,
    pub position: Position,
}

/// Everything a continuous query's windows and edges say.
pub(super) struct Drafts {
    pub windows: Vec<Draft>,
    /// Names of windows that exist in the file but can't be had; what hangs on them is not judged.
    pub unusable: BTreeSet<String>,
    pub edges: Vec<EdgeDraft>,
}

/// Edges by the windows' places.
struct Wiring {
    edges: Vec<(usize, usize)>,
    /// Of each window its inputs.
    inputs: Vec<Vec<usize>>,
    /// Windows that have an input which can't be had.
    incomplete: Vec<bool>,
    /// Whether an edge names a window that is not there: then a window without inputs is probably the one that was meant.
    dangling: bool,
}

/// Checked windows and edges; some are missing when there were problems, so they count only if there were none.
pub(super) fn check(reader: &mut Reader<'_>, drafts: Drafts) -> (Vec<Window>, Vec<Edge>) {
    let wiring = wire(reader, &drafts);
    let acyclic = check_cycles(reader, &drafts, &wiring);
    check_inputs(reader, &drafts, &wiring);
    let schemas = if acyclic { resolve_schemas(reader, &drafts, &wiring) } else { vec![None; drafts.windows.len()] };
    check_windows(reader, &drafts, &wiring, &schemas);

    let complete = schemas.iter().all(Option::is_some) && drafts.unusable.is_empty();
    assert!(complete || reader.has_problems(), "a window was dropped, and nobody said why");
    let windows = drafts.windows.into_iter().zip(schemas);
    let windows = windows.filter_map(|(draft, schema)| Some(finish(draft, schema?))).collect();
    let edges = drafts.edges.into_iter().map(|edge| Edge {
        source: edge.source.value,
        target: edge.target.value,
        role: edge.role,
        position: edge.position,
    });
    (windows, edges.collect())
}

fn finish(draft: Draft, schema: Schema) -> Window {
    let Draft { name, kind, index, output_insert_only, collapse_updates, connectors, position, .. } = draft;
    Window { name, kind, schema, index, output_insert_only, collapse_updates, connectors, position }
}

fn wire(reader: &mut Reader<'_>, drafts: &Drafts) -> Wiring {
    let places = places(drafts);
    let count = drafts.windows.len();
    let mut wiring =
        Wiring { edges: Vec::new(), inputs: vec![Vec::new(); count], incomplete: vec![false; count], dangling: false };
    let mut seen = BTreeSet::new();
    for edge in &drafts.edges {
        let source = place(reader, drafts, &places, &edge.source);
        let target = place(reader, drafts, &places, &edge.target);
        let Some(target) = target else {
            wiring.dangling = true;
            continue;
        };
        let Some(source) = source else {
            wiring.incomplete[target] = true;
            continue;
        };
        if !seen.insert((source, target)) {
            let what = format!("A second edge from \"{}\" to \"{}\".", edge.source.value, edge.target.value);
            let problem = reader.problem_at_value(&edge.target, what, "the target would get each event twice");
            reader.add(problem.fix("remove one of them"));
            continue;
        }
        wiring.edges.push((source, target));
        wiring.inputs[target].push(source);
    }
    wiring
}

fn places(drafts: &Drafts) -> BTreeMap<&str, usize> {
    drafts.windows.iter().enumerate().map(|(place, window)| (window.name.as_str(), place)).collect()
}

fn place(
    reader: &mut Reader<'_>,
    drafts: &Drafts,
    places: &BTreeMap<&str, usize>,
    name: &Located<String>,
) -> Option<usize> {
    let place = places.get(name.value.as_str()).copied();
    if place.is_none() && !drafts.unusable.contains(&name.value) {
        unknown_window(reader, drafts, name);
    }
    place
}

fn unknown_window(reader: &mut Reader<'_>, drafts: &Drafts, name: &Located<String>) {
    let known = drafts.windows.iter().map(|window| window.name.as_str());
    let meant = types::nearest(&name.value, known.chain(drafts.unusable.iter().map(String::as_str)));
    let what = format!("There is no window \"{}\".", name.value);
    let problem = reader.problem_at_value(name, what, "the continuous query has no window of that name").suggest(meant);
    reader.add(problem);
}

fn check_cycles(reader: &mut Reader<'_>, drafts: &Drafts, wiring: &Wiring) -> bool {
    let names: Vec<&str> = drafts.windows.iter().map(|window| window.name.as_str()).collect();
    let Err(cycle) = topological(&names, &wiring.edges) else { return true };
    let round = cycle.iter().chain(cycle.first()).map(|&place| names[place]).collect::<Vec<_>>().join(" -> ");
    let (Some(&last), Some(&first)) = (cycle.last(), cycle.first()) else { return false };
    let closing =
        drafts.edges.iter().find(|edge| edge.source.value == names[last] && edge.target.value == names[first]);
    if let Some(edge) = closing {
        let what = format!("Edges go round: {round}.");
        let problem = reader.problem_at_value(&edge.target, what, "an event would come back to where it was for ever");
        reader.add(problem.fix("remove one of the edges"));
    }
    false
}

fn check_inputs(reader: &mut Reader<'_>, drafts: &Drafts, wiring: &Wiring) {
    for (place, draft) in drafts.windows.iter().enumerate() {
        let allowed = match draft.kind {
            WindowKind::Source { .. } => 0,
            WindowKind::Copy { .. }
            | WindowKind::Filter { .. }
            | WindowKind::Compute { .. }
            | WindowKind::Functional(_)
            | WindowKind::Summary(_) => 1,
        };
        let found = wiring.inputs[place].len();
        if found < allowed && !wiring.incomplete[place] && !wiring.dangling {
            let what = format!("Window \"{}\" has no input.", draft.name);
            let problem = reader.problem_at(draft.position, draft.mark, what, "it would never see an event");
            reader.add(problem.fix(format!("add <edge source=\"…\" target=\"{}\"/>", draft.name)));
        }
        if found > allowed {
            too_many_inputs(reader, drafts, draft, found, allowed);
        }
    }
}

fn too_many_inputs(reader: &mut Reader<'_>, drafts: &Drafts, draft: &Draft, found: usize, allowed: usize) {
    let Some(edge) = drafts.edges.iter().filter(|edge| edge.target.value == draft.name).nth(allowed) else { return };
    let (what, why) = if allowed == 0 {
        (format!("Source window \"{}\" has an input.", draft.name), "its events come from outside, through connectors")
    } else {
        (format!("Window \"{}\" has {found} inputs.", draft.name), "a window of its kind takes one")
    };
    reader.add(reader.problem_at_value(&edge.target, what, why).fix("remove the edge"));
}

/// Where a window's schema comes from in the end.
enum Origin<'d> {
    Declared(&'d Schema),
    /// Something on the way there is wrong, which is told elsewhere.
    Lost,
    /// The way there comes back to itself.
    Round,
}

fn resolve_schemas(reader: &mut Reader<'_>, drafts: &Drafts, wiring: &Wiring) -> Vec<Option<Schema>> {
    let places = places(drafts);
    // Of each window the one it takes its schema from.
    let from: Vec<Option<usize>> = drafts
        .windows
        .iter()
        .enumerate()
        .map(|(place, draft)| match &draft.schema {
            SchemaPlan::CopyOf(name) => places.get(name.value.as_str()).copied(),
            SchemaPlan::FromInput => wiring.inputs[place].first().copied(),
            SchemaPlan::Declared(_) | SchemaPlan::Broken => None,
        })
        .collect();

    let mut schemas = Vec::with_capacity(drafts.windows.len());
    for (place, draft) in drafts.windows.iter().enumerate() {
        let origin = origin(drafts, &from, place);
        check_copy(reader, drafts, draft, from[place], &origin);
        schemas.push(match origin {
            Origin::Declared(schema) => Some(schema.clone()),
            Origin::Lost | Origin::Round => None,
        });
    }
    schemas
}

fn origin<'d>(drafts: &'d Drafts, from: &[Option<usize>], start: usize) -> Origin<'d> {
    let mut place = start;
    for _ in 0..=drafts.windows.len() {
        if let SchemaPlan::Declared(schema) = &drafts.windows[place].schema {
            return Origin::Declared(schema);
        }
        let Some(next) = from[place] else { return Origin::Lost };
        place = next;
    }
    Origin::Round
}

fn check_copy(reader: &mut Reader<'_>, drafts: &Drafts, draft: &Draft, from: Option<usize>, origin: &Origin<'_>) {
    let SchemaPlan::CopyOf(name) = &draft.schema else { return };
    match (from, origin) {
        (None, _) if drafts.unusable.contains(&name.value) => (),
        (None, _) => unknown_window(reader, drafts, name),
        (Some(_), Origin::Round) => {
            let what = format!("The schema of \"{}\" is copied in a circle.", draft.name);
            let problem = reader.problem_at_value(name, what, "nowhere are the fields written");
            reader.add(problem.fix("declare the fields in one of the windows"));
        }
        (Some(_), Origin::Declared(_) | Origin::Lost) => (),
    }
}

fn check_windows(reader: &mut Reader<'_>, drafts: &Drafts, wiring: &Wiring, schemas: &[Option<Schema>]) {
    for (place, draft) in drafts.windows.iter().enumerate() {
        check_index(reader, draft);
        let input = wiring.inputs[place].first().and_then(|&input| schemas[input].as_ref());
        if let Some(schema) = &schemas[place] {
            fields::check(reader, draft, schema, input);
        }
    }
}

fn check_index(reader: &mut Reader<'_>, draft: &Draft) {
    let (WindowKind::Source { retention, .. } | WindowKind::Copy { retention }) = &draft.kind else { return };
    if let Some(retention) = retention.as_ref().filter(|_| draft.index == IndexKind::Empty) {
        let what = format!("Window \"{}\" has retention but keeps no rows.", draft.name);
        let why = "its index is pi_EMPTY, its own or inherited";
        let problem = reader.problem_at(retention.position, "<retention".len(), what, why);
        reader.add(problem.fix("give the window another index, such as pi_HASH"));
    }
}
