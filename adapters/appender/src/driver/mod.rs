//! One thread per output topic: it owns the sockets, runs a [`Protocol`], and sleeps when there is nothing to do.

mod alarm;
pub mod clock;
mod names;
mod run;
mod socket;

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use crossbeam_channel::{Receiver, Sender, bounded};
use mio::{Poll, Waker};
use ports::output::{OutputCommand, OutputFact, OutputProgress};
use rustls::crypto::ring;
use types::Tick;

use crate::connection::LinkSettings;
use crate::error::Error;
use crate::link::{LinkDown, Protocol};
use crate::sasl::Nonce;
use alarm::Alarm;
use run::{ALARM, Driver};

/// Commands on their way to the thread; at the bound [`OutputHandle::send`] waits, and with it the engine.
pub const COMMANDS_MAX: usize = 1024;

/// Randomness of a nonce: enough that none is ever used twice.
const NONCE_BYTES: usize = 24;

/// Where facts go: called on the driver's thread, so it must not wait.
pub type FactSink = Box<dyn FnMut(OutputFact) + Send>;

/// The owner's end of an output topic's thread. When it is dropped the thread ends as after [`OutputCommand::Stop`].
#[derive(Debug)]
pub struct OutputHandle {
    /// `None` only while being dropped.
    commands: Option<Sender<OutputCommand>>,
    alarm: Arc<Alarm>,
    progress: Arc<OutputProgress>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a thread called `name` that runs what `make` makes, with the time of its start.
///
/// The thread ends after [`OutputCommand::Stop`], or when the handle is dropped; `facts` is dropped with it, also when it
/// ends by a panic, so that an owner who keeps the other end of a channel hears of it.
///
/// # Errors
/// [`Error::System`] when the system gives no poller or no thread.
pub fn spawn<P: Protocol + 'static>(
    name: &str,
    make: impl FnOnce(Tick) -> P + Send + 'static,
    settings: Arc<LinkSettings>,
    progress: Arc<OutputProgress>,
    facts: FactSink,
) -> Result<OutputHandle, Error> {
    let poller = Poll::new().map_err(|source| refused("a poller", source))?;
    let waker = Waker::new(poller.registry(), ALARM).map_err(|source| refused("a waker", source))?;
    let alarm = Arc::new(Alarm::new(waker));
    let (commands, inbox): (_, Receiver<OutputCommand>) = bounded(COMMANDS_MAX);
    let own_alarm = Arc::clone(&alarm);
    let run = move || Driver::new(make(clock::now()), poller, own_alarm, inbox, settings, facts).run();
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    let thread = thread.map_err(|source| refused("a thread", source))?;
    Ok(OutputHandle { commands: Some(commands), alarm, progress, thread: Some(thread) })
}

impl OutputHandle {
    /// Hands over a command; waits while [`COMMANDS_MAX`] are on their way.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the thread has ended.
    pub fn send(&self, command: OutputCommand) -> Result<(), Error> {
        let sent = self.commands.as_ref().map(|commands| commands.send(command));
        self.alarm.ring();
        sent.and_then(Result::ok).ok_or(Error::Stopped)
    }

    /// How far the log is.
    #[must_use]
    pub const fn progress(&self) -> &Arc<OutputProgress> {
        &self.progress
    }

    /// Whether the thread has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Ends the thread and waits until its connections are closed.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the thread had ended by a panic.
    pub fn stop(mut self) -> Result<(), Error> {
        // Where the thread is gone already, joining tells how.
        let _ = self.send(OutputCommand::Stop);
        let ended = self.thread.take().map(JoinHandle::join);
        ended.and_then(Result::ok).ok_or(Error::Stopped)
    }
}

impl Drop for OutputHandle {
    fn drop(&mut self) {
        self.commands = None;
        self.alarm.ring();
    }
}

/// Random text for SCRAM; without SASL nobody asks for it.
pub(crate) fn fresh_nonce(settings: &LinkSettings) -> Result<Nonce, LinkDown> {
    let mut bytes = [0; NONCE_BYTES];
    if settings.sasl.is_some() {
        let filled = ring::default_provider().secure_random.fill(&mut bytes);
        filled.map_err(|_| LinkDown::Unreachable { reason: "the system gives no random numbers".to_owned() })?;
    }
    Ok(Nonce(BASE64.encode(bytes)))
}

const fn refused(what: &'static str, source: io::Error) -> Error {
    Error::System { what, source }
}

#[cfg(test)]
mod tests;
