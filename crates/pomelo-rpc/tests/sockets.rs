//! Links over real loopback sockets: what callers see in good times and when a peer dies, restarts or is no peer at all.
//! Whatever depends on time is in `src/clock_tests.rs`, on a paused clock.

#![expect(clippy::unwrap_used, reason = "the servers of a test are part of the test")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use pomelo_protocol::ServerId;
use pomelo_rpc::{
    BoxFuture, DialError, ErrorKind, Failure, Hello, Limit, Limits, Links, RpcError, Service, Who,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

const DEADLINE: Duration = Duration::from_secs(20);

/// Addresses of the servers of one test.
#[derive(Clone, Default)]
struct Addresses(Arc<Mutex<HashMap<ServerId, String>>>);

impl Addresses {
    fn set(&self, server: &ServerId, addr: impl Into<String>) {
        self.0.lock().unwrap().insert(server.clone(), addr.into());
    }

    fn of(&self, node: &Node) -> String {
        self.0.lock().unwrap()[node.id()].clone()
    }

    fn node(&self, id: &str, limits: Limits) -> Arc<Node> {
        self.life(id, 1, limits)
    }

    /// A server that does not listen yet.
    fn life(&self, id: &str, incarnation: u64, limits: Limits) -> Arc<Node> {
        let addresses = self.0.clone();
        let resolve = Arc::new(move |server: &ServerId| addresses.lock().unwrap().get(server).cloned());
        let me = Hello { id: ServerId::new(id).unwrap(), incarnation };
        Arc::new_cyclic(|node: &Weak<Node>| Node {
            links: Links::new(me, resolve, Arc::new(Handlers(node.clone())), limits),
            seen: Mutex::default(),
            gate: Arc::new(Semaphore::new(0)),
            started: Arc::new(Semaphore::new(0)),
        })
    }
}

/// A server of a test, which answers its methods as [`Handlers`] says.
struct Node {
    links: Links,
    /// What came, in order.
    seen: Mutex<Vec<String>>,
    /// `wait` calls and `slow` one-way messages end when they get a permit.
    gate: Arc<Semaphore>,
    /// A permit for each of those that has started.
    started: Arc<Semaphore>,
}

impl Node {
    fn id(&self) -> &ServerId {
        &self.links.me().id
    }

    /// Listens on a free port until the returned sender is dropped.
    async fn listen(&self, addresses: &Addresses) -> oneshot::Sender<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.set(self.id(), listener.local_addr().unwrap().to_string());
        let (stop, stopped) = oneshot::channel::<()>();
        let links = self.links.clone();
        tokio::spawn(async move { links.serve(listener, async { drop(stopped.await) }).await });
        stop
    }

    async fn call(&self, to: &Node, method: &str, body: &str) -> Result<String, RpcError> {
        let answer = self.links.call(to.id(), method, body.to_owned().into(), DEADLINE).await?;
        Ok(String::from_utf8(answer.into()).unwrap())
    }

    fn send(&self, to: &Node, method: &str, body: impl Into<String>) -> Result<(), RpcError> {
        self.links.send(to.id(), method, body.into().into())
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

struct Handlers(Weak<Node>);

impl Service for Handlers {
    fn call(&self, from: &ServerId, method: &str, body: Bytes) -> BoxFuture<'static, Result<Bytes, Failure>> {
        let (node, from, method) = (self.0.upgrade().unwrap(), from.clone(), method.to_owned());
        Box::pin(async move {
            match method.as_str() {
                "echo" => Ok(body),
                "back" => {
                    let answer = node.links.call(&from, "echo", body, DEADLINE).await;
                    answer.map_err(|error| Failure::new(500, error.to_string()))
                }
                "push-then-answer" => {
                    let pushes: usize = std::str::from_utf8(&body).unwrap().parse().unwrap();
                    for n in 0..pushes {
                        node.links.send(&from, "note", n.to_string().into()).unwrap();
                    }
                    Ok("done".into())
                }
                "seen" => Ok(node.seen().len().to_string().into()),
                "wait" => {
                    node.started.add_permits(1);
                    node.gate.acquire().await.unwrap().forget();
                    Ok(body)
                }
                "large" => Ok(vec![0; std::str::from_utf8(&body).unwrap().parse().unwrap()].into()),
                "panic" => panic!("as the test asks"),
                other => Err(Failure::new(404, format!("no method {other}"))),
            }
        })
    }

    fn one_way(&self, _from: &ServerId, method: &str, body: Bytes) -> BoxFuture<'static, ()> {
        let (node, method) = (self.0.upgrade().unwrap(), method.to_owned());
        Box::pin(async move {
            match method.as_str() {
                "slow" => {
                    node.started.add_permits(1);
                    node.gate.acquire().await.unwrap().forget();
                }
                "panic" => panic!("as the test asks"),
                _ => {}
            }
            node.seen.lock().unwrap().push(String::from_utf8(body.into()).unwrap());
        })
    }
}

async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..2000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not within 10 s: {what}");
}

/// Two servers, the first of which knows the address of the second.
async fn pair(limits: Limits) -> (Arc<Node>, Arc<Node>, oneshot::Sender<()>, Addresses) {
    let addresses = Addresses::default();
    let (caller, called) = (addresses.node("connector-1", limits.clone()), addresses.node("chat-1", limits));
    let serving = called.listen(&addresses).await;
    (caller, called, serving, addresses)
}

fn dial_error(error: &RpcError) -> &DialError {
    match &error.kind {
        ErrorKind::Dial(error) => error,
        other => panic!("not a failed dial: {other:?}"),
    }
}

#[tokio::test]
async fn thousands_of_calls_at_once_each_get_their_own_answer() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    let mut calls = JoinSet::new();
    for n in 0..5000 {
        let (caller, called) = (caller.clone(), called.clone());
        calls.spawn(async move {
            let body = format!("{n}");
            assert_eq!(caller.call(&called, "echo", &body).await.unwrap(), body);
        });
    }
    while let Some(done) = calls.join_next().await {
        done.unwrap();
    }
    assert_eq!(caller.links.linked(), [called.id().clone()]);
    assert_eq!(called.links.linked(), [caller.id().clone()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn the_same_holds_on_several_threads() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    let mut calls = JoinSet::new();
    for n in 0..3000 {
        let (caller, called) = (caller.clone(), called.clone());
        calls.spawn(async move {
            let body = format!("{n}");
            let method = if n % 3 == 0 { "back" } else { "echo" };
            assert_eq!(caller.call(&called, method, &body).await.unwrap(), body);
        });
    }
    while let Some(done) = calls.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn one_way_messages_arrive_in_order_from_before_the_dial_on() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    for n in 0..20_000 {
        caller.send(&called, "note", n.to_string()).unwrap();
    }
    assert_eq!(caller.call(&called, "seen", "").await.unwrap(), "20000");
    let expected: Vec<_> = (0..20_000).map(|n| n.to_string()).collect();
    assert_eq!(called.seen(), expected);
}

#[tokio::test]
async fn a_push_sent_before_an_answer_is_handled_before_it() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    for round in 1..=50 {
        assert_eq!(caller.call(&called, "push-then-answer", "20").await.unwrap(), "done");
        assert_eq!(caller.seen().len(), round * 20);
    }
}

#[tokio::test]
async fn what_comes_behind_a_waiting_one_way_message_starts_after_it() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    caller.send(&called, "slow", "first").unwrap();
    caller.send(&called, "note", "second").unwrap();
    let seen = tokio::spawn({
        let (caller, called) = (caller.clone(), called.clone());
        async move { caller.call(&called, "seen", "").await }
    });
    called.started.acquire().await.unwrap().forget();
    assert!(called.seen().is_empty());
    called.gate.add_permits(1);
    assert_eq!(seen.await.unwrap().unwrap(), "2");
    assert_eq!(called.seen(), ["first", "second"]);
}

#[tokio::test]
async fn a_server_without_a_port_is_called_back_over_the_link_it_opened() {
    let (gate, chat, _serving, _) = pair(Limits::default()).await;
    let error = chat.call(&gate, "echo", "x").await.unwrap_err();
    assert_eq!((error.who, error.retry, &error.kind), (Who::Local, true, &ErrorKind::UnknownServer));
    assert_eq!(gate.call(&chat, "back", "hello").await.unwrap(), "hello");
    assert_eq!(chat.call(&gate, "echo", "again").await.unwrap(), "again");
}

#[tokio::test]
async fn servers_that_dial_each_other_at_once_share_one_link() {
    dial_each_other().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn they_do_so_on_several_threads_too() {
    dial_each_other().await;
}

async fn dial_each_other() {
    for round in 0..30 {
        let addresses = Addresses::default();
        let a = addresses.node("a", Limits::default());
        let b = addresses.node("b", Limits::default());
        let _serving = (a.listen(&addresses).await, b.listen(&addresses).await);
        for n in 0..10 {
            a.send(&b, "note", n.to_string()).unwrap();
            b.send(&a, "note", n.to_string()).unwrap();
        }
        let (ab, ba) = tokio::join!(a.call(&b, "back", "x"), b.call(&a, "back", "y"));
        assert_eq!((ab.unwrap().as_str(), ba.unwrap().as_str()), ("x", "y"), "round {round}");
        let expected: Vec<_> = (0..10).map(|n| n.to_string()).collect();
        assert_eq!((a.seen(), b.seen()), (expected.clone(), expected), "round {round}");
        // Still the same link: nothing replaced it, so nothing was lost with it.
        for _ in 0..20 {
            assert_eq!(a.call(&b, "push-then-answer", "1").await.unwrap(), "done");
        }
        assert_eq!(a.seen().len(), 30, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn every_call_ends_soon_however_often_links_are_cut_from_either_side() {
    let addresses = Addresses::default();
    let a = addresses.node("a", Limits::default());
    let b = addresses.node("b", Limits::default());
    let _serving = (a.listen(&addresses).await, b.listen(&addresses).await);
    let mut callers = JoinSet::new();
    for n in 0..40 {
        let (from, to) = if n % 2 == 0 { (a.clone(), b.clone()) } else { (b.clone(), a.clone()) };
        callers.spawn(async move {
            let mut answered = 0;
            for round in 0..100 {
                let body = format!("{n} {round}");
                match from.call(&to, if n % 4 < 2 { "echo" } else { "back" }, &body).await {
                    Ok(answer) => {
                        assert_eq!(answer, body);
                        answered += 1;
                    }
                    Err(error) => {
                        assert!(!matches!(error.kind, ErrorKind::Deadline { .. }), "{error}");
                    }
                }
            }
            answered
        });
    }
    let cutting = tokio::spawn({
        let (a, b) = (a.clone(), b.clone());
        async move {
            loop {
                a.links.forget(b.id());
                tokio::time::sleep(Duration::from_millis(3)).await;
                b.links.forget(a.id());
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        }
    });
    let mut answered = 0;
    while let Some(caller) = callers.join_next().await {
        answered += caller.unwrap();
    }
    cutting.abort();
    assert!(answered > 0, "no call got through");
    a.links.forget(b.id());
    b.links.forget(a.id());
    assert_eq!(a.call(&b, "back", "in peace").await.unwrap(), "in peace");
}

#[tokio::test]
async fn a_failure_of_the_called_server_says_so_and_does_no_harm_to_the_link() {
    let (caller, called, _serving, _) = pair(Limits { frame_bytes_max: 1000, ..Limits::default() }).await;
    let failed = |error: RpcError| {
        assert_eq!((error.who, error.retry), (Who::Remote, false));
        error.to_string()
    };
    let error = failed(caller.call(&called, "nothing", "").await.unwrap_err());
    assert_eq!(error, "chat-1: failed with code 404: no method nothing");
    let error = failed(caller.call(&called, "panic", "").await.unwrap_err());
    assert_eq!(error, "chat-1: failed with code 500: the handling of the call panicked");
    let error = failed(caller.call(&called, "large", "2000").await.unwrap_err());
    assert!(error.contains("answer of 2002 bytes is too large, the limit is 1000"), "{error}");
    caller.send(&called, "panic", "").unwrap();
    assert_eq!(caller.call(&called, "echo", "still here").await.unwrap(), "still here");
}

#[tokio::test]
async fn a_message_too_large_for_a_frame_never_leaves() {
    let (caller, called, _serving, _) = pair(Limits { frame_bytes_max: 1000, ..Limits::default() }).await;
    let error = caller.call(&called, "echo", &"x".repeat(1000)).await.unwrap_err();
    assert_eq!((error.who, error.retry), (Who::Local, false));
    assert!(matches!(error.kind, ErrorKind::TooLarge { bytes: 1007, bytes_max: 1000 }), "{error:?}");
    let error = caller.send(&called, &"m".repeat(300), "x").unwrap_err();
    assert!(matches!(error.kind, ErrorKind::TooLarge { bytes: 300, bytes_max: 255 }), "{error:?}");
}

#[tokio::test]
async fn large_bodies_pass_both_ways() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    let body = "x".repeat(1 << 20);
    for _ in 0..5 {
        assert_eq!(caller.call(&called, "echo", &body).await.unwrap().len(), body.len());
    }
}

#[tokio::test]
async fn a_caller_beyond_the_limits_is_told_busy() {
    let limits = Limits { pending_calls_max: 3, calls_in_progress_max: 2, ..Limits::default() };
    let (caller, called, _serving, _) = pair(limits).await;
    let mut calls = JoinSet::new();
    for _ in 0..2 {
        let (caller, called) = (caller.clone(), called.clone());
        calls.spawn(async move { caller.call(&called, "wait", "x").await });
    }
    called.started.acquire_many(2).await.unwrap().forget();

    let there = caller.call(&called, "echo", "x").await.unwrap_err();
    assert_eq!((there.who, there.retry), (Who::Remote, true));
    assert_eq!(there.kind, ErrorKind::Busy(Limit::CallsInProgress));

    let third = caller.call(&called, "echo", "x");
    let fourth = caller.call(&called, "echo", "x");
    let (_, here) = tokio::join!(third, fourth);
    let here = here.unwrap_err();
    assert_eq!((here.who, here.retry), (Who::Local, true));
    assert_eq!(here.kind, ErrorKind::Busy(Limit::PendingCalls));

    called.gate.add_permits(2);
    while let Some(done) = calls.join_next().await {
        assert_eq!(done.unwrap().unwrap(), "x");
    }
    assert_eq!(caller.call(&called, "echo", "x").await.unwrap(), "x");
}

#[tokio::test]
async fn a_peer_that_cannot_keep_up_holds_back_its_senders_and_loses_nothing() {
    let limits = Limits { buffered_bytes_max: 64 << 10, incoming_waiting_max: 10, ..Limits::default() };
    let (caller, called, _serving, _) = pair(limits).await;
    caller.send(&called, "slow", "0").unwrap();
    called.started.acquire().await.unwrap().forget();
    let body = "x".repeat(10_000);
    let mut sent = 1;
    let error = loop {
        match caller.send(&called, "note", body.clone()) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((error.retry, error.kind), (true, ErrorKind::Busy(Limit::BufferedBytes)));
    called.gate.add_permits(1);
    eventually("everything accepted arrives", || called.seen().len() == sent).await;
}

#[tokio::test]
async fn calls_in_the_middle_fail_at_once_when_the_peer_dies() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    let mut calls = JoinSet::new();
    for _ in 0..500 {
        let (caller, called) = (caller.clone(), called.clone());
        calls.spawn(async move { caller.call(&called, "wait", "x").await });
    }
    called.started.acquire_many(500).await.unwrap().forget();
    // The other end of the caller's link, gone without a word.
    called.links.forget(caller.id());
    let mut failed = 0;
    while let Some(done) = calls.join_next().await {
        let error = done.unwrap().unwrap_err();
        assert_eq!((error.who, error.retry), (Who::Transport, false));
        assert!(matches!(error.kind, ErrorKind::Disconnected(_)), "{error:?}");
        failed += 1;
    }
    assert_eq!(failed, 500);
    assert_eq!(caller.call(&called, "echo", "a new link").await.unwrap(), "a new link");
}

#[tokio::test]
async fn a_restarted_peer_is_linked_again_by_the_next_call() {
    let (caller, called, serving, addresses) = pair(Limits::default()).await;
    assert_eq!(caller.call(&called, "echo", "x").await.unwrap(), "x");
    drop(serving);
    called.links.close().await;
    eventually("the caller sees the end", || caller.links.linked().is_empty()).await;

    let closed = addresses.of(&called);
    let error = caller.call(&called, "echo", "x").await.unwrap_err();
    assert_eq!((error.who, error.retry), (Who::Transport, true));
    assert!(matches!(dial_error(&error), DialError::Connect { addr, .. } if *addr == closed), "{error}");

    let again = addresses.life("chat-1", 2, Limits::default());
    let _serving = again.listen(&addresses).await;
    caller.links.forget(called.id());
    assert_eq!(caller.call(&again, "echo", "x").await.unwrap(), "x");
}

#[tokio::test]
async fn news_of_a_restart_ends_the_link_to_the_former_life_only() {
    let addresses = Addresses::default();
    let caller = addresses.node("connector-1", Limits::default());
    let called = addresses.life("chat-1", 5, Limits::default());
    let _serving = called.listen(&addresses).await;
    let waiting = async { caller.call(&called, "wait", "x").await };
    let news = async {
        called.started.acquire().await.unwrap().forget();
        caller.links.forget_before(called.id(), 5);
        called.gate.add_permits(1);
    };
    assert_eq!(tokio::join!(waiting, news).0.unwrap(), "x");
    let waiting = async { caller.call(&called, "wait", "x").await };
    let news = async {
        called.started.acquire().await.unwrap().forget();
        caller.links.forget_before(called.id(), 6);
    };
    let error = tokio::join!(waiting, news).0.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Disconnected(_)), "{error}");
    assert!(caller.links.linked().is_empty());
}

#[tokio::test]
async fn a_restarted_peer_replaces_the_link_of_its_former_life_and_not_the_reverse() {
    let addresses = Addresses::default();
    let chat = addresses.node("chat-1", Limits::default());
    let _serving = chat.listen(&addresses).await;
    let (old, new) =
        (addresses.life("gate-1", 5, Limits::default()), addresses.life("gate-1", 6, Limits::default()));
    assert_eq!(old.call(&chat, "echo", "x").await.unwrap(), "x");
    assert_eq!(new.call(&chat, "echo", "x").await.unwrap(), "x");
    new.send(&new, "note", "").unwrap_err();
    eventually("the old life's link is closed", || old.links.linked().is_empty()).await;
    let error = old.call(&chat, "echo", "x").await.unwrap_err();
    assert!(
        matches!(dial_error(&error), DialError::Refused { message, .. } if message.contains("later process"))
    );
    assert_eq!(chat.call(&new, "echo", "to the new one").await.unwrap(), "to the new one");
}

#[tokio::test]
async fn whoever_answers_in_the_place_of_a_peer_is_named() {
    let (caller, called, _serving, addresses) = pair(Limits::default()).await;
    let other = addresses.node("chat-2", Limits::default());
    addresses.set(other.id(), addresses.of(&called));
    let error = caller.call(&other, "echo", "x").await.unwrap_err();
    assert!(error.to_string().ends_with("refused the link: hello for chat-2, this is chat-1"), "{error}");
    assert!(error.retry);

    let own = caller.call(&caller, "echo", "x").await.unwrap_err();
    assert_eq!((own.who, own.retry, own.kind), (Who::Local, false, ErrorKind::Itself));
}

/// A port that answers each connection with these bytes.
async fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut hello = [0; 64];
            let _ = stream.read(&mut hello).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    addr
}

#[tokio::test]
async fn a_dial_that_meets_something_else_says_what() {
    let addresses = Addresses::default();
    let caller = addresses.node("connector-1", Limits::default());
    let answers: [(&str, &'static [u8], &str); 5] = [
        (
            "http",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "does not speak this protocol: frame of 1213486160 bytes",
        ),
        ("silent", b"", "closed the connection during the hello: the connection ended"),
        ("wrong-id", b"\0\0\0\x11\x02PMLK\0\x01\0\0\0\0\0\0\0\x01\x01z", "is z, not wrong-id"),
        ("later", b"\0\0\0\x0c\x02PMLK\0\x09later", "speaks link version 9, this server speaks 1"),
        ("early", b"\0\0\0\x01\x04", "does not speak this protocol: the first frame is no hello"),
    ];
    for (id, bytes, expected) in answers {
        let server = ServerId::new(id).unwrap();
        addresses.set(&server, answering(bytes).await);
        let error = caller.links.call(&server, "echo", Bytes::new(), DEADLINE).await.unwrap_err();
        assert_eq!((error.who, error.retry), (Who::Transport, true));
        dial_error(&error);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn garbage_on_the_port_closes_that_connection_and_nothing_else() {
    let (caller, called, _serving, addresses) = pair(Limits::default()).await;
    assert_eq!(caller.call(&called, "echo", "x").await.unwrap(), "x");
    let addr = addresses.of(&called);
    let hello = b"\0\0\0\x1d\x01PMLK\0\x01\0\0\0\0\0\0\0\x01\x06gate-1\x06chat-1";
    let after = |frame: &[u8]| [&hello[..], frame].concat();
    let cases: [Vec<u8>; 8] = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0xff; 1000],
        vec![0; 4],
        b"\0\0\0\x01\x04".to_vec(),
        b"\0\0\0\x0a\x01NOPE\0\x01xxx".to_vec(),
        after(&[0xff; 4]),
        after(b"\0\0\0\x01\x63"),
        after(hello),
    ];
    for bytes in cases {
        let mut stream = TcpStream::connect(&addr).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let closed = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut Vec::new())).await;
        assert!(closed.is_ok(), "not closed after {bytes:?}");
    }
    assert_eq!(caller.call(&called, "echo", "x").await.unwrap(), "x");
}

#[tokio::test]
async fn another_version_and_a_wrong_addressee_are_told_why() {
    let (_caller, called, _serving, addresses) = pair(Limits::default()).await;
    let addr = addresses.of(&called);
    let version = "hello of link version 2, this server speaks 1";
    let cases: [(&[u8], &str); 2] = [
        (b"\0\0\0\x0d\x01PMLK\0\x02future", version),
        (
            b"\0\0\0\x1d\x01PMLK\0\x01\0\0\0\0\0\0\0\x01\x06gate-1\x06chat-7",
            "hello for chat-7, this is chat-1",
        ),
    ];
    for (hello, expected) in cases {
        let mut stream = TcpStream::connect(&addr).await.unwrap();
        stream.write_all(hello).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer[4..11], *b"\x03PMLK\0\x01");
        assert_eq!(String::from_utf8_lossy(&answer[12..]), expected);
    }
}

#[tokio::test]
async fn more_peers_than_links_max_are_refused() {
    let addresses = Addresses::default();
    let chat = addresses.node("chat-1", Limits { links_max: 2, ..Limits::default() });
    let _serving = chat.listen(&addresses).await;
    let gates: Vec<_> = (0..3).map(|n| addresses.node(&format!("gate-{n}"), Limits::default())).collect();
    assert!(gates[0].call(&chat, "echo", "x").await.is_ok());
    assert!(gates[1].call(&chat, "echo", "x").await.is_ok());
    let error = gates[2].call(&chat, "echo", "x").await.unwrap_err();
    assert!(error.to_string().contains("too many links"), "{error}");
    addresses.set(&ServerId::new("area-1").unwrap(), "127.0.0.1:1");
    let error = chat.links.send(&ServerId::new("area-1").unwrap(), "m", Bytes::new()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy(Limit::Links));
    gates[0].links.close().await;
    eventually("a place is free", || chat.links.linked().len() == 1).await;
    assert!(gates[2].links.call(chat.id(), "echo", Bytes::new(), DEADLINE).await.is_err(), "backed off");
    gates[2].links.forget(chat.id());
    assert!(gates[2].call(&chat, "echo", "x").await.is_ok());
}

#[tokio::test]
async fn closing_lets_calls_in_progress_finish_and_buffers_be_written() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    let waiting = tokio::spawn({
        let (caller, called) = (caller.clone(), called.clone());
        async move { caller.call(&called, "wait", "in time").await }
    });
    called.started.acquire().await.unwrap().forget();
    for n in 0..1000 {
        called.send(&caller, "note", n.to_string()).unwrap();
    }
    let closing = tokio::spawn({
        let called = called.clone();
        async move { called.links.close().await }
    });
    let refused = loop {
        match caller.call(&called, "echo", "x").await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!((refused.who, refused.retry), (Who::Remote, true));
    called.gate.add_permits(1);
    assert_eq!(waiting.await.unwrap().unwrap(), "in time");
    closing.await.unwrap();
    assert_eq!(caller.seen().len(), 1000);
    let error = called.call(&caller, "echo", "x").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Closed);
}

#[tokio::test]
async fn dropping_the_last_handle_ends_its_links() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    assert_eq!(caller.call(&called, "echo", "x").await.unwrap(), "x");
    drop(caller);
    eventually("the peer sees the end", || called.links.linked().is_empty()).await;
}
