//! Where masters queue for leadership, as the application says it.

use pomelo_cluster::{config::CoordinatorConfig, coordinator::zookeeper::SESSION_TIMEOUT_MS_DEFAULT};

/// The plugin for high availability of the master: chooses what decides who leads. Without it, what
/// `config/masterha.json` says counts, and without that the embedded coordinator.
///
/// Standby masters are those of `config/masterha.json`, whichever coordinator there is.
#[derive(Clone, Debug)]
pub struct MasterHa(CoordinatorConfig);

impl MasterHa {
    /// Kernel file locks in `run/ha` of the game's folder: all masters on one machine, nothing to install.
    pub fn embedded() -> Self {
        Self(CoordinatorConfig::Embedded)
    }

    /// ZooKeeper at `server` (`host:port`, several separated by commas), below the node `path`. What the original's plugin
    /// uses, and readable for it.
    pub fn zookeeper(server: impl Into<String>, path: impl Into<String>) -> Self {
        let (server, path) = (server.into(), path.into());
        Self(CoordinatorConfig::ZooKeeper { server, path, session_timeout_ms: SESSION_TIMEOUT_MS_DEFAULT })
    }

    pub(crate) fn config(&self) -> &CoordinatorConfig {
        &self.0
    }
}
