//! What the chat does, without a cluster.

use std::time::Duration;

use lordofpomelo_world::{
    ids::{PlayerId, TeamId},
    text::CHAT_CHARS_MAX,
};
use pomelo::{Error, ServerId, UserId, testing::Stage};
use serde_json::json;
use tokio::time::advance;

use super::*;
use crate::session::{Place, SessionPlayer};

/// A chat server, and who is there.
struct Chat {
    stage: Stage,
    online: State<Online>,
}

impl Chat {
    fn new() -> Self {
        Self::on(Stage::new("chat-server-1"))
    }

    fn on(stage: Stage) -> Self {
        Self { stage, online: State::new(Online::new()) }
    }

    /// A session of user and player `id`, called `name`, in the area of this key.
    async fn player(&self, id: u32, name: &str, key: &str) -> Session {
        let session = self.stage.session();
        session.bind(UserId::from(id.to_string())).await.unwrap();
        session.set(PLAYER, &SessionPlayer { id: PlayerId(id), name: name.to_owned() }).await.unwrap();
        self.travel(&session, key).await;
        session
    }

    async fn travel(&self, session: &Session, key: &str) {
        let area = key.split('_').next().unwrap().parse().unwrap();
        let place = Place {
            server: ServerId::new("area-server-1").unwrap(),
            area,
            instance: key.contains('_').then(|| key.to_owned()),
            team: None,
        };
        session.set(PLACE, &place).await.unwrap();
        self.add(session, key, &session.frontend()).await.unwrap();
    }

    async fn add(&self, session: &Session, key: &str, frontend: &ServerId) -> Result<()> {
        let SessionPlayer { id, name } = session.get(PLAYER).unwrap();
        let (uid, frontend, area) = (session.uid().unwrap(), frontend.clone(), key.to_owned());
        add(self.online.clone(), self.stage.channels(), ChatAdd { uid, player: id, name, frontend, area })
            .await
    }

    async fn say(&self, session: &Session, body: serde_json::Value) -> Result<u16> {
        let say = serde_json::from_value(body).unwrap();
        let (channels, rpc) = (self.stage.channels(), self.stage.rpc());
        Ok(send(self.online.clone(), channels, rpc, session.clone(), say).await?.code)
    }

    /// Content, and the numbers of those who heard it.
    fn heard(&self) -> Vec<(String, Vec<u32>)> {
        let numbers = |users: Vec<UserId>| users.iter().map(|uid| uid.as_str().parse().unwrap()).collect();
        self.stage.pushed(ON_CHAT).into_iter().map(|p| (p.message.content, numbers(p.users))).collect()
    }

    /// Their clients are gone.
    async fn gone(&self, frontend: &ServerId, sessions: &[&Session]) {
        let users: Vec<_> = sessions.iter().map(|session| session.uid().unwrap()).collect();
        for uid in &users {
            self.stage.channels().channel(EVERYBODY).leave(uid, frontend);
        }
        let leavers = Leavers { channel: EVERYBODY.into(), frontend: frontend.clone(), users };
        left(self.online.clone(), self.stage.channels(), leavers).await.unwrap();
    }
}

fn all(content: &str) -> serde_json::Value {
    json!({ "scope": "D41313", "content": content })
}

fn area(content: &str) -> serde_json::Value {
    json!({ "scope": "F7A900", "content": content })
}

fn private(to: &str, content: &str) -> serde_json::Value {
    json!({ "scope": "279106", "content": content, "toName": to })
}

fn team_line(team: u32, content: &str) -> serde_json::Value {
    json!({ "scope": "0897f7", "content": content, "teamId": team })
}

fn line(content: &str, to: &[u32]) -> (String, Vec<u32>) {
    (content.to_owned(), to.to_vec())
}

#[tokio::test]
async fn everybody_hears_what_is_said_to_all_and_only_the_area_what_is_said_there() {
    let chat = Chat::new();
    let ann = chat.player(1, "ann", "1").await;
    let _bob = chat.player(2, "bob", "1").await;
    let _carl = chat.player(3, "carl", "2").await;
    assert_eq!(chat.say(&ann, all("hello")).await.unwrap(), 200);
    assert_eq!(chat.say(&ann, area("sand")).await.unwrap(), 200);
    assert_eq!(chat.heard(), [line("hello", &[1, 2, 3]), line("sand", &[1, 2])]);
}

#[tokio::test]
async fn who_travels_hears_the_new_area_and_not_the_former_one() {
    let chat = Chat::new();
    let (ann, bob) = (chat.player(1, "ann", "1").await, chat.player(2, "bob", "1").await);
    chat.travel(&ann, "2").await;
    chat.say(&bob, area("where are you?")).await.unwrap();
    chat.say(&ann, area("palms!")).await.unwrap();
    assert_eq!(chat.heard(), [line("where are you?", &[2]), line("palms!", &[1])]);
}

#[tokio::test]
async fn each_instance_of_an_area_has_a_channel_of_its_own() {
    let chat = Chat::new();
    let ann = chat.player(1, "ann", "4_1").await;
    let _bob = chat.player(2, "bob", "4_2").await;
    chat.say(&ann, area("alone")).await.unwrap();
    assert_eq!(chat.heard(), [line("alone", &[1])]);
}

#[tokio::test]
async fn a_private_line_goes_to_the_player_of_that_name_alone() {
    let chat = Chat::new();
    let ann = chat.player(1, "ann", "1").await;
    let _bob = chat.player(2, "bob the 2nd", "2").await;
    assert_eq!(chat.say(&ann, private("bob the 2nd", "psst")).await.unwrap(), 200);
    assert_eq!(chat.say(&ann, private("Bob the 2nd", "psst")).await.unwrap(), 3004);
    assert_eq!(chat.say(&ann, private("", "psst")).await.unwrap(), 3004);
    assert_eq!(chat.heard(), [line("psst", &[2])]);
}

#[tokio::test]
async fn who_is_gone_is_not_online_but_who_is_back_is() {
    let chat = Chat::new();
    let (ann, bob) = (chat.player(1, "ann", "1").await, chat.player(2, "bob", "1").await);
    let here = ann.frontend();
    chat.gone(&here, &[&bob]).await;
    assert_eq!(chat.say(&ann, private("bob", "psst")).await.unwrap(), 3004);
    // Back at another connector before the news of the first one came.
    chat.add(&bob, "1", &here).await.unwrap();
    let other = ServerId::new("connector-server-2").unwrap();
    chat.add(&bob, "1", &other).await.unwrap();
    chat.gone(&here, &[&bob]).await;
    assert_eq!(chat.say(&ann, private("bob", "psst")).await.unwrap(), 200);
    assert_eq!(chat.stage.pushed(ON_CHAT)[0].frontend, other);
    assert_eq!(chat.stage.channels().channel(EVERYBODY).len(), 2);
    assert_eq!(chat.stage.channels().channel("area_1").len(), 2);
}

#[tokio::test]
async fn what_is_said_twice_of_a_player_changes_nothing() {
    let chat = Chat::new();
    let ann = chat.player(1, "ann", "1").await;
    chat.add(&ann, "1", &ann.frontend()).await.unwrap();
    chat.say(&ann, area("once")).await.unwrap();
    assert_eq!(chat.heard(), [line("once", &[1])]);
}

#[tokio::test]
async fn team_lines_go_by_the_manager_with_the_sessions_player() {
    let to_team_3 = |chat: team::Chat| {
        assert_eq!((chat.said.player_id, chat.said.from.as_str()), (PlayerId(1), "ann"));
        Ok(chat.team == TeamId(3))
    };
    let chat = Chat::on(Stage::new("chat-server-1").answer(team::CHAT, to_team_3));
    let ann = chat.player(1, "ann", "1").await;
    assert_eq!(chat.say(&ann, team_line(3, "to me!")).await.unwrap(), 200);
    assert_eq!(chat.say(&ann, team_line(4, "to me!")).await.unwrap(), 500);
    assert_eq!(chat.say(&ann, json!({ "scope": "0897f7", "content": "to me!" })).await.unwrap(), 500);
    assert_eq!(chat.heard(), []);
}

#[tokio::test]
async fn names_ids_and_area_are_the_sessions_whatever_the_client_writes() {
    let chat = Chat::new();
    let ann = chat.player(1, "ann", "1").await;
    let _bob = chat.player(2, "bob", "2").await;
    let lie = json!({
        "scope": "F7A900", "content": "hi", "from": "<b>bob</b>", "playerId": 2, "uid": 2, "areaId": 2, "kind": 7
    });
    chat.say(&ann, lie).await.unwrap();
    let [pushed] = &chat.stage.pushed(ON_CHAT)[..] else { panic!("one push") };
    let Said { player_id, uid, from, kind, .. } = &pushed.message;
    assert_eq!((*player_id, *uid, from.as_str(), *kind), (PlayerId(1), 1, "ann", 0));
    assert_eq!(pushed.users, [UserId::from("1")]);
}

#[tokio::test(start_paused = true)]
async fn nobody_says_more_than_five_lines_in_five_seconds_whatever_the_scope() {
    let chat = Chat::new();
    let (ann, bob) = (chat.player(1, "ann", "1").await, chat.player(2, "bob", "1").await);
    for body in [all("1"), area("2"), private("bob", "3"), private("nobody", "4"), all("5")] {
        assert_ne!(chat.say(&ann, body).await.unwrap(), 500);
    }
    assert_eq!(chat.say(&ann, all("6")).await.unwrap(), 500);
    assert_eq!(chat.say(&bob, all("me too")).await.unwrap(), 200);
    chat.travel(&ann, "2").await;
    assert_eq!(chat.say(&ann, area("7")).await.unwrap(), 500, "who travels has said it all the same");
    advance(Duration::from_millis(5000)).await;
    assert_eq!(chat.say(&ann, all("8")).await.unwrap(), 200);
}

#[tokio::test]
async fn lines_are_harmless_and_short_and_empty_ones_are_refused() {
    let chat = Chat::new();
    let ann = chat.player(1, "ann", "1").await;
    chat.say(&ann, all("<script>alert(1)</script> & more")).await.unwrap();
    chat.say(&ann, all(&"x".repeat(1000))).await.unwrap();
    for empty in ["", "  \n ", "<img src=x>", "\u{7}"] {
        assert_eq!(chat.say(&ann, all(empty)).await.unwrap(), 500, "{empty:?}");
    }
    let heard: Vec<_> = chat.heard().into_iter().map(|(content, _)| content).collect();
    assert_eq!(heard, ["alert(1) &amp; more".to_owned(), "x".repeat(CHAT_CHARS_MAX)]);
}

#[tokio::test]
async fn nobody_speaks_without_a_player_or_before_it_came_in() {
    let chat = Chat::new();
    let why = |said: Result<u16>| said.unwrap_err();
    let is = |error: &Error, what: ChatError| error.downcast_ref() == Some(&what);
    let stranger = chat.stage.session();
    assert_eq!(why(chat.say(&stranger, all("hi")).await).code(), 500);
    stranger.bind(UserId::from("9")).await.unwrap();
    assert!(is(&why(chat.say(&stranger, all("hi")).await), ChatError::NoPlayer));
    let ann = chat.player(1, "ann", "1").await;
    chat.gone(&ann.frontend(), &[&ann]).await;
    assert!(is(&why(chat.say(&ann, all("hi")).await), ChatError::NotHere));
}

#[test]
fn scopes_are_the_four_colours_and_nothing_else() {
    for scope in ["d41313", "D41314", "", "all"] {
        let say = json!({ "scope": scope, "content": "hi" });
        assert!(serde_json::from_value::<Say>(say).is_err(), "{scope}");
    }
}
