//! Who is in a room when connectors die, over real processes.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use pomelo_client::Client;
use pomelo_testkit::{eventually, game::signal};
use rustix::process::Signal;
use serde_json::{Value, json};
use tests::cluster::{Cluster, PATIENCE};
use tokio::time::timeout;

/// Until a connector that died is out of the cluster, and 10 s more.
const GONE_WITHIN: Duration = Duration::from_secs(40);

async fn enter(cluster: &Cluster, connector: usize, name: &str) -> Result<(Client, Vec<String>)> {
    let url = format!("ws://{}:{}", cluster.game.host, cluster.game.connectors[connector]);
    let who = json!({ "username": name, "rid": "lobby" });
    eventually("the connector knows a chat server", PATIENCE, async || {
        let client = Client::connect(&url).await.ok()?;
        let entered: Value = client.request("connector.entryHandler.enter", &who).await.ok()?;
        let users = serde_json::from_value(entered["users"].clone()).ok()?;
        Some(Ok((client, users)))
    })
    .await
}

#[tokio::test]
async fn who_was_connected_to_a_connector_that_died_leaves_the_room_and_the_others_hear_of_it() -> Result<()>
{
    let cluster = Cluster::start(None).await?;
    let (_alice, _) = enter(&cluster, 0, "alice").await?;
    let (bob, users) = enter(&cluster, 1, "bob").await?;
    ensure!(users == ["alice", "bob"], "{users:?}");

    let connector = cluster
        .game
        .processes()
        .into_iter()
        .find(|process| process.arguments.iter().any(|argument| argument == "id=connector-server-1"));
    signal(connector.context("no connector runs")?.pid, Signal::KILL)?;
    let left = timeout(GONE_WITHIN, async {
        loop {
            let push = bob.next_push().await.context("bob is closed")?;
            if push.route == "onLeave" {
                return push.json::<Value>().context("no JSON");
            }
        }
    });
    let left = left.await.context("alice stays in the room")??;
    ensure!(left == json!({ "user": "alice" }), "{left}");
    let (_carol, users) = enter(&cluster, 1, "carol").await?;
    ensure!(users == ["bob", "carol"], "{users:?}");
    let leader = cluster.active().await?;
    cluster.stop(leader.port).await
}
