//! Finding the active master: the options that say where, and the connection they lead to.

use std::{path::Path, time::Duration};

use anyhow::{Result, anyhow};
use clap::Args;
use pomelo_cluster::{
    admin::{AdminClient, AdminError},
    config::{Config, MasterEntry},
    coordinator::MasterAddr,
};

/// Where the original's tools look, when they are told nothing.
const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 3005;

/// Where a game's configuration is, seen from its directory.
const CONFIG: &str = "config";

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
        self.connect(&self.masters()).await
    }

    /// Connects to whoever leads after the master that was connected to has gone: the one that was named may be dead, so
    /// the configuration is looked at too.
    pub async fn open_again(&self) -> Result<AdminClient> {
        let mut masters = self.masters();
        masters.extend(configured(Path::new(CONFIG)));
        masters.sort();
        masters.dedup();
        self.connect(&masters).await
    }

    async fn connect(&self, masters: &[MasterAddr]) -> Result<AdminClient> {
        let connected = AdminClient::connect_any(masters, &self.username, &self.password, TIMEOUT).await;
        connected.map_err(|error| match error {
            // The text has the system's reason in it, so the source is not shown again.
            AdminError::Connect { .. } => {
                anyhow!("{error}; `pomelo start` starts a cluster, -h and -P name another master")
            }
            other => other.into(),
        })
    }

    /// Without `-h` and `-P`, in a game's directory: every master its configuration names, in any environment.
    fn masters(&self) -> Vec<MasterAddr> {
        let given = MasterAddr {
            host: self.host.clone().unwrap_or_else(|| DEFAULT_HOST.into()),
            port: self.port.unwrap_or(DEFAULT_PORT),
        };
        if self.host.is_some() || self.port.is_some() {
            return vec![given];
        }
        let mut masters = configured(Path::new(CONFIG));
        if masters.is_empty() {
            masters.push(given);
        }
        masters
    }
}

fn configured(dir: &Path) -> Vec<MasterAddr> {
    let Ok(config) = Config::load(dir) else { return Vec::new() };
    let mut masters: Vec<MasterAddr> = Vec::new();
    for environment in config.environments().unwrap_or_default() {
        let Ok(environment) = config.environment(&environment) else { continue };
        masters.extend(environment.candidates.iter().map(MasterEntry::addr));
    }
    masters.sort();
    masters.dedup();
    masters
}
