//! `understudy run --shadow`: another version of the model or of the program beside a cluster.
//!
//! It reads what the members read and computes what they compute, and holds every output against the log's. It has neither a
//! place in the line nor a writer, so nothing that goes wrong with it can reach the cluster.

mod compare;
mod report;
mod topic;

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use adapter_kafka::{ClientSettings, Notebook};
use anyhow::{Context as _, bail};
use crossbeam_channel::{Receiver, TryRecvError};
use ports::input::{InboundBatch, InputLog, ReadBounds};
use ports::notebook::{Ledger, ProjectLedger};
use tracing::{error, info};
use types::{Generation, MessageId, OutputIndex, OutputRecord, TopicName};

use crate::capture::Rows;
use crate::commands::{LoadedProject, load_project};
use crate::config::Config;
use crate::deployment::{Deployment, metadata_topic};
use crate::exit::Exit;
use crate::http;
use crate::node::opening::Opener;
use crate::node::signals::StopSignals;
use crate::node::{Shared, Wake, agreed_terms, apply_overrides, client_settings, members_of, origins};
use crate::pipeline::Pipeline;
use crate::snapshot::{self, Peers, Report as SnapshotReport, Shelf, Subject};
use report::{Board, InputReport, Report, Standing};
use topic::{Topic, TopicRecipe};

/// Payload bytes of one run.
const RUN_BYTES_MAX: usize = 1 << 20;
/// How long one read waits for input; the logs are looked at in between.
const READ_WAIT: Duration = Duration::from_millis(20);
/// How long the loop rests while the logs have yet to show what was computed.
const STANDSTILL: Duration = Duration::from_millis(1);
/// How often the status that people see is made anew.
const SHOW_EVERY: Duration = Duration::from_millis(50);
/// Signals that wait to be heard; one is enough.
const WAKES_MAX: usize = 16;

/// Runs a shadow until it is told to stop, or with `prove` until so many outputs were identical and the input's end was reached.
///
/// # Errors
/// Configuration, and what can't be read: what is wrong and what to do.
pub fn run(project_file: &Path, config: &Config, prove: Option<u64>) -> anyhow::Result<Exit> {
    // Before the first thread is started.
    let signals = StopSignals::hold_back()?;
    let (wakes, stopped) = crossbeam_channel::bounded(WAKES_MAX);
    signals.listen(wakes)?;
    let project = load_project(project_file)?;
    if let Some(problem) = project.loaded.determinism_report().first() {
        bail!("outputs of this project can't be compared.  {problem}");
    }
    let (mut deployment, _) = project.deployment()?;
    apply_overrides(&mut deployment, config);
    let client = client_settings(&deployment, config)?;
    let notebook = metadata_topic(&deployment.label);
    let opened =
        Notebook::open(&client, &notebook, |_| ()).with_context(|| format!("reading the notebook {notebook}"))?;
    let listener = http::Listener::bind(&config.http)?;
    let shadow = Shadow::open(&project, &mut deployment, config, &client, &opened.ledger)?;
    listener.serve_router(shadow.board.router())?;
    signals.now_heard();
    shadow.run(&stopped, prove)
}

struct Shadow {
    pipeline: Pipeline,
    input: Box<dyn InputLog>,
    topics: Vec<Topic>,
    board: Board,
    run_records_max: usize,
}

impl Shadow {
    fn open(
        project: &LoadedProject,
        deployment: &mut Deployment,
        config: &Config,
        client: &ClientSettings,
        ledger: &Ledger,
    ) -> anyhow::Result<Self> {
        let (known, generation) = in_force(ledger, deployment)?;
        let (accepted, terms) = agreed_terms(known)?;
        let (inputs, journal) = origins(deployment, accepted)?;
        let fixed: Vec<TopicName> = inputs.iter().map(|origin| origin.topic.clone()).collect();
        let ordered = deployment.order_inputs(&fixed);
        assert!(ordered, "the generation's inbound topics are those of the deployment");
        let deployment = &*deployment;
        let fresh = || match Pipeline::new(&project.loaded, deployment, terms) {
            Ok(pipeline) => pipeline,
            Err(error) => panic!("a project that was compiled before can't be compiled again: {error}"),
        };
        // What can't be compiled is said as a user's mistake.
        Pipeline::new(&project.loaded, deployment, terms)?;
        let subject = Subject::new(deployment, project.loaded.project.fingerprint(), generation);
        let (pipeline, firsts) = restore(&subject, deployment, config, ledger, fresh)?;
        let opener = Opener {
            settings: client.clone(),
            generation,
            inputs,
            journal: deployment.journal().zip(journal),
            propose: None.into(),
            shared: Arc::new(Shared::new(0)),
        };
        let input = opener.open(&pipeline.positions());
        let input = input.context("opening the input; a shadow needs that of the whole generation, or a snapshot")?;
        let topics = topics(&pipeline, deployment, client, known, generation, &firsts)?;
        let board = Board::new(first_report(project, deployment, config, known, generation));
        Ok(Self { pipeline, input, topics, board, run_records_max: config.run_records_max })
    }

    fn run(mut self, stopped: &Receiver<Wake>, prove: Option<u64>) -> anyhow::Result<Exit> {
        let mut batch = InboundBatch::default();
        let mut out: Vec<Vec<OutputRecord>> = self.topics.iter().map(|_| Vec::new()).collect();
        let mut shown = Instant::now();
        info!("shadow: comparing every output with the cluster's; it will never write");
        loop {
            if !matches!(stopped.try_recv(), Err(TryRecvError::Empty)) {
                return Ok(Exit::Done);
            }
            let room = self.topics.iter().map(Topic::room).min().unwrap_or(0);
            if room == 0 {
                thread::sleep(STANDSTILL);
            } else {
                self.compute(room, &mut batch, &mut out)?;
            }
            if self.compare()? {
                return differs(stopped, prove);
            }
            if shown.elapsed() < SHOW_EVERY {
                continue;
            }
            shown = Instant::now();
            self.show();
            let report = self.board.get();
            if prove.is_some_and(|wanted| report.identical >= wanted) && report.state == Standing::Identical {
                info!(identical = report.identical, "shadow: proven");
                return Ok(Exit::Done);
            }
        }
    }

    fn compute(&mut self, room: u64, batch: &mut InboundBatch, out: &mut [Vec<OutputRecord>]) -> anyhow::Result<()> {
        batch.clear();
        let records_max = self.run_records_max.min(usize::try_from(room).unwrap_or(usize::MAX));
        self.input.read(batch, ReadBounds { records_max, bytes_max: RUN_BYTES_MAX }, READ_WAIT)?;
        if !batch.heads.is_empty() {
            self.pipeline.feed(batch, out);
            for (topic, records) in self.topics.iter_mut().zip(out) {
                topic.comparison.push_mine(records.drain(..));
            }
        }
        Ok(())
    }

    /// Whether there is a difference.
    fn compare(&mut self) -> anyhow::Result<bool> {
        let processed = self.pipeline.next().unwrap_or_default();
        for topic in &mut self.topics {
            topic.read()?;
            if let Some(difference) = topic.compare(MessageId(processed.0)) {
                error!(
                    topic = difference.topic,
                    window = difference.window,
                    message_id = difference.id,
                    index = difference.index,
                    mine = ?difference.mine,
                    theirs = ?difference.theirs,
                    writer = difference.writer,
                    lies_before = difference.lies_before,
                    "shadow: the first difference"
                );
                self.board.change(|report| {
                    report.state = Standing::Different;
                    report.difference = Some(difference);
                });
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn show(&self) {
        let next = self.pipeline.next().unwrap_or_default();
        let lag = self.input.end().map(|end| end.0.saturating_sub(next.0));
        self.board.change(|report| {
            (report.input.offset, report.input.lag) = (next.0, lag.unwrap_or(0));
            report.outputs = self.topics.iter().map(Topic::report).collect();
            // Dead letters, the last, are compared too, but prove little.
            report.identical = report.outputs.split_last().map_or(0, |(_, all)| all.iter().map(|o| o.identical).sum());
            if lag == Some(0) {
                report.state = Standing::Identical;
            }
        });
    }
}

/// After a difference there is nothing to compute; who asked for a proof is told, others can still ask for the status.
fn differs(stopped: &Receiver<Wake>, prove: Option<u64>) -> anyhow::Result<Exit> {
    if prove.is_none() {
        // The sender lives as long as the process.
        let _ = stopped.recv();
    }
    Ok(Exit::Failed)
}

fn in_force<'a>(ledger: &'a Ledger, deployment: &Deployment) -> anyhow::Result<(&'a ProjectLedger, Generation)> {
    let known = ledger.project(&deployment.project);
    let accepted = known.and_then(|known| Some((known, known.generation()?.proposal.generation)));
    accepted.with_context(|| {
        format!(
            "project {} has no generation in {}, so there is nothing to compare with.\n     Fix: start the cluster first, or write \
             label and project as the cluster's project file has them",
            deployment.project,
            metadata_topic(&deployment.label)
        )
    })
}

/// The newest snapshot of the same model that own disk or peers have; each topic's first index to be computed.
fn restore(
    subject: &Subject,
    deployment: &Deployment,
    config: &Config,
    ledger: &Ledger,
    fresh: impl Fn() -> Pipeline,
) -> anyhow::Result<(Pipeline, Vec<OutputIndex>)> {
    let firsts = vec![OutputIndex(0); subject.outputs.len()];
    let Some(data) = &config.data else { return Ok((fresh(), firsts)) };
    let shelf = Shelf::open(data, &deployment.cluster(), subject.generation, config.snapshots.keep)
        .with_context(|| format!("making the folder for snapshots in {}", data.display()))?;
    let report = SnapshotReport::default();
    let peers = Peers {
        addresses: members_of(ledger, &deployment.project),
        cluster: format!("{}.{}", deployment.cluster(), subject.generation),
        secret: config.peer_secret.clone(),
    };
    peers.fetch_newer(&shelf, &config.snapshots, &report);
    // Everything that a snapshot holds as done was in the log when it got its name, and will be compared.
    let published = vec![OutputIndex(u64::MAX); subject.outputs.len()];
    let (pipeline, head) = snapshot::restore(&shelf, &config.snapshots, subject, &published, &report, fresh);
    let firsts = head.map_or(firsts, |head| head.outputs.iter().map(|output| output.next).collect());
    Ok((pipeline, firsts))
}

fn topics(
    pipeline: &Pipeline,
    deployment: &Deployment,
    client: &ClientSettings,
    known: &ProjectLedger,
    generation: Generation,
    firsts: &[OutputIndex],
) -> anyhow::Result<Vec<Topic>> {
    let ahead_max = deployment.outbound.iter().map(|outbound| outbound.buffered_max).min().unwrap_or(1);
    let windows = deployment.outbound.iter().map(|outbound| Some(outbound.window.clone())).chain([None]);
    let all = Pipeline::topics(deployment).into_iter().zip(windows).zip(firsts);
    all.map(|((name, window), first)| {
        let ours = window.as_ref().and_then(|path| pipeline.engine().window(path));
        let mine = ours.and_then(|window| Rows::new(pipeline.engine().schema(window).clone()));
        let noted = window.as_ref().and_then(|path| known.schema(path)?.schema.parse().ok());
        Topic::open(TopicRecipe {
            client,
            constants: known.constants(generation, &name),
            name,
            window: window.unwrap_or_else(|| "dead letters".to_owned()),
            generation,
            first: *first,
            ahead_max,
            mine,
            theirs: noted.and_then(Rows::new),
        })
    })
    .collect()
}

fn first_report(
    project: &LoadedProject,
    deployment: &Deployment,
    config: &Config,
    known: &ProjectLedger,
    generation: Generation,
) -> Report {
    let fingerprint = project.loaded.project.fingerprint();
    let agreed = known.generation().map(|accepted| accepted.proposal.fingerprint);
    Report {
        api_version: "v1",
        kind: "Shadow",
        member: config.name.clone(),
        role: "shadow",
        state: Standing::CatchingUp,
        version: env!("CARGO_PKG_VERSION"),
        fingerprint: fingerprint.to_string(),
        project: deployment.project.clone(),
        cluster: deployment.cluster(),
        generation: generation.0,
        same_model: agreed == Some(fingerprint),
        identical: 0,
        input: InputReport { topics: deployment.inputs().map(ToString::to_string).collect(), offset: 0, lag: 0 },
        outputs: Vec::new(),
        difference: None,
    }
}
