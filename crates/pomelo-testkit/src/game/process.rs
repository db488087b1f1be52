//! What runs in a game's directory: found by its working directory, whoever started it, and ended with the directory.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::GameDir;

/// A process that runs in a game's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GameProcess {
    /// Its process id.
    pub pid: u32,
    /// Its arguments, the program first.
    pub arguments: Vec<String>,
}

impl GameDir {
    /// Every living process with this working directory.
    pub fn processes(&self) -> Vec<GameProcess> {
        let Ok(here) = self.path().canonicalize() else { return Vec::new() };
        let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
        all.filter_map(|entry| {
            let entry = entry.ok()?;
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let cwd = fs::read_link(entry.path().join("cwd")).ok()?;
            let cmdline = fs::read(entry.path().join("cmdline")).ok()?;
            // A process that is dead but not yet waited for has no command line.
            (cwd == here && !cmdline.is_empty()).then(|| GameProcess {
                pid,
                arguments: cmdline
                    .split(|byte| *byte == 0)
                    .filter(|word| !word.is_empty())
                    .map(|word| String::from_utf8_lossy(word).into_owned())
                    .collect(),
            })
        })
        .collect()
    }

    /// The process of the master that listens on `port`.
    pub fn master(&self, port: u16) -> Result<GameProcess> {
        let wanted = ["serverType=master".to_owned(), format!("port={port}")];
        let mut found = self.processes();
        found.retain(|p| wanted.iter().all(|word| p.arguments.contains(word)));
        match found.pop() {
            Some(master) => Ok(master),
            None => bail!("no master runs on port {port}"),
        }
    }
}

impl Drop for GameDir {
    fn drop(&mut self) {
        for process in self.processes() {
            let _ = signal(process.pid, Signal::KILL);
        }
    }
}

/// Whether a process has ended and everything of it is put away: its ports are free. One that merely has no command line any more
/// may still accept connections, and break them the next moment. Its parent must have taken note of its end.
pub fn is_gone(pid: u32) -> bool {
    !Path::new("/proc").join(pid.to_string()).exists()
}

/// Sends a signal to a process.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("not a process id")?;
    kill_process(pid, signal)?;
    Ok(())
}
