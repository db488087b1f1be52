//! Filters: async functions around what a server handles, for what concerns all of it. Where each of them stands is told in
//! [`filters`](crate::filters), where the ready-made ones are.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use pomelo_rpc::BoxFuture;
use serde::Serialize;

use crate::{Error, Extract, Incoming, Needs, Request, Result, codec};

/// An async function around what a server handles: up to eight [extracted](Extract) arguments, then what came in (a
/// [`Request`], or a [`RemoteCall`](crate::RemoteCall) for filters around remotes) and what comes [next](Next).
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
///
/// Around remotes:
///
/// ```
/// use pomelo::{Caller, Error, Next, RemoteCall, Response};
///
/// async fn only_for_connectors(caller: Caller, call: RemoteCall, next: Next<RemoteCall>) -> Response {
///     if !caller.0.as_str().starts_with("connector") {
///         return Response::error(Error::msg("not for you").with_code(403));
///     }
///     next.run(call).await
/// }
/// ```
///
/// [`filters`](crate::filters) says which messages pass which filters.
#[diagnostic::on_unimplemented(
    message = "this function can't be a filter: it should be `async fn(arguments.., {C}, Next<{C}>) -> Response`",
    note = "the arguments before the last two are extracted: Rpc, Channels, State<T>, Servers, Me, ..."
)]
pub trait Filter<Args, C = Request>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, incoming: C, next: Next<C>) -> BoxFuture<'static, Response>;
    #[doc(hidden)]
    fn needs(needs: &mut Needs<'_>);
}

macro_rules! filters {
    ($($arg:ident $value:ident)*) => {
        impl<F, Fut, C, $($arg,)*> Filter<($($arg,)*), C> for F
        where
            F: Fn($($arg,)* C, Next<C>) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Response> + Send + 'static,
            C: Incoming,
            $($arg: Extract<C>,)*
        {
            fn call(&self, incoming: C, next: Next<C>) -> BoxFuture<'static, Response> {
                $(let $value = match $arg::extract(&incoming) {
                    Ok(arg) => arg,
                    Err(error) => return Box::pin(async move { Response(Err(error)) }),
                };)*
                Box::pin(self($($value,)* incoming, next))
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

pub(crate) type FilterFn<C> = Arc<dyn Fn(C, Next<C>) -> BoxFuture<'static, Response> + Send + Sync>;

pub(crate) fn filter_fn<Args, C: Incoming, F: Filter<Args, C>>(filter: F) -> FilterFn<C> {
    Arc::new(move |incoming, next| filter.call(incoming, next))
}

/// What became of a request or a call: the encoded result, or an error.
pub struct Response(Result<Bytes>);

impl Response {
    /// A response to a client with this body. A server that called expects what its remote answers, and could not read
    /// this.
    pub fn json<T: Serialize + ?Sized>(body: &T) -> Self {
        Self(codec::to_client(body).map_err(Error::from))
    }

    /// A failure: logged, and told to the client as [`App::on_error`](crate::App::on_error) says; `{"code":500}` if that
    /// says nothing.
    pub fn error(error: impl Into<Error>) -> Self {
        Self(Err(error.into()))
    }

    /// The encoded body, if there was no error.
    pub fn body(&self) -> Option<&Bytes> {
        self.0.as_ref().ok()
    }

    /// The error, if there was one. Of a message that was forwarded, the other server has logged it already, and only its
    /// [code](Error::code) is known here.
    pub fn err(&self) -> Option<&Error> {
        self.0.as_ref().err()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The rest of the way of a request or a call: the filters that come after, then the function.
pub struct Next<C = Request> {
    chain: Arc<Chain<C>>,
    filters_done: usize,
}

impl<C: Incoming> Next<C> {
    /// Goes on with it.
    pub async fn run(self, incoming: C) -> Response {
        let Self { chain, filters_done } = self;
        match chain.filters.get(filters_done) {
            Some(filter) => {
                let filter = Arc::clone(filter);
                filter(incoming, Self { chain, filters_done: filters_done + 1 }).await
            }
            None => Response(chain.finish(incoming).await),
        }
    }
}

type End<C> = Box<dyn Fn(&C) -> BoxFuture<'static, Result<Bytes>> + Send + Sync>;

/// Filters, and what they stand around.
pub(crate) struct Chain<C> {
    filters: Vec<FilterFn<C>>,
    end: End<C>,
}

impl<C: Incoming + Clone + Sync> Chain<C> {
    pub(crate) fn new(
        filters: Vec<FilterFn<C>>,
        end: impl Fn(&C) -> BoxFuture<'static, Result<Bytes>> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { filters, end: Box::new(end) })
    }

    /// Runs something through all of it. Only filters need an own copy.
    pub(crate) async fn run(self: &Arc<Self>, incoming: &C) -> Result<Bytes> {
        if self.filters.is_empty() {
            return (self.end)(incoming).await;
        }
        Next { chain: Arc::clone(self), filters_done: 0 }.run(incoming.clone()).await.0
    }
}

impl<C: Incoming> Chain<C> {
    /// Behind the filters. Nothing is kept of what came in while its function runs.
    fn finish(&self, incoming: C) -> BoxFuture<'static, Result<Bytes>> {
        (self.end)(&incoming)
    }
}
