//! One process of the game: started with an argument vector (never a shell), in a process group of its own, its output
//! on the terminal (development) or straight in a log file, so that it goes on without us.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use pomelo_cluster::config::{MasterEntry, ServerOptions};
use pomelo_protocol::{ServerId, ServerInfo};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    process::{Child as Process, Command},
};

use crate::{game::Game, say, style::Style};

/// A child that ends sooner than this after its start has probably never worked: its last words are shown.
const EARLY: Duration = Duration::from_secs(10);

/// Longest piece of a child's output that is shown as one line.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// How much of a log is read to find a child's last words.
const TAIL_BYTES: u64 = 4096;

/// Lines of a child's last words.
const TAIL_LINES: usize = 5;

/// What to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// For people, and for the name of the log: the server id; masters add their port, since they may share an id.
    pub label: String,
    /// Master or server.
    pub kind: Kind,
    arguments: Vec<String>,
}

/// What a child is to the supervisor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Watched by its guardian.
    Master,
    /// Started and ended on a master's word.
    Server {
        /// Its id.
        id: ServerId,
        /// Which life of it, if a master has said so.
        incarnation: Option<u64>,
    },
}

impl Role {
    /// A master, active or standby: that is decided by election.
    pub fn master(entry: &MasterEntry, environment: &str) -> Self {
        let arguments = vec![
            format!("env={environment}"),
            "serverType=master".into(),
            format!("id={}", entry.id),
            format!("host={}", entry.host),
            format!("port={}", entry.port),
            "guardian=stdin".into(),
        ];
        Self { label: format!("{}-{}", entry.id, entry.port), kind: Kind::Master, arguments }
    }

    /// A server of `config/servers.json`, with every field of its record as an argument, as the original starts it (and which
    /// life of it this is, which the original does not know), and its own `args` behind them.
    pub fn server(info: &ServerInfo, options: &ServerOptions, environment: &str) -> Self {
        let mut arguments = vec![format!("env={environment}")];
        if let Ok(Value::Object(fields)) = serde_json::to_value(info) {
            arguments.extend(fields.iter().map(|(name, value)| match value {
                Value::String(text) => format!("{name}={text}"),
                other => format!("{name}={other}"),
            }));
        }
        arguments.extend(options.args.iter().flat_map(|args| args.split_whitespace()).map(str::to_owned));
        let kind = Kind::Server { id: info.id.clone(), incarnation: info.incarnation };
        Self { label: info.id.to_string(), kind, arguments }
    }
}

/// A child that runs.
#[derive(Debug)]
pub struct Child {
    /// What it is.
    pub role: Role,
    /// Its process id.
    pub pid: u32,
    /// When.
    pub started: Instant,
    log: Option<Log>,
}

/// The log of a child, which former children wrote to before it.
#[derive(Debug)]
struct Log {
    path: PathBuf,
    /// Where this child's own words begin.
    start: u64,
}

/// The end of a child.
#[derive(Debug)]
pub struct Ended {
    /// Its process id.
    pub pid: u32,
    /// How it ended.
    pub status: std::io::Result<ExitStatus>,
}

impl Child {
    /// Starts it; `hue` is its colour among its siblings. The process is returned apart, to be waited for.
    pub fn spawn(game: &Game, role: Role, hue: usize, stdin: Stdio) -> Result<(Self, Process)> {
        let mut command = Command::new(&game.program);
        command.args(&role.arguments).current_dir(&game.dir).stdin(stdin).process_group(0);
        let log = if game.is_development() {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            None
        } else {
            let (path, file) = open_log(&game.logs(), &role.label)?;
            let start = file.metadata()?.len();
            command.stdout(file.try_clone()?).stderr(file);
            Some(Log { path, start })
        };
        let mut process = command
            .spawn()
            .with_context(|| format!("could not start {} as {}", game.program.display(), role.label))?;
        let pid = process.id().context("a process that was just started has an id")?;
        let prefix = Style::for_stdout().hue(hue, format!("{:>22} |", role.label));
        if let Some(out) = process.stdout.take() {
            tokio::spawn(show(out, prefix.clone()));
        }
        if let Some(err) = process.stderr.take() {
            tokio::spawn(show(err, prefix));
        }
        Ok((Self { role, pid, started: Instant::now(), log }, process))
    }

    /// Sends a signal; a child that is gone already is not an error.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Says in words how it ended, with its last words where it ended too soon or badly.
    pub fn obituary(&self, status: &std::io::Result<ExitStatus>) -> String {
        let how = match status {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(0), _) => "ended".to_owned(),
                (Some(code), _) => format!("ended with exit code {code}"),
                (None, Some(signal)) => format!("was killed by signal {signal}"),
                (None, None) => format!("ended: {status}"),
            },
            Err(e) => format!("can't be waited for: {e}"),
        };
        let age = self.started.elapsed();
        let failed = !ended_well(status);
        let mut text =
            format!("{} (pid {}) {how} after {:.1} s", self.role.label, self.pid, age.as_secs_f64());
        if let Some(log) = &self.log
            && failed
        {
            text.push_str(&format!("; its log is {}", log.path.display()));
            // Who was killed did not say why.
            if age < EARLY && status.as_ref().is_ok_and(|status| status.code().is_some()) {
                text.push_str(&log.tail().iter().map(|line| format!("\n    {line}")).collect::<String>());
            }
        }
        text
    }
}

/// Whether a process ended by itself and without an error: it was asked to.
pub fn ended_well(status: &std::io::Result<ExitStatus>) -> bool {
    status.as_ref().is_ok_and(ExitStatus::success)
}

fn open_log(dir: &Path, label: &str) -> Result<(PathBuf, File)> {
    fs::create_dir_all(dir).with_context(|| format!("could not make the log folder {}", dir.display()))?;
    let path = dir.join(format!("{label}.log"));
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("could not open the log file {}", path.display()))?;
    Ok((path, file))
}

/// Prints each line behind the child's name until the child closes its end.
async fn show(output: impl AsyncRead + Unpin, prefix: String) {
    let mut output = BufReader::new(output);
    while let Ok(Some(line)) = next_line(&mut output).await {
        say(format_args!("{prefix} {line}"));
    }
}

/// The next line; one of more than [`LINE_BYTES_MAX`] comes in pieces.
async fn next_line(output: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    let read = output.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok((read > 0).then(|| String::from_utf8_lossy(&line).into_owned()))
}

impl Log {
    /// Its last lines.
    fn tail(&self) -> Vec<String> {
        let read = || -> std::io::Result<Vec<String>> {
            let mut file = File::open(&self.path)?;
            let len = file.metadata()?.len();
            file.seek(SeekFrom::Start(len.saturating_sub(TAIL_BYTES).max(self.start)))?;
            let mut bytes = Vec::new();
            file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = text.lines().collect();
            Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].iter().map(|&l| l.to_owned()).collect())
        };
        read().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_started_with_its_record_as_arguments() {
        let info: ServerInfo = serde_json::from_str(
            r#"{"id":"gate-server-1","serverType":"gate","host":"127.0.0.1","clientPort":3014,"frontend":true,
                "incarnation":7}"#,
        )
        .unwrap();
        let options = ServerOptions { args: Some("--first  second=2".into()), ..ServerOptions::default() };
        let role = Role::server(&info, &options, "production");
        assert_eq!(
            role.arguments,
            [
                "env=production",
                "id=gate-server-1",
                "serverType=gate",
                "host=127.0.0.1",
                "clientPort=3014",
                "frontend=true",
                "incarnation=7",
                "--first",
                "second=2"
            ]
        );
    }

    #[tokio::test]
    async fn a_line_without_an_end_comes_in_pieces() {
        let endless = [b"first\n", vec![b'x'; 100_000].as_slice()].concat();
        let mut output = endless.as_slice();
        let mut lengths = Vec::new();
        while let Some(line) = next_line(&mut output).await.unwrap() {
            lengths.push(line.len());
        }
        assert_eq!(lengths, [5, 65_536, 100_000 - 65_536]);
    }

    #[test]
    fn last_words_are_the_last_lines_of_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.log");
        fs::write(&path, (0..1000).map(|n| format!("line {n}\n")).collect::<String>()).unwrap();
        let log = Log { start: 0, path };
        assert_eq!(log.tail(), ["line 995", "line 996", "line 997", "line 998", "line 999"]);
        let later = Log { start: fs::metadata(&log.path).unwrap().len(), path: log.path };
        assert!(later.tail().is_empty(), "words of a former child");
    }
}
