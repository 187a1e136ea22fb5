//! The handle, and the one task that owns all links.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ports::coordinator::{Candidate, HostPort};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};
use tracing::warn;
use types::{MemberName, Tick};

use crate::conversation::{Common, News};
use crate::dialing::Dial;
use crate::link::{Link, LinkAction, LinkEvent, Verdict};
use crate::listening::listen;
use crate::{Config, Error, PeerFact, PeerMessage, PeerStatus};

/// Members a replica keeps links to; further ones are not called, and a warning says so.
pub const MEMBERS_MAX: usize = 64;
/// Messages that may wait for one member; at the bound [`PeerLinks::send`] fails.
pub const MESSAGES_MAX: usize = 64;
/// News from connections that may wait for the task that decides; at the bound the connections read no further.
const NEWS_MAX: usize = 1024;
/// A silent member that nobody lists any more is forgotten after this.
const FORGET_AFTER: Duration = Duration::from_secs(60);

/// The links' thread: opens the port, says where, then runs the task it is given.
fn run(
    runtime: &Runtime,
    config: &Config,
    wanted: SocketAddr,
    opened: &SyncSender<Result<SocketAddr, Error>>,
    task: &Receiver<Task>,
) {
    own_descriptors();
    let listener = match open(runtime, config, wanted) {
        Ok(listener) => listener,
        Err(error) => {
            // Whoever started the links waits for just this.
            let _ = opened.send(Err(error));
            return;
        }
    };
    let _ = opened.send(listener.local_addr().map_err(Error::Thread));
    if let Ok(task) = task.recv() {
        runtime.block_on(task.run(listener));
    }
}

/// Gives this thread a table of file descriptors of its own.
///
/// A process that is killed closes what all its threads share only when the last of them is gone: with some thirty threads
/// on a busy machine that was seen to take 20 to 50 ms, during which nobody knew of the death. This thread's sockets now
/// close with this thread. What was open before stays open in both tables under the same number: the runtime's two
/// descriptors, which the other table keeps until the process ends, and standard error.
///
/// What other threads open later means nothing here, or something else. So this thread wakes nobody through a descriptor:
/// facts go through channels that wait on a futex, and no runtime of the process may listen for signals, because the first
/// one that notices a signal wakes the tasks of all others. That once broke this thread with "bad file descriptor" while
/// its replica was asked to stop.
#[expect(
    deprecated,
    reason = "sound here: what was opened before is never closed while it is used, what is opened after is this thread's alone"
)]
fn own_descriptors() {
    if let Err(error) = rustix::thread::unshare(rustix::thread::UnshareFlags::FILES) {
        warn!(%error, "this thread shares its descriptors: peers hear of a death a little later");
    }
}

fn open(runtime: &Runtime, config: &Config, wanted: SocketAddr) -> Result<tokio::net::TcpListener, Error> {
    let listener = bind(config, wanted)?;
    let _inside = runtime.enter();
    tokio::net::TcpListener::from_std(listener).map_err(Error::Thread)
}

type Facts = Box<dyn FnMut(PeerFact) + Send>;
type Outboxes = Arc<Mutex<BTreeMap<MemberName, mpsc::Sender<PeerMessage>>>>;

/// Links to all other members.
///
/// They have a thread and runtime of their own, so that whatever blocks a shared one neither stops heartbeats nor delays a
/// verdict. Dropping the handle hangs up and closes the port; [`PeerLinks::stop`] waits for that.
#[derive(Debug)]
pub struct PeerLinks {
    address: SocketAddr,
    peer: Arc<str>,
    members: watch::Sender<Vec<Candidate>>,
    status: watch::Sender<PeerStatus>,
    outboxes: Outboxes,
    refused: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl PeerLinks {
    /// Listens at once and calls whom [`PeerLinks::set_members`] names, and whoever calls here. `facts` is called on the
    /// links' thread and must not block.
    ///
    /// # Errors
    /// [`Error::AddressInUse`], [`Error::Listen`], [`Error::Unresolved`], [`Error::SecretNeeded`], [`Error::EmptySecret`],
    /// [`Error::NameTooLong`], [`Error::Thread`]: nothing was started.
    pub fn start(config: Config, facts: impl FnMut(PeerFact) + Send + 'static) -> Result<Self, Error> {
        let wanted = config.listen_address()?;
        let (opened, address) = sync_channel(1);
        let (hand_over, task_to_run) = sync_channel(1);
        let settings = config.clone();
        // Before the thread has descriptors of its own: whoever sends to it wakes it through one of the runtime's.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
        let run = move || run(&runtime, &settings, wanted, &opened, &task_to_run);
        let thread = std::thread::Builder::new().name("peer".to_owned()).spawn(run).map_err(Error::Thread)?;
        let address: SocketAddr = address.recv().map_err(|gone| Error::Thread(io::Error::other(gone)))??;
        let peer = config.advertise.clone().unwrap_or_else(|| HostPort::from(address)).to_string();
        let (members, lists) = watch::channel(Vec::new());
        let (status, beats) = watch::channel(PeerStatus::default());
        let (news, inbox) = mpsc::channel(NEWS_MAX);
        let refused = Arc::new(AtomicU64::new(0));
        let outboxes = Outboxes::default();
        let peer: Arc<str> = peer.into();
        let common =
            Common { config: Arc::new(config), peer: peer.clone(), status: beats, news, refused: refused.clone() };
        let task = Task {
            common,
            lists,
            inbox,
            facts: Box::new(facts),
            outboxes: outboxes.clone(),
            started: Instant::now(),
            links: BTreeMap::new(),
        };
        hand_over.send(task).map_err(|gone| Error::Thread(io::Error::other(gone.to_string())))?;
        Ok(Self { address, peer, members, status, outboxes, refused, thread: Some(thread) })
    }

    /// Where it listens; tells the port when any was allowed.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where others reach this replica, `host:port`: what goes into a [`Candidate`].
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Who is to be called: the line, or the members of the notebook. The own entry is skipped; an entry under the own name
    /// and another start is called too, to learn whether it lives. Who called here stays without being listed, until dead.
    pub fn set_members(&self, members: Vec<Candidate>) {
        self.members.send_replace(members);
    }

    /// What the heartbeats say from now on; a change of role, term, eligibility or draining is sent at once.
    pub fn publish_status(&self, status: PeerStatus) {
        self.status.send_if_modified(|last| {
            let urgent = |status: &PeerStatus| (status.role, status.term, status.eligible, status.draining);
            let is_urgent = urgent(last) != urgent(&status);
            *last = status;
            is_urgent
        });
    }

    /// Sends over a standing link; it arrives once or not at all, and nobody says which.
    ///
    /// # Errors
    /// [`Error::NotLinked`], [`Error::Backlog`]: nothing was sent.
    pub fn send(&self, member: &MemberName, message: PeerMessage) -> Result<(), Error> {
        let outboxes = self.outboxes.lock().unwrap_or_else(PoisonError::into_inner);
        let not_linked = || Error::NotLinked { member: member.clone() };
        let outbox = outboxes.get(member).ok_or_else(not_linked)?;
        outbox.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => Error::Backlog { member: member.clone(), waiting: MESSAGES_MAX },
            TrySendError::Closed(_) => not_linked(),
        })
    }

    /// How many hellos, answers and connections were refused: forged, foreign, of another version, too many.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Hangs up, closes the port and waits for the thread.
    pub fn stop(mut self) {
        let thread = self.thread.take();
        drop(self);
        if let Some(thread) = thread {
            // A panic there was printed by its own hook.
            let _ = thread.join();
        }
    }
}

/// Blocking, so that a caller inside another runtime may start links too.
fn bind(config: &Config, wanted: SocketAddr) -> Result<TcpListener, Error> {
    let address = config.listen.clone();
    let bound = TcpListener::bind(wanted).and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
    bound.map_err(|source| {
        if source.kind() == ErrorKind::AddrInUse {
            Error::AddressInUse { address, source }
        } else {
            Error::Listen { address, source }
        }
    })
}

/// A link with what the shell keeps of it.
struct Held {
    link: Link,
    connection: Option<AbortHandle>,
    outbox: Option<mpsc::Sender<PeerMessage>>,
    listed: bool,
}

/// Why the task wakes.
enum Wake {
    Members,
    Stop,
    News(News),
    Due,
}

struct Task {
    common: Common,
    lists: watch::Receiver<Vec<Candidate>>,
    inbox: mpsc::Receiver<News>,
    facts: Facts,
    outboxes: Outboxes,
    started: Instant,
    links: BTreeMap<MemberName, Held>,
}

impl Task {
    async fn run(mut self, listener: tokio::net::TcpListener) {
        let listening = tokio::spawn(listen(listener, self.common.clone()));
        loop {
            match self.next_wake().await {
                Wake::Members => self.set_members(),
                Wake::Stop => break,
                Wake::News(News::Link { member, event }) => self.handle(&member, event),
                // Whoever calls and proves itself is worth a link of our own, listed or not.
                Wake::News(News::Caller(candidate)) => self.expect(candidate),
                Wake::News(News::Fact(fact)) => (self.facts)(fact),
                Wake::Due => self.due(),
            }
        }
        // The port first, so that peers who are cut off find nobody; everything else goes with the runtime.
        listening.abort();
        let _ = listening.await;
    }

    /// Safe to cancel: every branch is.
    async fn next_wake(&mut self) -> Wake {
        let deadline = self.links.values().filter_map(|held| held.link.deadline()).min();
        let due = async {
            match deadline {
                Some(tick) => sleep_until(self.started + Duration::from_nanos(tick.0)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // What was heard goes before what is judged.
            biased;
            Some(news) = self.inbox.recv() => Wake::News(news),
            changed = self.lists.changed() => changed.map_or(Wake::Stop, |()| Wake::Members),
            () = due => Wake::Due,
        }
    }

    fn now(&self) -> Tick {
        Tick(u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn set_members(&mut self) {
        let members = self.lists.borrow_and_update().clone();
        for held in self.links.values_mut() {
            held.listed = false;
        }
        for candidate in members.into_iter().filter(|candidate| HostPort::parse(&candidate.peer).is_some()) {
            let member = candidate.member.clone();
            self.expect(candidate);
            if let Some(held) = self.links.get_mut(&member) {
                held.listed = true;
            }
        }
        self.forget();
    }

    fn expect(&mut self, candidate: Candidate) {
        let config = &self.common.config;
        if candidate.member == config.member && candidate.incarnation == config.incarnation {
            return;
        }
        let (now, member) = (self.now(), candidate.member.clone());
        if self.links.contains_key(&member) {
            let Candidate { incarnation, peer, .. } = candidate;
            return self.handle(&member, LinkEvent::Expected { incarnation, peer });
        }
        if self.links.len() >= MEMBERS_MAX {
            return warn!(%member, "too many members; this one is not called");
        }
        let link = Link::new(now, candidate, config.heartbeat);
        self.links.insert(member.clone(), Held { link, connection: None, outbox: None, listed: false });
        self.act(&member);
    }

    fn handle(&mut self, member: &MemberName, event: LinkEvent) {
        let now = self.now();
        let Some(held) = self.links.get_mut(member) else { return };
        let was_open = held.link.is_open();
        held.link.handle(now, event);
        // Before the news is told, since whoever hears it may send at once.
        let opened = held.outbox.clone().filter(|_| !was_open && held.link.is_open());
        if let Some(outbox) = opened {
            self.lock_outboxes().insert(member.clone(), outbox);
        }
        self.act(member);
    }

    fn due(&mut self) {
        let now = self.now();
        let due = |held: &Held| held.link.deadline().is_some_and(|deadline| deadline <= now);
        let members: Vec<_> =
            self.links.iter().filter(|(_, held)| due(held)).map(|(member, _)| member.clone()).collect();
        for member in members {
            self.handle(&member, LinkEvent::Due);
        }
        self.forget();
    }

    fn act(&mut self, member: &MemberName) {
        while let Some(action) = self.links.get_mut(member).and_then(|held| held.link.poll_action()) {
            match action {
                LinkAction::Dial { attempt, peer } => self.dial(member, attempt, peer),
                LinkAction::HangUp => self.hang_up(member),
                LinkAction::Tell(fact) => (self.facts)(fact),
            }
        }
    }

    fn dial(&mut self, member: &MemberName, attempt: u64, peer: String) {
        self.hang_up(member);
        let (sender, outbox) = mpsc::channel(MESSAGES_MAX);
        let dial = Dial { common: self.common.clone(), member: member.clone(), attempt, peer, outbox };
        let connection = tokio::spawn(dial.run()).abort_handle();
        if let Some(held) = self.links.get_mut(member) {
            (held.connection, held.outbox) = (Some(connection), Some(sender));
        }
    }

    fn hang_up(&mut self, member: &MemberName) {
        self.lock_outboxes().remove(member);
        if let Some(held) = self.links.get_mut(member) {
            held.outbox = None;
            if let Some(connection) = held.connection.take() {
                connection.abort();
            }
        }
    }

    /// Drops links that nobody lists and nobody answers.
    fn forget(&mut self) {
        let now = self.now();
        let gone = |held: &Held| match held.link.verdict() {
            Verdict::Dead => true,
            Verdict::Silent { since } => now.since(since) > FORGET_AFTER,
            Verdict::Unknown | Verdict::Alive => false,
        };
        let members: Vec<_> = self.links.iter().filter(|(_, held)| !held.listed && gone(held)).collect();
        for member in members.into_iter().map(|(member, _)| member.clone()).collect::<Vec<_>>() {
            self.hang_up(&member);
            self.links.remove(&member);
        }
    }

    fn lock_outboxes(&self) -> std::sync::MutexGuard<'_, BTreeMap<MemberName, mpsc::Sender<PeerMessage>>> {
        self.outboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
