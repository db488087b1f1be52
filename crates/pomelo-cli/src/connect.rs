//! Finding the active master: the options that say where, and the connection they lead to.

use std::{io::Write as _, path::Path, time::Duration};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use pomelo_cluster::{
    admin::{AdminClient, AdminError},
    config::{Config, ConfigError, MasterEntry},
    coordinator::MasterAddr,
    ops::OpId,
};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{game::DEVELOPMENT, style::Style};

/// Where the original's tools look, when they are told nothing.
const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 3005;

/// Where a game's configuration is, seen from its directory.
const CONFIG: &str = "config";

/// What to do when nobody answers.
const ADVICE: &str = "`pomelo start` starts a cluster, -h and -P name another master";

/// How long to wait for a master's answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long a tool waits for an active master where masters run and none of them leads.
const WAIT_SECONDS: u64 = 10;

/// How often it looks meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Waiting is said only when it takes longer than this: most changes of master are over before.
const QUIET: Duration = Duration::from_millis(300);

/// Where the master is and who asks.
#[derive(Args, Clone, Debug)]
pub struct Connection {
    /// Host of a master [default: the masters of ./config, else 127.0.0.1].
    #[arg(short = 'h', long, value_name = "HOST")]
    pub host: Option<String>,
    /// Port of a master, active or standby [default: the masters of ./config, else 3005].
    #[arg(short = 'P', long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Name of the administrator, see config/adminUser.json.
    #[arg(short = 'u', long, default_value = "admin", value_name = "NAME")]
    pub username: String,
    /// Password of the administrator.
    #[arg(short = 'p', long, default_value = "admin", value_name = "PASSWORD")]
    pub password: String,
    /// How long to wait for an active master [default: 10 while masters run and none leads, 0 if none runs].
    #[arg(long, value_name = "SECONDS")]
    pub wait: Option<u64>,
}

impl Connection {
    /// Connects to the active master, by way of a standby if need be.
    pub async fn open(&self) -> Result<AdminClient> {
        self.connect(&self.masters()?).await
    }

    /// The same, without waiting for a master to lead.
    pub async fn open_now(&self) -> Result<AdminClient> {
        let now = Self { wait: Some(0), ..self.clone() };
        now.open().await
    }

    /// Connects to whoever leads after the master that was connected to has gone: the one that was named may be dead, so
    /// the configuration is looked at too.
    pub async fn open_again(&self) -> Result<AdminClient> {
        let mut masters = self.masters()?;
        masters.extend(configured(Path::new(CONFIG)).unwrap_or_default());
        masters.sort();
        masters.dedup();
        self.connect(&masters).await
    }

    /// Has something changed, once: the command has a number, so that it can be asked for again of whoever leads then, if the
    /// master dies or hands over before its answer. `client` is the active master afterwards.
    pub async fn mutate(
        &self,
        client: &mut AdminClient,
        module_id: &str,
        mut body: Value,
        within: Duration,
    ) -> Result<Value> {
        body["op"] = OpId::new().as_str().into();
        let until = Instant::now() + within;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match client.request_within(module_id, body.clone(), left).await {
                Err(AdminError::Closed { .. } | AdminError::Moved { .. }) if Instant::now() < until => {}
                Err(AdminError::Answer { why, .. }) if why.again && Instant::now() < until => {}
                answer => return Ok(answer?),
            }
            sleep(LOOK_AGAIN).await;
            *client = self.open_again().await?;
        }
    }

    /// Connects to masters of any role: each one that answers, or why it does not.
    pub async fn open_each(&self) -> Result<Vec<(MasterAddr, Result<AdminClient, AdminError>)>> {
        let mut each = Vec::new();
        for master in self.masters()? {
            let client =
                AdminClient::connect_in_any_role(&master, &self.username, &self.password, TIMEOUT).await;
            each.push((master, client));
        }
        Ok(each)
    }

    async fn connect(&self, masters: &[MasterAddr]) -> Result<AdminClient> {
        let (since, mut said) = (Instant::now(), false);
        let connected = loop {
            let connected = AdminClient::connect_any(masters, &self.username, &self.password, TIMEOUT).await;
            let Err(error) = &connected else { break connected };
            let wait = Duration::from_secs(self.wait.unwrap_or(if nobody_listens(error) {
                0
            } else {
                WAIT_SECONDS
            }));
            if !may_pass(error) || since.elapsed() >= wait {
                break connected;
            }
            if !said && since.elapsed() >= QUIET {
                said = true;
                let text = format!("waiting up to {} s: {error}", wait.as_secs());
                let _ = writeln!(std::io::stderr(), "{}", Style::for_stderr().dim(text));
            }
            sleep(LOOK_AGAIN).await;
        };
        connected.map_err(|error| match error {
            // The text has the system's reason in it, so the source is not shown again.
            AdminError::Connect { .. } => anyhow!("{error}; {ADVICE}"),
            AdminError::None { ref tried }
                if tried.iter().all(|one| matches!(one, AdminError::Connect { .. })) =>
            {
                anyhow!("{error}; {ADVICE}")
            }
            other => other.into(),
        })
    }

    /// Without `-h` and `-P`, in a game's directory: every master its configuration names, in any environment.
    fn masters(&self) -> Result<Vec<MasterAddr>> {
        let given = MasterAddr {
            host: self.host.clone().unwrap_or_else(|| DEFAULT_HOST.into()),
            port: self.port.unwrap_or(DEFAULT_PORT),
        };
        if self.host.is_some() || self.port.is_some() {
            return Ok(vec![given]);
        }
        match configured(Path::new(CONFIG)) {
            Ok(masters) => Ok(masters),
            // Not a game's directory.
            Err(ConfigError::NoConfig { .. }) => Ok(vec![given]),
            Err(error) => bail!("{error}; -h and -P name a master without the configuration"),
        }
    }
}

/// Whether there may be an active master soon. A wrong password stays wrong, and a web server does not become a master.
fn may_pass(error: &AdminError) -> bool {
    match error {
        AdminError::Connect { .. }
        | AdminError::Closed { .. }
        | AdminError::Moved { .. }
        | AdminError::NoActive { .. } => true,
        AdminError::None { tried } => tried.iter().any(may_pass),
        _ => false,
    }
}

/// Whether no master runs at all, as far as can be seen from here.
fn nobody_listens(error: &AdminError) -> bool {
    match error {
        AdminError::Connect { .. } => true,
        AdminError::None { tried } => tried.iter().all(nobody_listens),
        _ => false,
    }
}

fn configured(dir: &Path) -> Result<Vec<MasterAddr>, ConfigError> {
    let config = Config::load(dir)?;
    let mut names = config.environments()?;
    if names.is_empty() {
        // The files are the same for every environment.
        names.insert(DEVELOPMENT.to_owned());
    }
    let (mut masters, mut fault) = (Vec::new(), None);
    for name in names {
        match config.environment(&name) {
            Ok(environment) => masters.extend(environment.candidates.iter().map(MasterEntry::addr)),
            Err(error) => fault = Some(error),
        }
    }
    masters.sort();
    masters.dedup();
    // A mistake in one environment is no reason not to look after another.
    match fault {
        Some(error) if masters.is_empty() => Err(error),
        _ => Ok(masters),
    }
}
