//! What rests on the lock of a folder, and how a frozen holder loses it.

use std::{fs, os::unix::process::ExitStatusExt, path::Path};

use pomelo_cluster::coordinator::{
    CoordinatorEvent, MasterAddr, Obituary, StoreError, guard, local::LocalCoordinator,
};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    folder,
    standing::{Standing, delete, is_fenced, pairs, put, until},
    support::Process,
};

fn join(dir: &Path, port: u16) -> Standing {
    Standing::join(&LocalCoordinator::new(dir), port)
}

fn addr(port: u16) -> MasterAddr {
    MasterAddr { host: "127.0.0.1".into(), port }
}

async fn process(dir: &Path, port: u16, becomes: &str) -> Process {
    let mut process = Process::start(&["local", dir.to_str().unwrap(), &port.to_string()]);
    process.becomes(becomes).await;
    process
}

/// Changes who is written down as the leader.
fn forge(dir: &Path, change: impl FnOnce(&mut Value)) {
    let file = dir.join("leader.json");
    let mut leader = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut leader);
    fs::write(&file, leader.to_string()).unwrap();
}

/// `kill -9` ends a process that is stopped; `SIGCONT` and an orderly end show that nobody did.
async fn lives(mut process: Process) {
    process.signal(Signal::CONT);
    process.signal(Signal::TERM);
    process.becomes("stopped").await;
}

#[tokio::test]
async fn a_frozen_leader_is_killed_and_followed() {
    let dir = folder();
    let mut leader = process(dir.path(), 3005, "active epoch=1").await;
    let mut next = join(dir.path(), 3006);
    next.waiting().await;
    leader.signal(Signal::STOP);
    assert_eq!(next.place.evict(&addr(3006)).await, Ok(false), "it is itself");
    assert_eq!(next.place.evict(&addr(3007)).await, Ok(false), "nobody is");
    assert_eq!(next.place.evict(&addr(3005)).await, Ok(true));
    next.elected().await;
    assert_eq!(next.promote().await.unwrap().epoch, 2);
    assert_eq!(next.place.evict(&addr(3005)).await, Ok(false), "nobody is before it");
    assert_eq!(leader.child.wait().await.unwrap().signal(), Some(Signal::KILL.as_raw()));
}

#[tokio::test]
async fn a_process_that_is_not_certainly_the_leader_is_never_killed() {
    type Change = (&'static str, fn(&mut Value));
    let changes: [Change; 4] = [
        ("started at another time", |process| {
            process["start"] = json!(process["start"].as_u64().unwrap() + 1);
        }),
        ("on another start of a machine", |process| process["boot"] = json!("another")),
        ("in another namespace", |process| process["namespace"] = json!("pid:[1]")),
        ("with another number", |process| process["pid"] = json!(1)),
    ];
    for (what, change) in changes {
        let dir = folder();
        let leader = process(dir.path(), 3005, "active").await;
        let mut next = join(dir.path(), 3006);
        next.waiting().await;
        leader.signal(Signal::STOP);
        forge(dir.path(), |written| change(&mut written["process"]));
        assert_eq!(next.place.evict(&addr(3005)).await, Ok(false), "{what}");
        forge(dir.path(), |written| {
            *written = json!({"id": "m", "host": "127.0.0.1", "port": 3005, "pid": 1, "epoch": 1});
        });
        assert_eq!(next.place.evict(&addr(3005)).await, Ok(false), "nothing is known of it");
        lives(leader).await;
    }
}

#[tokio::test]
async fn a_process_that_led_once_and_does_not_hold_the_lock_is_spared() {
    let dir = folder();
    let mut leader = join(dir.path(), 3005);
    leader.promoted().await;
    let standby = process(dir.path(), 3006, "standby").await;
    let mut third = join(dir.path(), 3007);
    third.waiting().await;
    let pid = standby.child.id().unwrap();
    let own = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let start = own.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse::<u64>().unwrap();
    forge(dir.path(), |written| {
        written["port"] = json!(3006);
        written["process"]["pid"] = json!(pid);
        written["process"]["start"] = json!(start);
    });
    assert_eq!(third.place.evict(&addr(3006)).await, Ok(false));
    lives(standby).await;
}

#[tokio::test]
async fn whoever_has_no_place_evicts_nobody() {
    let dir = folder();
    let leader = process(dir.path(), 3005, "active").await;
    let mut next = join(dir.path(), 3006);
    next.waiting().await;
    next.place.resign().await;
    assert!(is_fenced(&next.place.evict(&addr(3005)).await));
    lives(leader).await;
}

#[tokio::test]
async fn what_one_leader_wrote_the_next_reads() {
    let dir = folder();
    let mut leader = join(dir.path(), 3005);
    let term = leader.promoted().await;
    let mut next = join(dir.path(), 3006);
    next.waiting().await;
    assert_eq!(leader.list("ops").await, []);
    let step = vec![put("ops/b", "2"), put("ops/a", "1"), put("claims/chat-server-1", "7")];
    assert_eq!(leader.place.write(&term, step).await, Ok(()));
    assert_eq!(leader.place.write(&term, vec![delete("ops/b"), delete("ops/none")]).await, Ok(()));
    assert_eq!(next.list("ops").await, pairs(&[("ops/a", "1")]), "a standby reads too");
    assert!(is_fenced(&next.put(&term, "ops/a", "2").await), "but holds no lock");
    let invalid = leader.place.write(&term, vec![put("ops/a", "2"), put("../a", "2")]).await;
    assert!(matches!(invalid, Err(StoreError::Invalid(_))), "{invalid:?}");

    leader.place.resign().await;
    assert!(is_fenced(&leader.put(&term, "ops/a", "2").await));
    next.elected().await;
    let second = next.promote().await.unwrap();
    assert!(is_fenced(&next.put(&term, "ops/a", "2").await), "an older term");
    assert_eq!(next.put(&second, "ops/c", "3").await, Ok(()));
    assert_eq!(next.list("ops").await, pairs(&[("ops/a", "1"), ("ops/c", "3")]));
    assert_eq!(next.list("claims").await, pairs(&[("claims/chat-server-1", "7")]));
    let third = next.promote().await.unwrap();
    assert!(is_fenced(&next.put(&second, "ops/a", "2").await), "it has a later one itself");
    assert_eq!(next.put(&third, "ops/a", "2").await, Ok(()));
}

#[tokio::test]
async fn a_lock_that_keeps_nobody_out_fences_its_holder() {
    let dir = folder();
    let mut leader = join(dir.path(), 3005);
    let term = leader.promoted().await;
    assert_eq!(leader.place.lease_left(), None);
    fs::remove_file(dir.path().join("lock")).unwrap();
    assert!(is_fenced(&leader.put(&term, "ops/a", "1").await));
    leader.told("Lost", |event| matches!(event, CoordinatorEvent::Lost { .. })).await;
    assert_eq!(leader.list("ops").await, []);
}

#[tokio::test]
async fn an_obituary_names_the_folder_and_a_guard_has_nothing_to_do() {
    let dir = folder();
    let mut leader = join(dir.path(), 3005);
    leader.promoted().await;
    let obituary = leader.obituary();
    assert_eq!(obituary, Obituary::Embedded { dir: dir.path().to_owned() });
    let guard = guard::open(&obituary);
    assert_eq!(guard.evict(&obituary).await, Ok(false));
    assert!(guard.health().starts_with("embedded: "));
    fs::remove_file(dir.path().join("lock")).unwrap();
    until("it has lost its place", async || leader.place.obituary().borrow().is_none()).await;
}
