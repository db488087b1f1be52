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
//!
//! # What passes which filters
//!
//! | filter | stands around | the original's |
//! | --- | --- | --- |
//! | [`App::filter`](crate::App::filter) | every message of a client, once, at the frontend that holds it, whether it is handled there or forwarded | `globalBefore`, `globalAfter` |
//! | [`Server::filter`](crate::Server::filter) | the handlers of a server type, where they run | `before`, `after` |
//! | [`App::remote_filter`](crate::App::remote_filter) | the remotes of all server types, at the server that is called | `rpcBefore`, `rpcAfter` on that side |
//! | [`Server::remote_filter`](crate::Server::remote_filter) | the remotes of a server type | |
//!
//! So a message that a connector forwards to a chat server passes the application's filters at the connector, then those of
//! type `chat` at the chat server, and never those of type `connector`. Calls between servers pass no filters where they
//! start: the caller has the `Result` in its hands.
//!
//! Filters of one kind stand in the order in which they were added, the first outermost. One that answers without running
//! what comes [next](crate::Next) keeps the message from everything behind it.

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
