//! Users of the whole cluster: on which frontends they are connected, and what can be done to them there.
//!
//! No server keeps a register of them. Each frontend knows the sessions it holds ([`SessionTable`]), and who wants to know asks
//! all frontends: one message to each and one back. So nothing can be out of date or has to be rebuilt when a frontend or a
//! master dies, at the price that asking costs more the more frontends there are. Pushes to users need no asking.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use pomelo_protocol::ServerId;
use pomelo_rpc::RpcError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use crate::{
    CallError, ChannelError, Channels, Context, Error, Extract, Push, Session, UserId, codec,
    rpc::Peers,
    servers::Directory,
    session::{Owner, SessionTable, Snapshot},
};

/// Which sessions have users: [`Question`], answered with [`Known`].
pub(crate) const FIND: &str = "sys.find";
/// Kicks a user's sessions: [`Kick`], answered with their number.
pub(crate) const KICK: &str = "sys.kick";
/// A user is to have one session, at the frontend that asks: `Claim`, answered with a `Verdict`.
pub(crate) const CLAIM: &str = "sys.claim";
/// The frontend has users that are to have one session: a list of `Claim`, answered with a list of those that this one keeps.
pub(crate) const HOLD: &str = "sys.hold";

/// Most bytes of users' ids in one question; more users are asked for in several, one after the other.
const QUESTION_BYTES_MAX: usize = 128 * 1024;
/// Beyond so many bytes an answer ends; the rest is asked for next. One session has 33 KiB at most, so that it fits a frame.
const ANSWER_BYTES_MAX: usize = 512 * 1024;
/// About what a session takes in an answer beside its user's id and its settings.
const SESSION_BYTES: usize = 64;

/// The users of the whole cluster, wherever they are connected, as an argument of handlers, remotes and hooks.
///
/// ```
/// # use pomelo::{Push, Result, UserId, Users};
/// const ON_WHISPER: Push<String> = Push::new("onWhisper");
///
/// async fn whisper(users: Users, to: String, text: String) -> Result<bool> {
///     let to = UserId::from(to);
///     let found = users.find(&to).await;
///     if found.sessions.is_empty() && found.is_complete() {
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
    /// Frontends that did not answer, or not all of it: users may be connected there, too. A frontend that left the cluster is
    /// among them until it counts as [dead](crate::Server::on_members_left), unless it still answers.
    pub silent: Vec<ServerId>,
    blind: bool,
}

/// What kicking a user did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kicked {
    /// How many sessions were kicked.
    pub sessions: usize,
    /// Frontends that did not answer, as in [`Found`]: it is not known whether the user was connected there.
    pub silent: Vec<ServerId>,
    blind: bool,
}

impl Found {
    /// Whether that is all: every frontend of the cluster answered. A server that has not heard yet who is in the cluster, which
    /// is so for a moment after its start, does not know.
    pub fn is_complete(&self) -> bool {
        self.silent.is_empty() && !self.blind
    }
}

impl Kicked {
    /// Whether that is all, as [`Found::is_complete`].
    pub fn is_complete(&self) -> bool {
        self.silent.is_empty() && !self.blind
    }
}

/// Which sessions of a frontend have these users.
#[derive(Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) users: Vec<UserId>,
    /// The answer begins behind this session.
    pub(crate) behind: Option<Place>,
}

/// A session by the place of its user in the question, and its number.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Place {
    user: usize,
    session: u64,
}

/// Sessions that a frontend knows.
#[derive(Serialize, Deserialize)]
pub(crate) struct Known {
    life: u64,
    sessions: Vec<KnownSession>,
    /// The last of them, if there are more.
    more_behind: Option<Place>,
}

#[derive(Serialize, Deserialize)]
struct KnownSession {
    id: u64,
    uid: UserId,
    settings: Bytes,
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

    /// The sessions of several users, asked for at once; [`Session::uid`] tells whose each is.
    pub async fn find_all<'a>(&self, users: impl IntoIterator<Item = &'a UserId>) -> Found {
        let users: BTreeSet<&UserId> = users.into_iter().collect();
        let questions = questions(users.into_iter().cloned());
        let until = Instant::now() + self.deadline;
        let frontends = self.frontends();
        let asked = frontends.into_iter().map(|frontend| self.find_at(frontend, &questions, until));
        let mut found = Found { blind: self.directory.is_blind(), ..Found::default() };
        for (frontend, sessions, is_all) in join_all(asked).await {
            found.sessions.extend(sessions);
            if !is_all {
                found.silent.push(frontend);
            }
        }
        found
    }

    /// The sessions of one frontend, and whether they are all.
    async fn find_at(
        &self,
        frontend: ServerId,
        questions: &[Vec<UserId>],
        until: Instant,
    ) -> (ServerId, Vec<Session>, bool) {
        let mut sessions = Vec::new();
        for users in questions {
            let mut question = Question { users: users.clone(), behind: None };
            loop {
                let left = until.saturating_duration_since(Instant::now());
                let known: Known = match ask_one(&*self.peers, &frontend, FIND, &question, left).await {
                    Ok(known) => known,
                    Err(error) => {
                        tracing::debug!(%frontend, %error, "a frontend did not answer who is there");
                        return (frontend, sessions, false);
                    }
                };
                let session = |known_session: KnownSession| {
                    let KnownSession { id, uid, settings } = known_session;
                    let (peers, deadline) = (Arc::clone(&self.peers), self.deadline);
                    let owner = Owner::There { life: known.life, peers, deadline };
                    Session::new(id, frontend.clone(), Snapshot::received(Some(uid), settings), owner)
                };
                sessions.extend(known.sessions.into_iter().map(session));
                question.behind = known.more_behind;
                if question.behind.is_none() {
                    break;
                }
            }
        }
        (frontend, sessions, true)
    }

    /// Kicks all sessions of a user, on all frontends; the client is told the reason.
    pub async fn kick(&self, uid: &UserId, reason: &str) -> Kicked {
        let kick = Kick { uid: uid.clone(), reason: reason.to_owned() };
        let (question, blind) = (codec::to_server(&kick), self.directory.is_blind());
        let (answers, silent) =
            ask::<usize>(&*self.peers, self.frontends(), KICK, question, self.deadline).await;
        Kicked { sessions: answers.into_iter().map(|(_, sessions)| sessions).sum(), silent, blind }
    }

    /// Sends users a message, wherever they are connected, at most once to each of their sessions. Users that are not connected
    /// get nothing. If it is known where they are, [`Channels::push_to_users`] costs less.
    ///
    /// Answers which frontends it could not be sent to: users may be connected there. What was sent is lost if the link breaks.
    pub async fn push<'a, Msg: Serialize>(
        &self,
        users: impl IntoIterator<Item = &'a UserId>,
        push: Push<Msg>,
        message: &Msg,
    ) -> Result<Vec<ServerId>, ChannelError> {
        let users: Vec<_> = users.into_iter().collect();
        let frontends = self.frontends();
        // Not an iterator: the compiler would not see that the future is `Send`.
        let mut everywhere = Vec::with_capacity(users.len() * frontends.len());
        for frontend in &frontends {
            for uid in &users {
                everywhere.push((*uid, frontend));
            }
        }
        self.channels.send_to_users(everywhere, push, message)
    }

    /// All that may have sessions.
    fn frontends(&self) -> Vec<ServerId> {
        let mut frontends = frontends(&self.directory);
        frontends.extend(self.directory.missing());
        frontends
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
        async move { (frontend, answered(answer).await) }
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

/// Asks one.
async fn ask_one<T: DeserializeOwned>(
    peers: &dyn Peers,
    frontend: &ServerId,
    method: &str,
    question: &impl Serialize,
    deadline: Duration,
) -> Result<T, CallError> {
    answered(peers.call(frontend, method, codec::to_server(question)?, deadline)).await
}

async fn answered<T: DeserializeOwned>(
    answer: impl Future<Output = Result<Bytes, RpcError>>,
) -> Result<T, CallError> {
    Ok(codec::from_server(&answer.await?)?)
}

/// As few as they fit in.
fn questions(users: impl Iterator<Item = UserId>) -> Vec<Vec<UserId>> {
    let mut questions: Vec<Vec<UserId>> = Vec::new();
    let mut bytes = 0;
    for uid in users {
        bytes += uid.as_str().len() + 5;
        match questions.last_mut().filter(|_| bytes <= QUESTION_BYTES_MAX) {
            Some(question) => question.push(uid),
            None => {
                bytes = uid.as_str().len() + 5;
                questions.push(vec![uid]);
            }
        }
    }
    questions
}

/// What a frontend knows of users, asked by another server.
pub(crate) fn known(table: &SessionTable, life: u64, question: &Question) -> Known {
    let mut known = Known { life, sessions: Vec::new(), more_behind: None };
    let (mut bytes, mut last) = (0, None);
    let Place { user: first, session: behind } = question.behind.unwrap_or(Place { user: 0, session: 0 });
    for (user, uid) in question.users.iter().enumerate().skip(first) {
        let mut sessions = table.by_uid(uid);
        sessions.sort_by_key(Session::id);
        for session in sessions.iter().filter(|session| user > first || session.id() > behind) {
            if bytes > ANSWER_BYTES_MAX {
                known.more_behind = last;
                return known;
            }
            let settings = session.snapshot().json();
            bytes += SESSION_BYTES + uid.as_str().len() + settings.len();
            last = Some(Place { user, session: session.id() });
            known.sessions.push(KnownSession { id: session.id(), uid: uid.clone(), settings });
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Command, Connection};

    struct Silent;

    impl Connection for Silent {
        fn send(&self, _frame: &crate::connector::Frame) -> bool {
            true
        }

        fn kick(&self, _reason: &str) {}

        fn is_open(&self) -> bool {
            true
        }
    }

    #[test]
    fn sessions_that_fit_no_frame_are_told_in_portions_each_of_them_once() {
        let table = SessionTable::alone("connector-server-1", 7);
        let users: Vec<_> = (0..10).map(|n| UserId::from(format!("user{n}"))).collect();
        for id in 1..=80 {
            table.open(id, Arc::new(Silent));
            table.apply(id, Command::Set("k".into(), "x".repeat(30_000).into())).unwrap();
            table.apply(id, Command::Bind(users[(id % 9) as usize].clone())).unwrap();
        }
        let (mut seen, mut question) = (Vec::new(), Question { users, behind: None });
        for portion in 1.. {
            let known = known(&table, 7, &question);
            let bytes = codec::to_server(&known).unwrap().len();
            assert!(bytes < 1 << 20, "an answer of {bytes} bytes");
            seen.extend(known.sessions.iter().map(|session| session.id));
            question.behind = known.more_behind;
            if question.behind.is_none() {
                assert!(portion > 2);
                break;
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=80).collect::<Vec<_>>());
    }

    #[test]
    fn users_that_fit_no_frame_are_asked_for_in_several_questions() {
        let users: BTreeSet<_> = (0..2_000).map(|n| UserId::from(format!("{n:0>250}"))).collect();
        let questions = questions(users.iter().cloned());
        assert!(questions.iter().all(|question| question.len() * 255 <= QUESTION_BYTES_MAX));
        assert_eq!(questions.concat().len(), users.len());
        assert!(super::questions(std::iter::empty()).is_empty());
    }
}
