//! Ready-made filters, for [`App::filter`](crate::App::filter), [`Server::filter`](crate::Server::filter) and around remotes.
//!
//! | filter | what it does | answers |
//! | --- | --- | --- |
//! | [`Timeout`] | ends what takes too long | 504 |
//! | [`Shed`] | refuses quickly when there is too much to do | 503 |
//! | [`RateLimit`] | refuses a session that sends too much | 429 |
//! | [`RequestLog`] | writes a line for each request | |
//!
//! ```
//! # use std::time::Duration;
//! # use pomelo::{App, Config, Route, filters::{Rate, RateLimit, RequestLog, Shed, Timeout}};
//! # const SEND: Route<String, ()> = Route::new("chat.chatHandler.send");
//! # async fn send(_: String) -> pomelo::Result<()> { Ok(()) }
//! # fn app(config: Config) -> App {
//! App::new(config)
//!     .filter(RequestLog::new())
//!     .filter(RateLimit::per_session(Rate::per_second(20).burst(40)).route(SEND, Rate::per_second(2).burst(5)))
//!     .server("chat", |s| {
//!         s.filter(Shed::new()).filter(Timeout::new(Duration::from_secs(3))).handler(SEND, send)
//!     })
//! # }
//! ```
//!
//! The original's `serial` filter is how things are: messages of one session are handled one after the other, except those
//! to [`concurrent`](crate::Server::concurrent) routes. Its `time` is [`RequestLog`], its `toobusy` [`Shed`]; its `timeout` only
//! writes a line, [`Timeout`] ends the request.

mod log;
mod rate;
mod shed;
mod timeout;

use std::{sync::Arc, time::Duration};

pub use self::{
    log::RequestLog,
    rate::{Rate, RateLimit},
    shed::Shed,
    timeout::Timeout,
};

/// Why a ready-made filter did not let something through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// [`Timeout`]: it took too long, and was dropped where it waited.
    #[error("{route} took longer than {} ms", after.as_millis())]
    TimedOut {
        /// What was asked.
        route: Arc<str>,
        /// The limit.
        after: Duration,
    },
    /// [`Shed`]: as many are in progress as may be.
    #[error("too busy: {in_progress} are in progress")]
    InProgress {
        /// How many.
        in_progress: usize,
    },
    /// [`Shed`]: everything in this process waits for its turn.
    #[error("too busy: turns come {} ms late", lag.as_millis())]
    Lag {
        /// How late, on an average of the last ones.
        lag: Duration,
    },
    /// [`RateLimit`]: the session sends too much.
    #[error("{route}: more than the rate limit lets through")]
    TooMany {
        /// What was asked.
        route: Arc<str>,
    },
}

/// Marks a filter that is a value, as against a function.
#[doc(hidden)]
pub struct ReadyMade;
