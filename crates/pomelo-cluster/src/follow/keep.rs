//! When what is known is written for the next start ([`crate::memory`]): at most once a second, off the task's thread, and at the
//! end.

use std::{path::PathBuf, time::Duration};

use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::Instant,
};

use crate::memory::{Memory, MemoryError};

/// Shortest time between two writes.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);
/// A write waits up to this long, at random: the processes of a machine learn the same at the same time, and one write is enough.
const WRITE_SPREAD_MS: u64 = 250;
/// How long the last write may take before the process ends without it.
const LAST_WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// Writes to one folder.
pub(super) struct Keeper {
    dir: PathBuf,
    due: Option<Instant>,
    last: Option<Instant>,
    writing: Option<JoinHandle<Result<bool, MemoryError>>>,
    /// The last one failed: that was said.
    failed: bool,
}

impl Keeper {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, due: None, last: None, writing: None, failed: false }
    }

    /// What is there. Reads the file on this thread: nothing else is to be done yet.
    pub(super) fn load(&self) -> Memory {
        Memory::load(&self.dir).unwrap_or_else(|error| {
            tracing::warn!(target: "pomelo::follow", "begins without memory: {error}");
            Memory::default()
        })
    }

    /// There is something new to write.
    pub(super) fn changed(&mut self) {
        let soon = Instant::now() + Duration::from_millis(fastrand::u64(0..=WRITE_SPREAD_MS));
        let next = self.last.map_or(soon, |last| soon.max(last + WRITE_INTERVAL));
        self.due.get_or_insert(next);
    }

    /// When to call [`Keeper::write`].
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Writes, if the write before is done; else a little later.
    pub(super) async fn write(&mut self, memory: Memory) {
        self.due = None;
        self.last = Some(Instant::now());
        match self.writing.take() {
            Some(writing) if !writing.is_finished() => {
                self.writing = Some(writing);
                self.changed();
            }
            Some(writing) => {
                self.written(writing.await.unwrap_or(Ok(false)));
                self.begin(memory);
            }
            None => self.begin(memory),
        }
    }

    /// The last one. It changes nothing if all is written.
    pub(super) async fn end(mut self, memory: Memory) {
        let all = async {
            if let Some(writing) = self.writing.take() {
                self.written(writing.await.unwrap_or(Ok(false)));
            }
            if memory.max_epoch > 0 {
                self.begin(memory);
            }
            if let Some(writing) = self.writing.take() {
                self.written(writing.await.unwrap_or(Ok(false)));
            }
        };
        if tokio::time::timeout(LAST_WRITE_TIMEOUT, all).await.is_err() {
            tracing::warn!(target: "pomelo::follow", "ends without having written what it knows");
        }
    }

    fn begin(&mut self, memory: Memory) {
        let dir = self.dir.clone();
        self.writing = Some(spawn_blocking(move || memory.save(&dir)));
    }

    /// A failure is said once, until one succeeds.
    fn written(&mut self, result: Result<bool, MemoryError>) {
        match result {
            Ok(_) => self.failed = false,
            Err(error) => {
                if !self.failed {
                    tracing::warn!(target: "pomelo::follow", "what is known can't be kept for the next start: {error}");
                }
                self.failed = true;
            }
        }
    }
}
