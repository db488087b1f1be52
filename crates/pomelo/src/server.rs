//! One server type, as the application describes it: its handlers, remotes, filters, hooks, state and connector.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Filter, Handler, Hook, Hybrid, Needs, Remote, RemoteCall, Request, Route, SessionClosed,
    extract::States,
    filter::{FilterFn, filter_fn},
    handler::{ClosedFn, HandlerFn, RemoteFn, client_handler, closed_hook, server_handler},
};

/// What servers of one type do; built in [`App::server`](crate::App::server). The order of the calls does not matter,
/// except for filters among each other.
#[derive(Default)]
pub struct Server {
    pub(crate) connector: Option<Hybrid>,
    pub(crate) handlers: Vec<Registered<HandlerFn>>,
    pub(crate) remotes: Vec<Registered<RemoteFn>>,
    pub(crate) filters: Vec<Registered<FilterFn>>,
    pub(crate) closed: Vec<Registered<ClosedFn>>,
    pub(crate) states: States,
    pub(crate) twice: Vec<String>,
}

/// A function, its name and what it needs.
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

    /// The function for a route. Messages of one session are handled one after the other.
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
        self.handlers.push(Registered { name: route.name(), function, needs: H::needs });
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

    /// A function around all handlers, see [`Filter`].
    pub fn filter<Args, F: Filter<Args>>(mut self, filter: F) -> Self {
        self.filters.push(Registered { name: "a filter", function: filter_fn(filter), needs: F::needs });
        self
    }

    /// A function that runs when a client of this frontend is gone, for whatever reason; its [`Session`](crate::Session)
    /// can still be read, not written. Several run one after the other.
    pub fn on_session_closed<Args, H: Hook<SessionClosed, Args>>(mut self, hook: H) -> Self {
        let function = closed_hook(hook);
        self.closed.push(Registered { name: "on_session_closed", function, needs: H::needs });
        self
    }
}
