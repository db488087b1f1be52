//! What outlives the servers of LordOfPomelo: accounts, heroes and what they carry, in one SQLite file that all servers of a machine
//! share.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! use lordofpomelo_store::Store;
//!
//! let store = Store::open(&dir.path().join("game.db"))?;
//! let user = store.register("ann", "a hash of her password").await?;
//! assert_eq!(store.account_by_name("ann").await?.map(|account| account.id), Some(user));
//! assert!(store.player_of(user).await?.is_none());
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here waits on the caller's thread: the file belongs to a thread of its own, which does one thing after the other, so what
//! one server writes it writes in the order it asked. Several processes share the file through SQLite's write-ahead log; a writer
//! waits for another one up to [`BUSY_MS`].
//!
//! Not here: when something is written (the servers decide that), and passwords, of which only hashes come here.

mod accounts;
mod config;
mod players;
mod schema;
mod thread;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use thiserror::Error;

pub use accounts::{Account, NAME_CHARS_MAX};
pub use config::{Config, MysqlConfig};
pub use players::{Parts, Player};
pub use thread::Store;

/// How long a writer waits for another process that writes.
pub const BUSY_MS: u64 = 5_000;

/// Questions that wait for the file; one more is refused with [`StoreError::Busy`].
pub const WAITING_MAX: usize = 10_000;

/// Why a database can't be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// What the game says about its database can't be used.
    #[error("{}: {what}", file.display())]
    Config {
        /// The file that says it.
        file: PathBuf,
        /// Which key, and what is wrong with it.
        what: String,
    },
    /// The game wants a MySQL server, and this program was built without the feature `mysql`.
    #[error("this program was built without MySQL: build it with the feature mysql of lordofpomelo-store")]
    NoMysql,
    /// The folder of the file can't be made.
    #[error("{path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is not there, can't be read, or is no database.
    #[error("{path}: {source}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A later version of the game wrote it.
    #[error(
        "{path} has version {found} of the tables, this program knows {known}: use a newer program, or another file"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u32,
        /// What this program would write.
        known: u32,
    },
    /// No thread could be made.
    #[error("no thread for {path}: {source}")]
    Thread {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// Why a question got no answer.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Somebody has the name.
    #[error("the name is taken")]
    NameTaken,
    /// The account has a hero already.
    #[error("the account has a hero already")]
    HasPlayer,
    /// There is no such account or hero.
    #[error("there is no such account or hero")]
    Missing,
    /// What the file holds can't be read as what it should be.
    #[error("{table} {id}: {what}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// The row.
        id: u32,
        /// What is wrong with it.
        what: String,
    },
    /// [`WAITING_MAX`] questions wait.
    #[error("{WAITING_MAX} questions wait for the database")]
    Busy,
    /// The thread has ended.
    #[error("the database is closed")]
    Closed,
    /// Anything else that SQLite says.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
}
