//! The engine: runs of inbound records in, runs of output events out.

use types::{RecordSpan, Run, Schema, Timestamp};

use crate::batch::{Batch, Input, Moment, Record, Span};
use crate::graph::{self, Node};
use crate::project::{Loaded, Problem, Project, SourceText};
use crate::snapshot::Cursor;
use crate::window::{Call, Rejection, Rejections, WindowId};

/// A project at work: one logical thread, no I/O, no clock.
///
/// State and output depend on the sequence of records only. How that sequence is cut into runs, and how often the engine
/// is called, changes nothing but speed.
#[derive(Debug)]
pub struct Engine {
    /// In topological order: parents before children, ties in the order of the file.
    pub(crate) nodes: Vec<Node>,
    /// Of the run at hand.
    records: Vec<Record>,
    /// Of the run at hand, for its source window.
    spans: Vec<Span>,
    rejections: Rejections,
    /// The time at the first and at the last record; `None` before the first.
    pub(crate) times: Option<Times>,
    /// How far a snapshot is written, while one is.
    pub(crate) frozen: Option<Cursor>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) start: Timestamp,
    pub(crate) now: Timestamp,
}

impl Engine {
    /// Builds the windows of a project and compiles its expressions.
    ///
    /// # Errors
    /// All problems found, each with its place in the project file, but without the file's name and lines; see
    /// [`Engine::from_loaded`].
    pub fn new(project: &Project) -> Result<Self, Vec<Problem>> {
        Self::build(project, None)
    }

    /// As [`Engine::new`]; problems show the lines of the file.
    ///
    /// # Errors
    /// All problems found.
    pub fn from_loaded(loaded: &Loaded) -> Result<Self, Vec<Problem>> {
        Self::build(&loaded.project, Some(&loaded.source))
    }

    fn build(project: &Project, source: Option<&SourceText>) -> Result<Self, Vec<Problem>> {
        let nodes = graph::build(project).map_err(|faults| -> Vec<Problem> {
            faults.into_iter().map(|fault| fault.into_problem(source)).collect()
        })?;
        let rejections = Rejections { list: Vec::new(), window: WindowId(0) };
        Ok(Self { nodes, records: Vec::new(), spans: Vec::new(), rejections, times: None, frozen: None })
    }

    /// The window called `<continuous query>/<window>`.
    #[must_use]
    pub fn window(&self, path: &str) -> Option<WindowId> {
        let at = self.nodes.iter().position(|node| node.path == path)?;
        u32::try_from(at).ok().map(WindowId)
    }

    /// All windows, parents before children.
    pub fn windows(&self) -> impl Iterator<Item = WindowId> + use<> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(WindowId)
    }

    /// The window's path, as [`Engine::window`] takes it.
    ///
    /// # Panics
    /// When the id is another engine's.
    #[must_use]
    pub fn path(&self, window: WindowId) -> &str {
        &self.nodes[window.at()].path
    }

    /// The columns of what the window puts out, and of what a source window takes.
    ///
    /// # Panics
    /// When the id is another engine's.
    #[must_use]
    pub fn schema(&self, window: WindowId) -> &Schema {
        &self.nodes[window.at()].schema
    }

    /// Asks for the window's output from the next call of [`Engine::process`] on.
    ///
    /// # Panics
    /// When the id is another engine's.
    pub fn subscribe(&mut self, window: WindowId) {
        self.nodes[window.at()].subscribed = true;
    }

    /// Processes records in order; a span without events only advances time.
    ///
    /// A record's time is its span's, or the time so far if that is later. Heartbeats that became due up to it run before
    /// the record: grid points at which nothing is due cost nothing.
    ///
    /// # Panics
    /// When `source` is another engine's or no source window, or the columns of `input` are not its schema's.
    pub fn process(&mut self, source: WindowId, input: &Run) {
        let node = &self.nodes[source.at()];
        assert!(node.parents.is_empty(), "{} is not a source window", node.path);
        let same_types = node.schema.fields().iter().map(|field| field.field_type);
        assert!(
            same_types.eq(input.block.columns.iter().map(types::Column::field_type)),
            "events for {} are of another schema",
            node.path
        );
        self.note_records(input);
        self.rejections.list.clear();
        let start = self.times.map_or(Timestamp::default(), |times| times.start);

        for at in 0..self.nodes.len() {
            let (before, rest) = self.nodes.split_at_mut(at);
            let Some(node) = rest.first_mut() else { break };
            node.batch.clear();
            let mut merged = std::mem::take(&mut node.merged);
            let input = match node.parents[..] {
                [] if at == source.at() => Input { block: &input.block, spans: &self.spans },
                [parent] => before[parent].batch.as_input(),
                [] => merged.as_input(),
                _ => {
                    merge(&node.parents, before, &mut merged);
                    merged.as_input()
                }
            };
            self.rejections.window = WindowId(u32::try_from(at).unwrap_or(u32::MAX));
            node.kind.process(&mut Call {
                records: &self.records,
                start,
                input,
                out: &mut node.batch,
                rejections: &mut self.rejections,
            });
            assert_eq!(
                node.batch.spans.last().map_or(0, |span| span.end as usize),
                node.batch.block.len(),
                "{} left events outside of every moment",
                node.path
            );
            node.shape.apply(&mut node.batch);
            node.merged = merged;
        }
        self.fill_outputs();
    }

    /// What the window put out in the last call of [`Engine::process`], if it is subscribed; nothing otherwise.
    ///
    /// A span's id is that of the inbound record which caused its events. Events of heartbeats that became due before a
    /// record have a span of their own with the record's id and time, in front of the record's. Records without output
    /// have no span.
    ///
    /// # Panics
    /// When the id is another engine's.
    #[must_use]
    pub fn output(&self, window: WindowId) -> &Run {
        &self.nodes[window.at()].output
    }

    /// What windows could not take in the last call of [`Engine::process`], by window, then in order.
    #[must_use]
    pub fn rejections(&self) -> &[Rejection] {
        &self.rejections.list
    }

    /// The engine's time: the largest of all records so far, 1970 before the first.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.times.map_or(Timestamp::default(), |times| times.now)
    }

    fn note_records(&mut self, input: &Run) {
        self.records.clear();
        self.spans.clear();
        let mut start = 0;
        for (i, span) in input.spans.iter().enumerate() {
            let times = self.times.get_or_insert(Times { start: span.time, now: span.time });
            times.now = times.now.max(span.time);
            self.records.push(Record { id: span.id, time: times.now });
            if span.end > start {
                let moment = Moment::of_record(u32::try_from(i).unwrap_or(u32::MAX));
                self.spans.push(Span { moment, end: span.end });
            }
            start = span.end;
        }
        assert_eq!(start as usize, input.block.len(), "a run's spans must cover its events");
    }

    fn fill_outputs(&mut self) {
        for node in self.nodes.iter_mut().filter(|node| node.subscribed) {
            std::mem::swap(&mut node.batch.block, &mut node.output.block);
            node.output.spans.clear();
            let mut last: Option<Moment> = None;
            for span in &node.batch.spans {
                let same = last.is_some_and(|last| {
                    last.record == span.moment.record && last.is_heartbeat() == span.moment.is_heartbeat()
                });
                last = Some(span.moment);
                match node.output.spans.last_mut() {
                    Some(output) if same => output.end = span.end,
                    Some(_) | None => {
                        let Record { id, time } = self.records[span.moment.record as usize];
                        node.output.spans.push(RecordSpan { id, time, end: span.end });
                    }
                }
            }
        }
    }
}

/// Puts the events of several parents together: by moment, then in the order of the edges.
fn merge(parents: &[usize], nodes: &[Node], merged: &mut Batch) {
    merged.clear();
    // Per parent: the next span, and the row where it begins.
    let mut cursors: Vec<(usize, usize)> = vec![(0, 0); parents.len()];
    let next = |cursors: &[(usize, usize)]| {
        let moments =
            parents.iter().zip(cursors).filter_map(|(&parent, &(span, _))| nodes[parent].batch.spans.get(span));
        moments.map(|span| span.moment).min()
    };
    while let Some(moment) = next(&cursors) {
        for (&parent, (span_at, row)) in parents.iter().zip(&mut cursors) {
            let batch = &nodes[parent].batch;
            let Some(span) = batch.spans.get(*span_at).filter(|span| span.moment == moment) else { continue };
            let end = span.end as usize;
            crate::table::append_rows(&batch.block, *row..end, &mut merged.block);
            let total = merged.block.len();
            merged.close(moment, total);
            (*span_at, *row) = (*span_at + 1, end);
        }
    }
}
