//! The master's process that a drill ends or stops: found by its id, and made sure of before a signal is sent.
//!
//! Only on this machine. The signal goes by a pidfd that was opened before the process was looked at, so that it can't reach
//! another one that got the same id meanwhile.

use std::{fs, os::fd::OwnedFd};

use anyhow::{Context as _, Result, bail};
use pomelo_cluster::coordinator::MasterAddr;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

/// A process that is this master.
#[derive(Debug)]
pub struct Target {
    /// Its id.
    pub pid: u32,
    /// The environment it was started for, by its arguments.
    pub environment: Option<String>,
    process: OwnedFd,
}

/// A stopped process; goes on when this is dropped, if it lives.
#[derive(Debug)]
pub struct Frozen(Target);

impl Target {
    /// The process `pid`, if it runs here and is the master that listens at `addr`.
    pub fn find(addr: &MasterAddr, pid: u32) -> Result<Self> {
        let raw = i32::try_from(pid).ok().and_then(Pid::from_raw).context("the master has no process id")?;
        let process = pidfd_open(raw, PidfdFlags::empty()).with_context(|| {
            format!(
                "master {addr} has process {pid}, which does not run on this machine: a drill kills only here"
            )
        })?;
        let words = arguments(pid).with_context(|| format!("process {pid} can't be looked at"))?;
        check(&words, addr).with_context(|| format!("process {pid} is not master {addr}"))?;
        let environment = words.iter().find_map(|word| word.strip_prefix("env=")).map(str::to_owned);
        Ok(Self { pid, environment, process })
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(&self) -> Result<()> {
        self.signal(Signal::KILL)
    }

    /// Stops it where it is (SIGSTOP).
    pub fn freeze(self) -> Result<Frozen> {
        self.signal(Signal::STOP)?;
        Ok(Frozen(self))
    }

    /// Whether it has ended.
    pub fn ended(&self) -> bool {
        let mut fds = [PollFd::new(&self.process, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        pidfd_send_signal(&self.process, signal)
            .with_context(|| format!("process {} could not be signalled", self.pid))
    }
}

impl Frozen {
    /// Whether somebody has ended it: the guardian, after its silence.
    pub fn ended(&self) -> bool {
        self.0.ended()
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // One that was killed meanwhile can't be woken.
        let _ = self.0.signal(Signal::CONT);
    }
}

fn arguments(pid: u32) -> Result<Vec<String>> {
    let line = fs::read(format!("/proc/{pid}/cmdline"))?;
    Ok(line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect())
}

fn check(words: &[String], addr: &MasterAddr) -> Result<()> {
    for wanted in ["serverType=master".to_owned(), format!("port={}", addr.port)] {
        if !words.contains(&wanted) {
            bail!("its arguments do not say {wanted}: {}", words.join(" "));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn addr(port: u16) -> MasterAddr {
        MasterAddr { host: "127.0.0.1".into(), port }
    }

    /// A shell that waits, with the arguments of a master.
    fn sleeper() -> std::process::Child {
        let script = ["-c", "read line", "x", "env=staging", "serverType=master", "port=3005"];
        let child = Command::new("sh").args(script).stdin(Stdio::piped()).spawn().unwrap();
        // Its arguments are there a moment after the process.
        while arguments(child.id()).unwrap().len() < script.len() {}
        child
    }

    /// Field 3 of `/proc/PID/stat`.
    fn state(pid: u32) -> String {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit(") ").next().unwrap()[..1].to_owned()
    }

    #[test]
    fn only_the_process_that_is_the_master_is_a_target() {
        let me = Target::find(&addr(3005), std::process::id()).unwrap_err();
        assert!(format!("{me:#}").contains("is not master 127.0.0.1:3005"), "{me:#}");
        let mut child = sleeper();
        let other = Target::find(&addr(3006), child.id()).unwrap_err();
        assert!(format!("{other:#}").contains("port=3006"), "{other:#}");
        let target = Target::find(&addr(3005), child.id()).unwrap();
        assert_eq!(target.environment.as_deref(), Some("staging"));
        target.kill().unwrap();
        child.wait().unwrap();
        assert!(target.ended());
        assert!(Target::find(&addr(3005), child.id()).is_err());
    }

    #[test]
    fn a_frozen_process_goes_on_when_the_drill_lets_go_of_it() {
        let mut child = sleeper();
        let frozen = Target::find(&addr(3005), child.id()).unwrap().freeze().unwrap();
        while state(child.id()) != "T" {}
        assert!(!frozen.ended());
        drop(frozen);
        while state(child.id()) == "T" {}
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
