//! A cluster of real processes whose masters meet in etcd. Needs programs built with the feature `etcd`, as `cargo xtask test`
//! builds them.

use anyhow::{Result, ensure};
use pomelo_testkit::{etcd::Etcd, eventually, game::signal};
use rustix::process::Signal;
use serde_json::json;
use tests::cluster::{Cluster, PATIENCE, SERVERS, ids_of, master_of};

/// Longer than this test waits for anything: whoever is promoted was told by the dead master's guardian or by its peers, not by
/// the end of a lease.
const LEASE_SECONDS: u32 = 600;

const PREFIX: &str = "/chat/master";

#[tokio::test]
async fn a_cluster_survives_its_master_on_etcd() -> Result<()> {
    let Some(etcd) = Etcd::for_test().await else { return Ok(()) };
    let entry = json!({ "endpoints": etcd.endpoints(), "prefix": PREFIX, "leaseSeconds": LEASE_SECONDS });
    let configure = |file: &mut serde_json::Value| file["etcd"] = entry;
    let cluster = Cluster::start_with(None, |game| game.configure("masterha.json", configure)).await?;
    ensure!(etcd.keys(&format!("{PREFIX}/lock/")).await?.len() == 3, "three masters stand");
    let master = cluster.active().await?;
    ensure!(etcd.get(&format!("{PREFIX}/epoch")).await? == "1", "the first term");

    signal(master.pid, Signal::KILL)?;
    let line = cluster.printed("now is promoted to master!").await;
    let promoted = cluster.game.masters.iter().copied().find(|port| line.contains(&format!("port: {port} ")));
    let Some(promoted) = promoted else { anyhow::bail!("not a standby's address: {line:?}") };
    let servers = cluster.show_servers(Some(promoted)).await?;
    ensure!(ids_of(&servers) == SERVERS, "the promoted master does not know every server: {servers:?}");
    ensure!(master_of(&servers)?.port == promoted, "another master leads: {servers:?}");
    ensure!(etcd.get(&format!("{PREFIX}/epoch")).await? == "2", "the second term");
    eventually("every server follows the second epoch", PATIENCE, async || {
        let follows = |server: &str| cluster.game.read(&format!("logs/{server}.log")).contains("epoch=2");
        SERVERS.iter().all(|server| follows(server)).then_some(())
    })
    .await;

    cluster.stop(promoted).await?;
    ensure!(etcd.keys(&format!("{PREFIX}/lock/")).await?.is_empty(), "whoever stopped has left the queue");
    Ok(())
}
