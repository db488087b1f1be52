//! Candidates that meet in a real ZooKeeper. One server for all scenarios, each below a chroot of its own; those that
//! kill the server have their own. Skipped with a reason where ZooKeeper is not installed.

#![expect(clippy::unwrap_used, reason = "scenarios are tests, though no attribute says so")]

mod ensemble;
mod places;
#[path = "../support/standing.rs"]
mod standing;
#[path = "../support/mod.rs"]
mod support;

use std::{future::Future, pin::Pin, sync::Arc};

use pomelo_cluster::{
    coordinator::zookeeper::ZooKeeperCoordinator,
    elector::{Elector, Role},
};
use pomelo_testkit::{
    proxy::{Line, Proxy},
    zookeeper::ZooKeeper,
};
use rustix::process::Signal;
use support::{Process, active, candidate, epoch, joining_because, role, standby};
use tokio::task;

/// Long enough that a busy machine expires nothing by itself.
const PATIENT_MS: u64 = 10_000;
/// The shortest that the test server grants, for scenarios that wait for it.
const SHORT_MS: u64 = 1_000;

/// One scenario's part of the server.
#[derive(Clone)]
struct Game {
    zookeeper: Arc<ZooKeeper>,
    chroot: String,
}

impl Game {
    fn start_at(&self, server: &str, port: u16, session_timeout_ms: u64) -> Elector {
        Elector::start(Arc::new(self.coordinator_at(server, session_timeout_ms)), candidate(port))
    }

    fn coordinator_at(&self, server: &str, session_timeout_ms: u64) -> ZooKeeperCoordinator {
        let server = format!("{server}/{}", self.chroot);
        let coordinator = ZooKeeperCoordinator::new(&server, "/pomelo/master").unwrap();
        coordinator.session_timeout_ms(session_timeout_ms)
    }

    fn coordinator(&self) -> ZooKeeperCoordinator {
        self.coordinator_at(&self.zookeeper.addr(), PATIENT_MS)
    }

    fn start(&self, port: u16) -> Elector {
        self.start_at(&self.zookeeper.addr(), port, PATIENT_MS)
    }

    fn process(&self, port: u16) -> Process {
        let server = format!("{}/{}", self.zookeeper.addr(), self.chroot);
        Process::start(&["zookeeper", &server, "/pomelo/master", &port.to_string()])
    }

    fn path(&self, node: &str) -> String {
        format!("/{}/pomelo/master{node}", self.chroot)
    }

    async fn queue(&self) -> Vec<String> {
        self.zookeeper.ls(&self.path("/lock")).await.unwrap()
    }
}

type Scenario = Pin<Box<dyn Future<Output = ()>>>;

macro_rules! scenarios {
    ($zookeeper:expr; $($name:path),* $(,)?) => {
        [$({
            let name = stringify!($name).rsplit_once("::").map_or(stringify!($name), |(_, name)| name.trim());
            let game = Game { zookeeper: Arc::clone(&$zookeeper), chroot: name.to_owned() };
            (name, Box::pin($name(game)) as Scenario)
        }),*]
    };
}

#[tokio::test]
async fn candidates_behave_as_the_scenarios_say() {
    let Some(zookeeper) = ZooKeeper::for_test().await else { return };
    let zookeeper = Arc::new(zookeeper);
    let scenarios = scenarios![zookeeper;
        znodes_are_those_of_the_original,
        the_tenth_candidate_waits_for_the_ninth,
        no_two_ever_hold_one_epoch,
        a_silent_leader_is_suspended_and_then_followed,
        a_short_cut_costs_no_epoch,
        a_leader_that_resigns_while_nobody_hears_it_ends_all_the_same,
        a_leader_whose_node_was_deleted_joins_at_the_tail,
        a_killed_leader_is_followed_when_its_session_ends,
        a_frozen_leader_wakes_up_as_a_standby,
        a_store_that_forgot_its_epochs_goes_on_above_what_was_seen,
        places::a_guard_deletes_the_node_and_the_next_is_elected,
        places::a_guard_reaches_other_ensembles_and_waits_for_its_own,
        places::a_leader_whose_node_is_gone_writes_nothing,
        places::what_one_leader_wrote_the_next_reads_and_changes,
        places::a_step_is_made_whole_or_not_at_all,
        places::a_standby_evicts_those_before_it_and_nobody_else,
        places::a_lease_runs_out_while_nobody_answers_and_comes_back,
        places::strangers_read_everything_and_change_nothing,
        places::nodes_that_were_open_get_a_password,
    ];
    let here = task::LocalSet::new();
    let failed = here.run_until(async {
        let running = scenarios.map(|(name, scenario)| (name, task::spawn_local(scenario)));
        let mut failed = Vec::new();
        for (name, scenario) in running {
            match scenario.await {
                Ok(()) => println!("ok: {name}"),
                Err(_) => failed.push(name),
            }
        }
        failed
    });
    let failed = failed.await;
    assert!(failed.is_empty(), "failed (their panics are above): {failed:?}");
}

async fn znodes_are_those_of_the_original(game: Game) {
    let first = game.start(3005);
    assert_eq!(active(&first).await, 1);
    let (second, third) = (game.start(3006), game.start(3007));
    tokio::join!(standby(&second), standby(&third));
    let sequence = |n| format!("master-server-1-000000000{n}");
    assert_eq!(game.queue().await, [sequence(0), sequence(1), sequence(2)]);
    let published = game.zookeeper.get(&game.path("")).await.unwrap();
    let begin = r#"{"id":"master-server-1","host":"127.0.0.1","port":3005,"#;
    assert!(published.starts_with(begin), "{published}");
    assert_eq!(game.zookeeper.get(&game.path("/epoch")).await.unwrap(), "1");

    first.resign_and_stop().await;
    assert_eq!(game.queue().await.len(), 2);
    tokio::select! {
        epoch = active(&second) => assert_eq!(epoch, 2),
        epoch = active(&third) => assert_eq!(epoch, 2),
    }
}

async fn the_tenth_candidate_waits_for_the_ninth(game: Game) {
    let mut electors = Vec::new();
    for n in 0..12 {
        let elector = game.start(3000 + n);
        match n {
            0 => _ = active(&elector).await,
            _ => standby(&elector).await,
        }
        electors.push(elector);
    }
    for n in 0..12 {
        assert_eq!(active(&electors[n]).await, n as u64 + 1);
        let leaders = electors.iter().filter(|elector| epoch(elector).is_some());
        assert_eq!(leaders.count(), 1);
        electors[n].resign_and_stop().await;
    }
}

async fn no_two_ever_hold_one_epoch(game: Game) {
    const ROUNDS: usize = 10;
    let candidates = [3005, 3006, 3007].map(|port| {
        let game = game.clone();
        tokio::spawn(async move {
            let mut epochs = Vec::new();
            for _ in 0..ROUNDS {
                let elector = game.start(port);
                epochs.push(active(&elector).await);
                elector.resign_and_stop().await;
            }
            epochs
        })
    });
    let mut epochs = Vec::new();
    for candidate in candidates {
        epochs.extend(candidate.await.unwrap());
    }
    epochs.sort_unstable();
    assert_eq!(epochs, (1..=3 * ROUNDS as u64).collect::<Vec<_>>());
}

async fn a_silent_leader_is_suspended_and_then_followed(game: Game) {
    let line = Proxy::to(&game.zookeeper.addr()).await.unwrap();
    let leader = game.start_at(&line.addr(), 3005, SHORT_MS);
    let first = active(&leader).await;
    let next = game.start(3006);
    standby(&next).await;

    line.set(Line::Silent);
    role(&leader, "is suspended", |role| matches!(role, Role::Suspended { .. })).await;
    assert!(active(&next).await > first);
    assert_eq!(epoch(&leader), None);
    line.set(Line::Pass);
    standby(&leader).await;
}

async fn a_short_cut_costs_no_epoch(game: Game) {
    let line = Proxy::to(&game.zookeeper.addr()).await.unwrap();
    let leader = game.start_at(&line.addr(), 3005, PATIENT_MS);
    assert_eq!(active(&leader).await, 1);
    line.set(Line::Closed);
    role(&leader, "is suspended", |role| matches!(role, Role::Suspended { .. })).await;
    line.set(Line::Pass);
    assert_eq!(active(&leader).await, 1);
    assert_eq!(game.queue().await.len(), 1);
}

async fn a_leader_that_resigns_while_nobody_hears_it_ends_all_the_same(game: Game) {
    let line = Proxy::to(&game.zookeeper.addr()).await.unwrap();
    let leader = game.start_at(&line.addr(), 3005, SHORT_MS);
    let first = active(&leader).await;
    let next = game.start(3006);
    standby(&next).await;
    line.set(Line::Silent);
    leader.resign_and_stop().await;
    assert_eq!(*leader.role().borrow(), Role::Stopped);
    assert!(active(&next).await > first);
}

async fn a_leader_whose_node_was_deleted_joins_at_the_tail(game: Game) {
    let leader = game.start(3005);
    assert_eq!(active(&leader).await, 1);
    let next = game.start(3006);
    standby(&next).await;
    let own = game.queue().await.into_iter().min().unwrap();
    game.zookeeper.cli(["delete", &game.path(&format!("/lock/{own}"))]).await.unwrap();
    assert_eq!(active(&next).await, 2);
    standby(&leader).await;
}

async fn a_killed_leader_is_followed_when_its_session_ends(game: Game) {
    let mut leader = game.process(3005);
    leader.becomes("active epoch=1").await;
    let next = game.start(3006);
    standby(&next).await;
    leader.kill().await;
    assert!(active(&next).await > 1);
}

async fn a_frozen_leader_wakes_up_as_a_standby(game: Game) {
    let mut leader = game.process(3005);
    leader.becomes("active epoch=1").await;
    let next = game.start(3006);
    standby(&next).await;
    leader.signal(Signal::STOP);
    assert!(active(&next).await > 1);
    leader.signal(Signal::CONT);
    leader.becomes("standby").await;
}

async fn a_store_that_forgot_its_epochs_goes_on_above_what_was_seen(game: Game) {
    let leader = game.start(3005);
    assert_eq!(active(&leader).await, 1);
    leader.superseded(50);
    let later = |role: &Role| role.authority().is_some_and(|term| term.epoch > 1);
    assert_eq!(role(&leader, "leads again", later).await.term().unwrap().epoch, 51);
}

#[tokio::test]
async fn candidates_wait_for_a_zookeeper_that_comes_later() {
    let Some(mut zookeeper) = ZooKeeper::for_test().await else { return };
    zookeeper.kill();
    let game = |zookeeper| Game { zookeeper, chroot: "later".to_owned() };
    let coordinator = ZooKeeperCoordinator::new(&zookeeper.addr(), "/pomelo/master").unwrap();
    let early = Elector::start(Arc::new(coordinator), candidate(3005));
    joining_because(&early, "can't be reached: Connection refused").await;
    zookeeper.start_again().await.unwrap();
    assert!(active(&early).await >= 1);
    assert!(active(&game(Arc::new(zookeeper)).start(3006)).await >= 1);
}

#[tokio::test]
async fn a_zookeeper_that_was_away_longer_than_the_session_changes_no_leader() {
    let Some(mut zookeeper) = ZooKeeper::for_test().await else { return };
    let coordinator = ZooKeeperCoordinator::new(&zookeeper.addr(), "/pomelo/master").unwrap();
    let leader = Elector::start(Arc::new(coordinator.session_timeout_ms(SHORT_MS)), candidate(3005));
    let first = active(&leader).await;
    zookeeper.kill();
    role(&leader, "is suspended", |role| matches!(role, Role::Suspended { .. })).await;
    // The client library gives up after 7/5 of the time-out: not for luck, but because that is the case to be shown.
    tokio::time::sleep(std::time::Duration::from_millis(2 * SHORT_MS)).await;
    zookeeper.start_again().await.unwrap();
    assert_eq!(active(&leader).await, first);
}
