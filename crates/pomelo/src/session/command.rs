//! What may be done to a session, as a command to its connector and over the wire.

use std::error::Error;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Session, SessionError, Snapshot};
use crate::UserId;

/// Most bytes of a user's id. It travels with every forwarded message and with every push to the user, where a few long
/// ones would leave no room for the others.
pub(super) const UID_BYTES_MAX: usize = 255;

/// One change of a session or one message to it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Command {
    Bind(UserId),
    Unbind,
    Set(String, Value),
    Remove(String),
    Push { route: String, body: Bytes },
    Kick(String),
}

/// The command with its address, from a backend to a connector.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SessionCommand {
    pub(crate) id: u64,
    /// The life of the connector that the session belongs to.
    pub(crate) life: u64,
    pub(crate) command: Command,
}

/// What the connector answers: the session after the command, or why it refused.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum CommandReply {
    Now { uid: Option<UserId>, settings: Bytes },
    Closed,
    AlreadyBound { uid: UserId },
    LongUid { bytes: usize },
    TooLarge { bytes: usize },
    SignedInElsewhere { uid: UserId },
    NotSent { why: String },
}

impl CommandReply {
    pub(crate) fn new(result: Result<&Snapshot, &SessionError>) -> Self {
        match result {
            Ok(now) => Self::Now { uid: now.uid().cloned(), settings: now.json() },
            Err(SessionError::AlreadyBound { uid, .. }) => Self::AlreadyBound { uid: uid.clone() },
            Err(SessionError::LongUid { bytes }) => Self::LongUid { bytes: *bytes },
            Err(SessionError::TooLarge { bytes }) => Self::TooLarge { bytes: *bytes },
            Err(SessionError::SignedInElsewhere { uid }) => Self::SignedInElsewhere { uid: uid.clone() },
            Err(SessionError::Closed { .. }) => Self::Closed,
            Err(error) => Self::NotSent { why: causes(error) },
        }
    }

    pub(super) fn into_snapshot(self, session: &Session) -> Result<Snapshot, SessionError> {
        match self {
            Self::Now { uid, settings } => Ok(Snapshot::received(uid, settings)),
            Self::Closed => Err(session.closed()),
            Self::AlreadyBound { uid } => Err(SessionError::AlreadyBound { id: session.id(), uid }),
            Self::LongUid { bytes } => Err(SessionError::LongUid { bytes }),
            Self::TooLarge { bytes } => Err(SessionError::TooLarge { bytes }),
            Self::SignedInElsewhere { uid } => Err(SessionError::SignedInElsewhere { uid }),
            Self::NotSent { why } => Err(SessionError::NotSent { why }),
        }
    }
}

/// An error with what caused it.
fn causes(error: &SessionError) -> String {
    let (mut text, mut error) = (error.to_string(), error as &dyn Error);
    while let Some(cause) = error.source() {
        text = format!("{text}: {cause}");
        error = cause;
    }
    text
}

/// The session after the command, if the command changes it.
pub(super) fn changed(session: &Session, command: &Command) -> Result<Option<Snapshot>, SessionError> {
    let now = session.snapshot();
    match command {
        Command::Bind(uid) if uid.as_str().len() > UID_BYTES_MAX => {
            Err(SessionError::LongUid { bytes: uid.as_str().len() })
        }
        Command::Bind(uid) => match now.uid() {
            None => Ok(Some(now.with_uid(uid.clone()))),
            Some(same) if same == uid => Ok(None),
            Some(other) => Err(SessionError::AlreadyBound { id: session.id(), uid: other.clone() }),
        },
        Command::Unbind => Ok(now.uid().is_some().then(|| now.without_uid())),
        Command::Set(key, value) => now.with(key, value.clone()).map(Some),
        Command::Remove(key) => Ok(Some(now.without(key))),
        Command::Push { .. } | Command::Kick(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;

    #[test]
    fn commands_and_replies_survive_the_wire() {
        let frontend = pomelo_protocol::ServerId::new("connector-server-1").unwrap();
        let session = Session::here(7, frontend, std::sync::Weak::new());
        let command = Command::Set("mark".to_owned(), serde_json::json!({ "a": 1, "b": "two" }));
        let bytes = codec::to_server(&SessionCommand { id: 7, life: 1, command }).unwrap();
        let received: SessionCommand = codec::from_server(&bytes).unwrap();
        let next = changed(&session, &received.command).unwrap().unwrap();

        let reply = codec::to_server(&CommandReply::new(Ok(&next))).unwrap();
        let reply: CommandReply = codec::from_server(&reply).unwrap();
        let seen = reply.into_snapshot(&session).unwrap();
        assert_eq!(seen.get("mark"), Some(&serde_json::json!({ "a": 1, "b": "two" })));

        let refused =
            CommandReply::new(Err(&SessionError::AlreadyBound { id: 7, uid: UserId::from("alice") }));
        let refused: CommandReply = codec::from_server(&codec::to_server(&refused).unwrap()).unwrap();
        assert!(matches!(refused.into_snapshot(&session), Err(SessionError::AlreadyBound { .. })));
    }

    #[test]
    fn a_push_that_the_frontend_can_not_send_is_told_from_a_session_that_is_closed() {
        let frontend = pomelo_protocol::ServerId::new("connector-server-1").unwrap();
        let session = Session::here(7, frontend, std::sync::Weak::new());
        let heard = |error: &SessionError| {
            let reply = codec::to_server(&CommandReply::new(Err(error))).unwrap();
            codec::from_server::<CommandReply>(&reply).unwrap().into_snapshot(&session).unwrap_err()
        };
        assert!(matches!(heard(&session.closed()), SessionError::Closed { .. }));
        let long = pomelo_protocol::message::MessageError::RouteTooLong(300);
        let heard = heard(&SessionError::Message(long));
        assert!(matches!(&heard, SessionError::NotSent { why } if why.contains("300")), "{heard}");
    }
}
