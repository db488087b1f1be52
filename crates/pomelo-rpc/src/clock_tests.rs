//! Whatever depends on time, over streams in memory on a paused clock: deadlines, heartbeats, dial time-outs, back-off, and
//! the order of two dials at once.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::join_all;
use pomelo_protocol::ServerId;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep};

use crate::frame::{Frame, Reason, Text};
use crate::{
    BoxFuture, DialError, ErrorKind, Failure, Handled, Hello, Limits, Links, RpcError, Service, Who,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Who listens where; an address is a server's id.
#[derive(Clone, Default)]
struct Net(Arc<Mutex<NetState>>);

#[derive(Default)]
struct NetState {
    listening: HashMap<String, Listening>,
    dials: usize,
}

#[derive(Clone)]
enum Listening {
    /// A real server.
    Links(Links),
    /// The test plays the server.
    Played(mpsc::Sender<DuplexStream>),
    /// Nobody answers, not even with a refusal.
    BlackHole,
}

impl Net {
    /// A server that can dial; [`Net::listen`] lets others dial it.
    fn links(&self, id: &str, service: impl Service) -> Links {
        let net = self.clone();
        let connect = move |addr: String| -> BoxFuture<'static, io::Result<_>> {
            let found = {
                let mut state = net.0.lock().unwrap();
                state.dials += 1;
                state.listening.get(&addr).cloned()
            };
            Box::pin(async move {
                let (near, far) = duplex(1 << 20);
                match found {
                    None => return Err(io::ErrorKind::ConnectionRefused.into()),
                    Some(Listening::BlackHole) => std::future::pending().await,
                    Some(Listening::Played(dialled)) => dialled.send(far).await.unwrap(),
                    Some(Listening::Links(links)) => accept(&links, far),
                }
                Ok(Box::new(near) as _)
            })
        };
        let me = Hello { id: ServerId::new(id).unwrap(), incarnation: 1 };
        let resolve = Arc::new(|id: &ServerId| Some(id.to_string()));
        Links::over(me, resolve, Arc::new(service), Limits::default(), Arc::new(connect))
    }

    fn listen(&self, links: &Links) {
        self.set(links.me().id.as_str(), Listening::Links(links.clone()));
    }

    fn play(&self, id: &str) -> mpsc::Receiver<DuplexStream> {
        let (dialled, dials) = mpsc::channel(8);
        self.set(id, Listening::Played(dialled));
        dials
    }

    fn set(&self, id: &str, listening: Listening) {
        self.0.lock().unwrap().listening.insert(id.to_owned(), listening);
    }

    fn dials(&self) -> usize {
        self.0.lock().unwrap().dials
    }
}

fn accept(links: &Links, stream: DuplexStream) {
    let waiting = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    links.peers.accept(Box::new(stream), "memory".to_owned(), waiting);
}

/// Answers `echo` at once and `never` never.
struct Plain;

impl Service for Plain {
    fn call(
        &self,
        _: &ServerId,
        method: &str,
        body: Bytes,
        until: Option<Instant>,
    ) -> Handled<Result<Bytes, Failure>> {
        match method {
            "never" => Handled::Later(Box::pin(std::future::pending())),
            "left" => Handled::Done(Ok(format!("{:?}", until.map(|until| until - Instant::now())).into())),
            _ => Handled::Done(Ok(body)),
        }
    }

    fn one_way(&self, _: &ServerId, _: &str, _: Bytes) {}
}

/// The other end of a link, played frame by frame.
struct Played(DuplexStream, BytesMut);

impl Played {
    async fn write(&mut self, frame: Frame<&str>) {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        self.0.write_all(&bytes).await.unwrap();
    }

    /// `None` at the end of the stream.
    async fn read(&mut self) -> Option<Frame<Text>> {
        loop {
            if let Some(frame) = Frame::decode(&mut self.1, 1 << 20).unwrap() {
                return Some(frame);
            }
            if self.0.read_buf(&mut self.1).await.unwrap() == 0 {
                return None;
            }
        }
    }

    /// The accepting side's part of the hello.
    async fn welcome(stream: DuplexStream, me: &str) -> Self {
        let mut played = Self(stream, BytesMut::new());
        assert!(matches!(played.read().await, Some(Frame::Hello { .. })));
        played.write(Frame::Welcome { id: id(me), incarnation: 1 }).await;
        played
    }

    /// The dialling side's part of the hello, up to the answer.
    async fn hello(links: &Links, me: &str) -> Self {
        let (near, far) = duplex(1 << 20);
        accept(links, far);
        let mut played = Self(near, BytesMut::new());
        played.write(Frame::Hello { id: id(me), incarnation: 1, to: links.me().id.clone() }).await;
        played
    }
}

fn id(id: &str) -> ServerId {
    ServerId::new(id).unwrap()
}

async fn echo(links: &Links, to: &str) -> Result<Bytes, RpcError> {
    links.call(&id(to), "echo", "x".into(), MINUTE).await
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_its_deadline_and_the_link_goes_on() {
    let net = Net::default();
    let (a, b) = (net.links("a", Plain), net.links("b", Plain));
    net.listen(&b);
    let start = Instant::now();
    let error = a.call(&id("b"), "never", Bytes::new(), Duration::from_millis(1500)).await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_millis(1500));
    assert_eq!(error.kind, ErrorKind::Deadline { waited_ms: 1500 });
    assert_eq!((error.who, error.retry), (Who::Transport, false));
    assert_eq!(echo(&a, "b").await.unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_covers_the_dial() {
    let net = Net::default();
    let a = net.links("a", Plain);
    net.set("b", Listening::BlackHole);
    let start = Instant::now();
    let error = a.call(&id("b"), "echo", Bytes::new(), Duration::from_millis(700)).await.unwrap_err();
    assert_eq!(
        (start.elapsed(), error.kind),
        (Duration::from_millis(700), ErrorKind::Deadline { waited_ms: 700 })
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_link_stays_up() {
    let net = Net::default();
    let (a, b) = (net.links("a", Plain), net.links("b", Plain));
    net.listen(&b);
    echo(&a, "b").await.unwrap();
    sleep(60 * MINUTE).await;
    assert_eq!((a.linked(), b.linked()), (vec![id("b")], vec![id("a")]));
    assert_eq!(echo(&a, "b").await.unwrap(), "x");
    assert_eq!(net.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_frozen_peer_is_dead_after_15_seconds_and_fails_its_calls() {
    let net = Net::default();
    let a = net.links("a", Plain);
    let mut dials = net.play("b");
    let (failed, mut played) = tokio::join!(
        async {
            let start = Instant::now();
            let error = echo(&a, "b").await.unwrap_err();
            (start.elapsed(), error)
        },
        async { Played::welcome(dials.recv().await.unwrap(), "b").await }
    );
    assert_eq!(failed.0, Duration::from_secs(15));
    assert_eq!(failed.1.to_string(), "b: link lost: nothing came for 15s");
    assert!(!failed.1.retry);
    // Meanwhile the living side was heard every five seconds.
    assert!(matches!(played.read().await, Some(Frame::Call { .. })));
    assert!(matches!(played.read().await, Some(Frame::Ping)));
    assert!(matches!(played.read().await, Some(Frame::Ping)));
}

#[tokio::test(start_paused = true)]
async fn callers_share_one_dial_and_its_time_out() {
    let net = Net::default();
    let a = net.links("a", Plain);
    net.set("b", Listening::BlackHole);
    let start = Instant::now();
    for failed in join_all((0..100).map(|_| echo(&a, "b"))).await {
        let error = failed.unwrap_err();
        assert_eq!((error.who, error.retry), (Who::Transport, true));
        let expected = DialError::TimedOut { addr: "b".to_owned(), timeout_ms: 3000 };
        assert_eq!(error.kind, ErrorKind::Dial(Arc::new(expected)));
    }
    assert_eq!((start.elapsed(), net.dials()), (Duration::from_secs(3), 1));
}

#[tokio::test(start_paused = true)]
async fn a_dead_peer_fails_fast_between_dials_and_is_found_when_it_returns() {
    let net = Net::default();
    let a = net.links("a", Plain);
    let start = Instant::now();
    while start.elapsed() < MINUTE {
        let called = Instant::now();
        let error = echo(&a, "b").await.unwrap_err();
        assert!(matches!(&error.kind, ErrorKind::Dial(_)), "{error}");
        assert_eq!((called.elapsed(), error.retry), (Duration::ZERO, true));
        sleep(Duration::from_millis(10)).await;
    }
    // At most one dial each half of the longest pause, at least one each pause.
    let dials = net.dials();
    assert!((60..=125).contains(&dials), "{dials} dials in a minute");

    let b = net.links("b", Plain);
    net.listen(&b);
    let back = Instant::now();
    while echo(&a, "b").await.is_err() {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(back.elapsed() <= Duration::from_millis(1010), "found after {:?}", back.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_leaves_is_forgotten_with_its_failures() {
    let net = Net::default();
    let a = net.links("a", Plain);
    echo(&a, "b").await.unwrap_err();
    let b = net.links("b", Plain);
    net.listen(&b);
    echo(&a, "b").await.unwrap_err();
    a.forget(&id("b"));
    assert_eq!(echo(&a, "b").await.unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn the_called_server_knows_how_long_its_caller_still_waits() {
    let net = Net::default();
    let (a, b) = (net.links("a", Plain), net.links("b", Plain));
    net.listen(&b);
    let left = a.call(&id("b"), "left", Bytes::new(), Duration::from_millis(7_500)).await;
    assert_eq!(left.unwrap(), "Some(7.5s)");
}

#[tokio::test(start_paused = true)]
async fn time_spent_dialling_is_not_promised_to_the_called_server() {
    let net = Net::default();
    let (a, b) = (net.links("a", Plain), net.links("b", Plain));
    let mut dials = net.play("b");
    let to = id("b");
    let call = a.call(&to, "left", Bytes::new(), Duration::from_secs(10));
    let late = async {
        let far = dials.recv().await.unwrap();
        sleep(Duration::from_secs(2)).await;
        accept(&b, far);
    };
    assert_eq!(tokio::join!(call, late).0.unwrap(), "Some(8s)");
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_in_time_while_its_link_is_still_being_dialled() {
    let net = Net::default();
    let a = net.links("a", Plain);
    net.set("b", Listening::BlackHole);
    let start = Instant::now();
    let error = a.call(&id("b"), "echo", Bytes::new(), Duration::from_millis(700)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Deadline { waited_ms: 700 });
    assert!(error.retry, "it never left");
    assert!(start.elapsed() < Duration::from_millis(710));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_any_more_is_not_begun() {
    let net = Net::default();
    let b = net.links("b", Plain);
    let mut a = Played::hello(&b, "a").await;
    assert!(matches!(a.read().await, Some(Frame::Welcome { .. })));
    for (tag, wait_ms) in [(1, 0), (2, 9_000), (3, 0)] {
        a.write(Frame::Call { wait_ms, tag, method: "left", body: Bytes::new() }).await;
    }
    let refused = |frame, of| matches!(frame, Some(Frame::Fail { tag, failure: Failure { code: Failure::TOO_LATE, .. }, .. }) if tag == of);
    assert!(refused(a.read().await, 1));
    assert_eq!(a.read().await, Some(Frame::Reply { tag: 2, body: "Some(9s)".into() }));
    assert!(refused(a.read().await, 3));
}

#[tokio::test(start_paused = true)]
async fn calls_with_different_deadlines_on_one_link_each_end_at_their_own() {
    let net = Net::default();
    let (a, b) = (net.links("a", Plain), net.links("b", Plain));
    net.listen(&b);
    let to = &id("b");
    let start = Instant::now();
    let ended = join_all([9_000, 300, 4_000, 301].map(|ms| {
        let a = &a;
        async move {
            let error = a.call(to, "never", Bytes::new(), Duration::from_millis(ms)).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Deadline { waited_ms: ms });
            let late = start.elapsed() - Duration::from_millis(ms);
            assert!(late < Duration::from_millis(3), "{late:?}");
        }
    }));
    ended.await;
    assert_eq!(a.calls_waiting(to), 0);
}

#[tokio::test(start_paused = true)]
async fn a_later_link_has_a_higher_number_and_takes_nothing_that_was_for_an_earlier_one() {
    let net = Net::default();
    let (a, b) = (net.links("a", Plain), net.links("b", Plain));
    net.listen(&b);
    let to = id("b");
    let send = |link| a.send_over(&to, link, "note", "0".into());
    assert_eq!(a.present(&to), None);
    let first = a.link(&to).unwrap();
    send(first).unwrap();
    echo(&a, "b").await.unwrap();
    assert_eq!(a.present(&to), Some(first));

    a.forget(&to);
    assert_eq!(a.present(&to), None);
    assert!(send(first).unwrap_err().retry);
    let second = a.link(&to).unwrap();
    assert!(second > first);
    assert!(send(first).unwrap_err().retry);
    send(second).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_dead_and_dials_itself_is_called_back_at_once() {
    let net = Net::default();
    let (a, b) = (net.links("a", Plain), net.links("b", Plain));
    echo(&a, "b").await.unwrap_err();
    net.listen(&a);
    assert_eq!(echo(&b, "a").await.unwrap(), "x");
    assert_eq!(echo(&a, "b").await.unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_hello_is_closed() {
    let net = Net::default();
    let a = net.links("a", Plain);
    let (mut near, far) = duplex(1024);
    accept(&a, far);
    let start = Instant::now();
    assert_eq!(near.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn the_lower_id_takes_the_peers_connection_when_its_own_dial_fails() {
    let net = Net::default();
    let a = net.links("a", Plain);
    net.set("b", Listening::BlackHole);
    let start = Instant::now();
    let called = tokio::spawn({
        let a = a.clone();
        async move { echo(&a, "b").await }
    });
    sleep(Duration::from_secs(1)).await;
    let mut b = Played::hello(&a, "b").await;
    assert!(matches!(b.read().await, Some(Frame::Welcome { .. })));
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    let Some(Frame::Call { tag, body, .. }) = b.read().await else { panic!("no call") };
    b.write(Frame::Reply { tag, body }).await;
    assert_eq!(called.await.unwrap().unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn the_higher_id_uses_the_peers_connection_in_place_of_its_own_dial() {
    let net = Net::default();
    let z = net.links("z", Plain);
    let mut dials = net.play("b");
    z.send(&id("b"), "note", "0".into()).unwrap();
    let mut own_dial = Played(dials.recv().await.unwrap(), BytesMut::new());
    let mut b = Played::hello(&z, "b").await;
    assert!(matches!(b.read().await, Some(Frame::Welcome { .. })));
    assert!(matches!(b.read().await, Some(Frame::OneWay { .. })));
    // The peer answers the dial as it must; nothing comes of it.
    assert!(matches!(own_dial.read().await, Some(Frame::Hello { .. })));
    let message = String::new();
    own_dial.write(Frame::Refuse { version: 1, reason: Reason::Duplicate, message }).await;
    assert!(own_dial.read().await.is_none());
    z.send(&id("b"), "note", "0".into()).unwrap();
    assert!(matches!(b.read().await, Some(Frame::OneWay { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_second_connection_is_refused_and_the_first_one_probed() {
    let net = Net::default();
    let a = net.links("a", Plain);
    let mut dials = net.play("b");
    a.send(&id("b"), "note", "0".into()).unwrap();
    let mut first = Played::welcome(dials.recv().await.unwrap(), "b").await;
    assert!(matches!(first.read().await, Some(Frame::OneWay { .. })));
    let mut second = Played::hello(&a, "b").await;
    assert!(matches!(second.read().await, Some(Frame::Refuse { reason: Reason::Duplicate, .. })));
    assert!(second.read().await.is_none());
    let start = Instant::now();
    assert!(matches!(first.read().await, Some(Frame::Ping)));
    assert_eq!(start.elapsed(), Duration::ZERO);
    // Had the first one been lost, the probe shows it, and the peer's next try is taken.
    drop(first);
    tokio::task::yield_now().await;
    let mut third = Played::hello(&a, "b").await;
    assert!(matches!(third.read().await, Some(Frame::Welcome { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_dial_refused_as_a_duplicate_is_repeated_until_the_peer_has_noticed() {
    let net = Net::default();
    let z = net.links("z", Plain);
    let mut dials = net.play("b");
    let called = tokio::spawn(async move { echo(&z, "b").await });
    for _ in 0..3 {
        let mut refusing = Played(dials.recv().await.unwrap(), BytesMut::new());
        let message = String::new();
        refusing.write(Frame::Refuse { version: 1, reason: Reason::Duplicate, message }).await;
    }
    let mut b = Played::welcome(dials.recv().await.unwrap(), "b").await;
    let Some(Frame::Call { tag, body, .. }) = b.read().await else { panic!("no call") };
    b.write(Frame::Reply { tag, body }).await;
    assert_eq!(called.await.unwrap().unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn closing_waits_no_longer_than_its_limit() {
    let net = Net::default();
    let (a, b) = (net.links("a", Plain), net.links("b", Plain));
    net.listen(&b);
    let called = tokio::spawn(async move { a.call(&id("b"), "never", Bytes::new(), MINUTE).await });
    sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    b.close().await;
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    let error = called.await.unwrap().unwrap_err();
    assert_eq!((error.who, error.retry), (Who::Transport, false));
    b.close().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_calls_a_server_that_closes_its_links_is_told_that_it_leaves() {
    let net = Net::default();
    let (a, b) = (net.links("a", Plain), net.links("b", Plain));
    net.listen(&b);
    let never = a.start(&id("b"), "never", b"", MINUTE).unwrap();
    sleep(Duration::from_secs(1)).await;
    let closing = tokio::spawn(async move { b.close().await });
    sleep(Duration::from_secs(1)).await;
    let error = echo(&a, "b").await.unwrap_err();
    assert_eq!((error.who, error.retry), (Who::Remote, true));
    assert!(matches!(error.kind, ErrorKind::Remote(Failure { code: Failure::LEAVING, .. })), "{error}");
    closing.await.unwrap();
    assert!(!never.await.unwrap_err().retry);
}
