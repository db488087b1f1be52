//! The guardian's own session with the ensemble: opened long before it is needed, and used to delete a dead master's node.

use crate::coordinator::{BoxFuture, Guard, Obituary, StoreError};

pub(crate) struct ZooKeeperGuard;

impl ZooKeeperGuard {
    pub(crate) fn open(_: &Obituary) -> Self {
        Self
    }
}

impl Guard for ZooKeeperGuard {
    fn evict(&self, _: &Obituary) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async { Err(StoreError::Unavailable("not built yet".to_owned())) })
    }

    fn health(&self) -> String {
        "not built yet".to_owned()
    }
}
