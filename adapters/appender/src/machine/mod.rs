//! The sequenced append of one topic, without I/O: rules R1 to R16 as a state machine.
//!
//! Two lines lead to the partition's leader: one reads the tail, one appends. A third, short-lived link asks who leads.
//! ```text
//! commands ─►┌─────────┐ discovery: who leads          every entry point ends in `pump`, which does
//! link facts ►│ Machine │ reading:   what is committed   whatever may be done now; `poll` hands the
//! deadline ─►└─────────┘ writing:   what comes next     effects out
//! ```
//! `ledger` knows what is committed and owed, `question` and `survey` are conversations with the leader, `fate` says what
//! an error means. Nothing here reads a clock; a [`Tick`] is `CLOCK_BOOTTIME` (rule R6).

mod backoff;
mod codec;
mod config;
mod discovery;
mod fate;
mod identity;
mod ledger;
mod line;
mod outbox;
mod outputs;
mod progress;
mod question;
mod reading;
mod survey;
mod watch;
mod writing;

#[cfg(test)]
mod tests;

use std::time::Duration;

use ports::output::{OutputBlock, OutputCommand, OutputFact};
use types::mutation::{Mutation, mutated};
use types::{Offset, OutputIndex, Tick, Timestamp};

pub use config::{Bounds, Layout, Lifetimes, MachineConfig, Noted, Shifted};
pub use fate::Fate;
pub use identity::producer_id;
pub use progress::{Counters, Progress};
pub use watch::Watch;

use crate::link::{Effect, LinkEvent, LinkId, Protocol};
use crate::wire::{ErrorCode, LeaderHint, Response};
use discovery::{Discovery, Found, Leader};
use ledger::Ledger;
use line::Line;
use outbox::Outbox;
use outputs::Item;
use reading::Reading;
use writing::Writing;

/// How often somebody is asked who leads though nothing failed: a topic made anew is noticed by its id (rule R13).
const METADATA_PERIOD: Duration = Duration::from_secs(30);

/// The sequenced append of one topic.
#[derive(Debug)]
pub struct Machine {
    config: MachineConfig,
    /// The latest time heard.
    now: Tick,
    /// When the machine was made, on both clocks.
    made: (Tick, Timestamp),
    phase: Phase,
    discovery: Discovery,
    /// The leader that the lines belong to.
    leader: Option<Leader>,
    /// Where our records begin, once known: nothing of ours lies below.
    floor: Option<Offset>,
    /// Whether the topic's id was said.
    identified: bool,
    ledger: Ledger,
    tail: Line,
    reading: Reading,
    /// When the tail last showed the log's committed end.
    read_at: Tick,
    append: Line,
    writing: Writing,
    counters: Counters,
    out: Outbox,
    watch: Watch,
}

/// How far the machine has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The log's end isn't known yet.
    Surveying,
    /// The log holds nothing of this generation: its fence has to be written (rules R4, R9).
    Genesis,
    /// Tailing and, when told to, writing.
    Open,
    /// Over, with a reason that was said.
    Blocked,
    /// Over, as told.
    Stopped,
}

impl Machine {
    /// A machine at its start; `wall_clock` is the time of day at `now`, for the times of records on topics that take the
    /// writer's.
    #[must_use]
    pub fn new(config: MachineConfig, now: Tick, wall_clock: Timestamp) -> Self {
        assert!(!config.bootstrap.is_empty(), "a machine needs a broker to ask");
        assert!((1..=2).contains(&config.bounds.in_flight_max), "one or two batches in flight");
        let mut machine = Self {
            now,
            made: (now, wall_clock),
            phase: Phase::Surveying,
            discovery: Discovery::new(&config, now),
            leader: None,
            floor: config.noted.fence,
            identified: false,
            ledger: Ledger::new(&config),
            tail: Line::Down,
            reading: Reading::survey(config.noted.fence, now),
            read_at: Tick::default(),
            append: Line::Down,
            writing: Writing::new(&config, now),
            counters: Counters::default(),
            out: Outbox::default(),
            watch: Watch::default(),
            config,
        };
        // The search for the leader begins at once, whatever is said later.
        machine.pump();
        machine
    }

    /// Shows how far it is to other threads.
    #[must_use]
    pub fn watched_by(mut self, watch: Watch) -> Self {
        self.watch = watch;
        self
    }

    /// The owner wants something.
    ///
    /// # Panics
    /// When pushed outputs don't follow on those before.
    pub fn command(&mut self, command: OutputCommand, now: Tick) {
        self.now = self.now.max(now);
        match command {
            OutputCommand::Push(records) => self.push(records.into_iter().map(Item::Output)),
            OutputCommand::PushSourced(records) => self.push(records.into_iter().map(Item::Sourced)),
            OutputCommand::Hold(hold) => self.ledger.hold(hold, self.phase == Phase::Open),
            OutputCommand::Lifetimes { producer_expiry, retention } => {
                let producer_expiry_min = producer_expiry.unwrap_or(Lifetimes::default().producer_expiry_min);
                self.config.lifetimes = Lifetimes { producer_expiry_min, retention };
            }
            OutputCommand::Write => {
                self.writing.begin(self.now);
                self.rest_while_writing();
            }
            OutputCommand::WriteAt(next) => {
                if mutated(Mutation::DropsWhatWasHandedOver) {
                    self.ledger.acknowledged(next, self.ledger.offset_of(next));
                }
                self.writing.begin_at(next, self.now);
                self.rest_while_writing();
            }
            OutputCommand::Follow => {
                self.writing.end();
                self.ledger.write_from(None);
                self.read_on();
            }
            OutputCommand::Stop => self.stop(Phase::Stopped),
        }
        self.pump();
    }

    /// Something happened on a link; late news of links that were given up is ignored.
    pub fn on_link(&mut self, link: LinkId, event: LinkEvent, now: Tick) {
        self.now = self.now.max(now);
        if self.discovery.is(link) {
            let found = self.discovery.on_link(event, &self.config, &mut self.out, self.now);
            self.on_found(found);
        } else if self.tail.is(link) {
            self.on_tail(event);
        } else if self.append.is(link) {
            self.on_append(event);
        }
        self.pump();
    }

    /// The time given by [`Machine::deadline`] has come.
    pub fn on_deadline(&mut self, now: Tick) {
        self.now = self.now.max(now);
        self.pump();
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Effect> {
        self.out.pop()
    }

    /// When to call [`Machine::on_deadline`] if nothing else happens.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        if !self.is_running() {
            return None;
        }
        let metadata = self.discovery.resting_since().map(|since| since + METADATA_PERIOD);
        let throttled = [self.tail.quiet_until(self.now), self.append.quiet_until(self.now)];
        let waits = [self.discovery.deadline(), metadata, self.reading.deadline(), self.writing_deadline()];
        // What was due was done by `pump`; what couldn't be done waits for an answer.
        waits.into_iter().chain(throttled).flatten().filter(|at| *at > self.now).min()
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            published_end: self.ledger.published(),
            computed_end: self.ledger.outputs.end(),
            next: self.writing.next().max(self.ledger.published()),
            owed: self.ledger.outputs.owed_len(),
            kept_back: self.ledger.kept_back(),
            in_flight: self.writing.in_flight(),
            read_at: self.read_at,
            state: self.state_name(),
            counters: self.counters,
        }
    }

    fn state_name(&self) -> &'static str {
        match self.phase {
            Phase::Blocked => "blocked",
            Phase::Stopped => "stopped",
            _ if self.discovery.leader().is_none() => "finding the leader",
            Phase::Surveying => "reading the end of the log",
            Phase::Genesis => "opening the generation",
            Phase::Open => self.writing.state_name(),
        }
    }

    fn is_running(&self) -> bool {
        match self.phase {
            Phase::Surveying | Phase::Genesis | Phase::Open => true,
            Phase::Blocked | Phase::Stopped => false,
        }
    }

    fn push(&mut self, items: impl Iterator<Item = Item>) {
        let was_empty = self.ledger.outputs.start().is_none();
        for item in items {
            if let Err(block) = self.ledger.push(item) {
                return self.block(block);
            }
        }
        if was_empty && self.phase == Phase::Open {
            self.check_reach();
        }
        self.ledger.drop_published();
    }

    /// A log that ends before the first output computed here can't be continued from here (rule R8). A proposal may be ahead
    /// of the tail: its owner has read further.
    fn check_reach(&mut self) {
        if self.config.layout == Layout::Journal {
            return;
        }
        let end = self.ledger.published();
        if let Some(dropped) = self.ledger.outputs.start().filter(|start| *start > end) {
            self.block(OutputBlock::LogShortened { end, dropped });
        }
    }

    fn on_found(&mut self, found: Found) {
        match found {
            Found::Nothing => {}
            Found::Replaced { expected, found } => self.block(OutputBlock::TopicReplaced { expected, found }),
            Found::Hopeless(reason) => self.block(OutputBlock::Refused { reason }),
            Found::Leader(leader) => self.on_leader(leader),
        }
    }

    fn on_leader(&mut self, leader: Leader) {
        if !self.identified
            && let Some(topic_id) = self.discovery.topic_id()
        {
            self.identified = true;
            self.out.fact(OutputFact::Identified { topic_id: topic_id.to_owned() });
        }
        if self.leader.as_ref() != Some(&leader) {
            self.hang_up();
            let epoch = leader.epoch.unwrap_or_default().0;
            self.out.fact(OutputFact::Leader { address: leader.address.to_string(), epoch });
            self.leader = Some(leader);
        }
    }

    /// Does whatever may be done now.
    fn pump(&mut self) {
        if self.is_running() {
            self.give_up_silent_lines();
            if self.discovery.resting_since().is_some_and(|since| self.now.since(since) >= METADATA_PERIOD) {
                self.discovery.ask(self.now);
            }
            self.discovery.pump(&mut self.out, self.now);
            // Writing may find that the log's end has to be read, so reading comes after it.
            self.write();
            self.open_lines();
            self.read();
        }
        // Before the facts are heard: whoever hears one may look.
        self.watch.show(self.progress());
        for fact in self.ledger.facts() {
            self.out.fact(fact);
        }
    }

    fn open_lines(&mut self) {
        let Some(leader) = self.discovery.leader() else { return };
        if self.append.is_down() {
            self.append = Line::Opening { link: self.out.open(leader.address.clone()) };
        }
        if self.tail.is_down() && self.reading.wants_line(self.now) {
            self.tail = Line::Opening { link: self.out.open(leader.address.clone()) };
        }
    }

    /// Rule R7: a link that heard nothing for long isn't written to again; and the topic may be another one since (R13).
    fn give_up_silent_lines(&mut self) {
        if self.append.is_silent(self.now) || self.tail.is_silent(self.now) {
            self.hang_up();
            self.discovery.lose(self.now);
        }
    }

    /// Closes both lines; what was on its way may have arrived or not.
    fn hang_up(&mut self) {
        self.append.shut(&mut self.out);
        self.writing.forget_line();
        self.tail.shut(&mut self.out);
        self.reading.forget_line();
    }

    /// The leader failed us: another broker is asked who leads, then everything is asked anew (rules R5, R11).
    fn lose_leader(&mut self, why: &dyn std::fmt::Display) {
        self.counters.retries += 1;
        tracing::debug!(topic = %self.config.topic, error = %why, "the leader failed; asking who leads");
        self.discovery.lose(self.now);
    }

    /// A broker refused on either line, and the error isn't about a batch's place.
    fn on_refusal(&mut self, error: ErrorCode, message: Option<&str>) {
        match Fate::of(error) {
            Fate::Retry | Fate::Resync | Fate::Split => {
                self.append.shut(&mut self.out);
                self.writing.forget_line();
                self.lose_leader(&error);
            }
            Fate::Fenced => self.block(OutputBlock::Fenced { ours: self.config.identity.generation }),
            Fate::Block => {
                let reason = message.map_or_else(|| error.to_string(), |message| format!("{error}: {message}"));
                self.block(OutputBlock::Refused { reason });
            }
        }
    }

    fn on_hint(&mut self, hint: Option<&LeaderHint>) {
        if let Some(hint) = hint {
            self.discovery.hint(hint);
        }
    }

    /// Notes what every answer says beside its body.
    fn note_answer(&mut self, response: &Response) {
        self.on_hint(response.leader.as_ref());
    }

    fn block(&mut self, reason: OutputBlock) {
        if self.is_running() {
            tracing::error!(topic = %self.config.topic, error = %reason, "the output log can't be used any more");
            for fact in self.ledger.facts() {
                self.out.fact(fact);
            }
            self.out.fact(OutputFact::Blocked(reason));
            self.stop(Phase::Blocked);
        }
    }

    fn stop(&mut self, phase: Phase) {
        self.phase = phase;
        self.hang_up();
        self.discovery.shut(&mut self.out, self.now);
    }

    /// The time of day, from the steady clock.
    fn wall_clock(&self) -> Timestamp {
        let micros = i64::try_from(self.now.since(self.made.0).as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.made.1.0.saturating_add(micros))
    }

    /// One past the last output in the log when it ends at `offset`; 0 when it doesn't even hold the fence.
    fn index_at(&self, offset: Offset) -> OutputIndex {
        self.ledger.index_at(offset).unwrap_or_default()
    }
}

impl Protocol for Machine {
    fn command(&mut self, command: OutputCommand, now: Tick) {
        Self::command(self, command, now);
    }

    fn on_link(&mut self, link: LinkId, event: LinkEvent, now: Tick) {
        Self::on_link(self, link, event, now);
    }

    fn on_deadline(&mut self, now: Tick) {
        Self::on_deadline(self, now);
    }

    fn poll(&mut self) -> Option<Effect> {
        Self::poll(self)
    }

    fn deadline(&self) -> Option<Tick> {
        Self::deadline(self)
    }
}
