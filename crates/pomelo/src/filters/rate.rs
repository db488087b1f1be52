//! Rate limits of sessions and of routes.
//!
//! A limit is a token bucket, kept as one moment: when the bucket will be full again. A bucket that is full is as good as
//! none, so the table needs no word of sessions that end: with each message it looks at two of its buckets, round and round,
//! and forgets those that are full. So what a message costs does not depend on how many sessions there are, and the table has
//! at most some two and a half times as many buckets as are in use.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use indexmap::IndexMap;
use pomelo_protocol::ServerId;
use pomelo_rpc::BoxFuture;
use tokio::time::Instant;

use super::{ReadyMade, Refused};
use crate::{Error, Filter, Incoming as _, Needs, Next, Request, Response, Route, lock, throttle::Throttle};

/// Most buckets that are kept. A session that finds no room passes without being counted, which the log says; all but those
/// that have sent something within the last moments are forgotten before.
const BUCKETS_MAX: usize = 200_000;

/// How many buckets are looked at with each message. With one, a table of sessions that come and go would grow as fast as it
/// is cleared.
const LOOKS: usize = 2;

/// A table that has had more than this many times its buckets gives memory back.
const SPARE_MAX: usize = 8;

/// A table for so many buckets is kept.
const KEPT: usize = 1_024;

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
    pub(crate) fn take(self, full: Option<Instant>, now: Instant) -> Option<Instant> {
        let full = full.map_or(now, |full| full.max(now));
        (full - now <= self.interval.saturating_mul(self.burst - 1)).then(|| full + self.interval)
    }
}

/// Refuses requests of a session that sends more than it should, or to a route that gets more than it should, with code 429
/// ([`Error::TOO_MANY`]). The connection stays.
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
///
/// It remembers up to 200,000 buckets: one of a session and one for each route of it that has a limit, until they are full
/// again. A session beyond that passes, which the log says.
#[derive(Debug)]
pub struct RateLimit {
    all: Option<Rate>,
    routes: HashMap<&'static str, Rate>,
    totals: HashMap<&'static str, Total>,
    table: Mutex<Table>,
    unlimited: Throttle,
}

/// Whose bucket: of all messages of a session, or of those to one route.
type Key = (ServerId, u64, &'static str);

/// The limit of a route, whoever sends.
#[derive(Debug)]
struct Total {
    rate: Rate,
    full: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Table {
    /// When each will be full.
    buckets: IndexMap<Key, Instant>,
    /// Which is looked at next.
    at: usize,
}

impl RateLimit {
    /// A limit of all messages of a session together.
    pub fn per_session(rate: Rate) -> Self {
        Self { all: Some(rate), ..Self::per_route() }
    }

    /// No limit but those of [routes](Self::route).
    pub fn per_route() -> Self {
        Self {
            all: None,
            routes: HashMap::new(),
            totals: HashMap::new(),
            table: Mutex::default(),
            unlimited: Throttle::default(),
        }
    }

    /// A limit of a session's messages to one route, which also count as messages of the session.
    #[must_use]
    pub fn route<Req, Res>(mut self, route: Route<Req, Res>, rate: Rate) -> Self {
        self.routes.insert(route.name(), rate);
        self
    }

    /// A limit of all sessions' messages to one route together, at each server where this stands: for what is expensive
    /// whoever asks. What the limits of its session refuse does not count.
    ///
    /// ```
    /// # use pomelo::{Route, filters::{Rate, RateLimit}};
    /// # const LOGIN: Route<String, ()> = Route::new("connector.entryHandler.login");
    /// // Checking a password takes 20 ms: half of a core is enough for that.
    /// RateLimit::per_session(Rate::per_minute(10).burst(5)).route_total(LOGIN, Rate::per_second(25).burst(50));
    /// ```
    #[must_use]
    pub fn route_total<Req, Res>(mut self, route: Route<Req, Res>, rate: Rate) -> Self {
        self.totals.insert(route.name(), Total { rate, full: Mutex::default() });
        self
    }

    fn admits(&self, request: &Request) -> bool {
        let now = Instant::now();
        self.admits_session(request, now)
            && self.totals.get(request.route()).is_none_or(|total| total.admits(now))
    }

    fn admits_session(&self, request: &Request, now: Instant) -> bool {
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

impl Total {
    fn admits(&self, now: Instant) -> bool {
        let mut full = lock(&self.full);
        let next = self.rate.take(*full, now);
        *full = next.or(*full);
        next.is_some()
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
        self.forget(now);
        if let Some(full) = self.buckets.get_mut(&key) {
            let Some(next) = rate.take(Some(*full), now) else { return Taken::NoToken };
            *full = next;
            return Taken::Token;
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

    /// Looks at the next few, and forgets those that are full.
    fn forget(&mut self, now: Instant) {
        for _ in 0..LOOKS {
            match self.buckets.get_index(self.at) {
                // The last one takes its place, and is next.
                Some((_, full)) if *full <= now => drop(self.buckets.swap_remove_index(self.at)),
                Some(_) => self.at += 1,
                None => self.at = 0,
            }
        }
        if self.buckets.capacity() > KEPT.max(SPARE_MAX * self.buckets.len()) {
            self.buckets.shrink_to(2 * self.buckets.len());
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
    async fn sessions_that_have_gone_are_forgotten_a_few_with_each_message() {
        let rate = Rate::per_second(1);
        let mut table = Table::default();
        for session in 0..20_000 {
            tokio::time::advance(Duration::from_millis(10)).await;
            let before = table.buckets.len();
            assert_eq!(table.take(key(session), rate, Instant::now()), Taken::Token);
            assert!(table.buckets.len() + LOOKS > before, "{before} buckets were looked at for one message");
            // 100 have sent something within the last second.
            assert!(table.buckets.len() <= 250, "{} buckets", table.buckets.len());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_has_a_limit_and_gives_its_memory_back() {
        let rate = Rate::per_second(1);
        let (mut table, now) = (Table::default(), Instant::now());
        let taken: Vec<_> = (0..=BUCKETS_MAX as u64).map(|n| table.take(key(n), rate, now)).collect();
        assert_eq!(taken.last(), Some(&Taken::NoRoom));
        assert_eq!(table.buckets.len(), BUCKETS_MAX);
        // Whoever is in it is limited all the same.
        assert_eq!(table.take(key(1), rate, now), Taken::NoToken);
        tokio::time::advance(Duration::from_secs(1)).await;
        let mut sent = 0;
        while table.buckets.len() > 1 {
            sent += 1;
            assert!(sent <= BUCKETS_MAX, "{} are left", table.buckets.len());
            assert_ne!(table.take(key(1), rate, Instant::now()), Taken::NoRoom);
        }
        assert!(table.buckets.capacity() <= KEPT, "room for {}", table.buckets.capacity());
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_of_a_route_is_one_for_all() {
        let total = Total { rate: Rate::per_second(10).burst(2), full: Mutex::default() };
        let admitted = || (0..5).filter(|_| total.admits(Instant::now())).count();
        assert_eq!(admitted(), 2);
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(admitted(), 1);
    }
}
