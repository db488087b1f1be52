//! The tasks one server's links run, so that somebody can wait for them and end them. Not here: what they do.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;

/// A group of tasks. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    /// Runs `task` until it is done or [`Tasks::stop`].
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.set();
        // Panics were reported by the panic hook, and what they owed is paid by guards.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Waits until none is left.
    pub(crate) async fn finished(&self) {
        while poll_fn(|cx| self.set().poll_join_next(cx)).await.is_some() {}
    }

    /// Ends all of them where they wait.
    pub(crate) fn stop(&self) {
        self.set().abort_all();
    }

    fn set(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
