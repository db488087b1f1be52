//! Running the hooks of a server: each in its time, errors and panics told in the log, and others not held up for ever.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use tokio::time::{Instant, timeout_at};

use super::Node;
use crate::{
    Context, Error, Lifecycle, Result, Session, SessionBound, SessionClosed,
    handler::HookFn,
    lifecycle::{EVENT_TIMEOUT, START_TIMEOUT},
    server::Registered,
};

impl Node {
    /// Makes the states that were promised and runs what comes before start-up. An error names what failed.
    pub(super) async fn prepare(&self) -> Result<(), (&'static str, Error)> {
        for make in &self.hooks.makes {
            let made = within_start((make.function)(self.lifecycle())).await;
            self.parts.0.states.made(made.map_err(|error| (make.name, error))?);
        }
        for hook in self.hooks.begin.iter().chain(&self.hooks.start) {
            let done = within_start((hook.function)(self.lifecycle())).await;
            done.map_err(|error| (hook.name, error))?;
        }
        Ok(())
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
                if let Some(left_out) = self.warnings.admit() {
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
    tokio::time::timeout(START_TIMEOUT, run).await.map_err(late)?
}

/// What is left of a limit that ends at `until` at the latest.
pub(super) fn sooner(limit: Duration, until: Instant) -> Instant {
    (Instant::now() + limit).min(until)
}
