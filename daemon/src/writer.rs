//! The appender's machine of a topic, which shows other threads how far the log is.

use std::sync::Arc;

use appender::link::{Effect, LinkEvent, LinkId, Protocol};
use appender::machine::Machine;
use ports::output::{OutputCommand, OutputProgress};
use types::Tick;

/// A machine and where its progress is shown.
pub(crate) struct Writer {
    machine: Machine,
    progress: Arc<OutputProgress>,
}

impl Writer {
    pub(crate) fn new(machine: Machine, progress: Arc<OutputProgress>) -> Self {
        Self { machine, progress }
    }
}

impl Protocol for Writer {
    fn command(&mut self, command: OutputCommand, now: Tick) {
        self.machine.command(command, now);
    }

    fn on_link(&mut self, link: LinkId, event: LinkEvent, now: Tick) {
        self.machine.on_link(link, event, now);
    }

    fn on_deadline(&mut self, now: Tick) {
        self.machine.on_deadline(now);
    }

    /// Progress is shown before any fact that rests on it is told.
    fn poll(&mut self) -> Option<Effect> {
        self.progress.set_published(self.machine.progress().published_end);
        self.machine.poll()
    }

    fn deadline(&self) -> Option<Tick> {
        self.machine.deadline()
    }
}
