//! etcd as the coordinator: candidates queue as keys that live as long as a lease, in the order in which the keys were made.
//!
//! | key under the configured prefix | what it holds |
//! | --- | --- |
//! | (the prefix itself) | the leader: JSON with `id`, `host`, `port`, `pid`, `epoch`, `lock` |
//! | `lock/<serverId>-<lease>` | one candidate; the lowest create revision leads |
//! | `epoch` | the last epoch, decimal |
//! | `ops/..`, `claims/..`, `desired/..`, `history/..` | what leaders write, see [`super::store`] |
//!
//! Revisions of the store play the part of ZooKeeper's sequence numbers: they are given once, grow, and a transaction can check
//! them. So each write of a leader is one transaction that fails when its key is not the one it was elected with.
//!
//! It speaks to etcd's JSON gateway (etcd 3.4 and later have it on the port for clients) and not gRPC: the crate etcd-client brings
//! some 90 others and does not build without `protoc` and its include files installed; the gateway needs nothing that is not here
//! anyway. Not here: TLS and users of etcd. It belongs into a private network, as ZooKeeper does.
//!
//! [`queue`] keeps the place in the queue, [`term`] writes, [`client`] and [`http`] are the way to etcd.

mod client;
mod guard;
mod http;
mod lease;
mod queue;
mod term;

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, mpsc, watch},
    time,
};

pub(super) use self::guard::EtcdGuard;
use self::{client::Client, lease::Lease, queue::Queue};
use super::{
    BoxFuture, Candidacy, CandidateInfo, Coordinator, CoordinatorEvent, Events, MasterAddr, Obituary,
    OwnedTask, PromoteError, Record, StoreError, Term, Write, is_host_port,
};

/// The lease that is asked for: how long a candidate that fell silent keeps its place. etcd may grant more.
pub const LEASE_SECONDS_DEFAULT: u32 = 2;

/// Where the leader is, and everything else below.
pub const PREFIX_DEFAULT: &str = "/pomelo/master";

/// Pause before a lease's end is asked for again.
const RESIGN_RETRY: Duration = Duration::from_millis(20);

/// A configuration that can't work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EtcdConfigError {
    /// The list of servers.
    #[error("invalid etcd endpoint {found:?}: expected http://host:port, or several with commas between")]
    Endpoint {
        /// What was given.
        found: String,
    },
    /// The way there.
    #[error("etcd endpoint {found:?}: TLS is not built in, expected http://host:port in a private network")]
    Tls {
        /// What was given.
        found: String,
    },
    /// The prefix of all keys.
    #[error("invalid etcd prefix {found:?}: expected an absolute path like /pomelo/master")]
    Prefix {
        /// What was given.
        found: String,
    },
    /// The lease.
    #[error("an etcd lease of 0 seconds: expected at least 1")]
    Lease,
}

/// Candidates that meet in etcd.
#[derive(Clone, PartialEq, Eq)]
pub struct EtcdCoordinator {
    endpoints: Arc<str>,
    hosts: Arc<[String]>,
    prefix: Arc<str>,
    lease_seconds: u32,
}

impl EtcdCoordinator {
    /// `endpoints` is `http://host:port`, several with commas between; `prefix` is the key of the leader, usually
    /// [`PREFIX_DEFAULT`]; no two clusters have the same. `lease_seconds` is usually [`LEASE_SECONDS_DEFAULT`].
    pub fn new(endpoints: &str, prefix: &str, lease_seconds: u32) -> Result<Self, EtcdConfigError> {
        let hosts = Self::hosts(endpoints)?;
        let named = |part: &str| !part.is_empty() && !part.contains(char::is_control);
        let path = prefix.trim_end_matches('/');
        if !path.strip_prefix('/').is_some_and(|path| path.split('/').all(named)) {
            return Err(EtcdConfigError::Prefix { found: prefix.to_owned() });
        }
        if lease_seconds == 0 {
            return Err(EtcdConfigError::Lease);
        }
        Ok(Self { endpoints: endpoints.into(), hosts, prefix: path.into(), lease_seconds })
    }

    /// `host:port` of each endpoint.
    fn hosts(endpoints: &str) -> Result<Arc<[String]>, EtcdConfigError> {
        let one = |endpoint: &str| {
            let found = endpoint.to_owned();
            if endpoint.starts_with("https://") {
                return Err(EtcdConfigError::Tls { found });
            }
            let host = endpoint.strip_prefix("http://").map(|host| host.trim_end_matches('/'));
            host.filter(|host| is_host_port(host))
                .map(str::to_owned)
                .ok_or(EtcdConfigError::Endpoint { found })
        };
        endpoints.split(',').map(|endpoint| one(endpoint.trim())).collect()
    }
}

impl fmt::Debug for EtcdCoordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

impl Coordinator for EtcdCoordinator {
    fn describe(&self) -> String {
        format!("etcd {}{}", self.endpoints, self.prefix)
    }

    fn join(&self, me: CandidateInfo) -> (Box<dyn Candidacy>, mpsc::Receiver<CoordinatorEvent>) {
        let (events, receiver) = Events::new();
        let (place, seen) = watch::channel(None);
        let (obituary, obituaries) = watch::channel(None);
        let etcd = Arc::new(Etcd::new(self));
        let queue = Queue::new(Arc::clone(&etcd), me.clone(), place, obituary, events);
        let task = Mutex::new(OwnedTask::spawn(queue.run()));
        (Box::new(EtcdCandidacy { etcd, me, place: seen, obituary: obituaries, task }), receiver)
    }
}

/// One candidate's way to etcd.
#[derive(Debug)]
struct Etcd {
    config: EtcdCoordinator,
    client: Client,
}

impl Etcd {
    fn new(config: &EtcdCoordinator) -> Self {
        let client = Client::new(Arc::clone(&config.hosts), Self::limit_of(config));
        Self { config: config.clone(), client }
    }

    /// A connection of its own, for what must not wait behind anything else.
    fn another_client(&self) -> Client {
        Client::new(Arc::clone(&self.config.hosts), self.limit())
    }

    /// How long to wait for one answer. What matters is done while the lease lasts, by another endpoint if need be.
    fn limit(&self) -> Duration {
        Self::limit_of(&self.config)
    }

    fn limit_of(config: &EtcdCoordinator) -> Duration {
        Duration::from_secs(config.lease_seconds.into()) / 2
    }

    fn leader_key(&self) -> &str {
        &self.config.prefix
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.config.prefix)
    }

    fn obituary(&self, lease: i64) -> Obituary {
        Obituary::Etcd { endpoints: self.config.endpoints.to_string(), lease }
    }
}

impl fmt::Display for Etcd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.config.describe())
    }
}

/// A key in the queue, and the lease it hangs on.
#[derive(Clone, Debug)]
struct Place {
    key: String,
    /// The revision at which the key was made, which no other key ever has.
    made: i64,
    lease: Arc<Lease>,
    /// The lowest: once so, for as long as the key is there, because later keys get higher revisions.
    first: bool,
}

struct EtcdCandidacy {
    etcd: Arc<Etcd>,
    me: CandidateInfo,
    place: watch::Receiver<Option<Place>>,
    obituary: watch::Receiver<Option<Obituary>>,
    task: Mutex<OwnedTask>,
}

impl EtcdCandidacy {
    fn place(&self) -> Result<Place, StoreError> {
        let place = self.place.borrow().clone();
        place.ok_or_else(|| StoreError::Fenced("no place in the queue".to_owned()))
    }
}

impl Candidacy for EtcdCandidacy {
    fn promote(&self, above: u64) -> BoxFuture<'_, Result<Term, PromoteError>> {
        Box::pin(async move {
            let place = self.place.borrow().clone();
            match place {
                Some(place) if place.first => term::promote(&self.etcd, &self.me, &place, above).await,
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
                revoke(&self.etcd, &place.lease).await;
            }
        })
    }

    fn write(&self, term: &Term, writes: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        let term = term.clone();
        Box::pin(async move { term::write(&self.etcd, &self.place()?, &term, writes).await })
    }

    fn list(&self, folder: &str) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        let folder = folder.to_owned();
        Box::pin(async move { term::list(&self.etcd, &folder).await })
    }

    fn evict(&self, leader: &MasterAddr) -> BoxFuture<'_, Result<bool, StoreError>> {
        let leader = leader.clone();
        Box::pin(async move { term::evict(&self.etcd, &self.place()?, &leader).await })
    }

    fn lease_left(&self) -> Option<Duration> {
        let left = self.place.borrow().as_ref().map(|place| place.lease.left());
        Some(left.unwrap_or_default())
    }

    fn obituary(&self) -> watch::Receiver<Option<Obituary>> {
        self.obituary.clone()
    }
}

impl Drop for EtcdCandidacy {
    fn drop(&mut self) {
        let place = self.place.borrow().clone();
        if let (Some(place), Ok(runtime)) = (place, tokio::runtime::Handle::try_current()) {
            let etcd = Arc::clone(&self.etcd);
            // Ends by itself when the lease would have.
            runtime.spawn(async move { revoke(&etcd, &place.lease).await });
        }
    }
}

/// Ends a lease, trying until it is over or would be.
async fn revoke(etcd: &Etcd, lease: &Lease) {
    let trying = async {
        while etcd.client.revoke(lease.id).await.is_err() {
            time::sleep(RESIGN_RETRY).await;
        }
    };
    _ = time::timeout(Duration::from_secs(etcd.config.lease_seconds.into()), trying).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_and_prefix_are_taken_apart() {
        let one = EtcdCoordinator::new("http://127.0.0.1:2379", "/pomelo/master", 2).unwrap();
        assert_eq!(one.describe(), "etcd http://127.0.0.1:2379/pomelo/master");
        let many = EtcdCoordinator::new("http://a:1/,http://b:2", "/game/", 2).unwrap();
        assert_eq!((&many.hosts[..], &*many.prefix), (&["a:1".to_owned(), "b:2".to_owned()][..], "/game"));
    }

    #[test]
    fn what_can_not_work_is_refused_in_words() {
        for endpoints in
            ["", "localhost:2379", "http://localhost", "http://:2379", "http://a:1,b:2", "http://a:99999"]
        {
            let error = EtcdCoordinator::new(endpoints, "/pomelo/master", 2).unwrap_err();
            assert!(error.to_string().contains("expected http://host:port"), "{endpoints}: {error}");
        }
        let error = EtcdCoordinator::new("https://a:1", "/pomelo/master", 2).unwrap_err();
        assert!(error.to_string().contains("TLS is not built in"), "{error}");
        for prefix in ["", "/", "pomelo/master", "/a//b"] {
            let error = EtcdCoordinator::new("http://a:1", prefix, 2).unwrap_err();
            assert_eq!(error, EtcdConfigError::Prefix { found: prefix.to_owned() });
        }
        assert_eq!(EtcdCoordinator::new("http://a:1", "/a", 0), Err(EtcdConfigError::Lease));
    }
}
