//! What outlives the servers of LordOfPomelo: accounts, heroes and what they carry, in one SQLite file that all servers of a machine
//! share, or in a MySQL or MariaDB database (feature `mysql`) for servers on any number of machines. [`Config`] says which.
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
//! # What is written when
//!
//! Nothing here waits on the caller's thread: the database belongs to a thread of its own, which does one thing after the other, so
//! what one server writes it writes in the order it asked, and what it reads afterwards is what it wrote. Each call is one
//! transaction: when it returns `Ok` all of it is written and seen by all other servers, when it returns an error none of it is (but
//! see [`StoreError::is_transient`]). A call is carried out even if its future is dropped. Before a program ends, it must wait for
//! [`Store::close`]: what still waits when a program ends is lost.
//!
//! # Several servers
//!
//! Any number of processes may open and use one database at once. A file is shared through SQLite's write-ahead log: readers wait for
//! nobody, writers take turns, and one that got no turn for [`BUSY_MS`] is told so with an error that
//! [`is_transient`](StoreError::is_transient). It takes a lot to get there: a thousand heroes are written in a quarter of a second.
//! MySQL locks single rows; a lock, too, is waited for up to [`BUSY_MS`].
//!
//! # A MySQL server that goes away
//!
//! A connection that broke is made again, and what was asked is asked again, [`TRIES_MAX`] times in all, unless it broke while the
//! transaction ended. When no connection can be made, the call fails, and so do those of the next [`PAUSE_MS`] at once; the
//! call after that tries again. So what failed is to be asked again by whoever can wait. A server that does not answer is given up
//! after [`ANSWER_MS`]. There is no TLS: the server belongs into the same private network.
//!
//! Names of accounts are compared letter for letter in both, with case, accents and trailing blanks. Those of heroes must differ by more
//! than case and blanks ([`name_key`](lordofpomelo_world::text::name_key)); heroes of older games keep the names that they have.
//!
//! Not here: when something is written (the servers decide that), and passwords, of which only hashes come here.

mod accounts;
mod config;
mod database;
#[cfg(feature = "mysql")]
mod mysql;
mod names;
mod players;
mod sqlite;
mod thread;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use thiserror::Error;

use database::Kind;

pub use accounts::{Account, NAME_CHARS_MAX};
pub use config::{Config, MysqlConfig};
pub use database::DatabaseError;
pub use players::{Parts, Player};
pub use thread::Store;

/// How long a writer waits for another process that writes.
pub const BUSY_MS: u64 = 5_000;

/// How often a question is asked before somebody is told that the connection broke, or that two transactions waited for each other.
pub const TRIES_MAX: u32 = 3;

/// How long a connection to a MySQL server may take.
pub const CONNECT_MS: u64 = 3_000;

/// How long a MySQL server may take for one statement: longer than it may wait for locks.
pub const ANSWER_MS: u64 = 2 * BUSY_MS;

/// After a connection could not be made, none is tried for so long.
pub const PAUSE_MS: u64 = 500;

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
    /// The address of a MySQL server is none.
    #[error("not the address of a MySQL database, as in mysql://user:password@host:3306/database: {0}")]
    Url(String),
    /// It is not there, can't be read, or is no database.
    #[error("{database}: {source}")]
    Database {
        /// The file, or the address without its password.
        database: String,
        /// What SQLite or MySQL says.
        source: DatabaseError,
    },
    /// A later version of the game wrote it.
    #[error(
        "{database} has version {found} of the tables, this program knows {known}: use a newer program, or another database"
    )]
    Newer {
        /// The file, or the address without its password.
        database: String,
        /// What it says.
        found: u32,
        /// What this program would write.
        known: u32,
    },
    /// No thread could be made.
    #[error("no thread for the database: {0}")]
    Thread(std::io::Error),
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
    /// Another server has taken the hero over since.
    #[error("another server has taken the hero over")]
    Superseded,
    /// What the database holds can't be read as what it should be.
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
    /// Anything else that SQLite or MySQL says.
    #[error("database: {0}")]
    Database(DatabaseError),
}

impl StoreError {
    /// Whether the same question may get an answer later, without anybody mending anything: too much waits, another server has been
    /// writing for [`BUSY_MS`], or the MySQL server is away. Whoever has something to write should keep it and ask again.
    ///
    /// Nothing was written, with one exception: when the connection broke while a transaction ended, nobody knows, and the error says
    /// so. [`Store::save`] can simply be asked again; what makes something new may then be refused as already there.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy => true,
            Self::Database(error) => {
                matches!(error.kind, Kind::Busy | Kind::Deadlock | Kind::Lost | Kind::Away | Kind::Unsure)
            }
            Self::NameTaken
            | Self::HasPlayer
            | Self::Missing
            | Self::Superseded
            | Self::Damaged { .. }
            | Self::Closed => false,
        }
    }
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        // All that rows belong to are accounts and heroes.
        if error.kind == Kind::NoParent { Self::Missing } else { Self::Database(error) }
    }
}
