//! The guardian's own session with the ensemble: opened long before it is needed, and used to delete a dead master's node.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{self, Instant},
};
use zookeeper_client::{Client, Error, SessionState};

use super::connect::{Ensemble, pause};
use crate::coordinator::{BoxFuture, Guard, Obituary, OwnedTask, StoreError, guard};

/// Pause before a node's removal is tried again.
const RETRY_MS: u64 = 20;

/// An attempt that is not answered after this part of the session time-out is made again.
const ATTEMPT_PARTS: u32 = 4;

/// A session that only deletes.
pub(crate) struct ZooKeeperGuard {
    ensemble: Ensemble,
    link: watch::Receiver<Link>,
    #[expect(dead_code, reason = "owned: it ends with this")]
    task: OwnedTask,
}

#[derive(Clone)]
enum Link {
    Connected(Client),
    Away(String),
}

impl ZooKeeperGuard {
    /// Begins to connect.
    pub(crate) fn open(servers: &str, auth: Option<&str>, session_timeout_ms: u64) -> Self {
        let session_timeout = Duration::from_millis(session_timeout_ms);
        let ensemble =
            Ensemble { servers: servers.to_owned(), auth: auth.map(str::to_owned), session_timeout };
        let (say, link) = watch::channel(Link::Away("connecting".to_owned()));
        let task = OwnedTask::spawn(keep(ensemble.clone(), say));
        Self { ensemble, link, task }
    }

    /// Deletes it, trying until that is certain or the node's own session must have ended.
    async fn delete(&self, node: &str) -> Result<bool, StoreError> {
        let begin = Instant::now();
        let mut patience = self.ensemble.session_timeout;
        let mut asked = false;
        loop {
            let attempt = patience / ATTEMPT_PARTS;
            let why = match time::timeout(attempt, self.connected()).await {
                Ok(client) => {
                    // The servers may have granted more than was asked for, to the dead one too.
                    patience = patience.max(client.session_timeout());
                    match time::timeout(attempt, client.delete(node, None)).await {
                        Ok(Ok(())) => return Ok(true),
                        // If an earlier attempt was not answered, it was that one.
                        Ok(Err(Error::NoNode)) => return Ok(asked),
                        Ok(Err(Error::NoAuth)) => {
                            return Err(StoreError::Invalid(format!(
                                "{node} belongs to another user of zookeeper"
                            )));
                        }
                        Ok(Err(error)) => {
                            asked = true;
                            error.to_string()
                        }
                        Err(_) => {
                            asked = true;
                            "no answer".to_owned()
                        }
                    }
                }
                Err(_) => self.health(),
            };
            if begin.elapsed() >= patience {
                return Err(StoreError::Unavailable(why));
            }
            time::sleep(Duration::from_millis(RETRY_MS)).await;
        }
    }

    async fn connected(&self) -> Client {
        let mut link = self.link.clone();
        loop {
            if let Link::Connected(client) = &*link.borrow_and_update() {
                return client.clone();
            }
            if link.changed().await.is_err() {
                // The task is gone; its owner is about to be.
                return std::future::pending().await;
            }
        }
    }
}

impl Guard for ZooKeeperGuard {
    fn evict(&self, obituary: &Obituary) -> BoxFuture<'_, Result<bool, StoreError>> {
        match obituary {
            Obituary::ZooKeeper { servers, node, auth, .. }
                if *servers == self.ensemble.servers && *auth == self.ensemble.auth =>
            {
                let node = node.clone();
                Box::pin(async move { self.delete(&node).await })
            }
            _ => guard::elsewhere(obituary),
        }
    }

    fn health(&self) -> String {
        let servers = &self.ensemble.servers;
        match &*self.link.borrow() {
            Link::Connected(client) if client.state() == SessionState::SyncConnected => {
                format!("connected to zookeeper {servers}")
            }
            Link::Connected(_) => format!("zookeeper {servers} is not heard"),
            Link::Away(why) => format!("zookeeper {servers} can't be reached: {why}"),
        }
    }
}

/// One session after the other. What it held does not matter: it holds nothing.
async fn keep(ensemble: Ensemble, say: watch::Sender<Link>) {
    loop {
        match ensemble.connect().await {
            Ok(client) => {
                let mut states = client.state_watcher();
                let mut state = states.state();
                say.send_replace(Link::Connected(client));
                while !state.is_terminated() {
                    state = states.changed().await;
                }
                say.send_replace(Link::Away("the session ended".to_owned()));
            }
            Err(error) => _ = say.send_replace(Link::Away(ensemble.explain(error).await)),
        }
        pause().await;
    }
}
