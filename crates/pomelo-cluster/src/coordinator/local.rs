//! The embedded coordinator: candidates on one machine queue for a file lock that the kernel frees when its holder
//! ends, however it ends. Needs nothing installed, and protects against the loss of processes, not of the machine.
//!
//! The lock says who is first, the epoch file says which term it is; both live in one folder that all candidates of a
//! cluster share, with the records of the leaders ([`journal`]). A leader that is frozen keeps the lock; evicting it is killing
//! its process ([`holder`]).

mod epochs;
mod files;
mod holder;
mod journal;
mod reader;

use std::{
    fs::File,
    path::PathBuf,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex, mpsc, oneshot, watch},
    task,
    time::Instant,
};

use self::{
    files::{Files, FilesError, Shown},
    journal::Journal,
    reader::Reader,
};
use super::{
    BoxFuture, Candidacy, CandidateInfo, Coordinator, CoordinatorEvent, Events, MasterAddr, Obituary,
    OwnedTask, PromoteError, Record, StoreError, Term, Write, store,
};

/// How often a candidate looks whether the files still are what they were. Nothing waits for this: the kernel tells who
/// is first.
const LOOK_MS: u64 = 1_000;

/// Who has given its place back lets the others go first until one of them leads, and for so long at most: a lock that is free goes to
/// whoever asks first, not to whoever has waited longest. Nobody leads meanwhile only if nobody else is there.
const RESPITE_MS: u64 = 300;

/// How often it looks whether another one leads. Short, because a next handover counts on those who wait for the lock.
const PASS_MS: u64 = 2;

/// After a fault of the folder it is tried again this much later.
const RETRY_MS: u64 = 1_000;

/// Candidates of one machine that share a folder on a local disk.
#[derive(Debug)]
pub struct LocalCoordinator {
    files: Files,
    /// The place that was given back last.
    left: Left,
    /// The records, as far as they were read: a standby reads along.
    reader: Reader,
}

type Left = Arc<std::sync::Mutex<Option<GivenBack>>>;

/// A place that was given back.
#[derive(Clone, Copy, Debug)]
struct GivenBack {
    at: Instant,
    /// The last epoch that anybody had by then, if it could be read: as soon as there is a later one, another candidate leads.
    epoch: Option<u64>,
}

impl LocalCoordinator {
    /// Uses this folder, made when it is missing: usually `run/ENVIRONMENT/ha` of the game. All candidates of a
    /// cluster name the same one, and no two clusters do.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { files: Files::new(dir.into()), left: Left::default(), reader: Reader::default() }
    }
}

impl Coordinator for LocalCoordinator {
    fn describe(&self) -> String {
        format!("embedded ({}, this machine only)", self.files.dir().display())
    }

    fn join(&self, me: CandidateInfo) -> (Box<dyn Candidacy>, mpsc::Receiver<CoordinatorEvent>) {
        let (events, receiver) = Events::new();
        let lock = Arc::new(Mutex::new(None));
        let (obituary, _) = watch::channel(None);
        let (files, place) = (self.files.clone(), obituary.clone());
        let left = Arc::clone(&self.left);
        let reader = self.reader.clone();
        let queue = Queue { files, me: me.clone(), lock: Arc::clone(&lock), place, events, left, reader };
        let task = Mutex::new(OwnedTask::spawn(queue.run()));
        let (files, left, reader) = (self.files.clone(), Arc::clone(&self.left), self.reader.clone());
        (Box::new(LocalCandidacy { files, me, lock, obituary, task, left, reader }), receiver)
    }
}

/// The leader's lock while this candidate holds it. Whoever writes keeps the guard meanwhile, so that the lock is never given
/// back in the middle.
type HeldLock = Arc<Mutex<Option<Held>>>;

struct Held {
    lock: File,
    /// The last epoch that was granted under this lock.
    epoch: Option<u64>,
    /// Opened by the first write.
    journal: Option<Journal>,
}

impl Held {
    fn promote(&mut self, files: &Files, me: &CandidateInfo, above: u64) -> Result<Term, PromoteError> {
        let promoted = files.leads(&self.lock).and_then(|()| {
            let term = files.promote(me, above)?;
            // Had somebody deleted the lock meanwhile, another holder might have read the same last epoch. One
            // that comes after this look reads ours.
            files.leads(&self.lock).map(|()| term)
        });
        let term = promoted.map_err(|error| match error {
            // Nobody would be told again that it is first: only what ends the place may fence.
            FilesError::LockReplaced { .. } => PromoteError::Fenced(error.to_string()),
            error => PromoteError::Unavailable(error.to_string()),
        })?;
        self.epoch = Some(term.epoch);
        Ok(term)
    }

    fn write(
        &mut self,
        files: &Files,
        reader: &Reader,
        term: &Term,
        writes: Vec<Write>,
    ) -> Result<(), StoreError> {
        if self.epoch != Some(term.epoch) {
            return Err(StoreError::Fenced(format!("epoch {} is not the last that was granted", term.epoch)));
        }
        let leads = || {
            files.leads(&self.lock).map_err(|error| match error {
                FilesError::LockReplaced { .. } => StoreError::Fenced(error.to_string()),
                error => StoreError::Unavailable(error.to_string()),
            })
        };
        leads()?;
        let unavailable = |error: journal::JournalError| StoreError::Unavailable(error.to_string());
        let mut journal = match self.journal.take().filter(Journal::is_current) {
            Some(journal) => journal,
            None => Journal::open(files.dir(), reader).map_err(unavailable)?,
        };
        journal.append(term.epoch, writes).map_err(unavailable)?;
        self.journal = Some(journal);
        // Had somebody deleted the lock meanwhile, the next holder may have read the records before this step.
        leads()
    }
}

struct LocalCandidacy {
    files: Files,
    me: CandidateInfo,
    lock: HeldLock,
    obituary: watch::Sender<Option<Obituary>>,
    task: Mutex<OwnedTask>,
    left: Left,
    reader: Reader,
}

impl LocalCandidacy {
    /// Kills the process that holds the lock, if it is the candidate at this address.
    fn end(files: &Files, leader: &MasterAddr) -> Result<bool, StoreError> {
        let unavailable = |error: &dyn std::fmt::Display| StoreError::Unavailable(error.to_string());
        let last = files.leader().map_err(|error| unavailable(&error))?;
        match last.filter(|last| last.candidate.addr == *leader).and_then(|last| last.process) {
            Some(process) => holder::end(&process, &files.lock()).map_err(|error| unavailable(&error)),
            None => Ok(false),
        }
    }
}

impl Candidacy for LocalCandidacy {
    fn promote(&self, above: u64) -> BoxFuture<'_, Result<Term, PromoteError>> {
        Box::pin(async move {
            let mut held = Arc::clone(&self.lock).lock_owned().await;
            let (files, me) = (self.files.clone(), self.me.clone());
            blocking(move || match held.as_mut() {
                Some(held) => held.promote(&files, &me, above),
                None => Err(PromoteError::Fenced("the lock is not held".to_owned())),
            })
            .await
        })
    }

    fn resign(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.task.lock().await.end().await;
            self.obituary.send_replace(None);
            let files = self.files.clone();
            let epoch = blocking(move || files.epoch()).await;
            *self.left.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(GivenBack { at: Instant::now(), epoch });
            if let Some(held) = self.lock.lock().await.take() {
                // Not left to the close: a process that was started at this moment may still have the file open.
                _ = held.lock.unlock();
            }
        })
    }

    fn write(&self, term: &Term, writes: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        let (term, checked) = (term.clone(), store::check(&writes));
        Box::pin(async move {
            checked?;
            let mut held = Arc::clone(&self.lock).lock_owned().await;
            // Whoever resigns waits for the one step that is under way, not for all that are asked for.
            if self.obituary.borrow().is_none() {
                return Err(StoreError::Fenced("the place was given back".to_owned()));
            }
            let (files, reader) = (self.files.clone(), self.reader.clone());
            blocking(move || match held.as_mut() {
                Some(held) => held.write(&files, &reader, &term, writes),
                None => Err(StoreError::Fenced("the lock is not held".to_owned())),
            })
            .await
        })
    }

    fn list(&self, folder: &str) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        let (files, reader, folder) = (self.files.clone(), self.reader.clone(), folder.to_owned());
        Box::pin(async move {
            store::check_folder(&folder)?;
            let listed = blocking(move || reader.list(files.dir(), &folder)).await;
            listed.map_err(|error| StoreError::Unavailable(error.to_string()))
        })
    }

    fn evict(&self, leader: &MasterAddr) -> BoxFuture<'_, Result<bool, StoreError>> {
        let (files, leader) = (self.files.clone(), leader.clone());
        Box::pin(async move {
            if self.obituary.borrow().is_none() {
                return Err(StoreError::Fenced("no place in the queue".to_owned()));
            }
            // Whoever holds the lock has nobody before it. A guard that is kept by a write says the same.
            if self.lock.try_lock().map_or(true, |held| held.is_some()) {
                return Ok(false);
            }
            blocking(move || Self::end(&files, &leader)).await
        })
    }

    /// The kernel takes a lock from nobody who lives.
    fn lease_left(&self) -> Option<Duration> {
        None
    }

    fn obituary(&self) -> watch::Receiver<Option<Obituary>> {
        self.obituary.subscribe()
    }
}

struct Queue {
    files: Files,
    me: CandidateInfo,
    lock: HeldLock,
    place: watch::Sender<Option<Obituary>>,
    events: Events,
    left: Left,
    reader: Reader,
}

impl Queue {
    async fn run(mut self) {
        loop {
            let ended = self.stand().await;
            self.place.send_replace(None);
            if let Err(error) = ended {
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
        let shown = blocking(move || {
            files.prepare()?;
            files.show(&me)
        });
        let shown = Arc::new(shown.await?);
        self.place.send_replace(Some(Obituary::Embedded { dir: self.files.dir().to_owned() }));
        self.let_others_pass(&shown).await;
        let files = self.files.clone();
        let lock = match blocking(move || files.try_lead()).await? {
            Some(lock) => lock,
            None => self.wait(&shown).await?,
        };
        *self.lock.lock().await = Some(Held { lock, epoch: None, journal: None });
        self.events.say(CoordinatorEvent::Elected).await;
        let lost = self.watch().await;
        *self.lock.lock().await = None;
        Err(lost)
    }

    /// If this candidate has given its place back a moment ago, and others are there.
    async fn let_others_pass(&mut self, shown: &Arc<Shown>) {
        let left = *self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(GivenBack { at, epoch }) = left else { return };
        let until = at + Duration::from_millis(RESPITE_MS);
        if until <= Instant::now() {
            return;
        }
        let (files, shown) = (self.files.clone(), Arc::clone(shown));
        let ahead = blocking(move || files.ahead(&shown)).await;
        if ahead == 0 {
            return;
        }
        self.events.say(CoordinatorEvent::Waiting { ahead }).await;
        let passed = async {
            loop {
                tokio::time::sleep(Duration::from_millis(PASS_MS)).await;
                let files = self.files.clone();
                let now = blocking(move || files.epoch()).await;
                if epoch.is_some_and(|epoch| now.is_some_and(|now| now > epoch)) {
                    // Several may let others pass: they come back in the order in which they stand.
                    return tokio::time::sleep(Duration::from_millis(PASS_MS) * ahead as u32).await;
                }
            }
        };
        // In vain: nobody wanted the lock.
        _ = tokio::time::timeout_at(until, passed).await;
    }

    async fn wait(&mut self, shown: &Arc<Shown>) -> Result<File, FilesError> {
        let mut freed = wait_in_thread(self.files.clone());
        let mut looks = tokio::time::interval(Duration::from_millis(LOOK_MS));
        loop {
            tokio::select! {
                lock = &mut freed => return lock.unwrap_or(Err(FilesError::NoThread)),
                _ = looks.tick() => {
                    let (files, reader) = (self.files.clone(), self.reader.clone());
                    let shown = Arc::clone(shown);
                    let ahead = blocking(move || {
                        // Commands wait for a new leader that still reads. What is wrong there is said when it is needed.
                        _ = reader.look(files.dir());
                        files.ahead(&shown)
                    });
                    // The leader itself is before everybody, even if its file is gone.
                    let ahead = ahead.await.max(1);
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
            if let Err(error) =
                blocking(move || held.as_ref().map_or(Ok(()), |held| files.leads(&held.lock))).await
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

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(port: u16) -> CandidateInfo {
        let addr = MasterAddr { host: "127.0.0.1".into(), port };
        CandidateInfo { id: "master-server-1".parse().unwrap(), addr, pid: std::process::id() }
    }

    /// How long somebody lets others pass that gave its place back in epoch 1, if `others` are there and `led` is the last epoch.
    async fn respite(others: bool, led: u64) -> u64 {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(dir.path().to_owned());
        files.prepare().unwrap();
        let _other = others.then(|| files.show(&candidate(3005)).unwrap());
        std::fs::write(dir.path().join("epoch"), format!("{led}\n")).unwrap();
        let shown = Arc::new(files.show(&candidate(3006)).unwrap());
        let began = Instant::now();
        let (events, _told) = Events::new();
        let mut queue = Queue {
            files,
            me: candidate(3006),
            lock: HeldLock::default(),
            place: watch::Sender::new(None),
            events,
            left: Arc::new(std::sync::Mutex::new(Some(GivenBack { at: began, epoch: Some(1) }))),
            reader: Reader::default(),
        };
        queue.let_others_pass(&shown).await;
        began.elapsed().as_millis() as u64
    }

    #[tokio::test(start_paused = true)]
    async fn others_are_let_pass_until_one_of_them_leads() {
        assert_eq!(respite(true, 2).await, 2 * PASS_MS);
        assert_eq!(respite(true, 1).await, RESPITE_MS);
        assert_eq!(respite(false, 1).await, 0);
    }
}
