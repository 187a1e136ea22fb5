//! What outlives a client: what is wanted, who is told, and how the next client is come by.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ports::coordinator::{Candidate, CoordinatorCommand, CoordinatorFact};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};
use types::Term;
use types::mutation::{Mutation, mutated};
use zookeeper_client::{Client, Error as ZkError, SessionInfo, TlsOptions};

use crate::Config;
use crate::election::Stance;
use crate::grant::{Granted, too_long};

/// Between two rounds over all servers while none answers.
const CONNECT_PAUSE: Duration = Duration::from_millis(100);
/// After a refused login: somebody has to mend it, at the ensemble or here, so asking more often is of no use.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);
/// Entries that are to be displaced and still stand; the oldest request is forgotten past it (its owner's session expires).
const DEAD_MAX: usize = 64;

/// Where facts go.
pub(crate) type Facts = Box<dyn FnMut(CoordinatorFact) + Send>;

/// Why there is no client any more.
pub(crate) enum Ended {
    /// No answer for longer than a session; it may live on at the servers.
    Cut(SessionInfo),
    /// ZooKeeper says that the session is gone.
    Lost,
    /// Told to close.
    Closed,
    /// The login is refused; only somebody can mend that.
    Refused(String),
}

/// What outlives a client: what is wanted, and who is told.
pub(crate) struct Desk {
    pub(crate) config: Config,
    tls: Option<TlsOptions>,
    pub(crate) inbox: mpsc::Receiver<CoordinatorCommand>,
    facts: Facts,
    pub(crate) stance: Stance,
    /// Entries to displace, until they are gone.
    pub(crate) dead: Vec<Candidate>,
    /// The last head's term.
    pub(crate) term: Term,
    pub(crate) suspended: bool,
    /// When the last attempt to connect began.
    pub(crate) connecting: Instant,
    /// The session that was granted last: a long one is told once, and shown.
    granted: Arc<Granted>,
    /// The last failure told, so that a standing one is told once.
    failure: Option<String>,
}

impl Desk {
    pub(crate) fn new(
        config: Config,
        tls: Option<TlsOptions>,
        inbox: mpsc::Receiver<CoordinatorCommand>,
        facts: Facts,
        granted: Arc<Granted>,
    ) -> Self {
        let (stance, term) = (Stance::Out, Term::default());
        Self {
            config,
            tls,
            inbox,
            facts,
            stance,
            dead: Vec::new(),
            term,
            suspended: false,
            connecting: Instant::now(),
            granted,
            failure: None,
        }
    }

    /// Tries all servers, round after round, taking commands meanwhile.
    pub(crate) async fn connect(&mut self, resumed: Option<SessionInfo>) -> Result<Client, Ended> {
        let mut warned = false;
        loop {
            self.connecting = Instant::now();
            let attempt = attempt(&self.config, self.tls.clone(), resumed.clone());
            let outcome = tokio::select! {
                outcome = attempt => outcome,
                closed = closing(&mut self.inbox, &mut self.stance, &mut self.dead) => return Err(closed),
            };
            match outcome {
                Ok(client) => return Ok(client),
                Err(ZkError::SessionExpired) => return Err(Ended::Lost),
                Err(ZkError::AuthFailed) => return Err(Ended::Refused(refusal(&self.config))),
                Err(error) if !warned => {
                    // The client keeps a server's own words to itself, at level debug.
                    let more = "log=info,zookeeper_client=debug";
                    warn!(%error, ensemble = %self.config.ensemble, more, "ZooKeeper can't be reached; will retry");
                    warned = true;
                }
                Err(error) => debug!(%error, "ZooKeeper still can't be reached"),
            }
            tokio::select! {
                () = sleep(CONNECT_PAUSE) => (),
                closed = closing(&mut self.inbox, &mut self.stance, &mut self.dead) => return Err(closed),
            }
        }
    }

    /// Says E005 when the ensemble's ticks are too long for the session that was asked for.
    pub(crate) fn granted(&mut self, session: Duration) {
        if self.granted.replace(session) != Some(session)
            && let Some(problem) = too_long(self.config.session_timeout, session)
        {
            warn!("{problem}");
        }
    }

    pub(crate) fn connected(&mut self) {
        info!(
            "dfESPkafkaConnector::z_watcher(): Zookeeper watcher event: watcher = SESSION_EVENT, \
             state = CONNECTED_STATE, path = "
        );
        self.suspended = false;
        (self.facts)(CoordinatorFact::Connected);
    }

    /// `heard` is when the last request left that was answered.
    pub(crate) fn suspended(&mut self, heard: Instant) {
        if !self.suspended {
            warn!("the connection to ZooKeeper is lost; the session may still live");
            self.suspended = true;
            (self.facts)(CoordinatorFact::Suspended { silent: heard.elapsed() });
        }
    }

    pub(crate) fn session_lost(&mut self) {
        warn!("the ZooKeeper session is lost; a new one will be opened");
        self.forget_all();
    }

    /// Without a session nothing holds that was asked for: whoever was cut off itself may have wanted the living removed.
    fn forget_all(&mut self) {
        self.stance = Stance::Out;
        self.dead.clear();
        (self.facts)(CoordinatorFact::SessionLost);
    }

    pub(crate) fn tell(&mut self, fact: CoordinatorFact) {
        (self.facts)(fact);
    }

    /// The line can be used again, so that a failure would be news.
    pub(crate) fn recovered(&mut self) {
        self.failure = None;
    }

    pub(crate) fn failed(&mut self, reason: String) {
        if self.failure.as_ref() != Some(&reason) {
            self.failure = Some(reason.clone());
            (self.facts)(CoordinatorFact::Failing { reason });
        }
    }

    /// The login is refused: without a session there is no entry. Waits before the next try, taking commands meanwhile.
    pub(crate) async fn refused(&mut self, reason: String) -> Result<(), Ended> {
        self.failed(reason);
        self.forget_all();
        tokio::select! {
            () = sleep(REFUSED_PAUSE) => Ok(()),
            closed = closing(&mut self.inbox, &mut self.stance, &mut self.dead) => Err(closed),
        }
    }
}

/// Takes commands until there is one to close; cancel-safe, since each command is applied as soon as it is taken.
async fn closing(
    inbox: &mut mpsc::Receiver<CoordinatorCommand>,
    stance: &mut Stance,
    dead: &mut Vec<Candidate>,
) -> Ended {
    while let Some(command) = inbox.recv().await {
        if !apply(command, stance, dead) {
            break;
        }
    }
    Ended::Closed
}

/// Notes what is wanted; false when it is the end.
pub fn apply(command: CoordinatorCommand, stance: &mut Stance, dead: &mut Vec<Candidate>) -> bool {
    match command {
        CoordinatorCommand::Join if *stance == Stance::Out && mutated(Mutation::KeepsTheLeftNode) => {
            *stance = Stance::Entering;
        }
        CoordinatorCommand::Join if *stance == Stance::Out => *stance = Stance::Wanting,
        CoordinatorCommand::Join => (),
        CoordinatorCommand::Leave if mutated(Mutation::LeavesItsNode) => (),
        CoordinatorCommand::Leave => *stance = Stance::Out,
        CoordinatorCommand::Displace(candidate) => {
            if dead.len() == DEAD_MAX {
                dead.remove(0);
            }
            dead.push(candidate);
        }
        CoordinatorCommand::Close => return false,
    }
    true
}

async fn attempt(config: &Config, tls: Option<TlsOptions>, resumed: Option<SessionInfo>) -> Result<Client, ZkError> {
    let mut connector = Client::connector()
        .with_session_timeout(config.session_timeout)
        // Own rounds are shorter than the client's backoff: a restarted ensemble gives sessions one timeout to come back.
        .with_fail_eagerly()
        .with_server_version(3, 8, 0);
    if let Some(login) = &config.login {
        let token = format!("{}:{}", login.user, login.password.reveal());
        connector = connector.with_auth("digest", token.as_bytes());
    }
    if let Some(session) = resumed {
        connector = connector.with_session(session);
    }
    let servers = config.ensemble.connect_string();
    let connect = async {
        match tls {
            Some(tls) => connector.with_tls(tls).secure_connect(&servers).await,
            None => connector.connect(&servers).await,
        }
    };
    timeout(config.session_timeout, connect).await.unwrap_or(Err(ZkError::Timeout))
}

/// Why the servers don't take us.
pub(crate) fn refusal(config: &Config) -> String {
    match &config.login {
        Some(login) => format!("ZooKeeper {} refuses the login of {:?}", config.ensemble, login.user),
        None => format!("ZooKeeper {} demands a login and none is configured", config.ensemble),
    }
}
