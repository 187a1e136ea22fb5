//! File → inbound topic: each block once, also when the publisher is killed and started again.

use std::sync::Arc;
use std::time::Duration;

use adapter_files::{
    Error as FileError, FilePublisher, Pacer, PublishOptions, PublisherConfig, SourceBlock, Step, source_id,
};
use anyhow::{Context as _, bail};
use appender::connection::{LinkOptions, LinkSettings};
use appender::machine::{Bounds, Layout, Lifetimes, Machine, MachineConfig, Noted, Watch, producer_id};
use crossbeam_channel::{Receiver, Sender, unbounded};
use ports::coordinator::HostPort;
use ports::headers::SourceHeader;
use ports::output::{OutputCommand, OutputFact, OutputProgress, SourcedRecord, WriterIdentity};
use tracing::{info, warn};
use types::{Generation, MemberName, SourceId, Timestamp};

use super::Adapter;
use crate::clock;
use crate::exit::Exit;

/// Blocks on their way without an acknowledgement; at the bound no further row is read.
const UNACKNOWLEDGED_BLOCKS_MAX: u64 = 10_000;
/// How often a publisher looks whether there is more to do: rows of a growing file, acknowledgements.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Blocks that are handed over together.
const HANDED_OVER_MAX: usize = 500;
/// How long the log may take to say how far the source is published.
const OPEN_PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(adapter: &Adapter, options: PublishOptions) -> anyhow::Result<Exit> {
    let sas = &adapter.transport.sas;
    if sas.hot_failover {
        warn!("two publishers of one group are not built yet; this one publishes alone");
    }
    let group = sas.failover_group.as_deref().filter(|_| sas.hot_failover);
    let started = clock::wall_micros().to_string();
    let source = source_id(&adapter.options.file, &options, group, &started)?;
    let schema = adapter.schema()?;
    let config = PublisherConfig {
        file: adapter.options.file.clone(),
        source_id: source.clone(),
        schema: Arc::new(schema.schema.parse().with_context(|| format!("the noted schema of {}", schema.window))?),
        generated_key: schema.generated_key,
        options: options.clone(),
        transport_date_format: sas.date_format.clone(),
    };
    let log = Log::open(adapter, &source)?;
    let published = log.published_source()?;
    if let Some(header) = &published {
        info!(source = %source, row = header.position.row, "goes on behind what is published");
    }
    let publisher = FilePublisher::open(config, published.as_ref())?;
    Publisher {
        log,
        publisher,
        pacer: options.rate.map(Pacer::new),
        next: published.map_or(0, |h| h.position.index + 1),
    }
    .run()
}

struct Publisher {
    log: Log,
    publisher: FilePublisher,
    pacer: Option<Pacer>,
    /// Index of the next block.
    next: u64,
}

impl Publisher {
    fn run(mut self) -> anyhow::Result<Exit> {
        self.log.send(OutputCommand::Write)?;
        let mut gathered = Vec::new();
        loop {
            self.log.look()?;
            if self.next.saturating_sub(self.log.published()) >= UNACKNOWLEDGED_BLOCKS_MAX {
                std::thread::sleep(LOOK_EVERY);
                continue;
            }
            match self.publisher.next_step() {
                Ok(Step::Block(block)) => self.take(block, &mut gathered)?,
                Ok(Step::Wait) => {
                    self.hand_over(&mut gathered)?;
                    std::thread::sleep(LOOK_EVERY);
                }
                Ok(Step::End) => {
                    self.hand_over(&mut gathered)?;
                    return self.finish();
                }
                Err(error) => {
                    // What fits is published first: the message then says exactly how far the source came.
                    self.hand_over(&mut gathered)?;
                    self.finish()?;
                    return Err(told(error));
                }
            }
            while let Some(skipped) = self.publisher.take_skipped() {
                warn!(%skipped, "a row was left out");
            }
        }
    }

    fn take(&mut self, block: SourceBlock, gathered: &mut Vec<SourcedRecord>) -> anyhow::Result<()> {
        if let Some(pacer) = &mut self.pacer {
            let wait = pacer.wait_before(block.events, clock::now());
            if !wait.is_zero() {
                self.hand_over(gathered)?;
                std::thread::sleep(wait);
            }
        }
        gathered.push(SourcedRecord { source: block.header, payload: block.payload });
        if gathered.len() >= HANDED_OVER_MAX {
            self.hand_over(gathered)?;
        }
        Ok(())
    }

    fn hand_over(&mut self, gathered: &mut Vec<SourcedRecord>) -> anyhow::Result<()> {
        let Some(last) = gathered.last() else { return Ok(()) };
        self.next = last.source.position.index + 1;
        self.log.send(OutputCommand::PushSourced(std::mem::take(gathered)))
    }

    /// Returns when everything is acknowledged.
    fn finish(&mut self) -> anyhow::Result<Exit> {
        while self.log.published() < self.next {
            self.log.look()?;
            std::thread::sleep(LOOK_EVERY);
        }
        info!(blocks = self.next, skipped = self.publisher.skipped_rows(), "published to the end of the source");
        Ok(Exit::Done)
    }
}

fn told(error: FileError) -> anyhow::Error {
    anyhow::Error::new(error)
}

/// The inbound topic, as one of its writers.
struct Log {
    handle: appender::driver::OutputHandle,
    facts: Receiver<OutputFact>,
}

impl Log {
    fn open(adapter: &Adapter, source: &SourceId) -> anyhow::Result<Self> {
        let topic = adapter.url().inbound_topic();
        let bootstrap: Vec<HostPort> = adapter.client.bootstrap().split(',').filter_map(HostPort::parse).collect();
        let name = format!("publisher.{}", std::process::id());
        let config = MachineConfig {
            topic: topic.clone(),
            producer_id: producer_id(&adapter.url().label(), &topic, Some(source)),
            identity: WriterIdentity {
                writer: name.clone(),
                member: MemberName(name.clone()),
                model: String::new(),
                generation: Generation(0),
            },
            layout: Layout::Shared { source: source.clone() },
            bootstrap,
            noted: Noted::default(),
            bounds: Bounds::default(),
            lifetimes: Lifetimes::default(),
            compression: appender::batch::Compression::Lz4,
        };
        let options = LinkOptions { client_id: format!("understudy-{name}"), ..LinkOptions::default() };
        let settings = LinkSettings::new(&adapter.client.security()?, options)?;
        let (tell, facts): (Sender<OutputFact>, _) = unbounded();
        let progress = Arc::new(OutputProgress::default());
        let watch = Watch::new(Arc::clone(&progress));
        let wall = Timestamp(i64::try_from(clock::wall_micros()).unwrap_or(i64::MAX));
        let handle = appender::driver::spawn(
            "publisher",
            move |now| Machine::new(config, now, wall).watched_by(watch),
            Arc::new(settings),
            progress,
            Box::new(move |fact| {
                let _ = tell.send(fact);
            }),
        )?;
        Ok(Self { handle, facts })
    }

    /// How far the source is published, read back from the log.
    fn published_source(&self) -> anyhow::Result<Option<SourceHeader>> {
        loop {
            let fact = self.facts.recv_timeout(OPEN_PATIENCE).context("the inbound topic doesn't answer")?;
            match fact {
                OutputFact::SourceAt { last } => return Ok(last),
                OutputFact::Blocked(block) => bail!("{block}"),
                OutputFact::Opened { .. }
                | OutputFact::TookOver { .. }
                | OutputFact::Drained
                | OutputFact::ForeignWriter { .. }
                | OutputFact::Refused { .. }
                | OutputFact::Precondition { .. }
                | OutputFact::Leader { .. }
                | OutputFact::Identified { .. }
                | OutputFact::ForeignRecord { .. } => (),
            }
        }
    }

    fn published(&self) -> u64 {
        self.handle.progress().published().0
    }

    fn send(&self, command: OutputCommand) -> anyhow::Result<()> {
        Ok(self.handle.send(command)?)
    }

    /// Ends the publisher when the log can't be written any more.
    fn look(&self) -> anyhow::Result<()> {
        while let Ok(fact) = self.facts.try_recv() {
            match fact {
                OutputFact::Blocked(block) => bail!("{block}"),
                OutputFact::ForeignWriter { writer, index } => {
                    warn!(writer, %index, "another publisher sends the same source");
                }
                OutputFact::Refused { index } => info!(%index, "the broker refused a block: it doesn't come next"),
                OutputFact::Opened { .. }
                | OutputFact::TookOver { .. }
                | OutputFact::Drained
                | OutputFact::Precondition { .. }
                | OutputFact::Leader { .. }
                | OutputFact::Identified { .. }
                | OutputFact::SourceAt { .. }
                | OutputFact::ForeignRecord { .. } => (),
            }
        }
        Ok(())
    }
}
