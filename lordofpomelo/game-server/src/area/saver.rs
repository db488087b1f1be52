//! Stores heroes in the order in which they were handed over, so that an older state never overwrites a newer one, and tries again while the
//! database is busy or away. Not here: when a hero is stored.

use std::time::Duration;

use lordofpomelo_store::{Parts, Store, StoreError};
use lordofpomelo_world::hero::Hero;
use pomelo::{Error, Result, State};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout_at},
};

/// Writes that wait; one more is refused.
const WAITING_MAX: usize = 10_000;

/// How often a write is tried.
const TRIES: u32 = 8;

/// How long to wait before the second try; doubles each time, so that a database may be away for half a minute.
const PAUSE: Duration = Duration::from_millis(250);

/// Why a hero is not stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum SaveError {
    #[error("{WAITING_MAX} writes wait for the database")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("this server ends")]
    Ended,
    #[error("nothing has been stored for too long: the database is away, or slow")]
    Late,
}

struct Job {
    heroes: Vec<(Hero, Parts)>,
    done: Option<oneshot::Sender<Result<(), SaveError>>>,
}

/// The way to the task that stores. Cheap to clone.
#[derive(Clone)]
pub(super) struct Saver(mpsc::Sender<Job>);

/// Starts the task.
pub(super) async fn open(store: State<Store>) -> Result<Saver> {
    let (sender, jobs) = mpsc::channel(WAITING_MAX);
    tokio::spawn(work(store, jobs));
    Ok(Saver(sender))
}

impl Saver {
    /// Stores one hero; see [`Saver::save_all`].
    pub(super) fn save(
        &self,
        hero: Hero,
        parts: Parts,
    ) -> impl Future<Output = Result<(), SaveError>> + use<> {
        self.save_all(vec![(hero, parts)])
    }

    /// Stores heroes. They take their turn with the call, not when the answer is waited for.
    pub(super) fn save_all(
        &self,
        heroes: Vec<(Hero, Parts)>,
    ) -> impl Future<Output = Result<(), SaveError>> + use<> {
        let (done, answer) = oneshot::channel();
        let queued = self.0.try_send(Job { heroes, done: Some(done) });
        async move {
            queued.map_err(|_| SaveError::Busy)?;
            answer.await.unwrap_or(Err(SaveError::Ended))
        }
    }

    /// Stores one hero. When it returns [`SaveError::Late`] the hero still has its turn: what it is instead is to be handed over again.
    pub(super) async fn save_until(&self, hero: Hero, parts: Parts, until: Instant) -> Result<(), SaveError> {
        timeout_at(until, self.save(hero, parts)).await.unwrap_or(Err(SaveError::Late))
    }

    /// Stores heroes some time; nobody waits for it.
    pub(super) fn save_later(&self, heroes: Vec<(Hero, Parts)>) {
        if heroes.is_empty() {
            return;
        }
        if let Err(mpsc::error::TrySendError::Full(job)) = self.0.try_send(Job { heroes, done: None }) {
            tracing::error!(heroes = job.heroes.len(), "not stored: {}", SaveError::Busy);
        }
    }

    /// Done when all that was handed over before is stored.
    pub(super) async fn flush(&self) -> Result<()> {
        let (done, answer) = oneshot::channel();
        let job = Job { heroes: Vec::new(), done: Some(done) };
        self.0.send(job).await.map_err(|_| Error::msg("nothing is stored any more"))?;
        Ok(answer.await??)
    }

    /// As [`Saver::flush`], for whoever has other things to do then.
    pub(super) async fn flush_until(&self, until: Instant) -> Result<()> {
        timeout_at(until, self.flush()).await.unwrap_or(Err(SaveError::Late.into()))
    }
}

#[cfg(test)]
impl Saver {
    /// Its database is away: what is handed over waits, but for who only asks whether it does if that is answered.
    pub(super) fn stuck(answers_flush: bool) -> Self {
        let (sender, mut jobs) = mpsc::channel::<Job>(WAITING_MAX);
        tokio::spawn(async move {
            let mut waiting = Vec::new();
            while let Some(job) = jobs.recv().await {
                match job.done {
                    Some(done) if answers_flush && job.heroes.is_empty() => _ = done.send(Ok(())),
                    done => waiting.push(done),
                }
            }
        });
        Self(sender)
    }
}

async fn work(store: State<Store>, mut jobs: mpsc::Receiver<Job>) {
    while let Some(Job { heroes, done }) = jobs.recv().await {
        let stored = store_all(&store, heroes).await;
        if let Some(done) = done {
            // Whoever waited may have gone meanwhile.
            let _ = done.send(stored);
        }
    }
}

/// All at once; if one of them can't be stored, one by one, so that it costs the others nothing.
async fn store_all(store: &Store, heroes: Vec<(Hero, Parts)>) -> Result<(), SaveError> {
    if heroes.is_empty() {
        return Ok(());
    }
    match try_to_store(store, &heroes).await {
        Ok(()) => return Ok(()),
        Err(error) if error.is_transient() => {
            tracing::error!(%error, heroes = heroes.len(), "heroes are not stored: the database is away");
            return Err(error.into());
        }
        Err(_) => {}
    }
    let mut failed = Ok(());
    for hero in heroes {
        let player = hero.0.id;
        if let Err(error) = try_to_store(store, &[hero]).await {
            tracing::error!(%error, %player, "a hero is not stored");
            failed = Err(error);
        }
    }
    Ok(failed?)
}

async fn try_to_store(store: &Store, heroes: &[(Hero, Parts)]) -> Result<(), StoreError> {
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        match store.save(heroes.to_vec()).await {
            Err(error) if error.is_transient() => tracing::warn!(%error, "storing again in {pause:?}"),
            stored => return stored,
        }
        sleep(pause).await;
        pause *= 2;
    }
    store.save(heroes.to_vec()).await
}
