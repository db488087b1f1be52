//! The thread that the database belongs to, and how it is asked. Not here: what it is asked.

use std::path::Path;

use tokio::sync::{mpsc, watch};

use crate::{
    Config, OpenError, StoreError, TRIES_MAX, WAITING_MAX, config,
    database::{Access, Database, Kind},
    sqlite::Sqlite,
};

/// Accounts and heroes. Clones use the same thread, which ends with the last of them, when it has done what it was asked. A program
/// that ends does not wait for that unless it says [`Store::close`].
#[derive(Debug, Clone)]
pub struct Store {
    asked: mpsc::Sender<Asked>,
    /// Never changes: it ends with the thread.
    ended: watch::Receiver<()>,
}

type Job = Box<dyn FnOnce(&mut dyn Database) + Send>;

enum Asked {
    Job(Job),
    Close,
}

impl Store {
    /// Opens the database that the game in this folder uses in this environment, see [`Config`]. Waits for the disk or the server;
    /// meant for the start of a program. The folder of a file is made when it is missing.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn load(game_dir: &Path, environment: &str) -> Result<Self, OpenError> {
        let config = Config::load(game_dir, environment)?;
        if let Config::Sqlite(path) = &config
            && let Some(folder) = path.parent()
        {
            let failed = |source| OpenError::Folder { path: folder.to_owned(), source };
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        Self::connect(&config).map_err(|error| match error {
            OpenError::Url(_) | OpenError::NoMysql => OpenError::Config {
                file: game_dir.join(config::FILE),
                what: format!("{environment}.mysql: {error}"),
            },
            other => other,
        })
    }

    /// Opens a database, as [`Self::load`] does, but in folders that are there.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn connect(config: &Config) -> Result<Self, OpenError> {
        match config {
            Config::Sqlite(path) => Self::open(path),
            #[cfg(feature = "mysql")]
            Config::Mysql(config) => Self::start(Box::new(crate::mysql::Mysql::open(config)?)),
            #[cfg(not(feature = "mysql"))]
            Config::Mysql(_) => Err(OpenError::NoMysql),
        }
    }

    /// Opens a file of SQLite, made when it is missing.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::start(Box::new(Sqlite::open(path)?))
    }

    fn start(database: Box<dyn Database>) -> Result<Self, OpenError> {
        let (asked, jobs) = mpsc::channel(WAITING_MAX);
        let (end, ended) = watch::channel(());
        let thread = std::thread::Builder::new().name("lordofpomelo-store".to_owned());
        thread.spawn(move || work(database, jobs, end)).map_err(OpenError::Thread)?;
        Ok(Self { asked, ended })
    }

    /// Waits until all that was asked before is done, by clones too, and the database is closed. Whoever asks later is answered
    /// [`StoreError::Closed`].
    pub async fn close(&self) {
        // Whoever comes second waits as well.
        _ = self.asked.send(Asked::Close).await;
        _ = self.ended.clone().changed().await;
    }

    /// Reads; what is read belongs to one moment.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl Fn(&mut dyn Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(Access::Read, read).await
    }

    /// Writes, all or nothing. It is done even if nobody waits for it any more. What is begun may be undone and begun again.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        write: impl Fn(&mut dyn Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(Access::Write, write).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        access: Access,
        job: impl Fn(&mut dyn Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let job: Job = Box::new(move |database| {
            // Whoever asked may have gone; what was written is written.
            _ = answer.send(with_tries(database, access, job));
        });
        self.asked.try_send(Asked::Job(job)).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Job(_) => "Job",
            Self::Close => "Close",
        })
    }
}

/// Does what it is asked, one after the other, until nobody is left who could ask, or somebody closes it.
fn work(mut database: Box<dyn Database>, mut asked: mpsc::Receiver<Asked>, end: watch::Sender<()>) {
    while let Some(next) = asked.blocking_recv() {
        match next {
            Asked::Job(job) => job(&mut *database),
            // What waits already comes still.
            Asked::Close => asked.close(),
        }
    }
    // Whoever waits for the end wants the file closed.
    drop(database);
    drop(end);
}

/// Tries again what is known not to have happened, and not to be worth waiting for.
fn with_tries<T>(
    database: &mut dyn Database,
    access: Access,
    job: impl Fn(&mut dyn Database) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    for _ in 1..TRIES_MAX {
        match once(database, access, &job) {
            Err(StoreError::Database(error)) if matches!(error.kind, Kind::Lost | Kind::Deadlock) => {
                tracing::warn!(%error, "asking the database again");
            }
            done => return done,
        }
    }
    once(database, access, &job)
}

fn once<T>(
    database: &mut dyn Database,
    access: Access,
    job: impl Fn(&mut dyn Database) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    database.begin(access)?;
    let done = job(database).and_then(|value| {
        database.commit()?;
        Ok(value)
    });
    if done.is_err() {
        database.roll_back();
    }
    done
}
