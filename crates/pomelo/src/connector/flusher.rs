//! Who writes what waits for clients, when their own tasks have no reason to: one loop for all of a connector.
//!
//! Not here: the queues and the writing ([`super::out`]).

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::client::Client;

/// How many clients the flusher writes before it lets others run. What they push meanwhile joins what its clients still
/// have waiting, so the busier the connector is, the more leaves with each write; and one large broadcast doesn't keep
/// requests waiting until it is out.
const CLIENTS_PER_TURN: usize = 32;

/// The connector's list of clients that have something waiting, and the loop that writes it.
///
/// A client is in the list at most once, so the list is bounded by the number of connections.
pub(super) struct Flusher {
    dirty: Mutex<VecDeque<Arc<Client>>>,
    wake: Notify,
    /// Least time between two rounds; a client is written once in each.
    interval: Option<Duration>,
}

impl Flusher {
    pub(super) fn new(interval: Option<Duration>) -> Self {
        Self { dirty: Mutex::default(), wake: Notify::new(), interval }
    }

    pub(super) fn add(&self, client: Arc<Client>) {
        let mut dirty = self.lock();
        dirty.push_back(client);
        if dirty.len() == 1 {
            self.wake.notify_one();
        }
    }

    /// Forgets the clients in the list. For the end of the connector: they hold this list, and it holds them.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// Writes for ever, whoever has waited longest first; dropped by the connector.
    pub(super) async fn run(&self) {
        let mut clients = Vec::with_capacity(CLIENTS_PER_TURN);
        let mut began = None;
        loop {
            let mut left = self.lock().len();
            if left == 0 {
                self.wake.notified().await;
                continue;
            }
            if let Some(interval) = self.interval {
                if let Some(began) = began {
                    sleep_until(began + interval).await;
                }
                began = Some(Instant::now());
                left = self.lock().len();
            }
            while left > 0 {
                let count = left.min(CLIENTS_PER_TURN);
                clients.extend(self.lock().drain(..count));
                left -= count;
                for client in clients.drain(..) {
                    client.out.flush_dirty();
                }
                tokio::task::yield_now().await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Client>>> {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
