//! File → inbound topic: each block once, also when the publisher is killed and started again.

mod group;
mod log;

use std::sync::Arc;
use std::time::Duration;

use adapter_files::{
    Error as FileError, FilePublisher, Pacer, PublishOptions, PublisherConfig, SourceBlock, Step, source_id,
};
use anyhow::Context as _;
use ports::output::{OutputCommand, SourcedRecord};
use tracing::{info, warn};
use types::MemberName;

use self::group::{Group, Seat};
use self::log::Log;
use super::Adapter;
use crate::clock;
use crate::exit::Exit;
use crate::node::Shared;

/// Blocks on their way without an acknowledgement; at the bound no further row is read.
const UNACKNOWLEDGED_BLOCKS_MAX: u64 = 10_000;
/// How often a publisher looks whether there is more to do: rows of a growing file, acknowledgements.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Blocks that are handed over together.
const HANDED_OVER_MAX: usize = 500;

pub(super) fn run(adapter: &Adapter, options: PublishOptions) -> anyhow::Result<Exit> {
    let member = MemberName(format!("{}.publisher.{}", adapter.config.name, std::process::id()));
    let group = Group::read(adapter)?;
    let started = clock::wall_micros().to_string();
    let name = group.as_ref().map(|group| group.name.as_str());
    let source = source_id(&adapter.options.file, &options, name, &started)?;
    let seat = group.map(|group| group.sit(&adapter.config, member.clone())).transpose()?;
    let schema = adapter.schema()?;
    let config = PublisherConfig {
        file: adapter.options.file.clone(),
        source_id: source.clone(),
        schema: Arc::new(schema.schema.parse().with_context(|| format!("the noted schema of {}", schema.window))?),
        generated_key: schema.generated_key,
        options: options.clone(),
        transport_date_format: adapter.transport.sas.date_format.clone(),
    };
    let log = Log::open(adapter, &source, &member, seat.as_ref().map(Seat::listener))?;
    let published = log.published_source()?;
    if let Some(header) = &published {
        info!(source = %source, row = header.position.row, "goes on behind what is published");
    }
    let publisher = FilePublisher::open(config, published.as_ref())?;
    let publisher = Publisher {
        log,
        publisher,
        pacer: options.rate.map(Pacer::new),
        next: published.map_or(0, |h| h.position.index + 1),
        standing: Standing::Alone,
    };
    match seat {
        None => publisher.run(),
        Some(seat) => seat.publish(publisher),
    }
}

/// Whether this publisher may write.
enum Standing {
    /// Always.
    Alone,
    /// When its group's machine says so.
    InGroup(Arc<Shared>),
}

impl Standing {
    /// Whether the source must not be read: a standby's buffer is at its bound.
    fn is_paused(&self) -> bool {
        match self {
            Self::Alone => false,
            Self::InGroup(shared) => shared.is_paused(),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Alone => false,
            Self::InGroup(shared) => shared.is_stopping(),
        }
    }

    /// A standby reads ahead of the one that publishes, or it would always be late by what it waits.
    fn keeps_the_rate(&self) -> bool {
        match self {
            Self::Alone => true,
            Self::InGroup(shared) => shared.is_writing(),
        }
    }
}

struct Publisher {
    log: Log,
    publisher: FilePublisher,
    pacer: Option<Pacer>,
    /// Index of the next block.
    next: u64,
    standing: Standing,
}

impl Publisher {
    fn run(mut self) -> anyhow::Result<Exit> {
        if matches!(self.standing, Standing::Alone) {
            self.log.send(OutputCommand::Write)?;
        }
        self.log.computed_until(self.next);
        let mut gathered = Vec::new();
        while !self.standing.is_over() {
            self.log.look()?;
            let held_back = self.next.saturating_sub(self.log.published()) >= UNACKNOWLEDGED_BLOCKS_MAX;
            if held_back || self.standing.is_paused() {
                self.hand_over(&mut gathered)?;
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
        Ok(Exit::Done)
    }

    fn take(&mut self, block: SourceBlock, gathered: &mut Vec<SourcedRecord>) -> anyhow::Result<()> {
        if let Some(pacer) = self.pacer.as_mut().filter(|_| self.standing.keeps_the_rate()) {
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
        self.log.send(OutputCommand::PushSourced(std::mem::take(gathered)))?;
        self.log.computed_until(self.next);
        Ok(())
    }

    /// Returns when everything is in the log, whoever of the group wrote it.
    fn finish(&mut self) -> anyhow::Result<Exit> {
        while self.log.published() < self.next && !self.standing.is_over() {
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
