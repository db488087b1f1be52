//! What accounts and heroes need of a database: one transaction after the other, values in, rows out. SQLite and MySQL understand the
//! same statements as long as those are plain; where they don't, the difference is in the module of each.

use std::{error::Error, fmt, rc::Rc};

/// A database with the tables of the game.
pub(crate) trait Database: Send {
    /// Begins a transaction.
    fn begin(&mut self, access: Access) -> Result<(), DatabaseError>;

    /// Makes what was written last. When this fails, [`Self::roll_back`] must follow.
    fn commit(&mut self) -> Result<(), DatabaseError>;

    /// Forgets what was written since [`Self::begin`]. There is nothing to be done if that fails: then nothing was written either.
    fn roll_back(&mut self);

    /// Changes rows. In a statement `?` stands for the values, in their order, and names are in double quotes.
    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Changed, DatabaseError>;

    /// Reads rows.
    fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Vec<Row>, DatabaseError>;
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// All that is read is as it was at one moment.
    Read,
    /// Nobody else writes what this one writes until it is over.
    Write,
}

/// What a statement did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Rows it met, changed or not.
    pub(crate) rows: u64,
    /// Number that the row added last was given, if rows of the table are given one.
    pub(crate) last_id: u64,
}

/// A value of a statement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    Integer(i64),
    Real(f64),
    Text(&'a str),
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        // Times and experience, which are nowhere near the end.
        Self::Integer(number.try_into().unwrap_or(i64::MAX))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

/// What a column of a row holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Nothing,
    Integer(i64),
    Real(f64),
    Text(String),
}

/// A row that was read.
#[derive(Debug)]
pub(crate) struct Row {
    /// Names of all columns, the same for all rows of an answer.
    pub(crate) columns: Rc<[String]>,
    pub(crate) cells: Vec<Cell>,
}

impl Row {
    /// A whole number, or in words what is there instead.
    pub(crate) fn integer<T: TryFrom<i64>>(&self, column: &str) -> Result<T, String> {
        match self.cell(column)? {
            Cell::Integer(number) => T::try_from(*number).map_err(|_| format!("{column} is {number}")),
            other => Err(format!("{column} is {other:?}")),
        }
    }

    pub(crate) fn real(&self, column: &str) -> Result<f64, String> {
        match self.cell(column)? {
            Cell::Real(number) => Ok(*number),
            other => Err(format!("{column} is {other:?}")),
        }
    }

    pub(crate) fn text(&self, column: &str) -> Result<&str, String> {
        match self.cell(column)? {
            Cell::Text(text) => Ok(text),
            other => Err(format!("{column} is {other:?}")),
        }
    }

    fn cell(&self, column: &str) -> Result<&Cell, String> {
        let at = self.columns.iter().position(|name| name == column);
        at.and_then(|at| self.cells.get(at)).ok_or_else(|| format!("there is no column {column}"))
    }
}

/// What a database says when it does not do what it was asked.
#[derive(Debug)]
pub struct DatabaseError {
    pub(crate) kind: Kind,
    source: Box<dyn Error + Send + Sync>,
}

/// What an error means for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "mysql"), expect(dead_code, reason = "a file does not go away"))]
pub(crate) enum Kind {
    /// Another row has the key.
    Taken,
    /// What the row belongs to is not there.
    NoParent,
    /// Somebody else wrote for too long.
    Busy,
    /// Two transactions waited for each other, and this one was undone.
    Deadlock,
    /// The connection is gone, and what was written in this transaction with it.
    Lost,
    /// There is no connection, and none can be had now, or nobody answers.
    Away,
    /// The connection was lost while a transaction ended: nobody knows how.
    Unsure,
    /// Anything else.
    Other,
}

impl DatabaseError {
    pub(crate) fn new(kind: Kind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Unsure => write!(f, "{}; it may have been written", self.source),
            _ => self.source.fmt(f),
        }
    }
}

impl Error for DatabaseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
