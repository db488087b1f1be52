//! Sessions: one client's connection, as handlers see it. The connector that holds the connection owns the session and
//! is the only one that writes it ([`table`]); everybody else reads a snapshot and sends commands ([`command`]).

mod claims;
mod command;
pub(crate) mod groups;
#[cfg(test)]
mod nobody;
mod pushed;
mod sessions;
mod setting;
mod single;
mod snapshot;
mod table;

use std::{
    fmt,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use pomelo_protocol::ServerId;
use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    claims::SingleSession,
    sessions::Sessions,
    setting::{Key, Setting},
};
pub(crate) use self::{
    claims::Verdict,
    command::{Command, CommandReply, SessionCommand},
    single::Single,
    snapshot::Snapshot,
    table::{Connection, SessionTable},
};
use crate::{CallError, Push, UserId, codec, lock, rpc::Peers, wire};

/// One client's session: who it is and what the game remembers of it while it is connected.
///
/// Reading looks at a snapshot and costs nothing. Writing is an awaited command to the connector that holds the
/// connection, also when a backend does it: when `set` returns, the next message of this client carries the new value,
/// whichever server it goes to. Clones are the same session.
///
/// ```
/// # use pomelo::{Result, Session, UserId};
/// async fn enter(session: Session, room: String) -> Result<()> {
///     session.bind(UserId::from("alice")).await?;
///     session.set("rid", &room).await?;
///     assert_eq!(session.get::<String>("rid"), Some(room));
///     Ok(())
/// }
/// # let stage = pomelo::testing::Stage::new("connector-server-1");
/// # let entered = enter(stage.session(), "room1".into());
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(entered).unwrap();
/// ```
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    id: u64,
    frontend: ServerId,
    now: Mutex<Arc<Snapshot>>,
    owner: Owner,
}

/// Who carries out a command.
pub(crate) enum Owner {
    /// This process holds the connection.
    Here(Weak<SessionTable>),
    /// The frontend does.
    There {
        /// Which life of it.
        life: u64,
        /// The way there.
        peers: Arc<dyn Peers>,
        /// How long a command may take.
        deadline: Duration,
    },
}

/// Why a session could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The client is gone.
    #[error("session {id} of {frontend} is closed")]
    Closed {
        /// The session.
        id: u64,
        /// The connector that held it.
        frontend: ServerId,
    },
    /// [`Session::uid`] before [`Session::bind`].
    #[error("session {id} of {frontend} has no user yet")]
    NotBound {
        /// The session.
        id: u64,
        /// The connector that holds it.
        frontend: ServerId,
    },
    /// A session keeps the first user it was given.
    #[error("session {id} is already bound to {uid}")]
    AlreadyBound {
        /// The session.
        id: u64,
        /// Its user.
        uid: UserId,
    },
    /// The user has another session, and the application wants [one](crate::App::single_session).
    #[error("{uid} is signed in elsewhere")]
    SignedInElsewhere {
        /// The user.
        uid: UserId,
    },
    /// The id of a user travels with each message, too.
    #[error("id of {bytes} bytes is too long for a user, the limit is {}", command::UID_BYTES_MAX)]
    LongUid {
        /// Of the id that was refused.
        bytes: usize,
    },
    /// The settings of a session travel with each forwarded message, so they have a limit.
    #[error(
        "settings of the session would take {bytes} bytes, the limit is {}",
        snapshot::SETTINGS_BYTES_MAX
    )]
    TooLarge {
        /// With the value that was refused.
        bytes: usize,
    },
    /// A value that has no JSON form.
    #[error("value can't be encoded")]
    Encode(#[from] serde_json::Error),
    /// A push that does not fit its definition in `serverProtos.json`.
    #[error("push does not fit its definition")]
    Body(#[from] pomelo_protocol::protobuf::CodecError),
    /// A push that no message can carry.
    #[error("push can't be sent")]
    Message(#[from] pomelo_protocol::message::MessageError),
    /// The same, as the connector that holds the session says.
    #[error("frontend can't do it: {why}")]
    NotSent {
        /// What is wrong, in words.
        why: String,
    },
    /// The connector that holds the session did not answer.
    #[error("frontend could not be asked")]
    Frontend(#[from] CallError),
}

impl Session {
    pub(crate) fn here(id: u64, frontend: ServerId, table: Weak<SessionTable>) -> Self {
        Self::new(id, frontend, Snapshot::new(), Owner::Here(table))
    }

    pub(crate) fn new(id: u64, frontend: ServerId, snapshot: Snapshot, owner: Owner) -> Self {
        Self::sharing(id, frontend, Arc::new(snapshot), owner)
    }

    /// With what is known of it already.
    pub(crate) fn sharing(id: u64, frontend: ServerId, snapshot: Arc<Snapshot>, owner: Owner) -> Self {
        Self(Arc::new(Inner { id, frontend, now: Mutex::new(snapshot), owner }))
    }

    /// Its number at its connector, from 1. Unique together with [`frontend`](Self::frontend), for the life of that process.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The connector that holds the connection.
    pub fn frontend(&self) -> ServerId {
        self.0.frontend.clone()
    }

    /// Its user; an error before [`bind`](Self::bind).
    pub fn uid(&self) -> Result<UserId, SessionError> {
        let uid = self.snapshot().uid().cloned();
        uid.ok_or_else(|| SessionError::NotBound { id: self.0.id, frontend: self.frontend() })
    }

    /// The setting, if it is there and is a `T`. The key is a [`Setting`], or a text.
    pub fn get<T: DeserializeOwned>(&self, key: impl Key<T>) -> Option<T> {
        let (snapshot, key) = (self.snapshot(), key.as_ref());
        let value = T::deserialize(snapshot.get(key)?);
        value.inspect_err(|error| tracing::debug!(key, %error, "setting of a session has another type")).ok()
    }

    /// Says who the client is. A session keeps its user: binding it again to the same one does nothing, to another is an
    /// error, as is an id of more than 255 bytes. Several sessions may have one user, unless the application wants
    /// [one](crate::App::single_session); [`Users`](crate::Users) and [`Sessions`] find them.
    pub async fn bind(&self, uid: UserId) -> Result<(), SessionError> {
        self.command(Command::Bind(uid)).await
    }

    /// Says that the client is nobody any more: its user leaves all channels, if this was the user's last session at this
    /// connector. The settings stay. Nothing happens if it has no user.
    pub async fn unbind(&self) -> Result<(), SessionError> {
        self.command(Command::Unbind).await
    }

    /// Remembers a value. The key is a [`Setting`], or a text. All settings of a session together may take 32 KiB as JSON.
    pub async fn set<T: Serialize + ?Sized>(&self, key: impl Key<T>, value: &T) -> Result<(), SessionError> {
        // Encoded before the first await, so that the future does not hold the reference: `T` need not be `Sync`.
        let command = serde_json::to_value(value).map(|value| Command::Set(key.as_ref().to_owned(), value));
        drop(key);
        self.command(command?).await
    }

    /// Forgets a value.
    pub async fn remove(&self, key: impl AsRef<str>) -> Result<(), SessionError> {
        let command = Command::Remove(key.as_ref().to_owned());
        drop(key);
        self.command(command).await
    }

    /// Sends this client a message, at most once. An error says that it is gone or can't be reached.
    pub async fn push<Msg: Serialize>(&self, push: Push<Msg>, message: &Msg) -> Result<(), SessionError> {
        let body = codec::to_client(message);
        self.command(Command::Push { route: push.name().to_owned(), body: body? }).await
    }

    /// Tells the client why, and closes its connection. The hooks for closed sessions run after it.
    pub async fn kick(&self, reason: &str) -> Result<(), SessionError> {
        self.command(Command::Kick(reason.to_owned())).await
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&lock(&self.0.now))
    }

    pub(crate) fn replace(&self, snapshot: Snapshot) {
        *lock(&self.0.now) = Arc::new(snapshot);
    }

    pub(crate) fn closed(&self) -> SessionError {
        SessionError::Closed { id: self.0.id, frontend: self.frontend() }
    }

    async fn command(&self, command: Command) -> Result<(), SessionError> {
        match &self.0.owner {
            Owner::Here(table) => {
                let table = table.upgrade().ok_or_else(|| self.closed())?;
                table.carry_out(self.0.id, command).await.map(drop)
            }
            Owner::There { life, peers, deadline } => {
                let request = codec::to_server(&SessionCommand { id: self.0.id, life: *life, command });
                let request = request.map_err(CallError::from)?;
                let reply = peers.call(&self.0.frontend, wire::SESSION, request, *deadline);
                let reply: CommandReply =
                    codec::from_server(&reply.await.map_err(CallError::from)?).map_err(CallError::from)?;
                self.replace(reply.into_snapshot(self)?);
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({}@{}", self.0.id, self.0.frontend)?;
        match self.snapshot().uid() {
            Some(uid) => write!(f, ", {uid})"),
            None => f.write_str(")"),
        }
    }
}
