//! The handle: commands in, facts out, a thread of its own in between.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ports::coordinator::{CoordinatorCommand, CoordinatorFact};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::grant::Granted;
use crate::{Config, Error, session, tls};

/// Commands that may wait; at the bound [`ZooKeeperCoordinator::send`] fails. The session takes them within one operation's timeout.
pub const COMMANDS_MAX: usize = 1024;

/// Stands in a line of znodes on behalf of one member.
///
/// The session has its own thread and runtime, because whatever blocks a shared one stops its pings. Dropping the handle
/// closes it like [`CoordinatorCommand::Close`]; [`ZooKeeperCoordinator::join`] waits for that.
#[derive(Debug)]
pub struct ZooKeeperCoordinator {
    commands: mpsc::Sender<CoordinatorCommand>,
    thread: JoinHandle<()>,
    granted: Arc<Granted>,
}

impl ZooKeeperCoordinator {
    /// Connects in the background and reports to `facts`, which is called on the session's thread and must not block.
    ///
    /// * [`CoordinatorCommand::Join`] holds until `Leave`, [`CoordinatorFact::SessionLost`], or a `Line` from which the own
    ///   entry has vanished; after these it must be said again. Said twice it changes nothing.
    /// * [`CoordinatorCommand::Displace`] is kept until the entry is gone or the session is lost, also while the connection is.
    /// * After each `Connected` there is a `Line`.
    /// * [`CoordinatorFact::Failing`] is told once for each reason; it goes on trying, and never says `Failed`.
    /// * `SessionLost` is only said on ZooKeeper's word: while no server answers, the session may still live and
    ///   `Suspended` stands.
    ///
    /// # Errors
    /// [`Error::SessionTooShort`], [`Error::Certificate`], [`Error::NoServerName`], [`Error::Thread`]. An ensemble that can't be reached is no error: it is tried again.
    pub fn start(config: Config, facts: impl FnMut(CoordinatorFact) + Send + 'static) -> Result<Self, Error> {
        config.check()?;
        let tls = config.tls.as_ref().map(|tls| tls::load(tls, &config.ensemble)).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let granted = Arc::new(Granted::default());
        let shown = Arc::clone(&granted);
        let run = move || runtime.block_on(session::run(config, tls, inbox, Box::new(facts), granted));
        let thread = std::thread::Builder::new().name("zookeeper".to_owned()).spawn(run).map_err(Error::Thread)?;
        Ok(Self { commands, thread, granted: shown })
    }

    /// The session that the ensemble granted last, which may be longer than the one asked for; `None` before the first.
    #[must_use]
    pub fn session_granted(&self) -> Option<Duration> {
        self.granted.get()
    }

    /// Tells a command; never blocks.
    ///
    /// # Errors
    /// [`Error::Stopped`] after `Close`, [`Error::Backlog`] at [`COMMANDS_MAX`].
    pub fn send(&self, command: CoordinatorCommand) -> Result<(), Error> {
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => Error::Backlog { waiting: COMMANDS_MAX },
            TrySendError::Closed(_) => Error::Stopped,
        })
    }

    /// Closes the session and waits until its node is gone, at most [`CLOSE_MAX`](crate::CLOSE_MAX).
    pub fn join(self) {
        let Self { commands, thread, .. } = self;
        drop(commands);
        // A panic of the session's thread was printed by its own hook; there is nothing left to close.
        let _ = thread.join();
    }
}
