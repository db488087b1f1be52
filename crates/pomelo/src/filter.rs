//! Filters: async functions around the handlers of a server, for what concerns all of them.

use std::{collections::HashMap, fmt, sync::Arc};

use bytes::Bytes;
use pomelo_rpc::BoxFuture;
use serde::Serialize;

use crate::{Error, Extract, Needs, Request, codec, handler::HandlerFn};

/// An async function around the handlers of a server: up to eight [extracted](Extract) arguments, then the
/// [`Request`] and what comes [next](Next). It sees the messages that this server handles, in the order of the
/// [`Server::filter`](crate::Server::filter) calls, the first outermost.
///
/// ```
/// use pomelo::{Error, Next, Request, Response};
///
/// async fn must_be_bound(request: Request, next: Next) -> Response {
///     match request.session().uid() {
///         Ok(_) => next.run(request).await, // code after this line runs after the handler
///         Err(error) => Response::error(error),
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "this function can't be a filter: it should be `async fn(arguments.., Request, Next) -> Response`",
    note = "the arguments before the request are extracted: Rpc, Channels, State<T>, Servers, Me, ..."
)]
pub trait Filter<Args>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, request: Request, next: Next) -> BoxFuture<'static, Response>;
    #[doc(hidden)]
    fn needs(needs: &mut Needs<'_>);
}

macro_rules! filters {
    ($($arg:ident $value:ident)*) => {
        impl<F, Fut, $($arg,)*> Filter<($($arg,)*)> for F
        where
            F: Fn($($arg,)* Request, Next) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Response> + Send + 'static,
            $($arg: Extract<Request>,)*
        {
            fn call(&self, request: Request, next: Next) -> BoxFuture<'static, Response> {
                $(let $value = match $arg::extract(&request) {
                    Ok(arg) => arg,
                    Err(error) => return Box::pin(async move { Response(Err(error)) }),
                };)*
                Box::pin(self($($value,)* request, next))
            }

            fn needs(needs: &mut Needs<'_>) {
                let _ = &needs;
                $($arg::needs(needs);)*
            }
        }
    };
}

filters!();
filters!(A1 a1);
filters!(A1 a1 A2 a2);
filters!(A1 a1 A2 a2 A3 a3);
filters!(A1 a1 A2 a2 A3 a3 A4 a4);
filters!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5);
filters!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6);
filters!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6 A7 a7);
filters!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6 A7 a7 A8 a8);

pub(crate) type FilterFn = Arc<dyn Fn(Request, Next) -> BoxFuture<'static, Response> + Send + Sync>;

pub(crate) fn filter_fn<Args, F: Filter<Args>>(filter: F) -> FilterFn {
    Arc::new(move |request, next| filter.call(request, next))
}

/// What a handler or a filter made of a request: the body of the response, or an error.
pub struct Response(Result<Bytes, Error>);

impl Response {
    /// A response with this body.
    pub fn json<T: Serialize + ?Sized>(body: &T) -> Self {
        Self(codec::to_client(body).map_err(Error::from))
    }

    /// A failure: logged, and `{"code":500}` for the client.
    pub fn error(error: impl Into<Error>) -> Self {
        Self(Err(error.into()))
    }

    /// The encoded body, if there was no error.
    pub fn body(&self) -> Option<&Bytes> {
        self.0.as_ref().ok()
    }

    /// The error, if there was one.
    pub fn err(&self) -> Option<&Error> {
        self.0.as_ref().err()
    }

    pub(crate) fn into_result(self) -> Result<Bytes, Error> {
        self.0
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The rest of the way of a request: the filters that come after, then the handler.
pub struct Next {
    table: Arc<HandlerTable>,
    filters_done: usize,
}

impl Next {
    /// Goes on with it.
    pub async fn run(self, request: Request) -> Response {
        let Self { table, filters_done } = self;
        match table.filters.get(filters_done) {
            Some(filter) => {
                let filter = Arc::clone(filter);
                filter(request, Next { table, filters_done: filters_done + 1 }).await
            }
            None => match table.handlers.get(request.route()) {
                Some(handler) => Response(handler(request).await),
                None => Response::error(NoHandler { route: request.route.to_string() }),
            },
        }
    }
}

/// All handlers of a server and the filters around them.
#[derive(Default)]
pub(crate) struct HandlerTable {
    pub(crate) handlers: HashMap<&'static str, HandlerFn>,
    pub(crate) filters: Vec<FilterFn>,
}

impl HandlerTable {
    /// Runs a request through filters and handler. An unknown route does not get as far as the filters.
    pub(crate) async fn run(self: &Arc<Self>, request: Request) -> Result<Bytes, Error> {
        if !self.handlers.contains_key(request.route()) {
            return Err(NoHandler { route: request.route.to_string() }.into());
        }
        Next { table: Arc::clone(self), filters_done: 0 }.run(request).await.into_result()
    }
}

/// Nobody registered this route.
#[derive(Debug, thiserror::Error)]
#[error("no handler for route {route:?}")]
struct NoHandler {
    route: String,
}

/// Whether this is the error of a request that nobody has a handler for.
pub(crate) fn is_unknown_route(error: &Error) -> bool {
    error.downcast_ref::<NoHandler>().is_some()
}
