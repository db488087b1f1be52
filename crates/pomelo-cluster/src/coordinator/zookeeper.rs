//! ZooKeeper as the coordinator: candidates queue as ephemeral sequential nodes, as the original's plugin does, under
//! the same names, so that `ls` shows what one expects and the plugin can read who leads.
//!
//! | znode under the configured path | what it holds |
//! | --- | --- |
//! | (the path itself) | the leader: JSON with the original's `id`, `host`, `port` first, then `pid`, `epoch`, `lock`, `session` |
//! | `lock/<serverId>-NNNNNNNNNN` | one candidate, ephemeral; the lowest number leads |
//! | `epoch` | the last epoch, decimal |
//!
//! What differs from the plugin: numbers are compared as numbers; a candidate watches its own node as well as the one
//! before it and looks again after any event; a node whose creation was not confirmed is found again by its session;
//! and a promotion is one transaction that fails when the candidate's node is gone.
//!
//! [`session`] keeps the session, [`queue`] the place in the queue, [`promote`] writes terms.

mod guard;
mod promote;
mod queue;
mod session;

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::{Mutex, mpsc, watch};
use zookeeper_client::Client;

pub(super) use self::guard::ZooKeeperGuard;
use self::session::Sessions;
use super::{
    BoxFuture, Candidacy, CandidateInfo, Coordinator, Events, MasterAddr, Obituary, OwnedTask, PromoteError,
    Record, StoreError, Term, Write,
};

/// The session time-out that is asked for. The server may grant more: at least two of its ticks.
pub const SESSION_TIMEOUT_MS_DEFAULT: u64 = 2_000;

/// Where the original's plugin keeps the leader.
pub const PATH_DEFAULT: &str = "/pomelo/master";

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
}

/// Candidates that meet in a ZooKeeper ensemble.
#[derive(Clone, PartialEq, Eq)]
pub struct ZooKeeperCoordinator {
    servers: Arc<str>,
    path: Arc<str>,
    session_timeout: Duration,
}

impl ZooKeeperCoordinator {
    /// `server` is `host:port`, several with commas between, and may end with a chroot (`host:2181/game`); `path` is the
    /// node of the leader, usually [`PATH_DEFAULT`]. Nodes that are missing are made, the chroot too.
    pub fn new(server: &str, path: &str) -> Result<Self, ZooKeeperConfigError> {
        let (servers, chroot) = server.find('/').map_or((server, ""), |at| server.split_at(at));
        let host_port = |one: &str| {
            one.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if !servers.split(',').all(host_port) {
            return Err(ZooKeeperConfigError::Server { found: server.to_owned() });
        }
        let full = format!("{}{}", chroot.trim_end_matches('/'), path.trim_end_matches('/'));
        let named =
            |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(char::is_control);
        if !full.strip_prefix('/').is_some_and(|full| full.split('/').all(named)) {
            return Err(ZooKeeperConfigError::Path { found: format!("{chroot}{path}") });
        }
        let session_timeout = Duration::from_millis(SESSION_TIMEOUT_MS_DEFAULT);
        Ok(Self { servers: servers.into(), path: full.into(), session_timeout })
    }

    /// Asks for another session time-out: how long a candidate that fell silent keeps its place.
    #[must_use]
    pub fn session_timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.session_timeout = Duration::from_millis(timeout_ms);
        self
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
        let config = Arc::new(self.clone());
        let sessions = Sessions::new(Arc::clone(&config), me.clone(), place, events);
        let task = Mutex::new(OwnedTask::spawn(sessions.run()));
        (Box::new(ZooKeeperCandidacy { config, me, place: seen, task }), receiver)
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
}

struct ZooKeeperCandidacy {
    config: Arc<ZooKeeperCoordinator>,
    me: CandidateInfo,
    place: watch::Receiver<Option<Place>>,
    task: Mutex<OwnedTask>,
}

impl Candidacy for ZooKeeperCandidacy {
    fn promote(&self, above: u64) -> BoxFuture<'_, Result<Term, PromoteError>> {
        Box::pin(async move {
            let place = self.place.borrow().clone();
            match place {
                Some(place) if place.first => promote::promote(&self.config, &self.me, &place, above).await,
                Some(_) => Err(PromoteError::Fenced("others are before this candidate".to_owned())),
                None => Err(PromoteError::Fenced("no place in the queue".to_owned())),
            }
        })
    }

    fn resign(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.task.lock().await.end().await;
            let place = self.place.borrow().clone();
            if let Some(place) = place {
                let lock = format!("{}/lock/{}", self.config.path, place.node);
                // The session's end removes the node too, but nobody would confirm that.
                _ = tokio::time::timeout(self.config.session_timeout, queue::remove(&place.client, &lock))
                    .await;
            }
        })
    }

    fn write(&self, _: &Term, _: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Err(StoreError::Unavailable("not built yet".to_owned())) })
    }

    fn list(&self, _: &str) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn evict(&self, _: &MasterAddr) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async { Ok(false) })
    }

    fn lease_left(&self) -> Option<Duration> {
        None
    }

    fn obituary(&self) -> watch::Receiver<Option<Obituary>> {
        watch::channel(None).1
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
