//! The chat servers: rooms, and who says what in them.

use std::sync::atomic::{AtomicU64, Ordering};

use pomelo::{Channels, Leavers, Push, Remote, Result, Route, ServerId, Session, Setting, State, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::connector::{Code, Echo, Echoed, ROOM, Users};

/// Say something.
pub const SEND: Route<Say, ()> = Route::new("chat.chatHandler.send");
/// Answers with what it was told.
pub const ECHO: Route<Echo, Echoed> = Route::new("chat.chatHandler.echo");
/// Adds the numbers of a list.
pub const SCORE: Route<Score, Scored> = Route::new("chat.chatHandler.score");
/// Pushes to the whole room, so many times.
pub const BENCH: Route<Bench, Code> = Route::new("chat.chatHandler.bench");
/// Writes a value into the session, from a backend.
pub const MARK: Route<Mark, Marked> = Route::new("chat.chatHandler.mark");
/// Asks to be kicked, by a backend.
pub const KICK_UID: Route<(), Code> = Route::new("chat.chatHandler.kickUid");

/// A connector brings somebody into a room.
pub const ADD: Remote<Join, Users> = Remote::new("chat.chatRemote.add");

/// Somebody said something.
pub const ON_CHAT: Push<Said> = Push::new("onChat");
/// Somebody came in.
pub const ON_ADD: Push<User> = Push::new("onAdd");
/// Somebody left.
pub const ON_LEAVE: Push<User> = Push::new("onLeave");
/// What [`BENCH`] pushes.
pub const ON_BENCH: Push<Benched> = Push::new("onBench");

/// What [`MARK`] writes.
const MARKED: Setting<Value> = Setting::new("mark");

/// Rooms whose name starts with this tell nobody who comes and goes: for measurements with thousands of users.
const QUIET: &str = "quiet";

/// Most pushes of one [`BENCH`].
const BENCH_PUSHES_MAX: u32 = 10_000;

/// What to say, to whom.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Say {
    /// The text.
    pub content: String,
    /// `*` for everybody in the room, or a name.
    pub target: String,
}

/// What was said.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Said {
    /// The text.
    pub msg: String,
    /// Who said it.
    pub from: String,
    /// `*`, or the name of the only one who hears it.
    pub target: String,
    /// Grows by one with each message of this chat server.
    pub seq: u64,
}

/// Somebody, by name.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// The name.
    pub user: String,
}

/// Who joins.
#[derive(Debug, Serialize, Deserialize)]
pub struct Join {
    /// The user.
    pub uid: UserId,
    /// The connector that holds the connection.
    pub frontend: ServerId,
    /// The room.
    pub rid: String,
}

/// A list of numbers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Score {
    /// Comes back as a tag.
    pub name: String,
    /// What to add up.
    #[serde(default)]
    pub items: Vec<Item>,
}

/// One number.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    /// The number.
    #[serde(default)]
    pub n: i64,
}

/// The sum.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Scored {
    /// 200.
    pub code: u16,
    /// The sum.
    pub delta: i64,
    /// One half.
    pub ratio: f64,
    /// `a`, `b`, and the name that was sent.
    pub tags: Vec<String>,
}

/// How to bench.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Bench {
    /// How many pushes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// Comes back in each push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t: Option<Value>,
    /// Comes back in each push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msg: Option<Value>,
}

/// One push of a bench.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Benched {
    /// Grows by one with each.
    pub seq: u64,
    /// As it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t: Option<Value>,
    /// As it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msg: Option<Value>,
}

/// What to write into the session.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Mark {
    /// Any value.
    pub mark: Value,
}

/// What stands in the session.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Marked {
    /// 200.
    pub code: u16,
    /// The value.
    pub mark: Value,
}

/// What this game allows.
#[derive(Debug)]
pub struct Limits {
    /// Most bytes of what one says at once.
    pub content_bytes_max: usize,
}

/// Numbers what is said.
#[derive(Debug, Default)]
pub struct Sequence(AtomicU64);

impl Sequence {
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Why something can't be said. The client gets code 500, the log the reason.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// Nobody speaks outside of a room.
    #[error("not in a room")]
    NotInRoom,
    /// More than [`Limits::content_bytes_max`].
    #[error("message of {0} bytes is too long")]
    TooLong(usize),
}

/// Tells the room, or one user of it.
pub async fn send(
    limits: State<Limits>,
    sequence: State<Sequence>,
    channels: Channels,
    session: Session,
    req: Say,
) -> Result<()> {
    if req.content.len() > limits.content_bytes_max {
        Err(ChatError::TooLong(req.content.len()))?;
    }
    let rid = session.get(ROOM).ok_or(ChatError::NotInRoom)?;
    let room = channels.channel(&rid);
    let said = Said {
        msg: req.content,
        from: name(&session.uid()?).to_owned(),
        target: req.target.clone(),
        seq: sequence.next(),
    };
    if req.target == "*" {
        room.push(ON_CHAT, &said).await?;
    } else {
        room.push_to(&[UserId::from(format!("{}*{rid}", req.target))], ON_CHAT, &said).await?;
    }
    Ok(())
}

/// See [`ADD`].
pub async fn add(channels: Channels, join: Join) -> Result<Users> {
    let room = channels.channel(&join.rid);
    if is_quiet(&join.rid) {
        room.add(join.uid, join.frontend)?;
        return Ok(Users::Number(room.len()));
    }
    room.push(ON_ADD, &User { user: name(&join.uid).to_owned() }).await?;
    room.add(join.uid, join.frontend)?;
    Ok(Users::Names(room.members().iter().map(|uid| name(uid).to_owned()).collect()))
}

/// Whoever is gone is out of the room already; those who are left hear of it.
pub async fn left(channels: Channels, leavers: Leavers) -> Result<()> {
    let room = channels.channel(&leavers.channel);
    for uid in leavers.users.iter().filter(|_| !is_quiet(&leavers.channel)) {
        // Who is there again, perhaps at another connector, has not left.
        if room.frontend_of(uid).is_none() {
            room.push(ON_LEAVE, &User { user: name(uid).to_owned() }).await?;
        }
    }
    Ok(())
}

/// See [`ECHO`].
pub async fn echo(req: Echo) -> Result<Echoed> {
    Ok(Echoed { code: 200, msg: req.msg })
}

/// See [`SCORE`].
pub async fn score(req: Score) -> Result<Scored> {
    let delta = req.items.iter().map(|item| item.n).sum();
    Ok(Scored { code: 200, delta, ratio: 0.5, tags: vec!["a".into(), "b".into(), req.name] })
}

/// See [`BENCH`].
pub async fn bench(
    sequence: State<Sequence>,
    channels: Channels,
    session: Session,
    req: Bench,
) -> Result<Code> {
    let rid = session.get(ROOM).ok_or(ChatError::NotInRoom)?;
    let room = channels.channel(&rid);
    for _ in 0..req.n.unwrap_or(1).min(BENCH_PUSHES_MAX) {
        let benched = Benched { seq: sequence.next(), t: req.t.clone(), msg: req.msg.clone() };
        room.push(ON_BENCH, &benched).await?;
    }
    Ok(Code { code: 200 })
}

/// See [`MARK`].
pub async fn mark(session: Session, req: Mark) -> Result<Marked> {
    session.set(MARKED, &req.mark).await?;
    Ok(Marked { code: 200, mark: session.get(MARKED).unwrap_or_default() })
}

/// See [`KICK_UID`].
pub async fn kick_uid(session: Session, _: ()) -> Result<Code> {
    session.kick("kicked by backend").await?;
    Ok(Code { code: 200 })
}

/// The name that the users of a room see.
fn name(uid: &UserId) -> &str {
    uid.as_str().split('*').next().unwrap_or_default()
}

fn is_quiet(room: &str) -> bool {
    room.starts_with(QUIET)
}

#[cfg(test)]
mod tests {
    use pomelo::testing::Stage;

    use super::*;

    async fn say(stage: &Stage, session: &Session, content: &str, target: &str) -> Result<()> {
        let limits = State::new(Limits { content_bytes_max: 10 });
        let req = Say { content: content.into(), target: target.into() };
        send(limits, State::new(Sequence::default()), stage.channels(), session.clone(), req).await
    }

    async fn in_room(stage: &Stage, user: &str) -> Session {
        let session = stage.session();
        let uid = UserId::from(format!("{user}*lobby"));
        session.bind(uid.clone()).await.unwrap();
        session.set(ROOM, &"lobby".to_owned()).await.unwrap();
        let join = Join { uid, frontend: session.frontend(), rid: "lobby".into() };
        add(stage.channels(), join).await.unwrap();
        session
    }

    #[tokio::test]
    async fn what_is_said_goes_to_the_room_or_to_one() {
        let stage = Stage::new("chat-server-1");
        let alice = in_room(&stage, "alice").await;
        let _bob = in_room(&stage, "bob").await;
        say(&stage, &alice, "hi", "*").await.unwrap();
        say(&stage, &alice, "psst", "bob").await.unwrap();
        let heard: Vec<_> = stage
            .pushed(ON_CHAT)
            .into_iter()
            .map(|p| (p.message.msg, p.message.from, p.users.len()))
            .collect();
        assert_eq!(heard, [("hi".into(), "alice".into(), 2), ("psst".into(), "alice".to_owned(), 1)]);
    }

    #[tokio::test]
    async fn the_room_hears_who_left_but_not_of_somebody_who_is_there_again() {
        let stage = Stage::new("chat-server-1");
        let (alice, _bob) = (in_room(&stage, "alice").await, in_room(&stage, "bob").await);
        let users = vec![alice.uid().unwrap(), UserId::from("carol*lobby")];
        let leavers = Leavers { channel: "lobby".into(), frontend: alice.frontend(), users };
        left(stage.channels(), leavers).await.unwrap();
        let heard: Vec<_> = stage.pushed(ON_LEAVE).into_iter().map(|p| p.message.user).collect();
        assert_eq!(heard, ["carol"]);
    }

    #[tokio::test]
    async fn nobody_speaks_outside_of_a_room_or_too_long() {
        let stage = Stage::new("chat-server-1");
        let error = say(&stage, &stage.session(), "hi", "*").await.unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&ChatError::NotInRoom));
        let alice = in_room(&stage, "alice").await;
        let error = say(&stage, &alice, "eleven byte", "*").await.unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&ChatError::TooLong(11)));
    }
}
