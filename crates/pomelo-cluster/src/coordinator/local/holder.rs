//! Ending a leader that is frozen: the process that holds the lock, made certain of, killed, and waited for.
//!
//! A process is killed only if it is the one that was promoted last (number, start time, start of the machine and pid namespace
//! are those it wrote down) *and* the kernel says that it holds the lock. Both are looked at after a handle to the process
//! (a pidfd) was opened, which never names another one. Blocking calls only.

use std::{
    fs, io,
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

use crate::coordinator::process::ProcessId;

/// A killed process that is not gone by then hangs in the kernel, in a disk that does not answer for example.
const DEATH_TIMEOUT_MS: u64 = 5_000;

#[derive(Debug, thiserror::Error)]
pub(super) enum EndError {
    #[error("process {pid} holds the lock and can't be ended: {source}")]
    NotAllowed { pid: u32, source: io::Error },
    #[error("process {pid} was killed and did not end within {DEATH_TIMEOUT_MS} ms")]
    Hangs { pid: u32 },
    #[error("process {0} is this one")]
    Own(u32),
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Kills the process if it is still this one and holds the lock on this file, and returns when it is dead. False, and nothing was
/// done, if it is gone or another or does not hold the lock.
pub(super) fn end(process: &ProcessId, lock: &Path) -> Result<bool, EndError> {
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
    if !is_holder(process, lock)? {
        return Ok(false);
    }
    if process.pid == std::process::id() {
        return Err(EndError::Own(process.pid));
    }
    let handle = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(Errno::SRCH) => return Ok(false),
        Err(errno) => return Err(EndError::NotAllowed { pid: process.pid, source: errno.into() }),
    };
    // Again, now that the number can't pass to another process unnoticed.
    if !is_holder(process, lock)? {
        return Ok(false);
    }
    match pidfd_send_signal(&handle, Signal::KILL) {
        Ok(()) => {}
        Err(Errno::SRCH) => return Ok(false),
        Err(errno) => return Err(EndError::NotAllowed { pid: process.pid, source: errno.into() }),
    }
    if wait(&handle)? { Ok(true) } else { Err(EndError::Hangs { pid: process.pid }) }
}

fn is_holder(process: &ProcessId, lock: &Path) -> io::Result<bool> {
    match ProcessId::of(process.pid) {
        Ok(now) if now == *process => {}
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    }
    let inode = fs::metadata(lock)?.ino();
    Ok(holds(&fs::read_to_string("/proc/locks")?, process.pid, inode))
}

/// Whether a list of locks as `/proc/locks` has a lock of this process on this file. Those who wait are in it too, with an arrow.
fn holds(locks: &str, pid: u32, inode: u64) -> bool {
    locks.lines().any(|line| {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", holder, file, ..] = fields[..] else { return false };
        holder.parse() == Ok(pid)
            && file.rsplit(':').next().and_then(|number| number.parse().ok()) == Some(inode)
    })
}

/// Whether it ended in time.
fn wait(handle: &impl AsFd) -> io::Result<bool> {
    let end = Instant::now() + Duration::from_millis(DEATH_TIMEOUT_MS);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(handle, PollFlags::IN)], Some(&left)) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_the_lock_holds_it() {
        let locks = "1: FLOCK  ADVISORY  WRITE 4546 fe:00:698 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 77 fe:00:698 0 EOF\n\
                     2: POSIX  ADVISORY  WRITE 78 fe:00:698 0 EOF\n\
                     3: FLOCK  ADVISORY  READ 79 fe:00:698 0 EOF\n";
        assert!(holds(locks, 4546, 698));
        assert!(!holds(locks, 4546, 699));
        for pid in [77, 78, 79] {
            assert!(!holds(locks, pid, 698), "{pid}");
        }
    }
}
