//! The embedded coordinator: candidates on one machine queue for a file lock that the kernel frees when its holder
//! ends, however it ends. Needs nothing installed, and protects against the loss of processes, not of the machine.
//!
//! The lock says who is first, the epoch file says which term it is; both live in one folder that all candidates of a
//! cluster share. A leader that is frozen keeps the lock: ending it is not this module's business.

mod files;

use std::{fs::File, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, mpsc, oneshot, watch},
    task,
};

use self::files::{Files, FilesError, Shown};
use super::{
    BoxFuture, Candidacy, CandidateInfo, Coordinator, CoordinatorEvent, Events, MasterAddr, Obituary,
    OwnedTask, PromoteError, Record, StoreError, Term, Write,
};

/// How often a candidate looks whether the files still are what they were. Nothing waits for this: the kernel tells who
/// is first.
const LOOK_MS: u64 = 1_000;

/// After a fault of the folder it is tried again this much later.
const RETRY_MS: u64 = 1_000;

/// Candidates of one machine that share a folder on a local disk.
#[derive(Debug)]
pub struct LocalCoordinator {
    files: Files,
}

impl LocalCoordinator {
    /// Uses this folder, made when it is missing: usually `run/ha` of the game. All candidates of a cluster name the
    /// same one, and no two clusters do.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { files: Files::new(dir.into()) }
    }
}

impl Coordinator for LocalCoordinator {
    fn describe(&self) -> String {
        format!("embedded ({}, this machine only)", self.files.dir().display())
    }

    fn join(&self, me: CandidateInfo) -> (Box<dyn Candidacy>, mpsc::Receiver<CoordinatorEvent>) {
        let (events, receiver) = Events::new();
        let lock = Arc::new(Mutex::new(None));
        let queue = Queue { files: self.files.clone(), me: me.clone(), lock: Arc::clone(&lock), events };
        let task = Mutex::new(OwnedTask::spawn(queue.run()));
        (Box::new(LocalCandidacy { files: self.files.clone(), me, lock, task }), receiver)
    }
}

/// The leader's lock while this candidate holds it. A promotion keeps the guard while it writes, so that the lock is
/// never given back in the middle.
type HeldLock = Arc<Mutex<Option<File>>>;

struct LocalCandidacy {
    files: Files,
    me: CandidateInfo,
    lock: HeldLock,
    task: Mutex<OwnedTask>,
}

impl Candidacy for LocalCandidacy {
    fn promote(&self, above: u64) -> BoxFuture<'_, Result<Term, PromoteError>> {
        Box::pin(async move {
            let lock = Arc::clone(&self.lock).lock_owned().await;
            let (files, me) = (self.files.clone(), self.me.clone());
            blocking(move || {
                let held =
                    lock.as_ref().ok_or_else(|| PromoteError::Fenced("the lock is not held".to_owned()))?;
                let promoted = files.leads(held).and_then(|()| {
                    let term = files.promote(&me, above)?;
                    // Had somebody deleted the lock meanwhile, another holder might have read the same last epoch. One
                    // that comes after this look reads ours.
                    files.leads(held).map(|()| term)
                });
                promoted.map_err(|error| match error {
                    // Nobody would be told again that it is first: only what ends the place may fence.
                    FilesError::LockReplaced { .. } => PromoteError::Fenced(error.to_string()),
                    error => PromoteError::Unavailable(error.to_string()),
                })
            })
            .await
        })
    }

    fn resign(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.task.lock().await.end().await;
            if let Some(lock) = self.lock.lock().await.take() {
                // Not left to the close: a process that was started at this moment may still have the file open.
                _ = lock.unlock();
            }
        })
    }

    fn write(&self, _: &Term, _: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Err(StoreError::Unavailable("not built yet".to_owned())) })
    }

    fn list(&self, _: &str) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn evict(&self, _: &MasterAddr) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async { Ok(false) })
    }

    fn lease_left(&self) -> Option<Duration> {
        None
    }

    fn obituary(&self) -> watch::Receiver<Option<Obituary>> {
        watch::channel(None).1
    }
}

struct Queue {
    files: Files,
    me: CandidateInfo,
    lock: HeldLock,
    events: Events,
}

impl Queue {
    async fn run(mut self) {
        loop {
            if let Err(error) = self.stand().await {
                let why = format!("embedded coordinator: {error}");
                if matches!(error, FilesError::LockReplaced { .. }) {
                    self.events.say(CoordinatorEvent::Lost { why }).await;
                } else {
                    self.events.unreachable(why).await;
                }
                tokio::time::sleep(Duration::from_millis(RETRY_MS)).await;
            }
        }
    }

    /// Queues, leads, and returns when the place is lost.
    async fn stand(&mut self) -> Result<(), FilesError> {
        let (files, me) = (self.files.clone(), self.me.clone());
        let (shown, free) = blocking(move || {
            files.prepare()?;
            Ok::<_, FilesError>((files.show(&me)?, files.try_lead()?))
        })
        .await?;
        let shown = Arc::new(shown);
        let lock = match free {
            Some(lock) => lock,
            None => self.wait(&shown).await?,
        };
        *self.lock.lock().await = Some(lock);
        self.events.say(CoordinatorEvent::Elected).await;
        let lost = self.watch().await;
        *self.lock.lock().await = None;
        Err(lost)
    }

    async fn wait(&mut self, shown: &Arc<Shown>) -> Result<File, FilesError> {
        let mut freed = wait_in_thread(self.files.clone());
        let mut looks = tokio::time::interval(Duration::from_millis(LOOK_MS));
        loop {
            tokio::select! {
                lock = &mut freed => return lock.unwrap_or(Err(FilesError::NoThread)),
                _ = looks.tick() => {
                    let (files, shown) = (self.files.clone(), Arc::clone(shown));
                    // The leader itself is before everybody, even if its file is gone.
                    let ahead = blocking(move || files.ahead(&shown)).await.max(1);
                    self.events.say(CoordinatorEvent::Waiting { ahead }).await;
                }
            }
        }
    }

    /// Returns when the lock no longer keeps others out: somebody deleted the file.
    async fn watch(&self) -> FilesError {
        loop {
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
            let held = Arc::clone(&self.lock).lock_owned().await;
            let files = self.files.clone();
            if let Err(error) = blocking(move || held.as_ref().map_or(Ok(()), |held| files.leads(held))).await
            {
                return error;
            }
        }
    }
}

/// A thread of its own, because nothing can end the wait but the lock: a runtime that is shut down would wait for it.
/// If nobody wants the lock any more when it comes, it is dropped and so goes to the next.
fn wait_in_thread(files: Files) -> oneshot::Receiver<Result<File, FilesError>> {
    let (send, freed) = oneshot::channel();
    // If no thread can be made, the sender is dropped here and the caller sees it.
    _ = std::thread::Builder::new()
        .name("pomelo-ha-lock".to_owned())
        .spawn(move || send.send(files.wait_to_lead()));
    freed
}

async fn blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    match task::spawn_blocking(f).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}
