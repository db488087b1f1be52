//! Places in the queue of a real ZooKeeper: who takes them away, what rests on them, who may touch them.

use std::time::Duration;

use pomelo_cluster::coordinator::{
    CoordinatorEvent, MasterAddr, Obituary, PromoteError, StoreError, guard,
    zookeeper::{Credentials, ZooKeeperCoordinator},
};
use pomelo_testkit::proxy::{Line, Proxy};
use zookeeper_client::{Client, Error};

use super::{
    Game, PATIENT_MS, SHORT_MS,
    standing::{Standing, delete, is_fenced, pairs, put, until},
};

fn addr(port: u16) -> MasterAddr {
    MasterAddr { host: "127.0.0.1".into(), port }
}

impl Game {
    fn join(&self, port: u16) -> Standing {
        Standing::join(&self.coordinator(), port)
    }

    /// A leader with its term, and one that waits behind it.
    async fn two(&self) -> (Standing, pomelo_cluster::coordinator::Term, Standing) {
        let mut leader = self.join(3005);
        let term = leader.promoted().await;
        let mut next = self.join(3006);
        next.waiting().await;
        (leader, term, next)
    }

    /// Somebody who is not a master.
    async fn stranger(&self) -> Client {
        Client::connect(&self.zookeeper.addr()).await.unwrap()
    }
}

fn node_of(obituary: &Obituary) -> String {
    let Obituary::ZooKeeper { node, .. } = obituary else { panic!("{obituary:?}") };
    node.clone()
}

fn is_lost(event: &CoordinatorEvent) -> bool {
    matches!(event, CoordinatorEvent::Lost { .. })
}

pub(super) async fn a_guard_deletes_the_node_and_the_next_is_elected(game: Game) {
    let (mut leader, _, mut next) = game.two().await;
    let obituary = leader.obituary();
    let guard = guard::open(&obituary);
    until("the guard is connected", async || guard.health().starts_with("connected to zookeeper")).await;
    assert_eq!(guard.evict(&obituary).await, Ok(true));
    next.elected().await;
    leader.told("Lost", is_lost).await;
    assert_eq!(guard.evict(&obituary).await, Ok(false), "its number is never used again");
    assert_eq!(next.promote().await.unwrap().epoch, 2);
    // It joins again by itself, and the new place has an obituary of its own.
    leader.waiting().await;
    assert_ne!(leader.obituary(), obituary);
}

pub(super) async fn a_guard_reaches_other_ensembles_and_waits_for_its_own(game: Game) {
    let line = Proxy::to(&game.zookeeper.addr()).await.unwrap();
    let mut leader = Standing::join(&game.coordinator_at(&line.addr(), PATIENT_MS), 3005);
    leader.promoted().await;
    let obituary = leader.obituary();
    let elsewhere = Obituary::ZooKeeper {
        servers: game.zookeeper.addr(),
        node: "/no/such/lock".into(),
        auth: None,
        session_timeout_ms: PATIENT_MS,
    };
    let guard = guard::open(&elsewhere);
    assert_eq!(guard.evict(&elsewhere).await, Ok(false));
    assert_eq!(guard.evict(&Obituary::Embedded { dir: "/none".into() }).await, Ok(false));
    line.set(Line::Closed);
    let late = tokio::spawn(async move { guard.evict(&obituary).await });
    leader.told("Suspended", |event| matches!(event, CoordinatorEvent::Suspended { .. })).await;
    line.set(Line::Pass);
    assert_eq!(late.await.unwrap(), Ok(true));
    leader.told("Lost", is_lost).await;
}

pub(super) async fn a_leader_whose_node_is_gone_writes_nothing(game: Game) {
    let (mut leader, term, mut next) = game.two().await;
    assert_eq!(leader.put(&term, "ops/1", "before").await, Ok(()));
    assert!(is_fenced(&next.put(&term, "ops/1", "another's term").await));
    let obituary = leader.obituary();
    let client = game.stranger().await;
    client.delete(&node_of(&obituary), None).await.unwrap();
    // Whether it knows already or not.
    let late = leader.put(&term, "ops/1", "after").await;
    assert!(is_fenced(&late), "{late:?}");
    next.elected().await;
    let second = next.promote().await.unwrap();
    assert_eq!(next.list("ops").await, pairs(&[("ops/1", "before")]));
    assert_eq!(next.put(&second, "ops/1", "new").await, Ok(()));
    leader.told("Lost", is_lost).await;
    assert!(is_fenced(&leader.put(&term, "ops/2", "after").await));
    assert!(matches!(leader.promote().await, Err(PromoteError::Fenced(_))));
    assert_eq!(next.list("ops").await, pairs(&[("ops/1", "new")]));
}

pub(super) async fn what_one_leader_wrote_the_next_reads_and_changes(game: Game) {
    let (leader, term, mut next) = game.two().await;
    assert_eq!(next.list("ops").await, [], "a folder that is not there is empty");
    for value in ["1", "2", "3"] {
        assert_eq!(leader.put(&term, "ops/b", value).await, Ok(()));
    }
    let many = (0..200).map(|n| put(&format!("claims/server-{n:03}"), "1")).collect();
    assert_eq!(leader.place.write(&term, many).await, Ok(()));
    leader.place.resign().await;
    next.elected().await;
    let term = next.promote().await.unwrap();
    // Without having listed them: it does not know which are there.
    let mixed = vec![put("ops/b", "4"), put("ops/a", "1"), delete("claims/server-007"), delete("ops/none")];
    assert_eq!(next.place.write(&term, mixed.clone()).await, Ok(()));
    assert_eq!(next.place.write(&term, mixed).await, Ok(()), "and again, which changes nothing");
    assert_eq!(next.list("ops").await, pairs(&[("ops/a", "1"), ("ops/b", "4")]));
    let claims = next.list("claims").await;
    assert_eq!(claims.len(), 199);
    assert!(claims.is_sorted() && !claims.contains(&("claims/server-007".into(), "1".into())));
}

pub(super) async fn a_step_is_made_whole_or_not_at_all(game: Game) {
    let mut leader = game.join(3005);
    let term = leader.promoted().await;
    assert_eq!(leader.put(&term, "ops/a", "1").await, Ok(()));
    let step = vec![put("ops/a", "2"), put("ops/b", "2"), put("ops/../c", "2")];
    assert!(matches!(leader.place.write(&term, step).await, Err(StoreError::Invalid(_))));
    // A node that is in the way of the folder: the last write of the step fails.
    let client = game.stranger().await;
    client.create(&game.path("/desired"), b"", &open()).await.unwrap();
    client.create(&game.path("/desired/x"), b"", &open()).await.unwrap();
    client.create(&game.path("/desired/x/child"), b"", &open()).await.unwrap();
    let step = vec![put("ops/a", "2"), put("ops/b", "2"), delete("desired/x")];
    assert!(matches!(leader.place.write(&term, step).await, Err(StoreError::Unavailable(_))));
    assert_eq!(leader.list("ops").await, pairs(&[("ops/a", "1")]));
}

fn open() -> zookeeper_client::CreateOptions<'static> {
    zookeeper_client::CreateMode::Persistent.with_acls(zookeeper_client::Acls::anyone_all())
}

pub(super) async fn a_standby_evicts_those_before_it_and_nobody_else(game: Game) {
    let (mut leader, _, mut second) = game.two().await;
    let mut third = game.join(3007);
    third.waiting().await;
    assert_eq!(second.place.evict(&addr(3007)).await, Ok(false), "it is behind");
    assert_eq!(second.place.evict(&addr(3006)).await, Ok(false), "it is itself");
    assert_eq!(second.place.evict(&addr(3999)).await, Ok(false), "nobody is");
    assert_eq!(third.place.evict(&addr(3005)).await, Ok(true));
    leader.told("Lost", is_lost).await;
    second.elected().await;
    assert_eq!(second.promote().await.unwrap().epoch, 2);
    // At the tail by now.
    leader.waiting().await;
    assert_eq!(third.place.evict(&addr(3005)).await, Ok(false));
    second.place.resign().await;
    third.elected().await;
    assert!(is_fenced(&second.place.evict(&addr(3007)).await), "it has no place");
}

pub(super) async fn a_lease_runs_out_while_nobody_answers_and_comes_back(game: Game) {
    // Longer than the test takes, so that the place is still there afterwards.
    let line = Proxy::to(&game.zookeeper.addr()).await.unwrap();
    let mut leader = Standing::join(&game.coordinator_at(&line.addr(), 4 * SHORT_MS), 3005);
    leader.promoted().await;
    let lease = Duration::from_millis(4 * SHORT_MS) * 6 / 10;
    let left = || leader.place.lease_left().expect("a lease has an end");
    assert!(left() > Duration::ZERO && left() <= lease);
    line.set(Line::Silent);
    until("the lease is over", async || left().is_zero()).await;
    leader.told("Suspended", |event| matches!(event, CoordinatorEvent::Suspended { .. })).await;
    line.set(Line::Pass);
    leader.told("Resumed", |event| *event == CoordinatorEvent::Resumed).await;
    let left = || leader.place.lease_left().expect("a lease has an end");
    until("there is a lease again", async || !left().is_zero()).await;
}

pub(super) async fn strangers_read_everything_and_change_nothing(game: Game) {
    let ours = || game.coordinator().credentials(Credentials::new("game", "sesame"));
    let mut leader = Standing::join(&ours(), 3005);
    let term = leader.promoted().await;
    assert_eq!(leader.put(&term, "ops/a", "1").await, Ok(()));
    assert_eq!(leader.put(&term, "ops/a", "2").await, Ok(()));
    let lock = node_of(&leader.obituary());

    let stranger = game.stranger().await;
    for node in [game.path(""), game.path("/epoch"), game.path("/ops/a"), lock.clone()] {
        assert!(stranger.get_data(&node).await.is_ok(), "{node}");
        assert_eq!(stranger.set_data(&node, b"x", None).await.unwrap_err(), Error::NoAuth, "{node}");
        assert_eq!(stranger.set_acl(&node, &[], None).await.unwrap_err(), Error::InvalidAcl, "{node}");
    }
    for node in [game.path("/epoch"), game.path("/ops/a"), lock.clone()] {
        assert_eq!(stranger.delete(&node, None).await, Err(Error::NoAuth), "{node}");
    }
    let made = stranger.create(&game.path("/lock/a-0000000000"), b"", &open()).await;
    assert_eq!(made.unwrap_err(), Error::NoAuth);

    // Without the password one does not get into the queue, and says why.
    let mut other = Standing::join(&game.coordinator(), 3006);
    let refused = |event: &CoordinatorEvent| matches!(event, CoordinatorEvent::Unreachable { why } if why.contains("not authorized"));
    other.told("not authorized", refused).await;
    let obituary = leader.obituary();
    let Obituary::ZooKeeper { servers, node, session_timeout_ms, .. } = obituary.clone() else { panic!() };
    let thief = Obituary::ZooKeeper { servers, node, auth: None, session_timeout_ms };
    assert!(matches!(guard::open(&thief).evict(&thief).await, Err(StoreError::Invalid(_))));

    let mut next = Standing::join(&ours(), 3007);
    next.waiting().await;
    assert_eq!(guard::open(&obituary).evict(&obituary).await, Ok(true));
    next.elected().await;
    let term = next.promote().await.unwrap();
    assert_eq!(next.list("ops").await, pairs(&[("ops/a", "2")]));
    assert_eq!(next.put(&term, "ops/a", "3").await, Ok(()));
    for shown in [format!("{obituary:?}"), format!("{:?}", ours())] {
        assert!(!shown.contains("sesame"), "{shown}");
    }
}

pub(super) async fn nodes_that_were_open_get_a_password(game: Game) {
    let mut before = game.join(3005);
    let term = before.promoted().await;
    assert_eq!(before.put(&term, "ops/a", "1").await, Ok(()));
    let stranger = game.stranger().await;
    stranger.set_data(&game.path("/ops/a"), b"2", None).await.unwrap();

    let ours: ZooKeeperCoordinator = game.coordinator().credentials(Credentials::new("game", "sesame"));
    let mut after = Standing::join(&ours, 3006);
    after.waiting().await;
    for node in ["", "/epoch", "/ops/a"] {
        let written = stranger.set_data(&game.path(node), b"x", None).await;
        assert_eq!(written.unwrap_err(), Error::NoAuth, "{node}");
    }
    drop(before);
    after.elected().await;
    assert_eq!(after.promote().await.unwrap().epoch, 2);
    assert_eq!(after.list("ops").await, pairs(&[("ops/a", "2")]));
}
