//! Taking the place of a dead candidate away, by somebody who knows for certain that it is dead: the guardian, which is its
//! parent process. Without one the coordinator finds out by itself, later.

use std::{fmt, path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

#[cfg(not(feature = "etcd"))]
use super::WITHOUT_ETCD;
use super::{BoxFuture, StoreError, zookeeper};

/// What a guardian needs to take a dead master's place away: written by the master each time it gets a place, and passed on the
/// pipe between the two ([`crate::guardian`]).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "coordinator", rename_all = "lowercase")]
pub enum Obituary {
    /// The kernel frees the lock: nothing to do.
    Embedded {
        /// The folder of the lock.
        dir: PathBuf,
    },
    /// A node in the queue.
    ZooKeeper {
        /// `host:port`, several with commas between.
        servers: String,
        /// The whole path of the node in the queue. Its number is never used again, so nobody else's node can have it.
        node: String,
        /// `user:password` of the digest scheme, if nodes have ACLs.
        auth: Option<String>,
        /// Session time-out to ask for, in ms.
        session_timeout_ms: u64,
    },
    /// A lease.
    Etcd {
        /// `http://host:port`, several with commas between.
        endpoints: String,
        /// Its number, never used again.
        lease: i64,
    },
}

impl fmt::Debug for Obituary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded { dir } => write!(f, "embedded {}", dir.display()),
            Self::ZooKeeper { servers, node, .. } => write!(f, "zookeeper {servers}{node}"),
            Self::Etcd { endpoints, lease } => write!(f, "etcd {endpoints} lease {lease:x}"),
        }
    }
}

/// A connection to the coordinator for taking places away, opened long before it is needed: a failover does not wait for a
/// handshake. It connects, and connects again, by itself for as long as it lives.
pub trait Guard: Send + Sync {
    /// Takes the place away; true if it was there. Retried within until it is certain or the time of a session has passed.
    fn evict(&self, obituary: &Obituary) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// For a person: `connected to 127.0.0.1:2181`, or what is wrong.
    fn health(&self) -> String;
}

/// Opens the connection that places like this one are taken away with. Never fails: what can't be reached is tried again for as
/// long as the guard lives, and [`Guard::health`] says so meanwhile. To be called inside a runtime of tokio. A guard takes places
/// of other ensembles away as well, but has to connect first.
pub fn open(obituary: &Obituary) -> Arc<dyn Guard> {
    match obituary {
        Obituary::Embedded { .. } => Arc::new(Kernel),
        Obituary::ZooKeeper { servers, auth, session_timeout_ms, .. } => {
            Arc::new(zookeeper::ZooKeeperGuard::open(servers, auth.as_deref(), *session_timeout_ms))
        }
        #[cfg(feature = "etcd")]
        Obituary::Etcd { endpoints, .. } => Arc::new(super::etcd::EtcdGuard::open(endpoints)),
        #[cfg(not(feature = "etcd"))]
        Obituary::Etcd { .. } => Arc::new(Unknown),
    }
}

/// The embedded coordinator's: the kernel has freed the lock before anybody can hear of the death.
struct Kernel;

impl Guard for Kernel {
    fn evict(&self, obituary: &Obituary) -> BoxFuture<'_, Result<bool, StoreError>> {
        if matches!(obituary, Obituary::Embedded { .. }) {
            return Box::pin(async { Ok(false) });
        }
        elsewhere(obituary)
    }

    fn health(&self) -> String {
        "embedded: the kernel frees the lock of a dead master".to_owned()
    }
}

/// For a coordinator that this program was built without.
#[cfg(not(feature = "etcd"))]
struct Unknown;

#[cfg(not(feature = "etcd"))]
impl Guard for Unknown {
    fn evict(&self, obituary: &Obituary) -> BoxFuture<'_, Result<bool, StoreError>> {
        if matches!(obituary, Obituary::Etcd { .. }) {
            return Box::pin(async { Err(StoreError::Invalid(WITHOUT_ETCD.to_owned())) });
        }
        elsewhere(obituary)
    }

    fn health(&self) -> String {
        WITHOUT_ETCD.to_owned()
    }
}

/// Takes a place away that the open connection does not reach, with one that is opened for it.
pub(super) fn elsewhere(obituary: &Obituary) -> BoxFuture<'static, Result<bool, StoreError>> {
    let (guard, obituary) = (open(obituary), obituary.clone());
    Box::pin(async move { guard.evict(&obituary).await })
}
