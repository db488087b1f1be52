//! How long a handler's caller still waits. The time itself travels in `pomelo-rpc`.

use std::time::Duration;

use tokio::time::Instant;

use crate::{Context, Error, Extract};

/// When whoever waits for a handler or a remote stops waiting, as an argument of it.
///
/// The caller's deadline travels with a call and with a message that a frontend forwards. Work whose deadline is over is not
/// begun, and the [`Rpc`](crate::Rpc) of a handler never waits longer than what is left. A handler that has begun is not
/// stopped: one that takes long may look here, or have a filter like [`Timeout`](crate::filters::Timeout).
///
/// ```
/// # use std::time::Duration;
/// # use pomelo::{Deadline, Result};
/// # fn step(_: &mut Vec<u32>) -> bool { false }
/// async fn search(deadline: Deadline, query: String) -> Result<Vec<u32>> {
///     let mut found = Vec::new();
///     // What is found by then is better than an answer that comes too late.
///     while deadline.left().is_none_or(|left| left > Duration::from_millis(50)) && step(&mut found) {}
///     Ok(found)
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// How long it is until then; zero when it is over. `None` if nobody said so: what a frontend handles itself for a
    /// client, and messages that nobody waits for.
    pub fn left(&self) -> Option<Duration> {
        self.0.map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// Whether nobody waits any more.
    pub fn is_over(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }
}

impl<C: Context> Extract<C> for Deadline {
    fn extract(context: &C) -> Result<Self, Error> {
        Ok(Self(context.until()))
    }
}
