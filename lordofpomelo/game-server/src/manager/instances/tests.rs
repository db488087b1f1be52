//! Which server makes an instance, and what callers of the manager are told.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use pomelo::{ServerId, testing::Stage};
use serde_json::json;

use super::*;

/// Whom the manager calls to make an instance: counts, and answers.
fn stage(answer: impl Fn(u32) -> Result<bool> + Send + Sync + 'static) -> (Stage, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let answer = move |_: NewInstance| answer(counter.fetch_add(1, Ordering::Relaxed));
    (Stage::new("manager-server-1").answer(CREATE_INSTANCE, answer), asked)
}

fn peer(id: &str, server_type: &str, instance: serde_json::Value) -> Peer {
    let info = json!({ "id": id, "serverType": server_type, "host": "127.0.0.1", "instance": instance });
    Peer(Arc::new(serde_json::from_value(info).unwrap()))
}

fn wanted(key: &str) -> NewInstance {
    NewInstance { area: 4, instance: key.to_owned() }
}

/// These instance servers, among others.
fn servers(instances: &[&str]) -> Servers {
    let others = [peer("area-server-1", "area", json!(null)), peer("chat-server-1", "chat", json!(true))];
    let instances = instances.iter().map(|id| peer(id, "area", json!(true)));
    Servers::new(others.into_iter().chain(instances).map(|peer| peer.0))
}

fn book() -> State<Book> {
    State::new(Book::new())
}

/// Where it is, if these servers are there.
async fn ask_of(servers: Servers, book: &State<Book>, stage: &Stage, key: &str) -> Result<(String, String)> {
    let found = find_or_make(book.clone(), stage.rpc(), servers, wanted(key)).await?;
    Ok((found.instance, found.server.to_string()))
}

/// Where it is, of two servers.
async fn ask(book: &State<Book>, stage: &Stage, key: &str) -> Result<(String, String)> {
    ask_of(servers(&["instance-server-1", "instance-server-2"]), book, stage, key).await
}

fn other(server: &str) -> &'static str {
    if server == "instance-server-1" { "instance-server-2" } else { "instance-server-1" }
}

#[test]
fn all_instance_servers_have_a_fair_share_and_what_falls_to_a_new_one_comes_from_all() {
    let [two, three] = [&["i1", "i2"][..], &["i1", "i2", "i3"][..]].map(servers);
    let mut shares = HashMap::<_, u32>::new();
    for owner in 0..3000 {
        let key = format!("4_{owner}");
        let [before, after] = [&two, &three].map(|servers| makers(servers, &key));
        assert!(after.len() == 2 && after[0] != after[1], "{after:?}");
        assert!(after[0] == before[0] || after[0] == "i3", "{key}: {before:?}, {after:?}");
        *shares.entry(after[0].clone()).or_default() += 1;
    }
    assert!(shares.len() == 3 && shares.values().all(|share| (850..1150).contains(share)), "{shares:?}");
}

#[tokio::test]
async fn an_instance_is_made_once_on_an_instance_server_and_found_there_from_then_on() {
    let ((stage, asked), book) = (stage(|_| Ok(true)), book());
    let (key, first) = ask(&book, &stage, "4_17").await.unwrap();
    assert!(key == "4_17" && ["instance-server-1", "instance-server-2"].contains(&&*first), "{first}");
    for _ in 0..3 {
        assert_eq!(ask(&book, &stage, "4_17").await.unwrap(), (key.clone(), first.clone()));
    }
    assert_eq!(ask(&book, &stage, "4_18").await.unwrap().0, "4_18");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn callers_who_ask_at_once_share_one_call() {
    let ((stage, asked), book) = (stage(|_| Ok(true)), book());
    let (one, two, three) =
        tokio::join!(ask(&book, &stage, "4_17"), ask(&book, &stage, "4_17"), ask(&book, &stage, "4_17"));
    let one = one.unwrap();
    assert_eq!((&two.unwrap(), &three.unwrap()), (&one, &one));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_instance_that_a_former_manager_had_made_is_as_good() {
    let ((stage, _), former) = (stage(|n| Ok(n == 0)), book());
    let there = ask(&former, &stage, "4_17").await.unwrap();
    assert_eq!(ask(&book(), &stage, "4_17").await.unwrap(), there);
}

#[tokio::test]
async fn a_server_that_fails_fails_all_who_wait_and_the_next_one_is_asked_next_time() {
    let first_fails = |n| if n == 0 { Err(Error::msg("full")) } else { Ok(true) };
    let ((stage, _), book) = (stage(first_fails), book());
    let (one, two) = tokio::join!(ask(&book, &stage, "4_17"), ask(&book, &stage, "4_17"));
    let why = |failed: Result<_>| failed.unwrap_err().downcast_ref::<InstanceError>().cloned().unwrap();
    let [one, two] = [one, two].map(why);
    let InstanceError::Failed(failed) = one.clone() else { panic!("{one}") };
    assert_eq!(one, two);
    assert_eq!(ask(&book, &stage, "4_17").await.unwrap().1, other(&failed));
}

#[tokio::test]
async fn without_an_instance_server_there_is_an_error() {
    let ((stage, asked), book) = (stage(|_| Ok(true)), book());
    let error = ask_of(servers(&[]), &book, &stage, "4_17").await.unwrap_err();
    assert_eq!(error.downcast_ref::<InstanceError>(), Some(&InstanceError::NoServer));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn the_end_of_a_server_fails_who_waits_for_it_and_its_instances_are_made_elsewhere() {
    let ((stage, _), book) = (stage(|_| Ok(true)), book());
    let (_, server) = ask(&book, &stage, "4_17").await.unwrap();
    // One that is being made: the server is gone before it answers.
    let (tell, told) = oneshot::channel();
    let Asked::Create(on) = book.lock().ask("4_18", || vec![server.clone()], tell) else {
        panic!("it is not there")
    };
    server_removed(book.clone(), peer(&server, "area", json!(true))).await.unwrap();
    assert_eq!(told.await.unwrap(), Err(InstanceError::Failed(on.server_id)));
    let left = servers(&[other(&server)]);
    assert_eq!(ask_of(left, &book, &stage, "4_17").await.unwrap().1, other(&server));
}

#[tokio::test]
async fn an_instance_is_forgotten_when_its_own_server_closes_it() {
    let ((stage, asked), book) = (stage(|_| Ok(true)), book());
    let (_, server) = ask(&book, &stage, "4_17").await.unwrap();
    for (caller, makes) in [(other(&server), 1), (&*server, 2)] {
        let closing = InstanceId { instance: "4_17".into() };
        remove(book.clone(), Caller(ServerId::new(caller).unwrap()), closing).await.unwrap();
        ask(&book, &stage, "4_17").await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), makes, "{caller}");
    }
}
