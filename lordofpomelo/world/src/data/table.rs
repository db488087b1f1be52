//! One table's file: a JSON array of arrays, titles first, then the names of the columns, then the rows. Checked while it is
//! read: every error says the file, and the row and column where there is one.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What a table's row type says of itself.
pub trait Row: DeserializeOwned {
    /// Name of the table: its file is `NAME.json`.
    const NAME: &'static str;
    /// Its columns. A file has exactly these, in any order.
    const COLUMNS: &'static [&'static str];
    /// The row's key.
    fn id(&self) -> u32;
}

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "file, row (counted from 1, headers included) and column of the fault")]
pub enum DataError {
    /// The file cannot be read.
    #[error("{file}: {source}")]
    Read { file: PathBuf, source: std::io::Error },
    /// It is not an array of arrays.
    #[error("{file}: not a table: {source}")]
    Form { file: PathBuf, source: serde_json::Error },
    /// It lacks the two header rows, or the second is not all text.
    #[error("{file}: two header rows are needed: titles, and names of columns")]
    Header { file: PathBuf },
    /// The type has a column that the file has not.
    #[error("{file}: column {column} is missing")]
    Missing { file: PathBuf, column: String },
    /// The file has a column that the type has not, or has it twice.
    #[error("{file}: column {column} is unknown or there twice")]
    Unknown { file: PathBuf, column: String },
    /// A row has more or fewer cells than there are columns.
    #[error("{file}: row {row}: {cells} cells for {columns} columns")]
    Cells { file: PathBuf, row: usize, cells: usize, columns: usize },
    /// A cell is not of its column's type.
    #[error("{file}: row {row}, column {column}: {reason}")]
    Cell { file: PathBuf, row: usize, column: String, reason: String },
    /// Two rows have the same id.
    #[error("{file}: row {row}: id {id} is there already")]
    Twice { file: PathBuf, row: usize, id: u32 },
    /// There is no row.
    #[error("{file}: no rows")]
    Empty { file: PathBuf },
    /// The tables do not fit each other.
    #[error("{table}: row with id {id}, column {column}: {reason}")]
    Reference { table: &'static str, id: u32, column: &'static str, reason: String },
}

/// The rows of one table, by id.
#[derive(Debug, Clone)]
pub struct Table<R> {
    rows: Vec<R>,
    version: u32,
}

impl<R: Row> Table<R> {
    /// Reads `NAME.json` in `dir`.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, and where.
    pub fn load(dir: &Path) -> Result<Self, DataError> {
        let file = dir.join(format!("{}.json", R::NAME));
        match std::fs::read_to_string(&file) {
            Ok(text) => Self::read(file, &text),
            Err(source) => Err(DataError::Read { file, source }),
        }
    }

    fn read(file: PathBuf, text: &str) -> Result<Self, DataError> {
        let cells: Vec<Vec<Value>> = match serde_json::from_str(text) {
            Ok(cells) => cells,
            Err(source) => return Err(DataError::Form { file, source }),
        };
        let columns = columns::<R>(&file, &cells)?;
        let (mut rows, mut ids): (Vec<R>, _) = (Vec::new(), HashSet::new());
        for (index, row) in cells.iter().enumerate().skip(2) {
            if let Some(read) = read_row::<R>(&file, index + 1, &columns, row)? {
                if !ids.insert(read.id()) {
                    return Err(DataError::Twice { file, row: index + 1, id: read.id() });
                }
                rows.push(read);
            }
        }
        if rows.is_empty() {
            return Err(DataError::Empty { file });
        }
        rows.sort_by_key(Row::id);
        Ok(Self { rows, version: fingerprint(text) })
    }

    /// The row with this id.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<&R> {
        self.rows.binary_search_by_key(&id, Row::id).ok().map(|index| &self.rows[index])
    }

    /// All rows, by rising id.
    pub fn iter(&self) -> std::slice::Iter<'_, R> {
        self.rows.iter()
    }

    /// The rows whose `column` has this value, by rising id.
    pub fn with<V: PartialEq>(&self, column: impl Fn(&R) -> V, value: V) -> impl Iterator<Item = &R> {
        self.rows.iter().filter(move |row| column(row) == value)
    }

    /// The rows whose `column` is at most `limit`, by rising id.
    pub fn up_to<V: PartialOrd>(&self, column: impl Fn(&R) -> V, limit: V) -> impl Iterator<Item = &R> {
        self.rows.iter().filter(move |row| column(row) <= limit)
    }

    /// How many rows.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a table without rows is refused")]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// A number that changes with the file's text, for clients who remember tables.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }
}

impl<'a, R: Row> IntoIterator for &'a Table<R> {
    type Item = &'a R;
    type IntoIter = std::slice::Iter<'a, R>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The names of the columns, which are the type's, each once.
fn columns<R: Row>(file: &Path, cells: &[Vec<Value>]) -> Result<Vec<String>, DataError> {
    let file = || file.to_owned();
    let names = cells.get(1).and_then(|row| row.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    let Some(names) = names else { return Err(DataError::Header { file: file() }) };
    if let Some(name) = R::COLUMNS.iter().find(|name| !names.contains(name)) {
        return Err(DataError::Missing { file: file(), column: (*name).to_owned() });
    }
    let strange =
        names.iter().enumerate().find(|(n, name)| !R::COLUMNS.contains(name) || names[..*n].contains(name));
    match strange {
        Some((_, name)) => Err(DataError::Unknown { file: file(), column: (*name).to_owned() }),
        None => Ok(names.into_iter().map(str::to_owned).collect()),
    }
}

/// The row, or nothing where it has no id.
fn read_row<R: Row>(
    file: &Path,
    row: usize,
    columns: &[String],
    cells: &[Value],
) -> Result<Option<R>, DataError> {
    let id = columns.iter().position(|column| column == "id").and_then(|index| cells.get(index));
    if id.is_none_or(|id| id.is_null() || id == "") {
        return Ok(None);
    }
    if cells.len() != columns.len() {
        let (file, columns) = (file.to_owned(), columns.len());
        return Err(DataError::Cells { file, row, cells: cells.len(), columns });
    }
    let object: Map<_, _> = columns.iter().cloned().zip(cells.iter().cloned()).collect();
    serde_path_to_error::deserialize(Value::Object(object)).map(Some).map_err(|error| DataError::Cell {
        file: file.to_owned(),
        row,
        column: error.path().to_string(),
        reason: error.inner().to_string(),
    })
}

/// FNV-1a over the text.
fn fingerprint(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::super::rows::{Equipment, TeamName};
    use super::*;

    fn read<R: Row>(text: &str) -> Result<Table<R>, String> {
        Table::read("t.json".into(), text).map_err(|error| error.to_string())
    }

    #[test]
    fn rows_without_an_id_are_skipped() {
        let table = read::<TeamName>(r#"[["",""],["id","teamName"],[2,"b"],["",""],[null,null],[1,"a"],[]]"#)
            .unwrap();
        assert_eq!(table.iter().map(|row| row.team_name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(table.get(2).unwrap().team_name, "b");
        assert!(table.get(3).is_none());
    }

    #[test]
    fn a_column_that_nobody_knows_or_that_is_missing_is_refused() {
        let of = |header: &str| read::<TeamName>(&format!(r#"[[],{header},[1,"a","b"]]"#)).unwrap_err();
        assert_eq!(of(r#"["id","teamName","colour"]"#), "t.json: column colour is unknown or there twice");
        assert_eq!(of(r#"["id","teamName","id"]"#), "t.json: column id is unknown or there twice");
        assert_eq!(of(r#"["id"]"#), "t.json: column teamName is missing");
        assert_eq!(of("[1]"), "t.json: two header rows are needed: titles, and names of columns");
    }

    #[test]
    fn errors_name_file_row_and_column() {
        let of =
            |row: &str| read::<TeamName>(&format!(r#"[[],["id","teamName"],[1,"a"],{row}]"#)).unwrap_err();
        assert_eq!(
            of("[2,7]"),
            "t.json: row 4, column teamName: invalid type: integer `7`, expected a string"
        );
        let text = "t.json: row 4, column id: invalid type: string \"2\", expected u32";
        assert_eq!(of(r#"["2","b"]"#), text);
        assert_eq!(of("[1,\"b\"]"), "t.json: row 4: id 1 is there already");
        assert_eq!(of("[2]"), "t.json: row 4: 1 cells for 2 columns");
        assert!(read::<TeamName>("{}").unwrap_err().starts_with("t.json: not a table: "));
    }

    #[test]
    fn a_word_that_is_none_of_the_known_is_refused_in_its_column() {
        let error = read::<Equipment>(
            r#"[[],["id","name","englishName","desc","kind","attackValue","defenceValue","price","color","heroLevel","imgId"],
                [1,"a","a","","Trousers",1,1,1,"white",1,1]]"#,
        )
        .unwrap_err();
        assert!(error.starts_with("t.json: row 3, column kind: unknown variant `Trousers`"), "{error}");
    }
}
