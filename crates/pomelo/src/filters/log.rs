//! A line in the log for each request, like the original's `con-log` and `rpc-log`.

use std::time::Duration;

use pomelo_rpc::BoxFuture;
use tokio::time::Instant;
use tracing::Level;

use super::ReadyMade;
use crate::{Filter, Incoming, Needs, Next, Response};

/// Writes a line for each request or call when it has its result: which route, whose, how many milliseconds it took, and the
/// outcome as the client sees it (200, or the [code](crate::Error::code) of the error).
///
/// The lines have the target `pomelo::requests` and level INFO, so `log=info,pomelo::requests=off` as an argument of the server keeps them
/// away, which costs less than a microsecond a request then. `log=pomelo::requests=info` shows nothing else.
///
/// ```
/// # use std::time::Duration;
/// # use pomelo::{Server, filters::RequestLog};
/// # let server = Server::default();
/// server.filter(RequestLog::slower_than(Duration::from_secs(3))).remote_filter(RequestLog::new());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestLog {
    at_least: Duration,
}

impl RequestLog {
    /// All requests.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those that took longer: for a game where everybody asks ten times a second.
    pub fn slower_than(limit: Duration) -> Self {
        Self { at_least: limit }
    }
}

impl<C: Incoming> Filter<ReadyMade, C> for RequestLog {
    fn call(&self, incoming: C, next: Next<C>) -> BoxFuture<'static, Response> {
        if !tracing::enabled!(target: "pomelo::requests", Level::INFO) {
            return Box::pin(next.run(incoming));
        }
        let at_least = self.at_least;
        let (route, from, began) = (incoming.shared_route(), incoming.sender(), Instant::now());
        Box::pin(async move {
            let response = next.run(incoming).await;
            let code = response.err().map_or(200, crate::Error::code);
            let took = began.elapsed();
            if took < at_least {
                return response;
            }
            let ms = took.as_secs_f64() * 1000.0;
            tracing::info!(target: "pomelo::requests", %route, ?from, ms = format_args!("{ms:.3}"), code, "handled");
            response
        })
    }

    fn needs(_: &mut Needs<'_>) {}
}
