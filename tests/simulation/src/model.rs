//! What all replicas compute: the example of sums and counts, in a first and a changed form.

use std::sync::Arc;
use std::time::Duration;

use daemon::deployment::{self, Deployment};
use daemon::pipeline::{GenerationTerms, Pipeline};
use engine::project::Loaded;
use ports::input::{InboundBatch, InboundHead};
use types::{Generation, InputId, Offset, OutputRecord, SourceId, SourcePosition, Timestamp};

/// The project file of the example; payloads are csv here, so that a trace can be read.
const PROJECT: &str = include_str!("../../../examples/sum20-count/project.xml");
/// A block encoded larger than this becomes several records.
const PART_BYTES_MAX: usize = 100_000;
/// How far a record may push time ahead.
const CLIP_BOUND: Duration = Duration::from_secs(3600);

/// The model of one generation.
pub(crate) struct Model {
    loaded: Loaded,
    pub(crate) deployment: Deployment,
}

/// A committed record of the inbound topic.
#[derive(Debug, Clone)]
pub(crate) struct Inbound {
    pub(crate) offset: Offset,
    pub(crate) timestamp: Timestamp,
    pub(crate) tick: bool,
    pub(crate) source: Option<(SourceId, SourcePosition)>,
    pub(crate) payload: Option<Vec<u8>>,
}

impl Inbound {
    /// Makes another record of it; false when it has nothing to alter.
    pub(crate) fn garble(&mut self) -> bool {
        // A row ends with a digit and a newline.
        let digit = self.payload.as_mut().and_then(|payload| payload.iter_mut().rev().nth(1));
        let Some(digit) = digit.filter(|digit| digit.is_ascii_digit()) else { return false };
        *digit = if *digit == b'9' { b'0' } else { *digit + 1 };
        true
    }

    /// Adds it to what is read together.
    pub(crate) fn add_to(&self, batch: &mut InboundBatch) {
        let payload = self.payload.as_ref().map(|payload| {
            let start = batch.bytes.len();
            batch.bytes.extend_from_slice(payload);
            start..batch.bytes.len()
        });
        batch.heads.push(InboundHead {
            input: InputId(0),
            offset: self.offset,
            timestamp: self.timestamp,
            tick: self.tick,
            source: self.source.clone(),
            payload,
        });
    }
}

impl Model {
    /// The model of a generation: each further one sums over another length.
    ///
    /// # Panics
    /// When the example is no project any more.
    pub(crate) fn of(generation: Generation) -> Self {
        let length = 20 + u32::from(generation.0) - 1;
        let text = PROJECT
            .replace(">binary<", ">csv<")
            .replace("<property name=\"windowLength\">20<", &format!("<property name=\"windowLength\">{length}<"));
        let loaded = match engine::project::load(&text, "sum20-count", &|_| None) {
            Ok(loaded) => loaded,
            Err(problems) => panic!("the example is no project: {problems:?}"),
        };
        let deployment = match deployment::read(&loaded.project) {
            Ok((deployment, _)) => deployment,
            Err(refusals) => panic!("the example can't be deployed: {refusals:?}"),
        };
        Self { loaded, deployment }
    }

    /// A fresh engine.
    ///
    /// # Panics
    /// When the example can't be compiled any more.
    pub(crate) fn pipeline(&self, marker_period: Duration) -> Pipeline {
        let terms = GenerationTerms { clip_bound: CLIP_BOUND, marker_period, part_bytes_max: PART_BYTES_MAX };
        match Pipeline::new(&self.loaded, &self.deployment, terms) {
            Ok(pipeline) => pipeline,
            Err(error) => panic!("the example can't be compiled: {error}"),
        }
    }

    /// The text of one row of a source.
    pub(crate) fn row(source: usize, index: u64) -> Vec<u8> {
        format!("i,n,,{}.5,{}\n", source, (index * 7 + source as u64 * 3) % 101).into_bytes()
    }
}

/// What must stand in the outbound topics, as one engine computes it that is never disturbed.
pub(crate) struct Reference {
    pipeline: Pipeline,
    batch: InboundBatch,
    fed: usize,
    /// Per outbound topic, in order of index.
    pub(crate) outputs: Vec<Vec<OutputRecord>>,
}

impl Reference {
    pub(crate) fn new(model: &Model, marker_period: Duration) -> Self {
        let topics = Pipeline::topics(&model.deployment).len();
        let outputs = vec![Vec::new(); topics];
        Self { pipeline: model.pipeline(marker_period), batch: InboundBatch::default(), fed: 0, outputs }
    }

    /// Computes what follows from the committed input so far.
    pub(crate) fn follow(&mut self, inbound: &[Arc<Inbound>]) {
        if self.fed < inbound.len() {
            self.batch.clear();
            inbound[self.fed..].iter().for_each(|record| record.add_to(&mut self.batch));
            self.fed = inbound.len();
            self.pipeline.feed(&self.batch, &mut self.outputs);
        }
    }
}
