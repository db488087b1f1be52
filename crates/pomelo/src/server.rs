//! One server type, as the application describes it: its handlers, remotes, filters, hooks, state and connector.

use std::any::type_name;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Context, Filter, Handler, Hook, Hybrid, Incoming, Lifecycle, MembersLeft, Needs, Remote, RemoteCall,
    Request, Route, ServerChange, SessionBound, SessionClosed,
    extract::States,
    filter::{FilterFn, filter_fn},
    handler::{HandlerFn, HookFn, RemoteFn, client_handler, hook_fn, make_fn, server_handler},
    lifecycle::Hooks,
    schedule::Crons,
    types::Signature,
};

/// What servers of one type do; built in [`App::server`](crate::App::server). The order of the calls does not matter,
/// except for filters among each other.
#[derive(Default)]
pub struct Server {
    pub(crate) connector: Option<Hybrid>,
    pub(crate) handlers: Vec<Registered<HandlerFn>>,
    pub(crate) concurrent: Vec<&'static str>,
    pub(crate) remotes: Vec<Registered<RemoteFn>>,
    /// The application's, around all messages of the clients of a frontend.
    pub(crate) front_filters: Vec<Registered<FilterFn<Request>>>,
    pub(crate) filters: Vec<Registered<FilterFn<Request>>>,
    pub(crate) remote_filters: Vec<Registered<FilterFn<RemoteCall>>>,
    pub(crate) hooks: Hooks,
    pub(crate) crons: Crons,
    pub(crate) states: States,
    /// For whoever asks what there is.
    pub(crate) signatures: Vec<Signature>,
    pub(crate) twice: Vec<String>,
}

/// A function, its name and what it needs.
#[derive(Clone)]
pub(crate) struct Registered<F> {
    pub(crate) name: &'static str,
    pub(crate) function: F,
    pub(crate) needs: fn(&mut Needs<'_>),
}

impl Server {
    /// Makes it a frontend: clients connect to it as the settings say.
    pub fn connector(mut self, connector: Hybrid) -> Self {
        if self.connector.replace(connector).is_some() {
            self.twice.push("connector is set twice".to_owned());
        }
        self
    }

    /// The function for a route. Messages of one session are handled one after the other, but for those to
    /// [`concurrent`](Self::concurrent) routes.
    ///
    /// ```
    /// # use pomelo::{Result, Route, Server};
    /// const ECHO: Route<String, String> = Route::new("chat.chatHandler.echo");
    ///
    /// async fn echo(text: String) -> Result<String> {
    ///     Ok(text)
    /// }
    ///
    /// # let server = Server::default();
    /// server.handler(ECHO, echo);
    /// ```
    ///
    /// A function of other types does not compile:
    ///
    /// ```compile_fail
    /// # use pomelo::{Result, Route, Server};
    /// # const ECHO: Route<String, String> = Route::new("chat.chatHandler.echo");
    /// # let server = Server::default();
    /// server.handler(ECHO, |number: u32| async move { Result::<_, pomelo::Error>::Ok(number.to_string()) });
    /// ```
    pub fn handler<Args, Req, Res, H>(mut self, route: Route<Req, Res>, handler: H) -> Self
    where
        Req: DeserializeOwned + 'static,
        Res: Serialize + 'static,
        H: Handler<Request, Args, Req, Res>,
    {
        let function = client_handler(handler);
        self.signatures.push(Signature::handler::<Req, Res>(route.name()));
        self.handlers.push(Registered { name: route.name(), function, needs: H::needs });
        self
    }

    /// Says that messages to this route wait for no other message of their session, and no other waits for them: they are
    /// begun as soon as they come, and answered as soon as they are done. Without it messages of one session are handled one
    /// after the other, across servers too.
    ///
    /// For what takes long and changes nothing that the other handlers look at. How many of one session are in progress at
    /// once is limited ([`Hybrid::concurrent_messages_max`]).
    ///
    /// ```
    /// # use pomelo::{Result, Route, Server};
    /// const FIND: Route<String, Vec<String>> = Route::new("chat.searchHandler.find");
    ///
    /// async fn find(words: String) -> Result<Vec<String>> {
    ///     Ok(vec![words])
    /// }
    ///
    /// # let server = Server::default();
    /// server.handler(FIND, find).concurrent(FIND);
    /// ```
    pub fn concurrent<Req, Res>(mut self, route: Route<Req, Res>) -> Self {
        self.concurrent.push(route.name());
        self
    }

    /// The function other servers call by this name.
    pub fn remote<Args, Req, Res, H>(mut self, remote: Remote<Req, Res>, handler: H) -> Self
    where
        Req: DeserializeOwned + 'static,
        Res: Serialize + 'static,
        H: Handler<RemoteCall, Args, Req, Res>,
    {
        let function = server_handler(handler);
        self.signatures.push(Signature::remote::<Req, Res>(remote.name()));
        self.remotes.push(Registered { name: remote.name(), function, needs: H::needs });
        self
    }

    /// Something its functions can ask for as [`State<T>`](crate::State). One value a type.
    pub fn state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        if !self.states.insert(state) {
            self.twice.push(format!("state {} is given twice", type_name::<T>()));
        }
        self
    }

    /// A function around the handlers of this type, see [`Filter`]: the messages that servers of this type handle pass it,
    /// also those that another frontend forwarded, but not those that this type forwards. The first added is the outermost;
    /// around all of them, at the frontend, is [`App::filter`](crate::App::filter).
    pub fn filter<Args, F: Filter<Args>>(mut self, filter: F) -> Self {
        self.filters.push(Registered::filter("a filter", filter));
        self
    }

    /// A function around the remotes of this type, see [`Filter`]; inside those of
    /// [`App::remote_filter`](crate::App::remote_filter).
    pub fn remote_filter<Args, F: Filter<Args, RemoteCall>>(mut self, filter: F) -> Self {
        self.remote_filters.push(Registered::filter("a filter around remotes", filter));
        self
    }

    /// The same, made when the server starts: a connection to a database for one. The function may ask for what was given or
    /// made before it. One that fails, or takes longer than 60 s, refuses the start in its words.
    ///
    /// ```
    /// # use pomelo::{Me, Result, Route, Server, State};
    /// # struct Database;
    /// # impl Database { async fn connect(_: &str) -> Result<Self> { Ok(Self) } }
    /// # const ENTER: Route<String, ()> = Route::new("area.playerHandler.enter");
    /// async fn database(me: Me) -> Result<Database> {
    ///     Database::connect(&format!("mysql://db/game?client={}", me.id)).await
    /// }
    ///
    /// async fn enter(db: State<Database>, name: String) -> Result<()> {
    ///     Ok(())
    /// }
    ///
    /// # let server = Server::default();
    /// server.state_from(database).handler(ENTER, enter);
    /// ```
    pub fn state_from<Args, T, H>(mut self, make: H) -> Self
    where
        T: Send + Sync + 'static,
        H: Hook<Lifecycle, Args, T>,
    {
        if !self.states.promise::<T>() {
            self.twice.push(format!("state {} is given twice", type_name::<T>()));
        }
        let name = type_name::<T>();
        self.hooks.makes.push(Registered { name, function: make_fn(make), needs: H::needs });
        self
    }

    /// A function that runs before start-up: the ports are taken, but nobody is let in, and no other server knows of this one.
    /// One that fails, or takes longer than 60 s, refuses the start in its words.
    ///
    /// ```
    /// # use pomelo::{Error, Result, Server, State};
    /// # struct Rooms(Vec<String>);
    /// async fn check(rooms: State<Rooms>) -> Result<()> {
    ///     if rooms.0.is_empty() { Err(Error::msg("there are no rooms")) } else { Ok(()) }
    /// }
    ///
    /// # let server = Server::default();
    /// server.state(Rooms(vec!["lobby".into()])).on_start(check);
    /// ```
    pub fn on_start<Args, H: Hook<Lifecycle, Args>>(mut self, hook: H) -> Self {
        self.hooks.start.push(Registered::hook("on_start", hook));
        self
    }

    /// A function that runs once after start-up: the ports are open, and the masters are being told. Like all hooks but
    /// `on_start` and `state_from` it is dropped after 10 s, and an error is only logged.
    pub fn on_started<Args, H: Hook<Lifecycle, Args>>(mut self, hook: H) -> Self {
        self.hooks.started.push(Registered::hook("on_started", hook));
        self
    }

    /// A function that runs once when a master says that all servers of the configuration have started; soon, if this one
    /// comes later than the others.
    pub fn on_all_started<Args, H: Hook<Lifecycle, Args>>(mut self, hook: H) -> Self {
        self.hooks.all_started.push(Registered::hook("on_all_started", hook));
        self
    }

    /// A function that runs first when the server is asked to stop: it is still in the cluster, and its clients are there.
    /// How long it may take [`Drain`](crate::Drain) says.
    pub fn on_stop<Args, H: Hook<Lifecycle, Args>>(mut self, hook: H) -> Self {
        self.hooks.stop.push(Registered::hook("on_stop", hook));
        self
    }

    /// A function that saves or hands over what the server knows: it runs when the server has left the cluster and everything
    /// that was in progress is done, so that nothing changes any more. It can still call other servers. How long it may take
    /// [`Drain`](crate::Drain) says.
    ///
    /// ```
    /// # use pomelo::{Remote, Result, Rpc, Server, Servers, State};
    /// # struct Rooms(Vec<String>);
    /// const TAKE: Remote<Vec<String>, ()> = Remote::new("chat.chatRemote.take");
    ///
    /// async fn hand_over(rooms: State<Rooms>, servers: Servers, rpc: Rpc) -> Result<()> {
    ///     // This server is not among them any more.
    ///     let Some(heir) = servers.of_type("chat").iter().next().cloned() else { return Ok(()) };
    ///     Ok(rpc.call(TAKE, &heir.id, &rooms.0).await?)
    /// }
    ///
    /// # let server = Server::default();
    /// server.state(Rooms(Vec::new())).on_drain(hand_over);
    /// ```
    pub fn on_drain<Args, H: Hook<Lifecycle, Args>>(mut self, hook: H) -> Self {
        self.hooks.drain.push(Registered::hook("on_drain", hook));
        self
    }

    /// A function that runs last: nothing comes in or goes out any more. What was started in [`on_start`](Self::on_start)
    /// ends here, in the reverse order.
    pub fn on_stopped<Args, H: Hook<Lifecycle, Args>>(mut self, hook: H) -> Self {
        self.hooks.stopped.push(Registered::hook("on_stopped", hook));
        self
    }

    /// A function that runs for each other server that joins the cluster, [`Peer`](crate::Peer) in its arguments; also for those
    /// that are there when this one starts. A server that was started again is removed and added.
    ///
    /// ```
    /// # use pomelo::{Peer, Result, Server};
    /// async fn added(peer: Peer) -> Result<()> {
    ///     println!("{} of type {} is here", peer.id, peer.server_type);
    ///     Ok(())
    /// }
    ///
    /// # let server = Server::default();
    /// server.on_server_added(added);
    /// ```
    pub fn on_server_added<Args, H: Hook<ServerChange, Args>>(mut self, hook: H) -> Self {
        self.hooks.server_added.push(Registered::hook("on_server_added", hook));
        self
    }

    /// A function that runs for each other server that has left the cluster or died.
    pub fn on_server_removed<Args, H: Hook<ServerChange, Args>>(mut self, hook: H) -> Self {
        self.hooks.server_removed.push(Registered::hook("on_server_removed", hook));
        self
    }

    /// A function that runs when a session of this frontend has been [bound](crate::Session::bind) to its user, whoever did
    /// it. Nobody waits for it: it may still run when the next message of the session is handled, or the session is closed.
    ///
    /// ```
    /// # use pomelo::{Result, Server, Session};
    /// async fn bound(session: Session) -> Result<()> {
    ///     println!("{} is here", session.uid()?);
    ///     Ok(())
    /// }
    ///
    /// # let server = Server::default();
    /// server.on_session_bound(bound);
    /// ```
    pub fn on_session_bound<Args, H: Hook<SessionBound, Args>>(mut self, hook: H) -> Self {
        self.hooks.session_bound.push(Registered::hook("on_session_bound", hook));
        self
    }

    /// A function that runs when a client of this frontend is gone, for whatever reason; its [`Session`](crate::Session)
    /// can still be read, not written. Several run one after the other.
    ///
    /// Its user may have other sessions, a new one at this very connector too: [`Sessions::by_uid`](crate::Sessions::by_uid) lists
    /// those that are left here. Channels need nothing, see [`on_members_left`](Self::on_members_left).
    pub fn on_session_closed<Args, H: Hook<SessionClosed, Args>>(mut self, hook: H) -> Self {
        self.hooks.session_closed.push(Registered::hook("on_session_closed", hook));
        self
    }

    /// A function that runs when members of a channel of this server have left it because they are gone:
    /// [`Leavers`](crate::Leavers) in its arguments. That is when the last session of a user at its frontend has closed or been
    /// unbound, or when the frontend itself is gone; not after [`Channel::leave`](crate::Channel::leave). Nobody waits for it.
    ///
    /// ```
    /// # use pomelo::{Channels, Leavers, Push, Result, Server, UserId};
    /// const ON_LEAVE: Push<UserId> = Push::new("onLeave");
    ///
    /// async fn left(channels: Channels, leavers: Leavers) -> Result<()> {
    ///     let room = channels.channel(&leavers.channel);
    ///     for uid in &leavers.users {
    ///         room.push(ON_LEAVE, uid).await?;
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # let server = Server::default();
    /// server.on_members_left(left);
    /// ```
    ///
    /// A frontend that died takes its users out of the channels of other servers 10 s after the masters removed it from the
    /// cluster; later if applications may [drain](crate::Drain) longer. One that only lost its masters and is still linked to
    /// this server keeps them for 5 minutes.
    pub fn on_members_left<Args, H: Hook<MembersLeft, Args>>(mut self, hook: H) -> Self {
        self.hooks.members_left.push(Registered::hook("on_members_left", hook));
        self
    }
}

impl<C: Context> Registered<HookFn<C>> {
    pub(crate) fn hook<Args, H: Hook<C, Args>>(name: &'static str, hook: H) -> Self {
        Self { name, function: hook_fn(hook), needs: H::needs }
    }
}

impl<C: Incoming> Registered<FilterFn<C>> {
    pub(crate) fn filter<Args, F: Filter<Args, C>>(name: &'static str, filter: F) -> Self {
        Self { name, function: filter_fn(filter), needs: F::needs }
    }
}
