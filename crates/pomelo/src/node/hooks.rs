//! Running the hooks of a server: each in its time, errors and panics told in the log, and others not held up for ever.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use tokio::time::{Instant, timeout_at};

use super::{Node, stopping::STOPPED_TIMEOUT};
use crate::{
    Context, Error, Lifecycle, Result, Session, SessionBound, SessionClosed, StartError,
    handler::HookFn,
    lifecycle::{EVENT_TIMEOUT, START_TIMEOUT},
    server::Registered,
};

impl Node {
    /// Makes the states that were promised and runs what comes before start-up. If something fails, or is to stop, the
    /// plug-ins that have begun end again.
    pub(super) async fn prepare(&self, stop: impl Future<Output = ()>) -> Result<(), StartError> {
        let server = || self.parts.0.me.id.clone();
        let mut begun = 0;
        let prepared = tokio::select! {
            prepared = self.prepare_all(&mut begun) => {
                prepared.map_err(|(what, error)| StartError::Hook { server: server(), what, error })
            }
            () = stop => Err(StartError::Interrupted { server: server() }),
        };
        if prepared.is_err() {
            self.end_plugins(begun).await;
        }
        prepared
    }

    /// An error names what failed.
    async fn prepare_all(&self, begun: &mut usize) -> Result<(), (&'static str, Error)> {
        for make in &self.hooks.makes {
            let made = within_start((make.function)(self.lifecycle())).await;
            self.parts.0.states.made(made.map_err(|error| (make.name, error))?);
        }
        for hook in &self.hooks.begin {
            let done = within_start((hook.function)(self.lifecycle())).await;
            done.map_err(|error| (hook.name, error))?;
            *begun += 1;
        }
        for hook in &self.hooks.start {
            let done = within_start((hook.function)(self.lifecycle())).await;
            done.map_err(|error| (hook.name, error))?;
        }
        Ok(())
    }

    /// Runs the hooks for the end, of so many plug-ins and in the reverse order.
    async fn end_plugins(&self, begun: usize) {
        let until = Instant::now() + STOPPED_TIMEOUT;
        for hook in self.hooks.end.iter().take(begun).rev() {
            self.run_one(hook, self.lifecycle(), until).await;
        }
    }

    /// Runs hooks that have nothing to refuse, all of them until then.
    pub(super) async fn run<C: Context + Clone>(
        &self,
        hooks: &[Registered<HookFn<C>>],
        context: &C,
        until: Instant,
    ) {
        for hook in hooks {
            self.run_one(hook, context.clone(), until).await;
        }
    }

    /// Runs hooks of an event, each in its time.
    pub(super) async fn event<C: Context + Clone>(&self, hooks: &[Registered<HookFn<C>>], context: &C) {
        for hook in hooks {
            self.run_one(hook, context.clone(), Instant::now() + EVENT_TIMEOUT).await;
        }
    }

    pub(super) fn lifecycle(&self) -> Lifecycle {
        Lifecycle { parts: self.parts.clone() }
    }

    /// A session was bound. Nobody waits for the hooks; there are as many of these tasks as sessions are bound within
    /// [`EVENT_TIMEOUT`].
    pub(super) fn session_bound(self: Arc<Self>, session: Session) {
        tokio::spawn(async move {
            let bound = SessionBound { parts: self.parts.clone(), session };
            self.event(&self.hooks.session_bound, &bound).await;
        });
    }

    pub(super) async fn session_closed(&self, session: Session) {
        let closed = SessionClosed { parts: self.parts.clone(), session };
        self.event(&self.hooks.session_closed, &closed).await;
    }

    async fn run_one<C: Context>(&self, hook: &Registered<HookFn<C>>, context: C, until: Instant) {
        let (server, began) = (&self.parts.0.me.id, Instant::now());
        let run = AssertUnwindSafe(async { (hook.function)(context).await }).catch_unwind();
        match timeout_at(until, run).await {
            // The panic hook has told about a panic.
            Ok(Ok(Ok(())) | Err(_)) => {}
            Ok(Ok(Err(error))) => {
                if let Some(left_out) = self.failures.admit(&error) {
                    tracing::warn!(%server, hook = hook.name, %error, left_out, "hook failed");
                }
            }
            Err(_) => {
                let after_ms = began.elapsed().as_millis();
                tracing::warn!(%server, hook = hook.name, after_ms, "hook took too long, dropped");
            }
        }
    }
}

async fn within_start<T>(run: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| Error::msg(format!("it took longer than {} s", START_TIMEOUT.as_secs()));
    // The panic hook has told about it.
    let panicked = |_| Error::msg("it panicked");
    let run = AssertUnwindSafe(run).catch_unwind();
    tokio::time::timeout(START_TIMEOUT, run).await.map_err(late)?.map_err(panicked)?
}

/// What is left of a limit that ends at `until` at the latest.
pub(super) fn sooner(limit: Duration, until: Instant) -> Instant {
    (Instant::now() + limit).min(until)
}
