//! The driver's loop: wait, hand in what happened, do what the protocol wants, and all over again.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, TryRecvError};
use mio::{Events, Poll, Token};
use ports::output::OutputCommand;
use tracing::{debug, error};
use types::Tick;

use super::FactSink;
use super::alarm::Alarm;
use super::clock;
use super::names::Names;
use super::socket::{Link, READ_BYTES, link_of};
use crate::connection::LinkSettings;
use crate::link::{Effect, LinkEvent, LinkId, Protocol};

/// The poller's name of the alarm.
pub(super) const ALARM: Token = Token(0);
/// Commands taken before sockets are looked at again.
const COMMANDS_PER_TURN: usize = 64;
/// Socket events taken in one wait; there are only a few links.
const EVENTS_PER_TURN: usize = 32;

pub(super) struct Driver<P> {
    protocol: P,
    poller: Poll,
    alarm: Arc<Alarm>,
    commands: Receiver<OutputCommand>,
    settings: Arc<LinkSettings>,
    facts: FactSink,
    names: Names,
    /// A handful: searched from end to end.
    links: Vec<Link>,
    scratch: Vec<u8>,
}

/// Whether the loop goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Wait for the next thing.
    Wait,
    /// There may be more commands: don't wait.
    Hurry,
    /// The owner wants no more.
    Stop,
}

impl<P: Protocol> Driver<P> {
    pub(super) fn new(
        protocol: P,
        poller: Poll,
        alarm: Arc<Alarm>,
        commands: Receiver<OutputCommand>,
        settings: Arc<LinkSettings>,
        facts: FactSink,
    ) -> Self {
        let names = Names::new(Arc::clone(&alarm));
        Self {
            protocol,
            poller,
            alarm,
            commands,
            settings,
            facts,
            names,
            links: Vec::new(),
            scratch: vec![0; READ_BYTES],
        }
    }

    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        self.settle();
        loop {
            self.alarm.hush();
            self.take_addresses();
            let turn = self.take_commands();
            self.pass_deadlines();
            self.settle();
            match turn {
                Turn::Stop => return,
                Turn::Wait | Turn::Hurry => {}
            }
            if let Err(error) = self.poller.poll(&mut events, self.patience(turn))
                && error.kind() != ErrorKind::Interrupted
            {
                error!(%error, "the system's poller failed; the output's thread ends");
                return;
            }
            for event in &events {
                if let Some(id) = link_of(event.token()) {
                    self.on_socket(id, event.is_read_closed() || event.is_error());
                }
            }
        }
    }

    /// How long to wait: until the next deadline, for ever without one.
    fn patience(&self, turn: Turn) -> Option<Duration> {
        if turn == Turn::Hurry {
            return Some(Duration::ZERO);
        }
        let links = self.links.iter().filter_map(Link::deadline);
        let next = links.chain(self.protocol.deadline()).min()?;
        Some(next.since(clock::now()))
    }

    fn take_commands(&mut self) -> Turn {
        for _ in 0..COMMANDS_PER_TURN {
            let command = match self.commands.try_recv() {
                Ok(command) => command,
                Err(TryRecvError::Disconnected) => OutputCommand::Stop,
                Err(TryRecvError::Empty) => return Turn::Wait,
            };
            let last = matches!(command, OutputCommand::Stop);
            self.protocol.command(command, clock::now());
            if last {
                return Turn::Stop;
            }
            self.obey();
        }
        Turn::Hurry
    }

    fn take_addresses(&mut self) {
        while let Some((id, addresses)) = self.names.poll() {
            // A link that was shut meanwhile is not found.
            if let Some(link) = self.links.iter_mut().find(|link| link.id == id) {
                link.on_addresses(addresses, self.poller.registry(), clock::now());
            }
        }
    }

    fn pass_deadlines(&mut self) {
        let now = clock::now();
        for link in &mut self.links {
            link.on_deadline(self.poller.registry(), now);
        }
        if self.protocol.deadline().is_some_and(|deadline| deadline <= now) {
            self.protocol.on_deadline(now);
        }
    }

    fn on_socket(&mut self, id: LinkId, ended: bool) {
        // An event of a link that was shut since is nobody's.
        if let Some(link) = self.links.iter_mut().find(|link| link.id == id) {
            link.on_ready(ended, &mut self.scratch, self.poller.registry(), clock::now());
        }
        self.settle();
    }

    /// Does what the protocol wants and tells it what came of it, until both are silent.
    fn settle(&mut self) {
        loop {
            self.obey();
            // Everything that was asked for is written in one go.
            self.links.iter_mut().for_each(Link::flush);
            let Some((id, event)) = self.links.iter_mut().find_map(|link| Some((link.id, link.poll()?))) else {
                return;
            };
            if let LinkEvent::Down { reason } = &event {
                debug!(link = id.0, %reason, "link is down");
                self.links.retain(|link| link.id != id);
            }
            self.protocol.on_link(id, event, clock::now());
        }
    }

    fn obey(&mut self) {
        while let Some(effect) = self.protocol.poll() {
            self.execute(effect, clock::now());
        }
    }

    fn execute(&mut self, effect: Effect, now: Tick) {
        match effect {
            Effect::Open { link, broker } => {
                assert!(self.links.iter().all(|other| other.id != link), "link {link:?} was opened twice");
                let addresses = self.names.look_up(link, &broker);
                let mut fresh = Link::new(link, broker, Arc::clone(&self.settings), now);
                if let Some(addresses) = addresses {
                    fresh.on_addresses(addresses, self.poller.registry(), now);
                }
                self.links.push(fresh);
            }
            Effect::Request { link, tag, request, timeout } => {
                let found = self.links.iter_mut().find(|other| other.id == link);
                if let Some(connection) = found.and_then(Link::connection) {
                    connection.send(tag, request, timeout, now);
                }
            }
            Effect::Shut { link } => self.links.retain(|other| other.id != link),
            Effect::Fact(fact) => (self.facts)(fact),
        }
    }
}
