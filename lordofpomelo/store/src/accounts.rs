//! Accounts: who may sign in. Not here: how passwords are hashed and compared, and how often somebody may try.

use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use crate::{Store, StoreError, players::is_taken};

/// Most characters of an account's name.
pub const NAME_CHARS_MAX: usize = 50;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number for life.
    pub id: u32,
    /// Unique among accounts.
    pub name: String,
    /// Hash of its password.
    pub password: String,
    /// How often it signed in.
    pub login_count: u32,
    /// When it did so last, in milliseconds since 1970.
    pub last_login_ms: u64,
}

const COLUMNS: &str = r#"SELECT "id", "name", "password", "loginCount", "lastLoginTime" FROM "User""#;

impl Store {
    /// Makes an account and returns its number.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], or the database fails.
    pub async fn register(&self, name: &str, password: &str) -> Result<u32, StoreError> {
        let (name, password) = (name.to_owned(), password.to_owned());
        self.write(move |tables| {
            let added = tables.execute(
                r#"INSERT INTO "User" ("name", "password") VALUES (?1, ?2)"#,
                params![name, password],
            );
            match added {
                Ok(_) => last_id(tables),
                Err(error) if is_taken(&error) => Err(StoreError::NameTaken),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// The account of this name.
    ///
    /// # Errors
    /// The database fails.
    pub async fn account_by_name(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let name = name.to_owned();
        self.read(move |tables| {
            let query = format!(r#"{COLUMNS} WHERE "name" = ?1"#);
            Ok(tables.query_row(&query, [name], account).optional()?)
        })
        .await
    }

    /// The account with this number.
    ///
    /// # Errors
    /// The database fails.
    pub async fn account(&self, id: u32) -> Result<Option<Account>, StoreError> {
        self.read(move |tables| {
            let query = format!(r#"{COLUMNS} WHERE "id" = ?1"#);
            Ok(tables.query_row(&query, [id], account).optional()?)
        })
        .await
    }

    /// Notes that somebody signed in.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or the database fails.
    pub async fn signed_in(&self, id: u32, now_ms: u64) -> Result<(), StoreError> {
        self.write(move |tables| {
            let changed = tables.execute(
                r#"UPDATE "User" SET "loginCount" = "loginCount" + 1, "lastLoginTime" = ?2 WHERE "id" = ?1"#,
                params![id, now_ms as i64],
            )?;
            if changed == 0 { Err(StoreError::Missing) } else { Ok(()) }
        })
        .await
    }
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: row.get(0)?,
        name: row.get(1)?,
        password: row.get(2)?,
        login_count: row.get(3)?,
        last_login_ms: row.get::<_, i64>(4)?.max(0) as u64,
    })
}

/// The number of the row that was added last. Numbers are not used again, and there will not be four billion.
pub(crate) fn last_id(tables: &Transaction<'_>) -> Result<u32, StoreError> {
    let id = tables.last_insert_rowid();
    u32::try_from(id).map_err(|_| StoreError::Sqlite(rusqlite::Error::IntegralValueOutOfRange(0, id)))
}
