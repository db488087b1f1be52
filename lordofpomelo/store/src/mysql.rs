//! MySQL and MariaDB: one database for servers on any number of machines. Its tables are in `mysql.sql`.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use mysql::{
    Conn, DriverError, Error, MySqlError, Opts, OptsBuilder, consts::CapabilityFlags, prelude::Queryable as _,
};

use crate::{
    ANSWER_MS, BUSY_MS, CONNECT_MS, MysqlConfig, OpenError, PAUSE_MS,
    database::{Access, Cell, Changed, Database, DatabaseError, Kind, Row, Value},
    names,
};

/// What each version does to the one before. Each adds; none that was once used is ever changed. A server ends a transaction with
/// each table it makes, so a version can end half-way: all of it must do no harm a second time.
const VERSIONS: [&str; 2] = [include_str!("mysql.sql"), include_str!("mysql2.sql")];

/// Where [`VERSIONS`] say how to compare texts: by their code points, trailing blanks too, as SQLite does.
const COLLATION: &str = "{collation}";

/// What each connection begins with.
const SETTINGS: [&str; 3] = [
    // Names in double quotes as in SQLite; what does not fit is refused, not cut.
    "SET SESSION sql_mode = 'ANSI_QUOTES,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
    // What a transaction reads is of one moment.
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION autocommit = 1",
];

/// A database and a connection to it, made again when it broke.
#[derive(Debug)]
pub(crate) struct Mysql {
    opts: Opts,
    /// What is told of it: without password.
    address: String,
    connection: Option<Conn>,
    /// When a connection could not be made, and why.
    failed: Option<(Instant, String)>,
}

impl Mysql {
    /// Connects and makes the tables if they are missing. Any number of processes may do so at once.
    pub(crate) fn open(config: &MysqlConfig) -> Result<Self, OpenError> {
        let opts = options(config)?;
        let user = opts.get_user().map(|user| format!("{user}@")).unwrap_or_default();
        let (host, port) = (opts.get_ip_or_hostname(), opts.get_tcp_port());
        let address = format!("mysql://{user}{host}:{port}/{}", opts.get_db_name().unwrap_or_default());
        let at = |source| OpenError::Database { database: address.clone(), source };
        let connection = Conn::new(opts.clone()).map_err(|error| at(error.into()))?;
        let mut database =
            Self { opts, address: address.clone(), connection: Some(connection), failed: None };
        let known = VERSIONS.len() as u32;
        let found = database.make_tables().map_err(at)?;
        if found > known {
            return Err(OpenError::Newer { database: address, found, known });
        }
        Ok(database)
    }

    /// Makes what is missing, one process after the other. Returns the version that was found, or made.
    fn make_tables(&mut self) -> Result<u32, DatabaseError> {
        let lock = "LEFT(CONCAT('lordofpomelo ', DATABASE()), 64)";
        let get = format!("SELECT GET_LOCK({lock}, {})", BUSY_MS / 1_000);
        let locked: Option<Option<u32>> = self.ask(|connection| connection.query_first(get))?;
        if locked.flatten() != Some(1) {
            return Err(DatabaseError::new(
                Kind::Busy,
                "somebody else has been making its tables for too long",
            ));
        }
        let version = self.make_missing()?;
        // If that failed, the connection ends, and the lock with it.
        self.ask(|connection| connection.query_drop(format!("SELECT RELEASE_LOCK({lock})")))?;
        Ok(version)
    }

    fn make_missing(&mut self) -> Result<u32, DatabaseError> {
        self.ask(|connection| {
            connection.query_drop(
                r#"CREATE TABLE IF NOT EXISTS "Version" ("version" INT UNSIGNED PRIMARY KEY) ENGINE = InnoDB"#,
            )
        })?;
        let found: Option<Option<u32>> =
            self.ask(|connection| connection.query_first(r#"SELECT MAX("version") FROM "Version""#))?;
        let found = found.flatten().unwrap_or(0);
        let server: Option<String> = self.ask(|connection| connection.query_first("SELECT VERSION()"))?;
        let is_mariadb = server.is_some_and(|version| version.contains("MariaDB"));
        let collation = if is_mariadb { "utf8mb4_nopad_bin" } else { "utf8mb4_0900_bin" };
        for (n, version) in VERSIONS.iter().enumerate().skip(found as usize) {
            for statement in version.replace(COLLATION, collation).split_inclusive(';') {
                if !statement.trim().is_empty() {
                    self.ask(|connection| connection.query_drop(statement))?;
                }
            }
            if n + 1 == names::SINCE_VERSION {
                self.begin(Access::Write)?;
                names::note_all(self)?;
                self.commit()?;
            }
            self.ask(|connection| {
                connection.exec_drop(r#"INSERT INTO "Version" ("version") VALUES (?)"#, (n + 1,))
            })?;
        }
        Ok(found.max(VERSIONS.len() as u32))
    }

    fn connect(&mut self) -> Result<(), DatabaseError> {
        if self.connection.is_some() {
            return Ok(());
        }
        let pause = Duration::from_millis(PAUSE_MS);
        if let Some((_, why)) = self.failed.as_ref().filter(|(at, _)| at.elapsed() < pause) {
            return Err(DatabaseError::new(Kind::Away, why.clone()));
        }
        let asked = Instant::now();
        match Conn::new(self.opts.clone()) {
            Ok(connection) => {
                if self.failed.take().is_some() {
                    tracing::info!(database = self.address, "connected again");
                }
                self.connection = Some(connection);
                Ok(())
            }
            Err(error) => {
                let why = format!("no connection to {}: {}", self.address, since(asked, error));
                self.failed = Some((Instant::now(), why.clone()));
                Err(DatabaseError::new(Kind::Away, why))
            }
        }
    }

    fn ask<T>(&mut self, ask: impl FnOnce(&mut Conn) -> mysql::Result<T>) -> Result<T, DatabaseError> {
        let connection = self.connection.as_mut();
        let connection =
            connection.ok_or_else(|| DatabaseError::new(Kind::Lost, "the connection is gone"))?;
        let asked = Instant::now();
        ask(connection).map_err(|error| {
            let error = since(asked, error);
            if matches!(error.kind, Kind::Lost | Kind::Away) {
                self.connection = None;
            }
            if error.kind == Kind::Away {
                self.failed = Some((Instant::now(), error.to_string()));
            }
            error
        })
    }
}

fn options(config: &MysqlConfig) -> Result<Opts, OpenError> {
    let opts = Opts::from_url(&config.url).map_err(|error| OpenError::Url(error.to_string()))?;
    if opts.get_db_name().is_none_or(str::is_empty) {
        return Err(OpenError::Url("it names no database".to_owned()));
    }
    let password = config.password.clone().or_else(|| opts.get_pass().map(str::to_owned));
    let answer = Some(Duration::from_millis(ANSWER_MS));
    let locks = format!("SET SESSION innodb_lock_wait_timeout = {}", BUSY_MS / 1_000);
    let builder = OptsBuilder::from_opts(opts)
        .pass(password)
        .prefer_socket(false)
        .tcp_connect_timeout(Some(Duration::from_millis(CONNECT_MS)))
        .read_timeout(answer)
        .write_timeout(answer)
        // A row that is found and changed to what it was counts, as in SQLite.
        .additional_capabilities(CapabilityFlags::CLIENT_FOUND_ROWS)
        .init(SETTINGS.into_iter().map(str::to_owned).chain([locks]).collect());
    Ok(builder.into())
}

impl Database for Mysql {
    fn begin(&mut self, access: Access) -> Result<(), DatabaseError> {
        self.connect()?;
        let begin = match access {
            Access::Read => "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
            Access::Write => "START TRANSACTION",
        };
        self.ask(|connection| connection.query_drop(begin))
    }

    fn commit(&mut self) -> Result<(), DatabaseError> {
        let done = self.ask(|connection| connection.query_drop("COMMIT"));
        done.map_err(|mut error| {
            if matches!(error.kind, Kind::Lost | Kind::Away) {
                error.kind = Kind::Unsure;
            }
            error
        })
    }

    fn roll_back(&mut self) {
        // Without a connection the server has done it.
        if let Some(connection) = &mut self.connection
            && connection.query_drop("ROLLBACK").is_err()
        {
            self.connection = None;
        }
    }

    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Changed, DatabaseError> {
        self.ask(|connection| {
            let done = connection.exec_iter(statement, params(values))?;
            Ok(Changed { rows: done.affected_rows(), last_id: done.last_insert_id().unwrap_or(0) })
        })
    }

    fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Vec<Row>, DatabaseError> {
        self.ask(|connection| {
            let rows = connection.exec_iter(statement, params(values))?;
            let columns: Rc<[String]> =
                rows.columns().as_ref().iter().map(|column| column.name_str().into_owned()).collect();
            rows.map(|row| {
                let cells = row?.unwrap().into_iter().map(cell).collect();
                Ok(Row { columns: columns.clone(), cells })
            })
            .collect()
        })
    }
}

fn params(values: &[Value<'_>]) -> mysql::Params {
    let value = |value: &Value<'_>| match value {
        Value::Integer(number) => mysql::Value::Int(*number),
        Value::Real(number) => mysql::Value::Double(*number),
        Value::Text(text) => mysql::Value::from(*text),
    };
    mysql::Params::Positional(values.iter().map(value).collect())
}

fn cell(value: mysql::Value) -> Cell {
    match value {
        mysql::Value::Int(number) => Cell::Integer(number),
        mysql::Value::UInt(number) => i64::try_from(number).map_or(Cell::Nothing, Cell::Integer),
        mysql::Value::Float(number) => Cell::Real(number.into()),
        mysql::Value::Double(number) => Cell::Real(number),
        mysql::Value::Bytes(text) => Cell::Text(String::from_utf8_lossy(&text).into_owned()),
        mysql::Value::NULL | mysql::Value::Date(..) | mysql::Value::Time(..) => Cell::Nothing,
    }
}

/// What went wrong with what was asked then.
fn since(asked: Instant, error: Error) -> DatabaseError {
    let error = DatabaseError::from(error);
    if error.kind == Kind::Lost && asked.elapsed() >= Duration::from_millis(ANSWER_MS) {
        // Asking again would take as long again.
        return DatabaseError::new(Kind::Away, format!("no answer within {ANSWER_MS} ms"));
    }
    error
}

impl From<Error> for DatabaseError {
    fn from(error: Error) -> Self {
        match error {
            Error::IoError(error) => Self::new(Kind::Lost, format!("the connection broke: {error}")),
            Error::CodecError(error) => Self::new(Kind::Lost, format!("the connection broke: {error}")),
            Error::DriverError(error) => Self::new(kind_of_driver(&error), error),
            Error::MySqlError(error) => Self::new(kind_of_server(&error), error),
            other => Self::new(Kind::Other, other),
        }
    }
}

fn kind_of_driver(error: &DriverError) -> Kind {
    match error {
        DriverError::ConnectTimeout
        | DriverError::CouldNotConnect(_)
        | DriverError::PacketOutOfSync
        | DriverError::UnexpectedPacket
        | DriverError::SetupError
        | DriverError::Timeout => Kind::Lost,
        _ => Kind::Other,
    }
}

/// What the numbers mean that servers give their errors.
fn kind_of_server(error: &MySqlError) -> Kind {
    match error.code {
        1062 | 1586 => Kind::Taken,
        1216 | 1452 => Kind::NoParent,
        1205 => Kind::Busy,
        // The second is what newer MariaDB says in place of the first when a row was changed since the transaction began.
        1213 | 1020 => Kind::Deadlock,
        // Killed, or idle for too long; the class 08 is everything else about connections, and a server that ends.
        1927 | 3169 | 4031 => Kind::Lost,
        _ if error.state.starts_with("08") => Kind::Lost,
        _ => Kind::Other,
    }
}
