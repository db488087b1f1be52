//! The files of the embedded coordinator, as blocking calls. Who calls them when is in the parent module.
//!
//! ```text
//! lock                       flock of the leader: the kernel frees it when the process ends, however it ends
//! epoch, epoch.max           only ever grow, also across restarts of the machine: see `epochs`
//! leader.json                who was promoted last, and which process that is
//! store.log                  the records of the leaders: see `journal`
//! candidates/<id>-<port>.json  one for each candidate, with a lock of its own as its sign of life
//! ```

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use super::epochs;
use crate::coordinator::{CandidateInfo, Term, closed_first, process::ProcessId};

/// File systems on which a lock of one machine may not be seen by another, or not reliably, by the type that
/// `statfs(2)` names.
const NETWORK_FILE_SYSTEMS: [(u64, &str); 9] = [
    (0x6969, "NFS"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x517b, "SMB"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9P"),
    (0x5346_414f, "AFS"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
];

/// What can be wrong with the folder.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "{path} is on {kind}, where file locks can't be trusted; put it on a local disk, or use ZooKeeper"
    )]
    Network { path: PathBuf, kind: &'static str },
    #[error("{path} holds {found:?} where the last epoch was expected, a decimal number")]
    Epoch { path: PathBuf, found: String },
    #[error(
        "{path} holds {found:?} where the range of epochs was expected: {{\"after\":0,\"max\":1000,\"boot\":null}}"
    )]
    Range { path: PathBuf, found: String },
    #[error("there is no epoch after {0}")]
    EpochsUsedUp(u64),
    #[error("{id} at port {port} runs already, as process {pid}")]
    Runs { id: String, port: u16, pid: u32 },
    #[error("no thread could be made that waits for the lock")]
    NoThread,
    #[error("{path} was deleted or replaced by somebody")]
    LockReplaced { path: PathBuf },
}

/// The folder, usually `run/ha` of the game.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    dir: PathBuf,
}

impl Files {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes the folder, and refuses one where locks can't be trusted.
    pub(crate) fn prepare(&self) -> Result<(), FilesError> {
        let candidates = self.candidates();
        fs::create_dir_all(&candidates).map_err(at(&candidates))?;
        let kind = rustix::fs::statfs(&self.dir).map_err(|errno| at(&self.dir)(errno.into()))?.f_type;
        // The type is a 32-bit magic number in a field whose width differs between platforms.
        let kind = kind as u64 & 0xffff_ffff;
        match NETWORK_FILE_SYSTEMS.iter().find(|(magic, _)| *magic == kind) {
            Some((_, kind)) => Err(FilesError::Network { path: self.dir.clone(), kind }),
            None => Ok(()),
        }
    }

    /// The leader's lock if it is free.
    pub(crate) fn try_lead(&self) -> Result<Option<File>, FilesError> {
        let path = self.lock();
        let lock = open_lock(&path)?;
        match lock.try_lock() {
            Ok(()) => Ok(self.leads(&lock).is_ok().then_some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(at(&path)(source)),
        }
    }

    /// Waits for the leader's lock, for ever. The kernel wakes the next one in line when it gets free.
    pub(crate) fn wait_to_lead(&self) -> Result<File, FilesError> {
        let path = self.lock();
        loop {
            let lock = open_lock(&path)?;
            match lock.lock() {
                Ok(()) if self.leads(&lock).is_ok() => return Ok(lock),
                Ok(()) => {} // somebody replaced the file meanwhile: this lock keeps nobody out
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(at(&path)(source)),
            }
        }
    }

    /// Whether a lock that was taken is still the one that everybody else would have to take.
    pub(crate) fn leads(&self, lock: &File) -> Result<(), FilesError> {
        let path = self.lock();
        if same_file(lock, &path).map_err(at(&path))? {
            Ok(())
        } else {
            Err(FilesError::LockReplaced { path })
        }
    }

    /// Takes the next epoch, for the holder of the lock.
    pub(crate) fn promote(&self, me: &CandidateInfo, above: u64) -> Result<Term, FilesError> {
        let epoch = epochs::grant(&self.dir, above)?;
        let leader = self.dir.join("leader.json");
        // Without it nobody else could end this process if it freezes, which is no reason not to lead. Whoever reads it while it is
        // being written reads it again; and it says nothing any more when the machine has stopped, so that no disk is waited for.
        let process = ProcessId::own().ok();
        let text = serde_json::to_vec(&Leader { candidate: me.clone(), epoch, process })
            .map_err(|e| at(&leader)(e.into()))?;
        epochs::overwrite(&leader, &text).map_err(at(&leader))?;
        Ok(Term { epoch })
    }

    /// The epoch that was granted last, as far as it can be read: it says that somebody leads, not who may.
    pub(crate) fn epoch(&self) -> Option<u64> {
        epochs::granted(&self.dir).ok().map(Option::unwrap_or_default)
    }

    /// Who was promoted last, if anybody ever was.
    pub(crate) fn leader(&self) -> Result<Option<Leader>, FilesError> {
        let path = self.dir.join("leader.json");
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|e| at(&path)(e.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(at(&path)(source)),
        }
    }

    /// Shows this candidate to the others. Fails if a living process shows the same one.
    pub(crate) fn show(&self, me: &CandidateInfo) -> Result<Shown, FilesError> {
        let name = format!("{}-{}.json", me.id, me.addr.port);
        let path = self.candidates().join(&name);
        loop {
            let mut file = open(&path)?;
            match file.try_lock() {
                Ok(()) if !same_file(&file, &path).map_err(at(&path))? => continue,
                Ok(()) => {}
                // Whoever only looks (`ahead`) shares the lock for a moment; a living candidate does not.
                Err(TryLockError::WouldBlock) if file.try_lock_shared().is_ok() => continue,
                Err(TryLockError::WouldBlock) => return Err(runs(&mut file, me)),
                Err(TryLockError::Error(source)) => return Err(at(&path)(source)),
            }
            let since_ms =
                SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis() as u64;
            let text = serde_json::to_vec(&Candidate { candidate: me.clone(), since_ms })
                .map_err(|e| at(&path)(e.into()))?;
            file.set_len(0).and_then(|()| file.write_all(&text)).map_err(at(&path))?;
            return Ok(Shown { path, since_ms, file });
        }
    }

    /// How many living candidates came before this one. For people: the order of the queue is the kernel's.
    pub(crate) fn ahead(&self, me: &Shown) -> usize {
        let Ok(entries) = fs::read_dir(self.candidates()) else { return 0 };
        let before = |path: &Path| {
            let mut file = File::open(path).ok()?;
            let alive = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
            let candidate = read_candidate(&mut file)?;
            (alive && (candidate.since_ms, path) < (me.since_ms, &me.path)).then_some(())
        };
        entries.flatten().filter_map(|entry| before(&entry.path())).count()
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    fn candidates(&self) -> PathBuf {
        self.dir.join("candidates")
    }
}

/// This candidate's file. It goes when this is dropped; after a crash the lock on it is gone, which says the same.
#[derive(Debug)]
pub(crate) struct Shown {
    path: PathBuf,
    since_ms: u64,
    #[expect(dead_code, reason = "held for its lock")]
    file: File,
}

impl Drop for Shown {
    fn drop(&mut self) {
        // Still under the lock, so nobody else's file is deleted. A file that stays does no harm.
        _ = fs::remove_file(&self.path);
    }
}

#[derive(Serialize, Deserialize)]
struct Candidate {
    #[serde(flatten)]
    candidate: CandidateInfo,
    since_ms: u64,
}

/// Who was promoted last.
#[derive(Serialize, Deserialize)]
pub(crate) struct Leader {
    #[serde(flatten)]
    pub(crate) candidate: CandidateInfo,
    epoch: u64,
    /// Not there if it was written by a program that did not know it.
    #[serde(default)]
    pub(crate) process: Option<ProcessId>,
}

/// Those who wait for it are not to wait for every connection of a leader that died.
fn open_lock(path: &Path) -> Result<File, FilesError> {
    Ok(closed_first(open(path)?.into()).into())
}

fn open(path: &Path) -> Result<File, FilesError> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(at(path))
}

fn read_candidate(file: &mut File) -> Option<Candidate> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn runs(file: &mut File, me: &CandidateInfo) -> FilesError {
    let pid = read_candidate(file).map_or(0, |other| other.candidate.pid);
    FilesError::Runs { id: me.id.to_string(), port: me.addr.port, pid }
}

pub(crate) fn same_file(file: &File, path: &Path) -> io::Result<bool> {
    let named = match fs::metadata(path) {
        Ok(named) => named,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let held = file.metadata()?;
    Ok((held.dev(), held.ino()) == (named.dev(), named.ino()))
}

pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> FilesError + use<> {
    let path = path.to_owned();
    |source| FilesError::Io { path, source }
}
