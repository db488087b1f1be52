//! The channels of one server behind a lock, and the way their messages take.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock},
};

use bytes::Bytes;
use pomelo_protocol::ServerId;

use super::{
    Leavers,
    holder::{Holder, Message, Post},
    message::{Ask, CHANGE, Left, PUSH, PushHead},
    unreached::Unreached,
};
use crate::{CallError, codec, lock, rpc::Peers, servers::Directory, throttle::Throttle, wire};

pub(super) struct ChannelTable {
    pub(super) directory: Arc<Directory>,
    peers: Arc<dyn Peers>,
    /// Locked while messages are put on the links, so that they are there in the order of what is decided.
    holder: Mutex<Holder>,
    /// Is told who has left because they are gone; must return at once.
    gone: OnceLock<Box<dyn Fn(Vec<Leavers>) + Send + Sync>>,
    unsent: Throttle,
    unreached: Mutex<Unreached>,
}

impl ChannelTable {
    pub(super) fn new(life: u64, peers: Arc<dyn Peers>, directory: Arc<Directory>) -> Self {
        let holder = Mutex::new(Holder::new(life));
        let (unsent, unreached) = (Throttle::default(), Mutex::default());
        Self { directory, peers, holder, gone: OnceLock::new(), unsent, unreached }
    }

    /// Only the first call counts.
    pub(super) fn on_gone(&self, told: impl Fn(Vec<Leavers>) + Send + Sync + 'static) {
        let _ = self.gone.set(Box::new(told));
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&Holder) -> T) -> T {
        read(&lock(&self.holder))
    }

    pub(super) fn with<T>(&self, change: impl FnOnce(&mut Holder, &mut Mail<'_>) -> T) -> T {
        change(&mut lock(&self.holder), &mut Mail { table: self })
    }

    pub(super) fn left(&self, frontend: &ServerId, body: &[u8]) -> Result<(), rmp_serde::decode::Error> {
        let left: Left<'_> = codec::from_server(body)?;
        tracing::debug!(%frontend, ?left, "users are not there any more");
        let gone = self.with(|holder, mail| holder.left(frontend, &left, mail));
        self.tell(gone);
        Ok(())
    }

    pub(super) fn forget(&self, frontend: &ServerId) {
        let gone = self.with(|holder, _| holder.forget(frontend));
        if let Some(messages) = lock(&self.unreached).ended(frontend) {
            tracing::info!(%frontend, messages, "clients are not pushed to any more: their frontend did not come back");
        }
        if !gone.is_empty() {
            let (channels, users) = (gone.len(), gone.iter().map(|left| left.users.len()).sum::<usize>());
            tracing::info!(%frontend, channels, users, "users left their channels with their frontend");
        }
        self.tell(gone);
    }

    fn tell(&self, gone: Vec<Leavers>) {
        if let Some(told) = self.gone.get().filter(|_| !gone.is_empty()) {
            told(gone);
        }
    }

    pub(super) fn asked(&self, frontend: &ServerId, body: &[u8]) -> Result<(), rmp_serde::decode::Error> {
        let ask: Ask = codec::from_server(body)?;
        tracing::debug!(%frontend, ?ask, "asks who is in channels");
        self.with(|holder, mail| holder.asked(frontend, &ask, mail));
        Ok(())
    }
}

/// Puts messages on the links of this server.
pub(super) struct Mail<'a> {
    table: &'a ChannelTable,
}

impl Post for Mail<'_> {
    fn link(&mut self, to: &ServerId) -> Option<u64> {
        let mut unreached = lock(&self.table.unreached);
        match self.table.peers.link(to) {
            Ok(link) => {
                if let Some(messages) = unreached.ended(to) {
                    tracing::info!(frontend = %to, messages, "clients can be pushed to again");
                }
                Some(link)
            }
            Err(error) => {
                if unreached.missed(to) {
                    self.failed(to, "no way to a frontend", &error);
                }
                None
            }
        }
    }

    fn put(&mut self, to: &ServerId, link: u64, message: Message<'_>) -> bool {
        let (method, body) = match message {
            Message::Change(change) => (CHANGE, codec::to_server(change).map_err(CallError::from)),
            Message::Push(head, body) => (PUSH, join(head, body)),
        };
        let sent = body.and_then(|body| Ok(self.table.peers.send_over(to, link, method, body)?));
        sent.inspect_err(|error| self.failed(to, method, error)).is_ok()
    }
}

impl Mail<'_> {
    fn failed(&self, frontend: &ServerId, what: &str, error: &dyn fmt::Display) {
        if let Some(left_out) = self.table.unsent.admit() {
            tracing::warn!(%frontend, what, %error, left_out, "clients can't be pushed to");
        }
    }
}

fn join(head: &PushHead<'_>, body: &[u8]) -> Result<Bytes, CallError> {
    wire::join(head, body)
}
