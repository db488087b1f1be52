//! An ensemble of three servers of which some go away: no leader changes, no place is lost.

use std::{sync::Arc, time::Duration};

use pomelo_cluster::{
    coordinator::{CoordinatorEvent, zookeeper::ZooKeeperCoordinator},
    elector::{Elector, Role},
};
use pomelo_testkit::zookeeper::Ensemble;
use zookeeper_client::Client;

use super::{
    standing::{Standing, pairs, until},
    support::{active, candidate, role, standby},
};

/// Longer than in production, for machines that are busy with other tests when the servers come back.
const SESSION_MS: u64 = 4_000;

/// How long all servers are away: longer than any session lasts without them, the library's idea of it included.
const AWAY_MS: u64 = 10_000;

fn coordinator(servers: &str) -> ZooKeeperCoordinator {
    ZooKeeperCoordinator::new(servers, "/pomelo/master").unwrap().session_timeout_ms(SESSION_MS)
}

/// The queue, as a server other than this one knows it.
async fn places(ensemble: &Ensemble, but: usize) -> Vec<String> {
    let other = ensemble.server((but + 1) % ensemble.count()).addr();
    let client = Client::connect(&other).await.unwrap();
    let mut places = client.list_children("/pomelo/master/lock").await.unwrap();
    places.sort_unstable();
    places
}

#[tokio::test]
async fn an_ensemble_that_was_away_for_ten_seconds_changes_no_leader() {
    let Some(mut ensemble) = Ensemble::for_test(3).await else { return };
    let servers = ensemble.addr();
    let leader = Elector::start(Arc::new(coordinator(&servers)), candidate(3005));
    let epoch = active(&leader).await;
    let next = Elector::start(Arc::new(coordinator(&servers)), candidate(3006));
    standby(&next).await;
    let mut writer = Standing::join(
        &ZooKeeperCoordinator::new(&servers, "/other").unwrap().session_timeout_ms(SESSION_MS),
        3007,
    );
    let term = writer.promoted().await;
    let before = places(&ensemble, 0).await;

    ensemble.kill_all();
    role(&leader, "is suspended", |role| matches!(role, Role::Suspended { .. })).await;
    // Not for luck: that it is away for longer than every session is the case to be shown.
    tokio::time::sleep(Duration::from_millis(AWAY_MS)).await;
    ensemble.start_all().await.unwrap();
    assert_eq!(active(&leader).await, epoch);
    until("the term before can be written in", async || writer.put(&term, "ops/a", "1").await.is_ok()).await;
    assert_eq!(writer.list("ops").await, pairs(&[("ops/a", "1")]));
    assert_eq!(places(&ensemble, 0).await, before);
    assert!(next.role().borrow().term().is_none());
}

#[tokio::test]
async fn the_end_of_zookeepers_own_leader_changes_nobodys_place() {
    let Some(mut ensemble) = Ensemble::for_test(3).await else { return };
    let servers = ensemble.addr();
    let leader = Elector::start(Arc::new(coordinator(&servers)), candidate(3005));
    let epoch = active(&leader).await;
    let mut others = Vec::new();
    for port in 3006..3009 {
        let other = Elector::start(Arc::new(coordinator(&servers)), candidate(port));
        standby(&other).await;
        others.push(other);
    }
    for _ in 0..2 {
        let first = ensemble.leader().await.expect("one of them leads");
        let before = places(&ensemble, first).await;
        ensemble.kill(first);
        until("another server leads", async || ensemble.leader().await.is_some_and(|now| now != first)).await;
        assert_eq!(places(&ensemble, first).await, before);
        assert_eq!(active(&leader).await, epoch);
        ensemble.start_again(first).await.unwrap();
    }
    for other in &others {
        standby(other).await;
    }
}

#[tokio::test]
async fn a_server_that_has_lost_the_others_is_not_believed() {
    let Some(ensemble) = Ensemble::for_test(3).await else { return };
    let first = ensemble.leader().await.expect("one of them leads");
    let follower = (first + 1) % ensemble.count();
    let mut standing = Standing::join(&coordinator(&ensemble.server(follower).addr()), 3005);
    let term = standing.promoted().await;
    for n in (0..ensemble.count()).filter(|n| *n != follower) {
        ensemble.pause(n).unwrap();
    }
    // It still answers pings and reads, which is all that the client library asks for.
    let asked = |event: &CoordinatorEvent| matches!(event, CoordinatorEvent::Suspended { why } if why.contains("does not answer"));
    standing.told("Suspended by our own question", asked).await;
    for n in (0..ensemble.count()).filter(|n| *n != follower) {
        ensemble.resume(n).unwrap();
    }
    standing.told("Resumed", |event| *event == CoordinatorEvent::Resumed).await;
    until("the term before can be written in", async || standing.put(&term, "ops/a", "1").await.is_ok())
        .await;
}
