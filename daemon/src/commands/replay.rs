//! `understudy replay`: one engine, no failover code: what an engine that never failed writes.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adapter_files::{HeaderLine, RowWriter, SubscribeOptions};
use adapter_kafka::{ClientSettings, InitialOffset, KafkaInput, Notebook};
use anyhow::{Context as _, bail};
use engine::{Engine, WindowId};
use ports::input::{InboundBatch, InputLog as _, ReadBounds};
use ports::notebook::Origin;
use proto::{CsvOptions, Decoder, Format};
use types::{Generation, MessageId, Offset, RecordSpan, Run, Timestamp, TopicName};

use super::{LoadedProject, load_project, say, settings};
use crate::cli::ReplayArgs;
use crate::config::Config;
use crate::deployment::{Deployment, metadata_topic, subscribed_windows};
use crate::exit::Exit;
use crate::journal::JournaledInput;
use crate::node::opening::Opener;
use crate::node::{Shared, apply_overrides, client_settings, origins};
use crate::pipeline::{GenerationTerms, Pipeline, Positions};

/// Rows of a file that are processed as one run.
const RUN_ROWS_MAX: usize = 256;
/// Payload bytes of one run of a topic.
const RUN_BYTES_MAX: usize = 1 << 20;
/// How long one read of a topic waits.
const READ_WAIT: Duration = Duration::from_millis(100);

/// Runs a project over a topic or files.
///
/// # Errors
/// A project that isn't sound, an input that can't be read, a folder that can't be written.
pub fn replay(args: &ReplayArgs) -> anyhow::Result<Exit> {
    let project = load_project(&args.target.project)?;
    fs::create_dir_all(&args.out).with_context(|| format!("making the folder {}", args.out.display()))?;
    if args.topic.is_some() != args.sources.is_empty() {
        bail!("say where input comes from: either --topic, or --source cq/window=FILE");
    }
    match &args.topic {
        Some(topic) => replay_topic(&project, args, topic),
        None => replay_files(&project, args),
    }
}

/// An inbound topic from the generation's origin to its present end, through the very pipeline that replicas run.
fn replay_topic(project: &LoadedProject, args: &ReplayArgs, topic: &str) -> anyhow::Result<Exit> {
    let model = &project.loaded.project;
    let (mut deployment, _) = project.deployment()?;
    let config = settings::read(&args.target.settings, &args.target.settings.set)?;
    apply_overrides(&mut deployment, &config);
    match (topic, deployment.inbound.as_mut_slice()) {
        ("", _) => (),
        (other, [only]) => only.topic = TopicName(other.to_owned()),
        (_, several) => bail!(
            "--topic {topic}, but this project reads {} inbound topics in the order of its journal: say --topic without a name",
            several.len()
        ),
    }
    let client = client_settings(&deployment, &config)?;
    let beginning = beginning(&mut deployment, &config, &client)?;
    let mut pipeline = Pipeline::new(&project.loaded, &deployment, beginning.terms)?;
    let windows = if args.windows.is_empty() { subscribed_windows(model) } else { args.windows.clone() };
    let watched: Vec<_> =
        windows.iter().map(|path| Ok((path.clone(), pipeline.watch(path)?))).collect::<anyhow::Result<_>>()?;
    let mut writers = Writers::open(pipeline.engine(), &watched, &args.out)?;

    let mut input = Replayed::open(&client, &deployment, beginning)?;
    let mut batch = InboundBatch::default();
    let mut out = vec![Vec::new(); Pipeline::topics(&deployment).len()];
    let bounds = ReadBounds { records_max: config.run_records_max, bytes_max: RUN_BYTES_MAX };
    while input.read(&mut batch, bounds)? {
        let mut written = Ok(());
        pipeline.feed_and_look(&batch, &mut out, |engine| {
            if written.is_ok() {
                written = writers.write(engine);
            }
        });
        written?;
        out.iter_mut().for_each(Vec::clear);
    }
    writers.finish()?;
    let (counters, end) = (pipeline.counters(), pipeline.next().unwrap_or_default());
    say(&format!(
        "replayed {} records up to offset {end}: {} events, {} rejected rows",
        counters.records, counters.events, counters.rejected
    ));
    Ok(Exit::Done)
}

/// What is replayed: everything that stands in the log when the replay begins.
enum Replayed {
    /// One topic, up to its end.
    One { input: KafkaInput, end: Offset },
    /// Several, up to the journal's end.
    Several(Box<JournaledInput>),
}

impl Replayed {
    fn open(client: &ClientSettings, deployment: &Deployment, beginning: Beginning) -> anyhow::Result<Self> {
        let Beginning { generation, inputs, journal, .. } = beginning;
        let Some(journal) = deployment.journal().zip(journal) else {
            let only = inputs.first().context("no inbound topic")?;
            let end = adapter_kafka::watermarks(client, &only.topic)?.high;
            return Ok(Self::One { input: KafkaInput::open(client, &only.topic, only.offset)?, end });
        };
        let end = adapter_kafka::watermarks(client, &journal.0)?.high;
        let positions = Positions { inputs: vec![None; inputs.len()], journal: None };
        let shared = Arc::new(Shared::new(0));
        let opener = Opener {
            settings: client.clone(),
            generation,
            inputs,
            journal: Some(journal),
            propose: None.into(),
            shared,
        };
        Ok(Self::Several(Box::new(opener.open_several(&positions)?.until(end))))
    }

    /// Reads the next records; false when all are read.
    fn read(&mut self, batch: &mut InboundBatch, bounds: ReadBounds) -> anyhow::Result<bool> {
        batch.clear();
        match self {
            Self::One { input, end } if input.next() >= *end => return Ok(false),
            Self::One { input, end } => {
                input.read(batch, bounds, READ_WAIT)?;
                // Records that came while this ran belong to another replay.
                batch.heads.retain(|head| head.offset < *end);
            }
            Self::Several(input) if input.is_done() => return Ok(false),
            Self::Several(input) => input.read(batch, bounds, READ_WAIT)?,
        }
        Ok(true)
    }
}

/// Where a replay begins, and what the generation fixes.
struct Beginning {
    generation: Generation,
    inputs: Vec<Origin>,
    journal: Option<Offset>,
    terms: GenerationTerms,
}

/// Where the cluster's generation begins and what it fixes; without one, at the first records kept, with what is configured.
fn beginning(deployment: &mut Deployment, config: &Config, client: &ClientSettings) -> anyhow::Result<Beginning> {
    let configured = GenerationTerms {
        clip_bound: config.clip_bound,
        marker_period: config.marker_period,
        part_bytes_max: config.part_bytes_max,
    };
    let opened = Notebook::open(client, &metadata_topic(&deployment.label), |_| ());
    let ledger = opened.ok().map(|opened| opened.ledger).unwrap_or_default();
    let accepted = ledger.project(&deployment.project).and_then(|known| known.generation());
    let smallest = |topic: &TopicName| adapter_kafka::resolve(client, topic, InitialOffset::Smallest);
    let Some(accepted) = accepted else {
        if let Some(journal) = deployment.journal() {
            bail!(
                "no engine of this project has run yet, so {journal} doesn't say in which order its inbound topics count"
            );
        }
        let begin = |topic: &TopicName| Ok(Origin { topic: topic.clone(), offset: smallest(topic)?, topic_id: None });
        let inputs = deployment.inputs().map(begin).collect::<anyhow::Result<_>>()?;
        return Ok(Beginning { generation: Generation(0), inputs, journal: None, terms: configured });
    };
    let proposal = &accepted.proposal;
    let terms = GenerationTerms {
        clip_bound: proposal.clip_bound,
        marker_period: proposal.marker_period,
        part_bytes_max: usize::try_from(proposal.part_bytes_max).unwrap_or(usize::MAX),
    };
    let (inputs, journal) = match deployment.inbound.as_slice() {
        // Of a copy of the topic, for instance, the generation says nothing: it is read from the beginning.
        [only] => {
            let known = proposal.origins.iter().find(|origin| origin.topic == only.topic).cloned();
            (vec![known.unwrap_or(Origin { topic: only.topic.clone(), offset: Offset(0), topic_id: None })], None)
        }
        _ => origins(deployment, proposal)?,
    };
    let fixed: Vec<TopicName> = inputs.iter().map(|origin| origin.topic.clone()).collect();
    let ordered = deployment.order_inputs(&fixed);
    assert!(ordered, "the generation's inbound topics are those of the deployment");
    Ok(Beginning { generation: proposal.generation, inputs, journal, terms })
}

/// Rows of files, each a record of its own, in the order of the files; no time passes.
fn replay_files(project: &LoadedProject, args: &ReplayArgs) -> anyhow::Result<Exit> {
    let model = &project.loaded.project;
    let mut engine = new_engine(&project.loaded)?;
    let windows = if args.windows.is_empty() { subscribed_windows(model) } else { args.windows.clone() };
    let mut watched = Vec::new();
    for path in &windows {
        let window = known_window(&engine, path)?;
        engine.subscribe(window);
        watched.push((path.clone(), window));
    }
    let mut writers = Writers::open(&engine, &watched, &args.out)?;
    let mut record = 0;
    for (path, file) in &args.sources {
        let source = known_window(&engine, path)?;
        record = replay_file(&mut engine, source, Path::new(file), args.header, record, &mut writers)?;
    }
    writers.finish()?;
    Ok(Exit::Done)
}

fn new_engine(loaded: &engine::project::Loaded) -> anyhow::Result<Engine> {
    Engine::from_loaded(loaded).map_err(|problems| {
        problems.iter().for_each(|problem| say(&problem.to_string()));
        anyhow::anyhow!("the project's expressions can't be compiled")
    })
}

fn known_window(engine: &Engine, path: &str) -> anyhow::Result<WindowId> {
    engine.window(path).with_context(|| format!("the project has no window {path}; write cq/window"))
}

fn replay_file(
    engine: &mut Engine,
    source: WindowId,
    path: &Path,
    header: u64,
    first_record: u64,
    writers: &mut Writers,
) -> anyhow::Result<u64> {
    let reading = || format!("reading {}", path.display());
    let schema = Arc::new(engine.schema(source).clone());
    let mut decoder = Decoder::new(Format::Csv(CsvOptions::default()), Arc::clone(&schema))?.with_generated_key();
    let mut run = Run::new(&schema);
    let mut rejects = Vec::new();
    let mut record = first_record;
    let lines = BufReader::new(File::open(path).with_context(reading)?).lines();
    for (i, line) in lines.enumerate().skip(usize::try_from(header).unwrap_or(usize::MAX)) {
        let line = line.with_context(reading)?;
        decoder.decode(line.as_bytes(), &mut run.block, &mut rejects);
        for rejected in rejects.drain(..) {
            say(&format!("{}:{}: {rejected}", path.display(), i + 1));
        }
        let end = u32::try_from(run.block.len()).context("a run has too many events")?;
        run.spans.push(RecordSpan { id: MessageId(record), time: Timestamp(0), end });
        record += 1;
        if run.spans.len() == RUN_ROWS_MAX {
            writers.process(engine, source, &mut run)?;
        }
    }
    writers.process(engine, source, &mut run)?;
    Ok(record)
}

/// One csv file per window, as a subscriber with `header=full` writes it.
struct Writers {
    files: Vec<WindowFile>,
    text: Vec<u8>,
}

struct WindowFile {
    name: String,
    window: WindowId,
    rows: RowWriter,
    out: BufWriter<File>,
}

impl Writers {
    fn open(engine: &Engine, windows: &[(String, WindowId)], out: &Path) -> anyhow::Result<Self> {
        let options = SubscribeOptions { header: HeaderLine::Full, ..SubscribeOptions::default() };
        let mut files: Vec<WindowFile> = Vec::new();
        for (path, window) in windows {
            let rows = RowWriter::new(&options, Arc::new(engine.schema(*window).clone()), None)?;
            let name = path.rsplit('/').next().unwrap_or(path).to_owned();
            if files.iter().any(|file| file.name == name) {
                bail!("two windows are called {name}; write one at a time with --window");
            }
            let path = out.join(format!("{name}.csv"));
            let mut out = BufWriter::new(File::create(&path).with_context(|| format!("making {}", path.display()))?);
            out.write_all(&rows.header())?;
            files.push(WindowFile { name, window: *window, rows, out });
        }
        Ok(Self { files, text: Vec::new() })
    }

    fn process(&mut self, engine: &mut Engine, source: WindowId, run: &mut Run) -> anyhow::Result<()> {
        engine.process(source, run);
        run.clear();
        for rejection in engine.rejections() {
            let window = engine.path(rejection.window);
            say(&format!("record {} row {}: {window} refused it: {}", rejection.id, rejection.row, rejection.reason));
        }
        self.write(engine)
    }

    fn write(&mut self, engine: &Engine) -> anyhow::Result<()> {
        for file in &mut self.files {
            let block = &engine.output(file.window).block;
            self.text.clear();
            file.rows.rows(block, 0..block.len(), &mut self.text);
            file.out.write_all(&self.text)?;
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        for mut file in self.files {
            file.out.flush().with_context(|| format!("writing {}.csv", file.name))?;
        }
        Ok(())
    }
}
