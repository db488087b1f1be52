//! The connector: holds the connections, says who is who, and brings people into rooms.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use pomelo::{Result, Route, Rpc, Servers, Session, Sessions, Setting, State, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::chat::{self, Join};

/// Come in.
pub const ENTER: Route<Enter, Entered> = Route::new("connector.entryHandler.enter");
/// Answers with what it was told.
pub const ECHO: Route<Echo, Echoed> = Route::new("connector.entryHandler.echo");
/// Counts, as a notify: nobody waits for an answer.
pub const COUNT: Route<(), ()> = Route::new("connector.entryHandler.count");
/// How often [`COUNT`] came.
pub const COUNTED: Route<(), Counted> = Route::new("connector.entryHandler.counted");
/// Always fails; the client gets code 500.
pub const FAIL: Route<(), ()> = Route::new("connector.entryHandler.fail");
/// Asks to be kicked.
pub const KICK_ME: Route<KickMe, Code> = Route::new("connector.entryHandler.kickMe");

/// The room that a session is in.
pub const ROOM: Setting<String> = Setting::new("rid");
/// The chat server that has this room.
pub const CHAT: Setting<String> = Setting::new("chatId");

/// How long after the answer to [`KICK_ME`] the kick comes.
const KICK_DELAY: Duration = Duration::from_millis(50);

/// Who comes in, and where.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enter {
    /// Name in the room.
    pub username: String,
    /// The room.
    pub rid: String,
    /// The chat server to use, if it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<String>,
    /// Only the number of users is wanted, not their names.
    #[serde(default)]
    pub quiet: bool,
}

/// Who is in the room, or code 500 if somebody of that name is.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entered {
    /// 200 or 500.
    pub code: u16,
    /// Everybody in the room, the one who came in too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<Users>,
    /// Set if it did not work.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub error: bool,
}

/// The users of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Users {
    /// Their names.
    Names(Vec<String>),
    /// How many.
    Number(usize),
}

/// Any text.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Echo {
    /// What to say back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msg: Option<serde_json::Value>,
}

/// The same text.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Echoed {
    /// 200.
    pub code: u16,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msg: Option<serde_json::Value>,
}

/// Answer to [`COUNTED`].
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Counted {
    /// 200.
    pub code: u16,
    /// How often.
    pub n: u64,
}

/// Why to be kicked.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct KickMe {
    /// Shown to the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An answer that is only a code.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Code {
    /// 200.
    pub code: u16,
}

/// Notifies this connector got.
#[derive(Debug, Default)]
pub struct Notified(AtomicU64);

/// Binds the session to a user of the room, and joins the room on its chat server.
///
/// The chat server is chosen here, once, by the name of the room, so that everybody in a room meets, and stays where they
/// are when chat servers come and go.
pub async fn enter(
    session: Session,
    sessions: Sessions,
    servers: Servers,
    rpc: Rpc,
    req: Enter,
) -> Result<Entered> {
    let uid = UserId::from(format!("{}*{}", req.username, req.rid));
    if !sessions.by_uid(&uid).is_empty() {
        return Ok(Entered { code: 500, users: None, error: true });
    }
    session.bind(uid.clone()).await?;
    session.set(ROOM, &req.rid).await?;
    let by_room = || servers.of_type("chat").by_hash(&req.rid).map(|id| id.to_string());
    if let Some(chat) = req.chat_id.clone().or_else(by_room) {
        session.set(CHAT, &chat).await?;
    }
    let join = Join { uid, frontend: session.frontend(), rid: req.rid };
    let names = rpc.call(chat::ADD, &session, &join).await?;
    let users = match names {
        Users::Names(names) if req.quiet => Users::Number(names.len()),
        users => users,
    };
    Ok(Entered { code: 200, users: Some(users), error: false })
}

/// See [`ECHO`].
pub async fn echo(req: Echo) -> Result<Echoed> {
    Ok(Echoed { code: 200, msg: req.msg })
}

/// See [`COUNT`].
pub async fn count(notified: State<Notified>, _: ()) -> Result<()> {
    notified.0.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// See [`COUNTED`].
pub async fn counted(notified: State<Notified>, _: ()) -> Result<Counted> {
    Ok(Counted { code: 200, n: notified.0.load(Ordering::Relaxed) })
}

/// See [`FAIL`].
pub async fn fail(_: ()) -> Result<()> {
    Err(pomelo::Error::msg("handler failed on purpose"))
}

/// See [`KICK_ME`].
pub async fn kick_me(session: Session, req: KickMe) -> Result<Code> {
    let reason = req.reason.unwrap_or_else(|| "kicked on request".into());
    tokio::spawn(async move {
        tokio::time::sleep(KICK_DELAY).await;
        // An error says that the client has gone by itself meanwhile.
        let _ = session.kick(&reason).await;
    });
    Ok(Code { code: 200 })
}

#[cfg(test)]
mod tests {
    use pomelo::testing::Stage;

    use super::*;

    fn enter_as(name: &str) -> Enter {
        Enter { username: name.into(), rid: "lobby".into(), chat_id: None, quiet: false }
    }

    #[tokio::test]
    async fn entering_binds_the_session_and_lists_who_is_there() {
        let stage = Stage::new("connector-server-1")
            .answer(chat::ADD, |join: Join| Ok(Users::Names(vec!["alice".into(), join.uid.to_string()])));
        let session = stage.session();
        let answer = enter(session.clone(), stage.sessions(), stage.servers(), stage.rpc(), enter_as("bob"))
            .await
            .unwrap();
        assert_eq!(answer.users, Some(Users::Names(vec!["alice".into(), "bob*lobby".into()])));
        assert_eq!(session.uid().unwrap().as_str(), "bob*lobby");
        assert_eq!(session.get(ROOM).as_deref(), Some("lobby"));
    }
}
