//! Users of the whole cluster: on which frontends they are connected, and what can be done to them there.
//!
//! No server keeps a register of them. Each frontend knows the sessions it holds ([`SessionTable`]), and who wants to know asks
//! all frontends: one message to each and one back. So nothing can be out of date or has to be rebuilt when a frontend or a
//! master dies, at the price that asking costs more the more frontends there are. Pushes to users need no asking.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use pomelo_protocol::ServerId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    CallError, ChannelError, Channels, Context, Error, Extract, Push, Session, UserId, codec,
    rpc::Peers,
    servers::Directory,
    session::{Owner, SessionTable, Snapshot},
};

/// Which sessions have these users: a list of them, answered with a list of [`Known`].
pub(crate) const FIND: &str = "sys.find";
/// Kicks a user's sessions: [`Kick`], answered with their number.
pub(crate) const KICK: &str = "sys.kick";
/// A user is to have one session, at the frontend that asks: `Claim`, answered with a `Verdict`.
pub(crate) const CLAIM: &str = "sys.claim";
/// The frontend has users that are to have one session: a list of `Claim`, answered with a list of those that this one keeps.
pub(crate) const HOLD: &str = "sys.hold";

/// Most users of one question.
const ASKED_MAX: usize = 10_000;

/// The users of the whole cluster, wherever they are connected, as an argument of handlers, remotes and hooks.
///
/// ```
/// # use pomelo::{Push, Result, UserId, Users};
/// const ON_WHISPER: Push<String> = Push::new("onWhisper");
///
/// async fn whisper(users: Users, to: String, text: String) -> Result<bool> {
///     let to = UserId::from(to);
///     let found = users.find(&to).await;
///     if found.sessions.is_empty() {
///         return Ok(false);
///     }
///     users.push([&to], ON_WHISPER, &text).await?;
///     Ok(true)
/// }
///
/// async fn ban(users: Users, uid: UserId) -> Result<usize> {
///     Ok(users.kick(&uid, "banned").await.sessions)
/// }
/// ```
#[derive(Clone)]
pub struct Users {
    pub(crate) peers: Arc<dyn Peers>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) channels: Channels,
    pub(crate) deadline: Duration,
}

/// The sessions of users.
#[derive(Debug, Default)]
pub struct Found {
    /// Oldest first at each frontend. They can be read and written like the session of a request.
    pub sessions: Vec<Session>,
    /// Frontends that did not answer: a user may be connected there, too.
    pub silent: Vec<ServerId>,
}

/// What kicking a user did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kicked {
    /// How many sessions were kicked.
    pub sessions: usize,
    /// Frontends that did not answer: it is not known whether the user was connected there.
    pub silent: Vec<ServerId>,
}

/// A session as another frontend knows it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) id: u64,
    pub(crate) life: u64,
    pub(crate) uid: UserId,
    pub(crate) settings: Bytes,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Kick {
    pub(crate) uid: UserId,
    pub(crate) reason: String,
}

impl Users {
    /// The sessions of a user, on all frontends.
    pub async fn find(&self, uid: &UserId) -> Found {
        self.find_all([uid]).await
    }

    /// The sessions of several users, of 10,000 at most, asked for at once; [`Session::uid`] tells whose each is.
    pub async fn find_all<'a>(&self, users: impl IntoIterator<Item = &'a UserId>) -> Found {
        let users: BTreeSet<&str> = users.into_iter().map(UserId::as_str).take(ASKED_MAX).collect();
        let (answers, silent) = self.ask::<Vec<Known>>(FIND, &users).await;
        let sessions = answers.into_iter().flat_map(|(frontend, known)| {
            let session = move |known: Known| {
                let owner = Owner::There {
                    life: known.life,
                    peers: Arc::clone(&self.peers),
                    deadline: self.deadline,
                };
                let snapshot = Snapshot::received(Some(known.uid), known.settings);
                Session::new(known.id, frontend.clone(), snapshot, owner)
            };
            known.into_iter().map(session)
        });
        Found { sessions: sessions.collect(), silent }
    }

    /// Kicks all sessions of a user, on all frontends; the client is told the reason.
    pub async fn kick(&self, uid: &UserId, reason: &str) -> Kicked {
        let kick = Kick { uid: uid.clone(), reason: reason.to_owned() };
        let (answers, silent) = self.ask::<usize>(KICK, &kick).await;
        Kicked { sessions: answers.into_iter().map(|(_, sessions)| sessions).sum(), silent }
    }

    /// Sends users a message, wherever they are connected, at most once to each of their sessions. Users that are not connected
    /// get nothing. If it is known where they are, [`Channels::push_to_users`] costs less.
    pub async fn push<'a, Msg: Serialize>(
        &self,
        users: impl IntoIterator<Item = &'a UserId>,
        push: Push<Msg>,
        message: &Msg,
    ) -> Result<(), ChannelError> {
        let users: Vec<_> = users.into_iter().collect();
        let frontends = self.frontends();
        // Not an iterator: the compiler would not see that the future is `Send`.
        let mut everywhere = Vec::with_capacity(users.len() * frontends.len());
        for frontend in &frontends {
            for uid in &users {
                everywhere.push((*uid, frontend));
            }
        }
        self.channels.push_to_users(everywhere, push, message).await
    }

    /// Asks every frontend at once. Their answers, and who did not answer.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        question: &impl Serialize,
    ) -> (Vec<(ServerId, T)>, Vec<ServerId>) {
        let frontends = self.frontends();
        ask(&*self.peers, frontends, method, codec::to_server(question), self.deadline).await
    }

    fn frontends(&self) -> Vec<ServerId> {
        frontends(&self.directory)
    }
}

impl<C: Context> Extract<C> for Users {
    fn extract(context: &C) -> Result<Self, Error> {
        Ok(context.parts().users())
    }
}

/// The frontends that speak this framework's own protocol.
pub(crate) fn frontends(directory: &Directory) -> Vec<ServerId> {
    let servers = directory.now();
    let ours = servers.iter().filter(|server| server.frontend && server.incarnation.is_some());
    ours.map(|server| server.id.clone()).collect()
}

/// Asks these frontends at once. Their answers, and who did not answer.
pub(crate) async fn ask<T: DeserializeOwned>(
    peers: &dyn Peers,
    frontends: Vec<ServerId>,
    method: &str,
    question: Result<Bytes, rmp_serde::encode::Error>,
    deadline: Duration,
) -> (Vec<(ServerId, T)>, Vec<ServerId>) {
    let question = match question {
        Ok(question) => question,
        Err(error) => {
            tracing::error!(method, %error, "question can't be encoded");
            return (Vec::new(), frontends);
        }
    };
    let asked = frontends.into_iter().map(|frontend| {
        let answer = peers.call(&frontend, method, question.clone(), deadline);
        async move {
            let answer = answer.await.map_err(CallError::from);
            (frontend, answer.and_then(|answer| Ok(codec::from_server::<T>(&answer)?)))
        }
    });
    let (mut answers, mut silent) = (Vec::new(), Vec::new());
    for (frontend, answer) in join_all(asked).await {
        match answer {
            Ok(answer) => answers.push((frontend, answer)),
            Err(error) => {
                tracing::debug!(%frontend, method, %error, "a frontend did not answer");
                silent.push(frontend);
            }
        }
    }
    (answers, silent)
}

/// What a frontend knows of users, asked by another server.
pub(crate) fn known(table: &SessionTable, life: u64, users: &[UserId]) -> Vec<Known> {
    let sessions = users.iter().flat_map(|uid| table.by_uid(uid).into_iter().map(move |s| (uid, s)));
    let known = |(uid, session): (&UserId, Session)| Known {
        id: session.id(),
        life,
        uid: uid.clone(),
        settings: session.snapshot().json(),
    };
    sessions.map(known).collect()
}
