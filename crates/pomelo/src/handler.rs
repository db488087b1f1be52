//! Plain async functions as handlers, remotes and hooks: arguments that are extracted, then the body, if there is one.
//!
//! The whole machinery is the traits and the macro below; a registered function is kept as a closure from bytes to bytes.

use std::{any::Any, sync::Arc};

use bytes::Bytes;
use pomelo_protocol::protobuf::CodecError;
use pomelo_rpc::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Context, Error, Extract, Lifecycle, Needs, RemoteCall, Request, Result, codec, lifecycle::MakeFn,
};

/// An async function that answers a `Req` with a `Res`: up to eight arguments that can be [extracted](Extract) from a
/// `C`, then the `Req`; it ends with a `Result<Res, E>`, where `E` is any error.
///
/// Nobody implements or calls this; it says what [`Server::handler`](crate::Server::handler) and
/// [`Server::remote`](crate::Server::remote) take.
#[diagnostic::on_unimplemented(
    message = "this function can't answer the message: it should be `async fn(arguments.., {Req}) -> Result<{Res}>`",
    label = "expected an async function from `{Req}` to `Result<{Res}>`",
    note = "the last argument is the body and has the request type of the route",
    note = "the arguments before it are extracted: Rpc, Channels, State<T>, Servers, Me, ...; Session only for messages of clients",
    note = "the function must be `async`, its future `Send`, and it must end with a `Result` of the response type of the route"
)]
pub trait Handler<C, Args, Req, Res>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, context: &C, body: Req) -> impl Future<Output = Result<Res>> + Send + 'static;
    #[doc(hidden)]
    fn needs(needs: &mut Needs<'_>);
}

/// An async function that is called when something happens: up to eight arguments that can be [extracted](Extract) from a
/// `C`; it ends with a `Result<T, E>`, where `E` is any error and `T` is `()` mostly.
#[diagnostic::on_unimplemented(
    message = "this function can't be a hook: it should be `async fn(arguments..) -> Result<{T}>`",
    note = "all arguments are extracted: Session, Sessions, Rpc, Channels, State<T>, Servers, Me, ..."
)]
pub trait Hook<C, Args, T = ()>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, context: &C) -> BoxFuture<'static, Result<T>>;
    #[doc(hidden)]
    fn needs(needs: &mut Needs<'_>);
}

macro_rules! functions {
    ($($arg:ident $value:ident)*) => {
        impl<F, Fut, C, $($arg,)* Req, Res, E> Handler<C, ($($arg,)*), Req, Res> for F
        where
            F: Fn($($arg,)* Req) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Result<Res, E>> + Send + 'static,
            Res: Send + 'static,
            E: Into<Error>,
            $($arg: Extract<C>,)*
        {
            fn call(&self, context: &C, body: Req) -> impl Future<Output = Result<Res>> + Send + 'static {
                let _ = context;
                let begin = || Ok::<_, Error>(self($($arg::extract(context)?,)* body));
                let future = begin();
                async move { future?.await.map_err(Into::into) }
            }

            fn needs(needs: &mut Needs<'_>) {
                let _ = &needs;
                $($arg::needs(needs);)*
            }
        }

        impl<F, Fut, C, $($arg,)* T, E> Hook<C, ($($arg,)*), T> for F
        where
            F: Fn($($arg,)*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Result<T, E>> + Send + 'static,
            T: Send + 'static,
            E: Into<Error>,
            $($arg: Extract<C>,)*
        {
            fn call(&self, context: &C) -> BoxFuture<'static, Result<T>> {
                let _ = context;
                $(let $value = match $arg::extract(context) {
                    Ok(arg) => arg,
                    Err(error) => return Box::pin(async move { Err(error) }),
                };)*
                let future = self($($value,)*);
                Box::pin(async move { future.await.map_err(Into::into) })
            }

            fn needs(needs: &mut Needs<'_>) {
                let _ = &needs;
                $($arg::needs(needs);)*
            }
        }
    };
}

functions!();
functions!(A1 a1);
functions!(A1 a1 A2 a2);
functions!(A1 a1 A2 a2 A3 a3);
functions!(A1 a1 A2 a2 A3 a3 A4 a4);
functions!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5);
functions!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6);
functions!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6 A7 a7);
functions!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6 A7 a7 A8 a8);

/// A registered function.
pub(crate) type HandlerFn = Arc<dyn Fn(&Request) -> BoxFuture<'static, Result<Bytes>> + Send + Sync>;
pub(crate) type RemoteFn = Arc<dyn Fn(&RemoteCall) -> BoxFuture<'static, Result<Bytes>> + Send + Sync>;
/// A registered function for what happens as a `C` tells.
pub(crate) type HookFn<C> = Arc<dyn Fn(C) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// A body that is not what the route says. The text is for the log; the client gets code 500.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("request body does not fit its definition: {0}")]
    Protobuf(CodecError),
    #[error("request body does not fit its type: {0}")]
    Json(#[from] serde_json::Error),
    #[error("request of a server does not fit its type: {0}")]
    Server(#[from] rmp_serde::decode::Error),
}

pub(crate) fn client_handler<Args, Req, Res, H>(handler: H) -> HandlerFn
where
    Req: DeserializeOwned + 'static,
    Res: Serialize + 'static,
    H: Handler<Request, Args, Req, Res>,
{
    Arc::new(move |request: &Request| {
        let body = request.body().and_then(|json| Ok(codec::from_client(json).map_err(BodyError::from)?));
        let answer = body.map(|body| handler.call(request, body));
        Box::pin(async move { Ok(codec::to_client(&answer?.await?)?) })
    })
}

pub(crate) fn server_handler<Args, Req, Res, H>(handler: H) -> RemoteFn
where
    Req: DeserializeOwned + 'static,
    Res: Serialize + 'static,
    H: Handler<RemoteCall, Args, Req, Res>,
{
    Arc::new(move |call: &RemoteCall| {
        let body = codec::from_server(&call.body).map_err(BodyError::from);
        let answer = body.map(|body| handler.call(call, body));
        Box::pin(async move { Ok(codec::to_server(&answer?.await?)?) })
    })
}

pub(crate) fn hook_fn<Args, C: Context, H: Hook<C, Args>>(hook: H) -> HookFn<C> {
    Arc::new(move |context| hook.call(&context))
}

pub(crate) fn make_fn<Args, T, H>(make: H) -> MakeFn
where
    T: Send + Sync + 'static,
    H: Hook<Lifecycle, Args, T>,
{
    Arc::new(move |lifecycle| {
        let made = make.call(&lifecycle);
        Box::pin(async move { Ok(Arc::new(made.await?) as Arc<dyn Any + Send + Sync>) })
    })
}
