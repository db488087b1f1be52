//! What callers of the manager are told of instances. Which server makes which is tested with the rules.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
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

/// With two instance servers, among others.
async fn book() -> State<Book> {
    let book = State::new(Book::new());
    for server in [
        peer("area-server-1", "area", json!(null)),
        peer("instance-server-1", "area", json!(true)),
        peer("chat-server-1", "chat", json!(true)),
        peer("instance-server-2", "area", json!(true)),
    ] {
        server_added(book.clone(), server).await.unwrap();
    }
    book
}

/// Where it is.
async fn ask(book: &State<Book>, stage: &Stage, key: &str) -> Result<(String, String)> {
    let found = find_or_make(book.clone(), stage.rpc(), wanted(key)).await?;
    Ok((found.instance, found.server.to_string()))
}

fn other(server: &str) -> &'static str {
    if server == "instance-server-1" { "instance-server-2" } else { "instance-server-1" }
}

#[tokio::test]
async fn an_instance_is_made_once_on_an_instance_server_and_found_there_from_then_on() {
    let ((stage, asked), book) = (stage(|_| Ok(true)), book().await);
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
    let ((stage, asked), book) = (stage(|_| Ok(true)), book().await);
    let (one, two, three) =
        tokio::join!(ask(&book, &stage, "4_17"), ask(&book, &stage, "4_17"), ask(&book, &stage, "4_17"));
    let one = one.unwrap();
    assert_eq!((&two.unwrap(), &three.unwrap()), (&one, &one));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_instance_that_a_former_manager_had_made_is_as_good() {
    let ((stage, _), former) = (stage(|n| Ok(n == 0)), book().await);
    let there = ask(&former, &stage, "4_17").await.unwrap();
    assert_eq!(ask(&book().await, &stage, "4_17").await.unwrap(), there);
}

#[tokio::test]
async fn a_server_that_fails_fails_all_who_wait_and_the_next_one_is_asked_next_time() {
    let first_fails = |n| if n == 0 { Err(Error::msg("full")) } else { Ok(true) };
    let ((stage, _), book) = (stage(first_fails), book().await);
    let (one, two) = tokio::join!(ask(&book, &stage, "4_17"), ask(&book, &stage, "4_17"));
    let why = |failed: Result<_>| failed.unwrap_err().downcast_ref::<InstanceError>().cloned().unwrap();
    let [one, two] = [one, two].map(why);
    let InstanceError::Failed(failed) = one.clone() else { panic!("{one}") };
    assert_eq!(one, two);
    assert_eq!(ask(&book, &stage, "4_17").await.unwrap().1, other(&failed));
}

#[tokio::test]
async fn without_an_instance_server_there_is_an_error() {
    let ((stage, asked), book) = (stage(|_| Ok(true)), State::new(Book::new()));
    let error = ask(&book, &stage, "4_17").await.unwrap_err();
    assert_eq!(error.downcast_ref::<InstanceError>(), Some(&InstanceError::NoServer));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn the_end_of_a_server_fails_who_waits_for_it_and_its_instances_are_made_elsewhere() {
    let ((stage, _), book) = (stage(|_| Ok(true)), book().await);
    let (_, server) = ask(&book, &stage, "4_17").await.unwrap();
    // One that is being made: the server is gone before it answers.
    let (tell, told) = oneshot::channel();
    let Asked::Create(on) = book.lock().ask("4_18", tell) else { panic!("it is not there") };
    for server in ["instance-server-2", "instance-server-1"] {
        server_removed(book.clone(), peer(server, "area", json!(true))).await.unwrap();
    }
    assert_eq!(told.await.unwrap(), Err(InstanceError::Failed(on.server_id)));
    assert!(ask(&book, &stage, "4_17").await.is_err());
    server_added(book.clone(), peer("instance-server-3", "area", json!(true))).await.unwrap();
    assert_ne!(ask(&book, &stage, "4_17").await.unwrap().1, server);
}

#[tokio::test]
async fn an_instance_is_forgotten_when_its_own_server_closes_it() {
    let ((stage, asked), book) = (stage(|_| Ok(true)), book().await);
    let (_, server) = ask(&book, &stage, "4_17").await.unwrap();
    for (caller, makes) in [(other(&server), 1), (&*server, 2)] {
        let closing = InstanceId { instance: "4_17".into() };
        remove(book.clone(), Caller(ServerId::new(caller).unwrap()), closing).await.unwrap();
        ask(&book, &stage, "4_17").await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), makes, "{caller}");
    }
}
