//! What the demo starts: masters and servers, through `pomelo`, and the web server; and that all of it ends.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::{
    Game, WEB_PORT,
    folder::{ENVIRONMENT, Folder},
};
use crate::shell::root;

/// How long a cluster on the embedded coordinator may take to come up, on a busy machine.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// What the demo started, the web server last; dropping it ends all of it.
pub(super) struct Cluster {
    parts: Vec<Part>,
    /// The program and the working directory of every server.
    servers: (PathBuf, PathBuf),
}

impl Cluster {
    /// Starts everything, one part after the other, each when the one before is ready; nothing when interrupted meanwhile.
    pub(super) fn start(
        game: &Game,
        programs: &Path,
        folder: &Folder,
        embedded: bool,
        interrupted: &AtomicBool,
    ) -> Result<Option<Self>> {
        let deadline = embedded.then(|| Instant::now() + READY_TIMEOUT);
        let servers = (programs.join(game.program), folder.path.clone());
        let mut cluster = Self { parts: Vec::new(), servers };
        let pomelo = |word: &'static str| {
            let mut command = Command::new(programs.join("pomelo"));
            command.arg(word).args(["-e", ENVIRONMENT, "-d"]).arg(&folder.path);
            command.arg("--bin").arg(programs.join(game.program));
            (word, command, "ready")
        };
        let web = game.web.map(|program| {
            let mut command = Command::new(programs.join(program));
            command.args(["-e", ENVIRONMENT, "--game"]).arg(&folder.path);
            command.arg("--client").arg(root().join("lordofpomelo/web-client/dist"));
            command.arg("--listen").arg(format!("127.0.0.1:{WEB_PORT}"));
            ("web", command, "LordOfPomelo is at")
        });
        for (name, command, ready) in [pomelo("start"), pomelo("masterha")].into_iter().chain(web) {
            let (part, told) = Part::spawn(name, command, ready)?;
            cluster.parts.push(part);
            if !wait_ready(name, &told, folder, deadline, interrupted)? {
                return Ok(None); // dropping the cluster stops what runs
            }
        }
        Ok(Some(cluster))
    }

    /// What ended that should run on: the cluster, if `pomelo stop` was used elsewhere.
    pub(super) fn ended(&mut self) -> Option<&'static str> {
        let (web, supervisors): (Vec<_>, Vec<_>) = self.parts.iter_mut().partition(|part| part.name == "web");
        if web.into_iter().any(|part| !part.runs()) {
            return Some("the web server has ended");
        }
        // One supervisor may have been killed to see what happens.
        let nobody = !supervisors.into_iter().any(Part::runs);
        nobody.then_some("the cluster was stopped from outside")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for part in &mut self.parts {
            // One that has ended was waited for: its number may be another's.
            if part.runs()
                && let Some(pid) = Pid::from_raw(part.child.id().cast_signed())
            {
                let _ = kill_process(pid, Signal::INT);
            }
        }
        for part in &mut self.parts {
            let _ = part.child.wait();
        }
        // A supervisor that was killed has left its servers behind: they outlive it.
        let (program, folder) = &self.servers;
        for pid in running(program, folder) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

/// Every process of this program with this working directory.
fn running(program: &Path, folder: &Path) -> Vec<Pid> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ours = all.filter(|process| {
        let is =
            |link: &str, path: &Path| fs::read_link(process.path().join(link)).is_ok_and(|to| to == path);
        is("cwd", folder) && is("exe", program)
    });
    ours.filter_map(|process| Pid::from_raw(process.file_name().to_str()?.parse().ok()?)).collect()
}

/// A program, in a process group of its own so that Ctrl-C reaches it once, through us.
struct Part {
    name: &'static str,
    child: Child,
}

impl Part {
    /// Starts it and shows what it prints; the channel tells when it printed a line that begins with `ready`.
    fn spawn(
        name: &'static str,
        mut command: Command,
        ready: &'static str,
    ) -> Result<(Self, mpsc::Receiver<()>)> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("could not run {}", command.get_program().display()))?;
        let stdout = child.stdout.take().context("stdout was asked for")?;
        let (tell, told) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                println!("{name:>9} | {line}");
                if line.starts_with(ready) {
                    let _ = tell.try_send(());
                }
            }
        });
        Ok((Self { name, child }, told))
    }

    fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

/// Waits until the newest part says that it is ready; false when interrupted.
fn wait_ready(
    name: &str,
    told: &mpsc::Receiver<()>,
    folder: &Folder,
    deadline: Option<Instant>,
    interrupted: &AtomicBool,
) -> Result<bool> {
    loop {
        match told.recv_timeout(Duration::from_millis(100)) {
            Ok(()) => return Ok(true),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                bail!("{name} ended before it was ready, see above and {}/logs", folder.shown())
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        if interrupted.load(Ordering::Relaxed) {
            return Ok(false);
        }
        if deadline.is_some_and(|deadline| Instant::now() > deadline) {
            bail!("not ready after {} s; the logs are in {}/logs", READY_TIMEOUT.as_secs(), folder.shown());
        }
    }
}
