//! Taking the place of a dead candidate away, by somebody who knows for certain that it is dead: the guardian, which is its
//! parent process. Without one the coordinator finds out by itself, later.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{BoxFuture, StoreError};

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
