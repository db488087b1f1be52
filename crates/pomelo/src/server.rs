//! One server type, as the application describes it: its handlers, remotes, filters, hooks, state and connector.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Filter, Handler, Hook, Hybrid, Incoming, Needs, Remote, RemoteCall, Request, Route, SessionClosed,
    extract::States,
    filter::{FilterFn, filter_fn},
    handler::{HandlerFn, HookFn, RemoteFn, client_handler, hook_fn, server_handler},
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
    pub(crate) closed: Vec<Registered<HookFn<SessionClosed>>>,
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
            self.twice.push(format!("state {} is given twice", std::any::type_name::<T>()));
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

    /// A function that runs when a client of this frontend is gone, for whatever reason; its [`Session`](crate::Session)
    /// can still be read, not written. Several run one after the other.
    pub fn on_session_closed<Args, H: Hook<SessionClosed, Args>>(mut self, hook: H) -> Self {
        let function = hook_fn(hook);
        self.closed.push(Registered { name: "on_session_closed", function, needs: H::needs });
        self
    }
}

impl<C: Incoming> Registered<FilterFn<C>> {
    pub(crate) fn filter<Args, F: Filter<Args, C>>(name: &'static str, filter: F) -> Self {
        Self { name, function: filter_fn(filter), needs: F::needs }
    }
}
