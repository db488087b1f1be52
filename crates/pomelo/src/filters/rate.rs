//! Rate limits of sessions.
//!
//! A limit is a token bucket, kept as one moment: when the bucket will be full again. A bucket that is full is as good as
//! none, so the table needs no word of sessions that end: it forgets each of them by itself.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use pomelo_protocol::ServerId;
use pomelo_rpc::BoxFuture;
use tokio::time::Instant;

use super::{ReadyMade, Refused};
use crate::{Error, Filter, Incoming as _, Needs, Next, Request, Response, Route, lock, throttle::Throttle};

/// Most buckets that are kept. A session that finds no room passes without being counted, which the log says; all but those
/// that have sent something within the last moments are forgotten before.
const BUCKETS_MAX: usize = 200_000;

/// With so many buckets it is looked for the first time whether some can be forgotten.
const SWEEP_FROM: usize = 1_024;

/// How many requests a second, and how many of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    interval: Duration,
    burst: u32,
}

impl Rate {
    /// So many a second, and no two at once.
    pub fn per_second(requests: u32) -> Self {
        Self { interval: Duration::from_secs(1) / requests.max(1), burst: 1 }
    }

    /// So many a minute, and no two at once.
    pub fn per_minute(requests: u32) -> Self {
        Self { interval: Duration::from_secs(60) / requests.max(1), burst: 1 }
    }

    /// How many may come at once after a pause that was long enough to save up for them.
    #[must_use]
    pub fn burst(mut self, requests: u32) -> Self {
        self.burst = requests.max(1);
        self
    }

    /// Takes a token: the new moment when the bucket is full, or nothing if there is no token.
    fn take(self, full: Option<Instant>, now: Instant) -> Option<Instant> {
        let full = full.map_or(now, |full| full.max(now));
        (full - now <= self.interval * (self.burst - 1)).then(|| full + self.interval)
    }
}

/// Refuses requests of a session that sends more than it should, with code 429 ([`Error::TOO_MANY`]). The connection stays.
///
/// Best around the application, at the frontend: [`App::filter`](crate::App::filter). There it sees all messages of a session,
/// also those with routes that nobody has.
///
/// ```
/// # use pomelo::{App, Config, Route, filters::{Rate, RateLimit}};
/// # const SEND: Route<String, ()> = Route::new("chat.chatHandler.send");
/// # fn app(config: Config) -> App {
/// // 20 a second of whatever kind, 40 at once; of those, one message to the room every 2 s, 5 at once.
/// let limit = RateLimit::per_session(Rate::per_second(20).burst(40)).route(SEND, Rate::per_minute(30).burst(5));
/// App::new(config).filter(limit)
/// # }
/// ```
#[derive(Debug)]
pub struct RateLimit {
    all: Option<Rate>,
    routes: HashMap<&'static str, Rate>,
    table: Mutex<Table>,
    unlimited: Throttle,
}

/// Whose bucket: of all messages of a session, or of those to one route.
type Key = (ServerId, u64, &'static str);

#[derive(Debug, Default)]
struct Table {
    /// When each will be full.
    buckets: HashMap<Key, Instant>,
    sweep_at: usize,
}

impl RateLimit {
    /// A limit of all messages of a session together.
    pub fn per_session(rate: Rate) -> Self {
        Self { all: Some(rate), ..Self::per_route() }
    }

    /// No limit but those of [routes](Self::route).
    pub fn per_route() -> Self {
        Self { all: None, routes: HashMap::new(), table: Mutex::default(), unlimited: Throttle::default() }
    }

    /// A limit of a session's messages to one route, which also count as messages of the session.
    #[must_use]
    pub fn route<Req, Res>(mut self, route: Route<Req, Res>, rate: Rate) -> Self {
        self.routes.insert(route.name(), rate);
        self
    }

    fn admits(&self, request: &Request) -> bool {
        let now = Instant::now();
        let of_route = self.routes.get_key_value(request.route()).map(|(name, rate)| (*name, *rate));
        let limits = self.all.map(|rate| ("", rate)).into_iter().chain(of_route);
        let mut table = lock(&self.table);
        for (name, rate) in limits {
            let key = (request.session().frontend(), request.session().id(), name);
            match table.take(key, rate, now) {
                Taken::Token => {}
                Taken::NoToken => return false,
                Taken::NoRoom => {
                    if let Some(left_out) = self.unlimited.admit() {
                        tracing::warn!(
                            max = BUCKETS_MAX,
                            left_out,
                            "too many sessions for a rate limit, one is not limited"
                        );
                    }
                }
            }
        }
        true
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Taken {
    Token,
    NoToken,
    NoRoom,
}

impl Table {
    fn take(&mut self, key: Key, rate: Rate, now: Instant) -> Taken {
        if let Some(full) = self.buckets.get_mut(&key) {
            let Some(next) = rate.take(Some(*full), now) else { return Taken::NoToken };
            *full = next;
            return Taken::Token;
        }
        if self.buckets.len() >= self.sweep_at.max(SWEEP_FROM) {
            self.buckets.retain(|_, full| *full > now);
            // With as many again it pays to look again.
            self.sweep_at = (2 * self.buckets.len()).min(BUCKETS_MAX);
            if self.buckets.is_empty() {
                self.buckets = HashMap::new();
            }
        }
        if self.buckets.len() >= BUCKETS_MAX {
            return Taken::NoRoom;
        }
        match rate.take(None, now) {
            Some(full) => {
                self.buckets.insert(key, full);
                Taken::Token
            }
            None => Taken::NoToken,
        }
    }
}

impl Filter<ReadyMade> for RateLimit {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'static, Response> {
        if self.admits(&request) {
            return Box::pin(next.run(request));
        }
        let refused = Refused::TooMany { route: request.shared_route() };
        Box::pin(async { Response::error(Error::from(refused).with_code(Error::TOO_MANY)) })
    }

    fn needs(_: &mut Needs<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(session: u64) -> Key {
        (ServerId::new("connector-server-1").unwrap(), session, "")
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_then_as_much_as_the_rate_says() {
        let rate = Rate::per_second(10).burst(3);
        let mut table = Table::default();
        let mut passed = async |ms: u64| {
            tokio::time::advance(Duration::from_millis(ms)).await;
            (0..10).filter(|_| table.take(key(1), rate, Instant::now()) == Taken::Token).count()
        };
        assert_eq!(passed(0).await, 3);
        assert_eq!(passed(99).await, 0);
        assert_eq!(passed(1).await, 1);
        assert_eq!(passed(250).await, 2);
        assert_eq!(passed(60_000).await, 3, "no more than a burst is saved up");
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_that_have_gone_are_forgotten_and_the_table_has_a_limit() {
        let rate = Rate::per_second(1);
        let mut table = Table::default();
        for session in 0..10 * SWEEP_FROM as u64 {
            tokio::time::advance(Duration::from_millis(10)).await;
            assert_eq!(table.take(key(session), rate, Instant::now()), Taken::Token);
        }
        assert!(
            table.buckets.len() <= SWEEP_FROM,
            "{} buckets for 100 that sent lately",
            table.buckets.len()
        );

        let now = Instant::now();
        let taken: Vec<_> =
            (0..BUCKETS_MAX as u64 + 1).map(|n| table.take(key(1_000_000 + n), rate, now)).collect();
        assert_eq!(taken.last(), Some(&Taken::NoRoom));
        assert_eq!(table.buckets.len(), BUCKETS_MAX);
        // Whoever is in it is limited all the same.
        assert_eq!(table.take(key(1_000_001), rate, now), Taken::NoToken);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(table.take(key(1), rate, Instant::now()), Taken::Token);
        assert_eq!(table.buckets.len(), 1);
    }
}
