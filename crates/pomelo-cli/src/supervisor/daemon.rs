//! `-D`: the supervisor in the background.
//!
//! The command starts itself again with `--detached`. That second process leaves the terminal's session, reports on a
//! pipe until everything runs, and then points its output at a log file. Its last line on the pipe tells the first process
//! that it may go; a pipe that ends without that line is the end of the second process.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::say;

/// The last line of a report, which is not shown.
const DETACHED: &str = "detached";

/// Starts this same command line in the background, shows what it reports, and returns once it needs nobody any more.
pub fn launch(log: &Path) -> Result<()> {
    let myself = std::env::current_exe().context("could not find the program to start in the background")?;
    let mut child = Command::new(myself)
        .args(std::env::args_os().skip(1))
        .arg("--detached")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start in the background")?;
    let report = child.stdout.take().context("stdout was asked for")?;
    for line in BufReader::new(report).lines().map_while(Result::ok) {
        if line == DETACHED {
            say(format_args!("in the background as pid {}, log {}", child.id(), log.display()));
            return Ok(());
        }
        say(line);
    }
    match child.wait()? {
        status if status.success() => Ok(()),
        _ => bail!("it did not start, see above"),
    }
}

/// What the process in the background still has to do.
#[derive(Debug)]
pub struct Detach {
    log: PathBuf,
}

impl Detach {
    /// Leaves the terminal's session: Ctrl-C and a closed window do not reach it any more.
    pub fn new(log: PathBuf) -> Self {
        // It fails only for the leader of a process group, which a child just started is not.
        let _ = rustix::process::setsid();
        Self { log }
    }

    /// Points stdout and stderr at the log, and lets the command go that waits.
    pub fn finish(self) -> Result<()> {
        let log = self.open().with_context(|| format!("could not open {}", self.log.display()))?;
        say(DETACHED);
        rustix::stdio::dup2_stdout(&log)?;
        rustix::stdio::dup2_stderr(&log)?;
        Ok(())
    }

    fn open(&self) -> std::io::Result<File> {
        if let Some(dir) = self.log.parent() {
            fs::create_dir_all(dir)?;
        }
        OpenOptions::new().create(true).append(true).open(&self.log)
    }
}
