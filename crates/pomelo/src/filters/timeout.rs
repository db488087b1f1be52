//! A time-out for handlers and remotes.

use std::{collections::HashMap, time::Duration};

use pomelo_rpc::BoxFuture;

use super::{ReadyMade, Refused};
use crate::{Error, Filter, Incoming, Needs, Next, Remote, Response, Route};

/// Ends what takes longer than a limit: its future is dropped at the `await` where it is, and the client is answered with
/// code 504 ([`Error::TIMED_OUT`]). What was done before that stays done.
///
/// Around the handlers of a type it counts what a handler needs; around the application ([`App::filter`](crate::App::filter)),
/// at the frontend, also the way to another server and back, which goes on there when this side has given up.
///
/// ```
/// # use std::time::Duration;
/// # use pomelo::{Result, Route, Server, filters::Timeout};
/// # const FIND: Route<String, Vec<String>> = Route::new("chat.searchHandler.find");
/// # async fn find(_: String) -> Result<Vec<String>> { Ok(Vec::new()) }
/// # let server = Server::default();
/// server.handler(FIND, find).filter(Timeout::new(Duration::from_secs(3)).route(FIND, Duration::from_secs(20)));
/// ```
#[derive(Clone, Debug)]
pub struct Timeout {
    limit: Duration,
    routes: HashMap<&'static str, Duration>,
}

impl Timeout {
    /// The same limit for everything.
    pub fn new(limit: Duration) -> Self {
        Self { limit, routes: HashMap::new() }
    }

    /// Another limit for one route.
    #[must_use]
    pub fn route<Req, Res>(mut self, route: Route<Req, Res>, limit: Duration) -> Self {
        self.routes.insert(route.name(), limit);
        self
    }

    /// Another limit for one remote.
    #[must_use]
    pub fn remote<Req, Res>(mut self, remote: Remote<Req, Res>, limit: Duration) -> Self {
        self.routes.insert(remote.name(), limit);
        self
    }
}

impl<C: Incoming> Filter<ReadyMade, C> for Timeout {
    fn call(&self, incoming: C, next: Next<C>) -> BoxFuture<'static, Response> {
        let after = self.routes.get(incoming.route()).copied().unwrap_or(self.limit);
        let route = incoming.shared_route();
        Box::pin(async move {
            match tokio::time::timeout(after, next.run(incoming)).await {
                Ok(response) => response,
                Err(_) => Response::error(
                    Error::from(Refused::TimedOut { route, after }).with_code(Error::TIMED_OUT),
                ),
            }
        })
    }

    fn needs(_: &mut Needs<'_>) {}
}
