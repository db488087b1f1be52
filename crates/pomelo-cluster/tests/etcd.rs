//! Candidates that meet in a real etcd, each scenario with one of its own. Skipped with a reason where etcd is not installed.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests, though no attribute says so")]

mod support;

use std::{collections::BTreeSet, process::Command, sync::Arc, time::Duration};

use pomelo_cluster::{
    coordinator::{
        Candidacy, Coordinator, CoordinatorEvent, MasterAddr, Obituary, PromoteError, StoreError, Term,
        Write, etcd::EtcdCoordinator, guard, store,
    },
    elector::{Elector, Role},
};
use pomelo_testkit::{
    etcd::Etcd,
    eventually,
    proxy::{Line, Proxy},
};
use rustix::process::Signal;
use support::{Process, active, candidate, epoch, joining_because, role, standby};
use tokio::sync::mpsc;

/// Long enough that a busy machine ends no lease by itself.
const PATIENT_S: u32 = 10;
/// For scenarios that wait for the end of a lease.
const SHORT_S: u32 = 1;

const PREFIX: &str = "/game/master";

/// Ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(40);

fn coordinator(endpoints: &str, lease_seconds: u32) -> Arc<EtcdCoordinator> {
    Arc::new(EtcdCoordinator::new(endpoints, PREFIX, lease_seconds).unwrap())
}

fn start_at(endpoints: &str, port: u16, lease_seconds: u32) -> Elector {
    Elector::start(coordinator(endpoints, lease_seconds), candidate(port))
}

fn start(etcd: &Etcd, port: u16) -> Elector {
    start_at(&etcd.endpoints(), port, PATIENT_S)
}

fn process(etcd: &Etcd, port: u16, lease_seconds: u32) -> Process {
    Process::start(&["etcd", &etcd.endpoints(), PREFIX, &lease_seconds.to_string(), &port.to_string()])
}

fn key(name: &str) -> String {
    format!("{PREFIX}/{name}")
}

async fn queue(etcd: &Etcd) -> Vec<String> {
    etcd.keys(&key("lock/")).await.unwrap()
}

/// The lease that a candidate's key is named after.
fn lease_of(lock: &str) -> i64 {
    let (_, lease) = lock.rsplit_once('-').unwrap();
    i64::from_str_radix(lease, 16).unwrap()
}

/// What a guardian knows of the leader.
async fn obituary_of_leader(etcd: &Etcd) -> Obituary {
    let published: serde_json::Value = serde_json::from_str(&etcd.get(PREFIX).await.unwrap()).unwrap();
    let lease = lease_of(published["lock"].as_str().unwrap());
    Obituary::Etcd { endpoints: etcd.endpoints(), lease }
}

/// A candidate without the state machine above it.
struct Place {
    candidacy: Box<dyn Candidacy>,
    events: mpsc::Receiver<CoordinatorEvent>,
}

impl Place {
    fn join_at(endpoints: &str, port: u16, lease_seconds: u32) -> Self {
        let (candidacy, events) = coordinator(endpoints, lease_seconds).join(candidate(port));
        Self { candidacy, events }
    }

    fn join(etcd: &Etcd, port: u16) -> Self {
        Self::join_at(&etcd.endpoints(), port, PATIENT_S)
    }

    async fn leader(etcd: &Etcd, port: u16) -> (Self, Term) {
        let mut place = Self::join(etcd, port);
        place.hears(CoordinatorEvent::Elected).await;
        let term = place.candidacy.promote(0).await.unwrap();
        (place, term)
    }

    /// Reads events until this one comes.
    async fn hears(&mut self, expected: CoordinatorEvent) {
        let reading = async { while self.events.recv().await.expect("its task runs") != expected {} };
        let read = tokio::time::timeout(PATIENCE, reading).await;
        read.unwrap_or_else(|_| panic!("waited in vain for {expected:?}"));
    }

    async fn write(&self, term: &Term, writes: Vec<Write>) -> Result<(), StoreError> {
        self.candidacy.write(term, writes).await
    }
}

fn put(key: impl Into<String>, value: impl Into<Vec<u8>>) -> Write {
    Write::Put { key: key.into(), value: value.into() }
}

#[tokio::test]
async fn keys_are_those_of_the_documentation_and_a_place_given_back_is_free_at_once() {
    let Some(etcd) = Etcd::for_test().await else { return };
    let first = start(&etcd, 3005);
    assert_eq!(active(&first).await, 1);
    let (second, third) = (start(&etcd, 3006), start(&etcd, 3007));
    tokio::join!(standby(&second), standby(&third));
    assert_eq!(queue(&etcd).await.len(), 3);
    let published = etcd.get(PREFIX).await.unwrap();
    let begin = r#"{"id":"master-server-1","host":"127.0.0.1","port":3005,"#;
    assert!(published.starts_with(begin), "{published}");
    assert_eq!(etcd.get(&key("epoch")).await.unwrap(), "1");

    first.resign_and_stop().await;
    assert_eq!(queue(&etcd).await.len(), 2);
    tokio::select! {
        epoch = active(&second) => assert_eq!(epoch, 2),
        epoch = active(&third) => assert_eq!(epoch, 2),
    }
}

#[tokio::test]
async fn who_joined_first_leads_first() {
    let Some(etcd) = Etcd::for_test().await else { return };
    let mut electors = Vec::new();
    for n in 0..12 {
        let elector = start(&etcd, 3000 + n);
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

#[tokio::test]
async fn no_two_ever_hold_one_epoch() {
    const ROUNDS: usize = 10;
    let Some(etcd) = Etcd::for_test().await else { return };
    let candidates = [3005, 3006, 3007].map(|port| {
        let endpoints = etcd.endpoints();
        tokio::spawn(async move {
            let mut epochs = Vec::new();
            for _ in 0..ROUNDS {
                let elector = start_at(&endpoints, port, PATIENT_S);
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

#[tokio::test]
async fn twenty_leaders_killed_in_a_row_leave_no_gap_between_epochs() {
    const KILLS: u64 = 20;
    let Some(etcd) = Etcd::for_test().await else { return };
    let mut queue = std::collections::VecDeque::new();
    for port in [3005, 3006, 3007] {
        let mut one = process(&etcd, port, PATIENT_S);
        one.becomes(if port == 3005 { "active epoch=1" } else { "standby" }).await;
        queue.push_back((port, one));
    }
    let guard = guard::open(&obituary_of_leader(&etcd).await);
    for epoch in 1..=KILLS {
        let obituary = obituary_of_leader(&etcd).await;
        let (port, leader) = queue.pop_front().unwrap();
        leader.kill().await;
        assert_eq!(guard.evict(&obituary).await, Ok(true));
        queue[0].1.becomes(&format!("active epoch={}", epoch + 1)).await;
        let mut again = process(&etcd, port, PATIENT_S);
        again.becomes("standby").await;
        queue.push_back((port, again));
    }
    assert_eq!(etcd.get(&key("epoch")).await.unwrap(), (KILLS + 1).to_string());
}

#[tokio::test]
async fn a_killed_leader_is_followed_when_its_lease_ends() {
    let Some(etcd) = Etcd::for_test().await else { return };
    let mut leader = process(&etcd, 3005, SHORT_S);
    leader.becomes("active epoch=1").await;
    let next = start(&etcd, 3006);
    standby(&next).await;
    leader.kill().await;
    assert!(active(&next).await > 1);
}

#[tokio::test]
async fn a_frozen_leader_wakes_up_as_a_standby() {
    let Some(etcd) = Etcd::for_test().await else { return };
    let mut leader = process(&etcd, 3005, SHORT_S);
    leader.becomes("active epoch=1").await;
    let next = start(&etcd, 3006);
    standby(&next).await;
    leader.signal(Signal::STOP);
    assert!(active(&next).await > 1);
    leader.signal(Signal::CONT);
    leader.becomes("standby").await;
}

#[tokio::test]
async fn a_silent_leader_is_suspended_and_then_followed() {
    let Some(etcd) = Etcd::for_test().await else { return };
    let line = Proxy::to(&etcd.addr()).await.unwrap();
    let leader = start_at(&format!("http://{}", line.addr()), 3005, SHORT_S);
    let first = active(&leader).await;
    let next = start(&etcd, 3006);
    standby(&next).await;

    line.set(Line::Silent);
    role(&leader, "is suspended", |role| matches!(role, Role::Suspended { .. })).await;
    assert!(active(&next).await > first);
    assert_eq!(epoch(&leader), None);
    line.set(Line::Pass);
    standby(&leader).await;
}

#[tokio::test]
async fn a_short_cut_costs_no_epoch() {
    let Some(etcd) = Etcd::for_test().await else { return };
    let line = Proxy::to(&etcd.addr()).await.unwrap();
    let leader = start_at(&format!("http://{}", line.addr()), 3005, PATIENT_S);
    assert_eq!(active(&leader).await, 1);
    line.set(Line::Closed);
    role(&leader, "is suspended", |role| matches!(role, Role::Suspended { .. })).await;
    line.set(Line::Pass);
    assert_eq!(active(&leader).await, 1);
    assert_eq!(queue(&etcd).await.len(), 1);
}

#[tokio::test]
async fn an_etcd_that_is_paused_suspends_the_leader_and_changes_no_epoch() {
    let Some(etcd) = Etcd::for_test().await else { return };
    let (leader, next) = (start(&etcd, 3005), start(&etcd, 3006));
    let first = tokio::select! { epoch = active(&leader) => epoch, epoch = active(&next) => epoch };
    let (leader, next) = if epoch(&leader).is_some() { (leader, next) } else { (next, leader) };
    standby(&next).await;
    etcd.pause().unwrap();
    role(&leader, "is suspended", |role| matches!(role, Role::Suspended { .. })).await;
    etcd.resume().unwrap();
    assert_eq!(active(&leader).await, first);
    assert_eq!(epoch(&next), None);
}

#[tokio::test]
async fn an_etcd_that_was_away_longer_than_the_lease_changes_no_leader() {
    let Some(mut etcd) = Etcd::for_test().await else { return };
    let mut leader = Place::join_at(&etcd.endpoints(), 3005, SHORT_S);
    leader.hears(CoordinatorEvent::Elected).await;
    let term = leader.candidacy.promote(0).await.unwrap();
    etcd.kill();
    // Longer than a lease on purpose: etcd counts anew when it is back.
    tokio::time::sleep(2 * Duration::from_secs(SHORT_S.into())).await;
    assert_eq!(leader.candidacy.lease_left(), Some(Duration::ZERO));
    etcd.start_again().await.unwrap();
    leader.hears(CoordinatorEvent::Resumed).await;
    assert_eq!(leader.write(&term, vec![put("desired/a", "1")]).await, Ok(()));
}

#[tokio::test]
async fn an_ensemble_that_loses_its_leader_changes_none_of_ours() {
    let Some(mut etcd) = Etcd::ensemble_for_test().await else { return };
    let (mut leader, term) = Place::leader(&etcd, 3005).await;
    let mut next = Place::join(&etcd, 3006);
    next.hears(CoordinatorEvent::Waiting { ahead: 1 }).await;
    let guard = guard::open(&obituary_of_leader(&etcd).await);
    etcd.kill_leader().await.unwrap();
    let written = eventually("the leader writes again", PATIENCE, async || {
        match leader.write(&term, vec![put("ops/a", "1")]).await {
            Err(StoreError::Unavailable(_)) => None,
            written => Some(written),
        }
    });
    assert_eq!(written.await, Ok(()));
    assert!(next.events.try_recv().is_err(), "the other heard something");
    assert!(!matches!(leader.events.try_recv(), Ok(CoordinatorEvent::Lost { .. })));

    let obituary = leader.candidacy.obituary().borrow().clone().unwrap();
    assert_eq!(guard.evict(&obituary).await, Ok(true));
    next.hears(CoordinatorEvent::Elected).await;
}

#[tokio::test]
async fn candidates_wait_for_an_etcd_that_comes_later() {
    let Some(mut etcd) = Etcd::for_test().await else { return };
    etcd.kill();
    let early = start(&etcd, 3005);
    joining_because(&early, "can't be reached: Connection refused").await;
    etcd.start_again().await.unwrap();
    assert_eq!(active(&early).await, 1);
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_passed_over() {
    let Some(etcd) = Etcd::for_test().await else { return };
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let leader = start_at(&format!("http://{nobody},{}", etcd.endpoints()), 3005, PATIENT_S);
    assert_eq!(active(&leader).await, 1);
}

#[tokio::test]
async fn a_lease_is_not_taken_for_granted_as_long_as_etcd_keeps_it() {
    let Some(etcd) = Etcd::for_test().await else { return };
    let line = Proxy::to(&etcd.addr()).await.unwrap();
    let mut leader = Place::join_at(&format!("http://{}", line.addr()), 3005, 4);
    assert_eq!(leader.candidacy.lease_left(), Some(Duration::ZERO), "no place yet");
    leader.hears(CoordinatorEvent::Elected).await;
    assert!(leader.candidacy.lease_left().unwrap() > Duration::ZERO);
    let mut next = Place::join(&etcd, 3006);
    next.hears(CoordinatorEvent::Waiting { ahead: 1 }).await;

    line.set(Line::Silent);
    eventually("the lease is not taken for granted", PATIENCE, async || {
        (leader.candidacy.lease_left() == Some(Duration::ZERO)).then_some(())
    })
    .await;
    assert!(next.events.try_recv().is_err(), "the other was elected before");
    next.hears(CoordinatorEvent::Elected).await;
}

#[tokio::test]
async fn a_leader_whose_lease_was_revoked_is_refused_by_etcd_itself() {
    let Some(etcd) = Etcd::for_test().await else { return };
    let (mut leader, term) = Place::leader(&etcd, 3005).await;
    let mut next = Place::join(&etcd, 3006);
    next.hears(CoordinatorEvent::Waiting { ahead: 1 }).await;
    let obituary = leader.candidacy.obituary().borrow().clone();
    let Some(Obituary::Etcd { lease, .. }) = obituary else { panic!("{obituary:?}") };

    // Nothing of the candidate runs meanwhile: it does not know, and what it writes next goes to etcd.
    let revoked = Command::new("etcdctl")
        .args(["--endpoints", &etcd.endpoints(), "lease", "revoke", &format!("{lease:x}")])
        .env("ETCDCTL_API", "3")
        .status();
    assert!(revoked.unwrap().success());
    let written = leader.write(&term, vec![put("desired/a", "1")]).await;
    assert!(
        matches!(&written, Err(StoreError::Fenced(why)) if why.contains("the key in the queue is gone")),
        "{written:?}"
    );
    assert_eq!(etcd.get(&key("desired/a")).await.unwrap(), "");

    next.hears(CoordinatorEvent::Elected).await;
    assert_eq!(next.candidacy.promote(0).await, Ok(Term { epoch: 2 }));
    leader.hears(CoordinatorEvent::Waiting { ahead: 1 }).await;
    assert!(matches!(leader.candidacy.promote(0).await, Err(PromoteError::Fenced(_))));
}

#[tokio::test]
async fn an_older_term_of_the_same_leader_is_refused() {
    let Some(etcd) = Etcd::for_test().await else { return };
    let (leader, old) = Place::leader(&etcd, 3005).await;
    assert_eq!(leader.candidacy.promote(0).await, Ok(old.clone()), "granted before: the same again");
    let new = leader.candidacy.promote(50).await.unwrap();
    assert_eq!(new, Term { epoch: 51 });
    assert!(matches!(leader.write(&old, vec![put("ops/a", "1")]).await, Err(StoreError::Fenced(_))));
    assert_eq!(leader.write(&new, vec![put("ops/a", "1")]).await, Ok(()));
}

#[tokio::test]
async fn records_are_written_all_or_none_and_found_by_the_next_leader() {
    let Some(etcd) = Etcd::for_test().await else { return };
    let (leader, term) = Place::leader(&etcd, 3005).await;
    assert_eq!(leader.candidacy.list(store::OPS).await, Ok(Vec::new()));
    let many: Vec<Write> =
        (0..store::WRITES_MAX).map(|n| put(format!("ops/{n:03}"), format!("{n}"))).collect();
    assert_eq!(leader.write(&term, many).await, Ok(()));
    let large = vec![b'x'; store::VALUE_BYTES_MAX];
    let step = vec![
        Write::Delete { key: "ops/000".to_owned() },
        Write::Delete { key: "ops/none".to_owned() },
        put("ops/001", large.clone()),
        put("claims/chat-server-1", "7"),
    ];
    assert_eq!(leader.write(&term, step).await, Ok(()));
    assert!(matches!(leader.write(&term, vec![put("ops", "x")]).await, Err(StoreError::Invalid(_))));
    leader.candidacy.resign().await;

    let (next, _) = Place::leader(&etcd, 3006).await;
    let records = next.candidacy.list(store::OPS).await.unwrap();
    let keys: Vec<_> = records.iter().map(|record| record.key.clone()).collect();
    assert_eq!(keys, (1..store::WRITES_MAX).map(|n| format!("ops/{n:03}")).collect::<Vec<_>>());
    assert!(records[0].value == large, "the large value");
    assert_eq!(records[254].value, b"255");
    let claims = next.candidacy.list(store::CLAIMS).await.unwrap();
    assert_eq!(claims.len(), 1);
    assert!(next.candidacy.list("../x").await.is_err());
}

#[tokio::test]
async fn only_who_is_before_can_be_evicted_and_it_comes_back_behind() {
    let Some(etcd) = Etcd::for_test().await else { return };
    let (mut leader, _) = Place::leader(&etcd, 3005).await;
    let mut next = Place::join(&etcd, 3006);
    next.hears(CoordinatorEvent::Waiting { ahead: 1 }).await;
    let addr = |port| MasterAddr { host: "127.0.0.1".to_owned(), port };
    assert_eq!(leader.candidacy.evict(&addr(3006)).await, Ok(false), "it is behind");
    assert_eq!(next.candidacy.evict(&addr(3007)).await, Ok(false), "nobody listens there");
    assert_eq!(next.candidacy.evict(&addr(3005)).await, Ok(true));
    next.hears(CoordinatorEvent::Elected).await;
    leader.hears(CoordinatorEvent::Lost { why: "the key in the queue was deleted".to_owned() }).await;
    leader.hears(CoordinatorEvent::Waiting { ahead: 1 }).await;
    assert_eq!(next.candidacy.evict(&addr(3005)).await, Ok(false));
    assert_eq!(queue(&etcd).await.len(), 2);
}

#[tokio::test]
async fn a_guard_takes_the_place_of_a_dead_leader_away_even_after_a_restart_of_etcd() {
    let Some(mut etcd) = Etcd::for_test().await else { return };
    let mut leader = process(&etcd, 3005, PATIENT_S);
    leader.becomes("active epoch=1").await;
    let obituary = obituary_of_leader(&etcd).await;
    let guard = guard::open(&obituary);
    let connected = || guard.health().starts_with("connected to 127.0.0.1:").then_some(());
    eventually("the guard is connected", PATIENCE, async || connected()).await;
    etcd.kill();
    eventually("the guard says so", PATIENCE, async || guard.health().contains("refused").then_some(()))
        .await;
    etcd.start_again().await.unwrap();

    let next = start(&etcd, 3006);
    standby(&next).await;
    leader.kill().await;
    assert_eq!(guard.evict(&obituary).await, Ok(true));
    assert_eq!(active(&next).await, 2);
    assert_eq!(guard.evict(&obituary).await, Ok(false));
    let elsewhere =
        Obituary::Etcd { endpoints: format!("{},{}", etcd.endpoints(), etcd.endpoints()), lease: 1 };
    assert_eq!(guard.evict(&elsewhere).await, Ok(false));
}

#[tokio::test]
async fn a_candidate_that_is_dropped_leaves_the_queue_without_waiting_for_its_lease() {
    let Some(etcd) = Etcd::for_test().await else { return };
    let (leader, _) = Place::leader(&etcd, 3005).await;
    let mut obituary = leader.candidacy.obituary();
    let lease = obituary.borrow_and_update().clone();
    let mut next = Place::join_at(&etcd.endpoints(), 3006, 60);
    next.hears(CoordinatorEvent::Waiting { ahead: 1 }).await;
    drop(leader);
    next.hears(CoordinatorEvent::Elected).await;
    let leases: BTreeSet<_> = queue(&etcd).await.iter().map(|lock| lease_of(lock)).collect();
    let Some(Obituary::Etcd { lease, .. }) = lease else { panic!("{lease:?}") };
    assert!(leases.len() == 1 && !leases.contains(&lease));
}

#[tokio::test]
async fn a_store_that_forgot_its_epochs_goes_on_above_what_was_seen() {
    let Some(etcd) = Etcd::for_test().await else { return };
    let leader = start(&etcd, 3005);
    assert_eq!(active(&leader).await, 1);
    leader.superseded(50);
    let later = |role: &Role| role.authority().is_some_and(|term| term.epoch > 1);
    assert_eq!(role(&leader, "leads again", later).await.term().unwrap().epoch, 51);
}
