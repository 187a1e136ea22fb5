//! From a checked project to windows at work.

mod build;
mod fault;

use types::{Run, Schema};

use crate::batch::Batch;
use crate::project::{ContQuery, Project, Window};
use crate::window::{
    Call, ComputeWindow, CopyWindow, FilterWindow, FunctionalWindow, Shape, SourceWindow, State, SummaryWindow,
};

pub(crate) use fault::Fault;

/// A window of an engine, with what it put out last.
#[derive(Debug)]
pub(crate) struct Node {
    /// `<continuous query>/<window>`.
    pub(crate) path: String,
    pub(crate) schema: Schema,
    /// In the order of the edges; all come before this window. None: a source.
    pub(crate) parents: Vec<usize>,
    pub(crate) kind: Kind,
    pub(crate) shape: Shape,
    pub(crate) batch: Batch,
    /// The input of a window with several parents; empty otherwise.
    pub(crate) merged: Batch,
    pub(crate) subscribed: bool,
    /// Empty unless subscribed.
    pub(crate) output: Run,
}

/// What a window does.
#[derive(Debug)]
pub(crate) enum Kind {
    Source(SourceWindow),
    Copy(CopyWindow),
    Filter(FilterWindow),
    Compute(ComputeWindow),
    Functional(FunctionalWindow),
    Summary(SummaryWindow),
}

impl Kind {
    pub(crate) fn process(&mut self, call: &mut Call<'_>) {
        match self {
            Self::Source(window) => window.process(call),
            Self::Copy(window) => window.process(call),
            Self::Filter(window) => window.process(call),
            Self::Compute(window) => window.process(call),
            Self::Functional(window) => window.process(call),
            Self::Summary(window) => window.process(call),
        }
    }

    /// What the window carries from run to run.
    pub(crate) fn state(&mut self) -> State<'_> {
        match self {
            Self::Source(window) => window.state(),
            Self::Copy(window) => window.state(),
            Self::Filter(window) => window.state(),
            Self::Compute(window) => window.state(),
            Self::Functional(window) => window.state(),
            Self::Summary(window) => window.state(),
        }
    }
}

/// All windows of a project, parents before children; ties in the order of the file.
pub(crate) fn build(project: &Project) -> Result<Vec<Node>, Vec<Fault>> {
    let (mut nodes, mut faults) = (Vec::new(), Vec::new());
    for query in &project.contqueries {
        let first = nodes.len();
        let order = topological(query);
        for (place, &at) in order.iter().enumerate() {
            let window = &query.windows[at];
            let parents: Vec<usize> = parents_of(query, window)
                .filter_map(|parent| order[..place].iter().position(|&earlier| query.windows[earlier].name == parent))
                .map(|place| first + place)
                .collect();
            let inputs: Vec<&Node> = parents.iter().map(|&parent| &nodes[parent]).collect();
            let path = format!("{}/{}", query.name, window.name);
            match build::kind(project, window, &path, &inputs) {
                Ok(kind) => nodes.push(node(window, path, parents, kind)),
                Err(mut found) => {
                    faults.append(&mut found);
                    // A stand-in, so that its children are checked as well; the project is refused in any case.
                    nodes.push(node(window, path, parents, Kind::Copy(CopyWindow::Stateless)));
                }
            }
        }
    }
    if faults.is_empty() { Ok(nodes) } else { Err(faults) }
}

fn node(window: &Window, path: String, parents: Vec<usize>, kind: Kind) -> Node {
    let schema = window.schema.clone();
    let run = Run::new(&schema);
    let batch = || Batch { block: run.block.clone(), spans: Vec::new() };
    Node {
        path,
        parents,
        kind,
        shape: Shape::new(&schema, window.collapse_updates, window.output_insert_only),
        batch: batch(),
        merged: batch(),
        subscribed: false,
        output: run.clone(),
        schema,
    }
}

fn parents_of<'q>(query: &'q ContQuery, window: &'q Window) -> impl Iterator<Item = &'q str> {
    query.edges.iter().filter(|edge| edge.target == window.name).map(|edge| edge.source.as_str())
}

/// The windows' places in the file, parents first.
fn topological(query: &ContQuery) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(query.windows.len());
    let mut waiting: Vec<usize> = (0..query.windows.len()).collect();
    while !waiting.is_empty() {
        let is_placed = |name: &str| order.iter().any(|&at| query.windows[at].name == name);
        let ready = waiting.iter().position(|&at| parents_of(query, &query.windows[at]).all(is_placed));
        // The loader refuses cycles.
        let Some(ready) = ready else { panic!("the windows of {} form a cycle", query.name) };
        order.push(waiting.remove(ready));
    }
    order
}
