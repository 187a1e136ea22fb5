//! The session: connects, listens, carries out what [`crate::election`] decides.
//!
//! One loop with one closed list of reasons to wake. A lost connection draws no conclusion; a lost session is believed only
//! when ZooKeeper says so. A client that gave up is never used again: a new one takes the same session up where that is
//! still possible, so that an ensemble which was away for longer than a session costs nobody its place.

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use ports::coordinator::{Candidate, CoordinatorCommand, CoordinatorFact};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, info, warn};
use types::Term;
use zookeeper_client::{
    Acls, Client, CreateMode, CreateOptions, Error as ZkError, OneshotWatcher, SessionInfo, SessionState, StateWatcher,
};

use crate::election::{Me, Stance, Step, Watched, Why, in_order, line_fact, next_step};
use crate::entry::{Badge, Entry};
use crate::{Config, ElectionPath};

/// How long a clean close may take; past it the session is left to expire by itself.
pub const CLOSE_MAX: Duration = Duration::from_secs(1);
/// Between two rounds over all servers while none answers.
const CONNECT_PAUSE: Duration = Duration::from_millis(100);
/// Steps towards what is wanted in a row; a line that changes faster than it is read is left to the next check.
const STEPS_MAX: usize = 64;
/// Entries that are to be displaced and still stand; the oldest request is forgotten past it (its owner's session expires).
const DEAD_MAX: usize = 64;

type Facts = Box<dyn FnMut(CoordinatorFact) + Send>;
type Fired = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs until it is closed or its handle is dropped.
pub(crate) async fn run(config: Config, inbox: mpsc::Receiver<CoordinatorCommand>, facts: Facts) {
    let mut desk = Desk::new(config, inbox, facts);
    let mut resumed = None;
    loop {
        let ended = match desk.connect(resumed.take()).await {
            Ok(client) => Session::new(&mut desk, client).serve().await,
            Err(ended) => ended,
        };
        match ended {
            Ended::Cut(session) => resumed = Some(session),
            Ended::Lost => desk.session_lost(),
            Ended::Closed => return,
            Ended::Failed(reason) => return desk.failed(reason),
        }
    }
}

/// Why there is no client any more.
enum Ended {
    /// No answer for longer than a session; it may live on at the servers.
    Cut(SessionInfo),
    /// ZooKeeper says that the session is gone.
    Lost,
    /// Told to close.
    Closed,
    /// Won't pass by itself.
    Failed(String),
}

/// What outlives a client: what is wanted, and who is told.
struct Desk {
    config: Config,
    path: ElectionPath,
    inbox: mpsc::Receiver<CoordinatorCommand>,
    facts: Facts,
    stance: Stance,
    dead: Vec<Candidate>,
    term: Term,
    suspended: bool,
    /// The last failure told, so that a standing one is told once.
    failure: Option<String>,
}

impl Desk {
    fn new(config: Config, inbox: mpsc::Receiver<CoordinatorCommand>, facts: Facts) -> Self {
        let path = config.path.below(config.ensemble.chroot());
        let (stance, term) = (Stance::Out, Term::default());
        Self { config, path, inbox, facts, stance, dead: Vec::new(), term, suspended: false, failure: None }
    }

    /// Tries all servers, round after round, taking commands meanwhile.
    async fn connect(&mut self, resumed: Option<SessionInfo>) -> Result<Client, Ended> {
        let mut warned = false;
        loop {
            let attempt = attempt(&self.config, resumed.clone());
            let outcome = tokio::select! {
                outcome = attempt => outcome,
                closed = closing(&mut self.inbox, &mut self.stance, &mut self.dead) => return Err(closed),
            };
            match outcome {
                Ok(client) => return Ok(client),
                Err(ZkError::SessionExpired) => return Err(Ended::Lost),
                Err(ZkError::AuthFailed) => return Err(Ended::Failed(refusal(&self.config))),
                Err(error) if !warned => {
                    warn!(%error, ensemble = %self.config.ensemble, "ZooKeeper can't be reached; will retry");
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

    fn connected(&mut self) {
        info!(
            "dfESPkafkaConnector::z_watcher(): Zookeeper watcher event: watcher = SESSION_EVENT, \
             state = CONNECTED_STATE, path = "
        );
        self.suspended = false;
        (self.facts)(CoordinatorFact::Connected);
    }

    fn suspended(&mut self) {
        if !self.suspended {
            warn!("the connection to ZooKeeper is lost; the session may still live");
            self.suspended = true;
            (self.facts)(CoordinatorFact::Suspended);
        }
    }

    fn session_lost(&mut self) {
        warn!("the ZooKeeper session is lost; a new one will be opened");
        self.stance = Stance::Out;
        (self.facts)(CoordinatorFact::SessionLost);
    }

    fn failed(&mut self, reason: String) {
        if self.failure.as_ref() != Some(&reason) {
            self.failure = Some(reason.clone());
            (self.facts)(CoordinatorFact::Failed { reason });
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
fn apply(command: CoordinatorCommand, stance: &mut Stance, dead: &mut Vec<Candidate>) -> bool {
    match command {
        CoordinatorCommand::Join if *stance == Stance::Out => *stance = Stance::Wanting,
        CoordinatorCommand::Join => (),
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

async fn attempt(config: &Config, resumed: Option<SessionInfo>) -> Result<Client, ZkError> {
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
    let answer = timeout(config.session_timeout, connector.connect(&config.ensemble.connect_string())).await;
    answer.unwrap_or(Err(ZkError::Timeout))
}

fn refusal(config: &Config) -> String {
    match &config.login {
        Some(login) => format!("ZooKeeper {} refuses the login of {:?}", config.ensemble, login.user),
        None => format!("ZooKeeper {} demands a login and none is configured", config.ensemble),
    }
}

/// Why the session's loop goes on.
enum Wake {
    State(SessionState),
    Command(Option<CoordinatorCommand>),
    OwnChanged,
    AheadChanged,
    Check,
}

/// How far a reading of the line may trust what it knows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Nodes read before are as they were; the server that sent the event has it.
    Quick,
    /// Everything is read anew, after the server has caught up with its leader.
    Thorough,
}

/// A node under watch.
struct Watch {
    name: String,
    fired: Fired,
}

struct Session<'a> {
    desk: &'a mut Desk,
    client: Client,
    state: StateWatcher,
    me: Me,
    /// Nodes read in this connection, by name.
    known: BTreeMap<String, Entry>,
    told: Option<CoordinatorFact>,
    own: Option<Watch>,
    ahead: Option<Watch>,
}

impl<'a> Session<'a> {
    fn new(desk: &'a mut Desk, client: Client) -> Self {
        let me = Me { badge: Badge::of(&desk.config), session: client.session_id().0 };
        let state = client.state_watcher();
        Self { desk, client, state, me, known: BTreeMap::new(), told: None, own: None, ahead: None }
    }

    async fn serve(mut self) -> Ended {
        let mut check = recheck(self.client.session_timeout());
        self.desk.connected();
        self.read(Reading::Thorough).await;
        loop {
            let wake = self.next_wake(&mut check).await;
            let reading = match wake {
                Wake::State(SessionState::SyncConnected | SessionState::ConnectedReadOnly) => {
                    self.reconnected();
                    Some(Reading::Thorough)
                }
                Wake::State(SessionState::Disconnected) => {
                    self.desk.suspended();
                    None
                }
                Wake::State(SessionState::Expired) => return self.cut(),
                Wake::State(SessionState::AuthFailed) => return Ended::Failed(refusal(&self.desk.config)),
                Wake::State(SessionState::Closed) => return Ended::Lost,
                Wake::Command(command) => match command.map(|command| self.apply(command)) {
                    Some(true) => Some(Reading::Quick),
                    Some(false) | None => return self.close().await,
                },
                Wake::OwnChanged | Wake::AheadChanged => Some(Reading::Quick),
                Wake::Check => Some(Reading::Thorough),
            };
            if let Some(reading) = reading.filter(|_| !self.desk.suspended) {
                self.read(reading).await;
            }
        }
    }

    /// Safe to cancel: every branch is.
    async fn next_wake(&mut self, check: &mut Interval) -> Wake {
        tokio::select! {
            // What the session says comes first: a line may not be read for a session that is known to be gone.
            biased;
            state = self.state.changed() => Wake::State(state),
            command = self.desk.inbox.recv() => Wake::Command(command),
            () = fired(&mut self.own) => Wake::OwnChanged,
            () = fired(&mut self.ahead) => Wake::AheadChanged,
            _ = check.tick() => Wake::Check,
        }
    }

    fn apply(&mut self, command: CoordinatorCommand) -> bool {
        apply(command, &mut self.desk.stance, &mut self.desk.dead)
    }

    /// Watches can miss what happened while the connection was away (ZOOKEEPER-4698), and the nodes may have changed
    /// owners: nothing known is kept. Only the newest state is told by the client, so the loss may go unsaid until now.
    fn reconnected(&mut self) {
        self.desk.suspended();
        self.known.clear();
        self.told = None;
        (self.own, self.ahead) = (None, None);
        self.desk.connected();
    }

    fn cut(self) -> Ended {
        self.desk.suspended();
        Ended::Cut(self.client.session().clone())
    }

    /// The session ends when the last clone of its client is gone; its node goes with it.
    async fn close(self) -> Ended {
        let Self { client, mut state, own, ahead, .. } = self;
        drop((own, ahead, client));
        let closed = async { while !state.changed().await.is_terminated() {} };
        if timeout(CLOSE_MAX, closed).await.is_err() {
            warn!("ZooKeeper did not confirm the close in time; the node goes when the session expires");
        }
        Ended::Closed
    }

    /// Reads the line and works towards what is wanted; a failed operation is left to the next wake.
    async fn read(&mut self, reading: Reading) {
        match self.try_read(reading).await {
            Ok(()) => self.desk.failure = None,
            Err(error) if passes(&error) => debug!(%error, "the line could not be read; will retry"),
            Err(error) => {
                let place = format!("{} at {}", self.desk.path.parent(), self.desk.config.ensemble);
                self.desk.failed(format!("the line {place} can't be used: {error}"));
            }
        }
    }

    async fn try_read(&mut self, reading: Reading) -> Result<(), ZkError> {
        if reading == Reading::Thorough {
            self.known.clear();
            self.bounded(self.client.sync(self.desk.path.parent())).await?;
        }
        for _ in 0..STEPS_MAX {
            let line = self.line().await?;
            let step = next_step(&line, &self.me, self.desk.stance, &self.desk.dead);
            match step {
                Step::Remove(entry, why) => self.remove(&entry, why).await?,
                Step::Enter => self.enter().await?,
                Step::NameTaken(entry) => self.name_taken(&entry),
                Step::Evicted => self.desk.stance = Stance::Out,
                Step::Watch(watched) => {
                    self.settle(&line, &watched);
                    if self.watch(watched).await? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// All entries in order; those not known yet are asked for together.
    async fn line(&mut self) -> Result<Vec<Entry>, ZkError> {
        let names = in_order(self.children().await?);
        let missing: Vec<_> = names.iter().filter(|name| !self.known.contains_key(*name)).collect();
        let paths: Vec<_> = missing.iter().map(|name| self.desk.path.child(name)).collect();
        // Requests leave when the futures are made, so all of them are on their way before the first answer.
        let answers: Vec<_> = paths.iter().map(|path| self.client.get_data(path)).collect();
        let mut read = Vec::with_capacity(answers.len());
        for (name, answer) in missing.into_iter().zip(answers) {
            match self.bounded(answer).await {
                Ok((content, stat)) => read.push(Entry {
                    name: name.clone(),
                    badge: serde_json::from_slice(&content).ok(),
                    czxid: stat.czxid,
                    version: stat.version,
                    owner: stat.ephemeral_owner,
                }),
                // Gone since it was listed.
                Err(ZkError::NoNode) => (),
                Err(error) => return Err(error),
            }
        }
        self.known.retain(|name, _| names.contains(name));
        self.known.extend(read.into_iter().map(|entry| (entry.name.clone(), entry)));
        Ok(names.iter().filter_map(|name| self.known.get(name).cloned()).collect())
    }

    async fn children(&self) -> Result<Vec<String>, ZkError> {
        let parent = self.desk.path.parent();
        match self.bounded(self.client.list_children(parent)).await {
            Err(ZkError::NoNode) => {
                self.make_parents(parent).await?;
                self.bounded(self.client.list_children(parent)).await
            }
            listed => listed,
        }
    }

    /// The chroot and the folders below it. What exists is not created again: that would need a right on its parent.
    async fn make_parents(&self, parent: &str) -> Result<(), ZkError> {
        let ends = parent.match_indices('/').map(|(slash, _)| slash).filter(|slash| *slash > 0);
        for path in ends.chain([parent.len()]).map(|end| &parent[..end]) {
            if self.bounded(self.client.check_stat(path)).await?.is_some() {
                continue;
            }
            match self.bounded(self.client.create(path, &[], &self.options(CreateMode::Persistent))).await {
                Ok(_) => info!(path, "made a folder for the line in ZooKeeper"),
                Err(ZkError::NodeExists) => (),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn enter(&mut self) -> Result<(), ZkError> {
        let prefix = self.desk.path.prefix();
        let content = self.me.badge.to_json();
        let options = self.options(CreateMode::EphemeralSequential);
        // Whatever the answer, the next reading finds the node by its owner; a lost answer makes no second one.
        let (_, sequence) = self.bounded(self.client.create(&prefix, &content, &options)).await?;
        info!("dfESPkafkaConnector::z_watcher(): Created zookeeper node {prefix}{sequence}");
        Ok(())
    }

    async fn remove(&mut self, entry: &Entry, why: Why) -> Result<(), ZkError> {
        let path = self.desk.path.child(&entry.name);
        // Read again just before: the delete is checked by version only, and a node made anew begins at the same one.
        let (_, stat) = match self.bounded(self.client.get_data(&path)).await {
            Err(ZkError::NoNode) => return Ok(()),
            read => read?,
        };
        self.known.remove(&entry.name);
        if (stat.czxid, stat.version) != (entry.czxid, entry.version) {
            return Ok(());
        }
        match self.bounded(self.client.delete(&path, Some(entry.version))).await {
            Ok(()) => info!(path, ?why, "removed a node from the line"),
            // Somebody was faster, or it has changed: the next reading shows.
            Err(ZkError::NoNode | ZkError::BadVersion) => (),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn name_taken(&mut self, entry: &Entry) {
        self.desk.stance = Stance::Out;
        let (member, path) = (&self.desk.config.member, self.desk.path.child(&entry.name));
        let reason = format!(
            "a later start of {member:?} stands in line at {path}: two engines can't share a name; stop one of them or give it \
             another --name",
            member = member.as_str(),
        );
        self.desk.failed(reason);
    }

    /// The line needs no change from here: who stands is noted, and it is told when it is news.
    fn settle(&mut self, line: &[Entry], watched: &Watched) {
        if watched.own.is_some() {
            self.desk.stance = Stance::Standing;
        }
        self.desk.dead.retain(|dead| line.iter().any(|entry| entry.candidate() == *dead));
        let fact = line_fact(line, self.desk.term);
        if let CoordinatorFact::Line { term, .. } = &fact {
            self.desk.term = *term;
        }
        if self.told.as_ref() != Some(&fact) {
            self.told = Some(fact.clone());
            (self.desk.facts)(fact);
        }
    }

    /// Sets what isn't watched yet; false when a node has gone meanwhile.
    async fn watch(&mut self, watched: Watched) -> Result<bool, ZkError> {
        if let Some(name) = stale(&mut self.own, watched.own) {
            let Some(watch) = self.place(name).await? else { return Ok(false) };
            self.own = Some(watch);
        }
        if let Some(name) = stale(&mut self.ahead, watched.ahead) {
            let Some(watch) = self.place(name).await? else { return Ok(false) };
            info!(
                "dfESPkafkaConnector::watchActiveZnode(): Watching zookeeper node {}",
                self.desk.path.child(&watch.name)
            );
            self.ahead = Some(watch);
        }
        Ok(true)
    }

    async fn place(&mut self, name: String) -> Result<Option<Watch>, ZkError> {
        let path = self.desk.path.child(&name);
        match self.bounded(self.client.get_and_watch_data(&path)).await {
            Ok((_, _, watcher)) => Ok(Some(Watch { name, fired: Box::pin(until_changed(watcher)) })),
            Err(ZkError::NoNode) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Nodes are open to the login that made them, or to everybody where there is none.
    fn options(&self, mode: CreateMode) -> CreateOptions<'static> {
        mode.with_acls(if self.desk.config.login.is_some() { Acls::creator_all() } else { Acls::anyone_all() })
    }

    /// The client has no timeout per operation, and its queue waits for a connection without end.
    async fn bounded<T>(&self, operation: impl Future<Output = Result<T, ZkError>>) -> Result<T, ZkError> {
        timeout(self.client.session_timeout(), operation).await.unwrap_or(Err(ZkError::Timeout))
    }
}

/// Twice a session, so that a watch that was lost is missed for less than one.
fn recheck(session: Duration) -> Interval {
    let mut check = interval(session / 2);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    check.reset();
    check
}

/// What is to be watched anew: the name, unless the present watch is on it; a watch on another node is dropped.
fn stale(watch: &mut Option<Watch>, name: Option<String>) -> Option<String> {
    if watch.as_ref().map(|watch| &watch.name) == name.as_ref() {
        return None;
    }
    *watch = None;
    name
}

async fn until_changed(watcher: OneshotWatcher) {
    // What changed is read from the line: the node may be gone, have other content, or the session may have ended.
    watcher.changed().await;
}

/// Waits for a watch and takes it down once it has fired.
async fn fired(watch: &mut Option<Watch>) {
    match watch.as_mut() {
        Some(set) => set.fired.as_mut().await,
        None => pending().await,
    }
    *watch = None;
}

/// Whether it goes away with the connection's troubles, or by trying again.
fn passes(error: &ZkError) -> bool {
    matches!(
        error,
        ZkError::ConnectionLoss
            | ZkError::Timeout
            | ZkError::SessionExpired
            | ZkError::SessionMoved
            | ZkError::ClientClosed
            | ZkError::Throttled
            | ZkError::NotReadOnly
            | ZkError::NoHosts
            | ZkError::NoNode
    )
}
