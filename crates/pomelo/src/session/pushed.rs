//! What other servers push to the clients of this frontend, and what they are told about it: the driver of [`groups`].
//!
//! [`groups`]: super::groups

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use pomelo_protocol::ServerId;
use tokio::time::Instant;

use super::{Connection, SessionTable, groups::Groups};
use crate::{
    CallError, Error,
    channel::message::{ASK, Ask, Change, LEFT, Left, PUSH, PushHead, To},
    codec,
    connector::Frame,
    lock, wire,
};

impl SessionTable {
    /// A message of a server that holds channels: a push or else a change.
    pub(crate) fn hear(&self, from: &ServerId, method: &str, body: &Bytes) -> Result<(), Error> {
        if method == PUSH { self.push(from, body) } else { self.change(from, body) }
    }

    /// Sends a message to clients. The frame is built once, and every connection is given the same bytes.
    fn push(&self, from: &ServerId, body: &Bytes) -> Result<(), Error> {
        let (head, body) = wire::split::<PushHead<'_>>(body)?;
        let now = Instant::now();
        let mut inner = lock(&self.inner);
        if !inner.groups.hear(from, head.era) {
            return Ok(());
        }
        let frame = self.frame(head.route, body)?;
        // A connection that closes or overflows at this moment is the connector's business.
        let send = |connection: &Arc<dyn Connection>, frame: &Frame| {
            connection.send(frame);
        };
        let inner = &mut *inner;
        match head.to {
            To::Group { number, version, except } => {
                if let Err(ask) = inner.groups.knows(from, number, version, now) {
                    tracing::debug!(%from, number, version, "push to a channel whose members are not known");
                    self.ask(&mut inner.groups, from, ask);
                    return Ok(());
                }
                let members = inner.groups.members(from, number);
                if except.is_empty() {
                    members.for_each(|(_, connection)| send(connection, &frame));
                } else {
                    let bound = except.iter().filter_map(|&uid| inner.users.get(uid)).flatten();
                    let except: HashSet<u64> = bound.map(|bound| bound.id).collect();
                    let wanted = members.filter(|(id, _)| !except.contains(id));
                    wanted.for_each(|(_, connection)| send(connection, &frame));
                }
            }
            To::Users(users) => {
                let bound = users.iter().filter_map(|&uid| inner.users.get(uid)).flatten();
                bound.for_each(|bound| send(&bound.connection, &frame));
            }
            To::Bound => {
                inner.users.values().flatten().for_each(|bound| send(&bound.connection, &frame));
            }
            To::All => inner.sessions.values().for_each(|entry| send(&entry.connection, &frame)),
        }
        Ok(())
    }

    fn change(&self, from: &ServerId, body: &[u8]) -> Result<(), Error> {
        let change: Change<'_> = codec::from_server(body)?;
        let mut inner = lock(&self.inner);
        let inner = &mut *inner;
        let answer = inner.groups.change(from, &change, &inner.users, Instant::now());
        self.tell_left(&mut inner.groups, answer.left.map(|left| (from.clone(), left)));
        self.ask(&mut inner.groups, from, answer.ask);
        Ok(())
    }

    /// Looks after what is known of channels; to be called now and then.
    pub(crate) fn tend(&self) {
        let mut inner = lock(&self.inner);
        for (to, ask) in inner.groups.tend(Instant::now(), |id| self.peers.present(id)) {
            self.ask(&mut inner.groups, &to, Some(ask));
        }
    }

    /// Tells servers who has left their channels. It takes one link's buffer each, and no answer.
    pub(super) fn tell_left<'a>(
        &self,
        groups: &mut Groups<Arc<dyn Connection>>,
        left: impl IntoIterator<Item = (ServerId, Left<'a>)>,
    ) {
        for (to, left) in left {
            let told = codec::to_server(&left).map_err(CallError::from);
            if let Err(error) = told.and_then(|body| Ok(self.peers.send(&to, LEFT, body)?)) {
                tracing::debug!(%to, %error, "could not tell who left channels, later again");
                groups.owe(&to, left.groups.iter().map(|group| group.number));
            }
        }
    }

    fn ask(&self, groups: &mut Groups<Arc<dyn Connection>>, to: &ServerId, ask: Option<Ask>) {
        let Some(ask) = ask else { return };
        let asked = codec::to_server(&ask).map_err(CallError::from);
        if let Err(error) = asked.and_then(|body| Ok(self.peers.send(to, ASK, body)?)) {
            tracing::debug!(%to, %error, "could not ask for the members of channels, later again");
            groups.owe(to, ask.groups.iter().map(|(number, _)| *number));
        }
    }
}
