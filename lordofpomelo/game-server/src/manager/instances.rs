//! Which instance is on which server. Who asks for one that is not there waits until an instance server has made it; all who ask meanwhile
//! wait for the same. The instance servers are those that `servers.json` marks with `"instance": true`; which of them makes an instance is
//! the framework's choice by its key.

use std::{
    iter,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lordofpomelo_world::instances::{Asked, Instance as Made, InstanceError, Instances};
use pomelo::{Caller, Error, Peer, Result, Rpc, ServerInfo, Servers, State};
use tokio::sync::oneshot;

use super::server_id;
use crate::{
    CALL,
    duty::Duty,
    messages::remotes::{CREATE_INSTANCE, Instance, InstanceId, NewInstance},
};

/// Tells somebody who waits.
type Waiting = oneshot::Sender<Result<Made, InstanceError>>;

/// All instances.
pub(super) struct Book(Mutex<Instances<Waiting>>);

impl Book {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    fn lock(&self) -> MutexGuard<'_, Instances<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where an instance is; it is made if it is not there.
pub(super) async fn find_or_make(
    book: State<Book>,
    rpc: Rpc,
    servers: Servers,
    wanted: NewInstance,
) -> Result<Instance> {
    let (tell, told) = oneshot::channel();
    let asked = book.lock().ask(&wanted.instance, || makers(&servers, &wanted.instance), tell);
    let made = match asked {
        Asked::Ready(made) => made,
        Asked::Refused(error) => return Err(error.into()),
        Asked::Create(on) => {
            // A task, for others wait for it, too, and go on waiting if this caller does not.
            tokio::spawn(make(book, rpc, wanted, on.server_id));
            told.await??
        }
        Asked::Wait => told.await??,
    };
    let server = server_id(&made.server_id).ok_or_else(|| Error::msg("an instance on no server"))?;
    Ok(Instance { instance: made.instance_id, server })
}

async fn make(book: State<Book>, rpc: Rpc, wanted: NewInstance, server: String) {
    let is_made = match server_id(&server) {
        Some(id) => match rpc.within(CALL).call(CREATE_INSTANCE, &id, &wanted).await {
            // `false`: it is there already, from before this manager was started. That is as good.
            Ok(is_new) => {
                tracing::info!(instance = wanted.instance, %server, is_new, "an instance is there");
                true
            }
            Err(error) => {
                tracing::warn!(%error, instance = wanted.instance, %server, "an instance can't be made");
                false
            }
        },
        None => false,
    };
    let (waiting, result) = book.lock().created(&wanted.instance, &server, is_made);
    tell(waiting.into_iter().map(|caller| (caller, result.clone())));
}

/// An instance server closes one of its instances.
pub(super) async fn remove(book: State<Book>, caller: Caller, closing: InstanceId) -> Result<()> {
    book.lock().remove(&closing.instance, caller.0.as_str());
    Ok(())
}

/// A server is gone, and its instances with it.
pub(super) async fn server_removed(book: State<Book>, peer: Peer) -> Result<()> {
    let failed = book.lock().server_removed(peer.id.as_str());
    tell(failed.into_iter().map(|(caller, error)| (caller, Err(error))));
    Ok(())
}

fn tell(results: impl Iterator<Item = (Waiting, Result<Made, InstanceError>)>) {
    for (caller, result) in results {
        // Whoever does not wait any more need not be told.
        let _ = caller.send(result);
    }
}

/// Who makes this instance, and who does if that one has failed: the same in every manager that knows the same servers.
fn makers(servers: &Servers, instance: &str) -> Vec<String> {
    let mut left: Vec<_> =
        servers.of_type("area").iter().filter(|server| has_instances(server)).cloned().collect();
    let next = || {
        let next = Servers::new(left.iter().cloned()).by_hash(instance)?;
        left.retain(|server| server.id != next);
        Some(next.to_string())
    };
    iter::from_fn(next).take(2).collect()
}

fn has_instances(server: &ServerInfo) -> bool {
    Duty::of(server) == Some(Duty::Instances)
}

#[cfg(test)]
mod tests;
