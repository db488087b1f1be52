//! Channels: named groups of users that are pushed to together. A channel lives in the memory of one server; other
//! servers reach it through a remote.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use pomelo_protocol::ServerId;
use serde::Serialize;

use crate::{Push, UserId, codec, lock, rpc::Peers, throttle::Throttle, wire};

/// Most channels one server has at a time; adding to one more fails.
const CHANNELS_MAX: usize = 1_000_000;
/// Most members of one channel; adding one more fails.
const MEMBERS_MAX: usize = 100_000;
/// Most bytes of names in one message to a frontend, so that it fits a link's frame together with what is pushed; a push
/// to more users goes out in several.
const NAMES_BYTES_PER_PUSH: usize = 128 * 1024;

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
#[derive(Clone)]
pub struct Channels(Arc<ChannelTable>);

/// One channel of this server. It exists while it has members; asking for one that has none is no error.
#[derive(Clone)]
pub struct Channel {
    name: Arc<str>,
    table: Arc<ChannelTable>,
}

/// Why a channel could not be joined or pushed to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// The server has its full number of channels.
    #[error("no room for channel {name:?}: there are {CHANNELS_MAX} already")]
    TooManyChannels {
        /// The channel that would have been made.
        name: String,
    },
    /// The channel has its full number of members.
    #[error("no room in channel {name:?}: it has {MEMBERS_MAX} members already")]
    Full {
        /// The channel.
        name: String,
    },
    /// The message has no JSON form.
    #[error("message can't be encoded")]
    Encode(#[from] serde_json::Error),
}

impl Channels {
    pub(crate) fn new(peers: Arc<dyn Peers>) -> Self {
        Self(Arc::new(ChannelTable { peers, channels: Mutex::default(), unsent: Throttle::default() }))
    }

    /// The channel of this name.
    pub fn channel(&self, name: &str) -> Channel {
        Channel { name: name.into(), table: Arc::clone(&self.0) }
    }

    /// How many channels have members.
    pub fn len(&self) -> usize {
        lock(&self.0.channels).len()
    }

    /// Whether no channel has members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes users out of a channel because their frontend says they are not there. Their other channels hear of it when
    /// they are pushed to: to look through all of them for each user that leaves would cost a large server too much.
    pub(crate) fn absent(&self, channel: &str, frontend: &ServerId, users: &[&str]) {
        let channel = self.channel(channel);
        users.iter().for_each(|uid| channel.remove(uid, frontend));
    }

    /// Takes all users of a frontend out of all channels: it has left the cluster.
    pub(crate) fn forget(&self, frontend: &ServerId) {
        let mut users = 0;
        lock(&self.0.channels).retain(|_, members| {
            users += members.frontends.remove(frontend).map_or(0, |users| users.len());
            !members.is_empty()
        });
        if users > 0 {
            tracing::info!(%frontend, users, "users left their channels with their frontend");
        }
    }
}

impl Channel {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes a user a member, reached through this frontend. `false` if it is one already. The user's session should be
    /// bound: a frontend that is to push to a user it does not know says so, and the user is taken out again.
    pub fn add(&self, uid: UserId, frontend: ServerId) -> Result<bool, ChannelError> {
        let mut channels = lock(&self.table.channels);
        if channels.len() >= CHANNELS_MAX && !channels.contains_key(&self.name) {
            return Err(ChannelError::TooManyChannels { name: self.name.to_string() });
        }
        let members = channels.entry(Arc::clone(&self.name)).or_default();
        let is_member = members.frontends.get(&frontend).is_some_and(|users| users.contains(&uid));
        if members.len() >= MEMBERS_MAX && !is_member {
            return Err(ChannelError::Full { name: self.name.to_string() });
        }
        Ok(members.frontends.entry(frontend).or_default().insert(uid))
    }

    /// Takes a user out. Nothing happens if it is no member.
    pub fn leave(&self, uid: &UserId, frontend: &ServerId) {
        self.remove(uid.as_str(), frontend);
    }

    fn remove(&self, uid: &str, frontend: &ServerId) {
        let mut channels = lock(&self.table.channels);
        if let Some(members) = channels.get_mut(&self.name) {
            members.leave(uid, frontend);
            if members.is_empty() {
                channels.remove(&self.name);
            }
        }
    }

    /// The members, by frontend and then by id.
    pub fn members(&self) -> Vec<UserId> {
        self.read(|members| members.frontends.values().flatten().cloned().collect())
    }

    /// The frontend a member is reached through, if the user is a member.
    pub fn frontend_of(&self, uid: &UserId) -> Option<ServerId> {
        self.read(|members| {
            members.frontends.iter().find(|(_, users)| users.contains(uid)).map(|(id, _)| id.clone())
        })
    }

    /// How many members.
    pub fn len(&self) -> usize {
        self.read(Members::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.read(Members::is_empty)
    }

    /// Sends all members a message, each at most once and in the order of the pushes. The message is encoded once; one
    /// message goes to each frontend. A frontend that can't be reached is logged and does not keep the others from
    /// theirs; an error says that the message can't be encoded.
    pub async fn push<Msg: Serialize>(&self, push: Push<Msg>, message: &Msg) -> Result<(), ChannelError> {
        self.push_where(push.name(), message, |_| true)
    }

    /// Sends a message to those of these users that are members.
    pub async fn push_to<'a, Msg: Serialize>(
        &self,
        users: impl IntoIterator<Item = &'a UserId>,
        push: Push<Msg>,
        message: &Msg,
    ) -> Result<(), ChannelError> {
        let users: BTreeSet<_> = users.into_iter().collect();
        self.push_where(push.name(), message, |uid| users.contains(uid))
    }

    fn push_where<Msg: Serialize>(
        &self,
        route: &str,
        message: &Msg,
        wanted: impl Fn(&UserId) -> bool,
    ) -> Result<(), ChannelError> {
        let body = codec::to_client(message)?;
        let receivers: Vec<(ServerId, Vec<UserId>)> = self.read(|members| {
            let chosen = |(id, users): (&ServerId, &BTreeSet<UserId>)| {
                (id.clone(), users.iter().filter(|uid| wanted(uid)).cloned().collect())
            };
            members.frontends.iter().map(chosen).collect()
        });
        for (frontend, users) in receivers {
            let mut users = &users[..];
            while !users.is_empty() {
                let (named, others) = users.split_at(portion(users));
                self.table.send(&frontend, route, &self.name, named, &body);
                users = others;
            }
        }
        Ok(())
    }

    fn read<T>(&self, read: impl FnOnce(&Members) -> T) -> T {
        let channels = lock(&self.table.channels);
        read(channels.get(&self.name).unwrap_or(&Members::default()))
    }
}

/// How many of these users are named in one message: as many as fit, but one at least.
fn portion(users: &[UserId]) -> usize {
    // A text of MessagePack has up to five bytes in front.
    let bytes = |uid: &UserId| uid.as_str().len() + 5;
    let sums = users.iter().scan(0, |sum, uid| {
        *sum += bytes(uid);
        Some(*sum)
    });
    sums.take_while(|&sum| sum <= NAMES_BYTES_PER_PUSH).count().max(1)
}

struct ChannelTable {
    peers: Arc<dyn Peers>,
    channels: Mutex<HashMap<Arc<str>, Members>>,
    unsent: Throttle,
}

impl ChannelTable {
    fn send(&self, frontend: &ServerId, route: &str, channel: &str, users: &[UserId], body: &Bytes) {
        let head = wire::PushHead { route, channel, users: users.iter().map(UserId::as_str).collect() };
        let sent =
            wire::join(&head, body).and_then(|body| Ok(self.peers.send(frontend, wire::PUSH, body)?));
        if let Err(error) = sent
            && let Some(left_out) = self.unsent.admit()
        {
            tracing::warn!(%frontend, route, users = users.len(), %error, left_out, "push not sent");
        }
    }
}

/// Who is in a channel. No frontend without a member.
#[derive(Default)]
struct Members {
    frontends: BTreeMap<ServerId, BTreeSet<UserId>>,
}

impl Members {
    fn leave(&mut self, uid: &str, frontend: &ServerId) {
        if let Some(users) = self.frontends.get_mut(frontend) {
            users.remove(uid);
            if users.is_empty() {
                self.frontends.remove(frontend);
            }
        }
    }

    fn len(&self) -> usize {
        self.frontends.values().map(BTreeSet::len).sum()
    }

    fn is_empty(&self) -> bool {
        self.frontends.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Stage;

    const ON_CHAT: Push<u32> = Push::new("onChat");

    fn id(n: u32) -> ServerId {
        ServerId::new(format!("connector-server-{n}")).unwrap()
    }

    #[test]
    fn joining_twice_is_being_a_member_once_and_an_empty_channel_is_gone() {
        let stage = Stage::new("chat-server-1");
        let channels = stage.channels();
        let room = channels.channel("room1");
        let alice = UserId::from("alice");
        assert!(room.add(alice.clone(), id(1)).unwrap());
        assert!(!room.add(alice.clone(), id(1)).unwrap());
        assert_eq!((room.len(), channels.len()), (1, 1));
        assert_eq!(channels.channel("room1").frontend_of(&alice), Some(id(1)));
        room.leave(&alice, &id(2));
        assert_eq!(room.len(), 1);
        room.leave(&alice, &id(1));
        assert!(room.is_empty() && channels.is_empty());
        room.leave(&alice, &id(1));
    }

    #[tokio::test]
    async fn a_push_is_one_message_to_each_frontend() {
        let stage = Stage::new("chat-server-1");
        let room = stage.channels().channel("room1");
        for (user, frontend) in [("alice", 1), ("bob", 2), ("carol", 1)] {
            room.add(UserId::from(user), id(frontend)).unwrap();
        }
        room.push(ON_CHAT, &7).await.unwrap();
        room.push_to([&UserId::from("bob"), &UserId::from("nobody")], ON_CHAT, &8).await.unwrap();
        let pushed = stage.pushed(ON_CHAT);
        let seen: Vec<_> = pushed.iter().map(|p| (p.frontend.as_str(), p.users.len(), p.message)).collect();
        assert_eq!(
            seen,
            [("connector-server-1", 2, 7), ("connector-server-2", 1, 7), ("connector-server-2", 1, 8)]
        );
    }

    #[tokio::test]
    async fn a_push_to_many_users_with_long_names_fits_the_links() {
        let stage = Stage::new("chat-server-1");
        let room = stage.channels().channel("room1");
        for n in 0..10_000 {
            room.add(UserId::from(format!("{n:0>200}")), id(1)).unwrap();
        }
        room.push(ON_CHAT, &7).await.unwrap();
        let bytes: Vec<_> = stage.pushed(ON_CHAT).iter().map(|p| p.users.len() * 202).collect();
        assert_eq!(bytes.iter().sum::<usize>(), 10_000 * 202, "each user is named once");
        assert!(bytes.iter().all(|&bytes| bytes <= NAMES_BYTES_PER_PUSH), "{bytes:?}");
    }

    #[test]
    fn users_that_their_frontend_does_not_know_leave_the_channel() {
        let stage = Stage::new("chat-server-1");
        let channels = stage.channels();
        for (room, frontend) in [("a", 1), ("b", 1), ("b", 2)] {
            channels.channel(room).add(UserId::from("alice"), id(frontend)).unwrap();
        }
        channels.absent("b", &id(1), &["alice", "nobody"]);
        assert_eq!((channels.channel("a").len(), channels.channel("b").len()), (1, 1));
        channels.absent("a", &id(1), &["alice"]);
        assert_eq!(channels.len(), 1);
    }

    #[test]
    fn users_of_a_frontend_that_left_leave_all_channels() {
        let stage = Stage::new("chat-server-1");
        let channels = stage.channels();
        for (room, frontend) in [("a", 1), ("b", 1), ("b", 2)] {
            channels.channel(room).add(UserId::from("alice"), id(frontend)).unwrap();
        }
        channels.forget(&id(1));
        assert!(channels.channel("a").is_empty());
        assert_eq!(
            (channels.len(), channels.channel("b").frontend_of(&UserId::from("alice"))),
            (1, Some(id(2)))
        );
    }
}
