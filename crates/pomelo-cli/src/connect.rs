//! Finding the active master: the options that say where, and the connection they lead to.

use std::{path::Path, time::Duration};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use pomelo_cluster::{
    admin::{AdminClient, AdminError},
    config::{Config, ConfigError, MasterEntry},
    coordinator::MasterAddr,
};

use crate::game::DEVELOPMENT;

/// Where the original's tools look, when they are told nothing.
const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 3005;

/// Where a game's configuration is, seen from its directory.
const CONFIG: &str = "config";

/// What to do when nobody answers.
const ADVICE: &str = "`pomelo start` starts a cluster, -h and -P name another master";

/// How long to wait for a master's answer.
const TIMEOUT: Duration = Duration::from_secs(5);

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
}

impl Connection {
    /// Connects to the active master, by way of a standby if need be.
    pub async fn open(&self) -> Result<AdminClient> {
        self.connect(&self.masters()?).await
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

    async fn connect(&self, masters: &[MasterAddr]) -> Result<AdminClient> {
        let connected = AdminClient::connect_any(masters, &self.username, &self.password, TIMEOUT).await;
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
