//! SQLite: one file for all servers of a machine. Its tables are in `sqlite.sql`.

use std::{path::Path, rc::Rc, time::Duration};

use rusqlite::{
    Connection, ErrorCode, ToSql, ffi, params_from_iter,
    types::{ToSqlOutput, ValueRef},
};

use crate::{
    BUSY_MS, OpenError,
    database::{Access, Cell, Changed, Database, DatabaseError, Kind, Row, Value},
    names,
};

/// What each version does to the one before. Each adds; none that was once used is ever changed.
pub(crate) const VERSIONS: [&str; 2] = [include_str!("sqlite.sql"), include_str!("sqlite2.sql")];

/// Statements kept ready; there are fewer.
const STATEMENTS_MAX: usize = 32;

/// Between two looks whether somebody else is done. SQLite's own pauses grow to fifty times this: who has waited for long then hardly
/// ever finds the short moment between two writes of others.
const LOOK_MS: u64 = 2;

/// A file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    connection: Connection,
}

impl Sqlite {
    /// Opens the file, made when it is missing, with all tables. Any number of processes may do so at once.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let database = || path.display().to_string();
        let at =
            |source: rusqlite::Error| OpenError::Database { database: database(), source: source.into() };
        let mut connection = Connection::open(path).map_err(at)?;
        connection.busy_handler(Some(wait)).map_err(at)?;
        use_log(&connection).map_err(at)?;
        // Committed is what survives the process; the last moments before the machine stops may be lost, as whole transactions.
        connection.pragma_update(None, "synchronous", "normal").map_err(at)?;
        connection.pragma_update(None, "foreign_keys", "on").map_err(at)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        let known = VERSIONS.len() as u32;
        // Where there is nothing to be made, nobody has to wait for those who write.
        let mut found = version(&connection).map_err(at)?;
        let mut file = Self { connection };
        if found < known {
            found =
                file.make_tables().map_err(|source| OpenError::Database { database: database(), source })?;
        }
        if found > known {
            return Err(OpenError::Newer { database: database(), found, known });
        }
        Ok(file)
    }

    /// Makes what is missing, all or nothing. Returns the version that was found: whoever came first has made the tables meanwhile.
    fn make_tables(&mut self) -> Result<u32, DatabaseError> {
        self.begin(Access::Write)?;
        let found = version(&self.connection)? as usize;
        for (n, version) in VERSIONS.iter().enumerate().skip(found) {
            self.connection.execute_batch(version)?;
            if n + 1 == names::SINCE_VERSION {
                names::note_all(self)?;
            }
        }
        if found < VERSIONS.len() {
            self.connection.pragma_update(None, "user_version", VERSIONS.len() as u32)?;
        }
        self.commit()?;
        Ok(found as u32)
    }
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Has changes written to a log first, so that nobody who reads waits for somebody who writes. The first to do so needs the file for
/// itself, and SQLite refuses at once, without [`wait`], when others are there.
fn use_log(connection: &Connection) -> rusqlite::Result<()> {
    let mut looks = 0;
    loop {
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(error) if kind(&error) == Kind::Busy && wait(looks) => looks += 1,
            done => return done,
        }
    }
}

/// Waits a moment for somebody else, if that has not been done for [`BUSY_MS`].
fn wait(looks: i32) -> bool {
    let again = i64::from(looks) < (BUSY_MS / LOOK_MS) as i64;
    if again {
        #[expect(
            clippy::disallowed_methods,
            reason = "the thread is there to wait for the file, and opening says that it waits"
        )]
        std::thread::sleep(Duration::from_millis(LOOK_MS));
    }
    again
}

impl Database for Sqlite {
    fn begin(&mut self, access: Access) -> Result<(), DatabaseError> {
        // A writer waits for its turn here: one that began by reading would be refused without waiting.
        let begin = if access == Access::Write { "BEGIN IMMEDIATE" } else { "BEGIN" };
        Ok(self.connection.execute_batch(begin)?)
    }

    fn commit(&mut self) -> Result<(), DatabaseError> {
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    fn roll_back(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "a transaction could not be undone");
        }
    }

    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Changed, DatabaseError> {
        let rows = self.connection.prepare_cached(statement)?.execute(params_from_iter(values))?;
        Ok(Changed {
            rows: rows as u64,
            last_id: self.connection.last_insert_rowid().try_into().unwrap_or(0),
        })
    }

    fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Vec<Row>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(statement)?;
        let columns: Rc<[String]> = statement.column_names().map(str::to_owned).collect();
        let rows = statement.query_map(params_from_iter(values), |row| {
            let cells = (0..columns.len()).map(|column| Ok(cell(row.get_ref(column)?)));
            Ok(Row { columns: columns.clone(), cells: cells.collect::<rusqlite::Result<_>>()? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Null | ValueRef::Blob(_) => Cell::Nothing,
    }
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(kind(&error), error)
    }
}

fn kind(error: &rusqlite::Error) -> Kind {
    match error.sqlite_error() {
        Some(error) if error.extended_code == ffi::SQLITE_CONSTRAINT_UNIQUE => Kind::Taken,
        Some(error) if error.extended_code == ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Kind::NoParent,
        Some(error) if matches!(error.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Kind::Busy
        }
        _ => Kind::Other,
    }
}
