//! How many messages of other servers this one is working on, and whether it still takes new ones.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct Progress(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    running: AtomicUsize,
    leaving: AtomicBool,
    idle: Notify,
}

/// One that is in progress until this is dropped.
pub(super) struct Working(Arc<Inner>);

impl Progress {
    /// One begins; nothing if this server takes no new ones.
    pub(super) fn begin(&self) -> Option<Working> {
        if self.0.leaving.load(Relaxed) {
            return None;
        }
        self.0.running.fetch_add(1, Relaxed);
        Some(Working(Arc::clone(&self.0)))
    }

    pub(super) fn running(&self) -> usize {
        self.0.running.load(Relaxed)
    }

    /// Takes no new ones from now on.
    pub(super) fn leave(&self) {
        self.0.leaving.store(true, Relaxed);
    }

    /// Waits for a moment in which none is in progress.
    pub(super) async fn idle(&self) {
        loop {
            let idle = self.0.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            if self.running() == 0 {
                return;
            }
            idle.await;
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Relaxed) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}
