//! Who may ask what when.

use lordofpomelo_world::ids::PlayerId;
use pomelo::{UserId, testing::Stage};
use serde_json::{Value, json};

use super::*;
use crate::messages::{area::MOVE, chat::SEND};

/// Everything a client may write as a route.
const ROUTES: [&str; 7] = [
    ENTRY.name(),
    CREATE_PLAYER.name(),
    TIME_SYNC.name(),
    MOVE.name(),
    SEND.name(),
    QUERY_ENTRY.name(),
    "nonsense",
];

/// Those of [`ROUTES`] that are let through.
fn open(me: &Me, session: &Session) -> Vec<&'static str> {
    ROUTES.into_iter().filter(|route| may_ask(me, session, route).is_ok()).collect()
}

#[tokio::test]
async fn a_session_signs_in_then_makes_a_player_and_only_then_plays() {
    let stage = Stage::new("connector-server-1");
    let (me, session) = (stage.me(), stage.session());
    assert_eq!(open(&me, &session), [ENTRY.name(), TIME_SYNC.name()]);
    assert_eq!(may_ask(&me, &session, MOVE.name()), Err(NotYet::SignIn));
    session.bind(UserId::from("7")).await.unwrap();
    assert_eq!(open(&me, &session), [ENTRY.name(), CREATE_PLAYER.name(), TIME_SYNC.name()]);
    assert_eq!(may_ask(&me, &session, MOVE.name()), Err(NotYet::MakePlayer));
    session.set(PLAYER, &SessionPlayer { id: PlayerId(1), name: "ann".into() }).await.unwrap();
    assert_eq!(may_ask(&me, &session, CREATE_PLAYER.name()), Err(NotYet::HasPlayer));
    let refused: Vec<_> = ROUTES.into_iter().filter(|r| !open(&me, &session).contains(r)).collect();
    assert_eq!(refused, [CREATE_PLAYER.name()], "what is left is nobody's or open");
}

/// A player that was set while the user signed in, which then did not work out.
#[tokio::test]
async fn a_player_without_a_user_opens_nothing() {
    let stage = Stage::new("connector-server-1");
    let (me, session) = (stage.me(), stage.session());
    session.set(PLAYER, &SessionPlayer { id: PlayerId(1), name: "ann".into() }).await.unwrap();
    assert_eq!(open(&me, &session), [ENTRY.name(), TIME_SYNC.name()]);
}

#[tokio::test]
async fn a_gate_answers_its_question_and_nothing_else() {
    let stage = Stage::new("gate-server-1");
    assert_eq!(open(&stage.me(), &stage.session()), [QUERY_ENTRY.name()]);
}

#[tokio::test]
async fn the_time_is_that_of_the_day() {
    let synced = time_sync(serde_json::from_value(json!({ "clientTime": 12 })).unwrap()).await.unwrap();
    assert_eq!(synced.code, 200);
    assert!(synced.server_time.abs_diff(now_ms()) < 60_000);
}

/// The scene servers of areas 1 and 3, and an instance server.
pub(super) fn areas() -> Servers {
    let server = |id, extra: Value| {
        let mut info = json!({ "id": id, "serverType": "area", "host": "127.0.0.1" });
        info.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value::<pomelo::ServerInfo>(info).unwrap().into()
    };
    Servers::new([
        server("area-server-1", json!({ "area": 1 })),
        server("area-server-3", json!({ "area": 3 })),
        server("instance-server-1", json!({ "instance": true })),
    ])
}
