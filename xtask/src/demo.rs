//! `cargo xtask demo`: the chat example in production with three masters, so that one can kill the active one and watch.
//!
//! Works on a copy of the example's configuration in `target/demo`, where logs and the coordinator's files go too.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::shell::{cargo, root, run, target_dir};

/// How long a cluster on the embedded coordinator may take to come up, on a busy machine.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// Options of `cargo xtask demo`.
#[derive(Args)]
pub(crate) struct Demo {
    /// Elect through this ZooKeeper instead of the embedded coordinator: `127.0.0.1:2181`.
    #[arg(long, value_name = "HOST:PORT")]
    zookeeper: Option<String>,
}

impl Demo {
    pub(crate) fn run(self) -> Result<()> {
        println!("building (the first time takes a minute or two)");
        run(cargo().args(["build", "--locked", "-p", "pomelo-cli", "-p", "chat"]))?;
        let programs = target_dir()?.join("debug");
        let dir = self.prepare(&target_dir()?.join("demo"))?;
        check_free(&dir)?;

        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, interrupted.clone())?;
        }
        let mut cluster = Cluster { supervisors: Vec::new() };
        let deadline = (self.zookeeper.is_none()).then(|| Instant::now() + READY_TIMEOUT);
        for words in [&["start", "-e", "production"][..], &["masterha", "-e", "production"]] {
            let (supervisor, ready) = Supervisor::spawn(&programs, &dir, words)?;
            cluster.supervisors.push(supervisor);
            if !cluster.wait_ready(&ready, deadline, &interrupted)? {
                return Ok(()); // Ctrl-C: dropping the cluster stops what runs
            }
        }
        explain(&programs, &dir)?;
        while !interrupted.load(Ordering::Relaxed) && cluster.runs() {
            std::thread::park_timeout(Duration::from_millis(100));
        }
        if !interrupted.load(Ordering::Relaxed) {
            println!("the cluster was stopped from outside");
        }
        Ok(())
    }

    /// A fresh copy of the example's configuration; says which coordinator to use.
    fn prepare(&self, demo: &Path) -> Result<PathBuf> {
        let dir = demo.join("chat");
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("config"))?;
        for entry in fs::read_dir(root().join("examples/chat/config"))? {
            let entry = entry?;
            fs::copy(entry.path(), dir.join("config").join(entry.file_name()))?;
        }
        if let Some(server) = &self.zookeeper {
            let file = dir.join("config/masterha.json");
            let mut masterha: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
            masterha["zookeeper"] = serde_json::json!({ "server": server, "path": "/pomelo/master" });
            fs::write(&file, serde_json::to_string_pretty(&masterha)?)?;
        }
        Ok(dir)
    }
}

/// Every port of the configuration must be free, or the demo would meet another cluster.
fn check_free(dir: &Path) -> Result<()> {
    let servers = &config(dir, "servers.json")?["production"];
    let entries =
        servers.as_object().into_iter().flat_map(|types| types.values()).filter_map(Value::as_array);
    let standbys = config(dir, "masterha.json")?["masterha"].as_array().cloned().unwrap_or_default();
    let masters = [config(dir, "master.json")?["production"].clone()].into_iter().chain(standbys);
    for entry in entries.flatten().cloned().chain(masters) {
        for port in ["port", "clientPort"].iter().filter_map(|field| entry[field].as_u64()) {
            let port = u16::try_from(port)?;
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).with_context(|| {
                format!(
                    "port {port} of {} is in use; if it is another demo, Ctrl-C or `pomelo stop` ends it",
                    entry["id"]
                )
            })?;
        }
    }
    Ok(())
}

fn config(dir: &Path, file: &str) -> Result<Value> {
    let path = dir.join("config").join(file);
    serde_json::from_str(&fs::read_to_string(&path)?).with_context(|| path.display().to_string())
}

/// What the demo started; dropping it ends all of it.
struct Cluster {
    supervisors: Vec<Supervisor>,
}

impl Cluster {
    /// Waits until the newest supervisor says that it is ready; false when interrupted.
    fn wait_ready(
        &mut self,
        ready: &mpsc::Receiver<()>,
        deadline: Option<Instant>,
        interrupted: &AtomicBool,
    ) -> Result<bool> {
        loop {
            match ready.recv_timeout(Duration::from_millis(100)) {
                Ok(()) => return Ok(true),
                Err(mpsc::RecvTimeoutError::Disconnected) => bail!("it ended before it was ready, see above"),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            if interrupted.load(Ordering::Relaxed) {
                return Ok(false);
            }
            if deadline.is_some_and(|d| Instant::now() > d) {
                bail!("not ready after {} s; the logs are in target/demo/chat/logs", READY_TIMEOUT.as_secs());
            }
        }
    }

    /// Whether any supervisor still runs: `pomelo stop` ends them too.
    fn runs(&mut self) -> bool {
        self.supervisors.iter_mut().any(|s| matches!(s.child.try_wait(), Ok(None)))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for supervisor in &self.supervisors {
            if let Some(pid) = Pid::from_raw(supervisor.child.id().cast_signed()) {
                let _ = kill_process(pid, Signal::INT);
            }
        }
        for supervisor in &mut self.supervisors {
            let _ = supervisor.child.wait();
        }
    }
}

/// One `pomelo start` or `pomelo masterha`, in a process group of its own so that Ctrl-C reaches it once, through us.
struct Supervisor {
    child: Child,
}

impl Supervisor {
    /// Starts it and shows what it prints; the channel tells when it printed that it is ready.
    fn spawn(programs: &Path, dir: &Path, words: &[&'static str]) -> Result<(Self, mpsc::Receiver<()>)> {
        let mut command = Command::new(programs.join("pomelo"));
        command.args(words).arg("-d").arg(dir).arg("--bin").arg(programs.join("chat"));
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("could not run {}", programs.join("pomelo").display()))?;
        let stdout = child.stdout.take().context("stdout was asked for")?;
        let (tell, ready) = mpsc::sync_channel(1);
        let name = words.first().copied().unwrap_or_default();
        std::thread::spawn(move || {
            let mut tell = Some(tell);
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                println!("{name:>9} | {line}");
                if line.starts_with("ready")
                    && let Some(tell) = tell.take()
                {
                    let _ = tell.send(());
                }
            }
        });
        Ok((Self { child }, ready))
    }
}

/// What to do next, with the pids and ports of this run.
fn explain(programs: &Path, dir: &Path) -> Result<()> {
    let out = Command::new(programs.join("pomelo-cli"))
        .args(["--json", "-c", "show servers"])
        .current_dir(dir)
        .output()
        .context("pomelo-cli")?;
    let servers: Value = serde_json::from_slice(&out.stdout)
        .with_context(|| format!("pomelo-cli said: {}", String::from_utf8_lossy(&out.stderr)))?;
    let servers = servers.as_array().context("pomelo-cli --json prints a list")?;
    let of = |server_type: &str| servers.iter().find(|s| s["serverType"] == server_type);
    let master = of("master").context("no master in the list")?;
    let (pid, port) = (&master["pid"], &master["port"]);
    let configured = config(dir, "servers.json")?;
    let page = &configured["production"]["gate"][0]["clientPort"];
    let list = config(dir, "masterha.json")?;
    let ports: Vec<String> = list["masterha"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|standby| standby["port"].to_string())
        .collect();
    let (standby, standbys) = (ports.first().context("no standby")?, ports.join(" and "));
    let shown = programs.strip_prefix(root()).unwrap_or(programs).display();
    println!(
        "
  Chat here:       http://127.0.0.1:{page}/   (open it twice)
  Active master:   127.0.0.1:{port}, pid {pid}; standbys on {standbys}

  Now, in another terminal:
    kill -9 {pid}
        the active master dies, a standby takes over; go on chatting, nothing is lost
    {shown}/pomelo-cli -P {standby} -c \"show servers\"
        the new master knows every server at once
    {shown}/pomelo stop -P {standby}
        stops the whole cluster

  Ctrl-C here stops all of it. Logs: {}
",
        dir.join("logs").strip_prefix(root()).unwrap_or(&dir.join("logs")).display()
    );
    Ok(())
}
