//! `-D`: the supervisor in the background.
//!
//! The command starts itself again with `--detached`. That second process leaves the terminal's session, reports on a
//! pipe until everything runs, and then points its output at a log file. Its last line on the pipe tells the first process
//! that it may go; a pipe that ends without that line is the end of the second process.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

use crate::say;

/// The last line of a report, which is not shown.
const DETACHED: &str = "detached";

/// Starts this same command line in the background, shows what it reports, and returns once it needs nobody any more. Whoever ends
/// this command before means what it started, too.
pub async fn launch(log: &Path) -> Result<()> {
    let myself = std::env::current_exe().context("could not find the program to start in the background")?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut child = Command::new(myself)
        .args(std::env::args_os().skip(1))
        .arg("--detached")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start in the background")?;
    let pid = child.id().context("a process that was just started has an id")?;
    let mut report = BufReader::new(child.stdout.take().context("stdout was asked for")?).lines();
    let mut is_ending = false;
    loop {
        tokio::select! {
            line = report.next_line() => match line {
                Ok(Some(line)) if line != DETACHED => say(line),
                Ok(Some(_)) if !is_ending => {
                    say(format_args!("in the background as pid {pid}, log {}", log.display()));
                    return Ok(());
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            },
            _ = interrupt.recv() => is_ending = end(&child),
            _ = terminate.recv() => is_ending = end(&child),
        }
    }
    match child.wait().await? {
        status if status.success() => Ok(()),
        _ => bail!("it did not start, see above"),
    }
}

/// Tells it to end, which it may do already.
fn end(child: &Child) -> bool {
    if let Some(pid) = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
        let _ = kill_process(pid, Signal::TERM);
    }
    true
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
