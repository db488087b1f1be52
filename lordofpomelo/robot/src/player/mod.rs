//! A player: a connection, what it knows of the game, and what it can do. Here: its life from the gate to the end of the connection,
//! and waiting for things to happen. What it does in the game is in the other files.

mod act;
mod come;
mod talk;

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lordofpomelo_world::Point;
use pomelo_client::{Client, CloseReason};
use serde_json::Value;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{Line, Maps, Own, PlayerError, Record, Resources, View};

pub use come::NewHero;

/// How long a player waits for what it expects to happen.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A player on its connection. It listens by itself; it ends with its connection, and then another one has to be made.
///
/// Everything it is told goes into its [`Record`] in the order in which it came; everything it does goes out at once and counts in
/// its [`View`] as a client would have it.
#[derive(Debug)]
pub struct Player<L: Line = Arc<Client>> {
    line: L,
    seen: Arc<Seen>,
    maps: Maps,
    resources: Resources,
    listener: Option<JoinHandle<()>>,
}

/// What player and listener share.
#[derive(Debug)]
struct Seen {
    record: Mutex<Record>,
    changed: watch::Sender<()>,
    began: Instant,
}

/// The view waits for an answer as long as this lives.
struct Hold<'a>(&'a Seen);

impl Player {
    /// A player on this connection, which listens from now on. Not signed in.
    pub(crate) fn new(client: Client, maps: Maps, resources: Resources) -> Self {
        let (line, seen) = (Arc::new(client), Arc::new(Seen::new(Record::default())));
        let listener = tokio::spawn(listen(Arc::clone(&line), Arc::clone(&seen)));
        Self { line, seen, maps, resources, listener: Some(listener) }
    }

    /// The client underneath, for what no player would send.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.line
    }
}

impl<L: Line> Player<L> {
    /// A player on this connection that keeps its view but not what it heard, and the future that listens for it: to be polled as long as
    /// the player plays. It ends with the connection and says why. Of a connection that
    /// does not want all pushes the view is not whole, and its anomalies say nothing.
    pub fn on(
        line: L,
        maps: Maps,
        resources: Resources,
    ) -> (Self, impl Future<Output = CloseReason> + use<L>) {
        let seen = Arc::new(Seen::new(Record::plain()));
        let listening = {
            let (line, seen) = (line.clone(), Arc::clone(&seen));
            async move {
                listen(line, Arc::clone(&seen)).await;
                seen.record().ended.clone().unwrap_or(CloseReason::Local)
            }
        };
        (Self { line, seen, maps, resources, listener: None }, listening)
    }

    /// The tables, as far as players need them.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// The connection.
    pub fn line(&self) -> &L {
        &self.line
    }

    /// Milliseconds since the player came: the clock of its views and records.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.seen.now_ms()
    }

    /// Looks at what the player knows and heard. Nothing else of it goes on meanwhile.
    pub fn look<T>(&self, look: impl FnOnce(&Record) -> T) -> T {
        look(&self.seen.record())
    }

    /// Looks at what the player knows.
    pub fn view<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.seen.record().view)
    }

    /// The player's own figures as it knows them.
    ///
    /// # Errors
    /// [`PlayerError::NotInArea`].
    pub fn own(&self) -> Result<Own, PlayerError> {
        self.view(|view| view.own().cloned()).ok_or(PlayerError::NotInArea)
    }

    /// Where the player is.
    #[must_use]
    pub fn position(&self) -> Point {
        let now_ms = self.now_ms();
        self.view(|view| view.position(now_ms))
    }

    /// How many pushes came so far: what [`Self::heard`] and [`Self::hears`] take for "from now on".
    #[must_use]
    pub fn mark(&self) -> usize {
        self.look(Record::count)
    }

    /// What was said under this name since a [`mark`](Self::mark), the oldest first.
    #[must_use]
    pub fn heard(&self, route: &str, since: usize) -> Vec<Value> {
        self.look(|record| {
            record.heard(since).filter(|heard| heard.route == route).map(crate::Heard::json).collect()
        })
    }

    /// Waits until a push of this name comes that passes, or finds one that came since the [`mark`](Self::mark), and returns what it says.
    ///
    /// # Errors
    /// [`PlayerError::Never`] after [`PATIENCE`].
    pub async fn hears(
        &self,
        route: &str,
        since: usize,
        mut pass: impl FnMut(&Value) -> bool,
    ) -> Result<Value, PlayerError> {
        let mut next = since;
        self.eventually(route, |record| {
            let fresh = record.heard(next).filter(|heard| heard.route == route).map(crate::Heard::json);
            let found = fresh.into_iter().find(&mut pass);
            next = record.count();
            found
        })
        .await
    }

    /// Waits until the look at what the player knows finds something: it is looked after every push.
    ///
    /// # Errors
    /// [`PlayerError::Never`] after [`PATIENCE`].
    pub async fn eventually<T>(
        &self,
        what: &str,
        look: impl FnMut(&Record) -> Option<T>,
    ) -> Result<T, PlayerError> {
        self.within(PATIENCE, what, look).await
    }

    /// The same with another patience.
    ///
    /// # Errors
    /// [`PlayerError::Never`] after that time.
    pub async fn within<T>(
        &self,
        after: Duration,
        what: &str,
        mut look: impl FnMut(&Record) -> Option<T>,
    ) -> Result<T, PlayerError> {
        let mut changed = self.seen.changed.subscribe();
        let found = timeout(after, async {
            loop {
                if let Some(found) = look(&self.seen.record()) {
                    return found;
                }
                // The sender lives as long as the player.
                if changed.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        });
        found.await.map_err(|_| {
            let record = self.seen.record();
            PlayerError::Never {
                what: what.to_owned(),
                after,
                last: record.last(),
                ended: record.ended.clone(),
            }
        })
    }

    /// Waits until the player's own walk is over, as far as it knows.
    pub async fn arrives(&self) {
        loop {
            let now_ms = self.now_ms();
            // It may be stopped, or sent elsewhere, meanwhile.
            match self.view(|view| view.arrives_ms(now_ms)) {
                Some(at_ms) => sleep(Duration::from_millis(at_ms.saturating_sub(now_ms).max(1))).await,
                None => return,
            }
        }
    }

    /// Waits until the connection has ended, and says why.
    ///
    /// # Errors
    /// [`PlayerError::Never`] after [`PATIENCE`].
    pub async fn ends(&self) -> Result<CloseReason, PlayerError> {
        self.eventually("end of the connection", |record| record.ended.clone()).await
    }

    /// Says goodbye and ends the connection.
    pub async fn quit(&self) {
        self.line.close().await;
    }

    /// Sends something, while the view waits for what is to be made of the answer.
    fn hold(&self) -> Hold<'_> {
        self.seen.record().hold();
        Hold(&self.seen)
    }

    fn change<T>(&self, change: impl FnOnce(&mut View, u64) -> T) -> T {
        let now_ms = self.now_ms();
        change(&mut self.seen.record().view, now_ms)
    }

    /// What came of an answer, with what is wrong with it.
    fn noted<T: Default>(&self, result: Result<T, crate::Anomaly>) -> T {
        result.unwrap_or_else(|anomaly| {
            self.seen.record().note(anomaly);
            T::default()
        })
    }
}

impl<L: Line> Drop for Player<L> {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

impl Seen {
    fn new(record: Record) -> Self {
        Self { record: Mutex::new(record), changed: watch::Sender::new(()), began: Instant::now() }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.record().release();
        self.0.changed.send_replace(());
    }
}

async fn listen<L: Line>(line: L, seen: Arc<Seen>) {
    loop {
        match line.next_push().await {
            Ok(push) => {
                let now_ms = seen.now_ms();
                seen.record().hear(push, now_ms);
                // Of thousands of robots hardly one waits; whoever begins to looks for itself first.
                if seen.changed.receiver_count() > 0 {
                    seen.changed.send_replace(());
                }
            }
            Err(reason) => {
                seen.record().ended = Some(reason);
                seen.changed.send_replace(());
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Never called: it need only compile.
    #[expect(dead_code, reason = "checked by the compiler")]
    fn a_player_may_play_in_a_task_of_its_own(player: Player) {
        tokio::spawn(async move {
            player.play("token", None).await?;
            player.go_to(Point::new(1.0, 1.0)).await?;
            player.equip(1).await?;
            player.eventually("something", |record| record.ended().cloned()).await
        });
    }
}
