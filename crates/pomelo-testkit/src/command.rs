//! The project's programs as a user runs them: started in a game's directory, their output read line by line.

use std::{
    path::PathBuf,
    process::{ExitStatus, Output, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, Command},
    sync::watch,
};

use crate::game::GameDir;

/// Longest wait for a line or an exit. A claim never depends on it: what takes longer is a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// Most lines kept of one program.
const LINES_MAX: usize = 10_000;

/// A program of this build: `pomelo`, `pomelo-cli`, `chat`. It must have been built before; `cargo xtask test` does that.
pub fn program(name: &str) -> Result<PathBuf> {
    let me = std::env::current_exe()?;
    // target/debug/deps/test-… or target/debug/bench
    match me.ancestors().skip(1).take(2).map(|dir| dir.join(name)).find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => bail!("{name} is not built: run `cargo build --workspace --bins` first"),
    }
}

type Lines = Arc<Mutex<Vec<(SystemTime, String)>>>;

/// A program that was started and whose output is being read.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines,
    news: watch::Receiver<usize>,
}

impl Running {
    /// Starts it; stdout and stderr are read as one stream of lines. It is killed when dropped.
    pub fn start(mut command: Command) -> Result<Self> {
        let name = format!("{:?}", command.as_std());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("could not start {name}"))?;
        let lines = Lines::default();
        let (tell, news) = watch::channel(0);
        let tell = Arc::new(tell);
        if let Some(out) = child.stdout.take() {
            tokio::spawn(read(out, Arc::clone(&lines), Arc::clone(&tell)));
        }
        if let Some(err) = child.stderr.take() {
            tokio::spawn(read(err, Arc::clone(&lines), tell));
        }
        Ok(Self { name, stdin: child.stdin.take(), child, lines, news })
    }

    /// `pomelo` with these arguments in the game's directory, running its program.
    pub fn pomelo(game: &GameDir, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(program("pomelo")?);
        command.args(arguments).arg("--bin").arg(program(game.program)?).current_dir(game.path());
        Self::start(command)
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// What it has printed.
    pub fn output(&self) -> Vec<String> {
        self.timed_output().into_iter().map(|(_, line)| line).collect()
    }

    /// What it has printed, and when each line was read.
    pub fn timed_output(&self) -> Vec<(SystemTime, String)> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a line with this text in it; fails with everything it printed if it ends, or hangs, without one.
    pub async fn line(&self, text: &str) -> Result<String> {
        self.nth_line(text, 1).await
    }

    /// Waits until so many lines had this text in them.
    pub async fn lines(&self, text: &str, count: usize) -> Result<()> {
        self.nth_line(text, count).await.map(drop)
    }

    async fn nth_line(&self, text: &str, nth: usize) -> Result<String> {
        let mut news = self.news.clone();
        let found = || self.output().into_iter().filter(|line| line.contains(text)).nth(nth - 1);
        let wait = async {
            loop {
                news.borrow_and_update();
                if let Some(line) = found() {
                    return Some(line);
                }
                if news.changed().await.is_err() {
                    return found();
                }
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(Some(line)) => Ok(line),
            Ok(None) => bail!("{} ended without printing {text:?}; it printed:\n{}", self.name, self.text()),
            Err(_) => bail!("{} did not print {text:?}; it printed:\n{}", self.name, self.text()),
        }
    }

    /// Writes a line to its stdin.
    pub async fn write(&mut self, line: &str) -> Result<()> {
        let stdin = self.stdin.as_mut().context("its stdin is closed")?;
        stdin.write_all(format!("{line}\n").as_bytes()).await?;
        stdin.flush().await?;
        Ok(())
    }

    /// Waits until it ends by itself.
    pub async fn end(&mut self) -> Result<ExitStatus> {
        match tokio::time::timeout(PATIENCE, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("{} did not end; it printed:\n{}", self.name, self.text()),
        }
    }

    fn text(&self) -> String {
        self.output().join("\n")
    }
}

/// Runs a program of this build to its end in the game's directory.
pub async fn run(game: &GameDir, name: &str, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(program(name)?);
    command.args(arguments).current_dir(game.path()).stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(output) => Ok(output?),
        Err(_) => bail!("`{name} {}` did not end", arguments.join(" ")),
    }
}

async fn read(output: impl AsyncRead + Unpin, lines: Lines, tell: Arc<watch::Sender<usize>>) {
    let mut reader = BufReader::new(output).lines();
    while let Ok(Some(line)) = reader.next_line().await {
        let count = {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() < LINES_MAX {
                lines.push((SystemTime::now(), line));
            }
            lines.len()
        };
        tell.send_replace(count);
    }
}
