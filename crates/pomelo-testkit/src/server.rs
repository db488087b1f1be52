//! A server that is installed on this machine, as a process of a test: started, asked until it serves, paused, killed, started again, and
//! ended with its owner. What kind of server it is, and where its data is, knows its own module.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A server that does not answer by then will not: ZooKeeper's Java needs a second or two, others less, all more on a busy machine.
const START_TIMEOUT_MS: u64 = 60_000;

/// How long one question whether it serves may take.
pub(crate) const ASK_TIMEOUT_MS: u64 = 500;

/// A port that was free a moment ago may be taken by somebody else before the server binds it.
const START_TRIES: usize = 3;

/// One server, which runs or not.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    log: PathBuf,
    process: Option<Child>,
}

impl Server {
    /// One that does not run yet. Its output goes to this file, and if the test fails a copy stays in the folder of temporary files as
    /// `pomelo-NAME.log`.
    pub(crate) fn new(name: String, log: PathBuf) -> Self {
        Self { name, log, process: None }
    }

    /// A folder for one, in memory where the machine allows.
    pub(crate) fn folder(name: &str) -> Result<TempDir> {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        Ok(tempfile::Builder::new().prefix(&format!("pomelo-{name}-")).tempdir_in(parent)?)
    }

    /// Runs this command, which is the server; one that runs already is killed.
    pub(crate) fn run(&mut self, command: &mut Command) -> Result<()> {
        self.kill();
        let log = File::options().create(true).append(true).open(&self.log)?;
        let command = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.process = Some(command.spawn().with_context(|| format!("{} could not be started", self.name))?);
        Ok(())
    }

    /// Waits until it serves.
    pub(crate) async fn serves(&mut self, asked: impl AsyncFn() -> Result<()>) -> Result<()> {
        let end = Instant::now() + Duration::from_millis(START_TIMEOUT_MS);
        loop {
            // A server asked too early may fail inside and then neither answer nor hang up.
            let answered = tokio::time::timeout(Duration::from_millis(ASK_TIMEOUT_MS), asked()).await;
            if matches!(answered, Ok(Ok(()))) {
                return Ok(());
            }
            let ended = self.process.as_mut().and_then(|process| process.try_wait().ok().flatten());
            if let Some(status) = ended {
                bail!("{} ended with {status}:\n{}", self.name, self.log_tail());
            }
            if Instant::now() > end {
                bail!("{} did not serve within {START_TIMEOUT_MS} ms:\n{}", self.name, self.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops the process where it is. Connections stay open and nobody answers.
    pub(crate) fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Ends [`Server::pause`].
    pub(crate) fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Kills it. Its data stays.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            _ = process.kill();
            _ = process.wait();
        }
    }

    /// What it has said since its first start.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let process = self.process.as_ref().with_context(|| format!("{} does not run", self.name))?;
        kill_process(Pid::from_child(process), signal)?;
        Ok(())
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let kept = std::env::temp_dir().join(format!("pomelo-{}.log", self.name));
            if fs::copy(&self.log, &kept).is_ok() {
                eprintln!("the log of {} was kept: {}", self.name, kept.display());
            }
        }
    }
}

/// Makes and starts something, on other ports if the first ones were taken.
pub(crate) async fn start<T>(missing: Option<String>, one: impl AsyncFn() -> Result<T>) -> Result<T> {
    if let Some(reason) = missing {
        bail!(reason);
    }
    let mut last = None;
    for _ in 0..START_TRIES {
        match one().await {
            Ok(started) => return Ok(started),
            Err(error) => last = Some(error),
        }
    }
    Err(last.context("no try was made")?)
}
