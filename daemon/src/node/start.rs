//! Starting a replica: every precondition checked, every thread started, then the control loop.

use std::cell::Cell;
mod neighbours;
mod terms;

pub(crate) use terms::{apply_overrides, client_settings, expectations, project_topics};

use std::sync::Arc;
use std::thread;

use adapter_kafka::{
    Admin, ClientSettings, Expectations, Notebook, NotebookFact, Opened, Report, Severity, TickWriter, TopicSpec,
};
use anyhow::{Context as _, bail};
use crossbeam_channel::{Receiver, Sender};
use failover::{Fact, Machine, OutputId};
use ports::input::InboundBatch;
use ports::notebook::{Entry, Ledger, Member};
use ports::output::WriterIdentity;
use tracing::{info, warn};
use types::{Generation, Incarnation, MemberName, TopicName};

use super::again;
use super::control::{Control, Heard, JournalSide, OutputSide, Watch};
use super::crash;
use super::dead_file::{self, DeadLetterFile};
use super::ending::Ending;
use super::generation::{self, Agreed, Agreement};
use super::hands::{NoTicks, Ticks};
use super::hot::{Hot, OutputFeed};
use super::last_output::last_output;
use super::limits::{self, Replica};
use super::opening::{Opener, Propose};
use super::outputs::Writers;
use super::preconditions::Watcher;
use super::rejoin::{LastOutputs, Rejoin};
use super::self_test;
use super::shared::Shared;
use super::show::{member_addresses, others, takeovers};
use super::signals::StopSignals;
use super::status::{Board, Fixed};
use super::topic_ids::TopicIds;
use super::wake::Wake;
use crate::clock;
use crate::commands::{LoadedProject, load_project};
use crate::config::{Config, Coordination, DeadLetters, Fencing};
use crate::deployment::{Deployment, metadata_topic};
use crate::exit::Exit;
use crate::http;
use crate::pipeline::{Pipeline, Positions};
use crate::snapshot::{Peers, Shelf, Subject};

/// Marks this replica as one that writes whatever the line says; only with `--allow-test-switches`.
const FORCE_ACTIVE: &str = "UNDERSTUDY_TEST_FORCE_ACTIVE";

/// Runs one replica until it is told to stop.
///
/// # Errors
/// Configuration and preconditions: what is wrong and what to do. Once it runs, what goes wrong is a state, not an error.
pub fn run(project_file: &std::path::Path, config: &Config) -> anyhow::Result<Exit> {
    let project = load_project(project_file)?;
    let (deployment, notices) = project.deployment()?;
    let nondeterministic = project.loaded.determinism_report();
    if let Some(problem) = nondeterministic.first() {
        bail!("replicas of this project could not stay identical.  {problem}");
    }
    for notice in &project.loaded.notices {
        info!(%notice, "accepted without effect");
    }
    for notice in notices {
        info!(%notice, "accepted without effect");
    }
    if config.fencing == Fencing::Transaction {
        // Late requests of that protocol can't be told from present ones, so a producer is never used again after an error.
        warn!("W031 librdkafka speaks only the older transaction protocol; fencing = sequence needs none");
    }
    info!("starting esp server with 1 project(s)");
    Starter { project, deployment, config, incarnation: Incarnation(clock::wall_micros()) }.run()
}

/// What the check at start leaves for the checks after it.
struct Checked {
    admin: Admin,
    specs: Vec<TopicSpec>,
    expected: Expectations,
    report: Report,
}

struct Starter<'a> {
    project: LoadedProject,
    deployment: Deployment,
    config: &'a Config,
    incarnation: Incarnation,
}

impl Starter<'_> {
    fn run(mut self) -> anyhow::Result<Exit> {
        self.check_fencing()?;
        // Both before the first thread is started.
        let signals = StopSignals::hold_back()?;
        crash::abort_on_panic();
        apply_overrides(&mut self.deployment, self.config);
        let (wakes, wakes_received) = crossbeam_channel::bounded(limits::WAKES_MAX);
        signals.listen(wakes.clone())?;
        let settings = client_settings(&self.deployment, self.config)?;
        let Checked { admin, specs, expected, report } = self.check_topics(&settings)?;
        self_test::run(&self.deployment, self.config, self.incarnation, &settings, &report)?;
        let listener = http::Listener::bind(&self.config.http)?;
        let peers = self.start_peers(wakes.clone())?;

        let metadata = metadata_topic(&self.deployment.label);
        let watched = self.deployment.inputs().cloned().chain([metadata]).collect();
        let topic_ids = Arc::new(TopicIds::ask(&settings, self.config, watched)?);
        let Opened { notebook, mut ledger, earliest } = self.open_notebook(&settings, wakes.clone())?;
        if earliest.0 > 0 {
            bail!(
                "{}: entries before offset {earliest} were deleted, so what was agreed first is lost.\n     Fix: retention.ms=-1 on that \
                 topic (understudy topics create -p {}), then understudy reset -p {1}",
                metadata_topic(&self.deployment.label),
                self.project.file
            );
        }
        let notebook = Arc::new(notebook);
        let model = &self.project.loaded.project;
        let mut missed = Vec::new();
        let agreement = Agreement {
            project: model,
            deployment: &self.deployment,
            config: self.config,
            settings: &settings,
            topic_ids: &topic_ids,
            notebook: &notebook,
            wakes: &wakes_received,
        };
        let agreed = agreement.reach(&mut ledger, &mut missed)?;
        let fixed: Vec<TopicName> = agreed.inputs.iter().map(|origin| origin.topic.clone()).collect();
        let ordered = self.deployment.order_inputs(&fixed);
        assert!(ordered, "a generation was agreed for other inbound topics than those of the deployment");
        generation::note_schemas(model, &self.deployment, agreed.generation, &notebook, &ledger)?;
        let http = self.http_address(&listener)?;
        let me = self.member(&agreed, peers.peer(), &http);
        notebook.post(&Entry::Member(me.clone())).context("writing this member into the notebook")?;

        let topics = Pipeline::topics(&self.deployment);
        let shared = Arc::new(Shared::new(topics.len()));
        let (look, asked) = crossbeam_channel::bounded(1);
        let writers = Writers {
            deployment: &self.deployment,
            config: self.config,
            settings: &settings,
            identity: self.identity(agreed.generation),
            limits: report.limits,
            ledger: &ledger,
            wakes: wakes.clone(),
            look,
        };
        let (sides, feeds) = self.start_outputs(&writers, &topics)?;
        let journal =
            self.deployment.journal().map(|topic| Ok::<_, anyhow::Error>((writers.start_journal(&topic)?, topic)));
        let journal = journal.transpose()?;
        let period = self.config.precondition_period;
        let ending = Ending { topic_ids: Arc::clone(&topic_ids), wakes: wakes.clone() };
        Watcher { admin, specs, expected, topic_ids, period, asked, wakes: wakes.clone() }.start(&report)?;
        let shelf = self.shelf(agreed.generation)?;
        let kept = shelf.clone();
        let offers = self.offers(&listener, shelf.clone(), agreed.generation);
        let last_outputs =
            self.config.allow_partial_replay.then(|| self.last_outputs(&settings, &ledger, agreed.generation));
        let rejoin = Rejoin { last_outputs, ..self.rejoin(&agreed, shelf, &ledger, Arc::clone(&shared)) };
        let propose = journal.as_ref().map(|(writer, _)| writer.sender());
        self.start_hot(&settings, &agreed, feeds, propose, rejoin, ending)?;
        let coordinator = Arc::new(self.start_coordinator(&notebook, &me, &ledger, wakes.clone())?);
        let board = Arc::new(Board::new(self.fixed(&agreed, peers.peer(), &http)));
        board.set_members(member_addresses(&ledger, &self.deployment.project));
        board.set_history(takeovers(&ledger, &self.deployment.project));
        board.change_limits(|shown| *shown = limits::shown(self.config, report.limits.broker_session));
        let served =
            http::Served { board: Arc::clone(&board), shared: Arc::clone(&shared), wakes: wakes.clone(), shelf: kept };
        listener.serve(served, offers)?;

        let control = Control {
            machine: Machine::new(limits::machine_config(self.config, self.replica(topics.len())))
                .map_err(|error| anyhow::anyhow!("{error}"))?,
            project: self.deployment.project.clone(),
            member: MemberName(self.config.name.clone()),
            generation: agreed.generation,
            outputs: sides,
            journal: journal.map(|(writer, topic)| JournalSide { topic, send: writer.sender(), topic_id: None }),
            coordinator: Box::new(coordinator),
            peers: Box::new(peers),
            notebook: Box::new(notebook),
            ledger,
            shared,
            board,
            heard: Heard::default(),
        };
        signals.now_heard();
        let again = Arc::clone(&control.shared);
        let exit = self.control(control, missed, &wakes_received);
        if again.is_to_begin_again() { Err(again::begin()) } else { Ok(exit) }
    }

    fn control(&self, mut control: Control, missed: Vec<Wake>, wakes: &Receiver<Wake>) -> Exit {
        control.meet_members();
        if self.config.allow_test_switches && std::env::var(FORCE_ACTIVE).is_ok_and(|value| value == "1") {
            warn!("forced active by a test switch");
            control.tell(Fact::ForceAsked, clock::now());
        }
        let shared = Arc::clone(&control.shared);
        let exit = control.run(missed, wakes);
        shared.stop();
        info!(?exit, "stopped");
        match exit {
            failover::Exit::Clean => Exit::Done,
            failover::Exit::Undrained => Exit::Failed,
            failover::Exit::Blocked => Exit::Configuration,
        }
    }

    /// Decisions are proposals that may lose against another's: only the sequence can refuse one.
    fn check_fencing(&self) -> anyhow::Result<()> {
        let several = self.deployment.inbound.len() > 1;
        if several && self.config.fencing == Fencing::Transaction {
            bail!(
                "fencing = transaction, but this project reads {} inbound topics: their common order is agreed by sequenced append \
                 only.\n     Fix: --set fencing=sequence, or one inbound topic",
                self.deployment.inbound.len()
            );
        }
        Ok(())
    }

    fn check_topics(&self, settings: &ClientSettings) -> anyhow::Result<Checked> {
        let admin = Admin::open(settings)?;
        let expected = expectations(&self.project, self.config);
        let specs = adapter_kafka::plan(&project_topics(&self.deployment), &expected);
        let report = adapter_kafka::check(&admin, &specs, &expected)?;
        for finding in &report.findings {
            match finding.severity {
                Severity::Warning => warn!("{finding}"),
                Severity::Error => crate::commands::say(&finding.to_string()),
            }
        }
        if !report.is_fit() {
            bail!(
                "the topics are not fit for hot failover; make them right with: understudy topics create -p {}",
                self.project.file
            );
        }
        Ok(Checked { admin, specs, expected, report })
    }

    fn open_notebook(&self, settings: &ClientSettings, wakes: Sender<Wake>) -> anyhow::Result<Opened> {
        let topic = metadata_topic(&self.deployment.label);
        let deliver = move |fact: NotebookFact| {
            let _ = wakes.send(Wake::Notebook(fact));
        };
        Notebook::open(settings, &topic, deliver).with_context(|| format!("reading the notebook {topic}"))
    }

    fn member(&self, agreed: &Agreed, peer: &str, http: &str) -> Member {
        Member {
            project: self.deployment.project.clone(),
            generation: agreed.generation,
            name: MemberName(self.config.name.clone()),
            incarnation: self.incarnation,
            peer: peer.to_owned(),
            http: http.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            in_line: false,
        }
    }

    fn identity(&self, generation: Generation) -> WriterIdentity {
        WriterIdentity {
            writer: format!("{}.{}", self.config.name, self.incarnation),
            member: MemberName(self.config.name.clone()),
            model: format!("{}.{generation}", self.project.loaded.project.fingerprint()),
            generation,
        }
    }

    fn start_outputs(
        &self,
        writers: &Writers<'_>,
        topics: &[TopicName],
    ) -> anyhow::Result<(Vec<OutputSide>, Vec<OutputFeed>)> {
        let mut sides = Vec::new();
        let mut feeds = Vec::new();
        // Dead letters are the last output.
        let mut letters = self.dead_letter_file(writers.identity.generation)?;
        let bound = self.buffered_max();
        for (i, topic) in topics.iter().enumerate() {
            let handle = writers.start(OutputId(i), topic)?;
            let progress = Arc::clone(handle.progress());
            let send = match letters.take_if(|_| i + 1 == topics.len()) {
                Some(file) => dead_file::beside(file, handle.sender()),
                None => handle.sender(),
            };
            feeds.push(OutputFeed { send, progress: Arc::clone(&progress), buffered_max: bound });
            sides.push(OutputSide {
                topic: topic.clone(),
                send: handle.sender(),
                progress,
                buffered_max: bound,
                watch: Watch::default(),
            });
        }
        Ok((sides, feeds))
    }

    fn dead_letter_file(&self, generation: Generation) -> anyhow::Result<Option<DeadLetterFile>> {
        match (self.config.dead_letters, &self.config.data) {
            (DeadLetters::Both, Some(folder)) => {
                let project = &self.deployment.project;
                DeadLetterFile::open(folder, project, generation, dead_file::FILE_BYTES_MAX).map(Some)
            }
            (DeadLetters::Topic, _) | (DeadLetters::Both, None) => Ok(None),
        }
    }

    /// One bound for all outputs of a replica: they share the input that is paused at it.
    fn buffered_max(&self) -> u64 {
        self.deployment.outbound.iter().map(|outbound| outbound.buffered_max).min().unwrap_or(1)
    }

    fn start_hot(
        &self,
        settings: &ClientSettings,
        agreed: &Agreed,
        outputs: Vec<OutputFeed>,
        propose: Option<Propose>,
        rejoin: Rejoin,
        ending: Ending,
    ) -> anyhow::Result<()> {
        // What can't be compiled is said before anything runs.
        Pipeline::new(&self.project.loaded, &self.deployment, agreed.terms)?;
        let ticks = self.ticks(settings)?;
        let shared = Arc::clone(&rejoin.shared);
        if let [only] = agreed.inputs.as_slice() {
            shared.set_input(Some(only.offset.0), None);
        }
        let opener = Opener {
            settings: settings.clone(),
            generation: agreed.generation,
            inputs: agreed.inputs.clone(),
            journal: self.deployment.journal().zip(agreed.journal),
            propose: Cell::new(propose),
            shared: Arc::clone(&shared),
        };
        let (tick_step, run_records_max) = (agreed.tick_step, self.config.run_records_max);
        let open = move |positions: &Positions| opener.open(positions);
        let make = move |pipeline, input, outputs: Vec<OutputFeed>| Hot {
            input,
            pipeline,
            out: vec![Vec::new(); outputs.len()],
            outputs,
            ticks,
            tick_step,
            run_records_max,
            shared,
            last_input: clock::now(),
            batch: InboundBatch::default(),
        };
        thread::Builder::new().name(crash::ENGINE_THREAD.to_owned()).spawn(move || {
            ending.tell(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| rejoin.run(outputs, open, make))));
        })?;
        Ok(())
    }

    fn ticks(&self, settings: &ClientSettings) -> anyhow::Result<Box<dyn Ticks>> {
        let Some(topic) = self.deployment.ticked() else {
            info!("all inbound topics are written by other projects: time goes on with their markers");
            return Ok(Box::new(NoTicks));
        };
        let writer = TickWriter::open(settings, topic).with_context(|| format!("opening {topic} for ticks"))?;
        Ok(Box::new(writer))
    }

    /// Where this replica keeps snapshots, if it has a folder.
    fn shelf(&self, generation: Generation) -> anyhow::Result<Option<Shelf>> {
        let open = |data: &std::path::PathBuf| {
            Shelf::open(data, &self.deployment.cluster(), generation, self.config.snapshots.keep)
                .with_context(|| format!("making the folder for snapshots in {}", data.display()))
        };
        self.config.data.as_ref().map(open).transpose()
    }

    /// Snapshots go to peers that prove who they are; without a secret, to this machine only.
    fn offers(&self, listener: &http::Listener, shelf: Option<Shelf>, generation: Generation) -> Option<http::Offers> {
        let secret = self.config.peer_secret.clone();
        if secret.is_none() && !listener.is_on_loopback() {
            return None;
        }
        Some(http::Offers { shelf: shelf?, cluster: self.generation_name(generation), secret })
    }

    fn generation_name(&self, generation: Generation) -> String {
        format!("{}.{generation}", self.deployment.cluster())
    }

    fn rejoin(&self, agreed: &Agreed, shelf: Option<Shelf>, ledger: &Ledger, shared: Arc<Shared>) -> Rejoin {
        let fingerprint = self.project.loaded.project.fingerprint();
        shared.set_others(others(&member_addresses(ledger, &self.deployment.project), &self.config.name));
        let peers = Peers {
            addresses: shared.others(),
            cluster: self.generation_name(agreed.generation),
            secret: self.config.peer_secret.clone(),
        };
        Rejoin {
            loaded: self.project.loaded.clone(),
            deployment: self.deployment.clone(),
            terms: agreed.terms,
            subject: Subject::new(&self.deployment, fingerprint, agreed.generation),
            shelf,
            peers,
            bounds: self.config.snapshots,
            report: Arc::clone(shared.snapshots()),
            shared,
            last_outputs: None,
        }
    }

    /// How the last output of every topic is read.
    fn last_outputs(&self, settings: &ClientSettings, ledger: &Ledger, generation: Generation) -> LastOutputs {
        let known = ledger.project(&self.deployment.project);
        let noted = |topic: TopicName| {
            let constants = known.map(|known| known.constants(generation, &topic).to_vec()).unwrap_or_default();
            (topic, constants)
        };
        let topics: Vec<_> = Pipeline::topics(&self.deployment).into_iter().map(noted).collect();
        let settings = settings.clone();
        Box::new(move |ends| {
            let topics = topics.iter().zip(ends);
            topics.map(|((topic, constants), end)| last_output(&settings, topic, constants, *end)).collect()
        })
    }

    fn replica(&self, outputs: usize) -> Replica {
        Replica {
            member: MemberName(self.config.name.clone()),
            incarnation: self.incarnation,
            outputs,
            buffered_max: self.buffered_max(),
        }
    }

    fn fixed(&self, agreed: &Agreed, peer: &str, http: &str) -> Fixed {
        Fixed {
            member: self.config.name.clone(),
            incarnation: self.incarnation.0,
            project: self.deployment.project.clone(),
            cluster: self.deployment.cluster(),
            generation: agreed.generation.0,
            fingerprint: self.project.loaded.project.fingerprint().to_string(),
            coordinator: match self.config.coordination {
                Coordination::ZooKeeper => "zookeeper",
                Coordination::Kafka => "kafka",
            },
            inbound_topic: self.deployment.inputs().map(TopicName::as_str).collect::<Vec<_>>().join(", "),
            peer: peer.to_owned(),
            http: http.to_owned(),
        }
    }
}
