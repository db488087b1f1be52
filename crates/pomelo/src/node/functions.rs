//! The functions an application registered, as what a node runs: by name, with their filters around them.

use std::sync::Arc;

use bytes::Bytes;
use pomelo_rpc::BoxFuture;
use rustc_hash::FxHashMap;

use crate::{
    RemoteCall, Request, Result, RouteError,
    filter::{Chain, FilterFn},
    handler::{HandlerFn, RemoteFn},
    server::Registered,
};

/// The application's filters; nothing if there are none.
pub(super) fn front(
    filters: Vec<Registered<FilterFn<Request>>>,
    end: impl Fn(&Request) -> BoxFuture<'static, Result<Bytes>> + Send + Sync + 'static,
) -> Option<Arc<Chain<Request>>> {
    (!filters.is_empty()).then(|| Chain::new(functions(filters), end))
}

/// Handlers and the filters around them.
pub(super) fn handlers(
    handlers: Vec<Registered<HandlerFn>>,
    filters: Vec<Registered<FilterFn<Request>>>,
) -> Arc<Chain<Request>> {
    let handlers: FxHashMap<_, _> = handlers.into_iter().map(|h| (h.name, h.function)).collect();
    Chain::new(functions(filters), move |request: &Request| match handlers.get(request.route()) {
        Some(handler) => handler(request),
        None => {
            let error = RouteError::NoHandler { route: request.route().to_owned() };
            Box::pin(async move { Err(error.into()) })
        }
    })
}

/// Remotes and the filters around them.
pub(super) fn remotes(
    remotes: Vec<Registered<RemoteFn>>,
    filters: Vec<Registered<FilterFn<RemoteCall>>>,
) -> Arc<Chain<RemoteCall>> {
    let remotes: FxHashMap<_, _> = remotes.into_iter().map(|r| (r.name, r.function)).collect();
    Chain::new(functions(filters), move |call: &RemoteCall| match remotes.get(call.route()) {
        Some(remote) => remote(call),
        None => {
            let error = RouteError::NoRemote { method: call.route().to_owned() };
            Box::pin(async move { Err(error.into()) })
        }
    })
}

fn functions<C>(filters: Vec<Registered<FilterFn<C>>>) -> Vec<FilterFn<C>> {
    filters.into_iter().map(|filter| filter.function).collect()
}
