//! Candidates that meet in a folder: in one process, and in processes that are killed.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests, though no attribute says so")]

mod places;
#[path = "../support/standing.rs"]
mod standing;
#[path = "../support/mod.rs"]
mod support;

use std::{fs, path::Path, sync::Arc, time::Duration};

use pomelo_cluster::{
    coordinator::local::LocalCoordinator,
    elector::{Elector, Role},
};
use rustix::process::Signal;
use support::{Process, active, candidate, epoch, joining_because, role, standby};
use tempfile::TempDir;

fn start(dir: &Path, port: u16) -> Elector {
    Elector::start(Arc::new(LocalCoordinator::new(dir)), candidate(port))
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

#[tokio::test]
async fn candidates_lead_one_after_the_other_with_growing_epochs() {
    let dir = folder();
    let first = start(dir.path(), 3005);
    assert_eq!(active(&first).await, 1);
    let (second, third) = (start(dir.path(), 3006), start(dir.path(), 3007));
    tokio::join!(standby(&second), standby(&third));

    first.resign_and_stop().await;
    assert_eq!(*first.role().borrow(), Role::Stopped);
    let (next, last) = tokio::select! {
        epoch = active(&second) => { assert_eq!(epoch, 2); (second, third) }
        epoch = active(&third) => { assert_eq!(epoch, 2); (third, second) }
    };
    assert_eq!(epoch(&last), None);
    next.resign_and_stop().await;
    assert_eq!(active(&last).await, 3);
}

#[tokio::test]
async fn the_leader_and_its_epoch_are_published_and_survive_it() {
    let dir = folder();
    let leader = start(dir.path(), 3005);
    active(&leader).await;
    let text = fs::read_to_string(dir.path().join("leader.json")).unwrap();
    let begin = r#"{"id":"master-server-1","host":"127.0.0.1","port":3005,"pid":"#;
    assert!(text.starts_with(begin), "{text}");
    assert_eq!(fs::read_to_string(dir.path().join("epoch")).unwrap(), "1\n");

    leader.resign_and_stop().await;
    assert_eq!(fs::read_dir(dir.path().join("candidates")).unwrap().count(), 0);
    assert_eq!(active(&start(dir.path(), 3005)).await, 2);
}

#[tokio::test]
async fn an_elector_that_is_dropped_leaves_the_queue() {
    let dir = folder();
    let first = start(dir.path(), 3005);
    active(&first).await;
    let (second, third) = (start(dir.path(), 3006), start(dir.path(), 3007));
    tokio::join!(standby(&second), standby(&third));
    drop(second);
    drop(first);
    assert_eq!(active(&third).await, 2);
}

#[tokio::test]
async fn each_killed_leader_is_followed_by_a_living_candidate_with_the_next_epoch() {
    let dir = folder();
    let path = dir.path().to_str().unwrap();
    let mut leader = Process::start(&["local", path, "3005"]);
    assert_eq!(leader.becomes("active").await, "active epoch=1");
    for killed in 1..=10 {
        let mut next = Process::start(&["local", path, if killed % 2 == 1 { "3006" } else { "3005" }]);
        next.becomes("standby").await;
        leader.kill().await;
        assert_eq!(next.becomes("active").await, format!("active epoch={}", killed + 1));
        leader = next;
    }
}

#[tokio::test]
async fn a_leader_that_is_told_to_end_gives_its_place_back_first() {
    let dir = folder();
    let mut leader = Process::start(&["local", dir.path().to_str().unwrap(), "3005"]);
    leader.becomes("active").await;
    let next = start(dir.path(), 3006);
    standby(&next).await;
    leader.signal(Signal::TERM);
    assert_eq!(active(&next).await, 2);
    leader.becomes("stopped").await;
}

#[tokio::test]
async fn a_candidate_that_runs_already_is_named_and_replaced_when_it_ends() {
    let dir = folder();
    let first = start(dir.path(), 3005);
    active(&first).await;
    let again = start(dir.path(), 3005);
    let why = format!("master-server-1 at port 3005 runs already, as process {}", std::process::id());
    joining_because(&again, &why).await;
    first.resign_and_stop().await;
    assert_eq!(active(&again).await, 2);
}

#[tokio::test]
async fn a_folder_that_can_not_be_used_is_named_and_tried_again() {
    let dir = folder();
    let file = dir.path().join("run");
    fs::write(&file, "not a folder").unwrap();
    let elector = start(&file.join("ha"), 3005);
    joining_because(&elector, "run/ha").await;
    fs::remove_file(&file).unwrap();
    assert_eq!(active(&elector).await, 1);
}

#[tokio::test]
async fn a_damaged_epoch_is_refused_and_not_started_over() {
    let dir = folder();
    fs::write(dir.path().join("epoch"), "7x").unwrap();
    let elector = start(dir.path(), 3005);
    joining_because(&elector, "\"7x\"").await;
    fs::write(dir.path().join("epoch"), "7").unwrap();
    assert_eq!(active(&elector).await, 8);
}

#[tokio::test]
async fn a_deleted_lock_file_ends_the_term_that_rested_on_it() {
    let dir = folder();
    let first = start(dir.path(), 3005);
    active(&first).await;
    fs::remove_file(dir.path().join("lock")).unwrap();
    role(&first, "loses its term", |role| role.term().is_none()).await;
    assert_eq!(active(&first).await, 2);
}

#[tokio::test]
async fn a_leader_that_is_shown_a_higher_epoch_takes_a_higher_one_still() {
    let dir = folder();
    let elector = start(dir.path(), 3005);
    assert_eq!(active(&elector).await, 1);
    elector.superseded(1);
    tokio::time::timeout(Duration::from_millis(50), role(&elector, "changes", |role| role.term().is_none()))
        .await
        .expect_err("its own epoch is no reason to give up");
    elector.superseded(41);
    let later = |role: &Role| role.authority().is_some_and(|term| term.epoch > 1);
    assert_eq!(role(&elector, "leads again", later).await.term().unwrap().epoch, 42);
}
