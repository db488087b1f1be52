//! ZooKeeper as the coordinator: candidates queue as ephemeral sequential nodes, as the original's plugin does, under
//! the same names, so that `ls` shows what one expects and the plugin can read who leads.
//!
//! | znode under the configured path | what it holds |
//! | --- | --- |
//! | (the path itself) | the leader: JSON with the original's `id`, `host`, `port` first, then `pid`, `epoch`, `lock`, `session` |
//! | `lock/<serverId>-NNNNNNNNNN` | one candidate, ephemeral; the lowest number leads |
//! | `epoch` | the last epoch, decimal |
//! | `ops/…`, `claims/…`, `desired/…`, `history/…` | the leaders' records ([`super::store`]) |
//!
//! What differs from the plugin: numbers are compared as numbers; a candidate watches its own node as well as the one
//! before it and looks again after any event; a node whose creation was not confirmed is found again by its session;
//! and a promotion is one transaction that fails when the candidate's node is gone.
//!
//! [`session`] keeps the session, [`lease`] says how long that may be relied on, [`queue`] keeps the place in the queue,
//! [`promote`] writes terms, [`records`] what leaders want to last, [`evict`] and [`guard`] take places away, [`access`] says who
//! may write at all.

mod access;
mod connect;
mod evict;
mod guard;
mod lease;
mod promote;
mod queue;
mod records;
mod session;

#[doc(hidden)]
pub use self::queue::ahead;

use std::{
    fmt,
    sync::{Arc, Mutex as StdMutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::{Mutex, mpsc, watch},
    time,
};
use zookeeper_client::{Client, Error};

pub use self::access::Credentials;
pub(super) use self::guard::ZooKeeperGuard;
use self::{connect::Ensemble, lease::Lease, records::Known, session::Sessions};
use super::{
    BoxFuture, Candidacy, CandidateInfo, Coordinator, Events, MasterAddr, Obituary, OwnedTask, PromoteError,
    Record, StoreError, Term, Write, is_host_port, store,
};

/// The session time-out that is asked for. The server may grant more: at least two of its ticks.
pub const SESSION_TIMEOUT_MS_DEFAULT: u64 = 2_000;

/// Where the original's plugin keeps the leader.
pub const PATH_DEFAULT: &str = "/pomelo/master";

/// However short the session time-out, an answer is waited for this long.
const ANSWER_MIN_MS: u64 = 100;

/// Most requests of one kind that wait for their answers at a time.
const ASK_AT_ONCE: usize = 64;

/// A configuration that can't work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZooKeeperConfigError {
    /// The list of servers.
    #[error("invalid zookeeper server {found:?}: expected host:port, or several with commas between")]
    Server {
        /// What was given.
        found: String,
    },
    /// The path, or the chroot behind the servers.
    #[error("invalid znode path {found:?}: expected an absolute path like /pomelo/master")]
    Path {
        /// What was given.
        found: String,
    },
    /// The user of the nodes.
    #[error("invalid zookeeper user {found:?}: expected a name without a colon")]
    User {
        /// What was given.
        found: String,
    },
    /// The user's password.
    #[error("zookeeper user {user:?} has no password")]
    Password {
        /// The user.
        user: String,
    },
    /// The user and password that the original comes with.
    #[error(
        "zookeeper user \"pomelo\" with password \"pomelo\" is known to everybody and refused in environment \
         {environment:?}: choose another password"
    )]
    KnownToAll {
        /// Where.
        environment: String,
    },
}

/// Candidates that meet in a ZooKeeper ensemble.
#[derive(Clone, PartialEq, Eq)]
pub struct ZooKeeperCoordinator {
    servers: Arc<str>,
    path: Arc<str>,
    session_timeout: Duration,
    credentials: Option<Credentials>,
}

impl ZooKeeperCoordinator {
    /// `server` is `host:port`, several with commas between, and may end with a chroot (`host:2181/game`); `path` is the
    /// node of the leader, usually [`PATH_DEFAULT`]. Nodes that are missing are made, the chroot too.
    pub fn new(server: &str, path: &str) -> Result<Self, ZooKeeperConfigError> {
        let (servers, chroot) = server.find('/').map_or((server, ""), |at| server.split_at(at));
        if !servers.split(',').all(is_host_port) {
            return Err(ZooKeeperConfigError::Server { found: server.to_owned() });
        }
        let full = format!("{}{}", chroot.trim_end_matches('/'), path.trim_end_matches('/'));
        let named =
            |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(char::is_control);
        if !full.strip_prefix('/').is_some_and(|full| full.split('/').all(named)) {
            return Err(ZooKeeperConfigError::Path { found: format!("{chroot}{path}") });
        }
        let session_timeout = Duration::from_millis(SESSION_TIMEOUT_MS_DEFAULT);
        Ok(Self { servers: servers.into(), path: full.into(), session_timeout, credentials: None })
    }

    /// Asks for another session time-out: how long a candidate that fell silent keeps its place.
    #[must_use]
    pub fn session_timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.session_timeout = Duration::from_millis(timeout_ms);
        self
    }

    /// Shows a user's password on every connection, makes nodes that nobody else may write, and takes those away from everybody
    /// that are there already. All candidates of a cluster have the same.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    fn ensemble(&self) -> Ensemble {
        Ensemble {
            servers: self.servers.to_string(),
            auth: self.credentials.as_ref().map(Credentials::digest),
            session_timeout: self.session_timeout,
        }
    }

    fn obituary(&self, node: String) -> Obituary {
        Obituary::ZooKeeper {
            servers: self.servers.to_string(),
            node,
            auth: self.credentials.as_ref().map(Credentials::digest),
            session_timeout_ms: u64::try_from(self.session_timeout.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// While the connection is away the library keeps requests for later; an answer must not come that late.
    async fn in_time<T>(&self, asking: impl Future<Output = T>) -> Option<T> {
        time::timeout(self.session_timeout.max(Duration::from_millis(ANSWER_MIN_MS)), asking).await.ok()
    }
}

impl fmt::Debug for ZooKeeperCoordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

impl Coordinator for ZooKeeperCoordinator {
    fn describe(&self) -> String {
        format!("zookeeper {}{}", self.servers, self.path)
    }

    fn join(&self, me: CandidateInfo) -> (Box<dyn Candidacy>, mpsc::Receiver<super::CoordinatorEvent>) {
        let (events, receiver) = Events::new();
        let (place, seen) = watch::channel(None);
        let (obituary, _) = watch::channel(None);
        let (config, lease) = (Arc::new(self.clone()), Arc::new(Lease::default()));
        let sessions = Sessions::new(
            Arc::clone(&config),
            me.clone(),
            place,
            obituary.clone(),
            Arc::clone(&lease),
            events,
        );
        let task = Mutex::new(OwnedTask::spawn(sessions.run()));
        let candidacy = ZooKeeperCandidacy {
            config,
            me,
            place: seen,
            obituary,
            lease,
            granted: StdMutex::new(None),
            tried: StdMutex::new(None),
            known: Known::default(),
            task,
        };
        (Box::new(candidacy), receiver)
    }
}

/// A node in the queue, and the session it belongs to.
#[derive(Clone, Debug)]
struct Place {
    client: Client,
    /// Name of the node below `lock`.
    node: String,
    /// The lowest: once so, for as long as the node is there, because later nodes get higher numbers.
    first: bool,
    /// The last epoch and the version of its node, when the queue was last looked at.
    epoch: Option<(u64, i32)>,
}

/// The last term that was granted, and the name of the node it rests on.
#[derive(Clone, Debug)]
struct Granted {
    epoch: u64,
    node: String,
}

struct ZooKeeperCandidacy {
    config: Arc<ZooKeeperCoordinator>,
    me: CandidateInfo,
    place: watch::Receiver<Option<Place>>,
    obituary: watch::Sender<Option<Obituary>>,
    lease: Arc<Lease>,
    granted: StdMutex<Option<Granted>>,
    /// The node with which a promotion was last tried.
    tried: StdMutex<Option<String>>,
    known: Known,
    task: Mutex<OwnedTask>,
}

impl ZooKeeperCandidacy {
    fn place(&self) -> Option<Place> {
        self.place.borrow().clone()
    }

    /// The place that a term rests on, if it is the last one that was granted and the place is still held.
    fn place_of(&self, term: &Term) -> Result<Place, StoreError> {
        let granted = self.granted.lock().ok().and_then(|granted| granted.clone());
        let Some(granted) = granted.filter(|granted| granted.epoch == term.epoch) else {
            return Err(StoreError::Fenced(format!("epoch {} is not the last that was granted", term.epoch)));
        };
        let place = self.place().filter(|place| place.node == granted.node);
        place.ok_or_else(|| {
            StoreError::Fenced(format!("the place in the queue that epoch {} rests on is gone", term.epoch))
        })
    }

    async fn in_time<T>(&self, asking: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let no_answer =
            || StoreError::Unavailable(format!("no answer from zookeeper {}", self.config.servers));
        self.config.in_time(asking).await.unwrap_or_else(|| Err(no_answer()))
    }
}

impl Candidacy for ZooKeeperCandidacy {
    fn promote(&self, above: u64) -> BoxFuture<'_, Result<Term, PromoteError>> {
        Box::pin(async move {
            let mut place = match self.place() {
                Some(place) if place.first => place,
                Some(_) => {
                    return Err(PromoteError::Fenced("others are before this candidate".to_owned()));
                }
                None => return Err(PromoteError::Fenced("no place in the queue".to_owned())),
            };
            // An earlier attempt may have raised the epoch though it was not answered: what was seen before it counts no more.
            let again = |mut tried: MutexGuard<'_, Option<String>>| {
                tried.replace(place.node.clone()).is_some_and(|node| node == place.node)
            };
            if self.tried.lock().map_or(true, again) {
                place.epoch = None;
            }
            let term = promote::promote(&self.config, &self.me, &place, above).await?;
            if let Ok(mut granted) = self.granted.lock() {
                *granted = Some(Granted { epoch: term.epoch, node: place.node });
            }
            Ok(term)
        })
    }

    fn resign(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.task.lock().await.end().await;
            if let Some(place) = self.place() {
                let lock = format!("{}/lock/{}", self.config.path, place.node);
                // The session's end removes the node too, but nobody would confirm that.
                _ = time::timeout(self.config.session_timeout, queue::remove(&place.client, &lock)).await;
            }
            self.lease.end();
            self.obituary.send_replace(None);
        })
    }

    fn write(&self, term: &Term, writes: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        let place = store::check(&writes).and_then(|()| self.place_of(term));
        Box::pin(async move {
            let Place { client, node, .. } = place?;
            self.in_time(records::write(&self.config, &client, &node, &self.known, &writes)).await
        })
    }

    fn list(&self, folder: &str) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        let (checked, folder) = (store::check_folder(folder), folder.to_owned());
        Box::pin(async move {
            checked?;
            let no_place = || StoreError::Unavailable("no place in the queue".to_owned());
            let Place { client, .. } = self.place().ok_or_else(no_place)?;
            self.in_time(records::list(&self.config, &client, &self.known, &folder)).await
        })
    }

    fn evict(&self, leader: &MasterAddr) -> BoxFuture<'_, Result<bool, StoreError>> {
        let leader = leader.clone();
        Box::pin(async move {
            let no_place = || StoreError::Fenced("no place in the queue".to_owned());
            let Place { client, node, .. } = self.place().ok_or_else(no_place)?;
            self.in_time(evict::evict(&self.config, &client, &node, &leader)).await
        })
    }

    fn lease_left(&self) -> Option<Duration> {
        Some(self.lease.left())
    }

    fn obituary(&self) -> watch::Receiver<Option<Obituary>> {
        self.obituary.subscribe()
    }
}

/// What a request that failed means to who made it.
#[expect(clippy::needless_pass_by_value, reason = "used as `map_err(unavailable)`")]
fn unavailable(error: Error) -> StoreError {
    StoreError::Unavailable(explain(&error))
}

/// The library's words, and more of them where they are few.
fn explain(error: &Error) -> String {
    match error {
        Error::NoAuth => "not authorized: the nodes belong to another user of zookeeper than the configured one                           (or to one, and none is configured)"
            .to_owned(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_chroot_and_path_are_taken_apart() {
        let one = ZooKeeperCoordinator::new("127.0.0.1:2181", "/pomelo/master").unwrap();
        assert_eq!(one.describe(), "zookeeper 127.0.0.1:2181/pomelo/master");
        let many = ZooKeeperCoordinator::new("a:1,b:2/game/", "/pomelo/master/").unwrap();
        assert_eq!((&*many.servers, &*many.path), ("a:1,b:2", "/game/pomelo/master"));
    }

    #[test]
    fn what_can_not_work_is_refused_in_words() {
        for server in ["", "localhost", "localhost:", ":2181", "a:1,b", "a:99999"] {
            let error = ZooKeeperCoordinator::new(server, "/pomelo/master").unwrap_err();
            assert_eq!(error, ZooKeeperConfigError::Server { found: server.to_owned() });
        }
        for path in ["", "/", "pomelo/master", "/a//b", "/a/../b"] {
            assert!(matches!(ZooKeeperCoordinator::new("a:1", path), Err(ZooKeeperConfigError::Path { .. })));
        }
    }
}
