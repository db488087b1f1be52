//! Which process somebody is, so that nobody else is ever taken for it: numbers of processes are used again.

use std::{fs, io};

use rustix::process::{Pid, setpriority_process};
use serde::{Deserialize, Serialize};

/// The kindest to all others.
const NICE_MAX: i32 = 19;

/// A process, told apart from every other one that ever had its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    /// Its number, in the pid namespace below.
    pub(crate) pid: u32,
    /// When it was started, in clock ticks since the machine was.
    pub(crate) start: u64,
    /// Which start of which machine that was.
    pub(crate) boot: String,
    /// The pid namespace: `pid:[4026531836]`.
    pub(crate) namespace: String,
}

impl ProcessId {
    /// This process.
    pub(crate) fn own() -> io::Result<Self> {
        Self::of(std::process::id())
    }

    /// The process that has this number here and now; [`io::ErrorKind::NotFound`] if there is none.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let start =
            start_time(&stat).ok_or_else(|| io::Error::other(format!("/proc/{pid}/stat: {stat:?}")))?;
        let boot = boot()?;
        // The reader's, not the process's: its number means something only here.
        let namespace = fs::read_link("/proc/self/ns/pid")?.to_string_lossy().into_owned();
        Ok(Self { pid, start, boot, namespace })
    }
}

/// Which start of which machine this is.
pub(crate) fn boot() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// Whether the first thread of the process with this number will not run its program again, because the process was killed or has ended.
/// False where that is not known. Others of its threads may still be in a call to the kernel at that moment; when what they shared with
/// the first one is closed, none of them is. The caller makes sure that the number is nobody else's.
///
/// A program of which only the first thread ends, while others go on, is taken for one that ends: not to be asked of such.
pub fn is_ending(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| has_ending_flag(&stat))
}

/// Gives every other process the right of way over what the kernel still does for this one. What fails is not worth a word: the process is
/// gone then, or somebody else's.
pub fn defer(pid: u32) {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return };
    for thread in threads.flatten() {
        let number = thread.file_name().to_str().and_then(|number| number.parse().ok());
        if let Some(thread) = number.and_then(Pid::from_raw) {
            _ = setpriority_process(Some(thread), NICE_MAX);
        }
    }
}

/// Field 9, the kernel's flags of the process.
fn has_ending_flag(stat: &str) -> bool {
    const PF_EXITING: u64 = 4;
    let flags = stat.rsplit_once(')').and_then(|(_, behind)| behind.split_ascii_whitespace().nth(6));
    flags.and_then(|flags| flags.parse::<u64>().ok()).is_some_and(|flags| flags & PF_EXITING != 0)
}

/// Field 22. The name in field 2 may hold blanks and brackets.
fn start_time(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use rustix::process::{WaitId, WaitIdOptions, getpriority_process, waitid};

    use super::*;

    #[test]
    fn a_process_is_the_same_each_time_one_looks_and_no_other() {
        let own = ProcessId::own().unwrap();
        assert_eq!(own, ProcessId::of(std::process::id()).unwrap());
        assert_ne!(own.start, ProcessId::of(1).unwrap().start);
        assert_eq!(ProcessId::of(u32::MAX).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_process_is_ending_when_it_was_killed_and_not_before_and_goes_behind_all_others_when_it_may() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let pid = Pid::from_child(&child);
        defer(child.id());
        assert_eq!(getpriority_process(Some(pid)).unwrap(), NICE_MAX);
        assert!(!is_ending(child.id()));
        child.kill().unwrap();
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
        assert!(is_ending(child.id()), "nobody has waited for it");
        child.wait().unwrap();
        assert!(!is_ending(child.id()), "it is not known of one that is gone");
    }

    #[test]
    fn names_do_not_move_the_fields() {
        let fields: Vec<String> = (4..=30).map(|n| n.to_string()).collect();
        let stat = format!("17 (a ) b (c) S {}", fields.join(" "));
        assert_eq!(start_time(&stat), Some(22));
        assert_eq!(start_time("17 (a) S 1"), None);
        assert!(!has_ending_flag("17 (a ) b (c) R 1 17 17 0 -1 4194304 9 0"));
        assert!(has_ending_flag("17 (a ) b (c) R 1 17 17 0 -1 4194308 9 0"));
        assert!(!has_ending_flag("17 (a) S 1"));
    }
}
