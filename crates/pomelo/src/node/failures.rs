//! What is logged of messages and hooks that failed. Errors that clients cause at will never stand in the way of others.
//!
//! Not here: what a client is told of an error (`answer`).

use std::{any::TypeId, collections::HashMap, fmt, sync::Arc, sync::Mutex};

use pomelo_rpc::{ErrorKind, RpcError, Who};

use crate::{
    CallError, Error, RouteError, SessionError, answer::Answered, filters::Refused, handler::BodyError, lock,
    throttle::Throttle,
};

/// Whether the application holds a client responsible for an error.
pub(crate) type OfClient = Arc<dyn Fn(&Error) -> bool + Send + Sync>;

/// Writes what failed. When every message fails, a few lines of each kind of error speak for all.
#[derive(Default)]
pub(super) struct Failures {
    of_client: Vec<OfClient>,
    /// By the type of the error, of which a program has only so many.
    kinds: Mutex<HashMap<TypeId, Throttle>>,
}

impl Failures {
    pub(super) fn new(of_client: Vec<OfClient>) -> Self {
        Self { of_client, kinds: Mutex::default() }
    }

    /// Once, where the error is turned into an answer.
    pub(super) fn of_message(&self, error: &Error, what: &str, who: &dyn fmt::Debug) {
        if self.is_of_client(error) || is_told_elsewhere(error) {
            tracing::debug!(what, from = ?who, %error, "message refused");
        } else if let Some(left_out) = self.admit(error) {
            tracing::warn!(what, from = ?who, %error, left_out, "message failed");
        } else {
            tracing::debug!(what, from = ?who, %error, "message failed");
        }
    }

    /// Whether this error may have a line that is seen; and then, how many of its kind were left out since the last one.
    pub(super) fn admit(&self, error: &Error) -> Option<u64> {
        lock(&self.kinds).entry(error.kind()).or_default().admit()
    }

    fn is_of_client(&self, error: &Error) -> bool {
        error.is_of_client() || is_ours_of_client(error) || self.of_client.iter().any(|is| is(error))
    }
}

/// Whether a client caused this error of the framework.
fn is_ours_of_client(error: &Error) -> bool {
    let route = error.downcast_ref().is_some_and(|error| !matches!(error, RouteError::NoRemote { .. }));
    let body = error.downcast_ref().is_some_and(|error| !matches!(error, BodyError::Server(_)));
    let session = error.downcast_ref().is_some_and(|error| {
        matches!(
            error,
            SessionError::Closed { .. }
                | SessionError::NotBound { .. }
                | SessionError::AlreadyBound { .. }
                | SessionError::SignedInElsewhere { .. }
                | SessionError::LongUid { .. }
        )
    });
    route || body || session || matches!(error.downcast_ref(), Some(Refused::TooMany { .. }))
}

/// Whether the server that answered with this error has logged it.
fn is_told_elsewhere(error: &Error) -> bool {
    let remote = |error: &CallError| {
        matches!(error, CallError::Link(RpcError { who: Who::Remote, kind: ErrorKind::Remote(_), .. }))
    };
    error.downcast_ref::<Answered>().is_some() || error.downcast_ref().is_some_and(remote)
}
