//! What happens to messages of clients, from connector to handler and back.

use pomelo::UserId;
use serde_json::{Value, json};

use crate::game::*;

#[tokio::test]
async fn requests_are_handled_here_or_by_the_server_that_the_route_function_chooses() {
    let cluster = Cluster::start().await;
    let client = cluster.client(1).await;
    let nobody = WhoAmI { server: "connector-server-1".into(), uid: None, rid: None, mark: None };
    assert_eq!(ask::<WhoAmI>(&client, WHO_AM_I.name(), &json!({})).await, nobody);

    let members: Vec<String> = ask(&client, ENTER.name(), &json!({ "name": "alice", "rid": "room1" })).await;
    assert_eq!(members, ["alice"]);
    let seen: WhoAmI = ask(&client, SEEN.name(), &json!({})).await;
    assert_eq!((seen.uid.as_deref(), seen.rid.as_deref()), (Some("alice"), Some("room1")));

    // Another client of the room, on the other connector, is sent to the same chat server.
    let bob = cluster.entered(2, "bob", "room1").await;
    assert_eq!(ask::<WhoAmI>(&bob, SEEN.name(), &json!({})).await.server, seen.server);
}

#[tokio::test]
async fn what_cannot_be_answered_gets_code_500_and_the_connection_stays() {
    let cluster = Cluster::start().await;
    let client = cluster.client(1).await;
    for (route, body) in [
        ("connector.entryHandler.nope", json!({})),
        ("chat.chatHandler.nope", json!({})),
        ("chat.chatHandler.constructor", json!({})),
        ("nosuch.thing.method", json!({})),
        ("area.areaHandler.move", json!({})),
        ("no route", json!({})),
        (FAIL.name(), json!({})),
        (PANIC.name(), json!({})),
        (ENTER.name(), json!({ "name": 7 })),
        (MARK.name(), json!({ "not": "a number" })),
        (SAY.name(), json!({ "text": "not in a room" })),
    ] {
        let answer = client.request_raw(route, body.to_string()).await.unwrap();
        assert_eq!(answer, FAILED, "{route}");
    }
    ask::<WhoAmI>(&client, WHO_AM_I.name(), &json!({})).await;
}

#[tokio::test]
async fn a_backend_writes_the_session_of_the_connector_and_pushes_to_it() {
    let cluster = Cluster::start().await;
    let client = cluster.entered(2, "alice", "room1").await;
    assert_eq!(ask::<Option<u32>>(&client, MARK.name(), &7).await, Some(7));
    assert_eq!(ask::<WhoAmI>(&client, WHO_AM_I.name(), &json!({})).await.mark, Some(7));
    assert_eq!(ask::<WhoAmI>(&client, SEEN.name(), &json!({})).await.mark, Some(7));
    assert_eq!(pushed(&client, ON_MARK).await, 7);
}

#[tokio::test]
async fn a_channel_reaches_its_members_on_all_connectors_in_order_and_nobody_else() {
    let cluster = Cluster::start().await;
    let alice = cluster.entered(1, "alice", "room1").await;
    let bob = cluster.entered(2, "bob", "room1").await;
    let carol = cluster.entered(2, "carol", "room2").await;
    for n in 0..20 {
        client_says(&alice, &n.to_string()).await;
    }
    client_says(&carol, "elsewhere").await;
    for client in [&alice, &bob] {
        for n in 0..20 {
            assert_eq!(pushed(client, ON_CHAT).await.text, n.to_string());
        }
    }
    assert_eq!(pushed(&carol, ON_CHAT).await.text, "elsewhere");
}

#[tokio::test]
async fn messages_of_one_session_are_handled_in_order_also_by_a_backend_and_as_notifies() {
    let cluster = Cluster::start().await;
    let client = cluster.entered(1, "alice", "room1").await;
    let quick = cluster.entered(1, "bob", "room1").await;
    for n in 0..20 {
        let step = Step { n, wait_ms: if n % 3 == 0 { 10 } else { 0 } };
        client.notify(STEP.name(), &step).await.unwrap();
    }
    // Somebody else is not held up by that.
    ask::<Value>(&quick, STEP.name(), &Step { n: 1, wait_ms: 0 }).await;
    let steps: Vec<u32> = ask(&client, STEPS.name(), &json!({})).await;
    assert_eq!(steps, (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_client_that_goes_or_is_kicked_leaves_its_room() {
    let cluster = Cluster::start().await;
    let alice = cluster.entered(1, "alice", "room1").await;
    let bob = cluster.entered(2, "bob", "room1").await;
    let carol = cluster.entered(1, "carol", "room1").await;
    bob.close().await;
    assert_eq!(pushed(&alice, ON_LEAVE).await, UserId::from("bob"));
    carol.request::<_, Value>(KICK.name(), "bye").await.ok();
    let reason = tokio::time::timeout(LIMIT, carol.closed()).await.unwrap();
    assert!(format!("{reason:?}").contains("bye"), "{reason:?}");
    assert_eq!(pushed(&alice, ON_LEAVE).await, UserId::from("carol"));
    // The name is free again.
    cluster.entered(1, "carol", "room1").await;
}

#[tokio::test]
async fn filters_stand_before_handlers() {
    let cluster = Cluster::start().await;
    let client = cluster.client(1).await;
    let refused = client.request_raw(LOCKED.name(), "{}").await.unwrap();
    assert_eq!(refused, r#"{"code":401}"#);
    ask::<Value>(&client, ENTER.name(), &json!({ "name": "alice", "rid": "r" })).await;
    assert_eq!(ask::<Value>(&client, LOCKED.name(), &json!({})).await, json!({}));
}
