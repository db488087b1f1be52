//! The thread that the file belongs to, and how it is asked. Not here: what it is asked.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::{Config, OpenError, StoreError, WAITING_MAX, schema};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Accounts and heroes. Clones use the same thread, which ends with the last of them, when it has done what it was asked.
#[derive(Debug, Clone)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
}

impl Store {
    /// Opens the database that the game in this folder uses in this environment, see [`Config`]. Waits for the disk or the server;
    /// meant for the start of a program. The folder of a file is made when it is missing.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn load(game_dir: &Path, environment: &str) -> Result<Self, OpenError> {
        match Config::load(game_dir, environment)? {
            Config::Sqlite(path) => {
                if let Some(folder) = path.parent() {
                    let failed = |source| OpenError::Folder { path: folder.to_owned(), source };
                    std::fs::create_dir_all(folder).map_err(failed)?;
                }
                Self::open(&path)
            }
            Config::Mysql(_) => Err(OpenError::NoMysql),
        }
    }

    /// Opens the file, made when it is missing. Waits for the disk; meant for the start of a program.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let mut connection = schema::open(path)?;
        let (jobs, mut asked) = mpsc::channel::<Job>(WAITING_MAX);
        let work = move || {
            while let Some(job) = asked.blocking_recv() {
                job(&mut connection);
            }
        };
        let thread = std::thread::Builder::new().name("lordofpomelo-store".to_owned()).spawn(work);
        thread.map_err(|source| OpenError::Thread { path: path.to_owned(), source })?;
        Ok(Self { jobs })
    }

    /// Waits until all that was asked before is done: for a program that ends.
    ///
    /// # Errors
    /// [`StoreError::Closed`] or [`StoreError::Busy`].
    pub async fn settle(&self) -> Result<(), StoreError> {
        self.ask(|_| Ok(())).await
    }

    /// Reads; what is read belongs to one moment.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(move |connection| read(&connection.transaction()?)).await
    }

    /// Writes, all or nothing. It is done even if nobody waits for it any more.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(move |connection| {
            let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = write(&change)?;
            change.commit()?;
            Ok(value)
        })
        .await
    }

    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Whoever asked may have gone; what was written is written.
            _ = answer.send(job(connection));
        });
        self.jobs.try_send(job).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}
