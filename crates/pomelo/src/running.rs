//! A server or master that runs in this process, for who started it.

use pomelo_master::MasterError;
use pomelo_protocol::ServerInfo;
use tokio::{sync::watch, task::JoinHandle};

use crate::node::{Ending, NodeRunning};

/// A running server or master, made by [`App::start`](crate::App::start). Dropping it leaves it running.
pub struct Running {
    info: ServerInfo,
    role: Role,
}

enum Role {
    Game(NodeRunning),
    Master { stop: watch::Sender<bool>, task: JoinHandle<Result<(), MasterError>> },
}

impl Running {
    pub(crate) fn game(node: NodeRunning) -> Self {
        Self { info: ServerInfo::clone(&node.info), role: Role::Game(node) }
    }

    pub(crate) fn master(
        info: ServerInfo,
        stop: watch::Sender<bool>,
        task: JoinHandle<Result<(), MasterError>>,
    ) -> Self {
        Self { info, role: Role::Master { stop, task } }
    }

    /// Its record, with the ports it really has where the configuration says 0.
    pub fn info(&self) -> &ServerInfo {
        &self.info
    }

    /// Stops it cleanly and waits until it is gone: a server leaves the cluster and closes its clients, an active master
    /// hands over first.
    pub async fn stop(mut self) -> Result<(), MasterError> {
        self.ask_to_stop();
        self.ended().await.map(drop)
    }

    /// Waits until it ends because an administrator stopped it.
    pub async fn wait(mut self) -> Result<(), MasterError> {
        self.ended().await.map(drop)
    }

    pub(crate) fn ask_to_stop(&self) {
        match &self.role {
            Role::Game(node) => node.stop(),
            Role::Master { stop, .. } => drop(stop.send_replace(true)),
        }
    }

    /// Waits until it ends, because an administrator or [`Self::ask_to_stop`] said so.
    pub(crate) async fn ended(&mut self) -> Result<Ending, MasterError> {
        match &mut self.role {
            Role::Game(node) => Ok(node.ended().await),
            // Not aborted, so only a panic can take its result away; it has been printed.
            Role::Master { task, .. } => match task.await {
                Ok(ended) => ended.map(|()| Ending::Stopped),
                Err(_) => Ok(Ending::Killed),
            },
        }
    }
}
