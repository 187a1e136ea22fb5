//! The session: connects, listens, carries out what [`crate::election`] decides.
//!
//! One loop with one closed list of reasons to wake. A lost connection draws no conclusion; a lost session is believed only
//! when ZooKeeper says so. A client that gave up is never used again: a new one takes the same session up where that is
//! still possible, so that an ensemble which was away for longer than a session costs nobody its place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ports::coordinator::{CoordinatorCommand, CoordinatorFact};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tracing::{debug, info, warn};
use zookeeper_client::{Client, Error as ZkError, SessionState, StateWatcher, TlsOptions};

use crate::Config;
use crate::desk::{Desk, Ended, Facts, apply, refusal};
use crate::election::{Me, Stance, Step, Watched, Why, in_order, line_fact, next_step};
use crate::entry::{Badge, Entry};
use crate::grant::Granted;
use crate::znodes::{Watch, Znodes, fired, to_watch};

/// How long a clean close may take; past it the session is left to expire by itself.
pub const CLOSE_MAX: Duration = Duration::from_secs(1);
/// Steps towards what is wanted in a row; a line that changes faster than it is read is left to the next check.
const STEPS_MAX: usize = 64;

/// Runs until it is closed or its handle is dropped.
pub(crate) async fn run(
    config: Config,
    tls: Option<TlsOptions>,
    inbox: mpsc::Receiver<CoordinatorCommand>,
    facts: Facts,
    granted: Arc<Granted>,
) {
    let mut desk = Desk::new(config, tls, inbox, facts, granted);
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
            Ended::Refused(reason) => {
                if desk.refused(reason).await.is_err() {
                    return;
                }
            }
        }
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

struct Session<'a> {
    desk: &'a mut Desk,
    znodes: Znodes,
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
        let path = desk.config.path.below(desk.config.ensemble.chroot());
        let znodes = Znodes::new(client, path, desk.config.login.is_some(), desk.connecting);
        Self { desk, znodes, state, me, known: BTreeMap::new(), told: None, own: None, ahead: None }
    }

    async fn serve(mut self) -> Ended {
        let mut check = recheck(self.znodes.client().session_timeout());
        self.desk.granted(self.znodes.client().session_timeout());
        self.desk.connected();
        self.read(Reading::Thorough).await;
        self.warn_of_open_folder().await;
        loop {
            let wake = self.next_wake(&mut check).await;
            let reading = match wake {
                Wake::State(SessionState::SyncConnected | SessionState::ConnectedReadOnly) => {
                    self.reconnected();
                    Some(Reading::Thorough)
                }
                Wake::State(SessionState::Disconnected) => {
                    self.desk.suspended(self.znodes.heard());
                    None
                }
                Wake::State(SessionState::Expired) => return self.cut(),
                Wake::State(SessionState::AuthFailed) => return Ended::Refused(refusal(&self.desk.config)),
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
        self.desk.suspended(self.znodes.heard());
        self.known.clear();
        self.told = None;
        (self.own, self.ahead) = (None, None);
        self.desk.connected();
    }

    fn cut(self) -> Ended {
        self.desk.suspended(self.znodes.heard());
        Ended::Cut(self.znodes.client().session().clone())
    }

    /// The session ends when the last clone of its client is gone; its node goes with it.
    async fn close(self) -> Ended {
        let Self { znodes, mut state, own, ahead, .. } = self;
        drop((own, ahead, znodes));
        let closed = async { while !state.changed().await.is_terminated() {} };
        if timeout(CLOSE_MAX, closed).await.is_err() {
            warn!("ZooKeeper did not confirm the close in time; the node goes when the session expires");
        }
        Ended::Closed
    }

    /// Reads the line and works towards what is wanted; a failed operation is left to the next wake.
    async fn read(&mut self, reading: Reading) {
        match self.try_read(reading).await {
            Ok(()) => self.desk.recovered(),
            Err(error) if passes(&error) => debug!(%error, "the line could not be read; will retry"),
            Err(error) => {
                let place = format!("{} at {}", self.znodes.path().parent(), self.desk.config.ensemble);
                let hint = hint(&error, &self.desk.config);
                self.desk.failed(format!("the line {place} can't be used: {error}{hint}"));
            }
        }
    }

    async fn try_read(&mut self, reading: Reading) -> Result<(), ZkError> {
        if reading == Reading::Thorough {
            self.known.clear();
            self.znodes.sync().await?;
        }
        for _ in 0..STEPS_MAX {
            let line = self.line().await?;
            let step = next_step(&line, &self.me, self.desk.stance, &self.desk.dead);
            match step {
                Step::Remove(entry, why) => self.remove(&entry, why).await?,
                Step::Enter => {
                    // Before the create: its answer may be lost.
                    self.desk.stance = Stance::Entering;
                    self.znodes.enter(&self.me.badge.to_json()).await?;
                }
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

    /// Under a login the line's nodes are closed; a folder from before it still lets everybody remove them.
    async fn warn_of_open_folder(&self) {
        if self.desk.config.login.is_some() && self.znodes.folder_is_open().await.unwrap_or(false) {
            let path = self.znodes.path().parent();
            warn!(
                path,
                "everybody may remove entries of the line: its folder was made without a login; close it by setAcl \
                 <path> auth:<user>:cdrwa in a ZooKeeper shell with this login"
            );
        }
    }

    /// All entries in order; those not known yet are read.
    async fn line(&mut self) -> Result<Vec<Entry>, ZkError> {
        let names = in_order(self.znodes.children().await?);
        let missing = names.iter().filter(|name| !self.known.contains_key(*name)).collect();
        let read = self.znodes.read(missing).await?;
        self.known.retain(|name, _| names.contains(name));
        self.known.extend(read.into_iter().map(|entry| (entry.name.clone(), entry)));
        Ok(names.iter().filter_map(|name| self.known.get(name).cloned()).collect())
    }

    async fn remove(&mut self, entry: &Entry, why: Why) -> Result<(), ZkError> {
        self.known.remove(&entry.name);
        if self.znodes.remove(entry).await? {
            info!(path = self.znodes.path().child(&entry.name), ?why, "removed a node from the line");
        }
        Ok(())
    }

    fn name_taken(&mut self, entry: &Entry) {
        self.desk.stance = Stance::Out;
        let (member, path) = (&self.desk.config.member, self.znodes.path().child(&entry.name));
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
            self.desk.tell(fact);
        }
    }

    /// Sets what isn't watched yet; false when a node has gone meanwhile.
    async fn watch(&mut self, watched: Watched) -> Result<bool, ZkError> {
        if let Some(name) = to_watch(&mut self.own, watched.own) {
            let Some(watch) = self.znodes.watch(name).await? else { return Ok(false) };
            self.own = Some(watch);
        }
        if let Some(name) = to_watch(&mut self.ahead, watched.ahead) {
            let Some(watch) = self.znodes.watch(name).await? else { return Ok(false) };
            let path = self.znodes.path().child(watch.name());
            info!("dfESPkafkaConnector::watchActiveZnode(): Watching zookeeper node {path}");
            self.ahead = Some(watch);
        }
        Ok(true)
    }
}

/// Twice a session, so that a watch that was lost is missed for less than one.
fn recheck(session: Duration) -> Interval {
    let mut check = interval(session / 2);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    check.reset();
    check
}

/// What to look at; a digest login is never refused as such, it only has other rights than the nodes ask for.
fn hint(error: &ZkError, config: &Config) -> String {
    match (error, &config.login) {
        (ZkError::NoAuth, Some(login)) => {
            format!("; its nodes were made under another login than {:?} with this password", login.user)
        }
        (ZkError::NoAuth, None) => "; its nodes were made under a login, and none is configured".to_owned(),
        _ => String::new(),
    }
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
