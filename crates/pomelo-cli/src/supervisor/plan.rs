//! What a command asks to be started.

use anyhow::{Result, bail};
use pomelo_cluster::config::{Environment, MasterEntry};
use pomelo_protocol::{ServerInfo, ServerType};

/// The type that names the master in `-t`.
const MASTER: &str = "master";

/// Masters to start at once, and servers to start when the active master agrees.
#[derive(Debug)]
pub struct Plan {
    /// Started at once; they stand for election.
    pub masters: Vec<MasterEntry>,
    /// Started once the active master says that they do not run yet.
    pub servers: Vec<ServerInfo>,
}

impl Plan {
    /// `pomelo start`: the master and every server; with a type or an id only those, and no master beside them.
    pub fn start(environment: &Environment, server_type: Option<&str>, id: Option<&str>) -> Result<Self> {
        let master = || vec![environment.master.clone()];
        match (server_type, id) {
            (None, None) => Ok(Self { masters: master(), servers: environment.servers.clone() }),
            (Some(MASTER), _) => Ok(Self { masters: master(), servers: Vec::new() }),
            (None, Some(id)) if id == environment.master.id.as_str() => {
                Ok(Self { masters: master(), servers: Vec::new() })
            }
            (Some(server_type), _) => {
                let servers = environment.servers_of(&ServerType::new(server_type)?)?;
                Ok(Self { masters: Vec::new(), servers: servers.into_iter().cloned().collect() })
            }
            (None, Some(id)) => {
                let server = environment.server(&id.parse()?)?;
                Ok(Self { masters: Vec::new(), servers: vec![server.clone()] })
            }
        }
    }

    /// `pomelo masterha`: every master but the first.
    pub fn standbys(environment: &Environment) -> Result<Self> {
        let masters = environment.candidates[1..].to_vec();
        if masters.is_empty() {
            bail!("config/masterha.json lists no standby master");
        }
        Ok(Self { masters, servers: Vec::new() })
    }
}
