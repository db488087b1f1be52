//! Which files of a process that ends are closed first: those that somebody waits for.
//!
//! The kernel closes what an ended process had open one file after the other, and a connection costs it some ten microseconds or
//! more: a lock that comes behind ten thousand connections is free only after as many of them. Linux works from the highest
//! number down, so that whoever is waited for gets a number above all connections.
//!
//! That is a matter of time only. Nothing is wrong where the order is another one.

use std::os::fd::OwnedFd;

use rustix::{
    io::fcntl_dupfd_cloexec,
    process::{Resource, getrlimit},
};

/// The highest number that is asked for: the kernel keeps a table of as many entries, eight bytes each.
const NUMBER_MAX: u64 = 65_535;
/// How many numbers are left at the top for files that are to be closed first.
const RESERVED: u64 = 64;

/// The same open file under a number as high as this process may have, so that it is closed early when the process ends; as it was
/// where that is not possible. Not to be called where time matters: the table of files may have to grow.
#[must_use]
pub fn closed_first(file: OwnedFd) -> OwnedFd {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(NUMBER_MAX).min(NUMBER_MAX);
    let lowest = limit.checked_sub(RESERVED).and_then(|lowest| i32::try_from(lowest).ok());
    // The number it had before is closed here: a lock is held until the last one is.
    lowest.and_then(|lowest| fcntl_dupfd_cloexec(&file, lowest).ok()).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{File, TryLockError},
        os::fd::AsRawFd as _,
    };

    use super::*;

    #[test]
    fn a_lock_moves_to_a_higher_number_and_ends_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let low = File::create(&path).unwrap();
        let before = low.as_raw_fd();
        let high = File::from(closed_first(low.into()));
        high.lock().unwrap();
        assert!(high.as_raw_fd() > before + 100, "{} after {before}", high.as_raw_fd());
        let other = File::open(&path).unwrap();
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        drop(high);
        other.try_lock().unwrap();
    }
}
