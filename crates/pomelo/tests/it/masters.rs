//! What a running cluster makes of masters: orders, failover, and their absence.

use pomelo::Args;
use pomelo_client::Client;
use pomelo_cluster::admin::AdminClient;
use pomelo_testkit::eventually;
use serde_json::{Value, json};

use crate::{dir::Dir, game::*};

#[tokio::test]
async fn play_goes_on_without_a_master() {
    let mut cluster = Cluster::start().await;
    let alice = cluster.entered(1, "alice", "room1").await;
    let bob = cluster.entered(2, "bob", "room1").await;
    cluster.master.take().unwrap().stop().await.unwrap();
    client_says(&bob, "still here").await;
    assert_eq!(pushed(&alice, ON_CHAT).await.text, "still here");
    cluster.entered(1, "carol", "room2").await;
}

#[tokio::test]
async fn a_server_that_stops_is_not_sent_to_any_more() {
    let mut cluster = Cluster::start().await;
    let client = cluster.entered(1, "alice", "room1").await;
    let mine = ask::<WhoAmI>(&client, SEEN.name(), &json!({})).await.server;
    cluster.servers.remove(&mine).unwrap().stop().await.unwrap();
    eventually("the room is served by the other chat server", LIMIT, async || {
        let seen = client.request::<_, WhoAmI>(SEEN.name(), &json!({})).await.ok()?;
        (seen.server != mine).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_without_any_master_serves_what_it_can() {
    let dir = Dir::new(servers());
    let connector = app(&dir).start(&Args::parse(["id=connector-server-1"]).unwrap()).await.unwrap();
    let port = connector.info().client_port.unwrap();
    let client = Client::connect(&format!("ws://127.0.0.1:{port}")).await.unwrap();
    assert_eq!(ask::<WhoAmI>(&client, WHO_AM_I.name(), &json!({})).await.server, "connector-server-1");
    assert_eq!(client.request_raw(SEEN.name(), "{}").await.unwrap(), FAILED);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_starts_while_no_master_lives_remembers_the_others() {
    let mut cluster = Cluster::start().await;
    let alice = cluster.entered(1, "alice", "room1").await;
    cluster.master.take().unwrap().stop().await.unwrap();
    cluster.servers.remove("connector-server-2").unwrap().stop().await.unwrap();
    let again = cluster.run("id=connector-server-2").await;
    cluster.servers.insert("connector-server-2".to_owned(), again);
    let bob = eventually("the new connector reaches the chat servers", LIMIT, async || {
        let client = cluster.client(2).await;
        let req = Enter { name: "bob".into(), rid: "room1".into() };
        client.request::<_, Value>(ENTER.name(), &req).await.ok()?.as_array()?;
        Some(client)
    })
    .await;
    client_says(&bob, "who needs a master").await;
    assert_eq!(pushed(&alice, ON_CHAT).await.text, "who needs a master");
}

#[tokio::test]
async fn a_server_of_which_a_later_life_is_there_ends() {
    let cluster = Cluster::start().await;
    let earlier = cluster.run("id=chat-server-1 incarnation=1").await;
    tokio::time::timeout(LIMIT, earlier.wait()).await.expect("it goes on").unwrap();
    for n in 0..8 {
        cluster.entered(1, &format!("player{n}"), &format!("room{n}")).await;
    }
}

#[tokio::test]
async fn administrators_see_all_servers_and_stop_one() {
    let mut cluster = Cluster::start().await;
    let admin = AdminClient::connect(&cluster.master_addr(0), "admin", "admin", LIMIT).await.unwrap();
    let servers = admin.request("watchServer", json!({ "comd": "servers", "context": "all" })).await.unwrap();
    let rows = servers["msg"].as_object().unwrap();
    for (id, port) in cluster.servers.iter().map(|(id, running)| (id, running.info().port)) {
        assert_eq!(rows[id]["serverId"], json!(id));
        assert_eq!(rows[id].get("port").and_then(Value::as_u64), port.map(u64::from), "{id}");
        assert_eq!(rows[id]["pid"], json!(std::process::id()));
        assert!(rows[id]["heapUsed"].as_str().unwrap().parse::<f64>().unwrap() > 0.0);
    }

    let alice = cluster.entered(1, "alice", "room1").await;
    let logins = json!({ "comd": "logins", "context": "connector-server-1" });
    let logins = admin.request("watchServer", logins).await.unwrap();
    let row = &logins["msg"]["connector-server-1"];
    assert_eq!((&row["totalConnCount"], &row["loginedList"][0]["uid"]), (&json!(1), &json!("alice")));

    admin.request("__console__", json!({ "signal": "stop", "ids": ["connector-server-1"] })).await.unwrap();
    tokio::time::timeout(LIMIT, alice.closed()).await.unwrap();
    let stopped = cluster.servers.remove("connector-server-1").unwrap();
    stopped.wait().await.unwrap();
    cluster.entered(2, "bob", "room1").await;
}

#[tokio::test]
async fn servers_follow_the_standby_that_takes_over_and_new_ones_find_everybody() {
    let mut cluster = Cluster::start().await;
    let standby = cluster.run(&cluster.master_args(1)).await;
    let alice = cluster.entered(1, "alice", "room1").await;
    cluster.master.take().unwrap().stop().await.unwrap();
    let admin = eventually("the standby leads", LIMIT, async || {
        let admin = AdminClient::connect(&cluster.master_addr(1), "admin", "admin", LIMIT).await.ok()?;
        let servers =
            admin.request("watchServer", json!({ "comd": "servers", "context": "all" })).await.ok()?;
        // All of them, and itself.
        (servers["msg"].as_object()?.len() == cluster.servers.len() + 1).then_some(admin)
    })
    .await;
    drop(admin);

    // A chat server that starts now is known to the connectors: one of these rooms is its own.
    let new = cluster.run("id=chat-server-9 serverType=chat host=127.0.0.1 port=0").await;
    eventually("the new server is used", LIMIT, async || {
        for room in 0..32 {
            let probe = cluster.entered(1, &format!("probe{room}"), &format!("room{room}")).await;
            let seen = ask::<WhoAmI>(&probe, SEEN.name(), &json!({})).await.server;
            probe.close().await;
            if seen == "chat-server-9" {
                return Some(());
            }
        }
        None
    })
    .await;
    new.stop().await.unwrap();
    ask::<WhoAmI>(&alice, WHO_AM_I.name(), &json!({})).await;
    standby.stop().await.unwrap();
}

#[tokio::test]
async fn stopping_the_cluster_ends_every_server_and_the_master() {
    let mut cluster = Cluster::start().await;
    let alice = cluster.entered(1, "alice", "room1").await;
    let admin = AdminClient::connect(&cluster.master_addr(0), "admin", "admin", LIMIT).await.unwrap();
    let stop = json!({ "signal": "stop", "ids": [] });
    admin.request_within("__console__", stop, LIMIT).await.unwrap();
    tokio::time::timeout(LIMIT, alice.closed()).await.unwrap();
    for (id, running) in cluster.servers.drain() {
        let ended = tokio::time::timeout(LIMIT, running.wait()).await;
        ended.unwrap_or_else(|_| panic!("{id} is still there")).unwrap();
    }
    tokio::time::timeout(LIMIT, cluster.master.take().unwrap().wait()).await.unwrap().unwrap();
}
