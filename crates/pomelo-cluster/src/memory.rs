//! What the processes of one machine remember of the cluster for their next start: the highest epoch and the membership, in
//! `run/ENVIRONMENT/membership.json` of the game's folder. What the file says and how it is written; when, is the affair of
//! [`crate::follow`].
//!
//! All processes of an environment on this machine share the file, and each writes it only if it knows more than the file. It is a hint: losing it
//! costs nothing but the membership of a server that starts while no master lives. So it is replaced in one step, but not forced
//! to the disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use pomelo_protocol::ServerInfo;
use serde::{Deserialize, Serialize};

use crate::{
    follower::EPOCH_JUMP_MAX,
    membership::{Version, View},
};

/// Its name in the folder.
pub const FILE: &str = "membership.json";
/// A larger file is not read: it is none of ours. 10,000 servers take about 2 MB.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Highest epoch seen.
    pub max_epoch: u64,
    /// The last membership known.
    pub view: View,
}

/// Why nothing was read or written.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is none of ours.
    #[error("{} does not hold a membership: {why}", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// The file: what it knows, then the servers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<S> {
    max_epoch: u64,
    epoch: u64,
    rev: u64,
    servers: S,
}

/// Where the processes of one environment keep their memory, in the folder of a game: `run/ENVIRONMENT`. Another environment is another
/// cluster, of other servers and with epochs of its own.
///
/// ```
/// use std::path::Path;
/// # use pomelo_cluster::memory::folder;
/// assert_eq!(folder(Path::new("game"), "staging"), Path::new("game/run/staging"));
/// ```
pub fn folder(game: &Path, environment: &str) -> PathBuf {
    // A name is any key of a file of the configuration, and the folder is to be one below `run`.
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    let name: String = environment.chars().map(plain).collect();
    game.join("run").join(name)
}

impl Memory {
    /// What makes one memory newer than another.
    fn age(&self) -> (u64, Version) {
        (self.max_epoch, self.view.version)
    }

    /// As the file has it.
    fn document(&self) -> Document<Vec<&ServerInfo>> {
        let servers = self.view.servers.values().map(AsRef::as_ref).collect();
        let Version { epoch, rev } = self.view.version;
        Document { max_epoch: self.max_epoch, epoch, rev, servers }
    }

    /// Reads the file's text; words on what is wrong with it.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        let document: Document<Vec<ServerInfo>> = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        let version = Version { epoch: document.epoch, rev: document.rev };
        if version.epoch > document.max_epoch {
            return Err(format!("membership of epoch {} in epoch {}", version.epoch, document.max_epoch));
        }
        Ok(Self { max_epoch: document.max_epoch, view: View::new(version, document.servers) })
    }

    /// Reads the file of a folder; one that is not there is an empty memory.
    pub fn load(dir: &Path) -> Result<Self, MemoryError> {
        let path = dir.join(FILE);
        match read(&path)? {
            None => Ok(Self::default()),
            Some(text) => Self::from_json(&text).map_err(|why| MemoryError::Format { path, why }),
        }
    }

    /// Replaces the file of a folder, which is made if it is not there. False if the file knows as much already.
    pub fn save(&self, dir: &Path) -> Result<bool, MemoryError> {
        let path = dir.join(FILE);
        // One that can't be read, or names an epoch that can't be, is worth nothing.
        let known = read(&path)?.and_then(|text| age_of(&text));
        let known = known.filter(|(epoch, _)| *epoch <= self.max_epoch.saturating_add(EPOCH_JUMP_MAX));
        if known.is_some_and(|known| known >= self.age()) {
            return Ok(false);
        }
        let failed = |source| MemoryError::Io { path: path.clone(), source };
        fs::create_dir_all(dir).map_err(failed)?;
        // Each process writes its own, and the last to rename wins; the next change corrects what was lost.
        let new = dir.join(format!("{FILE}.{}.{:08x}", std::process::id(), fastrand::u32(..)));
        // Not by way of a tree of values: of ten thousand servers that takes a tenth of a second, just when another master begins.
        let text = serde_json::to_vec(&self.document()).map_err(io::Error::from);
        let written = text.and_then(|text| fs::write(&new, text)).and_then(|()| fs::rename(&new, &path));
        if written.is_err() {
            // What could not be written can't be removed for certain either.
            let _ = fs::remove_file(&new);
        }
        written.map_err(failed)?;
        Ok(true)
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, MemoryError> {
    let failed = |source| MemoryError::Io { path: path.to_owned(), source };
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => {
            Err(MemoryError::Format { path: path.to_owned(), why: format!("{} bytes", metadata.len()) })
        }
        Ok(_) => fs::read(path).map(Some).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// Without the servers, which are most of it.
fn age_of(text: &[u8]) -> Option<(u64, Version)> {
    let document: Document<serde::de::IgnoredAny> = serde_json::from_slice(text).ok()?;
    Some((document.max_epoch, Version { epoch: document.epoch, rev: document.rev }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(max_epoch: u64, rev: u64, ids: &[&str]) -> Memory {
        let record = |id: &&str| {
            let value = serde_json::json!({ "id": id, "serverType": "chat", "host": "h", "incarnation": 5 });
            serde_json::from_value::<ServerInfo>(value).unwrap()
        };
        let version = Version { epoch: max_epoch, rev };
        Memory { max_epoch, view: View::new(version, ids.iter().map(record)) }
    }

    #[test]
    fn what_one_process_saves_the_next_one_loads() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        assert_eq!(Memory::load(&run).unwrap(), Memory::default());
        let saved = memory(7, 3, &["a", "b"]);
        assert!(saved.save(&run).unwrap());
        assert_eq!(Memory::load(&run).unwrap(), saved);
        assert_eq!(fs::read_dir(&run).unwrap().count(), 1, "nothing else is left there");
    }

    #[test]
    fn two_environments_of_one_game_remember_apart() {
        let game = tempfile::tempdir().unwrap();
        let [staging, production] = ["staging", "production"].map(|name| folder(game.path(), name));
        assert!(memory(9, 3, &["a"]).save(&staging).unwrap());
        assert!(memory(1, 1, &["b"]).save(&production).unwrap(), "the other one's epochs are not its own");
        assert_eq!(Memory::load(&production).unwrap(), memory(1, 1, &["b"]));
        assert_eq!(Memory::load(&staging).unwrap(), memory(9, 3, &["a"]));
        for name in ["../etc", "/etc", "..", "a/b"] {
            let folder = folder(game.path(), name);
            assert_eq!(folder.parent(), Some(game.path().join("run").as_path()), "{name}");
        }
    }

    #[test]
    fn what_is_no_newer_than_the_file_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        assert!(memory(7, 3, &["a"]).save(dir.path()).unwrap());
        for older in [memory(7, 3, &[]), memory(7, 2, &[]), memory(6, 9, &[])] {
            assert!(!older.save(dir.path()).unwrap());
        }
        assert_eq!(Memory::load(dir.path()).unwrap(), memory(7, 3, &["a"]));
        // A higher epoch is worth remembering before its membership has come.
        let higher = Memory { max_epoch: 8, ..memory(7, 3, &["a"]) };
        assert!(higher.save(dir.path()).unwrap());
        assert!(memory(8, 0, &[]).save(dir.path()).unwrap());
    }

    #[test]
    fn a_file_that_is_none_of_ours_is_named_and_replaced() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "{", "[]", r#"{"maxEpoch":1,"epoch":2,"rev":0,"servers":[]}"#] {
            fs::write(dir.path().join(FILE), text).unwrap();
            let error = Memory::load(dir.path()).unwrap_err().to_string();
            assert!(error.contains("membership.json does not hold a membership: "), "{error}");
        }
        let absurd = r#"{"maxEpoch":18446744073709551615,"epoch":2,"rev":0,"servers":[]}"#;
        fs::write(dir.path().join(FILE), absurd).unwrap();
        assert!(memory(1, 0, &[]).save(dir.path()).unwrap());
        assert_eq!(Memory::load(dir.path()).unwrap(), memory(1, 0, &[]));
    }
}
