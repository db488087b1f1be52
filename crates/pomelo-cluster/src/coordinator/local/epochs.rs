//! Which epoch comes next, so that none ever comes twice, and no promotion waits for a disk.
//!
//! ```text
//! epoch      decimal: the last one that was granted
//! epoch.max  {"after":0,"max":1000,"boot":"..."}: a range of epochs, and the start of the machine in which they are granted
//! ```
//!
//! `epoch` is written before a grant and not waited for: what one process has written the next one reads, however the first one
//! ended. Only a machine that stops may lose it, and then `epoch.max` says more: it is on the disk before the first epoch of its
//! range is granted, and after another start of the machine the next epoch lies above its range. So epochs have a gap where a
//! machine was started again. Waiting would cost a millisecond or two on an idle disk, and any time on one that is busy.
//!
//! An `epoch` that is not in the range was written before it, perhaps in an earlier start of the machine: whoever wrote the range was
//! killed before it granted. It says nothing, and neither does the range say that it is on the disk.
//!
//! Not covered is a disk that forgets while the machine goes on: one that fails to write, or is taken away by force.
//!
//! Who may call is in the parent module: the holder of the lock. Blocking calls only.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::files::{FilesError, at};
use crate::coordinator::process;

/// How many epochs are put into a range: one promotion of so many waits for the disk.
const RANGE: u64 = 1_000;

#[derive(Serialize, Deserialize)]
struct Range {
    /// What is granted of this range is above ...
    after: u64,
    /// ... and not above. Nobody has granted more.
    max: u64,
    /// Which start of which machine; not there if the system does not say, and then no other process may trust `epoch`.
    boot: Option<String>,
}

/// Grants the epoch after the last one, and after `above`. No crash brings it back.
pub(super) fn grant(dir: &Path, above: u64) -> Result<u64, FilesError> {
    let boot = process::boot().ok();
    let range = read_range(dir)?;
    let same_start = range.as_ref().is_some_and(|range| range.boot.is_some() && range.boot == boot);
    let (last, begun) = match (&range, granted(dir)) {
        (None, written) => (written?.unwrap_or(0), false),
        // Perhaps it never got to the disk as a whole; or a process was killed, or had no room, when it had just made it.
        (Some(range), Err(FilesError::Epoch { found, .. })) if !same_start || found.is_empty() => {
            (range.max, false)
        }
        (Some(range), written) => match written? {
            Some(last) if same_start => (last.max(range.after), last > range.after),
            last => (range.max.max(last.unwrap_or(0)), false),
        },
    };
    let last = above.max(last);
    let epoch = last.checked_add(1).ok_or(FilesError::EpochsUsedUp(last))?;
    if !begun || range.is_none_or(|range| range.max < epoch) {
        let range = Range { after: last, max: last.saturating_add(RANGE), boot };
        let path = dir.join("epoch.max");
        serde_json::to_vec(&range)
            .map_err(io::Error::from)
            .and_then(|text| replace_on_disk(dir, &path, &text))
            .map_err(at(&path))?;
    }
    let path = dir.join("epoch");
    overwrite(&path, format!("{epoch}\n").as_bytes()).map_err(at(&path))?;
    Ok(epoch)
}

/// The last epoch, if one was written.
pub(super) fn granted(dir: &Path) -> Result<Option<u64>, FilesError> {
    let path = dir.join("epoch");
    let Some(text) = read(&path)? else { return Ok(None) };
    match text.trim().parse() {
        Ok(last) => Ok(Some(last)),
        Err(_) => Err(FilesError::Epoch { path, found: text }),
    }
}

fn read_range(dir: &Path) -> Result<Option<Range>, FilesError> {
    let path = dir.join("epoch.max");
    let Some(text) = read(&path)? else { return Ok(None) };
    match serde_json::from_str(&text) {
        Ok(range) => Ok(Some(range)),
        Err(_) => Err(FilesError::Range { path, found: text }),
    }
}

/// As text whatever it is: a disk may have left anything in it.
fn read(path: &Path) -> Result<Option<String>, FilesError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(at(path)(source)),
    }
}

/// Writes a file so that the next process finds the new content, and does not wait for the disk. A short text is there as a whole or not
/// at all when the process is killed meanwhile, unless the old one was longer; a file that was not there may be empty then.
pub(super) fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    // In place: a new file, renamed over the old one, makes some file systems begin to write at once.
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    file.write_all_at(content, 0)?;
    if file.metadata()?.len() == content.len() as u64 { Ok(()) } else { file.set_len(content.len() as u64) }
}

/// Writes a file so that it holds the old or the new content, and the new one for good once this returns.
fn replace_on_disk(dir: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn another_start(dir: &Path) {
        let path = dir.join("epoch.max");
        let mut range: Range = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        range.boot = Some("another".to_owned());
        fs::write(&path, serde_json::to_vec(&range).unwrap()).unwrap();
    }

    #[test]
    fn epochs_grow_by_one_and_pass_the_end_of_a_range() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(grant(dir.path(), 0).unwrap(), 1);
        assert_eq!(grant(dir.path(), 0).unwrap(), 2);
        assert_eq!(grant(dir.path(), 5 * RANGE).unwrap(), 5 * RANGE + 1);
        assert_eq!(grant(dir.path(), 0).unwrap(), 5 * RANGE + 2);
        assert_eq!(read_range(dir.path()).unwrap().unwrap().max, 6 * RANGE);
        let last = u64::MAX;
        assert!(matches!(grant(dir.path(), last), Err(FilesError::EpochsUsedUp(u64::MAX))));
    }

    #[test]
    fn what_a_machine_lost_when_it_stopped_is_not_granted_again() {
        for left in [Some(&b"2\n"[..]), Some(b""), Some(b"\0\0"), Some(b"\xff\xfe"), None] {
            let dir = tempfile::tempdir().unwrap();
            for epoch in 1..=3 {
                assert_eq!(grant(dir.path(), 0).unwrap(), epoch);
            }
            another_start(dir.path());
            match left {
                Some(text) => fs::write(dir.path().join("epoch"), text).unwrap(),
                None => fs::remove_file(dir.path().join("epoch")).unwrap(),
            }
            assert_eq!(grant(dir.path(), 0).unwrap(), RANGE + 1, "{left:?}");
            assert_eq!(grant(dir.path(), 0).unwrap(), RANGE + 2, "{left:?}");
        }
    }

    #[test]
    fn nor_if_the_first_one_to_grant_after_that_was_killed_when_it_had_its_range() {
        for left in [Some("2\n"), Some(""), None] {
            let dir = tempfile::tempdir().unwrap();
            for epoch in 1..=3 {
                assert_eq!(grant(dir.path(), 0).unwrap(), epoch);
            }
            another_start(dir.path());
            assert_eq!(grant(dir.path(), 0).unwrap(), RANGE + 1);
            // As if that one had not come so far.
            match left {
                Some(text) => fs::write(dir.path().join("epoch"), text).unwrap(),
                None => fs::remove_file(dir.path().join("epoch")).unwrap(),
            }
            let path = dir.path().join("epoch.max");
            let before = fs::metadata(&path).unwrap().ino();
            let epoch = grant(dir.path(), 0).unwrap();
            assert!(epoch > RANGE, "{epoch} after {left:?}");
            assert_ne!(fs::metadata(&path).unwrap().ino(), before, "the range is perhaps not on the disk");
            assert_eq!(grant(dir.path(), 0).unwrap(), epoch + 1);
        }
    }

    #[test]
    fn a_file_that_is_deleted_or_emptied_while_the_machine_goes_on_brings_no_epoch_back() {
        let dir = tempfile::tempdir().unwrap();
        for epoch in 1..=3 {
            assert_eq!(grant(dir.path(), 0).unwrap(), epoch);
        }
        fs::remove_file(dir.path().join("epoch")).unwrap();
        assert_eq!(grant(dir.path(), 0).unwrap(), RANGE + 1);
        fs::write(dir.path().join("epoch"), "").unwrap();
        assert_eq!(grant(dir.path(), 0).unwrap(), 2 * RANGE + 1);
    }

    #[test]
    fn a_folder_of_an_earlier_version_goes_on_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("epoch"), "41\n").unwrap();
        assert_eq!(grant(dir.path(), 0).unwrap(), 42);
    }

    #[test]
    fn what_is_damaged_is_named() {
        for (file, expected) in [("epoch", "decimal"), ("epoch.max", "range")] {
            let dir = tempfile::tempdir().unwrap();
            grant(dir.path(), 0).unwrap();
            fs::write(dir.path().join(file), "7x").unwrap();
            let error = grant(dir.path(), 0).unwrap_err().to_string();
            assert!(error.contains(&format!("{file} holds \"7x\"")) && error.contains(expected), "{error}");
        }
    }
}
