//! The guardian's own connection to etcd: opened long before it is needed, and used to revoke a dead master's lease.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time;

use super::{EtcdCoordinator, client::Client};
use crate::coordinator::{BoxFuture, Guard, Obituary, OwnedTask, StoreError, guard::elsewhere};

/// How often an idle guard asks etcd how it is, which keeps the connection and shows when it is lost.
const ASK_MS: u64 = 1_000;

/// One request is given up after this, and the next endpoint asked.
const ASK_LIMIT_MS: u64 = 500;

/// A revocation is tried again after this ...
const RETRY_MS: u64 = 20;
/// ... and no more after this: most leases have ended by themselves then.
const EVICT_LIMIT_MS: u64 = 5_000;

pub(crate) struct EtcdGuard {
    /// As in the obituaries that it is for.
    endpoints: String,
    client: Arc<Client>,
    health: Arc<Mutex<String>>,
    _asking: OwnedTask,
}

impl EtcdGuard {
    pub(crate) fn open(endpoints: &str) -> Self {
        // No master starts with endpoints that are wrong; if one did, they can't be reached.
        let hosts = EtcdCoordinator::hosts(endpoints).unwrap_or_else(|_| [endpoints.to_owned()].into());
        let client = Arc::new(Client::new(hosts, Duration::from_millis(ASK_LIMIT_MS)));
        let health = Arc::new(Mutex::new(format!("connecting to {endpoints}")));
        let asking = OwnedTask::spawn(ask(Arc::clone(&client), Arc::clone(&health)));
        Self { endpoints: endpoints.to_owned(), client, health, _asking: asking }
    }
}

impl Guard for EtcdGuard {
    fn evict(&self, obituary: &Obituary) -> BoxFuture<'_, Result<bool, StoreError>> {
        match obituary {
            Obituary::Etcd { endpoints, lease } if *endpoints == self.endpoints => {
                let lease = *lease;
                Box::pin(async move { revoke(&self.client, lease).await })
            }
            _ => elsewhere(obituary),
        }
    }

    fn health(&self) -> String {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Until etcd says that the lease is gone.
async fn revoke(client: &Client, lease: i64) -> Result<bool, StoreError> {
    let end = time::Instant::now() + Duration::from_millis(EVICT_LIMIT_MS);
    loop {
        match client.revoke(lease).await {
            Ok(was_there) => return Ok(was_there),
            Err(error) if time::Instant::now() >= end => return Err(error.into()),
            Err(_) => time::sleep(Duration::from_millis(RETRY_MS)).await,
        }
    }
}

async fn ask(client: Arc<Client>, health: Arc<Mutex<String>>) {
    loop {
        let found = match client.status().await {
            Ok(endpoint) => format!("connected to {endpoint}"),
            Err(error) => error.to_string(),
        };
        *health.lock().unwrap_or_else(PoisonError::into_inner) = found;
        time::sleep(Duration::from_millis(ASK_MS)).await;
    }
}
