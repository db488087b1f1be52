//! What one process has read of the journal ([`super::journal`]), kept: whoever reads again reads only what was appended since.
//! A standby reads along, so that it knows the records the moment it leads.
//!
//! What is kept counts only as long as the file is the same one and still has the last line that was read in its place: a
//! leader may write the file anew, and may take back a step that it could not make durable. Else everything is read again.
//!
//! Blocking calls only.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    files::same_file,
    journal::{Content, JournalError, SUM_BYTES},
};
use crate::coordinator::Record;

/// Reads one journal; clones share what was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Reader(Arc<Mutex<Option<Reading>>>);

#[derive(Debug)]
struct Reading {
    /// Open, so that no other file gets its number.
    file: File,
    content: Content,
}

impl Reader {
    /// Reads what is new.
    pub(super) fn look(&self, dir: &Path) -> Result<(), JournalError> {
        self.with(dir, |_| ())
    }

    /// The records of a folder, for anybody: what somebody is writing at this moment may be there or not.
    pub(super) fn list(&self, dir: &Path, folder: &str) -> Result<Vec<Record>, JournalError> {
        let within = |key: &str| key.strip_prefix(folder).is_some_and(|name| name.starts_with('/'));
        self.with(dir, |content| {
            let records = content.live.iter().filter(|(key, _)| within(key));
            records.map(|(key, value)| Record { key: key.clone(), value: value.clone() }).collect()
        })
    }

    /// Everything.
    pub(super) fn content(&self, dir: &Path) -> Result<Content, JournalError> {
        self.with(dir, Content::clone)
    }

    fn with<T: Default>(&self, dir: &Path, use_it: impl FnOnce(&Content) -> T) -> Result<T, JournalError> {
        let path = super::journal::path_in(dir);
        let at = |source| JournalError::Io { path: path.clone(), source };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut reading) = kept.take()
            && reading.is_current(&path).unwrap_or(false)
            && reading.go_on(&path).is_ok()
        {
            return Ok(use_it(&kept.insert(reading).content));
        }
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(use_it(&Content::default())),
            Err(source) => return Err(at(source)),
        };
        let mut reading = Reading { file, content: Content::default() };
        reading.go_on(&path)?;
        Ok(use_it(&kept.insert(reading).content))
    }
}

impl Reading {
    /// Whether what was read is the beginning of what would be read now.
    fn is_current(&mut self, path: &Path) -> io::Result<bool> {
        if !same_file(&self.file, path)? {
            return Ok(false);
        }
        let Some((start, sum)) = self.content.last else { return Ok(true) };
        let mut found = [0; SUM_BYTES];
        self.file.seek(SeekFrom::Start(start))?;
        match self.file.read_exact(&mut found) {
            Ok(()) => Ok(found == sum && self.file.metadata()?.len() >= self.content.whole),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn go_on(&mut self, path: &Path) -> Result<(), JournalError> {
        let mut text = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(self.content.whole))
            .and_then(|_| self.file.read_to_end(&mut text));
        read.map_err(|source| JournalError::Io { path: path.to_owned(), source })?;
        self.content.take(&text).map_err(|line| JournalError::Damaged { path: path.to_owned(), line })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{
        super::journal::{Journal, path_in},
        *,
    };
    use crate::coordinator::Write;

    fn put(key: &str, value: &str) -> Vec<Write> {
        vec![Write::Put { key: key.into(), value: value.into() }]
    }

    fn open(dir: &Path) -> Journal {
        Journal::open(dir, &Reader::default()).unwrap()
    }

    #[test]
    fn only_what_was_appended_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let reader = Reader::default();
        assert!(reader.list(dir.path(), "ops").unwrap().is_empty());
        let mut journal = open(dir.path());
        journal.append(1, put("ops/a", "1")).unwrap();
        assert_eq!(reader.list(dir.path(), "ops").unwrap().len(), 1);
        journal.append(1, put("ops/b", "2")).unwrap();
        journal.append(1, vec![Write::Delete { key: "ops/a".into() }]).unwrap();
        // Damage before what is new would be seen by whoever read it.
        let text = fs::read_to_string(path_in(dir.path())).unwrap();
        let (sum, rest) = text.split_at(SUM_BYTES);
        fs::write(path_in(dir.path()), format!("{sum}{}", rest.replacen("ops/a", "ops/x", 1))).unwrap();
        assert!(Reader::default().list(dir.path(), "ops").is_err());
        let keys: Vec<_> = reader.list(dir.path(), "ops").unwrap().into_iter().map(|it| it.key).collect();
        assert_eq!(keys, ["ops/b"]);
    }

    #[test]
    fn a_step_that_was_taken_back_is_forgotten_though_another_of_its_length_is_in_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let (reader, path) = (Reader::default(), path_in(dir.path()));
        let mut journal = open(dir.path());
        journal.append(1, put("ops/a", "1")).unwrap();
        let before = fs::metadata(&path).unwrap().len();
        journal.append(1, put("ops/b", "2")).unwrap();
        assert_eq!(reader.list(dir.path(), "ops").unwrap().len(), 2);
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(before).unwrap();
        open(dir.path()).append(1, put("ops/c", "3")).unwrap();
        open(dir.path()).append(1, put("ops/d", "4")).unwrap();
        assert_eq!(
            reader.list(dir.path(), "ops").unwrap(),
            Reader::default().list(dir.path(), "ops").unwrap()
        );
    }

    #[test]
    fn a_file_that_was_written_anew_or_is_gone_is_read_anew() {
        let dir = tempfile::tempdir().unwrap();
        let reader = Reader::default();
        let mut journal = open(dir.path());
        let value = "x".repeat(100 * 1024);
        for n in 0..30 {
            journal.append(3, put("ops/a", &format!("{n}{value}"))).unwrap();
            assert_eq!(reader.list(dir.path(), "ops").unwrap()[0].value, format!("{n}{value}").into_bytes());
        }
        fs::remove_file(path_in(dir.path())).unwrap();
        assert!(reader.list(dir.path(), "ops").unwrap().is_empty());
    }
}
