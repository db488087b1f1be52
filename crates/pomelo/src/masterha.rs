//! Where masters queue for leadership, as the application says it.

#[cfg(feature = "etcd")]
use pomelo_cluster::coordinator::etcd::LEASE_SECONDS_DEFAULT;
use pomelo_cluster::{
    config::CoordinatorConfig,
    coordinator::zookeeper::{Credentials, SESSION_TIMEOUT_MS_DEFAULT},
};

use crate::{App, Plugin};

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
        let session_timeout_ms = SESSION_TIMEOUT_MS_DEFAULT;
        Self(CoordinatorConfig::ZooKeeper { server, path, session_timeout_ms, credentials: None })
    }

    /// With ZooKeeper: makes nodes that only who knows this user's password may write (scheme `digest`; everybody may read).
    /// Without effect on other coordinators.
    #[must_use]
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        if let CoordinatorConfig::ZooKeeper { credentials, .. } = &mut self.0 {
            *credentials = Some(Credentials::new(user, password));
        }
        self
    }

    /// etcd at `endpoints` (`http://host:port`, several separated by commas), in keys that begin with `prefix`:
    /// `/pomelo/master`. No two clusters have the same prefix.
    #[cfg(feature = "etcd")]
    pub fn etcd(endpoints: impl Into<String>, prefix: impl Into<String>) -> Self {
        let (endpoints, prefix) = (endpoints.into(), prefix.into());
        Self(CoordinatorConfig::Etcd { endpoints, prefix, lease_seconds: LEASE_SECONDS_DEFAULT })
    }

    pub(crate) fn config(&self) -> &CoordinatorConfig {
        &self.0
    }
}

impl Plugin for MasterHa {
    fn name(&self) -> &'static str {
        "masterha"
    }

    fn register(&self, app: App) -> App {
        app.master_ha(self.clone())
    }
}
