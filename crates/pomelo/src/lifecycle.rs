//! What happens to a server from its start to its end, and what happens around it, as contexts of hooks; and the hooks that
//! a server type has. When each of them runs is in `node::{start, events, stopping}`.

use std::{any::Any, ops::Deref, sync::Arc, time::Duration};

use pomelo_protocol::ServerInfo;
use pomelo_rpc::BoxFuture;

use crate::{
    Context, Error, Extract, MembersLeft, Session, extract::Parts, handler::HookFn, server::Registered,
};

/// How long a hook before start-up, or the making of a [`State`](crate::State), may take before the start has failed.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a hook of an event may take before it is dropped: others wait for it.
pub(crate) const EVENT_TIMEOUT: Duration = Duration::from_secs(10);

/// A step in the life of this server: starting, started, all started, stopping, draining, stopped.
#[derive(Clone)]
pub struct Lifecycle {
    pub(crate) parts: Parts,
}

/// Another server was added to the cluster, or removed from it.
#[derive(Clone)]
pub struct ServerChange {
    pub(crate) parts: Parts,
    pub(crate) server: Arc<ServerInfo>,
}

/// A session of this frontend was bound to its user.
#[derive(Clone)]
pub struct SessionBound {
    pub(crate) parts: Parts,
    pub(crate) session: Session,
}

/// The end of a session at the frontend that held it.
#[derive(Clone)]
pub struct SessionClosed {
    pub(crate) parts: Parts,
    pub(crate) session: Session,
}

impl Context for Lifecycle {
    fn parts(&self) -> &Parts {
        &self.parts
    }
}

impl Context for ServerChange {
    fn parts(&self) -> &Parts {
        &self.parts
    }
}

impl Context for SessionBound {
    fn parts(&self) -> &Parts {
        &self.parts
    }
}

impl Context for SessionClosed {
    fn parts(&self) -> &Parts {
        &self.parts
    }
}

impl Extract<SessionBound> for Session {
    fn extract(bound: &SessionBound) -> Result<Self, Error> {
        Ok(bound.session.clone())
    }
}

impl Extract<SessionClosed> for Session {
    fn extract(closed: &SessionClosed) -> Result<Self, Error> {
        Ok(closed.session.clone())
    }
}

/// The server that was added or removed, as an argument of [`on_server_added`](crate::Server::on_server_added) and
/// [`on_server_removed`](crate::Server::on_server_removed).
#[derive(Clone, Debug)]
pub struct Peer(pub Arc<ServerInfo>);

impl Deref for Peer {
    type Target = ServerInfo;

    fn deref(&self) -> &ServerInfo {
        &self.0
    }
}

impl Extract<ServerChange> for Peer {
    fn extract(change: &ServerChange) -> Result<Self, Error> {
        Ok(Self(Arc::clone(&change.server)))
    }
}

/// Makes a state when the server starts.
pub(crate) type MakeFn =
    Arc<dyn Fn(Lifecycle) -> BoxFuture<'static, Result<Arc<dyn Any + Send + Sync>, Error>> + Send + Sync>;

/// All hooks of a server type. Those of one kind run one after the other, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) makes: Vec<Registered<MakeFn>>,
    /// Of plug-ins, each of which has one here and one in `end`.
    pub(crate) begin: Vec<Registered<HookFn<Lifecycle>>>,
    pub(crate) start: Vec<Registered<HookFn<Lifecycle>>>,
    pub(crate) started: Vec<Registered<HookFn<Lifecycle>>>,
    pub(crate) all_started: Vec<Registered<HookFn<Lifecycle>>>,
    pub(crate) stop: Vec<Registered<HookFn<Lifecycle>>>,
    pub(crate) drain: Vec<Registered<HookFn<Lifecycle>>>,
    pub(crate) stopped: Vec<Registered<HookFn<Lifecycle>>>,
    /// Of plug-ins, which end in the reverse order.
    pub(crate) end: Vec<Registered<HookFn<Lifecycle>>>,
    pub(crate) server_added: Vec<Registered<HookFn<ServerChange>>>,
    pub(crate) server_removed: Vec<Registered<HookFn<ServerChange>>>,
    pub(crate) session_bound: Vec<Registered<HookFn<SessionBound>>>,
    pub(crate) session_closed: Vec<Registered<HookFn<SessionClosed>>>,
    pub(crate) members_left: Vec<Registered<HookFn<MembersLeft>>>,
}
