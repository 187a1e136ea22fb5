//! The few operations on znodes that an election needs, each with a bound.

use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::time::timeout;
use tracing::info;
use zookeeper_client::{
    Acl, Acls, AuthId, Client, CreateMode, CreateOptions, Error as ZkError, OneshotWatcher, Permission,
};

use crate::ElectionPath;
use crate::entry::{Badge, Entry};

/// A line's nodes through one client.
pub(crate) struct Znodes {
    client: Client,
    path: ElectionPath,
    acls: Acls<'static>,
    /// When the last request left that was answered. The session lives at least one timeout longer.
    heard: Cell<Instant>,
}

impl Znodes {
    /// Nodes are open to the login that makes them when `closed`, else to everybody.
    ///
    /// `heard` is when the client began to connect.
    pub(crate) fn new(client: Client, path: ElectionPath, closed: bool, heard: Instant) -> Self {
        let acls = if closed { Acls::creator_all() } else { Acls::anyone_all() };
        Self { client, path, acls, heard: Cell::new(heard) }
    }

    /// When the last request left that was answered; pings don't show.
    pub(crate) fn heard(&self) -> Instant {
        self.heard.get()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn path(&self) -> &ElectionPath {
        &self.path
    }

    /// Waits until the server has what its leader had when this was asked.
    pub(crate) async fn sync(&self) -> Result<(), ZkError> {
        self.bounded(self.client.sync(self.path.parent())).await
    }

    /// The parent's children; a missing parent is made.
    pub(crate) async fn children(&self) -> Result<Vec<String>, ZkError> {
        let parent = self.path.parent();
        match self.bounded(self.client.list_children(parent)).await {
            Err(ZkError::NoNode) => {
                self.make_parents(parent).await?;
                self.bounded(self.client.list_children(parent)).await
            }
            listed => listed,
        }
    }

    /// Those of the nodes that still stand.
    pub(crate) async fn read(&self, names: Vec<&String>) -> Result<Vec<Entry>, ZkError> {
        let paths: Vec<_> = names.iter().map(|name| self.path.child(name)).collect();
        // Requests leave when the futures are made, so all of them are on their way before the first answer.
        let left = Instant::now();
        let answers: Vec<_> = paths.iter().map(|path| self.client.get_data(path)).collect();
        let mut entries = Vec::with_capacity(answers.len());
        for (name, answer) in names.into_iter().zip(answers) {
            match self.bounded_since(left, answer).await {
                Ok((content, stat)) => entries.push(Entry {
                    name: name.clone(),
                    badge: Badge::parse(&content),
                    czxid: stat.czxid,
                    version: stat.version,
                    owner: stat.ephemeral_owner,
                }),
                // Gone since it was listed.
                Err(ZkError::NoNode) => (),
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    /// Makes an ephemeral node at the end of the line. Whatever the answer, the next reading finds it by its owner; a lost
    /// answer makes no second one.
    pub(crate) async fn enter(&self, content: &[u8]) -> Result<(), ZkError> {
        let prefix = self.path.prefix();
        let options = self.options(CreateMode::EphemeralSequential);
        let (_, sequence) = self.bounded(self.client.create(&prefix, content, &options)).await?;
        info!("dfESPkafkaConnector::z_watcher(): Created zookeeper node {prefix}{sequence}");
        Ok(())
    }

    /// Deletes an entry if it is still the very one that was read; whether it did.
    pub(crate) async fn remove(&self, entry: &Entry) -> Result<bool, ZkError> {
        let path = self.path.child(&entry.name);
        // Read again just before: the delete is checked by version only, and a node made anew begins at the same one.
        let (_, stat) = match self.bounded(self.client.get_data(&path)).await {
            Err(ZkError::NoNode) => return Ok(false),
            read => read?,
        };
        if (stat.czxid, stat.version) != (entry.czxid, entry.version) {
            return Ok(false);
        }
        match self.bounded(self.client.delete(&path, Some(entry.version))).await {
            Ok(()) => Ok(true),
            // Somebody was faster, or it has changed.
            Err(ZkError::NoNode | ZkError::BadVersion) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A watch on a node; `None` when it is gone.
    pub(crate) async fn watch(&self, name: String) -> Result<Option<Watch>, ZkError> {
        let path = self.path.child(&name);
        match self.bounded(self.client.get_and_watch_data(&path)).await {
            Ok((_, _, watcher)) => Ok(Some(Watch { name, fired: Box::pin(until_changed(watcher)) })),
            Err(ZkError::NoNode) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether everybody may add to the line's folder or remove from it: the right to remove a node is its folder's.
    pub(crate) async fn folder_is_open(&self) -> Result<bool, ZkError> {
        let (acls, _) = self.bounded(self.client.get_acl(self.path.parent())).await?;
        let gives = |acl: &Acl| acl.permission().has(Permission::CREATE) || acl.permission().has(Permission::DELETE);
        Ok(acls.iter().any(|acl| acl.auth_id() == &AuthId::anyone() && gives(acl)))
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

    fn options(&self, mode: CreateMode) -> CreateOptions<'static> {
        mode.with_acls(self.acls)
    }

    /// The client has no timeout per operation, and its queue waits for a connection without end.
    async fn bounded<T>(&self, operation: impl Future<Output = Result<T, ZkError>>) -> Result<T, ZkError> {
        self.bounded_since(Instant::now(), operation).await
    }

    /// The same for a request that may have left earlier.
    async fn bounded_since<T>(
        &self,
        left: Instant,
        operation: impl Future<Output = Result<T, ZkError>>,
    ) -> Result<T, ZkError> {
        let bound: Duration = self.client.session_timeout();
        let answer = timeout(bound, operation).await.unwrap_or(Err(ZkError::Timeout));
        if is_answer(&answer) {
            self.heard.set(self.heard.get().max(left));
        }
        answer
    }
}

/// Whether the server said it: the client's own words prove nothing.
fn is_answer<T>(answer: &Result<T, ZkError>) -> bool {
    match answer {
        Ok(_) | Err(ZkError::NoNode | ZkError::NodeExists | ZkError::BadVersion | ZkError::NoAuth) => true,
        Err(_) => false,
    }
}

/// A node under watch, for one change.
pub(crate) struct Watch {
    name: String,
    fired: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Watch {
    /// The node.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

async fn until_changed(watcher: OneshotWatcher) {
    // What changed is read from the line: the node may be gone, have other content, or the session may have ended.
    watcher.changed().await;
}

/// Waits for a watch and takes it down once it has fired; without one, for ever.
pub(crate) async fn fired(watch: &mut Option<Watch>) {
    match watch.as_mut() {
        Some(set) => set.fired.as_mut().await,
        None => pending().await,
    }
    *watch = None;
}

/// What is to be watched anew: the name, unless the present watch is on it; a watch on another node is dropped.
pub(crate) fn to_watch(watch: &mut Option<Watch>, name: Option<String>) -> Option<String> {
    if watch.as_ref().map(|watch| &watch.name) == name.as_ref() {
        return None;
    }
    *watch = None;
    name
}
