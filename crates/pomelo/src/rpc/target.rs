//! Whom a call is for: [`Target`], and the [`Router`] that finds the server. Not here: the ways to choose among servers
//! (`servers::choice`).

use std::{collections::HashMap, sync::Arc};

use pomelo_protocol::ServerId;
use rustc_hash::FxHashMap;

use super::CallError;
use crate::{Servers, Session, servers::Directory};

/// Chooses the server of a type that handles a session's messages.
pub(crate) type RouteFn = Arc<dyn Fn(&Session, &Servers) -> Option<ServerId> + Send + Sync>;

/// Which server of the remote's type is meant. `&Session` and `&ServerId` stand for the first two.
///
/// ```
/// # use pomelo::{Remote, Result, Rpc, Session, Target};
/// # const JOIN: Remote<String, u32> = Remote::new("chat.chatRemote.join");
/// # const MATCH: Remote<(), String> = Remote::new("matcher.matchRemote.find");
/// async fn join(session: Session, rpc: Rpc, room: String) -> Result<u32> {
///     let opponent = rpc.call(MATCH, Target::LeastOutstanding, &()).await?;
///     rpc.send(JOIN, &session, &opponent)?;
///     Ok(rpc.call(JOIN, Target::Key(&room), &room).await?)
/// }
/// ```
///
/// Whose turn it is, and how many calls wait, each server process knows of itself only.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Target<'a> {
    /// As a message of this session's client would be routed: by the [route function](crate::App::route) of the type, else by
    /// the session's number.
    Session(&'a Session),
    /// This one.
    Server(&'a ServerId),
    /// The one that this key falls to: see [`Servers::by_hash`].
    Key(&'a str),
    /// Any.
    Random,
    /// One after the other.
    RoundRobin,
    /// Any, more often those with a higher `weight` in `servers.json`: see [`Servers::weighted`].
    Weighted,
    /// The one that owes this process the fewest answers.
    LeastOutstanding,
}

impl Target<'_> {
    /// Whether another server would do as well.
    pub(super) fn is_one(&self) -> bool {
        matches!(self, Self::Server(_))
    }
}

impl<'a> From<&'a Session> for Target<'a> {
    fn from(session: &'a Session) -> Self {
        Self::Session(session)
    }
}

impl<'a> From<&'a ServerId> for Target<'a> {
    fn from(server: &'a ServerId) -> Self {
        Self::Server(server)
    }
}

/// The route functions and what they choose from.
pub(crate) struct Router {
    functions: FxHashMap<String, RouteFn>,
    pub(super) directory: Arc<Directory>,
}

impl Router {
    pub(crate) fn new(functions: HashMap<String, RouteFn>, directory: Arc<Directory>) -> Self {
        Self { functions: functions.into_iter().collect(), directory }
    }

    /// The server of this type for this session, as if these servers had left already.
    pub(crate) fn pick_without(
        &self,
        server_type: &str,
        session: &Session,
        without: &[ServerId],
    ) -> Result<ServerId, CallError> {
        self.choose(server_type, Target::Session(session), without)
    }

    pub(super) fn choose(
        &self,
        server_type: &str,
        target: Target<'_>,
        without: &[ServerId],
    ) -> Result<ServerId, CallError> {
        if let Target::Server(server) = target {
            return Ok(server.clone());
        }
        let mut servers = self.directory.of_type(server_type);
        if !without.is_empty() {
            servers = servers.without(without);
        }
        let chosen = match target {
            _ if servers.is_empty() => None,
            Target::Session(session) => match self.functions.get(server_type) {
                None => {
                    let frontend = session.frontend();
                    servers.by_hash_of(frontend.as_str().bytes().chain(session.id().to_be_bytes()))
                }
                Some(function) => match function(session, &servers) {
                    Some(server) if servers.get(server.as_str()).is_none() => {
                        return Err(CallError::NotThere { server_type: server_type.to_owned(), server });
                    }
                    chosen => chosen,
                },
            },
            Target::Key(key) => servers.by_hash(key),
            Target::Random => servers.random(),
            Target::RoundRobin => servers.round_robin(),
            Target::Weighted => servers.weighted(),
            Target::LeastOutstanding => servers.least_outstanding(),
            Target::Server(server) => Some(server.clone()),
        };
        chosen.ok_or_else(|| CallError::NoServer { server_type: server_type.to_owned() })
    }
}
