//! The game that is measured: the servers of one area in a folder of its own, as `pomelo start` runs them, and robots that come in.

use std::{process::Stdio, time::Duration};

use anyhow::{Context as _, Result, ensure};
use pomelo_testkit::{
    cluster::Cluster,
    command::{Running, program},
    game::GameDir,
};
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use super::{Behaviour, Transport, ticks};
use crate::load::process::Process;

const ENVIRONMENT: &str = "production";

/// The server with the area that all robots are in.
const AREA: &str = "area-server-1";

/// Longer than robots take to leave, and servers to notice.
const PATIENCE: Duration = Duration::from_secs(60);

/// An area that says nothing for so long has no players: there are ten ticks in a second.
const QUIET: Duration = Duration::from_secs(1);

/// A cluster with one area, and what it is measured by.
pub(super) struct Realm {
    game: GameDir,
    /// The area server first, then the connectors, then the others.
    pub(super) servers: Vec<Process>,
    _cluster: Vec<Running>,
}

/// Robots that play.
pub(super) struct Robots {
    child: Child,
    /// Their process.
    pub(super) process: Process,
}

/// How many robots do what, and when they are looked at.
pub(super) struct Troop<'a> {
    pub(super) behaviour: Behaviour,
    pub(super) count: usize,
    /// In which they come.
    pub(super) ramp: Duration,
    /// In which they are not looked at yet, once all have come.
    pub(super) settle: Duration,
    /// In which they are.
    pub(super) measured: Duration,
    /// The page that they say they have.
    pub(super) view: Option<&'a str>,
    /// How nice they are to the servers.
    pub(super) nice: u8,
    /// How they are connected.
    pub(super) transport: Transport,
}

impl Realm {
    /// Starts it: a master on the embedded coordinator, a gate, two connectors, the area, and who they need.
    /// Connectors let pushes wait so many milliseconds for others, if that is said.
    pub(super) async fn start(flush_interval: Option<u32>) -> Result<Self> {
        let game = GameDir::lordofpomelo(None)?;
        game.keep_masters(1)?;
        game.configure("servers.json", |file| {
            let servers = &mut file[ENVIRONMENT];
            if let Some(types) = servers.as_object_mut() {
                types.remove("path");
            }
            if let Some((ms, connectors)) = flush_interval.zip(servers["connector"].as_array_mut()) {
                connectors.iter_mut().for_each(|connector| connector["flush-interval"] = ms.into());
            }
            if let Some(areas) = servers["area"].as_array_mut() {
                areas.retain(|area| area["id"] == AREA);
                areas.iter_mut().for_each(|area| area["log"] = ticks::DIRECTIVES.into());
            }
        })?;
        let mut cluster = Cluster { game, supervisors: Vec::new() };
        cluster.supervise(&["start", "-e", ENVIRONMENT]).await?;
        let Cluster { game, supervisors } = cluster;
        let processes = game.processes();
        let find = |name: &'static str, id: &str| {
            let argument = format!("id={id}");
            let found = processes.iter().find(|process| process.arguments.contains(&argument));
            found.map(|found| Process { name, pid: found.pid }).with_context(|| format!("no {id}"))
        };
        let servers = vec![
            find("area", AREA)?,
            find("connector 1", "connector-server-1")?,
            find("connector 2", "connector-server-2")?,
            find("chat", "chat-server-1")?,
            find("manager", "manager-server-1")?,
            find("auth", "auth-server-1")?,
            find("gate", "gate-server-1")?,
        ];
        Ok(Self { game, servers, _cluster: supervisors })
    }

    /// What the area's server has logged.
    pub(super) fn log(&self) -> String {
        self.game.read(&format!("logs/{AREA}.log"))
    }

    /// Lets robots in; they leave by themselves.
    pub(super) fn let_in(&self, troop: &Troop<'_>) -> Result<Robots> {
        let seconds = |time: Duration| time.as_secs_f64().to_string();
        // In place of `nice` the robots run: it is their process.
        let mut command = Command::new("nice");
        command
            .args(["-n", &troop.nice.to_string()])
            .arg(program("lordofpomelo-robot")?)
            .args([
                "--gate",
                &format!("{}://{}:{}", troop.transport.scheme(), self.game.host, self.game.gate),
            ])
            .arg("--game")
            .arg(self.game.path())
            .args(["--env", ENVIRONMENT, "--behaviour", troop.behaviour.name(), "--json"])
            .args(["--count", &troop.count.to_string(), "--ramp", &seconds(troop.ramp)])
            .args(["--duration", &seconds(troop.settle + troop.measured)]);
        if !troop.measured.is_zero() {
            command.args(["--warm-up", &seconds(troop.settle)]);
        }
        if let Some(view) = troop.view {
            command.args(["--view", view]);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("robots can't be started")?;
        let pid = child.id().context("the robots have ended")?;
        Ok(Robots { child, process: Process { name: "robots", pid } })
    }

    /// Waits until nobody is in the area any more: it says nothing of its ticks then.
    pub(super) async fn is_left(&self) -> Result<()> {
        let (end, mut known) = (Instant::now() + PATIENCE, None);
        loop {
            let ticks = self.log().matches(ticks::TARGET).count();
            if known.replace(ticks) == Some(ticks) {
                return Ok(());
            }
            ensure!(Instant::now() < end, "robots are still in the area {PATIENCE:?} after they left");
            sleep(QUIET).await;
        }
    }
}

impl Robots {
    /// What they saw, when they have left: the document of their program.
    pub(super) async fn report(self) -> Result<Value> {
        let output =
            timeout(PATIENCE, self.child.wait_with_output()).await.context("robots do not end")??;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the robots failed, {}: {}", output.status, said.trim());
        serde_json::from_slice(&output.stdout).context("the robots' report")
    }
}
