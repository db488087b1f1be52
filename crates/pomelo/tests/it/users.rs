//! Users of a whole cluster, over real sockets: found, written, pushed to and kicked wherever they are, and one session each if that
//! is the rule.

use pomelo::{App, Args, Hybrid, Push, Result, Route, Running, Session, SingleSession, UserId, Users};
use pomelo_client::{Client, CloseReason};
use pomelo_testkit::eventually;
use serde_json::{Value, json};

use crate::{
    dir::Dir,
    game::{LIMIT, ask, pushed},
};

const SIGN_IN: Route<String, ()> = Route::new("connector.userHandler.signIn");
const SIGN_OUT: Route<(), ()> = Route::new("connector.userHandler.signOut");
/// How many sessions a user has, whether these are all, and which frontends are silent, as a connector finds.
const SEEK: Route<String, (usize, bool, Vec<String>)> = Route::new("connector.userHandler.seek");
const NOTE: Route<(), Option<u32>> = Route::new("connector.userHandler.note");
/// Ids of the frontends where a user has sessions, one for each session.
const WHERE: Route<String, Vec<String>> = Route::new("chat.userHandler.where");
/// Writes a setting of all sessions of a user.
const MARK: Route<String, ()> = Route::new("chat.userHandler.mark");
const WHISPER: Route<String, ()> = Route::new("chat.userHandler.whisper");
const BAN: Route<String, usize> = Route::new("chat.userHandler.ban");
const ON_WHISPER: Push<String> = Push::new("onWhisper");

async fn sign_in(session: Session, name: String) -> Result<()> {
    Ok(session.bind(UserId::from(name)).await?)
}

async fn sign_out(session: Session, _: ()) -> Result<()> {
    Ok(session.unbind().await?)
}

async fn note(session: Session, _: ()) -> Result<Option<u32>> {
    Ok(session.get("mark"))
}

async fn find(users: Users, name: String) -> Result<Vec<String>> {
    let found = users.find(&UserId::from(name)).await;
    Ok(found.sessions.iter().map(|session| session.frontend().to_string()).collect())
}

async fn seek(users: Users, name: String) -> Result<(usize, bool, Vec<String>)> {
    let found = users.find(&UserId::from(name)).await;
    let silent = found.silent.iter().map(ToString::to_string).collect();
    Ok((found.sessions.len(), found.is_complete(), silent))
}

async fn mark(users: Users, name: String) -> Result<()> {
    for session in users.find(&UserId::from(name)).await.sessions {
        session.set("mark", &7).await?;
    }
    Ok(())
}

async fn whisper(users: Users, name: String) -> Result<()> {
    let missed = users.push([&UserId::from(name)], ON_WHISPER, &"psst".to_owned()).await?;
    assert_eq!(missed, []);
    Ok(())
}

async fn ban(users: Users, name: String) -> Result<usize> {
    Ok(users.kick(&UserId::from(name), "banned").await.sessions)
}

struct Town {
    app: App,
    /// Of the two connectors.
    ports: [u16; 2],
    servers: Vec<Running>,
    dir: Dir,
}

impl Town {
    async fn open(rule: Option<SingleSession>) -> Self {
        let mut town = Self::without_master(rule).await;
        town.start_master().await;
        town.settled().await;
        town
    }

    /// Servers that know of no other yet.
    async fn without_master(rule: Option<SingleSession>) -> Self {
        let connector = |n: u32| json!({ "id": format!("connector-server-{n}"), "host": "127.0.0.1", "port": 0, "clientPort": 0, "frontend": true });
        let dir = Dir::new(json!({
            "connector": [connector(1), connector(2)],
            "chat": [{ "id": "chat-server-1", "host": "127.0.0.1", "port": 0 }],
        }));
        let mut app = App::new(dir.config())
            .server("connector", |s| {
                s.connector(Hybrid::new())
                    .handler(SIGN_IN, sign_in)
                    .handler(SIGN_OUT, sign_out)
                    .handler(SEEK, seek)
                    .handler(NOTE, note)
            })
            .server("chat", |s| {
                s.handler(WHERE, find).handler(MARK, mark).handler(WHISPER, whisper).handler(BAN, ban)
            });
        if let Some(rule) = rule {
            app = app.single_session(rule);
        }
        let mut servers = Vec::new();
        for args in ["id=connector-server-1", "id=connector-server-2", "id=chat-server-1"] {
            servers.push(app.start(&Args::parse(args.split(' ')).unwrap()).await.unwrap());
        }
        let ports = [0, 1].map(|n: usize| servers[n].info().client_port.unwrap());
        Self { app, ports, servers, dir }
    }

    async fn start_master(&mut self) {
        let master = format!("serverType=master port={}", self.dir.masters[0]);
        self.servers.push(self.app.start(&Args::parse(master.split(' ')).unwrap()).await.unwrap());
    }

    /// A user at each connector is found through each of them: everybody knows everybody.
    async fn settled(&self) {
        for n in [1, 2] {
            let probe = self.client(n).await;
            eventually("the servers know each other", LIMIT, async || {
                let name = format!("probe{n}");
                probe.request::<_, Value>(SIGN_IN.name(), &name).await.ok()?;
                for asking in [1, 2] {
                    let asking = self.client(asking).await;
                    let found: Vec<String> = asking.request(WHERE.name(), &name).await.ok()?;
                    (found == [format!("connector-server-{n}")]).then_some(())?;
                }
                Some(())
            })
            .await;
            probe.close().await;
        }
    }

    async fn client(&self, connector: usize) -> Client {
        let port = self.ports[connector - 1];
        Client::connect(&format!("ws://127.0.0.1:{port}")).await.unwrap()
    }

    async fn signed_in(&self, connector: usize, name: &str) -> Client {
        let client = self.client(connector).await;
        ask::<Value>(&client, SIGN_IN.name(), &name).await;
        client
    }
}

async fn places(client: &Client, name: &str) -> Vec<String> {
    let mut found: Vec<String> = ask(client, WHERE.name(), &name).await;
    found.sort();
    found
}

fn kicked(reason: &CloseReason) -> bool {
    format!("{reason:?}").contains("signed in elsewhere")
}

#[tokio::test]
async fn a_backend_finds_writes_pushes_to_and_kicks_a_user_on_whichever_connectors() {
    let town = Town::open(None).await;
    let (first, second) = (town.signed_in(1, "alice").await, town.signed_in(2, "alice").await);
    let bob = town.signed_in(2, "bob").await;
    assert_eq!(places(&bob, "alice").await, ["connector-server-1", "connector-server-2"]);
    assert_eq!(places(&bob, "nobody").await, [""; 0]);

    ask::<Value>(&bob, MARK.name(), &"alice").await;
    ask::<Value>(&bob, WHISPER.name(), &"alice").await;
    for alice in [&first, &second] {
        assert_eq!(ask::<Option<u32>>(alice, NOTE.name(), &()).await, Some(7));
        assert_eq!(pushed(alice, ON_WHISPER).await, "psst");
    }
    assert_eq!(ask::<Option<u32>>(&bob, NOTE.name(), &()).await, None);

    assert_eq!(ask::<usize>(&bob, BAN.name(), &"alice").await, 2);
    for alice in [first, second] {
        let reason = alice.closed().await;
        assert!(format!("{reason:?}").contains("banned"), "{reason:?}");
    }
    eventually("alice is nowhere", LIMIT, async || places(&bob, "alice").await.is_empty().then_some(()))
        .await;
}

#[tokio::test]
async fn a_session_whose_user_was_taken_off_is_nobodys_and_can_be_somebody_elses() {
    let town = Town::open(None).await;
    let client = town.signed_in(1, "alice").await;
    let bob = town.signed_in(2, "bob").await;
    ask::<Value>(&client, SIGN_OUT.name(), &()).await;
    ask::<Value>(&client, SIGN_OUT.name(), &()).await;
    assert_eq!(places(&bob, "alice").await, [""; 0]);
    ask::<Value>(&client, SIGN_IN.name(), &"carol").await;
    assert_eq!(places(&bob, "carol").await, ["connector-server-1"]);
}

#[tokio::test]
async fn a_user_who_signs_in_elsewhere_has_the_former_session_kicked() {
    let town = Town::open(Some(SingleSession::KickFormer)).await;
    let former = town.signed_in(1, "alice").await;
    // The same name again is no other session.
    ask::<Value>(&former, SIGN_IN.name(), &"alice").await;
    let bob = town.signed_in(2, "bob").await;
    let newcomer = town.signed_in(2, "alice").await;
    let reason = former.closed().await;
    assert!(kicked(&reason), "{reason:?}");
    eventually("only the newcomer is left", LIMIT, async || {
        (places(&bob, "alice").await == ["connector-server-2"]).then_some(())
    })
    .await;
    let next = town.signed_in(2, "alice").await;
    let reason = newcomer.closed().await;
    assert!(kicked(&reason), "{reason:?}");
    assert_eq!(ask::<Option<u32>>(&next, NOTE.name(), &()).await, None);
}

#[tokio::test]
async fn a_user_who_is_signed_in_already_is_refused_until_the_former_session_is_gone() {
    let town = Town::open(Some(SingleSession::RefuseNew)).await;
    let former = town.signed_in(1, "alice").await;
    for connector in [1, 2] {
        let newcomer = town.client(connector).await;
        let refused = newcomer.request::<_, Value>(SIGN_IN.name(), "alice").await.unwrap_err();
        assert!(refused.to_string().contains("code 500"), "connector {connector}: {refused}");
        ask::<Value>(&newcomer, SIGN_IN.name(), &format!("other{connector}")).await;
    }
    former.close().await;
    eventually("alice can come in again", LIMIT, async || {
        town.client(2).await.request::<_, Value>(SIGN_IN.name(), "alice").await.ok()
    })
    .await;
}

#[tokio::test]
async fn a_connector_that_is_gone_stands_in_nobodys_way() {
    let mut town = Town::open(Some(SingleSession::RefuseNew)).await;
    let _alice = town.signed_in(1, "alice").await;
    let gone = town.servers.remove(0);
    gone.stop().await.unwrap();
    let back = town.signed_in(2, "alice").await;
    assert_eq!(places(&back, "alice").await, ["connector-server-2"]);
}

#[tokio::test]
async fn a_user_who_signed_in_at_two_connectors_that_did_not_know_each_other_keeps_one_session_when_they_do()
{
    for rule in [SingleSession::KickFormer, SingleSession::RefuseNew] {
        let mut town = Town::without_master(Some(rule)).await;
        let (first, second) = (town.signed_in(1, "alice").await, town.signed_in(2, "alice").await);
        town.start_master().await;
        let (stays, goes) = match rule {
            SingleSession::KickFormer => (second, first),
            _ => (first, second),
        };
        let reason = tokio::time::timeout(LIMIT, goes.closed()).await.expect("both sessions stayed");
        assert!(kicked(&reason), "{rule:?}: {reason:?}");
        assert_eq!(ask::<Option<u32>>(&stays, NOTE.name(), &()).await, None);
    }
}

#[tokio::test]
async fn nobody_is_told_from_not_everybody_answered() {
    let mut town = Town::without_master(None).await;
    let client = town.client(1).await;
    let seek = async || ask::<(usize, bool, Vec<String>)>(&client, SEEK.name(), &"alice").await;
    assert_eq!(seek().await, (0, false, vec![]), "whoever knows nobody can't be sure");
    town.start_master().await;
    town.settled().await;
    assert_eq!(seek().await, (0, true, vec![]));
    let second = town.servers.remove(1);
    second.stop().await.unwrap();
    // Until it is sure that nobody is connected to it any more.
    assert_eq!(seek().await, (0, false, vec!["connector-server-2".to_owned()]));
}
