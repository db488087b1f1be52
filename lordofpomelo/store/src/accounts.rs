//! Accounts: who may sign in. Not here: how passwords are hashed and compared, and how often somebody may try.

use crate::{
    Store, StoreError,
    database::{Database, DatabaseError, Kind, Row, Value},
};

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

impl Store {
    /// Makes an account and returns its number.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], or the database fails.
    pub async fn register(&self, name: &str, password: &str) -> Result<u32, StoreError> {
        let (name, password) = (name.to_owned(), password.to_owned());
        self.write(move |tables| {
            let added = tables.execute(
                r#"INSERT INTO "User" ("name", "password") VALUES (?, ?)"#,
                &[(&*name).into(), (&*password).into()],
            );
            match added {
                Ok(added) => number(added.last_id),
                Err(error) if error.kind == Kind::Taken => Err(StoreError::NameTaken),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// The account of this name, letter for letter.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or the database fails.
    pub async fn account_by_name(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let name = name.to_owned();
        self.read(move |tables| load(tables, "name", (&*name).into())).await
    }

    /// The account with this number.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or the database fails.
    pub async fn account(&self, id: u32) -> Result<Option<Account>, StoreError> {
        self.read(move |tables| load(tables, "id", id.into())).await
    }

    /// Notes that somebody signed in.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or the database fails.
    pub async fn signed_in(&self, id: u32, now_ms: u64) -> Result<(), StoreError> {
        self.write(move |tables| {
            let changed = tables.execute(
                r#"UPDATE "User" SET "loginCount" = "loginCount" + 1, "lastLoginTime" = ? WHERE "id" = ?"#,
                &[now_ms.into(), id.into()],
            )?;
            if changed.rows == 0 { Err(StoreError::Missing) } else { Ok(()) }
        })
        .await
    }
}

fn load(tables: &mut dyn Database, key: &str, value: Value<'_>) -> Result<Option<Account>, StoreError> {
    let columns = r#"SELECT "id", "name", "password", "loginCount", "lastLoginTime" FROM "User""#;
    let rows = tables.query(&format!(r#"{columns} WHERE "{key}" = ?"#), &[value])?;
    let Some(row) = rows.first() else { return Ok(None) };
    let id = row.integer("id").unwrap_or_default();
    let damaged = |what| StoreError::Damaged { table: "User", id, what };
    account(row).map(Some).map_err(damaged)
}

fn account(row: &Row) -> Result<Account, String> {
    Ok(Account {
        id: row.integer("id")?,
        name: row.text("name")?.to_owned(),
        password: row.text("password")?.to_owned(),
        login_count: row.integer("loginCount")?,
        last_login_ms: row.integer("lastLoginTime")?,
    })
}

/// The number of a row that was added. Numbers are not used again, and there will not be four billion.
pub(crate) fn number(last_id: u64) -> Result<u32, StoreError> {
    let what = || format!("{last_id} is too large for a number");
    u32::try_from(last_id).map_err(|_| StoreError::Database(DatabaseError::new(Kind::Other, what())))
}
