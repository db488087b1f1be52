//! Arguments of handlers: what they may ask for, and how it is found.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    fmt,
    ops::Deref,
    path::Path,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use pomelo_protocol::{ServerId, ServerInfo};
use tokio::time::Instant;

use crate::{
    Channels, Error, Rpc, Servers, Session, Sessions, Users, connector::Body, handler::BodyError,
    servers::Directory,
};

/// An argument that a function called for a `C` can have: [`Request`] for handlers, [`RemoteCall`] for remotes, and for hooks
/// [`Lifecycle`](crate::Lifecycle), [`ServerChange`](crate::ServerChange), [`SessionBound`](crate::SessionBound) and
/// [`SessionClosed`](crate::SessionClosed).
///
/// An application can make its own out of the existing ones:
///
/// ```
/// use pomelo::{Context, Error, Extract, Needs, State};
///
/// struct Database;
/// struct Players(State<Database>);
///
/// impl<C: Context> Extract<C> for Players {
///     fn extract(context: &C) -> Result<Self, Error> {
///         Ok(Self(State::extract(context)?))
///     }
///
///     // Says at start-up already that the state is needed.
///     fn needs(needs: &mut Needs<'_>) {
///         <State<Database> as Extract<C>>::needs(needs);
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be an argument of a function that is called with a `{C}`",
    label = "not something that can be extracted here",
    note = "handlers can have: Session, Sessions, Rpc, Channels, State<T>, Servers, Me; remotes the same without Session, and Caller",
    note = "the message's body comes last and has the type that the route or remote names"
)]
pub trait Extract<C>: Sized {
    /// Takes it out of what is being handled. An error fails the request.
    fn extract(context: &C) -> Result<Self, Error>;

    /// Says what the server must have, so that a lack is found when it starts.
    fn needs(needs: &mut Needs<'_>) {
        let _ = needs;
    }
}

/// Something that is handled by a server: gives access to what every server has.
pub trait Context: Send + 'static {
    #[doc(hidden)]
    fn parts(&self) -> &Parts;

    /// When whoever waits for this stops waiting; see [`Deadline`](crate::Deadline).
    #[doc(hidden)]
    fn until(&self) -> Option<Instant> {
        None
    }
}

/// What every server has for its handlers.
#[doc(hidden)]
#[derive(Clone)]
pub struct Parts(pub(crate) Arc<PartsInner>);

pub(crate) struct PartsInner {
    pub(crate) me: Arc<ServerInfo>,
    pub(crate) game: Game,
    pub(crate) states: States,
    pub(crate) directory: Arc<Directory>,
    pub(crate) rpc: Rpc,
    pub(crate) channels: Channels,
    pub(crate) sessions: Option<Sessions>,
}

impl Parts {
    pub(crate) fn users(&self) -> Users {
        let PartsInner { directory, rpc, channels, .. } = &*self.0;
        Users {
            peers: Arc::clone(&rpc.peers),
            directory: Arc::clone(directory),
            channels: channels.clone(),
            deadline: rpc.deadline,
        }
    }
}

/// What filters can stand around: a message of a client ([`Request`]), or a call of a server ([`RemoteCall`]).
pub trait Incoming: Context {
    /// Which function is meant: `chat.chatHandler.send`. Of a client's message it may be anything at all.
    fn route(&self) -> &str;

    #[doc(hidden)]
    fn shared_route(&self) -> Arc<str>;

    /// Who asks, for the log.
    #[doc(hidden)]
    fn sender(&self) -> Box<dyn fmt::Debug + Send>;
}

/// A message of a client on its way through filters to its handler.
#[derive(Clone)]
pub struct Request {
    pub(crate) parts: Parts,
    pub(crate) route: Arc<str>,
    pub(crate) session: Session,
    pub(crate) body: Body,
    pub(crate) notify: bool,
    /// When the frontend that forwarded it stops waiting.
    pub(crate) until: Option<Instant>,
}

impl Request {
    /// Which handler is meant. At a frontend this is what the client wrote, whether there is such a handler or not.
    pub fn route(&self) -> &str {
        &self.route
    }

    /// Whose message it is.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What the client says, as JSON. Where the client writes protobuf this is what translates it, once; an error if it does
    /// not fit its definition.
    pub fn body(&self) -> Result<&Bytes, Error> {
        Ok(self.body.json().map_err(|error| BodyError::Protobuf(error.clone()))?)
    }

    /// Whether the client waits for no response.
    pub fn is_notify(&self) -> bool {
        self.notify
    }
}

/// A call from another server, or from this one to itself.
#[derive(Clone)]
pub struct RemoteCall {
    pub(crate) parts: Parts,
    pub(crate) from: ServerId,
    pub(crate) method: Arc<str>,
    pub(crate) body: Bytes,
    /// When the caller stops waiting.
    pub(crate) until: Option<Instant>,
}

impl RemoteCall {
    /// Which remote is meant.
    pub fn route(&self) -> &str {
        &self.method
    }

    /// The server that calls.
    pub fn from(&self) -> &ServerId {
        &self.from
    }
}

impl Context for Request {
    fn parts(&self) -> &Parts {
        &self.parts
    }

    fn until(&self) -> Option<Instant> {
        self.until
    }
}

impl Context for RemoteCall {
    fn parts(&self) -> &Parts {
        &self.parts
    }

    fn until(&self) -> Option<Instant> {
        self.until
    }
}

impl Incoming for Request {
    fn route(&self) -> &str {
        &self.route
    }

    fn shared_route(&self) -> Arc<str> {
        Arc::clone(&self.route)
    }

    fn sender(&self) -> Box<dyn fmt::Debug + Send> {
        Box::new(self.session.clone())
    }
}

impl Incoming for RemoteCall {
    fn route(&self) -> &str {
        &self.method
    }

    fn shared_route(&self) -> Arc<str> {
        Arc::clone(&self.method)
    }

    fn sender(&self) -> Box<dyn fmt::Debug + Send> {
        Box::new(self.from.clone())
    }
}

/// The client's session: in handlers, and in hooks for bound and closed sessions. A remote is called by a server, not by a client,
/// and has none.
impl Extract<Request> for Session {
    fn extract(request: &Request) -> Result<Self, Error> {
        Ok(request.session.clone())
    }
}

/// The server that calls, as an argument of remotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(pub ServerId);

impl Extract<RemoteCall> for Caller {
    fn extract(call: &RemoteCall) -> Result<Self, Error> {
        Ok(Self(call.from.clone()))
    }
}

impl<C: Context> Extract<C> for Sessions {
    fn extract(context: &C) -> Result<Self, Error> {
        context.parts().0.sessions.clone().ok_or_else(|| Error::msg("a backend has no sessions"))
    }

    fn needs(needs: &mut Needs<'_>) {
        if !needs.frontend {
            needs.missing.push("the sessions of a frontend, but has no connector".to_owned());
        }
    }
}

impl<C: Context> Extract<C> for Rpc {
    fn extract(context: &C) -> Result<Self, Error> {
        Ok(context.parts().0.rpc.until(context.until()))
    }
}

impl<C: Context> Extract<C> for Channels {
    fn extract(context: &C) -> Result<Self, Error> {
        Ok(context.parts().0.channels.clone())
    }
}

impl<C: Context> Extract<C> for Servers {
    fn extract(context: &C) -> Result<Self, Error> {
        Ok(context.parts().0.directory.now())
    }
}

/// This server, as an argument: its id, type and addresses.
#[derive(Clone, Debug)]
pub struct Me(pub Arc<ServerInfo>);

impl Deref for Me {
    type Target = ServerInfo;

    fn deref(&self) -> &ServerInfo {
        &self.0
    }
}

impl<C: Context> Extract<C> for Me {
    fn extract(context: &C) -> Result<Self, Error> {
        Ok(Self(Arc::clone(&context.parts().0.me)))
    }
}

/// Where the game's own files are, and which of their environments is meant, as an argument.
///
/// ```
/// # use pomelo::{Game, Result, Server};
/// # struct Maps(String);
/// async fn maps(game: Game) -> Result<Maps> {
///     let file = game.folder.join("config").join(format!("maps.{}.json", game.environment));
///     Ok(Maps(std::fs::read_to_string(file)?))
/// }
///
/// # let server = Server::default();
/// server.state_from(maps);
/// ```
#[derive(Clone, Debug)]
pub struct Game {
    /// The game's folder: where `config` is.
    pub folder: Arc<Path>,
    /// `development`, `production`, ...
    pub environment: Arc<str>,
}

impl<C: Context> Extract<C> for Game {
    fn extract(context: &C) -> Result<Self, Error> {
        Ok(context.parts().0.game.clone())
    }
}

/// Something the application gave to this server with [`Server::state`](crate::Server::state) or
/// [`Server::state_from`](crate::Server::state_from), found by its type and
/// shared by all its handlers. Cheap to clone.
pub struct State<T>(Arc<T>);

impl<T> State<T> {
    /// For tests that call a handler as a plain function.
    pub fn new(state: T) -> Self {
        Self(Arc::new(state))
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<C: Context, T: Send + Sync + 'static> Extract<C> for State<T> {
    fn extract(context: &C) -> Result<Self, Error> {
        let missing = || Error::msg(format!("this server has no state {}", type_name::<T>()));
        context.parts().0.states.get::<T>().map(Self).ok_or_else(missing)
    }

    fn needs(needs: &mut Needs<'_>) {
        if !needs.states.has::<T>() {
            needs.missing.push(format!("State<{0}>, add .state({0} {{ .. }})", short(type_name::<T>())));
        }
    }
}

/// `game::Limits` as `Limits`.
fn short(type_name: &str) -> &str {
    let generic = type_name.find('<').unwrap_or(type_name.len());
    type_name[..generic].rfind("::").map_or(type_name, |at| &type_name[at + 2..])
}

/// The states of one server, one a type; some are promised and made when the server starts.
#[derive(Default)]
pub(crate) struct States(HashMap<TypeId, OnceLock<Arc<dyn Any + Send + Sync>>>);

impl States {
    /// False if there was one of this type already.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, state: T) -> bool {
        let state: Arc<dyn Any + Send + Sync> = Arc::new(state);
        self.0.insert(TypeId::of::<T>(), OnceLock::from(state)).is_none()
    }

    /// There will be one of this type. False if there was one already.
    pub(crate) fn promise<T: Send + Sync + 'static>(&mut self) -> bool {
        self.0.insert(TypeId::of::<T>(), OnceLock::new()).is_none()
    }

    /// Keeps a promise.
    pub(crate) fn made(&self, state: Arc<dyn Any + Send + Sync>) {
        if let Some(place) = self.0.get(&(*state).type_id()) {
            // Each is made once, at the start.
            let _ = place.set(state);
        }
    }

    fn has<T: 'static>(&self) -> bool {
        self.0.contains_key(&TypeId::of::<T>())
    }

    fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.get(&TypeId::of::<T>())?.get().cloned().and_then(|state| state.downcast().ok())
    }
}

/// Collects what functions need and their server lacks, when it starts.
pub struct Needs<'a> {
    pub(crate) states: &'a States,
    pub(crate) frontend: bool,
    /// Each the end of a sentence "... needs ".
    pub(crate) missing: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_shortly_also_with_generics() {
        assert_eq!(short("game::area::Limits"), "Limits");
        assert_eq!(short("game::Pool<game::Db>"), "Pool<game::Db>");
        assert_eq!(short("u32"), "u32");
    }
}
