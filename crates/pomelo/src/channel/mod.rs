//! Channels: named groups of users that are pushed to together. A channel lives in the memory of one server; other
//! servers reach it through a remote.
//!
//! Here is what an application sees. What frontends are told of a channel and when is decided in [`holder`].

mod error;
mod holder;
mod leavers;
pub(crate) mod message;
#[cfg(test)]
mod simulation;
mod table;
mod unreached;

use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};
use pomelo_protocol::ServerId;
use rustc_hash::FxBuildHasher;
use serde::Serialize;

pub use self::{
    error::ChannelError,
    leavers::{Leavers, MembersLeft},
};
use self::{
    holder::{Among, Pushing},
    message::To,
    table::ChannelTable,
};
use crate::{Push, UserId, codec, rpc::Peers, servers::Directory};

/// The channels of this server, as an argument of handlers, remotes and hooks.
///
/// ```
/// # use pomelo::{Channels, Push, Remote, Result, ServerId, UserId};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize)] struct Join { room: String, uid: UserId, frontend: ServerId }
/// const ADD: Remote<Join, Vec<UserId>> = Remote::new("chat.chatRemote.add");
/// const ON_ADD: Push<UserId> = Push::new("onAdd");
///
/// async fn add(channels: Channels, join: Join) -> Result<Vec<UserId>> {
///     let room = channels.channel(&join.room);
///     room.push(ON_ADD, &join.uid).await?;
///     room.add(join.uid, join.frontend)?;
///     Ok(room.members())
/// }
/// ```
///
/// # What arrives
///
/// Each push reaches each receiver at most once, and what one server pushes to one client arrives in the order in which it was
/// pushed, whichever of the functions here and of [`Session`](crate::Session) did it. What is under way when the link between
/// two servers breaks is lost. A message is encoded once, crosses the cluster once for each frontend concerned, and is put
/// into a client's frame once there.
///
/// # Limits
///
/// 1,000,000 channels a server, 100,000 members a channel; joining beyond fails. A message between two servers names at most
/// 128 KiB of users; more take several messages.
#[derive(Clone)]
pub struct Channels(Arc<ChannelTable>);

/// One channel of this server. It exists while it has members; asking for one that has none is no error.
#[derive(Clone)]
pub struct Channel {
    name: Arc<str>,
    table: Arc<ChannelTable>,
}

impl Channels {
    /// `life` is that of this server.
    pub(crate) fn new(life: u64, peers: Arc<dyn Peers>, directory: Arc<Directory>) -> Self {
        Self(Arc::new(ChannelTable::new(life, peers, directory)))
    }

    /// The channel of this name.
    pub fn channel(&self, name: &str) -> Channel {
        Channel { name: name.into(), table: Arc::clone(&self.0) }
    }

    /// How many channels have members.
    pub fn len(&self) -> usize {
        self.0.read(holder::Holder::len)
    }

    /// Whether no channel has members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sends a message to users that need not be in a channel, each named with the frontend that holds its connection. Users
    /// that are not there any more get nothing.
    pub async fn push_to_users<'a, Msg: Serialize>(
        &self,
        users: impl IntoIterator<Item = (&'a UserId, &'a ServerId)>,
        push: Push<Msg>,
        message: &Msg,
    ) -> Result<(), ChannelError> {
        self.send_to_users(users, push, message).map(drop)
    }

    /// The same. Answers which frontends it could not be sent to.
    pub(crate) fn send_to_users<'a, Msg: Serialize>(
        &self,
        users: impl IntoIterator<Item = (&'a UserId, &'a ServerId)>,
        push: Push<Msg>,
        message: &Msg,
    ) -> Result<Vec<ServerId>, ChannelError> {
        let body = codec::to_client(message)?;
        let pushing = Pushing { route: push.name(), body: &body };
        // Of a push to thousands this is most of the cost. Servers' names are nobody's choice outside, users' may be.
        let mut frontends: IndexMap<&ServerId, IndexSet<&UserId>, FxBuildHasher> = IndexMap::default();
        for (uid, frontend) in users {
            frontends.entry(frontend).or_default().insert(uid);
        }
        self.0.with(|holder, mail| {
            let mut send = |frontend: &ServerId, users: &IndexSet<&UserId>| {
                holder.push_to_users(frontend, users.iter().map(|uid| uid.as_str()), pushing, mail)
            };
            frontends.retain(|frontend, users| !send(frontend, users));
        });
        Ok(frontends.into_keys().cloned().collect())
    }

    /// Sends a message to every client that is connected to a server of this type, also to those that no user has been bound
    /// to yet. Nothing happens if there is no such server.
    ///
    /// ```
    /// # use pomelo::{Channels, Push, Result};
    /// const ON_NOTICE: Push<String> = Push::new("onNotice");
    ///
    /// async fn announce(channels: Channels, text: String) -> Result<()> {
    ///     Ok(channels.broadcast("connector", ON_NOTICE, &text).await?)
    /// }
    /// ```
    pub async fn broadcast<Msg: Serialize>(
        &self,
        server_type: &str,
        push: Push<Msg>,
        message: &Msg,
    ) -> Result<(), ChannelError> {
        self.broadcast_to(server_type, &To::All, push, message)
    }

    /// As [`broadcast`](Self::broadcast), but only to clients that a user has been bound to: `binded` of the original.
    pub async fn broadcast_to_bound<Msg: Serialize>(
        &self,
        server_type: &str,
        push: Push<Msg>,
        message: &Msg,
    ) -> Result<(), ChannelError> {
        self.broadcast_to(server_type, &To::Bound, push, message)
    }

    fn broadcast_to<Msg: Serialize>(
        &self,
        server_type: &str,
        to: &To<'_>,
        push: Push<Msg>,
        message: &Msg,
    ) -> Result<(), ChannelError> {
        let body = codec::to_client(message)?;
        let pushing = Pushing { route: push.name(), body: &body };
        let servers = self.0.directory.now().of_type(server_type);
        self.0.with(|holder, mail| {
            for server in servers.iter().filter(|server| server.frontend) {
                holder.broadcast(&server.id, to.clone(), pushing, mail);
            }
        });
        Ok(())
    }

    /// Takes users out of channels because their frontend says that they have left.
    pub(crate) fn left(&self, frontend: &ServerId, body: &[u8]) -> Result<(), rmp_serde::decode::Error> {
        self.0.left(frontend, body)
    }

    /// A frontend wants to be told who is in some channels.
    pub(crate) fn asked(&self, frontend: &ServerId, body: &[u8]) -> Result<(), rmp_serde::decode::Error> {
        self.0.asked(frontend, body)
    }

    /// Takes all users of a frontend out of all channels: it has left the cluster.
    pub(crate) fn forget(&self, frontend: &ServerId) {
        self.0.forget(frontend);
    }

    /// Tells this who has left because they are gone, from now on; only the first call counts. It must return at once.
    pub(crate) fn on_gone(&self, told: impl Fn(Vec<Leavers>) + Send + Sync + 'static) {
        self.0.on_gone(told);
    }

    /// Tells frontends again what they may have missed; to be called now and then.
    pub(crate) fn tend(&self) {
        self.0.with(|holder, mail| holder.tend(mail));
    }
}

impl Channel {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes a user a member, reached through this frontend, by all its sessions there. `false` if it is one already.
    ///
    /// The user leaves by itself when the last of these sessions ends, or with the frontend itself: an application takes nobody
    /// out whose client is gone, and [hears](crate::Server::on_members_left) of it. So the session should be bound before: a user
    /// that has none is taken out again as soon as the frontend has said so.
    pub fn add(&self, uid: UserId, frontend: ServerId) -> Result<bool, ChannelError> {
        self.table.with(|holder, mail| holder.add(&self.name, uid, frontend, mail))
    }

    /// Takes a user out that stays connected: with all its sessions at this frontend. Nothing happens if it is no member. When a
    /// session closes nothing is to be done: the user may have come back with another one, which would be taken out with this.
    pub fn leave(&self, uid: &UserId, frontend: &ServerId) {
        self.table.with(|holder, mail| holder.leave(&self.name, uid, frontend, mail));
    }

    /// The members, by frontend and then by id.
    pub fn members(&self) -> Vec<UserId> {
        self.table.read(|holder| holder.members(&self.name).map(|(_, uid)| uid.clone()).collect())
    }

    /// The frontend a member is reached through, if the user is a member.
    pub fn frontend_of(&self, uid: &UserId) -> Option<ServerId> {
        self.table.read(|holder| holder.frontend_of(&self.name, uid).cloned())
    }

    /// How many members.
    pub fn len(&self) -> usize {
        self.table.read(|holder| holder.members_len(&self.name))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sends all members a message, each at most once and in the order of the pushes. The message is encoded once; one
    /// message goes to each frontend, whatever the number of members. A frontend that can't be reached is logged and does
    /// not keep the others from theirs; an error says that the message can't be encoded.
    pub async fn push<Msg: Serialize>(&self, push: Push<Msg>, message: &Msg) -> Result<(), ChannelError> {
        self.push_among(&Among::All, push, message)
    }

    /// Sends a message to those of these users that are members.
    pub async fn push_to<'a, Msg: Serialize>(
        &self,
        users: impl IntoIterator<Item = &'a UserId>,
        push: Push<Msg>,
        message: &Msg,
    ) -> Result<(), ChannelError> {
        self.push_among(&Among::Only(users.into_iter().collect()), push, message)
    }

    /// Sends a message to all members but these.
    pub async fn push_except<'a, Msg: Serialize>(
        &self,
        users: impl IntoIterator<Item = &'a UserId>,
        push: Push<Msg>,
        message: &Msg,
    ) -> Result<(), ChannelError> {
        self.push_among(&Among::Except(users.into_iter().collect()), push, message)
    }

    fn push_among<Msg: Serialize>(
        &self,
        among: &Among<'_>,
        push: Push<Msg>,
        message: &Msg,
    ) -> Result<(), ChannelError> {
        let body = codec::to_client(message)?;
        let pushing = Pushing { route: push.name(), body: &body };
        self.table.with(|holder, mail| holder.push(&self.name, among, pushing, mail));
        Ok(())
    }
}
