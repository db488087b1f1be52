//! The records of the embedded coordinator: a file to which each step appends one line, and is durable with one `fsync`
//! however many records it changes. A step whose line is not whole was never made, so there are no half ones.
//!
//! A step of nothing but history does not wait for the disk: the next process reads it all the same, a machine that stops may forget
//! it, and a handover right behind it does not have to wait.
//!
//! ```text
//! <MD5 of the rest of the line> {"epoch":4,"writes":[{"put":"ops/0190","text":"{}"},{"delete":"ops/0189"}]}
//! ```
//!
//! Who may append, and when, is in the parent module. Blocking calls only.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use super::{files::same_file, reader::Reader};
use crate::coordinator::{Write, store::HISTORY};

/// A file larger than this is written anew with the living records only, if they are less than half of it.
const COMPACT_BYTES: u64 = 1024 * 1024;

/// Length of the checksum and the blank behind it.
pub(super) const SUM_BYTES: usize = 33;

#[derive(Debug, thiserror::Error)]
pub(super) enum JournalError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path}:{line}: damaged, though steps follow it; move the file away to start with no records")]
    Damaged { path: PathBuf, line: usize },
}

pub(super) type Live = BTreeMap<String, Vec<u8>>;

/// The file, open for the one process that may append.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// It is looked whether compacting pays when the file is as large as this.
    compact_at: u64,
    epoch: u64,
    live: Live,
}

#[derive(Serialize, Deserialize)]
struct Step {
    epoch: u64,
    writes: Vec<Change>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Change {
    Text {
        put: String,
        text: String,
    },
    /// What is no text.
    Bytes {
        put: String,
        bytes: Vec<u8>,
    },
    Delete {
        delete: String,
    },
}

/// What a file holds, as far as it was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub(super) live: Live,
    epoch: u64,
    /// Length of the part that is whole.
    pub(super) whole: u64,
    /// Where its last line begins, and with what: no other line begins so.
    pub(super) last: Option<(u64, [u8; SUM_BYTES])>,
    lines: usize,
}

impl Journal {
    /// Opens it, made when it is missing, and cuts off what a crash left half written. Waits for the disk only if it makes the file:
    /// what was cut off, and what a former writer did not live to make durable, gets there with the first step.
    pub(super) fn open(dir: &Path, reader: &Reader) -> Result<Self, JournalError> {
        let path = path_in(dir);
        let Content { live, epoch, whole, .. } = reader.content(dir)?;
        let open = || match OpenOptions::new().append(true).open(&path) {
            Ok(file) => {
                if file.metadata()?.len() != whole {
                    file.set_len(whole)?;
                }
                Ok(file)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = OpenOptions::new().append(true).create(true).open(&path)?;
                File::open(dir)?.sync_all()?;
                Ok(file)
            }
            Err(error) => Err(error),
        };
        let file = open().map_err(|source| JournalError::Io { path: path.clone(), source })?;
        Ok(Self { path, file, bytes: whole, compact_at: COMPACT_BYTES, epoch, live })
    }

    /// Whether this is still the file that the next one would open.
    pub(super) fn is_current(&self) -> bool {
        same_file(&self.file, &self.path).unwrap_or(false)
    }

    /// Makes a step. After an error nobody knows whether it was made: the journal must be opened again.
    pub(super) fn append(&mut self, epoch: u64, writes: Vec<Write>) -> Result<(), JournalError> {
        if writes.is_empty() {
            return Ok(());
        }
        let is_history = |write: &Write| write.key().split_once('/').is_some_and(|(of, _)| of == HISTORY);
        let lasts = !writes.iter().all(is_history);
        let step = Step { epoch, writes: writes.into_iter().map(Change::from).collect() };
        let appended = line(&step).and_then(|line| {
            self.file.write_all(&line)?;
            if lasts {
                self.file.sync_data()?;
            }
            Ok(line.len())
        });
        self.bytes += appended.map_err(|source| self.failed(source))? as u64;
        self.epoch = epoch;
        apply(&mut self.live, step.writes);
        if self.bytes >= self.compact_at {
            self.compact();
        }
        Ok(())
    }

    /// Cuts the end off again, so that what is said to be unknown is at least not half there.
    fn failed(&self, source: io::Error) -> JournalError {
        _ = self.file.set_len(self.bytes);
        JournalError::Io { path: self.path.clone(), source }
    }

    fn compact(&mut self) {
        let living: u64 = self.live.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum();
        if living <= self.bytes / 2
            && let Ok((file, bytes)) = self.write_anew()
        {
            (self.file, self.bytes) = (file, bytes);
        }
        // A disk that is full now is tried again later, not with each step.
        self.compact_at = self.bytes + COMPACT_BYTES;
    }

    fn write_anew(&self) -> io::Result<(File, u64)> {
        let new = self.path.with_extension("new");
        let mut text = Vec::new();
        for (key, value) in &self.live {
            let put = Write::Put { key: key.clone(), value: value.clone() };
            text.extend(line(&Step { epoch: self.epoch, writes: vec![put.into()] })?);
        }
        let mut file = File::create(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        // Opened before it is moved: whatever fails leaves the old file in its place.
        let append = OpenOptions::new().append(true).open(&new)?;
        fs::rename(&new, &self.path)?;
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok((append, text.len() as u64))
    }
}

pub(super) fn path_in(dir: &Path) -> PathBuf {
    dir.join("store.log")
}

impl Content {
    /// Takes what stands behind what was read. The error is the number of a line that is damaged, though steps follow it.
    pub(super) fn take(&mut self, text: &[u8]) -> Result<(), usize> {
        let (mut damaged, before) = (None, self.lines);
        for (n, line) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let Some((sum, step)) = parse(line) else {
                damaged = damaged.or(Some(before + n + 1));
                continue;
            };
            if let Some(line) = damaged {
                return Err(line);
            }
            self.last = Some((self.whole, sum));
            self.whole += line.len() as u64;
            self.lines += 1;
            // A lower epoch comes from somebody who had lost the lock without knowing it.
            if step.epoch >= self.epoch {
                self.epoch = step.epoch;
                apply(&mut self.live, step.writes);
            }
        }
        Ok(())
    }
}

fn apply(live: &mut Live, writes: Vec<Change>) {
    for write in writes {
        match write {
            Change::Text { put, text } => _ = live.insert(put, text.into_bytes()),
            Change::Bytes { put, bytes } => _ = live.insert(put, bytes),
            Change::Delete { delete } => _ = live.remove(&delete),
        }
    }
}

impl From<Write> for Change {
    fn from(write: Write) -> Self {
        match write {
            Write::Put { key: put, value } => match String::from_utf8(value) {
                Ok(text) => Self::Text { put, text },
                Err(error) => Self::Bytes { put, bytes: error.into_bytes() },
            },
            Write::Delete { key } => Self::Delete { delete: key },
        }
    }
}

fn line(step: &Step) -> io::Result<Vec<u8>> {
    let json = serde_json::to_string(step)?;
    Ok(format!("{} {json}\n", sum(json.as_bytes())).into_bytes())
}

fn parse(line: &[u8]) -> Option<([u8; SUM_BYTES], Step)> {
    let line = line.strip_suffix(b"\n")?;
    let (sum_found, json) = line.split_first_chunk()?;
    let whole = sum_found.strip_suffix(b" ")? == sum(json).as_bytes();
    if !whole {
        return None;
    }
    Some((*sum_found, serde_json::from_slice(json).ok()?))
}

fn sum(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::coordinator::Record;

    fn put(key: &str, value: &[u8]) -> Write {
        Write::Put { key: key.to_owned(), value: value.to_owned() }
    }

    fn list(dir: &Path, folder: &str) -> Result<Vec<Record>, JournalError> {
        Reader::default().list(dir, folder)
    }

    fn open(dir: &Path) -> Result<Journal, JournalError> {
        Journal::open(dir, &Reader::default())
    }

    fn keys(dir: &TempDir, folder: &str) -> Vec<String> {
        list(dir.path(), folder).unwrap().into_iter().map(|record| record.key).collect()
    }

    #[test]
    fn what_was_written_is_read_by_whoever_comes_next() {
        let dir = tempfile::tempdir().unwrap();
        assert!(keys(&dir, "ops").is_empty());
        let mut journal = open(dir.path()).unwrap();
        journal.append(1, vec![put("ops/b", b"2"), put("ops/a", b"1"), put("opsx/c", &[0, 255])]).unwrap();
        journal.append(1, vec![put("ops/b", b"3"), Write::Delete { key: "ops/none".into() }]).unwrap();
        let expected = [("ops/a", b"1"), ("ops/b", b"3")];
        let expected = expected.map(|(key, value)| Record { key: key.to_owned(), value: value.to_vec() });
        assert_eq!(list(dir.path(), "ops").unwrap(), expected);
        assert_eq!(list(dir.path(), "opsx").unwrap()[0].value, [0, 255]);

        let mut next = open(dir.path()).unwrap();
        next.append(2, vec![Write::Delete { key: "ops/a".into() }]).unwrap();
        assert_eq!(keys(&dir, "ops"), ["ops/b"]);
    }

    #[test]
    fn a_step_cut_at_any_byte_was_not_made_at_all_and_the_next_one_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = path_in(dir.path());
        let mut journal = open(dir.path()).unwrap();
        journal.append(1, vec![put("ops/a", b"1")]).unwrap();
        let before = fs::read(&path).unwrap();
        journal.append(1, vec![put("ops/b", b"2"), put("ops/c", b"3")]).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in before.len()..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(keys(&dir, "ops"), ["ops/a"], "cut at {cut}");
            open(dir.path()).unwrap().append(2, vec![put("ops/d", b"4")]).unwrap();
            assert_eq!(keys(&dir, "ops"), ["ops/a", "ops/d"], "cut at {cut}");
        }
    }

    #[test]
    fn damage_in_the_middle_is_named_and_nothing_is_forgotten_silently() {
        let dir = tempfile::tempdir().unwrap();
        let path = path_in(dir.path());
        let mut journal = open(dir.path()).unwrap();
        journal.append(1, vec![put("ops/a", b"1")]).unwrap();
        journal.append(1, vec![put("ops/b", b"2")]).unwrap();
        let text = fs::read_to_string(&path).unwrap().replacen("ops/a", "ops/x", 1);
        fs::write(&path, text).unwrap();
        let error = open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("store.log:1: damaged"), "{error}");
    }

    #[test]
    fn a_step_of_an_older_term_counts_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut old = open(dir.path()).unwrap();
        open(dir.path()).unwrap().append(2, vec![put("ops/a", b"new")]).unwrap();
        old.append(1, vec![put("ops/a", b"old")]).unwrap();
        assert_eq!(list(dir.path(), "ops").unwrap()[0].value, b"new");
    }

    #[test]
    fn the_file_stays_small_and_keeps_what_lives() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = open(dir.path()).unwrap();
        journal.append(3, vec![put("claims/a", b"kept")]).unwrap();
        let value = vec![b'x'; 100 * 1024];
        for _ in 0..50 {
            journal.append(3, vec![put("ops/a", &value)]).unwrap();
        }
        assert!(fs::metadata(path_in(dir.path())).unwrap().len() < 2 * COMPACT_BYTES);
        assert!(journal.is_current());
        assert_eq!(
            (keys(&dir, "claims"), keys(&dir, "ops")),
            (vec!["claims/a".into()], vec!["ops/a".into()])
        );
        journal.append(3, vec![put("ops/b", b"1")]).unwrap();
        assert_eq!(keys(&dir, "ops"), ["ops/a", "ops/b"]);
    }
}
