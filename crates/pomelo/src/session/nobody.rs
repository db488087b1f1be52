//! A session table of a server that knows no others, for tests.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use pomelo_protocol::ServerId;
use pomelo_rpc::{BoxFuture, ErrorKind, RpcError, Who};

use super::SessionTable;
use crate::rpc::Peers;

impl SessionTable {
    /// Tells nobody who leaves.
    pub(crate) fn alone(me: &str, life: u64) -> Arc<Self> {
        Self::new(ServerId::new(me).unwrap(), life, Default::default(), Arc::new(Nobody))
    }
}

/// Nobody is linked; what is sent is lost.
struct Nobody;

impl Peers for Nobody {
    fn call(
        &self,
        server: &ServerId,
        _method: &str,
        _body: Bytes,
        _deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RpcError>> {
        let error =
            RpcError { server: server.clone(), who: Who::Local, retry: true, kind: ErrorKind::UnknownServer };
        Box::pin(async move { Err(error) })
    }

    fn send(&self, _server: &ServerId, _method: &str, _body: Bytes) -> Result<(), RpcError> {
        Ok(())
    }

    fn link(&self, _server: &ServerId) -> Result<u64, RpcError> {
        Ok(1)
    }

    fn present(&self, _server: &ServerId) -> Option<u64> {
        None
    }

    fn send_over(&self, _server: &ServerId, _link: u64, _method: &str, _body: Bytes) -> Result<(), RpcError> {
        Ok(())
    }
}
