//! Commands sent all the while, to see what becomes of them: numbered operations that every server counts, at a steady rate
//! whatever the masters do.
//!
//! A command is due at its time even if those before it still wait for an answer, up to [`WAITING_MAX`] of them: what a
//! person sees of a failover is how long a command took, counted from when it was due.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use pomelo_cluster::{
    admin::{AdminClient, Asker},
    coordinator::MasterAddr,
    ops::OpId,
};
use serde_json::json;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

/// Commands whose answers are waited for at once, each on a connection of its own.
const CONNECTIONS: usize = 4;

/// Commands that are due and wait for a connection. One more is not sent, and counted as skipped.
pub const WAITING_MAX: usize = 4096;

/// Most commands of one load; then it falls silent and says so.
pub const COMMANDS_MAX: usize = 200_000;

/// How long a command may take, through however many masters.
const WITHIN: Duration = Duration::from_secs(15);

/// How long it takes to connect, at most.
const CONNECT: Duration = Duration::from_secs(5);

/// One command, and what became of it.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its number.
    pub n: u64,
    /// When it was due.
    pub due: Instant,
    /// From then until its answer.
    pub took: Duration,
    /// Why it failed, if it did. Servers may have executed it all the same.
    pub failed: Option<String>,
}

/// Who to ask and how.
#[derive(Clone, Debug)]
pub struct Login {
    /// All masters.
    pub masters: Vec<MasterAddr>,
    /// Name of the administrator.
    pub username: String,
    /// Password.
    pub password: String,
}

/// Commands on their way.
#[derive(Debug)]
pub struct Load {
    run: String,
    sent: Arc<Mutex<Vec<Sent>>>,
    skipped: Arc<AtomicU64>,
    ending: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

/// All of them, when it is over.
#[derive(Clone, Debug)]
pub struct Commands {
    /// What the servers know them by.
    pub run: String,
    /// In the order of their numbers.
    pub sent: Vec<Sent>,
    /// Due, but not sent: too many waited.
    pub skipped: u64,
}

impl Login {
    /// For commands that are done once, whoever leads.
    pub fn asker(&self) -> Asker {
        Asker::new(self.masters.iter().cloned(), self.username.as_str(), self.password.as_str()).wait(WITHIN)
    }

    /// Connects to whoever leads.
    pub async fn connect(&self) -> Result<AdminClient> {
        Ok(AdminClient::connect_any(&self.masters, &self.username, &self.password, CONNECT).await?)
    }
}

impl Load {
    /// Sends so many commands a second from now on.
    pub fn start(login: &Login, per_second: u32) -> Self {
        let run = OpId::new().to_string();
        let (due, queue) = mpsc::channel(WAITING_MAX);
        let queue = Arc::new(tokio::sync::Mutex::new(queue));
        let (sent, skipped) = (Arc::<Mutex<Vec<Sent>>>::default(), Arc::<AtomicU64>::default());
        let ending = Arc::<AtomicBool>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(tick(per_second.max(1), due, Arc::clone(&skipped), Arc::clone(&ending)));
        for _ in 0..CONNECTIONS {
            tasks.spawn(work(login.clone(), run.clone(), Arc::clone(&queue), Arc::clone(&sent)));
        }
        Self { run, sent, skipped, ending, tasks }
    }

    /// What the servers know its commands by.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Those that were due since then and are over.
    pub fn since(&self, since: Instant) -> Vec<Sent> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.iter().filter(|one| one.due >= since).cloned().collect()
    }

    /// How many are over.
    pub fn count(&self) -> usize {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Sends no more, and waits for what is under way.
    pub async fn end(mut self) -> Commands {
        self.ending.store(true, Ordering::Relaxed);
        while self.tasks.join_next().await.is_some() {}
        let mut sent = std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner));
        sent.sort_by_key(|one| one.n);
        Commands { run: self.run.clone(), sent, skipped: self.skipped.load(Ordering::Relaxed) }
    }
}

/// Hands out numbers at their times.
async fn tick(
    per_second: u32,
    due: mpsc::Sender<(u64, Instant)>,
    skipped: Arc<AtomicU64>,
    ending: Arc<AtomicBool>,
) {
    let mut every = interval(Duration::from_secs(1) / per_second);
    every.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for n in 1..=COMMANDS_MAX as u64 {
        let at = every.tick().await;
        if ending.load(Ordering::Relaxed) {
            return;
        }
        if due.try_send((n, at.into_std())).is_err() {
            skipped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends what is due, one after the other, until there is no more.
async fn work(
    login: Login,
    run: String,
    queue: Arc<tokio::sync::Mutex<mpsc::Receiver<(u64, Instant)>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
) {
    let mut asker = login.asker();
    loop {
        let next = queue.lock().await.recv().await;
        let Some((n, due)) = next else { return };
        let body = json!({ "signal": "drill", "run": run, "n": n });
        let failed = asker.mutate("__console__", body, WITHIN).await.err().map(|error| error.to_string());
        let one = Sent { n, due, took: due.elapsed(), failed };
        sent.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    }
}
